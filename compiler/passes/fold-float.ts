import { f32Bits, f64HighWord, f64LowWord, floatValue, i64FromWords, isConst } from '../ir/constants.ts';
import { becomeConst } from '../ir/edit.ts';
import type { Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Type } from '../ir/types.ts';
import type { FoldRule } from './fold.ts';

/**
 * Folding of float operations. Results that are NaN are left to the machine, which chooses their bits; so are
 * identities such as x * 1, which make a signalling NaN quiet. Sign operations are exact on all bits.
 */

function becomeFloat(inst: Inst, value: number): void {
  if (Number.isNaN(value)) return;
  if (inst.type === Type.f32) becomeConst(inst, f32Bits(value));
  else becomeConst(inst, f64LowWord(value), f64HighWord(value));
}

/** Of f32 operands the f64 result of + - * / and sqrt, rounded to f32, is the f32 result (2p + 2 bits suffice). */
const binary =
  (compute: (a: number, b: number) => number): FoldRule =>
  (_, inst) => {
    const [a, b] = inst.args;
    if (isConst(a) && isConst(b)) becomeFloat(inst, compute(floatValue(a), floatValue(b)));
    return inst;
  };

const unary =
  (compute: (a: number) => number): FoldRule =>
  (_, inst) => {
    const [a] = inst.args;
    if (isConst(a)) becomeFloat(inst, compute(floatValue(a)));
    return inst;
  };

const compare =
  (compute: (a: number, b: number) => boolean): FoldRule =>
  (_, inst) => {
    const [a, b] = inst.args;
    if (isConst(a) && isConst(b)) becomeConst(inst, compute(floatValue(a), floatValue(b)) ? 1 : 0);
    return inst;
  };

const signBit = -2147483648;

/** Negation and absolute value: the last sign operation alone counts where it sets the sign, two negations cancel. */
const sign =
  (change: (word: number) => number): FoldRule =>
  (_, inst) => {
    const [value] = inst.args;
    if (isConst(value)) {
      if (inst.type === Type.f32) becomeConst(inst, change(value.imm));
      else becomeConst(inst, value.imm, change(value.imm2));
    } else if (inst.op === Op.fneg && value.op === Op.fneg) return value.args[0];
    else if (inst.op === Op.fabs && value.op === Op.fabs) return value;
    else if (inst.op === Op.fabs && value.op === Op.fneg) inst.args = [value.args[0]];
    return inst;
  };

const convert =
  (signed: boolean): FoldRule =>
  (_, inst) => {
    const [value] = inst.args;
    if (!isConst(value)) return inst;
    if (value.type === Type.i32) becomeFloat(inst, signed ? value.imm : value.imm >>> 0);
    else if (inst.type === Type.f64) {
      const integer = i64FromWords(value.imm, value.imm2);
      becomeFloat(inst, Number(signed ? integer : BigInt.asUintN(64, integer)));
    }
    return inst;
  };

export const floatRules: readonly (readonly [op: number, rule: FoldRule])[] = [
  [Op.fadd, binary((a, b) => a + b)],
  [Op.fsub, binary((a, b) => a - b)],
  [Op.fmul, binary((a, b) => a * b)],
  [Op.fdiv, binary((a, b) => a / b)],
  [Op.fsqrt, unary((a) => Math.sqrt(a))],
  [Op.promote, unary((a) => a)],
  [Op.demote, unary((a) => a)],
  [Op.fneg, sign((word) => word ^ signBit)],
  [Op.fabs, sign((word) => word & ~signBit)],
  [Op.feq, compare((a, b) => a === b)],
  [Op.fne, compare((a, b) => a !== b)],
  [Op.flt, compare((a, b) => a < b)],
  [Op.fgt, compare((a, b) => a > b)],
  [Op.fle, compare((a, b) => a <= b)],
  [Op.fge, compare((a, b) => a >= b)],
  [Op.convert_s, convert(true)],
  [Op.convert_u, convert(false)],
];
