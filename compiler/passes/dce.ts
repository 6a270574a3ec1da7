import { isRoot } from '../ir/effects.ts';
import type { Func, Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Type } from '../ir/types.ts';

/**
 * Dead code: keeps what has an effect and what that needs. Phis that only feed one another die too. Of a word pair of
 * which only the low half is wanted, only the low halves are computed.
 *
 * Needs: nothing. Leaves: no unused instruction without effect, no call result that nobody reads.
 */
export function dce(func: Func): void {
  const live = markLive(func);
  for (const block of func.blocks) {
    block.phis = sweep(block.phis, live);
    const kept = sweep(block.insts, live);
    if (kept !== block.insts) block.insts = kept;
    let dropped = false;
    for (const inst of kept) if (halve(inst, live)) dropped = true;
    if (dropped) block.insts = sweep(kept, live);
  }
}

/** The single-word operation that computes the low half of a pair operation, by operation; 0 where there is none. */
const lowHalf = new Uint16Array(Op.pair_ge_u + 1);
lowHalf[Op.pair_add] = Op.add;
lowHalf[Op.pair_sub] = Op.sub;
lowHalf[Op.pair_mul] = Op.mul;

const lowHalfOf = (op: number): number => (op < lowHalf.length ? lowHalf[op] : 0);

/** Bits per instruction: 1 needed, 2 its high half is needed (pair operations). */
function markLive(func: Func): Uint8Array {
  const live = new Uint8Array(func.instCount);
  const work: Inst[] = [];
  const need = (inst: Inst) => {
    if (live[inst.id] === 0) {
      live[inst.id] = 1;
      work.push(inst);
    }
  };
  for (const block of func.blocks) {
    for (const inst of block.insts) if (isRoot(inst)) need(inst);
  }
  for (let inst = work.pop(); inst !== undefined; inst = work.pop()) {
    const { args } = inst;
    if (inst.op === Op.result && lowHalfOf(args[0].op) !== 0) {
      const pair = args[0];
      need(pair.args[0]);
      need(pair.args[2]);
      live[pair.id] |= 1;
      if (inst.imm === 1 && (live[pair.id] & 2) === 0) {
        live[pair.id] |= 2;
        need(pair.args[1]);
        need(pair.args[3]);
      }
    } else for (let k = 0; k < args.length; k++) need(args[k]);
  }
  return live;
}

/** The live ones of a list; the list itself if all are. */
function sweep(insts: Inst[], live: Uint8Array): Inst[] {
  let k = 0;
  while (k < insts.length && live[insts[k].id] !== 0) k++;
  if (k === insts.length) return insts;
  const kept = insts.slice(0, k);
  for (; k < insts.length; k++) if (live[insts[k].id] !== 0) kept.push(insts[k]);
  return kept;
}

/** Makes the `result` of a pair operation without a live high half the single-word operation itself. */
function halve(inst: Inst, live: Uint8Array): boolean {
  if (inst.op !== Op.result) return false;
  const pair = inst.args[0];
  const op = lowHalfOf(pair.op);
  if (op === 0 || (live[pair.id] & 2) !== 0) return false;
  inst.op = op;
  inst.type = Type.i32;
  inst.args = [pair.args[0], pair.args[2]];
  live[pair.id] = 0;
  return true;
}
