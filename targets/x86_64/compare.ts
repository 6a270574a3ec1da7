import type { Selector } from '../../compiler/backend/selector.ts';
import type { Inst } from '../../compiler/ir/function.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { Access, Type } from '../../compiler/ir/types.ts';
import { Cond, Size, X } from './instructions.ts';
import { address, double, emitRm, immediate, inMemory, low, operand, setMemory, wide } from './operands.ts';

/**
 * Comparisons as flags. What reads the returned condition must be emitted in the same rule: no other rule keeps the
 * flags, while the allocator's moves, spills, reloads and constants never touch them.
 */

/** Condition of an integer comparison after `cmp a, b`. */
const integer = new Map<number, number>([
  [Op.eq, Cond.e],
  [Op.ne, Cond.ne],
  [Op.lt_s, Cond.l],
  [Op.lt_u, Cond.b],
  [Op.gt_s, Cond.g],
  [Op.gt_u, Cond.a],
  [Op.le_s, Cond.le],
  [Op.le_u, Cond.be],
  [Op.ge_s, Cond.ge],
  [Op.ge_u, Cond.ae],
]);

/**
 * Condition of a float comparison after `ucomis a, b`, and whether the operands change places: unordered operands set CF, ZF
 * and PF (SDM, UCOMISD), so "below" is asked as "above" of the swapped ones.
 */
const float = new Map<number, readonly [cond: number, swap: boolean]>([
  [Op.feq, [Cond.floatEqual, false]],
  [Op.fne, [Cond.floatUnequal, false]],
  [Op.flt, [Cond.a, true]],
  [Op.fgt, [Cond.a, false]],
  [Op.fle, [Cond.ae, true]],
  [Op.fge, [Cond.ae, false]],
]);

/** The condition that says of `cmp b, a` what the index says of `cmp a, b`. */
const swapped = new Map<number, number>([
  [Cond.l, Cond.g],
  [Cond.g, Cond.l],
  [Cond.le, Cond.ge],
  [Cond.ge, Cond.le],
  [Cond.b, Cond.a],
  [Cond.a, Cond.b],
  [Cond.be, Cond.ae],
  [Cond.ae, Cond.be],
]);

const isComparison = (op: number): boolean => integer.has(op) || float.has(op);

/** The opposite condition. */
const opposite = (cond: number): number => cond ^ 1;

/**
 * Emits what sets the flags for "value is not zero", in place of computing `value` for `user`; returns the condition. `user` is null
 * where the user itself is computed several times: then comparisons are repeated, too, but loads are not.
 */
export function nonZero(s: Selector, value: Inst, user: Inst | null): number {
  const alone = user !== null && s.canFold(value, user);
  if (isComparison(value.op) && (alone || s.canDuplicate(value))) return compare(s, value, alone);
  if (value.op === Op.and && alone) {
    testBits(s, value);
    return Cond.ne;
  }
  const narrow = user === null ? -1 : narrowSize(s, value, user);
  if (narrow >= 0 || inMemory(s, value, user)) {
    const mem = address(s, value);
    const made = s.emit(X.cmp_i + (narrow >= 0 ? narrow : Size.dword + wide(value.type)), [], []);
    setMemory(made, mem, value);
    return Cond.ne;
  }
  const register = low(s, value);
  s.emit(X.test + wide(value.type), [], [register, register]);
  return Cond.ne;
}

/** Flags of the conjunction `and`, for being zero or not. */
function testBits(s: Selector, and: Inst): void {
  const [a, b] = and.args;
  const mask = b.op === Op.const && (b.type === Type.i32 || b.imm2 === 0 || b.imm2 === b.imm >> 31);
  if (!mask) {
    const swap = !inMemory(s, b, and) && inMemory(s, a, and);
    const second = operand(s, swap ? a : b, and);
    const first = low(s, swap ? b : a);
    // `test` names its r/m operand first.
    const uses = second.mem === null ? [second.register, first] : [first];
    const made = s.emit(X.test + wide(and.type), [], uses);
    if (second.mem !== null) setMemory(made, second.mem, second.load);
    return;
  }
  // What is read in memory is read as wide as the load reads it: its last byte decides whether it traps.
  const narrow = isByteMask(b) ? narrowSize(s, a, and) : -1;
  if (narrow >= 0) {
    const mem = address(s, a);
    const made = s.emit(X.test_i + narrow, [], []);
    made.imm = narrow === Size.byte ? (b.imm << 24) >> 24 : b.imm;
    setMemory(made, mem, a);
    return;
  }
  // The immediate is sign-extended to 64 bits; a mask that is not lies in the low word, of a register only.
  const extends64 = b.type === Type.i64 && b.imm2 === b.imm >> 31;
  if (inMemory(s, a, and) && (b.type === Type.i32 || extends64)) {
    const mem = address(s, a);
    const made = s.emit(X.test_i + Size.dword + wide(a.type), [], []);
    made.imm = b.imm;
    setMemory(made, mem, a);
    return;
  }
  const size = isByteMask(b) ? Size.byte : Size.dword + (extends64 && b.imm < 0 ? 1 : 0);
  const made = s.emit(X.test_i + size, [], [low(s, a)]);
  made.imm = size === Size.byte ? (b.imm << 24) >> 24 : b.imm;
}

const isByteMask = (mask: Inst): boolean =>
  mask.imm >= 0 && mask.imm <= 0xff && (mask.type === Type.i32 || mask.imm2 === 0);

/** The {@link Size} of an 8- or 16-bit load that `user` may compare in memory, else -1. */
function narrowSize(s: Selector, value: Inst, user: Inst): number {
  if (value.op !== Op.load && value.op !== Op.load_indexed) return -1;
  const { access } = value;
  if (access < Access.s8 || access > Access.u16 || !s.canFold(value, user)) return -1;
  return access <= Access.u8 ? Size.byte : Size.word;
}

const isUnsigned = (load: Inst): boolean => load.access === Access.u8 || load.access === Access.u16;

/** Emits the comparison `inst` for its flags; returns the condition under which it holds. `folds`: its operands' loads may be read in memory. */
export function compare(s: Selector, inst: Inst, folds: boolean): number {
  const user = folds ? inst : null;
  const cond = integer.get(inst.op);
  const [x, y] = inst.args;
  if (cond !== undefined) {
    if (x.op !== Op.const || y.op === Op.const) return compareIntegers(s, x, y, cond, user);
    return compareIntegers(s, y, x, swapped.get(cond) ?? cond, user);
  }
  const [floatCond, exchange] = float.get(inst.op) ?? [Cond.e, false];
  const [a, b] = exchange ? [y, x] : [x, y];
  const symmetric = floatCond >= Cond.floatEqual;
  const swap = symmetric && !inMemory(s, b, user) && inMemory(s, a, user);
  const rm = operand(s, swap ? a : b, user);
  emitRm(s, X.ucomis + double(a.type), [], [s.use(swap ? b : a)], rm);
  return floatCond;
}

function compareIntegers(s: Selector, a: Inst, b: Inst, cond: number, user: Inst | null): number {
  const imm = immediate(b);
  if (imm === 0 && (cond === Cond.e || cond === Cond.ne)) {
    const held = nonZero(s, a, user);
    return cond === Cond.ne ? held : opposite(held);
  }
  const size = wide(a.type);
  if (imm !== null) {
    const inNarrow = user === null ? null : compareNarrow(s, a, imm, cond, user);
    if (inNarrow !== null) return inNarrow;
    const rm = operand(s, a, user);
    if (imm === 0 && rm.mem === null) s.emit(X.test + size, [], [rm.register, rm.register]);
    else emitRm(s, X.cmp_i + Size.dword + size, [], [], rm).imm = imm;
    return cond;
  }
  if (!inMemory(s, b, user) && inMemory(s, a, user)) {
    const mem = address(s, a);
    setMemory(s.emit(X.cmp_m + size, [], [low(s, b)]), mem, a);
    return cond;
  }
  const rm = operand(s, b, user);
  emitRm(s, X.cmp + size, [], [low(s, a)], rm);
  return cond;
}

/** `cmp byte or word [mem], imm` for a narrow load, where it decides the same; else null. */
function compareNarrow(s: Selector, a: Inst, imm: number, cond: number, user: Inst): number | null {
  const { access } = a;
  const bits = access <= Access.u8 ? 8 : 16;
  const unsigned = isUnsigned(a);
  // Sixteen-bit immediates stall the decoder (optimization manual, length-changing prefixes); a byte's never do.
  const limit = bits === 8 ? 0x80 : 0x7f;
  const fits = unsigned ? imm >= 0 && imm < (bits === 8 ? 0x100 : 0x80) : imm >= -limit && imm < limit;
  const comparesSigned = cond >= Cond.l;
  const isEquality = cond === Cond.e || cond === Cond.ne;
  if (!fits || (!unsigned && !comparesSigned && !isEquality)) return null;
  const size = narrowSize(s, a, user);
  if (size < 0) return null;
  const mem = address(s, a);
  const made = s.emit(X.cmp_i + size, [], []);
  made.imm = bits === 8 ? (imm << 24) >> 24 : imm;
  setMemory(made, mem, a);
  return unsigned && comparesSigned ? asUnsigned[cond - Cond.l] : cond;
}

/** The unsigned condition in place of l, ge, le, g: values without sign bit compare alike. */
const asUnsigned = [Cond.b, Cond.ae, Cond.be, Cond.a];
