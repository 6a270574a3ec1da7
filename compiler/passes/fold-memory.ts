import { isConst } from '../ir/constants.ts';
import type { Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { noBound, upperBound } from '../ir/upper-bound.ts';
import type { FoldRule } from './fold.ts';

/**
 * Accesses of linear memory and their bounds checks. A part of the index that is constant becomes part of the offset where the sum cannot
 * wrap: then one check of what is left serves all fields of an element, and indices into tables at constant addresses are small.
 */

/** Offsets that instructions and guard regions make no trouble of. Farther ones are better left in a register, where others may use them. */
const nearOffset = 4096;

/** Takes a constant that is added to the index over into the offset. */
function gatherOffset(inst: Inst, index: number): void {
  for (;;) {
    const sum = inst.args[index];
    if (sum.op !== Op.add || !isConst(sum.args[1])) return;
    const [rest, constant] = sum.args;
    const added = constant.imm >>> 0;
    if (inst.offset + added > nearOffset || upperBound(rest) + added > noBound) return;
    inst.args[index] = rest;
    inst.offset += added;
  }
}

/** A constant index is part of the offset. Far beyond what instructions hold as offset it is better left in a register. */
const access =
  (plain: number): FoldRule =>
  (_, inst) => {
    gatherOffset(inst, 1);
    const [base, index] = inst.args;
    if (!isConst(index)) return inst;
    const offset = inst.offset + (index.imm >>> 0);
    if (offset >= 2 ** 31) return inst;
    inst.op = plain;
    inst.offset = offset;
    inst.args = [base, ...inst.args.slice(2)];
    return inst;
  };

/**
 * Memories never shrink: what is within the size that one has at least is within it for ever. An access that begins there and ends in the guard
 * region faults.
 */
const checkBounds: FoldRule = (f, inst) => {
  gatherOffset(inst, 0);
  const [index, size] = inst.args;
  const bytes = isConst(size) ? (size.imm2 >>> 0) * 2 ** 32 + (size.imm >>> 0) : f.memoryBytes;
  const bound = upperBound(index);
  const guarded = inst.offset <= f.guardBytes && bound < bytes;
  return guarded || bound + inst.offset <= bytes ? null : inst;
};

/** Rules by operation number. */
export const memoryRules: readonly (readonly [number, FoldRule])[] = [
  [Op.check_bounds, checkBounds],
  [Op.load_indexed, access(Op.load)],
  [Op.store_indexed, access(Op.store)],
];
