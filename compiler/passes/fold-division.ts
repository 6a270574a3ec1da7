import { i64FromWords, isConst, isInt } from '../ir/constants.ts';
import { becomeConst } from '../ir/edit.ts';
import type { Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Type } from '../ir/types.ts';
import type { Folder, FoldRule } from './fold.ts';
import { constant64, evaluated, powerOfTwo } from './fold-integer.ts';

/**
 * Division by constants without dividing: shifts for powers of two, else (of i32) the upper half of a product with the
 * scaled reciprocal (Granlund and Montgomery, "Division by Invariant Integers using Multiplication", PLDI 1994). The
 * product is an i64 one, which on 32-bit targets becomes a widening multiplication.
 */

interface Reciprocal {
  readonly multiplier: bigint;
  readonly shift: number;
}

/** The least shift s for which ceil(2^(32+s) / d) divides all dividends of `bits` bits exactly enough. */
function reciprocal(divisor: number, bits: number): Reciprocal {
  const d = BigInt(divisor);
  for (let shift = 0; ; shift++) {
    const scale = 1n << BigInt(32 + shift);
    const multiplier = (scale + d - 1n) / d;
    if (multiplier * d - scale <= 1n << BigInt(32 + shift - bits)) return { multiplier, shift };
  }
}

/** The high word of the 64-bit product with `multiplier` (below 2^32), shifted right by `shift`. */
function scaledProduct(f: Folder, value: Inst, r: Reciprocal, signed: boolean, inst: Inst): Inst {
  const wide = f.make(signed ? Op.extend_s : Op.extend_u, Type.i64, [value], inst);
  const factor = f.constant(Type.i64, Number(BigInt.asIntN(32, r.multiplier)), 0, inst);
  const product = f.make(Op.mul, Type.i64, [wide, factor], inst);
  const count = f.integer(Type.i64, 32 + r.shift, inst);
  const shifted = f.make(signed ? Op.shr_s : Op.shr_u, Type.i64, [product, count], inst);
  return f.make(Op.wrap, Type.i32, [shifted], inst);
}

function quotientUnsigned(f: Folder, value: Inst, divisor: number, inst: Inst): Inst {
  const shifted = (from: Inst, count: number) =>
    count === 0 ? from : f.make(Op.shr_u, Type.i32, [from, f.integer(Type.i32, count, inst)], inst);
  const direct = reciprocal(divisor, 32);
  if (direct.multiplier < 1n << 32n) return scaledProduct(f, value, direct, false, inst);
  const zeros = 31 - Math.clz32(divisor & -divisor);
  if (zeros > 0) {
    const odd = reciprocal(divisor >>> zeros, 32 - zeros);
    return scaledProduct(f, shifted(value, zeros), odd, false, inst);
  }
  // A multiplier of 33 bits: its topmost one is the dividend itself, added by way of the mean of the two.
  const low = { multiplier: direct.multiplier - (1n << 32n), shift: 0 };
  const part = scaledProduct(f, value, low, false, inst);
  const rest = shifted(f.make(Op.sub, Type.i32, [value, part], inst), 1);
  return shifted(f.make(Op.add, Type.i32, [rest, part], inst), direct.shift - 1);
}

/**
 * The product rounds down. Where the multiplier is rounded up (the divisor is no power of two) that is one too little
 * for every negative dividend, exact multiples included.
 */
function quotientSigned(f: Folder, value: Inst, divisor: number, inst: Inst): Inst {
  const magnitude = Math.abs(divisor);
  const type = Type.i32;
  const floor = scaledProduct(f, value, reciprocal(magnitude, 31), true, inst);
  const sign = f.make(Op.shr_s, type, [value, f.integer(type, 31, inst)], inst);
  return divisor > 0 ? f.make(Op.sub, type, [floor, sign], inst) : f.make(Op.sub, type, [sign, floor], inst);
}

/** x / 2^k rounded towards zero: a negative dividend is first raised by 2^k - 1. */
function quotientShift(f: Folder, value: Inst, k: number, inst: Inst): Inst {
  const { type } = value;
  const width = type === Type.i64 ? 64 : 32;
  const sign = f.make(Op.shr_s, type, [value, f.integer(type, width - 1, inst)], inst);
  const bias = f.make(Op.shr_u, type, [sign, f.integer(type, width - k, inst)], inst);
  const raised = f.make(Op.add, type, [value, bias], inst);
  return f.make(Op.shr_s, type, [raised, f.integer(type, k, inst)], inst);
}

/** What remains of the dividend, given the quotient. */
function remainder(f: Folder, inst: Inst, quotient: Inst): Inst {
  const [value, divisor] = inst.args;
  inst.op = Op.sub;
  inst.args = [value, f.make(Op.mul, inst.type, [quotient, divisor], inst)];
  return inst;
}

const unsigned: FoldRule = (f, inst) => {
  const [value, divisor] = inst.args;
  if (!isConst(divisor) || isInt(divisor, 0) || evaluated(inst)) return inst;
  const divides = inst.op === Op.div_u;
  const k = powerOfTwo(divisor);
  if (k >= 0) {
    if (divides) {
      inst.op = Op.shr_u;
      inst.args = [value, f.integer(inst.type, k, inst)];
    } else {
      inst.op = Op.and;
      inst.args = [value, constant64(f, inst.type, (1n << BigInt(k)) - 1n, inst)];
    }
    return inst;
  }
  if (inst.type !== Type.i32) return inst;
  const quotient = quotientUnsigned(f, value, divisor.imm >>> 0, inst);
  return divides ? quotient : remainder(f, inst, quotient);
};

const negated = (f: Folder, value: Inst, like: Inst): Inst =>
  f.make(Op.sub, value.type, [f.integer(value.type, 0, like), value], like);

const signed: FoldRule = (f, inst) => {
  const [value, divisor] = inst.args;
  if (!isConst(divisor) || isInt(divisor, 0) || evaluated(inst)) return inst;
  const divides = inst.op === Op.div_s;
  const amount = inst.type === Type.i64 ? i64FromWords(divisor.imm, divisor.imm2) : BigInt(divisor.imm);
  const magnitude = amount < 0n ? -amount : amount;
  let quotient: Inst;
  if (magnitude === 1n) {
    if (divides) return amount < 0n ? negated(f, value, inst) : value;
    becomeConst(inst, 0);
    return inst;
  }
  if ((magnitude & (magnitude - 1n)) === 0n) {
    quotient = quotientShift(f, value, magnitude.toString(2).length - 1, inst);
    if (amount < 0n) quotient = negated(f, quotient, inst);
  } else if (inst.type === Type.i32) quotient = quotientSigned(f, value, divisor.imm, inst);
  else return inst;
  return divides ? quotient : remainder(f, inst, quotient);
};

export const divisionRules: readonly (readonly [op: number, rule: FoldRule])[] = [
  [Op.div_u, unsigned],
  [Op.rem_u, unsigned],
  [Op.div_s, signed],
  [Op.rem_s, signed],
];
