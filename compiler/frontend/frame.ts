import type { Block, Func, Inst } from '../ir/function.ts';
import type { ExtendedBlock } from './locals.ts';
import type { StackType } from './module-types.ts';

export const FrameKind = { function: 0, block: 1, loop: 2, if: 3, else: 4 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

const noValues: readonly Inst[] = [];

/** The edges to a label, in the order of its block's predecessors. */
export class Edges {
  readonly preds: ExtendedBlock[];
  readonly predAt: number[];
  /** The values that each edge brings, one edge's behind the other's. */
  readonly values: Inst[] = [];

  constructor(from: ExtendedBlock, fromAt: number) {
    this.preds = [from];
    this.predAt = [fromAt];
  }
}

/** An open block, loop, if or function body on the control stack. */
export class Frame {
  kind: FrameKind;
  readonly params: readonly StackType[];
  readonly results: readonly StackType[];
  /** Height of the operand stack below the block's parameters. */
  readonly height: number;
  /** True once the rest of the block cannot be reached: the operand stack is polymorphic. */
  unreachable = false;
  /** False if the block as a whole stands in unreachable code. */
  readonly entered: boolean;
  /** The point of entry; null where not `entered`. */
  entry: ExtendedBlock | null = null;
  readonly entryAt: number;
  /** Where branches to the label go: a loop's header, else the block behind the `end`, made by the first branch to it. */
  target: Block | null = null;
  /** Branches to the label behind a block; null before the first. */
  edges: Edges | null = null;
  /** Loops: the header and the phis of its parameters. */
  header: ExtendedBlock | null = null;
  phis: readonly Inst[] = noValues;
  /** `if`: where control goes if the condition is zero, and the parameters that both arms begin with. */
  elseBlock: Block | null = null;
  ifParams: readonly Inst[] = noValues;
  /** The last br_table that named this label, by its offset, and the label's place among its successors. */
  tableMark = -1;
  tableSuccessor = 0;

  constructor(
    kind: FrameKind,
    params: readonly StackType[],
    results: readonly StackType[],
    height: number,
    entered: boolean,
    entryAt: number,
  ) {
    this.kind = kind;
    this.params = params;
    this.results = results;
    this.height = height;
    this.entered = entered;
    this.entryAt = entryAt;
  }

  /** Notes an edge from (`from`, `fromAt`) to the label, with the values `values[base]` on, and returns the label's block. */
  addEdge(func: Func, from: ExtendedBlock, fromAt: number, values: readonly Inst[], base: number): Block {
    const { header, edges, phis } = this;
    if (header !== null) {
      header.preds?.push(from);
      header.predAt.push(fromAt);
      for (let k = 0; k < phis.length; k++) phis[k].args.push(values[base + k]);
    } else {
      const { length } = this.results;
      let list = edges;
      if (list === null) list = this.edges = new Edges(from, fromAt);
      else {
        list.preds.push(from);
        list.predAt.push(fromAt);
      }
      for (let k = 0; k < length; k++) list.values.push(values[base + k]);
    }
    this.target ??= func.detachedBlock();
    return this.target;
  }

  /** Types of the values that a branch to the label takes along. */
  get label(): readonly StackType[] {
    return this.kind === FrameKind.loop ? this.params : this.results;
  }
}
