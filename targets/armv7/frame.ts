import { type Assembler, CodeNote } from '../../compiler/backend/assembler.ts';
import { Mem, type MFunction } from '../../compiler/backend/machine.ts';
import { TrapKind } from '../../compiler/ir/types.ts';
import { type Publication, recordWords } from '../../compiler/stack/scheme.ts';
import type { FrameLayout } from '../../compiler/target.ts';
import { locations } from './abi.ts';
import { emitWord, immediatePart } from './emit.ts';
import { isModified } from './encode.ts';
import { I } from './instructions.ts';
import { Reg, registers } from './registers.ts';

/**
 * Frames, from the stack pointer of the body upwards:
 *
 *   outgoing stack arguments | frame slots | spill slots | saved d registers | publication record | saved core registers, lr the
 *   highest | caller's frame
 *
 * A record of one word has no place of its own but lies among the saved core registers, as ip, just below lr.
 */
export interface ArmFrame extends FrameLayout {
  /** Core registers saved at entry, as a bit set; an even number of them. */
  readonly saved: number;
  /** Saved double registers: number of the first, and how many. */
  readonly firstDouble: number;
  readonly doubles: number;
  readonly savesLink: boolean;
  readonly record: RecordForm;
  readonly outgoing: number;
  /** Bytes of frame slots and spill slots. */
  readonly locals: number;
}

/**
 * How the record is kept.
 *
 * - `saved`: `prev` is pushed as ip with the other registers
 * - `placed`: scheme `tail`, one word: `prev`, and in the word behind it the base of where `top` is
 * - `named`: `prev` and `self`; under scheme `tail` the base of where `top` is stands among the saved registers, as ip
 */
type RecordForm = 'none' | 'saved' | 'placed' | 'named';

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
  const record = recordForm(func, publication);
  const toTail = record !== 'none' && publication.scheme.top.kind === 'tail';
  const outgoing = align8(func.outgoingBytes);
  const locals = align8(func.slotBytes) + 8 * func.spillSlots;
  const probed = outgoing + locals > page - 256;
  const savesLink = func.hasCalls || entry || probed || toTail || writesLink(func);
  let saved = savesLink ? link : 0;
  if (entry) saved |= nativeSaved;
  const doubleNumbers = entry ? [15] : [];
  for (const register of func.savedRegisters) {
    if (register < Reg.d0) saved |= 1 << register;
    else doubleNumbers.push(register - Reg.d0);
  }
  if (record === 'saved' || (toTail && record === 'named')) saved |= 1 << Reg.ip;
  // ip, free at both ends of a function, fills the list up, or else what is saved for nothing.
  if ((bits(saved) & 1) !== 0) saved |= lowestBit((1 << Reg.ip) & ~saved || callSaved & ~saved);
  const firstDouble = Math.min(...doubleNumbers, 15);
  const doubles = doubleNumbers.length === 0 ? 0 : Math.max(...doubleNumbers) - firstDouble + 1;
  const below = outgoing + locals + 8 * doubles;
  const size = below + (hasOwnPlace(record) ? 8 : 0) + 4 * bits(saved);
  return {
    size,
    outgoingBase: 0,
    recordOffset: record === 'none' ? -1 : record === 'saved' ? size - 8 : below,
    publishes: record !== 'none',
    slotBase: outgoing,
    spillBase: outgoing + align8(func.slotBytes),
    saved,
    firstDouble,
    doubles,
    savesLink,
    record,
    outgoing,
    locals,
  };
}

function recordForm(func: MFunction, publication: Publication): RecordForm {
  const words = recordWords(publication, func);
  if (words !== 1) return words === 0 ? 'none' : 'named';
  return publication.scheme.top.kind === 'tail' ? 'placed' : 'saved';
}

/** True for records of two words below the saved registers. */
const hasOwnPlace = (record: RecordForm): boolean => record === 'placed' || record === 'named';

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

/** Where `top` is: from the pinned register, or from one that {@link findTop} has found the base with. */
function placeOfTop({ scheme: { top } }: Publication, base: number): Mem {
  return top.kind === 'env' ? new Mem(Reg.r10, top.offset) : new Mem(base, -(top.distance & 0xfff));
}

/** Emits what finds the base of where `top` is, under scheme `tail`: it is out of reach of one load's offset. */
function findTop(asm: Assembler, { scheme: { top } }: Publication, base: number): void {
  if (top.kind === 'env') return;
  asm.note(CodeNote.publication);
  emitWord(asm, I.ldr, [base], [], { mem: new Mem(Reg.r10, top.limit) });
  asm.note(CodeNote.publication);
  emitWord(asm, I.sub_immediate, [base], [base], { imm: top.distance & ~0xfff });
}

/** The register that holds `prev` at both ends: lr, which is saved, where ip has the base of where `top` is. */
const prevRegister = ({ scheme: { top } }: Publication, record: RecordForm): number =>
  record === 'named' && top.kind === 'tail' ? Reg.lr : Reg.ip;

/**
 * push {saved, lr}; publishing; vpush {saved d}; sub sp, #locals + outgoing. Publishing is one of these, around or behind the push:
 *
 * - `saved`: ldr ip, [r10, #top]; push {saved, ip, lr}; add ip, sp, #...; str ip, [r10, #top]
 * - `placed`: push {saved, lr}; ldr lr, [r10, #limit]; sub lr, #64K; ldr ip, [lr]; push {ip, lr}; str sp, [lr]
 * - `named`: push {saved, lr}; ldr ip, [r10, #top]; push {ip, pc}; str sp, [r10, #top]
 *
 * The record is complete when the store makes it visible: pc as stored is the push's address + 8 (DDI 0406C A8.8.133, PCStoreValue).
 */
export function emitPrologue(
  _func: MFunction,
  frame: ArmFrame,
  publication: Publication,
  asm: Assembler,
): void {
  const { saved, doubles, locals, outgoing, record } = frame;
  let cfa = 0;
  let published = false;
  const row = (by: number): void => {
    cfa += by;
    asm.frame(cfa, frame.savesLink && cfa > 0 ? cfa - 4 : -1, published);
  };
  row(0);
  const prev = prevRegister(publication, record);
  const base = record === 'placed' ? Reg.lr : Reg.ip;
  const top = placeOfTop(publication, base);
  if (record === 'saved') {
    asm.note(CodeNote.publication);
    emitWord(asm, I.ldr, [prev], [], { mem: top });
  }
  if (record === 'named') findTop(asm, publication, base);
  if (saved !== 0) {
    emitWord(asm, I.push, [], [], { imm: saved });
    row(4 * bits(saved));
  }
  if (hasOwnPlace(record)) {
    if (record === 'placed') findTop(asm, publication, base);
    asm.note(CodeNote.publication);
    emitWord(asm, I.ldr, [prev], [], { mem: top });
    asm.note(CodeNote.publication);
    emitWord(asm, I.push, [], [], { imm: (1 << prev) | (1 << (record === 'placed' ? base : Reg.pc)) });
    row(8);
  }
  if (record !== 'none') {
    const above = record === 'saved' ? cfa - 8 : 0;
    const address = above === 0 ? Reg.sp : Reg.ip;
    if (above !== 0) {
      asm.note(CodeNote.publication);
      emitWord(asm, I.add_immediate, [address], [Reg.sp], { imm: above });
    }
    if (publication.order !== 'relaxed') barrier(asm);
    asm.publication();
    emitWord(asm, I.str, [], [address], { mem: top });
    published = true;
    row(0);
    if (publication.order === 'seq_cst') barrier(asm);
  }
  if (doubles > 0) {
    emitWord(asm, I.vpush, [], [], { imm: frame.firstDouble, imm2: doubles });
    row(8 * doubles);
  }
  probe(asm, frame.size - cfa);
  const from = cfa;
  adjust(asm, -locals - outgoing, (moved) => row(from - moved - cfa));
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
 * Restores `top` before the stack pointer moves over the record, so that a signal frame on the same stack cannot overwrite what is still
 * visible: ldr ip, [sp, #record]; str ip, [r10, #top]; add sp, #...; vpop; pop {saved, pc}. What was found before is loaded with `prev` (`placed`):
 * add sp, #...; vpop; ldm sp, {ip, lr}; str ip, [lr]; pop {saved, pc}. The last pop takes a record with it that has a place of its own,
 * into two registers that hold no results.
 */
export function emitEpilogue(
  func: MFunction,
  frame: ArmFrame,
  publication: Publication,
  asm: Assembler,
): void {
  const { saved, doubles, record } = frame;
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
  const leaveBelow = (): void => {
    up(frame.locals + frame.outgoing);
    if (doubles === 0) return;
    emitWord(asm, I.vpop, [], [], { imm: frame.firstDouble, imm2: doubles });
    row(-8 * doubles);
  };
  // A load reaches 4095 bytes.
  const recordFirst = (record === 'saved' || record === 'named') && frame.size <= 4096;
  if (!recordFirst) leaveBelow();
  if (record !== 'none') {
    restoreTop(asm, frame, cfa, publication);
    published = false;
    row(0);
    // Another core must not see the record's memory reused before it sees the older top.
    if (publication.order !== 'relaxed') barrier(asm);
  }
  if (recordFirst) leaveBelow();
  let restored = saved;
  if (hasOwnPlace(record)) {
    if (saved !== 0 && results(func) <= 2) restored |= (1 << 2) | (1 << 3);
    else {
      asm.note(CodeNote.publication);
      up(8);
    }
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

/** Emits the load of `prev`, and of the base of where `top` is, and the store to `top`, with the CFA at `sp + cfa`. */
function restoreTop(
  asm: Assembler,
  { record, size, recordOffset }: ArmFrame,
  cfa: number,
  publication: Publication,
): void {
  const prev = prevRegister(publication, record);
  const base = record === 'placed' ? Reg.lr : Reg.ip;
  if (prev !== base && record === 'named') {
    asm.note(CodeNote.publication);
    emitWord(asm, I.ldr, [base], [], { mem: new Mem(Reg.sp, cfa - 8) });
  }
  asm.note(CodeNote.publication);
  if (record === 'placed') emitWord(asm, I.ldm, [], [Reg.sp], { imm: (1 << prev) | (1 << base) });
  else emitWord(asm, I.ldr, [prev], [], { mem: new Mem(Reg.sp, recordOffset - (size - cfa)) });
  if (publication.order === 'seq_cst') barrier(asm);
  asm.publication();
  emitWord(asm, I.str, [], [prev], { mem: placeOfTop(publication, base) });
}

/** Results in core registers. */
const results = (func: MFunction): number =>
  locations(func.params).results.filter((at) => at >= 0 && at < Reg.d0).length;
