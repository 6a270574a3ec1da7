import type { Assembler } from '../../compiler/backend/assembler.ts';
import { Mem } from '../../compiler/backend/machine.ts';
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
import {
  Distance,
  emitOpcode,
  encodeImmediate,
  encodeMemory,
  encodePushPop,
  encodeRegister,
} from './encode.ts';
import { noFrame } from './frame.ts';
import { instructions, X } from './instructions.ts';
import { Reg } from './registers.ts';

/** Registers of arguments (AMD64 ABI 3.2.3, "Passing"). */
const integers = [Reg.rdi, Reg.rsi, Reg.rdx, Reg.rcx, Reg.r8, Reg.r9];
const floats = Array.from({ length: 8 }, (_, k) => Reg.xmm0 + k);

/** Every argument takes a register of its class, or 8 bytes of stack once there is none. */
function classify(types: readonly Type[]): CLayout {
  let integer = 0;
  let float = 0;
  let stack = 0;
  const pieces = types.map((type, argument): CPiece => {
    const register = (isInteger(type) ? integers[integer++] : floats[float++]) ?? -1;
    const at = stack;
    if (register < 0) stack += 8;
    return { type, argument, part: 0, register, stack: at };
  });
  return { pieces, stackBytes: (stack + 15) & -16 };
}

/** A value of `type` between a register and memory. */
function load(asm: Assembler, type: Type, register: number, base: number, offset: number): void {
  const wide = type === Type.i64 || type === Type.f64 ? 1 : 0;
  const op = isInteger(type) ? X.mov : X.load_f;
  encodeMemory(asm, instructions[op + wide], register & 15, new Mem(base, offset), noFrame);
}

function store(asm: Assembler, type: Type, register: number, base: number, offset: number): void {
  const wide = type === Type.i64 || type === Type.f64 ? 1 : 0;
  const op = isInteger(type) ? X.store + 2 : X.store_f;
  encodeMemory(asm, instructions[op + wide], register & 15, new Mem(base, offset), noFrame);
}

const plain = (asm: Assembler, op: number): void =>
  emitOpcode(asm, instructions[op], instructions[op].opcode, 0, 0, 0, 0);
const move = (asm: Assembler, to: number, from: number): void =>
  encodeRegister(asm, instructions[X.mov + 1], to, from);
const lea = (asm: Assembler, to: number, base: number, offset: number): void =>
  encodeMemory(asm, instructions[X.lea + 1], to, new Mem(base, offset), noFrame);

const page = 4096;

/** push rbx; sub rsp, bytes: touches every page, for a guard of one page below the stack must not be stepped over. */
function enter(asm: Assembler, bytes: number): void {
  encodePushPop(asm, X.push, Reg.rbx);
  for (let at = page; at <= bytes; at += page)
    encodeMemory(asm, instructions[X.test], Reg.rax, new Mem(Reg.rsp, -at), noFrame);
  if (bytes > 0) encodeImmediate(asm, instructions[X.sub_i + 1], Reg.rsp, bytes);
}

function leave(asm: Assembler, bytes: number): void {
  if (bytes > 0) encodeImmediate(asm, instructions[X.add_i + 1], Reg.rsp, bytes);
  encodePushPop(asm, X.pop, Reg.rbx);
  plain(asm, X.ret);
}

/** Behind the call's number a relocation of the kind `rel32`. */
function call(asm: Assembler, symbol: number): void {
  asm.byte(instructions[X.call].opcode);
  asm.relocate(asm.offset, Distance.rel32, 'function', symbol);
  asm.u32(0);
}

/** Where C returns a value of `type`. */
const resultRegister = (type: Type): number => (isInteger(type) ? Reg.rax : Reg.xmm0);

/** Bytes below the saved rbx that keep the stack aligned to 16 at calls: 16 for the return address and rbx. */
const frameBytes = (bytes: number): number => (bytes + 15) & -16;

/**
 * push rbx; sub rsp, slots; (mov rbx, results;) arguments to slots; lea rsi, [rdi + descriptor]; mov rdx, rsp; call entry; result;
 * add rsp, slots; pop rbx; ret. rdi, the instance, is the exec env's address already.
 */
function emitExport(asm: Assembler, code: ExportCode): void {
  const bytes = frameBytes(slotsBytes(code));
  enter(asm, bytes);
  if (hasResultStruct(code)) move(asm, Reg.rbx, Reg.rsi);
  for (const piece of slotPieces(code, classify(cParameters(code, Type.i64)))) {
    let { register } = piece;
    let { type } = piece;
    if (register < 0) {
      // Above the frame, rbx and the return address. A whole word: what C left beside a narrow value, nobody reads.
      register = Reg.rax;
      type = Type.i64;
      load(asm, type, register, Reg.rsp, bytes + 16 + piece.stack);
    }
    store(asm, type, register, Reg.rsp, piece.slot);
  }
  if (code.imported) load(asm, Type.i64, Reg.rsi, Reg.rdi, code.descriptor);
  else lea(asm, Reg.rsi, Reg.rdi, code.descriptor);
  move(asm, Reg.rdx, Reg.rsp);
  call(asm, code.entry);
  if (hasResultStruct(code))
    for (const { struct, slot } of resultWords(code.results)) {
      load(asm, Type.i32, Reg.rax, Reg.rsp, slot);
      store(asm, Type.i32, Reg.rax, Reg.rbx, struct);
    }
  else for (const type of code.results) load(asm, type, resultRegister(type), Reg.rsp, 0);
  leave(asm, bytes);
}

/**
 * push rbx; sub rsp, area; mov rbx, slots; arguments from slots; call import; result to slots; add rsp, area; pop rbx; ret. rdi, the
 * user's pointer, is the first argument already.
 */
function emitImport(asm: Assembler, code: ImportCode): void {
  const { pieces, stackBytes } = classify(cParameters(code, Type.i64));
  const pair = hasResultStruct(code);
  const bytes = frameBytes(stackBytes + (pair ? structLayout(code.results).size : 0));
  enter(asm, bytes);
  move(asm, Reg.rbx, Reg.rsi);
  for (const { type, register, stack, slot } of slotPieces(code, { pieces, stackBytes })) {
    if (register >= 0) load(asm, type, register, Reg.rbx, slot);
    else {
      load(asm, Type.i64, Reg.rax, Reg.rbx, slot);
      store(asm, Type.i64, Reg.rax, Reg.rsp, stack);
    }
  }
  if (pair) lea(asm, Reg.rsi, Reg.rsp, stackBytes);
  call(asm, -1);
  if (pair)
    for (const { struct, slot } of resultWords(code.results)) {
      load(asm, Type.i32, Reg.rax, Reg.rsp, stackBytes + struct);
      store(asm, Type.i32, Reg.rax, Reg.rbx, slot);
    }
  else for (const type of code.results) store(asm, type, resultRegister(type), Reg.rbx, 0);
  leave(asm, bytes);
}

/** C functions of System V on x86-64. */
export const cInterface: CInterface = { classify, emitExport, emitImport };
