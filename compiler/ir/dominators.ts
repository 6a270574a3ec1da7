import type { Block, Func } from './function.ts';

/**
 * The dominator tree of a function. Block numbers index the arrays. Unreachable blocks are in none of them and
 * dominate nothing.
 */
export class Dominators {
  /** Reachable blocks in reverse postorder: forward edges go forward. */
  readonly order: readonly Block[];
  /** Position in {@link order}; -1 for unreachable blocks. */
  readonly position: Int32Array;
  /** Number of the immediate dominator; -1 for the entry and unreachable blocks. */
  readonly idom: Int32Array;
  private readonly enter: Int32Array;
  private readonly leave: Int32Array;

  constructor(order: readonly Block[], position: Int32Array, idom: Int32Array) {
    this.order = order;
    this.position = position;
    this.idom = idom;
    this.enter = new Int32Array(idom.length).fill(-1);
    this.leave = new Int32Array(idom.length).fill(-1);
    this.numberTree();
  }

  isReachable(block: Block): boolean {
    return this.position[block.id] >= 0;
  }

  /** True if every path to `b` goes through `a`; every reachable block dominates itself. */
  dominates(a: Block, b: Block): boolean {
    const at = this.enter[b.id];
    return at >= 0 && this.enter[a.id] >= 0 && this.enter[a.id] <= at && at < this.leave[a.id];
  }

  /** Blocks in preorder of the dominator tree: a subtree's blocks follow its root without a gap. */
  preorder(): Block[] {
    const blocks = new Array<Block>(this.order.length);
    for (const block of this.order) blocks[this.enter[block.id]] = block;
    return blocks;
  }

  /**
   * Preorder intervals, so that dominance is two comparisons. Subtree sizes come from a backward sweep over the order
   * (children stand behind their parent there), places from a forward one.
   */
  private numberTree(): void {
    const { order, idom, enter, leave } = this;
    const size = new Int32Array(idom.length);
    for (let k = order.length - 1; k >= 0; k--) {
      const id = order[k].id;
      size[id]++;
      if (idom[id] >= 0) size[idom[id]] += size[id];
    }
    const free = new Int32Array(idom.length);
    for (const { id } of order) {
      const parent = idom[id];
      const at = parent < 0 ? 0 : free[parent];
      if (parent >= 0) free[parent] += size[id];
      enter[id] = at;
      leave[id] = at + size[id];
      free[id] = at + 1;
    }
  }
}

/** Reachable blocks in reverse postorder, by a depth-first walk without recursion. */
export function reversePostorder(func: Func): Block[] {
  const next = new Int32Array(func.blockCount).fill(-1);
  const stack: Block[] = [func.blocks[0]];
  const order: Block[] = [];
  next[func.blocks[0].id] = 0;
  while (stack.length > 0) {
    const block = stack[stack.length - 1];
    const k = next[block.id]++;
    if (k < block.succs.length) {
      // The last successor first, so that the first one comes first in the reversed result.
      const succ = block.succs[block.succs.length - 1 - k];
      if (next[succ.id] < 0) {
        next[succ.id] = 0;
        stack.push(succ);
      }
    } else {
      order.push(block);
      stack.pop();
    }
  }
  return order.reverse();
}

/**
 * Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm": intersects dominator chains in reverse postorder
 * until nothing changes; on wasm's structured (reducible) control flow that is two rounds.
 */
export function computeDominators(func: Func): Dominators {
  const order = reversePostorder(func);
  const position = new Int32Array(func.blockCount).fill(-1);
  for (let k = 0; k < order.length; k++) position[order[k].id] = k;
  // Immediate dominators by position; the entry is its own while the loop runs.
  const idomAt = new Int32Array(order.length).fill(-1);
  idomAt[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (let k = 1; k < order.length; k++) {
      let best = -1;
      for (const pred of order[k].preds) {
        let at = position[pred.id];
        if (at < 0 || idomAt[at] < 0) continue;
        if (best < 0) {
          best = at;
          continue;
        }
        while (at !== best) {
          while (at > best) at = idomAt[at];
          while (best > at) best = idomAt[best];
        }
      }
      if (idomAt[k] !== best) {
        idomAt[k] = best;
        changed = true;
      }
    }
  }
  const idom = new Int32Array(func.blockCount).fill(-1);
  for (let k = 1; k < order.length; k++) idom[order[k].id] = order[idomAt[k]].id;
  return new Dominators(order, position, idom);
}
