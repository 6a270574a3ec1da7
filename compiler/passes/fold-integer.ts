import { i64FromWords, isConst, isInt } from '../ir/constants.ts';
import { becomeConst } from '../ir/edit.ts';
import type { Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Access, Type } from '../ir/types.ts';
import type { Folder, FoldRule } from './fold.ts';
import { compareRules, equality, isBoolean, pairCompareRules } from './fold-compare.ts';
import { evaluate32, evaluate64 } from './fold-evaluate.ts';

/** Makes an integer constant of either type. */
export function constant64(f: Folder, type: Type, value: bigint, like: Inst): Inst {
  return f.constant(type, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)), like);
}

/** k if the constant is 2^k (as an unsigned number), else -1. */
export function powerOfTwo(inst: Inst): number {
  const { imm } = inst;
  const high = inst.type === Type.i64 ? inst.imm2 : 0;
  if (imm !== 0 && high !== 0) return -1;
  const word = imm !== 0 ? imm : high;
  if (word === 0 || (word & (word - 1)) !== 0) return -1;
  return 31 - Math.clz32(word) + (imm !== 0 ? 0 : 32);
}

/** Bits of an i32 value that are zero for certain. */
export function knownZeros(inst: Inst, depth = 3): number {
  const { op } = inst;
  if (op === Op.const) return ~inst.imm;
  if (isBoolean(op)) return ~1;
  if (op === Op.load || op === Op.load_indexed) {
    return inst.access === Access.u8 ? ~0xff : inst.access === Access.u16 ? ~0xffff : 0;
  }
  if (op === Op.clz || op === Op.ctz || op === Op.popcnt) return ~63;
  if (depth === 0) return 0;
  const [a, b] = inst.args;
  if (op === Op.and) return knownZeros(a, depth - 1) | knownZeros(b, depth - 1);
  if (op === Op.or || op === Op.xor) return knownZeros(a, depth - 1) & knownZeros(b, depth - 1);
  if (op === Op.shr_u && b.op === Op.const) return ~(-1 >>> (b.imm & 31));
  if (op === Op.select) return knownZeros(b, depth - 1) & knownZeros(inst.args[2], depth - 1);
  return 0;
}

/** Evaluates an operation on constants of one type; true if it did. */
export function evaluated(inst: Inst): boolean {
  const [a, b] = inst.args;
  if (!isConst(a) || (b !== undefined && !isConst(b))) return false;
  if (a.type === Type.i32) {
    becomeConst(inst, evaluate32(inst.op, a.imm, b === undefined ? 0 : b.imm));
  } else {
    const second = b === undefined ? 0n : i64FromWords(b.imm, b.imm2);
    const value = evaluate64(inst.op, i64FromWords(a.imm, a.imm2), second);
    becomeConst(inst, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  }
  return true;
}

/** A rule for what is left when the operation cannot be evaluated. Constants stand right. */
const commutative =
  (rule: FoldRule): FoldRule =>
  (f, inst) => {
    const { args } = inst;
    if (isConst(args[0])) {
      if (evaluated(inst)) return inst;
      inst.args = [args[1], args[0]];
    }
    return rule(f, inst);
  };

const plain =
  (rule: FoldRule): FoldRule =>
  (f, inst) =>
    evaluated(inst) ? inst : rule(f, inst);

/** (x op c) op d is x op (c op d). */
function reassociate(f: Folder, inst: Inst): void {
  const [left, right] = inst.args;
  if (!isConst(right) || left.op !== inst.op || !isConst(left.args[1])) return;
  const [x, c] = left.args;
  inst.args = [x, combined(f, inst.op, c, right, inst)];
}

function combined(f: Folder, op: number, c: Inst, d: Inst, like: Inst): Inst {
  if (c.type === Type.i32) return f.constant(Type.i32, evaluate32(op, c.imm, d.imm), 0, like);
  const value = evaluate64(op, i64FromWords(c.imm, c.imm2), i64FromWords(d.imm, d.imm2));
  return constant64(f, Type.i64, value, like);
}

const add: FoldRule = (f, inst) => {
  reassociate(f, inst);
  return isInt(inst.args[1], 0) ? inst.args[0] : inst;
};

const sub: FoldRule = (f, inst) => {
  const [a, b] = inst.args;
  if (a === b) {
    becomeConst(inst, 0);
    return inst;
  }
  if (!isConst(b)) return inst;
  if (isInt(b, 0)) return a;
  inst.op = Op.add;
  inst.args = [a, constant64(f, b.type, -i64FromWords(b.imm, b.imm2), inst)];
  return add(f, inst);
};

const mul: FoldRule = (f, inst) => {
  reassociate(f, inst);
  const [a, b] = inst.args;
  if (!isConst(b)) return inst;
  if (isInt(b, 0)) return b;
  if (isInt(b, 1)) return a;
  if (isInt(b, -1)) {
    inst.op = Op.sub;
    inst.args = [f.integer(inst.type, 0, inst), a];
    return inst;
  }
  const k = powerOfTwo(b);
  if (k > 0) {
    inst.op = Op.shl;
    inst.args = [a, f.integer(inst.type, k, inst)];
  }
  return inst;
};

const and = (f: Folder, inst: Inst): Inst => {
  reassociate(f, inst);
  const [a, b] = inst.args;
  if (a === b || isInt(b, -1)) return a;
  if (!isConst(b)) return inst;
  if (isInt(b, 0)) return b;
  if (inst.type === Type.i32) {
    if ((~knownZeros(a) & ~b.imm) === 0) return a;
  } else if (b.imm === -1 && b.imm2 === 0) {
    // The low word alone is kept: a move on x86-64, and a known zero where words are split.
    inst.op = Op.extend_u;
    inst.args = [f.make(Op.wrap, Type.i32, [a], inst)];
  }
  return inst;
};

const or: FoldRule = (f, inst) => {
  reassociate(f, inst);
  const [a, b] = inst.args;
  if (a === b || isInt(b, 0)) return a;
  return isInt(b, -1) ? b : inst;
};

const xor: FoldRule = (f, inst) => {
  reassociate(f, inst);
  const [a, b] = inst.args;
  if (isInt(b, 0)) return a;
  if (a === b) becomeConst(inst, 0);
  else if (isInt(b, 1) && isBoolean(a.op) && inst.type === Type.i32) {
    inst.op = Op.eq;
    inst.args = [a, f.integer(Type.i32, 0, inst)];
    return equality(f, inst);
  }
  return inst;
};

const shift: FoldRule = (f, inst) => {
  const [value] = inst.args;
  let [, count] = inst.args;
  const mask = inst.type === Type.i64 ? 63 : 31;
  if (isInt(value, 0)) return value;
  if (!isConst(count)) {
    const masks = count.op === Op.and && isInt(count.args[1], mask);
    if (masks) inst.args = [value, count.args[0]];
    return inst;
  }
  const by = count.imm & mask;
  if (by === 0) return value;
  if (by !== count.imm) count = f.integer(inst.type, by, inst);
  inst.args = [value, count];
  if (value.op === inst.op && isConst(value.args[1])) return shiftTwice(f, inst, by, mask);
  if (value.op === Op.shl && isConst(value.args[1]) && (value.args[1].imm & mask) === by) {
    return shiftBack(f, inst, mask + 1 - by);
  }
  return inst;
};

/** A shift of a shift in the same direction. */
function shiftTwice(f: Folder, inst: Inst, by: number, mask: number): Inst {
  const inner = inst.args[0];
  const rotates = inst.op === Op.rotl || inst.op === Op.rotr;
  let sum = (inner.args[1].imm & mask) + by;
  if (rotates) sum &= mask;
  else if (sum > mask) {
    if (inst.op !== Op.shr_s) {
      becomeConst(inst, 0);
      return inst;
    }
    sum = mask;
  }
  if (sum === 0) return inner.args[0];
  inst.args = [inner.args[0], f.integer(inst.type, sum, inst)];
  return inst;
}

/** A shift right of a shift left by as much: the lowest `kept` bits, extended. */
function shiftBack(f: Folder, inst: Inst, kept: number): Inst {
  const value = inst.args[0].args[0];
  if (inst.op === Op.shr_s) {
    const extend =
      kept === 8
        ? Op.extend8_s
        : kept === 16
          ? Op.extend16_s
          : kept === 32 && inst.type === Type.i64
            ? Op.extend32_s
            : -1;
    if (extend < 0) return inst;
    inst.op = extend;
    inst.args = [value];
  } else if (inst.op === Op.shr_u) {
    inst.op = Op.and;
    inst.args = [value, constant64(f, inst.type, (1n << BigInt(kept)) - 1n, inst)];
    return and(f, inst);
  }
  return inst;
}

/** Sign extension of the low bits: nothing above them in its input matters. */
const extendLow =
  (bits: 8 | 16 | 32, access: Access): FoldRule =>
  (_, inst) => {
    const [value] = inst.args;
    if (value.op === inst.op) return value;
    const loads = value.op === Op.load || value.op === Op.load_indexed;
    if (loads && value.access === access) return value;
    if (value.op === Op.and && isConst(value.args[1])) {
      const mask = bits === 32 ? -1 : 2 ** bits - 1;
      if ((value.args[1].imm & mask) === mask) inst.args = [value.args[0]];
    }
    return inst;
  };

/** i32 to i64. A value whose sign bit is known to be zero is extended by zeros, which later folds recognise. */
const extend: FoldRule = (_, inst) => {
  const [value] = inst.args;
  if (isConst(value)) becomeConst(inst, value.imm, inst.op === Op.extend_s ? value.imm >> 31 : 0);
  else if (inst.op === Op.extend_s && knownZeros(value) < 0) inst.op = Op.extend_u;
  return inst;
};

const wrap: FoldRule = (_, inst) => {
  const [value] = inst.args;
  if (value.op === Op.extend_s || value.op === Op.extend_u) return value.args[0];
  const masks = value.op === Op.and && isConst(value.args[1]) && value.args[1].imm === -1;
  if (masks || value.op === Op.extend32_s) inst.args = [value.args[0]];
  return inst;
};

const keep: FoldRule = (_, inst) => inst;

export const integerRules: readonly (readonly [op: number, rule: FoldRule])[] = [
  [Op.add, commutative(add)],
  [Op.sub, plain(sub)],
  [Op.mul, commutative(mul)],
  [Op.and, commutative(and)],
  [Op.or, commutative(or)],
  [Op.xor, commutative(xor)],
  [Op.shl, plain(shift)],
  [Op.shr_s, plain(shift)],
  [Op.shr_u, plain(shift)],
  [Op.rotl, plain(shift)],
  [Op.rotr, plain(shift)],
  [Op.clz, plain(keep)],
  [Op.ctz, plain(keep)],
  [Op.popcnt, plain(keep)],
  [Op.extend8_s, plain(extendLow(8, Access.s8))],
  [Op.extend16_s, plain(extendLow(16, Access.s16))],
  [Op.extend32_s, plain(extendLow(32, Access.s32))],
  [Op.extend_s, extend],
  [Op.extend_u, extend],
  [Op.wrap, plain(wrap)],
  ...compareRules.map(([op, rule]) => [op, plain(rule)] as const),
  ...pairCompareRules,
];
