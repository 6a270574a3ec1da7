import type { ImageFunction } from '../compiler/image/image.ts';
import type { SchemeName } from '../compiler/stack/scheme.ts';
import type { TargetName } from '../compiler/target.ts';
import type { LoadedImage } from './loaded-image.ts';
import type { CodePoint } from './stack/code.ts';
import type { ReadFailure } from './stack/reader.ts';

/** Samples by the byte offset, in the module binary, of the operator that was running; -1 where none was. */
export type SamplesByOffset = ReadonlyMap<number, Count>;

/** A number that many hold. */
export interface Count {
  readonly count: number;
}

/** A stack seen in samples: its innermost function, and the stacks that have one more. */
export interface ProfileNode {
  readonly caller: ProfileNode | null;
  /** Null in the root alone, which is the empty stack. */
  readonly symbol: ImageFunction | null;
  readonly image: LoadedImage | null;
  /**
   * Where its caller called it: byte offset of the operator in the caller's module binary. -1 where no wasm function is the
   * caller, and where positions of calls are no longer kept ({@link StackTree}).
   */
  readonly callOffset: number;
  readonly callees: Iterable<ProfileNode>;
  /** Samples that ended here, read to the outermost frame. */
  readonly complete: SamplesByOffset;
  /** Samples that ended here whose outermost frames are unknown, by cause. */
  readonly failed: ReadonlyMap<ReadFailure, SamplesByOffset>;
}

/** Everything that samples said, before it is made into a file. */
export interface Profile {
  readonly target: TargetName;
  readonly scheme: SchemeName;
  readonly samples: number;
  /** Samples read to the outermost frame. */
  readonly attributed: number;
  /** Instructions from sample to sample, on average where they are drawn; undefined where the schedule says nothing of it. */
  readonly interval: number | undefined;
  /** There were too many stacks to keep where all calls are; see {@link StackTree}. */
  readonly callsMerged: boolean;
  readonly root: ProfileNode;
}

/** What a reader found. */
interface Reading {
  readonly points: readonly CodePoint[];
  readonly depth: number;
  readonly failure: ReadFailure | null;
}

/** Stacks that differ in a call's position alone are told apart until there are so many. */
const defaultContexts = 20_000;

/**
 * Samples as a tree of stacks, because a string for every sample would cost more than reading its stack. Adapters and helpers
 * go with the functions that use them; they get no node of their own.
 *
 * Stacks differ by their functions and by where these call each other. The latter makes trees of recursive programs as large as
 * the run is long: when there are `contexts` stacks, new ones differ by functions alone.
 */
export class StackTree {
  readonly root = new StackNode(null, null, null, -1, undefined);
  /** Positions of calls are no longer kept. */
  full = false;
  private readonly contexts: number;
  private size = 0;
  /** The last reading, outermost frame first: what most of the next one will be, so that it need not be looked up. */
  private readonly points: CodePoint[] = [];
  /** With each point: the stack up to there, and the position in its innermost function. */
  private readonly nodes: StackNode[] = [];
  private readonly offsets: number[] = [];
  private depth = 0;

  constructor(contexts: number = defaultContexts) {
    this.contexts = contexts;
  }

  /** Counts a sample. */
  add({ points, depth, failure }: Reading): void {
    const known = Math.min(depth, this.depth);
    let level = 0;
    while (level < known && points[depth - 1 - level] === this.points[level]) level++;
    let node = level === 0 ? this.root : this.nodes[level - 1];
    let offset = level === 0 ? -1 : this.offsets[level - 1];
    for (; level < depth; level++) {
      const point = points[depth - 1 - level];
      const { kind } = point.symbol;
      if (kind === 'wasm' || kind === 'host-adapter' || kind === 'init') {
        for (let k = point.frames.length - 1; k >= 0; k--) {
          const { symbol, wasmOffset } = point.frames[k];
          node = this.callee(node, offset, symbol, point.image);
          offset = kind === 'wasm' ? wasmOffset : -1;
        }
      }
      this.points[level] = point;
      this.nodes[level] = node;
      this.offsets[level] = offset;
    }
    this.depth = depth;
    node.count(offset, failure);
  }

  /** Every stack, callers before their callees. Without recursion: runaway recursion makes the tree as deep as its stacks. */
  *[Symbol.iterator](): Generator<StackNode> {
    const nodes = [this.root];
    for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
      nodes.push(...node.callees);
      yield node;
    }
  }

  private callee(caller: StackNode, offset: number, symbol: ImageFunction, image: LoadedImage): StackNode {
    const first = caller.bySymbol.get(symbol);
    for (let node = first; node !== undefined; node = node.elsewhere)
      if (node.callOffset === offset) return node;
    if (this.size >= this.contexts && offset !== -1) {
      this.full = true;
      return this.callee(caller, -1, symbol, image);
    }
    this.size++;
    const node = new StackNode(caller, symbol, image, offset, first);
    caller.bySymbol.set(symbol, node);
    return node;
  }
}

/** Of every stack without any, which are almost all. */
const noFailures = new Map<ReadFailure, Map<number, Counter>>();

class StackNode implements ProfileNode {
  readonly caller: StackNode | null;
  readonly symbol: ImageFunction | null;
  readonly image: LoadedImage | null;
  readonly callOffset: number;
  /** The same function, called by the same stack at another place. */
  readonly elsewhere: StackNode | undefined;
  readonly bySymbol = new Map<ImageFunction, StackNode>();
  readonly complete = new Map<number, Counter>();
  failed: Map<ReadFailure, Map<number, Counter>> = noFailures;

  constructor(
    caller: StackNode | null,
    symbol: ImageFunction | null,
    image: LoadedImage | null,
    callOffset: number,
    elsewhere: StackNode | undefined,
  ) {
    this.caller = caller;
    this.symbol = symbol;
    this.image = image;
    this.callOffset = callOffset;
    this.elsewhere = elsewhere;
  }

  get callees(): StackNode[] {
    const callees: StackNode[] = [];
    for (const first of this.bySymbol.values())
      for (let node: StackNode | undefined = first; node !== undefined; node = node.elsewhere)
        callees.push(node);
    return callees;
  }

  count(offset: number, failure: ReadFailure | null): void {
    let { complete: counts } = this;
    if (failure !== null) {
      if (this.failed === noFailures) this.failed = new Map();
      const found = this.failed.get(failure);
      counts = found ?? new Map();
      if (found === undefined) this.failed.set(failure, counts);
    }
    const counter = counts.get(offset);
    if (counter === undefined) counts.set(offset, { count: 1 });
    else counter.count++;
  }
}

interface Counter {
  count: number;
}

/** All samples of a map. */
export function samplesIn(counts: SamplesByOffset): number {
  let sum = 0;
  for (const { count } of counts.values()) sum += count;
  return sum;
}
