import { isConst, isInt } from '../ir/constants.ts';
import { becomeConst } from '../ir/edit.ts';
import { Op, ops } from '../ir/ops.ts';
import { Type } from '../ir/types.ts';
import type { FoldRule } from './fold.ts';
import { evaluate32 } from './fold-evaluate.ts';

const pairs = (list: readonly (readonly [number, number])[]): Int32Array => {
  const table = new Int32Array(ops.length).fill(-1);
  for (const [a, b] of list) {
    table[a] = b;
    table[b] = a;
  }
  return table;
};

/** The comparison that is true where this one is false, by operation; -1 for what is no comparison or has none. */
const inverse = pairs([
  [Op.eq, Op.ne],
  [Op.lt_s, Op.ge_s],
  [Op.lt_u, Op.ge_u],
  [Op.gt_s, Op.le_s],
  [Op.gt_u, Op.le_u],
  [Op.feq, Op.fne],
  [Op.pair_lt_s, Op.pair_ge_s],
  [Op.pair_lt_u, Op.pair_ge_u],
]);

/** The comparison with its sides exchanged. */
const turned = pairs([
  [Op.lt_s, Op.gt_s],
  [Op.lt_u, Op.gt_u],
  [Op.le_s, Op.ge_s],
  [Op.le_u, Op.ge_u],
]);

const booleans = Uint8Array.from(inverse, (op) => (op >= 0 ? 1 : 0));
for (const op of [Op.flt, Op.fgt, Op.fle, Op.fge]) booleans[op] = 1;

/** True for operations whose value is 0 or 1. */
export const isBoolean = (op: number): boolean => booleans[op] !== 0;

/** eq and ne. */
export const equality: FoldRule = (f, inst) => {
  if (isConst(inst.args[0])) inst.args.reverse();
  const [a, b] = inst.args;
  const equal = inst.op === Op.eq;
  if (a === b) {
    becomeConst(inst, equal ? 1 : 0);
    return inst;
  }
  if (!isConst(b)) return inst;
  const zero = isInt(b, 0);
  if (isBoolean(a.op) && (zero || isInt(b, 1))) {
    if (zero !== equal) return a;
    if (inverse[a.op] < 0) return inst;
    inst.op = inverse[a.op];
    inst.args = a.args.slice();
  } else if (zero && (a.op === Op.sub || a.op === Op.xor)) inst.args = a.args.slice();
  else if (zero && (a.op === Op.extend_u || a.op === Op.extend_s)) {
    inst.args = [a.args[0], f.integer(Type.i32, 0, inst)];
  } else if (a.type === Type.i32 && (a.op === Op.add || a.op === Op.xor) && isConst(a.args[1])) {
    const undo = a.op === Op.add ? Op.sub : Op.xor;
    inst.args = [a.args[0], f.integer(Type.i32, evaluate32(undo, b.imm, a.args[1].imm), inst)];
  }
  return inst;
};

/** lt, gt, le, ge of either sign. */
const order: FoldRule = (f, inst) => {
  if (isConst(inst.args[0])) {
    inst.args.reverse();
    inst.op = turned[inst.op];
  }
  const [a, b] = inst.args;
  if (a === b) {
    const { op } = inst;
    const holds = op === Op.le_s || op === Op.le_u || op === Op.ge_s || op === Op.ge_u;
    becomeConst(inst, holds ? 1 : 0);
    return inst;
  }
  if (!isConst(b)) return inst;
  const zero = () => f.integer(b.type, 0, inst);
  if (isInt(b, 0)) {
    if (inst.op === Op.lt_u) becomeConst(inst, 0);
    else if (inst.op === Op.ge_u) becomeConst(inst, 1);
    else if (inst.op === Op.gt_u) inst.op = Op.ne;
    else if (inst.op === Op.le_u) inst.op = Op.eq;
  } else if (isInt(b, 1) && (inst.op === Op.lt_u || inst.op === Op.ge_u)) {
    inst.op = inst.op === Op.lt_u ? Op.eq : Op.ne;
    inst.args = [a, zero()];
  } else if (isInt(b, -1) && (inst.op === Op.gt_s || inst.op === Op.le_s)) {
    // A test of the sign.
    inst.op = inst.op === Op.gt_s ? Op.ge_s : Op.lt_s;
    inst.args = [a, zero()];
  }
  return inst.op === Op.eq || inst.op === Op.ne ? equality(f, inst) : inst;
};

/** Pair comparisons whose high words are both zero, or of which the sign of the first alone matters. */
const pairCompare: FoldRule = (_, inst) => {
  const [aLow, aHigh, bLow, bHigh] = inst.args;
  if (!isInt(bHigh, 0)) return inst;
  const below = inst.op === Op.pair_lt_s || inst.op === Op.pair_lt_u;
  if (isInt(aHigh, 0)) {
    inst.op = below ? Op.lt_u : Op.ge_u;
    inst.args = [aLow, bLow];
  } else if ((inst.op === Op.pair_lt_s || inst.op === Op.pair_ge_s) && isInt(bLow, 0)) {
    inst.op = below ? Op.lt_s : Op.ge_s;
    inst.args = [aHigh, bHigh];
  }
  return inst;
};

/** Rules for what comparisons of two constants leave. */
export const compareRules: readonly (readonly [op: number, rule: FoldRule])[] = [
  [Op.eq, equality],
  [Op.ne, equality],
  [Op.lt_s, order],
  [Op.lt_u, order],
  [Op.gt_s, order],
  [Op.gt_u, order],
  [Op.le_s, order],
  [Op.le_u, order],
  [Op.ge_s, order],
  [Op.ge_u, order],
];

export const pairCompareRules: readonly (readonly [op: number, rule: FoldRule])[] = [
  [Op.pair_lt_s, pairCompare],
  [Op.pair_lt_u, pairCompare],
  [Op.pair_ge_s, pairCompare],
  [Op.pair_ge_u, pairCompare],
];
