import { type MInst, RegClass } from '../../compiler/backend/machine.ts';
import type { Selector } from '../../compiler/backend/selector.ts';
import type { Inst } from '../../compiler/ir/function.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { isModified } from './encode.ts';
import { Cond, I } from './instructions.ts';
import {
  byType,
  constantOrRegister,
  emitGroup,
  isConstant,
  isSecondOperand,
  secondOperand,
} from './operands.ts';

/**
 * Comparisons as flags. What follows the returned condition must be emitted in the same rule: no other rule keeps the flags,
 * while the allocator's moves, spills and reloads never touch them.
 */

/** Condition of an integer comparison after `cmp a, b`. */
const integer = new Map<number, number>([
  [Op.eq, Cond.eq],
  [Op.ne, Cond.ne],
  [Op.lt_s, Cond.lt],
  [Op.lt_u, Cond.lo],
  [Op.gt_s, Cond.gt],
  [Op.gt_u, Cond.hi],
  [Op.le_s, Cond.le],
  [Op.le_u, Cond.ls],
  [Op.ge_s, Cond.ge],
  [Op.ge_u, Cond.hs],
]);

/** Condition after `vcmp a, b` and vmrs; each is false for unordered operands but ne (DDI 0406C A8.3, table A8-1). */
const float = new Map<number, number>([
  [Op.feq, Cond.eq],
  [Op.fne, Cond.ne],
  [Op.flt, Cond.mi],
  [Op.fgt, Cond.gt],
  [Op.fle, Cond.ls],
  [Op.fge, Cond.ge],
]);

/** Condition after cmp of the low words and sbcs of the high ones. */
const pair = new Map<number, number>([
  [Op.pair_lt_s, Cond.lt],
  [Op.pair_lt_u, Cond.lo],
  [Op.pair_ge_s, Cond.ge],
  [Op.pair_ge_u, Cond.hs],
]);

/** The condition that says of `cmp b, a` what the key says of `cmp a, b`. */
const swapped = new Map<number, number>([
  [Cond.eq, Cond.eq],
  [Cond.ne, Cond.ne],
  [Cond.lt, Cond.gt],
  [Cond.gt, Cond.lt],
  [Cond.le, Cond.ge],
  [Cond.ge, Cond.le],
  [Cond.lo, Cond.hi],
  [Cond.hi, Cond.lo],
  [Cond.ls, Cond.hs],
  [Cond.hs, Cond.ls],
]);

const isComparison = (op: number): boolean => integer.has(op) || float.has(op) || pair.has(op);

/** True if testing `value` for zero in a rule for `user` compares something else than a register with 0. */
export const holds = (s: Selector, value: Inst, user: Inst): boolean =>
  isComparison(value.op) ? s.canDuplicate(value) : isTest(value.op) && s.canFold(value, user);

const tests = new Map<number, number>([
  [Op.and, I.tst_immediate],
  [Op.xor, I.teq_immediate],
  [Op.sub, I.cmp_immediate],
  [Op.add, I.cmn_immediate],
]);
const isTest = (op: number): boolean => tests.has(op);

/** Emits a compare for "value is not zero", used by `user`; returns its condition. */
export function nonZero(s: Selector, value: Inst, user: Inst): number {
  if (isComparison(value.op) && s.canDuplicate(value)) return compare(s, value);
  if (isJoined(s, value) && s.canFold(value, user)) return compareBoth(s, value);
  const test = tests.get(value.op);
  if (test !== undefined && s.canFold(value, user)) {
    const [a, b] = value.args;
    const commutes = value.op !== Op.sub;
    const swap = commutes && !isSecondOperand(s, b, value) && isSecondOperand(s, a, value);
    const first = s.use(swap ? b : a);
    emitGroup(s, test, [], [first], secondOperand(s, swap ? a : b, value));
    return Cond.ne;
  }
  s.emit(I.cmp_immediate, [], [s.use(value)]).imm = 0;
  return Cond.ne;
}

/** True for an integer comparison that is one instruction, of which the operands can take either order. */
const isSimple = (s: Selector, inst: Inst): boolean =>
  integer.has(inst.op) &&
  s.canDuplicate(inst) &&
  !(isConstant(inst.args[1], 0) && holds(s, inst.args[0], inst));

/** True for two comparisons joined by `and` or `or` that {@link compareBoth} can make one condition of. */
export function isJoined(s: Selector, value: Inst): boolean {
  if (value.op !== Op.and && value.op !== Op.or) return false;
  const [a, b] = value.args;
  if (!isSimple(s, a) || !isSimple(s, b)) return false;
  const [cond, other] = [integer.get(a.op), integer.get(b.op)];
  return cond === other || (other !== undefined && swapped.get(other) === cond);
}

/**
 * Two comparisons joined by and (or): the second is made only if the first holds (fails), and otherwise leaves flags that fail
 * (hold) as well, which takes the same condition for both.
 */
export function compareBoth(s: Selector, value: Inst): number {
  const [a, b] = value.args;
  const cond = integer.get(a.op) ?? Cond.al;
  compareOne(s, a, false);
  compareOne(s, b, integer.get(b.op) !== cond).cond = value.op === Op.and ? cond : cond ^ 1;
  return cond;
}

/** Emits a comparison of integers as one instruction, with the operands in their order or the other one. */
function compareOne(s: Selector, inst: Inst, swap: boolean): MInst {
  const [a, b] = swap ? [inst.args[1], inst.args[0]] : inst.args;
  const first = s.use(a);
  // cmn sets the flags of an addition of the negative: those of cmp, but for 0, which cmp takes itself.
  if (b.op === Op.const && !isModified(b.imm) && isModified(-b.imm)) {
    const made = s.emit(I.cmn_immediate, [], [first]);
    made.imm = -b.imm;
    return made;
  }
  return emitGroup(s, I.cmp_immediate, [], [first], secondOperand(s, b, inst));
}

/** Emits the comparison `inst` for its flags; returns the condition under which it holds. */
export function compare(s: Selector, inst: Inst): number {
  const [a, b] = inst.args;
  const ofIntegers = integer.get(inst.op);
  if (ofIntegers !== undefined) {
    if (isConstant(b, 0) && (inst.op === Op.eq || inst.op === Op.ne)) {
      const held = nonZero(s, a, inst);
      return inst.op === Op.ne ? held : held ^ 1;
    }
    const swap = !isSecondOperand(s, b, inst) && isSecondOperand(s, a, inst);
    compareOne(s, inst, swap);
    return swap ? (swapped.get(ofIntegers) ?? Cond.al) : ofIntegers;
  }
  const ofPairs = pair.get(inst.op);
  if (ofPairs !== undefined) {
    const [al, ah, bl, bh] = inst.args;
    emitGroup(s, I.cmp_immediate, [], [s.use(al)], constantOrRegister(s, bl));
    const discarded = s.temp(RegClass.int);
    emitGroup(s, I.sbcs_immediate, [discarded], [s.use(ah)], constantOrRegister(s, bh));
    return ofPairs;
  }
  if (b.op === Op.const && b.imm === 0 && b.imm2 === 0) {
    s.emit(byType(I.vcmp_zero_f32, a.type), [], [s.use(a)]);
  } else s.emit(byType(I.vcmp_f32, a.type), [], [s.use(a), s.use(b)]);
  s.emit(I.vmrs, [], []);
  return float.get(inst.op) ?? Cond.al;
}
