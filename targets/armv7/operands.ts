import { type MInst, RegClass } from '../../compiler/backend/machine.ts';
import type { Selector } from '../../compiler/backend/selector.ts';
import type { Inst } from '../../compiler/ir/function.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { Type } from '../../compiler/ir/types.ts';
import { isModified } from './encode.ts';
import { I, Shift } from './instructions.ts';

/**
 * Second operands of data-processing instructions: an immediate, a register, or a register shifted by a constant or by
 * another register (DDI 0406C A8.4). A group of rows is named by its immediate form; its register form is the next row and its
 * register-shifted form the one after that.
 */
export interface SecondOperand {
  readonly form: 0 | 1 | 2;
  readonly registers: number[];
  /** The immediate, or the amount of a constant shift. */
  readonly imm: number;
  readonly shift: Shift;
}

const shiftOf = new Map<number, Shift>([
  [Op.shl, Shift.lsl],
  [Op.shr_u, Shift.lsr],
  [Op.shr_s, Shift.asr],
  [Op.rotr, Shift.ror],
  [Op.rotl, Shift.ror],
]);

/** The value of a constant, or null. */
export const constantOf = (value: Inst): number | null => (value.op === Op.const ? value.imm : null);

/** True for the constant `n`. */
export const isConstant = (value: Inst, n: number): boolean => value.op === Op.const && value.imm === n;

const immediate = (imm: number): SecondOperand => ({ form: 0, registers: [], imm, shift: Shift.lsl });
const plain = (register: number): SecondOperand => ({
  form: 1,
  registers: [register],
  imm: 0,
  shift: Shift.lsl,
});

/** True where {@link secondOperand} would make something better than a register of `value`. */
export function isSecondOperand(s: Selector, value: Inst, user: Inst): boolean {
  if (value.op === Op.const) return isModified(value.imm);
  return shiftOf.has(value.op) && s.canFold(value, user);
}

/** `value` as the second operand of an instruction selected for `user`. May emit the preparation of a shift count. */
export function secondOperand(s: Selector, value: Inst, user: Inst): SecondOperand {
  if (value.op === Op.const && isModified(value.imm)) return immediate(value.imm);
  if (shiftOf.has(value.op) && s.canFold(value, user)) return shifted(s, value);
  return plain(s.use(value));
}

/** An immediate or a register: between two rows that are tied by the carry nothing may compute. */
export const constantOrRegister = (s: Selector, value: Inst): SecondOperand =>
  value.op === Op.const && isModified(value.imm) ? immediate(value.imm) : plain(s.use(value));

/** The result of the shift or rotation `value`, unevaluated. */
export function shifted(s: Selector, value: Inst): SecondOperand {
  const shift = shiftOf.get(value.op) ?? Shift.lsl;
  const [source, count] = value.args;
  const amount = constantOf(count);
  if (amount === null) {
    return { form: 2, registers: [s.use(source), shiftCount(s, value.op, count)], imm: 0, shift };
  }
  const imm = (value.op === Op.rotl ? -amount : amount) & 31;
  return imm === 0 ? plain(s.use(source)) : { form: 1, registers: [s.use(source)], imm, shift };
}

/** A register whose lowest byte shifts as wasm's count modulo 32 does. Rotations take any count as it is. */
function shiftCount(s: Selector, op: number, count: Inst): number {
  if (op === Op.rotr) return s.use(count);
  if (op !== Op.rotl) {
    const masked = count.op === Op.and && count.args[1].op === Op.const && (count.args[1].imm & ~31) === 0;
    if (masked) return s.use(count);
  }
  const t = s.temp(RegClass.int);
  if (op === Op.rotl) s.emit(I.rsb_immediate, [t], [s.use(count)]).imm = 0;
  else s.emit(I.and_immediate, [t], [s.use(count)]).imm = 31;
  return t;
}

/** Emits a row of the group `group` with first operands `uses` and the given second operand. */
export function emitGroup(
  s: Selector,
  group: number,
  defs: number[],
  uses: number[],
  second: SecondOperand,
): MInst {
  const inst = s.emit(group + second.form, defs, [...uses, ...second.registers]);
  inst.imm = second.imm;
  inst.imm2 = second.shift;
  return inst;
}

/** Emits def <- imm where no value of the SSA form stands for the constant. */
export function emitConstant(s: Selector, imm: number): number {
  const t = s.temp(RegClass.int);
  s.emit(I.constant, [t], []).imm = imm | 0;
  return t;
}

/** The row for the value's type: every `_f32` row stands directly before its `_f64` one. */
export const byType = (single: number, type: Type): number => (type === Type.f64 ? single + 1 : single);
