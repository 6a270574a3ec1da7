import type { Selector } from '../../compiler/backend/selector.ts';
import type { Inst } from '../../compiler/ir/function.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { Type } from '../../compiler/ir/types.ts';
import type { SelectionRule } from '../../compiler/target.ts';
import { X } from './instructions.ts';
import {
  double,
  emitRm,
  inMemory,
  low,
  memoryOperand,
  operand,
  setMemory,
  takesSecond,
  wide,
} from './operands.ts';

/** Rules of floating-point operations and conversions. Scalar SSE: the upper lanes of a register mean nothing. */

/** Two-address arithmetic; literals and loads are read from memory, of commutative operations either operand. */
function arithmetic(op: number, commutes: boolean): SelectionRule {
  return (s, inst) => {
    const [a, b] = inst.args;
    const swap = commutes && takesSecond(s, inst, a, b);
    const rm = operand(s, swap ? a : b, inst);
    emitRm(s, op + double(inst.type), [s.def(inst)], [s.use(swap ? b : a)], rm);
  };
}

/** fmin and fmax read their operands several times: registers only. */
const minimum =
  (op: number): SelectionRule =>
  (s, inst) =>
    void s.emit(op + double(inst.type), [s.def(inst)], [s.use(inst.args[0]), s.use(inst.args[1])]);

const signBits = (type: Type): readonly number[] =>
  type === Type.f32 ? repeat([-0x80000000]) : repeat([0, -0x80000000]);
const otherBits = (type: Type): readonly number[] =>
  type === Type.f32 ? repeat([0x7fffffff]) : repeat([-1, 0x7fffffff]);

/** Sixteen bytes, as bitwise operations read them, of repeated words. */
const repeat = (words: readonly number[]): readonly number[] =>
  [0, 1, 2, 3].map((i) => words[i % words.length]);

/** A bitwise operation with a literal: sign changes. */
function withBits(op: number, bits: (type: Type) => readonly number[]): SelectionRule {
  return (s, inst) => {
    s.emit(op, [s.def(inst)], [s.use(inst.args[0])]).mem = s.constant(bits(inst.type));
  };
}

const copysign: SelectionRule = (s, inst) => {
  const cls = s.classOf(inst.type);
  const [magnitude, sign] = [s.temp(cls), s.temp(cls)];
  s.emit(X.andps, [magnitude], [s.use(inst.args[0])]).mem = s.constant(otherBits(inst.type));
  s.emit(X.andps, [sign], [s.use(inst.args[1])]).mem = s.constant(signBits(inst.type));
  s.emit(X.orps, [s.def(inst)], [magnitude, sign]);
};

const squareRoot: SelectionRule = (s, inst) => {
  const rm = operand(s, inst.args[0], inst);
  emitRm(s, X.fsqrt + double(inst.type), [s.def(inst)], [], rm);
};

/** roundss and roundsd by `mode`, precision exception suppressed (SDM, ROUNDSD). */
function round(mode: number): SelectionRule {
  return (s, inst) => {
    const rm = operand(s, inst.args[0], inst);
    const op = inst.type === Type.f64 ? X.roundsd : X.roundss;
    emitRm(s, op, [s.def(inst)], [], rm).imm = mode | 8;
  };
}
const Rounding = { nearest: 0, down: 1, up: 2, truncate: 3 } as const;

/** A truncation macro: rows stand by source type, then by width. */
const truncate =
  (op: number): SelectionRule =>
  (s, inst) => {
    const [value] = inst.args;
    s.emit(op + 2 * double(value.type) + wide(inst.type), [s.def(inst)], [s.use(value)]);
  };

/** Signed integer to float, into a cleared register (see the table). */
function convert(s: Selector, inst: Inst, from64: boolean, value: Inst, folds: boolean): void {
  const op = (inst.type === Type.f64 ? X.cvtsi2sd : X.cvtsi2ss) + (from64 ? 1 : 0);
  const clear = s.temp(s.classOf(inst.type));
  const rm = folds ? operand(s, value, inst) : { register: s.use(value), mem: null, load: null };
  s.emit(X.zero_f, [clear], []);
  emitRm(s, op, [s.def(inst)], [clear], rm);
}

const convertSigned: SelectionRule = (s, inst) => {
  const [value] = inst.args;
  convert(s, inst, value.type === Type.i64, value, true);
};

/** A u32 is an i64 that is not negative: its register holds it zero-extended, but its four bytes in memory do not. */
const convertUnsigned: SelectionRule = (s, inst) => {
  const [value] = inst.args;
  if (value.type === Type.i32) convert(s, inst, true, value, false);
  else s.emit(X.convert_u64 + double(inst.type), [s.def(inst)], [s.use(value)]);
};

const resize =
  (op: number): SelectionRule =>
  (s, inst) => {
    const rm = operand(s, inst.args[0], inst);
    emitRm(s, op, [s.def(inst)], [], rm);
  };

/** Bits between register files, or straight from memory. */
const reinterpret: SelectionRule = (s, inst) => {
  const [value] = inst.args;
  const toFloat = inst.type === Type.f32 || inst.type === Type.f64;
  const isLoad = value.op === Op.load || value.op === Op.load_indexed;
  if (isLoad && inMemory(s, value, inst)) {
    const { mem } = memoryOperand(s, value);
    const op = toFloat ? X.load_f + double(inst.type) : X.mov + wide(inst.type);
    const made = s.emit(op, [s.def(inst)], []);
    if (mem !== null) setMemory(made, mem, value);
  } else if (toFloat) {
    s.emit(X.to_xmm + double(inst.type), [s.def(inst)], [low(s, value)]);
  } else {
    s.emit(X.from_xmm + wide(inst.type), [s.def(inst)], [s.use(value)]);
  }
};

/** A literal: zero by xor, which leaves the flags alone, the rest from the constant pool. */
export function floatConstant(s: Selector, inst: Inst): void {
  const def = s.def(inst);
  const zero = inst.imm === 0 && (inst.type === Type.f32 || inst.imm2 === 0);
  const made = s.emit(zero ? X.zero_f : X.load_f + double(inst.type), [def], []);
  if (!zero) made.mem = s.constant(inst.type === Type.f32 ? [inst.imm] : [inst.imm, inst.imm2]);
  s.rematerialise(def, made);
}

/** The value that is chosen if the condition holds is moved over the other one. */
export function floatSelect(s: Selector, inst: Inst, cond: number, then: number, otherwise: number): void {
  s.emit(X.fselect, [s.def(inst)], [otherwise, then]).cond = cond;
}

/** The rules, by operation number. Comparisons as values are beside the integer ones. */
export const floatRules = new Map<number, SelectionRule>([
  [Op.fadd, arithmetic(X.fadd, true)],
  [Op.fsub, arithmetic(X.fsub, false)],
  [Op.fmul, arithmetic(X.fmul, true)],
  [Op.fdiv, arithmetic(X.fdiv, false)],
  [Op.fmin, minimum(X.fmin)],
  [Op.fmax, minimum(X.fmax)],
  [Op.fcopysign, copysign],
  [Op.fabs, withBits(X.andps, otherBits)],
  [Op.fneg, withBits(X.xorps, signBits)],
  [Op.fsqrt, squareRoot],
  [Op.fceil, round(Rounding.up)],
  [Op.ffloor, round(Rounding.down)],
  [Op.ftrunc, round(Rounding.truncate)],
  [Op.fnearest, round(Rounding.nearest)],
  [Op.trunc_s, truncate(X.trunc_s_f32)],
  [Op.trunc_u, truncate(X.trunc_u_f32)],
  [Op.trunc_sat_s, truncate(X.trunc_sat_s_f32)],
  [Op.trunc_sat_u, truncate(X.trunc_sat_u_f32)],
  [Op.convert_s, convertSigned],
  [Op.convert_u, convertUnsigned],
  [Op.promote, resize(X.cvtss2sd)],
  [Op.demote, resize(X.cvtsd2ss)],
  [Op.reinterpret, reinterpret],
]);
