import { InstFlag, type InstructionInfo } from '../target.ts';
import type { MBlock, MInst } from './machine.ts';

/** How often a loop runs for each time that it is entered. */
const loopFactor = 8;
/** How likely a branch goes to a cold block, and out of its loop, compared with any other. */
const coldLikelihood = 0.001;
const exitLikelihood = 0.15;
/** Bounds of the estimate, so that neither deep nesting nor long chains of branches leave its precision. */
const leastWeight = 1e-4;
const mostWeight = 1e6;

/**
 * Positions in a function whose blocks stand in layout order, as linear scan needs them. Every block start and every
 * instruction has a number n; operands are read at position 2n and results written at 2n + 1. Code can be inserted
 * in the gap before an instruction, which is position 2n as well, except inside a group: instructions glued to
 * one another, and all branches at the end of a block, between which nothing may stand.
 */
export class Numbering {
  readonly blocks: readonly MBlock[];
  /** Position of each block's start, by layout index, and behind the last one that of the function's end. */
  readonly start: Int32Array;
  /** Instructions by number; null for the number of a block's start. */
  readonly insts: (MInst | null)[];
  /** Layout index of the block of each number. */
  readonly blockOf: Int32Array;
  /** Number of the first and of the last instruction of the group of each number. */
  readonly head: Int32Array;
  readonly tail: Int32Array;
  /** Estimated executions of each block per call of the function. */
  readonly weight: Float64Array;
  /** Layout index by {@link MBlock.id}. */
  readonly order: Int32Array;
  /** Predecessors of block b by index: preds[predOffset[b]] to preds[predOffset[b + 1] - 1]. */
  readonly predOffset: Int32Array;
  readonly preds: Int32Array;
  /** Layout index of the header of the innermost loop around each block, or -1. */
  readonly loop: Int32Array;
  /** By layout index of a loop header: the header of the loop around it (or -1), and its last block. */
  readonly loopParent: Int32Array;
  readonly loopLast: Int32Array;

  constructor(layout: readonly MBlock[], instructions: readonly InstructionInfo[]) {
    const blocks = linearOrder(layout);
    this.blocks = blocks;
    const n = blocks.length;
    let numbers = 0;
    let maxId = 0;
    let edges = 0;
    for (const block of blocks) {
      edges += block.preds.length;
      numbers += block.insts.length + 1;
      if (block.id > maxId) maxId = block.id;
    }
    this.start = new Int32Array(n + 1);
    this.insts = new Array<MInst | null>(numbers).fill(null);
    this.blockOf = new Int32Array(numbers);
    this.head = new Int32Array(numbers);
    this.tail = new Int32Array(numbers);
    this.weight = new Float64Array(n);
    this.order = new Int32Array(maxId + 1);
    this.loop = new Int32Array(n);
    this.loopParent = new Int32Array(n);
    this.loopLast = new Int32Array(n);
    const glue = InstFlag.glued | InstFlag.branch | InstFlag.jump | InstFlag.switch;
    let number = 0;
    for (let b = 0; b < n; b++) {
      const block = blocks[b];
      this.order[block.id] = b;
      this.start[b] = number * 2;
      this.blockOf[number] = b;
      this.head[number] = number;
      this.tail[number] = number;
      number++;
      const insts = block.insts;
      let head = number;
      for (let i = 0; i < insts.length; i++) {
        const inst = insts[i];
        this.insts[number] = inst;
        this.blockOf[number] = b;
        this.head[number] = head;
        const last = i + 1 === insts.length;
        if (last || inst.op < 0 || (instructions[inst.op].flags & glue) === 0) {
          for (let k = head; k <= number; k++) this.tail[k] = number;
          head = number + 1;
        }
        number++;
      }
    }
    this.start[n] = number * 2;
    this.predOffset = new Int32Array(n + 1);
    this.preds = new Int32Array(edges);
    let edge = 0;
    for (let b = 0; b < n; b++) {
      for (const pred of blocks[b].preds) this.preds[edge++] = this.order[pred.id];
      this.predOffset[b + 1] = edge;
    }
    this.findLoops();
    this.estimateWeights();
  }

  /** Loops from their back edges: the layout keeps them contiguous, so that a header and a last block describe one. */
  private findLoops(): void {
    const { predOffset, preds, loop, loopParent, loopLast } = this;
    const n = this.blocks.length;
    for (let b = 0; b < n; b++) {
      let last = -1;
      for (let e = predOffset[b]; e < predOffset[b + 1]; e++) last = Math.max(last, preds[e]);
      loopLast[b] = last >= b ? last : -1;
    }
    let current = -1;
    for (let b = 0; b < n; b++) {
      while (current >= 0 && loopLast[current] < b) current = loopParent[current];
      if (loopLast[b] >= 0) {
        loopParent[b] = current;
        current = b;
      }
      loop[b] = current;
    }
  }

  /** Branches go everywhere alike, but seldom to cold blocks and out of loops, which run {@link loopFactor} times (Wu and Larus, MICRO 1994, simplified). */
  private estimateWeights(): void {
    const { blocks, order, weight, loopLast } = this;
    weight[0] = 1;
    for (let b = 0; b < blocks.length; b++) {
      const block = blocks[b];
      if (loopLast[b] >= 0) weight[b] *= loopFactor;
      weight[b] = Math.min(Math.max(weight[b], leastWeight), mostWeight);
      let sum = 0;
      for (const succ of block.succs) sum += likelihood(block, succ);
      for (const succ of block.succs) {
        const s = order[succ.id];
        if (s > b) weight[s] += (weight[b] * likelihood(block, succ)) / sum;
      }
    }
  }

  /** Estimated executions of the edge between the blocks p and b, which is not critical. */
  edgeWeight(p: number, b: number): number {
    return this.predOffset[b + 1] - this.predOffset[b] === 1 ? this.weight[b] : this.weight[p];
  }

  /** Estimated executions of the edges back to loop header h. */
  backWeight(h: number): number {
    let sum = 0;
    for (let e = this.predOffset[h]; e < this.predOffset[h + 1]; e++) {
      if (this.preds[e] >= h) sum += this.edgeWeight(this.preds[e], h);
    }
    return sum;
  }

  /** The last gap at or before `position`: where code can be inserted. */
  gap(position: number): number {
    return this.head[position >> 1] * 2;
  }

  /** True if `position` is the start of a block. */
  isBlockStart(position: number): boolean {
    return (position & 1) === 0 && this.insts[position >> 1] === null;
  }

  /** True if number `n` belongs to the group that ends its block: nothing can be inserted behind it. */
  endsBlock(n: number): boolean {
    return this.tail[n] * 2 + 2 === this.start[this.blockOf[n] + 1];
  }
}

/**
 * The order in which linear scan sees the blocks: as in the layout, but blocks that only split an edge come right behind its
 * start, so that values are still where they were left there and a detour around a call costs no reload.
 */
function linearOrder(layout: readonly MBlock[]): readonly MBlock[] {
  const order: MBlock[] = [];
  for (const block of layout) {
    if (splitsEdge(block)) continue;
    order.push(block);
    for (const succ of block.succs) if (splitsEdge(succ)) order.push(succ);
  }
  return order;
}

function splitsEdge(block: MBlock): boolean {
  return (
    block.insts.length <= 1 &&
    block.phis.length === 0 &&
    block.preds.length === 1 &&
    block.succs.length === 1 &&
    block.preds[0].loopDepth === block.loopDepth &&
    block.preds[0].succs.length > 1
  );
}

function likelihood(from: MBlock, to: MBlock): number {
  if (to.cold && !from.cold) return coldLikelihood;
  return to.loopDepth < from.loopDepth ? exitLikelihood : 1;
}
