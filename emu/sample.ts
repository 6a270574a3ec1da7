import type { ImageFunction } from '../compiler/image/image.ts';
import type { SchemeName } from '../compiler/stack/scheme.ts';
import type { Core, Stop } from './core.ts';
import { Interrupter, type Schedule, seededRandom } from './interrupts.ts';
import type { Machine, Runner } from './machine.ts';
import { compareStacks, type StackDifference } from './stack/compare.ts';
import { type ReadFailure, type StackFrame, StackReader } from './stack/reader.ts';
import { TrueStack } from './stack/true-stack.ts';

export interface SampleOptions {
  readonly scheme: SchemeName;
  /** When to look. */
  readonly schedule: Schedule;
  /** End the run after so many samples, by {@link SamplingEnded}; without limit where it is not given. */
  readonly limit?: number;
  /** Also follow every call and return, and compare each sample with them. Slow: every instruction is stepped. */
  readonly verify?: boolean;
}

/** Thrown through the running program when `limit` samples were taken. */
export class SamplingEnded extends Error {
  override readonly name = 'SamplingEnded';
}

/** How often a function was on the stack. */
export interface FunctionCount {
  readonly name: string;
  /** Samples in which it was the innermost wasm or host function. */
  readonly self: number;
  /** Samples in which it was anywhere on the stack, once each. */
  readonly total: number;
}

/** A sample whose reading is not the true stack. */
export interface SampleMismatch extends StackDifference {
  /** Number of the sample, from 0. */
  readonly sample: number;
  readonly pc: number;
  readonly failure: ReadFailure | null;
  readonly frames: readonly StackFrame[];
}

export interface SampleReport {
  readonly samples: number;
  /** Samples read to the outermost frame. */
  readonly attributed: number;
  /** Why the others were not, and how often. */
  readonly failures: ReadonlyMap<ReadFailure, number>;
  /** Samples per stack: names outermost first, joined by `;` (Brendan Gregg's folded format). */
  readonly folded: ReadonlyMap<string, number>;
  /** By descending `self`, then name. */
  readonly functions: readonly FunctionCount[];
  /** With `verify`: the first {@link keptMismatches} of them, and how many there were. */
  readonly mismatches: readonly SampleMismatch[];
  readonly mismatchCount: number;
}

/** Mismatches kept whole; one is enough to find a fault. */
const keptMismatches = 20;

/** Pinned exec env and link register, as words of `Core.words`. */
const registerNames = { x86_64: { env: 'r15', link: 'r15' }, armv7: { env: 'r10', link: 'lr' } } as const;

/**
 * Samples a machine's stack while code runs on it. A sample whose stack cannot be read to the end is counted under its cause and
 * shows as a frame of that name below what was read, never dropped.
 */
export class Sampler implements Runner {
  private readonly machine: Machine;
  private readonly reader: StackReader;
  private readonly interrupter: Interrupter;
  private readonly truth: TrueStack | undefined;
  private readonly due: () => boolean;
  private readonly env: number;
  private readonly link: number;
  private readonly limit: number;
  private samples = 0;
  private attributed = 0;
  private mismatchCount = 0;
  private readonly root = new StackNode('', null);
  private readonly mismatches: SampleMismatch[] = [];

  /** @throws RangeError for an interval of less than one instruction */
  constructor(
    machine: Machine,
    { scheme, schedule, limit = Number.POSITIVE_INFINITY, verify = false }: SampleOptions,
  ) {
    this.machine = machine;
    this.limit = limit;
    this.reader = new StackReader(machine, scheme);
    this.truth = verify ? new TrueStack(machine.core) : undefined;
    this.due = verify ? dueAt(schedule) : () => true;
    const stepped: Schedule = verify ? { kind: 'every-instruction' } : schedule;
    this.interrupter = new Interrupter(machine.core, stepped, () => this.interrupt());
    const names = machine.core.registerNames;
    this.env = 2 * names.indexOf(registerNames[machine.target].env);
    this.link = 2 * names.indexOf(registerNames[machine.target].link);
  }

  /** Samples while `body` runs; what it calls on the machine, that is. Returns or throws what `body` does. */
  during<T>(body: () => T): T {
    const { machine } = this;
    const { runner } = machine;
    machine.runner = this;
    try {
      return body();
    } finally {
      machine.runner = runner;
      machine.core.stepping = false;
    }
  }

  run(): Stop {
    const stop = this.interrupter.run();
    this.truth?.observe();
    if (stop.reason === 'handler') throw new TypeError('the sampler never ends a run');
    return stop;
  }

  entered(adapter: number): void {
    this.truth?.enter(adapter, this.machine.core.exitStub);
  }

  left(stackPointer: number): void {
    this.truth?.unwindTo(stackPointer);
  }

  /** What was seen so far. */
  report(): SampleReport {
    const failures = new Map<ReadFailure, number>();
    const folded = new Map<string, number>();
    const self = new Map<string, number>();
    const total = new Map<string, number>();
    // Without recursion: samples of runaway recursion make the tree as deep as their stacks.
    const nodes = [this.root];
    for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
      nodes.push(...node.callees.values());
      let samples = node.complete;
      for (const count of node.failures.values()) samples += count;
      if (samples === 0) continue;
      const path = node.path();
      if (node.complete > 0) add(folded, path.join(';'), node.complete);
      for (const [failure, count] of node.failures) {
        add(failures, failure, count);
        add(folded, [`[${failure}]`, ...path].join(';'), count);
      }
      if (path.length > 0) add(self, node.name, samples);
      for (const name of new Set(path)) add(total, name, samples);
    }
    const functions = [...total].map(([name, count]) => ({ name, self: self.get(name) ?? 0, total: count }));
    functions.sort((a, b) => b.self - a.self || (a.name < b.name ? -1 : 1));
    const { samples, attributed, mismatches, mismatchCount } = this;
    return { samples, attributed, failures, folded, functions, mismatches, mismatchCount };
  }

  private interrupt(): void {
    this.truth?.observe();
    if (!this.due()) return;
    const { core } = this.machine;
    const { words } = core;
    const complete = this.reader.read({
      pc: core.pc,
      sp: core.sp,
      lr: words[this.link],
      env: words[this.env] + words[this.env + 1] * 2 ** 32,
    });
    if (complete) this.attributed++;
    this.count();
    if (this.truth !== undefined) this.check(this.truth, core);
    this.samples++;
    if (this.samples >= this.limit) throw new SamplingEnded(`${this.samples} samples taken`);
  }

  /**
   * Adapters and helpers go with the functions that use them; they get no node of their own. A tree, because a string for
   * every sample would cost more than reading its stack.
   */
  private count(): void {
    const { points, depth, failure } = this.reader;
    let node = this.root;
    for (let i = depth - 1; i >= 0; i--) {
      const { symbol } = points[i];
      const { kind } = symbol;
      if (kind === 'wasm' || kind === 'host-adapter' || kind === 'init') node = node.callee(symbol);
    }
    if (failure === null) node.complete++;
    else add(node.failures, failure);
  }

  private check(truth: TrueStack, core: Core): void {
    const { reader, machine } = this;
    const difference = compareStacks(machine, reader, truth);
    if (difference === undefined) return;
    this.mismatchCount++;
    if (this.mismatches.length >= keptMismatches) return;
    const { failure } = reader;
    this.mismatches.push({
      ...difference,
      sample: this.samples,
      pc: core.pc,
      failure,
      frames: reader.frames(),
    });
  }
}

/** The schedule as a question asked at every instruction. */
function dueAt(schedule: Schedule): () => boolean {
  switch (schedule.kind) {
    case 'every-instruction':
      return () => true;
    case 'every': {
      let left = schedule.instructions;
      return () => {
        if (--left > 0) return false;
        left = schedule.instructions;
        return true;
      };
    }
    case 'random': {
      const random = seededRandom(schedule.seed);
      const interval = () => 1 + random(2 * schedule.mean - 1);
      let left = interval();
      return () => {
        if (--left > 0) return false;
        left = interval();
        return true;
      };
    }
    case 'at':
      throw new RangeError('samples at addresses are not verified: a schedule by instructions is');
  }
}

/** A stack seen in samples: its innermost function, and the stacks that have one more. */
class StackNode {
  readonly name: string;
  readonly callees = new Map<ImageFunction, StackNode>();
  /** Samples that ended here, read to the outermost frame. */
  complete = 0;
  /** Samples that ended here whose outermost frames are unknown, by cause. */
  readonly failures = new Map<ReadFailure, number>();

  private readonly caller: StackNode | null;

  constructor(name: string, caller: StackNode | null) {
    this.name = name;
    this.caller = caller;
  }

  /** Names from the outermost function to this one. */
  path(): string[] {
    const names: string[] = [];
    for (let node: StackNode = this; node.caller !== null; node = node.caller) names.push(node.name);
    return names.reverse();
  }

  callee(symbol: ImageFunction): StackNode {
    let node = this.callees.get(symbol);
    if (node === undefined) {
      node = new StackNode(symbol.name, this);
      this.callees.set(symbol, node);
    }
    return node;
  }
}

function add<Key>(counts: Map<Key, number>, key: Key, count = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
