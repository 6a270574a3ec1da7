import { computeDominators } from '../ir/dominators.ts';
import type { Block, Func } from '../ir/function.ts';
import { computeLoops } from '../ir/loops.ts';
import { MBlock } from './machine.ts';

/** An edge of the SSA form: where it goes, as which predecessor, and the machine block that it goes to first. */
export interface Edge {
  readonly to: Block;
  /** Index of the edge's source in `to.preds`. */
  readonly index: number;
  /** The successor's machine block, or the block that splits a critical edge to it. */
  target: MBlock;
}

/** The machine blocks of a function, before they have instructions. */
export interface MachineBlocks {
  /** In layout order, the splitting blocks among them; numbered in this order. */
  readonly order: MBlock[];
  /** Machine blocks of the SSA blocks, by block number. */
  readonly of: MBlock[];
  /** Outgoing edges in the order of Block.succs, by block number. */
  readonly edges: readonly Edge[][];
  /** Splitting blocks, each with the block whose edge it splits and the machine block that it jumps to. */
  readonly splits: readonly { readonly block: MBlock; readonly from: Block; readonly to: MBlock }[];
}

interface Split {
  readonly from: Block;
  readonly edge: Edge;
}

/** Edges by source, in the order of its successors. */
function collectEdges(func: Func, placeholder: MBlock): Edge[][] {
  const edges: Edge[][] = new Array(func.blockCount);
  const successor = new Int32Array(func.blockCount);
  const incoming: { to: Block; index: number }[][] = new Array(func.blockCount);
  for (const block of func.blocks) incoming[block.id] = [];
  for (const to of func.blocks) {
    to.preds.forEach((pred, index) => {
      incoming[pred.id].push({ to, index });
    });
  }
  for (const block of func.blocks) {
    const list: Edge[] = new Array(block.succs.length);
    block.succs.forEach((succ, k) => {
      successor[succ.id] = k;
    });
    for (const { to, index } of incoming[block.id]) {
      list[successor[to.id]] = { to, index, target: placeholder };
    }
    edges[block.id] = list;
  }
  return edges;
}

/**
 * Makes the machine blocks of `func`, one for each SSA block and one for each critical edge. A split forward edge's block
 * stands directly before its target, so that it is outside of the loops that the edge leaves or enters; a split back
 * edge's block stands behind its source, at the end of the loop.
 */
export function makeBlocks(func: Func): MachineBlocks {
  const { blocks } = func;
  const placeholder = new MBlock(-1);
  const edges = collectEdges(func, placeholder);
  const place = new Int32Array(func.blockCount);
  blocks.forEach((block, k) => {
    place[block.id] = k;
  });
  const before: Split[][] = new Array(func.blockCount);
  const behind: Split[][] = new Array(func.blockCount);
  for (const from of blocks) {
    if (from.succs.length < 2) continue;
    for (const edge of edges[from.id]) {
      const { to } = edge;
      if (to.preds.length < 2) continue;
      const forward = place[to.id] > place[from.id];
      const list = forward ? before : behind;
      const at = forward ? to.id : from.id;
      if (list[at] === undefined) list[at] = [];
      list[at].push({ from, edge });
    }
  }

  const { depth, header } = computeLoops(func, computeDominators(func));
  const order: MBlock[] = [];
  const of: MBlock[] = new Array(func.blockCount);
  const splits: { block: MBlock; from: Block; to: MBlock }[] = [];
  const pending: (Split & { block: MBlock })[] = [];
  const add = (loopDepth: number, cold: boolean): MBlock => {
    const block = new MBlock(order.length);
    block.loopDepth = loopDepth;
    block.cold = cold;
    order.push(block);
    return block;
  };
  const split = ({ from, edge }: Split, forward: boolean): void => {
    const { to } = edge;
    const entersLoop = forward && header[to.id] === to.id;
    const block = add(depth[to.id] - (entersLoop ? 1 : 0), from.cold || to.cold);
    edge.target = block;
    pending.push({ block, from, edge });
  };
  for (const block of blocks) {
    for (const edge of before[block.id] ?? []) split(edge, true);
    of[block.id] = add(depth[block.id], block.cold);
    for (const edge of behind[block.id] ?? []) split(edge, false);
  }
  for (const { block, from, edge } of pending) splits.push({ block, from, to: of[edge.to.id] });

  for (const block of blocks) {
    const from = of[block.id];
    from.preds = new Array(block.preds.length);
    for (const edge of edges[block.id]) {
      if (edge.target === placeholder) edge.target = of[edge.to.id];
      from.succs.push(edge.target);
    }
  }
  for (const block of blocks) {
    for (const edge of edges[block.id]) {
      const to = of[edge.to.id];
      if (edge.target === to) {
        to.preds[edge.index] = of[block.id];
      } else {
        to.preds[edge.index] = edge.target;
        edge.target.preds = [of[block.id]];
        edge.target.succs = [to];
      }
    }
  }
  return { order, of, edges, splits };
}
