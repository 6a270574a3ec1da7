import { RegClass } from '../../compiler/backend/machine.ts';
import type { Selector } from '../../compiler/backend/selector.ts';
import type { Inst } from '../../compiler/ir/function.ts';
import { Op } from '../../compiler/ir/ops.ts';
import type { SelectionRule } from '../../compiler/target.ts';
import { compare, compareBoth, holds, isJoined } from './compare.ts';
import { isModified } from './encode.ts';
import { Cond, I, Shift } from './instructions.ts';
import {
  constantOf,
  constantOrRegister,
  emitConstant,
  emitGroup,
  isConstant,
  isSecondOperand,
  secondOperand,
  shifted,
} from './operands.ts';

/** Rules of integer operations, in the order of the operation table. */

/** def <- x op y, with the operands of a commutative operation placed so that the second one folds. */
function commutative(s: Selector, inst: Inst, group: number): void {
  const [a, b] = inst.args;
  const swap = !isSecondOperand(s, b, inst) && isSecondOperand(s, a, inst);
  const first = s.use(swap ? b : a);
  emitGroup(s, group, [s.def(inst)], [first], secondOperand(s, swap ? a : b, inst));
}

/** def <- x op #imm. */
function withImmediate(s: Selector, inst: Inst, group: number, first: Inst, imm: number): void {
  s.emit(group, [s.def(inst)], [s.use(first)]).imm = imm;
}

/** A constant whose complement or negative is an immediate though it is none itself. */
const isOther = (value: Inst, other: (n: number) => number): boolean =>
  value.op === Op.const && !isModified(value.imm) && isModified(other(value.imm));

export const constant: SelectionRule = (s, inst) => {
  const def = s.def(inst);
  const made = s.emit(I.constant, [def], []);
  made.imm = inst.imm;
  s.rematerialise(def, made);
};

const add: SelectionRule = (s, inst) => {
  const [a, b] = inst.args;
  if (isOther(b, (n) => -n)) return withImmediate(s, inst, I.sub_immediate, a, -b.imm);
  const product = [b, a].find((x) => x.op === Op.mul && s.canFold(x, inst));
  if (product !== undefined && !isSecondOperand(s, product === b ? a : b, inst)) {
    const other = product === b ? a : b;
    s.emit(I.mla, [s.def(inst)], [s.use(product.args[0]), s.use(product.args[1]), s.use(other)]);
    return;
  }
  commutative(s, inst, I.add_immediate);
};

const sub: SelectionRule = (s, inst) => {
  const [a, b] = inst.args;
  if (isOther(b, (n) => -n)) return withImmediate(s, inst, I.add_immediate, a, -b.imm);
  if (b.op === Op.mul && !isSecondOperand(s, a, inst) && s.canFold(b, inst)) {
    s.emit(I.mls, [s.def(inst)], [s.use(b.args[0]), s.use(b.args[1]), s.use(a)]);
    return;
  }
  const reverse = !isSecondOperand(s, b, inst) && isSecondOperand(s, a, inst);
  const first = s.use(reverse ? b : a);
  const second = secondOperand(s, reverse ? a : b, inst);
  emitGroup(s, reverse ? I.rsb_immediate : I.sub_immediate, [s.def(inst)], [first], second);
};

const mul: SelectionRule = (s, inst) => {
  s.emit(I.mul, [s.def(inst)], [s.use(inst.args[0]), s.use(inst.args[1])]);
};

/** Number of ones of a mask of low bits, 0 for other numbers. */
const lowBits = (mask: number): number => (((mask + 1) & mask) === 0 ? 32 - Math.clz32(mask) : 0);

const and: SelectionRule = (s, inst) => {
  if (isJoinedAlone(s, inst)) {
    setBy(s, inst, compareBoth(s, inst));
    return;
  }
  const [a, b] = inst.args;
  const mask = constantOf(b);
  if (mask !== null) {
    const width = lowBits(mask);
    if (width > 0 && width < 32) {
      const from = a.op === Op.shr_u || a.op === Op.shr_s ? constantOf(a.args[1]) : null;
      if (from !== null && (from & 31) + width <= 32 && s.canFold(a, inst)) {
        return field(s, inst, I.ubfx, a.args[0], from & 31, width);
      }
      if (width === 16) {
        s.emit(I.uxth, [s.def(inst)], [s.use(a)]);
        return;
      }
      if (width > 8) return field(s, inst, I.ubfx, a, 0, width);
    }
    if (isOther(b, (n) => ~n)) return withImmediate(s, inst, I.bic_immediate, a, ~mask);
  }
  for (const [x, y] of [
    [a, b],
    [b, a],
  ]) {
    if (y.op === Op.xor && isConstant(y.args[1], -1) && s.canFold(y, inst)) {
      emitGroup(s, I.bic_immediate, [s.def(inst)], [s.use(x)], secondOperand(s, y.args[0], y));
      return;
    }
  }
  commutative(s, inst, I.and_immediate);
};

function field(s: Selector, inst: Inst, row: number, source: Inst, from: number, width: number): void {
  const made = s.emit(row, [s.def(inst)], [s.use(source)]);
  made.imm = from;
  made.imm2 = width;
}

/** (x and not m) or (y and m), m a mask of low bits: y goes into x's lowest field. */
const or: SelectionRule = (s, inst) => {
  if (isJoinedAlone(s, inst)) {
    setBy(s, inst, compareBoth(s, inst));
    return;
  }
  const [a, b] = inst.args;
  for (const [x, y] of [
    [a, b],
    [b, a],
  ]) {
    if (x.op !== Op.and || y.op !== Op.and) continue;
    const keep = constantOf(x.args[1]);
    const width = lowBits(constantOf(y.args[1]) ?? 0);
    if (keep === null || width === 0 || width === 32 || ~keep !== constantOf(y.args[1])) continue;
    if (!s.canFold(x, inst) || !s.canFold(y, inst)) continue;
    const made = s.emit(I.bfi, [s.def(inst)], [s.use(x.args[0]), s.use(y.args[0])]);
    made.imm = 0;
    made.imm2 = width;
    return;
  }
  commutative(s, inst, I.orr_immediate);
};

const xor: SelectionRule = (s, inst) => {
  const [a, b] = inst.args;
  if (!isConstant(b, -1)) return commutative(s, inst, I.eor_immediate);
  const amount = a.args.length === 2 ? constantOf(a.args[1]) : null;
  if (amount !== null && isSecondOperand(s, a, inst)) {
    emitGroup(s, I.mvn_immediate, [s.def(inst)], [], shifted(s, a));
  } else s.emit(I.mvn_register, [s.def(inst)], [s.use(a)]);
};

/** Shifts and rotations that no other instruction takes in. */
const shift: SelectionRule = (s, inst) => {
  emitGroup(s, I.mov_immediate, [s.def(inst)], [], shifted(s, inst));
};

/** A shift right of a shift left, both constant: a bit field. */
const shiftRight =
  (row: number): SelectionRule =>
  (s, inst) => {
    const [a, b] = inst.args;
    const right = constantOf(b);
    const left = a.op === Op.shl ? constantOf(a.args[1]) : null;
    if (right === null || left === null || (right & 31) < (left & 31) || (left & 31) === 0) {
      return shift(s, inst);
    }
    if (!s.canFold(a, inst)) return shift(s, inst);
    field(s, inst, row, a.args[0], (right & 31) - (left & 31), 32 - (right & 31));
  };

const unary =
  (row: number): SelectionRule =>
  (s, inst) => {
    s.emit(row, [s.def(inst)], [s.use(inst.args[0])]);
  };

const ctz: SelectionRule = (s, inst) => {
  const t = s.temp(RegClass.int);
  s.emit(I.rbit, [t], [s.use(inst.args[0])]);
  s.emit(I.clz, [s.def(inst)], [t]);
};

/** Counts per byte, then adds neighbours twice: the lower half of the register holds the word's count. */
const popcnt: SelectionRule = (s, inst) => {
  let t = s.temp(RegClass.f32);
  s.emit(I.vmov_single_core, [t], [s.use(inst.args[0])]);
  for (const row of [I.vcnt, I.vpaddl_u8, I.vpaddl_u16]) {
    const next = s.temp(RegClass.f32);
    s.emit(row, [next], [t]);
    t = next;
  }
  s.emit(I.vmov_core_single, [s.def(inst)], [t]);
};

/** 0 or 1 of any comparison; eq with 0 and lt_s with 0 have shorter forms without flags. */
export const comparison: SelectionRule = (s, inst) => {
  const [a, b] = inst.args;
  const zero = b.op === Op.const && b.imm === 0;
  if (inst.op === Op.eq && zero && !holds(s, a, inst)) {
    const t = s.temp(RegClass.int);
    s.emit(I.clz, [t], [s.use(a)]);
    const made = s.emit(I.mov_register, [s.def(inst)], [t]);
    made.imm = 5;
    made.imm2 = Shift.lsr;
    return;
  }
  if (inst.op === Op.lt_s && zero) {
    const made = s.emit(I.mov_register, [s.def(inst)], [s.use(a)]);
    made.imm = 31;
    made.imm2 = Shift.lsr;
    return;
  }
  setBy(s, inst, compare(s, inst));
};

/** def <- 1 where the condition holds, else 0. */
function setBy(s: Selector, inst: Inst, cond: number): void {
  const t = emitConstant(s, 0);
  const made = s.emit(I.mov_immediate_if, [s.def(inst)], [t]);
  made.imm = 1;
  made.cond = cond;
}

/** True for comparisons joined by `inst` that nobody else wants. */
const isJoinedAlone = (s: Selector, inst: Inst): boolean =>
  isJoined(s, inst) && s.canFold(inst.args[0], inst) && s.canFold(inst.args[1], inst);

/** Registers for both words of a pair; the driver has none for a word that nobody uses. */
function pairDefs(s: Selector, inst: Inst): [low: number, high: number] {
  const [low, high] = [s.def(inst, 0), s.def(inst, 1)];
  return [low < 0 ? s.temp(RegClass.int) : low, high < 0 ? s.temp(RegClass.int) : high];
}

/** Rows of low and high words: carry out of the first goes into the second. */
const pairAdd: SelectionRule = (s, inst) => {
  const [al, ah, bl, bh] = inst.args;
  const [low, high] = pairDefs(s, inst);
  const negative = isOther(bl, (n) => -n) && bl.imm !== 0;
  if (negative) s.emit(I.subs_immediate, [low], [s.use(al)]).imm = -bl.imm;
  else emitGroup(s, I.adds_immediate, [low], [s.use(al)], constantOrRegister(s, bl));
  if (isOther(bh, (n) => ~n)) s.emit(I.sbc_immediate, [high], [s.use(ah)]).imm = ~bh.imm;
  else emitGroup(s, I.adc_immediate, [high], [s.use(ah)], constantOrRegister(s, bh));
};

const pairSub: SelectionRule = (s, inst) => {
  const [al, ah, bl, bh] = inst.args;
  const [low, high] = pairDefs(s, inst);
  if (al.op === Op.const && ah.op === Op.const && isModified(al.imm) && isModified(ah.imm)) {
    s.emit(I.rsbs_immediate, [low], [s.use(bl)]).imm = al.imm;
    s.emit(I.rsc_immediate, [high], [s.use(bh)]).imm = ah.imm;
    return;
  }
  emitGroup(s, I.subs_immediate, [low], [s.use(al)], constantOrRegister(s, bl));
  emitGroup(s, I.sbc_immediate, [high], [s.use(ah)], constantOrRegister(s, bh));
};

const isSignOf = (high: Inst, low: Inst): boolean =>
  (high.op === Op.shr_s && high.args[0] === low && isConstant(high.args[1], 31)) ||
  (high.op === Op.const && low.op === Op.const && high.imm === low.imm >> 31);

const pairMul: SelectionRule = (s, inst) => {
  const [al, ah, bl, bh] = inst.args;
  if (s.def(inst, 1) < 0) {
    s.emit(I.mul, [s.def(inst, 0)], [s.use(al), s.use(bl)]);
    return;
  }
  const [low, high] = pairDefs(s, inst);
  const factors = [s.use(al), s.use(bl)];
  if (isSignOf(ah, al) && isSignOf(bh, bl)) {
    s.emit(I.smull, [low, high], factors);
    return;
  }
  const cross = [
    [al, bh],
    [ah, bl],
  ].filter(([x, y]) => !isConstant(x, 0) && !isConstant(y, 0));
  let sum = cross.length === 0 ? high : s.temp(RegClass.int);
  s.emit(I.umull, [low, sum], factors);
  cross.forEach(([x, y], k) => {
    const next = k === cross.length - 1 ? high : s.temp(RegClass.int);
    s.emit(I.mla, [next], [s.use(x), s.use(y), sum]);
    sum = next;
  });
};

/**
 * A shift of a pair. `from` is the word that bits leave towards `to`; `outward` shifts that way. A register shift takes the lowest
 * byte of its count and gives 0 from 32 on, so that 32-n and n-32 contribute nothing where they are negative.
 */
function pairShift(
  s: Selector,
  inst: Inst,
  to: number,
  outward: Shift,
  inward: Shift,
  arithmetic: boolean,
): void {
  const from = inst.args[1 - to];
  const into = inst.args[to];
  const constant = constantOf(inst.args[2]);
  const defs = pairDefs(s, inst);
  const defTo = defs[to];
  const defFrom = defs[1 - to];
  const leaving = arithmetic ? Shift.asr : outward;
  const shiftBy = (row: number, defs: number[], uses: number[], kind: Shift, amount: number) => {
    const made = s.emit(row, defs, uses);
    made.imm = amount;
    made.imm2 = amount === 0 ? Shift.lsl : kind;
  };
  if (constant !== null) {
    const n = constant & 63;
    if (n === 0) {
      s.copy(defTo, s.use(into));
      s.copy(defFrom, s.use(from));
    } else if (n < 32) {
      const t = s.temp(RegClass.int);
      shiftBy(I.mov_register, [t], [s.use(into)], outward, n);
      shiftBy(I.orr_register, [defTo], [t, s.use(from)], inward, 32 - n);
      shiftBy(I.mov_register, [defFrom], [s.use(from)], leaving, n);
    } else {
      shiftBy(I.mov_register, [defTo], [s.use(from)], leaving, n - 32);
      if (arithmetic) shiftBy(I.mov_register, [defFrom], [s.use(from)], Shift.asr, 31);
      else s.emit(I.constant, [defFrom], []).imm = 0;
    }
    return;
  }
  const n = s.temp(RegClass.int);
  const beyond = s.temp(RegClass.int);
  const rest = s.temp(RegClass.int);
  const shiftedTo = s.temp(RegClass.int);
  const joined = s.temp(RegClass.int);
  const byRegister = (row: number, defs: number[], uses: number[], kind: Shift) => {
    const made = s.emit(row, defs, uses);
    made.imm2 = kind;
    return made;
  };
  const word = s.use(from);
  s.emit(I.and_immediate, [n], [s.use(inst.args[2])]).imm = 63;
  s.emit(I.rsb_immediate, [rest], [n]).imm = 32;
  byRegister(I.mov_shifted, [shiftedTo], [s.use(into), n], outward);
  byRegister(I.orr_shifted, [joined], [shiftedTo, word, rest], inward);
  if (arithmetic) {
    // Beyond 32 the sign would flood in from a negative count: only from 32 on.
    s.emit(I.subs_immediate, [beyond], [n]).imm = 32;
    const made = byRegister(I.orr_shifted_if, [defTo], [joined, joined, word, beyond], leaving);
    made.cond = Cond.pl;
  } else {
    s.emit(I.sub_immediate, [beyond], [n]).imm = 32;
    byRegister(I.orr_shifted, [defTo], [joined, word, beyond], leaving);
  }
  byRegister(I.mov_shifted, [defFrom], [word, n], leaving);
}

/** The rules, by operation number. */
export const integerRules = new Map<number, SelectionRule>([
  [Op.add, add],
  [Op.sub, sub],
  [Op.mul, mul],
  [Op.and, and],
  [Op.or, or],
  [Op.xor, xor],
  [Op.shl, shift],
  [Op.shr_s, shiftRight(I.sbfx)],
  [Op.shr_u, shiftRight(I.ubfx)],
  [Op.rotl, shift],
  [Op.rotr, shift],
  [Op.clz, unary(I.clz)],
  [Op.ctz, ctz],
  [Op.popcnt, popcnt],
  [Op.extend8_s, unary(I.sxtb)],
  [Op.extend16_s, unary(I.sxth)],
  ...[Op.eq, Op.ne, Op.lt_s, Op.lt_u, Op.gt_s, Op.gt_u, Op.le_s, Op.le_u, Op.ge_s, Op.ge_u].map(
    (op) => [op, comparison] as const,
  ),
  [Op.pair_add, pairAdd],
  [Op.pair_sub, pairSub],
  [Op.pair_mul, pairMul],
  [Op.pair_shl, (s, inst) => pairShift(s, inst, 1, Shift.lsl, Shift.lsr, false)],
  [Op.pair_shr_s, (s, inst) => pairShift(s, inst, 0, Shift.lsr, Shift.lsl, true)],
  [Op.pair_shr_u, (s, inst) => pairShift(s, inst, 0, Shift.lsr, Shift.lsl, false)],
  ...[Op.pair_lt_s, Op.pair_lt_u, Op.pair_ge_s, Op.pair_ge_u].map((op) => [op, comparison] as const),
]);
