import type { Dominators } from './dominators.ts';
import type { Block, Func } from './function.ts';

/** The natural loops of a function. Arrays are indexed by block number. */
export interface Loops {
  /** Headers, inner loops before the loops around them. */
  readonly headers: readonly Block[];
  /** Number of the header of the innermost loop that the block is in (a header is in its own), or -1. */
  readonly header: Int32Array;
  /** For headers: number of the header of the loop around, or -1. */
  readonly parent: Int32Array;
  /** Loops around the block, its own included; 0 outside. */
  readonly depth: Int32Array;
}

/**
 * Finds the natural loops: a header dominates the source of a back edge to it. From inner to outer loops, each body is
 * collected backwards from its back edges, stepping over loops already found, so that every block is seen once a level.
 */
export function computeLoops(func: Func, dominators: Dominators): Loops {
  const count = func.blockCount;
  const header = new Int32Array(count).fill(-1);
  const parent = new Int32Array(count).fill(-1);
  const depth = new Int32Array(count);
  const headers: Block[] = [];
  const byId = new Array<Block>(count);
  for (const block of dominators.order) byId[block.id] = block;

  /** The outermost loop found so far around block `id`, as its header; the block itself outside of all. */
  const outermost = (id: number): number => {
    let at = id;
    if (header[at] >= 0) at = header[at];
    while (parent[at] >= 0) at = parent[at];
    return at;
  };

  const work: Block[] = [];
  for (let k = dominators.order.length - 1; k >= 0; k--) {
    const head = dominators.order[k];
    for (const pred of head.preds) if (dominators.dominates(head, pred)) work.push(pred);
    if (work.length === 0) continue;
    headers.push(head);
    header[head.id] = head.id;
    while (work.length > 0) {
      const block = work.pop() as Block;
      const at = outermost(block.id);
      if (at === head.id) continue;
      if (header[at] === at) parent[at] = head.id;
      else header[at] = head.id;
      for (const pred of byId[at].preds) if (dominators.isReachable(pred)) work.push(pred);
    }
  }
  // Reverse postorder visits a loop's header before the rest of it, and outer headers before inner ones.
  for (const { id } of dominators.order) {
    if (header[id] === id) depth[id] = parent[id] >= 0 ? depth[parent[id]] + 1 : 1;
    else depth[id] = header[id] >= 0 ? depth[header[id]] : 0;
  }
  return { headers, header, parent, depth };
}
