import type { Assembler } from '../../compiler/backend/assembler.ts';
import { Mem, MInst } from '../../compiler/backend/machine.ts';
import {
  type CInterface,
  type CLayout,
  type CPiece,
  cParameters,
  type ExportCode,
  hasResultStruct,
  type ImportCode,
  resultWords,
  slotPieces,
  slotsBytes,
  structLayout,
} from '../../compiler/image/object-code.ts';
import { isInteger, Type } from '../../compiler/ir/types.ts';
import { emitConstant, emitWord, immediatePart, RelocationKind } from './emit.ts';
import { encode, isModified } from './encode.ts';
import { I } from './instructions.ts';
import { Reg } from './registers.ts';

const coreRegisters = 4;
const singleRegisters = 16;

/**
 * AAPCS with floats in VFP registers (IHI 0042, 5.5 and 6.1.2). Words take r0 to r3, i64 an even pair of them; an f32 the
 * lowest free single register, also behind one that an f64 skipped. Once one of a kind is on the stack, all further ones are.
 */
function classify(types: readonly Type[]): CLayout {
  const pieces: CPiece[] = [];
  const singles = new Array<boolean>(singleRegisters).fill(true);
  let core = 0;
  let stack = 0;
  /** Lowest of `count` free single registers, aligned to their number; -1, and none is free any more, if there are none. */
  const takeFloat = (count: number): number => {
    for (let n = 0; n < singleRegisters; n += count) {
      if (!singles.slice(n, n + count).every((free) => free)) continue;
      singles.fill(false, n, n + count);
      return n / count;
    }
    singles.fill(false);
    return -1;
  };
  const takeCore = (count: number): number => {
    const first = Math.ceil(core / count) * count;
    core = Math.min(first + count, coreRegisters);
    return first + count <= coreRegisters ? first : -1;
  };
  types.forEach((type, argument) => {
    const words = type === Type.i64 || type === Type.f64 ? 2 : 1;
    const register = isInteger(type) ? takeCore(words) : takeFloat(words);
    if (register < 0) stack = Math.ceil(stack / (4 * words)) * 4 * words;
    // Only floats that stay in registers are not taken apart.
    if (words === 1 || (register >= 0 && !isInteger(type)))
      pieces.push({ type, argument, part: 0, register, stack });
    else
      for (const k of [0, 1])
        pieces.push({
          type: Type.i32,
          argument,
          part: 4 * k,
          register: register < 0 ? -1 : register + k,
          stack: stack + 4 * k,
        });
    if (register < 0) stack += 4 * words;
  });
  return { pieces, stackBytes: (stack + 7) & -8 };
}

/** What every row with a memory operand reaches. */
const reach = 1020;

/** The operand [base + offset]; what is out of reach goes by way of ip. */
function memory(asm: Assembler, base: number, offset: number): Mem {
  if (offset <= reach) return new Mem(base, offset);
  addTo(asm, Reg.ip, base, offset - (offset % 1024));
  return new Mem(Reg.ip, offset % 1024);
}

/** def <- base + amount, in steps that are immediates. */
function addTo(asm: Assembler, def: number, base: number, amount: number, op = I.add_immediate): void {
  let from = base;
  for (let rest = amount; rest !== 0; ) {
    const imm = isModified(rest) ? rest : immediatePart(rest);
    emitWord(asm, op, [def], [from], { imm });
    from = def;
    rest -= imm;
  }
}

const move = (asm: Assembler, to: number, from: number): void =>
  emitWord(asm, I.mov_register, [to], [from], { imm: 0, imm2: 0 });
const loadWord = (asm: Assembler, register: number, base: number, offset: number): void =>
  emitWord(asm, I.ldr, [register], [], { mem: memory(asm, base, offset) });
const storeWord = (asm: Assembler, register: number, base: number, offset: number): void =>
  emitWord(asm, I.str, [], [register], { mem: memory(asm, base, offset) });

/** Bit of an f32 row that makes an odd number of its register (DDI 0406C A7.3): our numbers are those of d registers. */
const oddSingle = 1 << 22;

/** vldr or vstr of single or double register `n` of the hardware. */
function moveFloat(
  asm: Assembler,
  loads: boolean,
  type: Type,
  n: number,
  base: number,
  offset: number,
): void {
  const mem = memory(asm, base, offset);
  const wide = type === Type.f64;
  const op = loads ? (wide ? I.vldr_f64 : I.vldr_f32) : wide ? I.vstr_f64 : I.vstr_f32;
  const register = [Reg.d0 + (wide ? n : n >> 1)];
  const inst = new MInst(op, loads ? register : [], loads ? [] : register, -1);
  inst.mem = mem;
  asm.u32(encode(inst) | (wide || (n & 1) === 0 ? 0 : oddSingle));
}

/** A piece between its register and memory. */
function movePiece(
  asm: Assembler,
  loads: boolean,
  { type, register }: Pick<CPiece, 'type' | 'register'>,
  base: number,
  offset: number,
): void {
  if (!isInteger(type)) moveFloat(asm, loads, type, register, base, offset);
  else if (loads) loadWord(asm, register, base, offset);
  else storeWord(asm, register, base, offset);
}

/** Between the registers that C returns a result in, and memory. */
function moveResult(asm: Assembler, loads: boolean, type: Type, base: number): void {
  for (const piece of classify([type]).pieces) movePiece(asm, loads, piece, base, piece.part);
}

const saved = (1 << 4) | (1 << Reg.lr);
const page = 4096;

/** push {r4, lr}; sub sp, bytes: touches every page, for a guard of one page below the stack must not be stepped over. */
function enter(asm: Assembler, bytes: number): void {
  emitWord(asm, I.push, [], [], { imm: saved });
  for (let at = page; at <= bytes; at += page) {
    emitWord(asm, I.sub_immediate, [Reg.ip], [at === page ? Reg.sp : Reg.ip], { imm: page });
    emitWord(asm, I.ldr, [Reg.lr], [], { mem: new Mem(Reg.ip, 0) });
  }
  addTo(asm, Reg.sp, Reg.sp, bytes, I.sub_immediate);
}

/** pop into pc changes to the caller's instruction set (DDI 0406C A8.8.131). */
function leave(asm: Assembler, bytes: number): void {
  addTo(asm, Reg.sp, Reg.sp, bytes);
  emitWord(asm, I.pop, [], [], { imm: (saved & ~(1 << Reg.lr)) | (1 << Reg.pc) });
}

/** bl, with a relocation. Its bytes hold the addend -8 that linkers take from them (IHI 0044, R_ARM_CALL). */
function call(asm: Assembler, symbol: number): void {
  asm.relocate(asm.offset, RelocationKind.branch, 'function', symbol);
  asm.u32(0xebfffffe);
}

const frameBytes = (bytes: number): number => (bytes + 7) & -8;

/** Copies a word; lr is saved and free. */
function copyWord(asm: Assembler, to: number, toOffset: number, from: number, fromOffset: number): void {
  loadWord(asm, Reg.lr, from, fromOffset);
  storeWord(asm, Reg.lr, to, toOffset);
}

/**
 * push {r4, lr}; sub sp, slots; (mov r4, results;) arguments to slots; add r1, r0, descriptor; mov r2, sp; bl entry; result; add sp,
 * slots; pop {r4, pc}. r0, the instance, is the exec env's address already.
 */
function emitExport(asm: Assembler, code: ExportCode): void {
  const bytes = frameBytes(slotsBytes(code));
  enter(asm, bytes);
  if (hasResultStruct(code)) move(asm, 4, Reg.r1);
  for (const piece of slotPieces(code, classify(cParameters(code, Type.i32)))) {
    // Above the frame, r4 and lr.
    if (piece.register < 0) copyWord(asm, Reg.sp, piece.slot, Reg.sp, bytes + 8 + piece.stack);
    else movePiece(asm, false, piece, Reg.sp, piece.slot);
  }
  emitConstant(asm, Reg.r1, code.descriptor);
  if (code.imported) emitWord(asm, I.ldr, [Reg.r1], [], { mem: new Mem(Reg.r0, 0, Reg.r1) });
  else emitWord(asm, I.add_register, [Reg.r1], [Reg.r0, Reg.r1], { imm: 0, imm2: 0 });
  move(asm, Reg.r2, Reg.sp);
  call(asm, code.entry);
  if (hasResultStruct(code))
    for (const { struct, slot } of resultWords(code.results)) copyWord(asm, 4, struct, Reg.sp, slot);
  else for (const type of code.results) moveResult(asm, true, type, Reg.sp);
  leave(asm, bytes);
}

/**
 * push {r4, lr}; sub sp, area; mov r4, slots; arguments from slots; bl import; result to slots; add sp, area; pop {r4, pc}. r0, the
 * user's pointer, is the first argument already.
 */
function emitImport(asm: Assembler, code: ImportCode): void {
  const { pieces, stackBytes } = classify(cParameters(code, Type.i32));
  const pair = hasResultStruct(code);
  const bytes = frameBytes(stackBytes + (pair ? structLayout(code.results).size : 0));
  enter(asm, bytes);
  move(asm, 4, Reg.r1);
  for (const piece of slotPieces(code, { pieces, stackBytes })) {
    if (piece.register < 0) copyWord(asm, Reg.sp, piece.stack, 4, piece.slot);
    else movePiece(asm, true, piece, 4, piece.slot);
  }
  if (pair) {
    move(asm, Reg.r1, Reg.sp);
    addTo(asm, Reg.r1, Reg.r1, stackBytes);
  }
  call(asm, -1);
  if (pair)
    for (const { struct, slot } of resultWords(code.results))
      copyWord(asm, 4, slot, Reg.sp, stackBytes + struct);
  else for (const type of code.results) moveResult(asm, false, type, 4);
  leave(asm, bytes);
}

/** C functions of AAPCS, hard float. */
export const cInterface: CInterface = { classify, emitExport, emitImport };
