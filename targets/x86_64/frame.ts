import { type Assembler, CodeNote } from '../../compiler/backend/assembler.ts';
import { Mem, type MFunction } from '../../compiler/backend/machine.ts';
import { TrapKind } from '../../compiler/ir/types.ts';
import { type Publication, type RecordWords, recordWords } from '../../compiler/stack/scheme.ts';
import type { FrameLayout } from '../../compiler/target.ts';
import {
  emitOpcode,
  encodeConstant,
  encodeImmediate,
  encodeMemory,
  encodePushImmediate,
  encodePushPop,
} from './encode.ts';
import { Cond, instructions, X } from './instructions.ts';
import { envRegister, Reg, scratch } from './registers.ts';

/**
 * Frames, from the stack pointer of the body upwards:
 *
 *   outgoing stack arguments | frame slots | spill slots | saved registers | publication record | return address | caller's frame
 *
 * The record lies at the top, so that nothing else is in two pieces because of it, and `pop` gives it up. One of two words is
 * better off at the bottom, where the release of the locals takes `self` with it, unless there are outgoing arguments below:
 *
 *   publication record (prev, self) | frame slots | spill slots | saved registers | return address | caller's frame
 *
 * The stack pointer is a multiple of 16 in the body of what calls.
 */
export interface X86Frame extends FrameLayout {
  /** Registers pushed at entry, in this order. */
  readonly saved: readonly number[];
  /** Bytes of frame slots, spill slots and padding. */
  readonly locals: number;
  readonly outgoing: number;
  readonly record: RecordWords;
  /** The record is the highest of the frame, not the lowest. */
  readonly recordOnTop: boolean;
}

/** Of code whose operands lie in no frame area. */
export const noFrame: FrameLayout = {
  size: 0,
  spillBase: 0,
  slotBase: 0,
  outgoingBase: 0,
  recordOffset: -1,
  publishes: false,
};

const page = 4096;
/** A frame of more pages than this probes them in a loop. */
const unrolledProbes = 8;

const align8 = (bytes: number): number => (bytes + 7) & ~7;

/** Lays out the frame. Leaves without spilled values or saved registers have none. */
export function layoutFrame(func: MFunction, publication: Publication): X86Frame {
  const entry = func.convention === 'entry';
  const record = recordWords(publication, func);
  const saved = entry ? [...func.savedRegisters, envRegister] : func.savedRegisters;
  const outgoing = align8(func.outgoingBytes);
  const recordOnTop = record === 1 || outgoing > 0;
  const fixed = 8 + 8 * saved.length + 8 * record + outgoing;
  const unpadded = align8(func.slotBytes) + 8 * func.spillSlots;
  const locals = func.hasCalls && ((fixed + unpadded) & 15) !== 0 ? unpadded + 8 : unpadded;
  const size = fixed + locals;
  const slotBase = outgoing + (recordOnTop ? 0 : 8 * record);
  return {
    size,
    outgoingBase: 0,
    recordOffset: record === 0 ? -1 : recordOnTop ? size - 8 - 8 * record : 0,
    publishes: record > 0,
    slotBase,
    spillBase: slotBase + align8(func.slotBytes),
    saved,
    locals,
    outgoing,
    record,
    recordOnTop,
  };
}

/** Frame rows while the stack pointer moves. */
class Rows {
  private readonly asm: Assembler;
  private cfa: number;
  private published: boolean;
  constructor(asm: Assembler, cfa: number, published: boolean) {
    this.asm = asm;
    this.cfa = cfa;
    this.published = published;
  }

  /** The instruction just emitted moved the stack pointer down by `bytes` (negative: up). */
  moved(bytes: number): void {
    this.cfa += bytes;
    this.asm.frame(this.cfa, this.cfa - 8, this.published);
  }

  /** The instruction just emitted stored `top`, making the record visible or taking it back; it moved the stack pointer, too. */
  stored(published: boolean, bytes: number): void {
    this.published = published;
    this.moved(bytes);
  }
}

/** Emits what finds `top`, if anything: r11 is free at both ends of a function. */
function findTop(asm: Assembler, { scheme: { top } }: Publication, frame: FrameLayout): Mem {
  if (top.kind === 'env') return new Mem(envRegister, top.offset);
  asm.note(CodeNote.publication);
  encodeMemory(asm, instructions[X.mov + 1], scratch, new Mem(envRegister, top.limit), frame);
  return new Mem(scratch, -top.distance);
}

/** push id, where the record has it; push [top]; mov [top], rsp. */
function publish(
  asm: Assembler,
  func: MFunction,
  frame: X86Frame,
  publication: Publication,
  rows: Rows,
): void {
  if (frame.record === 2) {
    asm.note(CodeNote.publication);
    encodePushImmediate(asm, func.symbol.id);
    rows.moved(8);
  }
  const top = findTop(asm, publication, frame);
  asm.note(CodeNote.publication);
  encodeMemory(asm, instructions[X.push_m], instructions[X.push_m].digit, top, frame);
  rows.moved(8);
  asm.publication();
  encodeMemory(asm, instructions[X.store + 3], Reg.rsp, top, frame);
  rows.stored(true, 0);
  fence(asm, publication);
}

/** pop [top], which leaves `self`. */
function retract(asm: Assembler, frame: X86Frame, publication: Publication, rows: Rows): void {
  const top = findTop(asm, publication, frame);
  asm.publication();
  encodeMemory(asm, instructions[X.pop_m], instructions[X.pop_m].digit, top, frame);
  rows.stored(false, -8);
  fence(asm, publication);
}

/** The record, if it is on top; push saved...; sub rsp, locals + outgoing; the record, if it is not. */
export function emitPrologue(
  func: MFunction,
  frame: X86Frame,
  publication: Publication,
  asm: Assembler,
): void {
  const { saved, locals, outgoing, publishes, recordOnTop } = frame;
  const rows = new Rows(asm, 8, false);
  rows.moved(0);
  if (publishes && recordOnTop) publish(asm, func, frame, publication, rows);
  for (const register of saved) {
    encodePushPop(asm, X.push, register);
    rows.moved(8);
  }
  probe(asm, frame.size - 8 - 8 * saved.length, frame);
  moveStack(asm, locals + outgoing, rows);
  if (publishes && !recordOnTop) publish(asm, func, frame, publication, rows);
}

/** The reverse. The record on top is given up by the instruction that restores `top`, and its `self` after it. */
export function emitEpilogue(
  _func: MFunction,
  frame: X86Frame,
  publication: Publication,
  asm: Assembler,
): void {
  const { saved, locals, outgoing, publishes, recordOnTop, record } = frame;
  const rows = new Rows(asm, frame.size, publishes);
  const self = publishes ? 8 * (record - 1) : 0;
  if (publishes && !recordOnTop) retract(asm, frame, publication, rows);
  moveStack(asm, -locals - outgoing - (recordOnTop ? 0 : self), rows);
  for (const register of saved.toReversed()) {
    encodePushPop(asm, X.pop, register);
    rows.moved(-8);
  }
  if (publishes && recordOnTop) {
    retract(asm, frame, publication, rows);
    if (self > 0) asm.note(CodeNote.publication);
    moveStack(asm, -self, rows);
  }
  asm.byte(instructions[X.ret].opcode);
  // What follows, if anything does, is body again.
  asm.frame(frame.size, frame.size - 8, publishes);
}

/** Stores are ordered among themselves (SDM volume 3, 9.2.2); only a later load may pass them. */
function fence(asm: Assembler, publication: Publication): void {
  const row = instructions[X.mfence];
  if (publication.order !== 'seq_cst') return;
  asm.note(CodeNote.publication);
  emitOpcode(asm, row, row.opcode, 0, 0, 0, 0);
}

/** Moves the stack pointer down by `bytes` (negative: up). */
function moveStack(asm: Assembler, bytes: number, rows: Rows): void {
  if (bytes === 0) return;
  // 128 is a byte only when negated.
  const subtracts = bytes > 0 !== (Math.abs(bytes) === 128);
  const op = subtracts ? X.sub_i : X.add_i;
  encodeImmediate(asm, instructions[op + 1], Reg.rsp, subtracts ? bytes : -bytes);
  rows.moved(bytes);
}

/** Touches every page of a frame that could step over the guard region below the stack, from the top down. */
function probe(asm: Assembler, bytes: number, frame: FrameLayout): void {
  const pages = Math.floor(bytes / page);
  const touch = (mem: Mem): void => {
    asm.trap(TrapKind.stackOverflow);
    encodeMemory(asm, instructions[X.test], Reg.rax, mem, frame);
  };
  if (pages <= unrolledProbes) {
    for (let k = 1; k <= pages; k++) touch(new Mem(Reg.rsp, -k * page));
    return;
  }
  encodeConstant(asm, instructions[X.mov_i + 1], scratch, -page, -1);
  const loop = asm.offset;
  touch(new Mem(Reg.rsp, 0, scratch));
  encodeImmediate(asm, instructions[X.sub_i + 1], scratch, page);
  encodeImmediate(asm, instructions[X.cmp_i + 3], scratch, -pages * page);
  asm.byte(0x70 | Cond.ge);
  asm.byte(loop - asm.offset - 1);
}
