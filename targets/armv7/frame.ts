import { type Assembler, CodeNote } from '../../compiler/backend/assembler.ts';
import { Mem, type MFunction } from '../../compiler/backend/machine.ts';
import { TrapKind } from '../../compiler/ir/types.ts';
import { type Publication, publishes as publishesRecord } from '../../compiler/stack/scheme.ts';
import type { FrameLayout } from '../../compiler/target.ts';
import { locations } from './abi.ts';
import { emitWord, immediatePart } from './emit.ts';
import { isModified } from './encode.ts';
import { I } from './instructions.ts';
import { Reg, registers } from './registers.ts';

/**
 * Frames, from the stack pointer of the body upwards:
 *
 *   outgoing stack arguments | publication record (prev, self) | frame slots | spill slots | saved d registers |
 *   saved core registers, lr the highest | caller's frame
 *
 * The reader relies on the slots following the record and on nothing else.
 */
export interface ArmFrame extends FrameLayout {
  /** Core registers saved at entry, as a bit set; an even number of them. */
  readonly saved: number;
  /** Saved double registers: number of the first, and how many. */
  readonly firstDouble: number;
  readonly doubles: number;
  readonly savesLink: boolean;
  /** Scheme `tail`: ip is saved, just below lr, with the base of where `top` is. Not in frames of a page, whose probes need ip. */
  readonly keepsTail: boolean;
  readonly outgoing: number;
  /** Bytes of frame slots and spill slots. */
  readonly locals: number;
}

/** A guard region of this size below the stack must not be stepped over. */
const page = 4096;

const link = 1 << Reg.lr;
const bits = (mask: number): number => {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
};
const lowestBit = (mask: number): number => mask & -mask;
const align8 = (bytes: number): number => (bytes + 7) & ~7;

/** True if the body writes lr: it is an ordinary register of the allocator. */
const writesLink = (func: MFunction): boolean =>
  func.blocks.some((block) => block.insts.some((inst) => inst.defs.includes(Reg.lr)));

/** What native code expects preserved (IHI 0042, 5.1.1) and wasm functions destroy: r9, the pinned register, d15. */
const nativeSaved = (1 << Reg.r9) | (1 << Reg.r10);

/** Core registers that calls preserve. */
const callSaved = registers.callSaved
  .filter((register) => register < Reg.d0)
  .reduce((mask, register) => mask | (1 << register), 0);

export function layoutFrame(func: MFunction, publication: Publication): ArmFrame {
  const entry = func.convention === 'entry';
  const publishes = publishesRecord(publication, func);
  const outgoing = align8(func.outgoingBytes);
  const locals = align8(func.slotBytes) + 8 * func.spillSlots;
  const probed = outgoing + locals > page - 256;
  const toTail = publishes && publication.scheme.top.kind === 'tail';
  const savesLink = func.hasCalls || entry || probed || toTail || writesLink(func);
  const keepsTail = toTail && outgoing + locals <= page - 512;
  let saved = savesLink ? link : 0;
  if (entry) saved |= nativeSaved;
  const doubleNumbers = entry ? [15] : [];
  for (const register of func.savedRegisters) {
    if (register < Reg.d0) saved |= 1 << register;
    else doubleNumbers.push(register - Reg.d0);
  }
  if (keepsTail) saved |= 1 << Reg.ip;
  // ip, free at both ends of a function, fills the list up, or else what is saved for nothing.
  if ((bits(saved) & 1) !== 0) saved |= lowestBit((1 << Reg.ip) & ~saved || callSaved & ~saved);
  const firstDouble = Math.min(...doubleNumbers, 15);
  const doubles = doubleNumbers.length === 0 ? 0 : Math.max(...doubleNumbers) - firstDouble + 1;
  const record = publishes ? 8 : 0;
  const slotBase = outgoing + record;
  return {
    size: slotBase + locals + 8 * doubles + 4 * bits(saved),
    outgoingBase: 0,
    recordOffset: publishes ? outgoing : -1,
    publishes,
    slotBase,
    spillBase: slotBase + align8(func.slotBytes),
    saved,
    firstDouble,
    doubles,
    savesLink,
    keepsTail,
    outgoing,
    locals,
  };
}

/** Moves the stack pointer by `amount` (positive: up) and calls `row` behind every instruction that does. */
function adjust(asm: Assembler, amount: number, row: (moved: number) => void): void {
  let rest = Math.abs(amount);
  let moved = 0;
  while (rest !== 0) {
    const imm = isModified(rest) ? rest : immediatePart(rest);
    emitWord(asm, amount < 0 ? I.sub_immediate : I.add_immediate, [Reg.sp], [Reg.sp], { imm });
    rest -= imm;
    moved += amount < 0 ? -imm : imm;
    row(moved);
  }
}

/**
 * Emits what finds `top`, if anything: ip is free at both ends of a function, and so is lr while it is saved. Returns where `top` is, and
 * a register for what it holds.
 * @param kept where the frame has what was found before
 */
function findTop(asm: Assembler, { scheme: { top } }: Publication, kept?: Mem): { mem: Mem; value: number } {
  if (top.kind === 'env') return { mem: new Mem(Reg.r10, top.offset), value: Reg.ip };
  const far = top.distance & ~0xfff;
  asm.note(CodeNote.publication);
  if (kept !== undefined) emitWord(asm, I.ldr, [Reg.ip], [], { mem: kept });
  else {
    emitWord(asm, I.ldr, [Reg.ip], [], { mem: new Mem(Reg.r10, top.limit) });
    asm.note(CodeNote.publication);
    emitWord(asm, I.sub_immediate, [Reg.ip], [Reg.ip], { imm: far });
  }
  return { mem: new Mem(Reg.ip, far - top.distance), value: Reg.lr };
}

/**
 * push {saved, lr}; vpush {saved d}; sub sp, #locals; ldr ip, [r10, #top]; push {ip, pc}; str sp, [r10, #top];
 * sub sp, #outgoing. The record is complete when the store makes it visible: pc as stored is the push's address + 8
 * (DDI 0406C A8.8.133, PCStoreValue).
 */
export function emitPrologue(
  _func: MFunction,
  frame: ArmFrame,
  publication: Publication,
  asm: Assembler,
): void {
  const { saved, doubles, locals, outgoing } = frame;
  let cfa = 0;
  let published = false;
  const row = (by: number): void => {
    cfa += by;
    asm.frame(cfa, frame.savesLink && cfa > 0 ? cfa - 4 : -1, published);
  };
  row(0);
  const found = frame.keepsTail ? findTop(asm, publication) : undefined;
  if (saved !== 0) {
    emitWord(asm, I.push, [], [], { imm: saved });
    row(4 * bits(saved));
  }
  if (doubles > 0) {
    emitWord(asm, I.vpush, [], [], { imm: frame.firstDouble, imm2: doubles });
    row(8 * doubles);
  }
  probe(asm, frame.size - cfa);
  const down = (bytes: number): void => {
    const from = cfa;
    adjust(asm, -bytes, (moved) => row(from - moved - cfa));
  };
  if (!frame.publishes) {
    down(locals + outgoing);
    return;
  }
  down(locals);
  const { mem, value } = found ?? findTop(asm, publication);
  asm.note(CodeNote.publication);
  emitWord(asm, I.ldr, [value], [], { mem });
  asm.note(CodeNote.publication);
  emitWord(asm, I.push, [], [], { imm: (1 << value) | (1 << Reg.pc) });
  row(8);
  const { order } = publication;
  if (order !== 'relaxed') barrier(asm);
  asm.publication();
  emitWord(asm, I.str, [], [Reg.sp], { mem });
  published = true;
  row(0);
  if (order === 'seq_cst') barrier(asm);
  down(outgoing);
}

/** `dmb ish` (DDI 0406C A8.8.43). */
function barrier(asm: Assembler): void {
  asm.note(CodeNote.publication);
  emitWord(asm, I.dmb, [], [], { imm: 0b1011 });
}

/** Touches every page of a frame larger than the guard below the stack, from the top down; lr is saved and free. */
function probe(asm: Assembler, bytes: number): void {
  if (bytes <= page - 256) return;
  for (let at = page; ; at += page) {
    emitWord(asm, I.sub_immediate, [Reg.ip], [at === page ? Reg.sp : Reg.ip], { imm: page });
    asm.trap(TrapKind.stackOverflow);
    emitWord(asm, I.ldr, [Reg.lr], [], { mem: new Mem(Reg.ip, 0) });
    if (at >= bytes) return;
  }
}

/**
 * ldr ip, [sp, #record]; str ip, [r10, #top]; add sp, #...; vpop; pop {saved, pc}. `top` is restored before the stack pointer moves
 * over the record, so that a signal frame on the same stack cannot overwrite what is still visible. Where there are
 * no locals, the pop takes the record with it, into two registers that hold no results: the addition costs nothing.
 */
export function emitEpilogue(
  func: MFunction,
  frame: ArmFrame,
  publication: Publication,
  asm: Assembler,
): void {
  const { saved, doubles, locals } = frame;
  let cfa = frame.size;
  let published = frame.publishes;
  const row = (by: number): void => {
    cfa += by;
    asm.frame(cfa, frame.savesLink && cfa > 0 ? cfa - 4 : -1, published);
  };
  const up = (bytes: number): void => {
    const from = cfa;
    adjust(asm, bytes, (moved) => row(from - moved - cfa));
  };
  let restored = saved;
  if (frame.publishes) {
    const { order } = publication;
    if (frame.recordOffset > 4095) up(frame.recordOffset);
    const record = frame.recordOffset - (frame.size - cfa);
    const { mem, value } = findTop(asm, publication, frame.keepsTail ? new Mem(Reg.sp, cfa - 8) : undefined);
    asm.note(CodeNote.publication);
    emitWord(asm, I.ldr, [value], [], { mem: new Mem(Reg.sp, record) });
    if (order === 'seq_cst') barrier(asm);
    asm.publication();
    emitWord(asm, I.str, [], [value], { mem });
    published = false;
    row(0);
    // Another core must not see the record's memory reused before it sees the older top.
    if (order !== 'relaxed') barrier(asm);
    if (record === 0 && locals === 0 && doubles === 0 && saved !== 0 && results(func) <= 2) {
      restored |= (1 << 2) | (1 << 3);
    } else up(record + 8 + locals);
  } else up(frame.outgoing + locals);
  if (doubles > 0) {
    emitWord(asm, I.vpop, [], [], { imm: frame.firstDouble, imm2: doubles });
    row(-8 * doubles);
  }
  if (frame.savesLink) emitWord(asm, I.pop, [], [], { imm: (restored & ~link) | (1 << Reg.pc) });
  else {
    if (restored !== 0) {
      emitWord(asm, I.pop, [], [], { imm: restored });
      row(-cfa);
    }
    emitWord(asm, I.bx, [], [Reg.lr]);
  }
}

/** Results in core registers. */
const results = (func: MFunction): number =>
  locations(func.params).results.filter((at) => at >= 0 && at < Reg.d0).length;
