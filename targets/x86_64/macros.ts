import type { Assembler } from '../../compiler/backend/assembler.ts';
import { Mem, type MInst } from '../../compiler/backend/machine.ts';
import { InternalError } from '../../compiler/errors.ts';
import { TrapKind } from '../../compiler/ir/types.ts';
import type { FrameLayout } from '../../compiler/target.ts';
import {
  Distance,
  encodeConstant,
  encodeImmediate,
  encodeJcc,
  encodeMemory,
  encodeRegister,
  jumpForward,
  landHere,
} from './encode.ts';
import { noFrame } from './frame.ts';
import { Cond, instructions, rowName, X } from './instructions.ts';
import { floatScratch, Reg, scratch } from './registers.ts';

/**
 * Instructions of the table that are several machine instructions: what one would write as a branch, but without blocks of
 * their own in the machine code. They use the scratch registers, which the allocator never hands out.
 */

/** `op reg, rm` on registers. */
const rr = (asm: Assembler, op: number, reg: number, rm: number): void =>
  encodeRegister(asm, instructions[op], reg, rm);

/** `op register, imm` (an arithmetic row with immediate). */
const ri = (asm: Assembler, op: number, register: number, imm: number): void =>
  encodeImmediate(asm, instructions[op], register, imm);

/** `op register` (a row with an opcode extension alone). */
const r = (asm: Assembler, op: number, register: number): void =>
  encodeRegister(asm, instructions[op], instructions[op].digit, register);

/** A shift by a constant. */
function shift(asm: Assembler, op: number, register: number, count: number): void {
  const row = instructions[op];
  if (count === 1 && row.opcode === 0xc1) {
    encodeRegister(asm, row, row.digit, register, 0xd1);
    return;
  }
  r(asm, op, register);
  asm.byte(count);
}

/** `op reg, [literal]`. */
const literal = (asm: Assembler, op: number, reg: number, words: readonly number[]): void =>
  encodeMemory(asm, instructions[op], reg, new Mem(-1, 0, -1, 0, 'constant', asm.constant(words)), noFrame);

/** A 32-bit constant, zero-extended, flags untouched. */
const constant = (asm: Assembler, register: number, value: number): void =>
  encodeConstant(asm, instructions[X.mov_i], register, value, 0);

/** Bits of powers of two as f32 and f64. */
const negative2to31 = [[-0x31000000], [0, -0x3e200000]];
const below2to31 = [0x00200000, -0x3e200000];
const negative2to63 = [[-0x21000000], [0, -0x3c200000]];
const positive2to63 = [[0x5f000000], [0, 0x43e00000]];

/** Emits a row of form `macro`. */
export function emitMacro(inst: MInst, asm: Assembler): void {
  const [def] = inst.defs;
  const use = inst.uses[inst.uses.length - 1];
  const { op } = inst;
  if (op >= X.trunc_s_f32 && op < X.trunc_sat_u_f64 + 2) {
    // Rows stand in the order sat, unsigned, f64, 64-bit: the number's bits.
    const kind = op - X.trunc_s_f32;
    emitTruncation(asm, def, use, inst.origin, (kind & 2) >> 1, kind & 1, (kind & 4) !== 0, (kind & 8) !== 0);
    return;
  }
  switch (op) {
    case X.rem_s:
    case X.rem_s + 1:
      emitRemainder(asm, use, op - X.rem_s);
      return;
    case X.fmin:
    case X.fmin + 1:
      emitMinimum(asm, def, use, op - X.fmin, X.fminimum, X.orps);
      return;
    case X.fmax:
    case X.fmax + 1:
      emitMinimum(asm, def, use, op - X.fmax, X.fmaximum, X.andps);
      return;
    case X.fselect:
      emitFloatSelect(asm, def, use, inst.cond);
      return;
    case X.convert_u64:
    case X.convert_u64 + 1:
      emitConvertUnsigned(asm, def, use, op - X.convert_u64);
      return;
    default:
      throw new InternalError(`no sequence for ${rowName(op)}`);
  }
}

/** rdx <- rax % divisor, signed. idiv faults on MIN / -1, whose remainder is 0. */
function emitRemainder(asm: Assembler, divisor: number, wide: number): void {
  const cdq = instructions[X.cdq + wide];
  rr(asm, X.zero, Reg.rdx, Reg.rdx);
  ri(asm, X.cmp_i + 2 + wide, divisor, -1);
  const done = jumpForward(asm, Cond.e);
  if (cdq.wide) asm.byte(0x48);
  asm.byte(cdq.opcode);
  r(asm, X.idiv + wide, divisor);
  landHere(asm, done);
}

/**
 * wasm's fmin and fmax: NaN if either is NaN, and -0 below +0. minss and maxss give the second operand in both cases, so
 * equal operands are combined bit by bit (which changes only zeros) and unordered ones are added (which quiets).
 */
function emitMinimum(
  asm: Assembler,
  def: number,
  use: number,
  double: number,
  op: number,
  combine: number,
): void {
  rr(asm, X.ucomis + double, def, use);
  const differ = jumpForward(asm, Cond.ne);
  const nan = jumpForward(asm, Cond.p);
  rr(asm, combine, def, use);
  const equal = jumpForward(asm, -1);
  landHere(asm, nan);
  rr(asm, X.fadd + double, def, use);
  const added = jumpForward(asm, -1);
  landHere(asm, differ);
  rr(asm, op + double, def, use);
  landHere(asm, equal);
  landHere(asm, added);
}

/** def <- use if `cond` holds; there is no conditional move between vector registers. */
function emitFloatSelect(asm: Assembler, def: number, use: number, cond: number): void {
  if (cond === Cond.floatEqual) {
    const unequal = jumpForward(asm, Cond.ne);
    const unordered = jumpForward(asm, Cond.p);
    rr(asm, X.movaps, def, use);
    landHere(asm, unequal);
    landHere(asm, unordered);
  } else if (cond === Cond.floatUnequal) {
    const unequal = jumpForward(asm, Cond.ne);
    const ordered = jumpForward(asm, Cond.np);
    landHere(asm, unequal);
    rr(asm, X.movaps, def, use);
    landHere(asm, ordered);
  } else {
    const skip = jumpForward(asm, cond ^ 1);
    rr(asm, X.movaps, def, use);
    landHere(asm, skip);
  }
}

/** cmovcc; the two float conditions take two of them, or a branch around a move. */
export function emitConditionalMove(inst: MInst, frame: FrameLayout, asm: Assembler): void {
  const row = instructions[inst.op];
  const { mem, cond } = inst;
  const [def] = inst.defs;
  let use = inst.uses[inst.uses.length - 1];
  if (cond === Cond.floatEqual) {
    const move = instructions[X.mov + (row.wide ? 1 : 0)];
    // What may fault comes first: the instruction's own address is in the trap map.
    if (mem) {
      encodeMemory(asm, move, scratch, mem, frame);
      use = scratch;
    }
    const unequal = jumpForward(asm, Cond.ne);
    const unordered = jumpForward(asm, Cond.p);
    encodeRegister(asm, move, def, use);
    landHere(asm, unequal);
    landHere(asm, unordered);
    return;
  }
  for (const code of cond === Cond.floatUnequal ? [Cond.ne, Cond.p] : [cond]) {
    if (mem) encodeMemory(asm, row, def, mem, frame, 0, row.opcode | code);
    else encodeRegister(asm, row, def, use, row.opcode | code);
  }
}

/** u64 to float: halved with the lost bit kept sticky (so that rounding stays right), converted and doubled where bit 63 is set. */
function emitConvertUnsigned(asm: Assembler, def: number, use: number, double: number): void {
  const convert = (double ? X.cvtsi2sd : X.cvtsi2ss) + 1;
  rr(asm, X.zero_f, def, def);
  rr(asm, X.test + 1, use, use);
  const large = jumpForward(asm, Cond.s);
  rr(asm, convert, def, use);
  const done = jumpForward(asm, -1);
  landHere(asm, large);
  rr(asm, X.mov + 1, scratch, use);
  shift(asm, X.shr_i + 1, scratch, 1);
  const even = jumpForward(asm, Cond.ae);
  ri(asm, X.or_i + 1, scratch, 1);
  landHere(asm, even);
  rr(asm, convert, def, scratch);
  rr(asm, X.fadd + double, def, def);
  landHere(asm, done);
}

/**
 * Float to integer, rounding towards zero. The hardware gives MIN ("integer indefinite", SDM volume 1, 4.8.2.1 and table
 * E-1) for NaN and everything that does not fit, so the common case only tests for that.
 */
function emitTruncation(
  asm: Assembler,
  def: number,
  use: number,
  origin: number,
  double: number,
  wide: number,
  unsigned: boolean,
  saturating: boolean,
): void {
  const convert = double ? X.cvttsd2si : X.cvttss2si;
  if (!unsigned) {
    rr(asm, convert + wide, def, use);
    ri(asm, X.cmp_i + 2 + wide, def, 1);
    const done = jumpForward(asm, Cond.no);
    if (saturating) saturateSigned(asm, def, use, double, wide);
    else trapUnlessMinimum(asm, use, origin, double, wide);
    landHere(asm, done);
  } else if (wide) {
    truncateUnsigned64(asm, def, use, origin, double, saturating);
  } else {
    // Every u32 is an i64: convert to that and see whether the upper word is zero.
    rr(asm, convert + 1, def, use);
    rr(asm, X.mov, scratch, def);
    rr(asm, X.cmp + 1, scratch, def);
    if (!saturating) {
      encodeJcc(asm, Cond.ne, asm.trapStub(TrapKind.invalidConversion, origin));
      return;
    }
    const done = jumpForward(asm, Cond.e);
    rr(asm, X.zero_f, floatScratch, floatScratch);
    rr(asm, X.ucomis + double, use, floatScratch);
    constant(asm, def, 0);
    const negative = jumpForward(asm, Cond.be); // or NaN
    constant(asm, def, -1);
    landHere(asm, negative);
    landHere(asm, done);
  }
}

/** After a conversion gave MIN: traps unless `use` truncates to MIN indeed. */
function trapUnlessMinimum(asm: Assembler, use: number, origin: number, double: number, wide: number): void {
  const stub = asm.trapStub(TrapKind.invalidConversion, origin);
  // f64 has values between -2^31 - 1 and -2^31, which truncate to MIN; the other cases have none. Unordered counts as below.
  if (double && !wide) {
    literal(asm, X.ucomis + 1, use, below2to31);
    encodeJcc(asm, Cond.be, stub);
  } else {
    literal(asm, X.ucomis + double, use, (wide ? negative2to63 : negative2to31)[double]);
    encodeJcc(asm, Cond.b, stub);
  }
  rr(asm, X.zero_f, floatScratch, floatScratch);
  rr(asm, X.ucomis + double, use, floatScratch);
  encodeJcc(asm, Cond.ae, stub);
}

/** After a conversion gave MIN: 0 for NaN, MAX for what is positive. */
function saturateSigned(asm: Assembler, def: number, use: number, double: number, wide: number): void {
  rr(asm, X.zero_f, floatScratch, floatScratch);
  rr(asm, X.ucomis + double, use, floatScratch);
  const nan = jumpForward(asm, Cond.p);
  const negative = jumpForward(asm, Cond.b);
  r(asm, X.not + wide, def);
  const positive = jumpForward(asm, -1);
  landHere(asm, nan);
  rr(asm, X.zero, def, def);
  landHere(asm, negative);
  landHere(asm, positive);
}

/** Float to u64: from 2^63 on, 2^63 is taken off before and put back after. */
function truncateUnsigned64(
  asm: Assembler,
  def: number,
  use: number,
  origin: number,
  double: number,
  saturating: boolean,
): void {
  const convert = (double ? X.cvttsd2si : X.cvttss2si) + 1;
  const stub = saturating ? null : asm.trapStub(TrapKind.invalidConversion, origin);
  literal(asm, X.ucomis + double, use, positive2to63[double]);
  const small = jumpForward(asm, Cond.b); // or NaN
  rr(asm, X.movaps, floatScratch, use);
  literal(asm, X.fsub + double, floatScratch, positive2to63[double]);
  rr(asm, convert, def, floatScratch);
  rr(asm, X.test + 1, def, def);
  if (stub) {
    encodeJcc(asm, Cond.s, stub);
    shift(asm, X.bts_i, def, 63);
    const done = jumpForward(asm, -1);
    landHere(asm, small);
    rr(asm, convert, def, use);
    rr(asm, X.test + 1, def, def);
    encodeJcc(asm, Cond.s, stub);
    landHere(asm, done);
    return;
  }
  // 2^64 and above came out negative: all ones either way once the sign is spread.
  const large = jumpForward(asm, Cond.s);
  shift(asm, X.bts_i, def, 63);
  const fits = jumpForward(asm, -1);
  landHere(asm, large);
  ri(asm, X.or_i + 1, def, -1);
  const saturated = jumpForward(asm, -1);
  landHere(asm, small);
  rr(asm, convert, def, use);
  rr(asm, X.test + 1, def, def);
  const positive = jumpForward(asm, Cond.ns);
  rr(asm, X.zero, def, def); // negative or NaN
  landHere(asm, positive);
  landHere(asm, fits);
  landHere(asm, saturated);
}

/**
 * Jump table: the index uses[0] is compared with the number of cases, then selects a distance from the table, which stands
 * behind the function's code. temps: one.
 */
export function emitSwitch(inst: MInst, asm: Assembler): void {
  const blocks = inst.blocks;
  if (blocks === null) throw new InternalError('a switch without targets');
  const [index] = inst.uses;
  const [target] = inst.temps;
  const cases = blocks.slice(0, -1);
  ri(asm, X.cmp_i + 2, index, cases.length);
  encodeJcc(asm, Cond.ae, blocks[blocks.length - 1]);
  const table = asm.jumpTable(cases, Distance.tableEntry);
  // lea scratch, [rip + table]
  asm.byte(0x4c);
  asm.byte(instructions[X.lea].opcode);
  asm.byte(((scratch & 7) << 3) | 5);
  asm.fixup(asm.offset, Distance.rel32, table);
  asm.u32(0);
  encodeMemory(asm, instructions[X.movsxd], target, new Mem(scratch, 0, index, 2), noFrame);
  rr(asm, X.add_rm + 1, target, scratch);
  r(asm, X.jmp_rm, target);
}
