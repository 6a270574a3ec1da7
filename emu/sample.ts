import type { SchemeName } from '../compiler/stack/scheme.ts';
import type { Core, Stop } from './core.ts';
import { Interrupter, type Schedule, seededRandom } from './interrupts.ts';
import type { Machine, Runner } from './machine.ts';
import { type Profile, type ProfileNode, StackTree, samplesIn } from './profile.ts';
import { compareStacks, type StackDifference } from './stack/compare.ts';
import type { ReadFailure, StackFrame, StackReader } from './stack/reader.ts';
import { createReader } from './stack/readers.ts';
import { TrueStack } from './stack/true-stack.ts';

export interface SampleOptions {
  readonly scheme: SchemeName;
  /** When to look. */
  readonly schedule: Schedule;
  /** End the run after so many samples, by {@link SamplingEnded}; without limit where it is not given. */
  readonly limit?: number;
  /** Also follow every call and return, and compare each sample with them. Slow: every instruction is stepped. */
  readonly verify?: boolean;
  /** How many stacks are told apart by where their calls are; see {@link StackTree}. */
  readonly contexts?: number;
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
  private readonly tree: StackTree;
  private readonly scheme: SchemeName;
  private readonly schedule: Schedule;
  private readonly mismatches: SampleMismatch[] = [];

  /** @throws RangeError for an interval of less than one instruction */
  constructor(
    machine: Machine,
    { scheme, schedule, limit = Number.POSITIVE_INFINITY, verify = false, contexts }: SampleOptions,
  ) {
    this.machine = machine;
    this.scheme = scheme;
    this.schedule = schedule;
    this.tree = new StackTree(contexts);
    this.limit = limit;
    this.reader = createReader(machine, scheme);
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
    return this.machine.runUnder(this, body);
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
    // The same few names again and again.
    const frames = new Map<string, string>();
    const frame = (name: string): string => {
      const known = frames.get(name) ?? foldable(name);
      frames.set(name, known);
      return known;
    };
    for (const node of this.tree) {
      let samples = samplesIn(node.complete);
      const complete = samples;
      for (const counts of node.failed.values()) samples += samplesIn(counts);
      if (samples === 0) continue;
      const path = pathOf(node);
      if (complete > 0) add(folded, path.map(frame).join(';'), complete);
      for (const [failure, counts] of node.failed) {
        const count = samplesIn(counts);
        add(failures, failure, count);
        add(folded, [`[${failure}]`, ...path.map(frame)].join(';'), count);
      }
      if (path.length > 0) add(self, path[path.length - 1], samples);
      for (const name of new Set(path)) add(total, name, samples);
    }
    const functions = [...total].map(([name, count]) => ({ name, self: self.get(name) ?? 0, total: count }));
    functions.sort((a, b) => b.self - a.self || (a.name < b.name ? -1 : 1));
    const { samples, attributed, mismatches, mismatchCount } = this;
    return { samples, attributed, failures, folded, functions, mismatches, mismatchCount };
  }

  /** What was seen so far, with the positions: what files are made of. */
  profile(): Profile {
    const { machine, scheme, schedule, samples, attributed, tree } = this;
    return {
      target: machine.target,
      scheme,
      samples,
      attributed,
      interval: interval(schedule),
      callsMerged: tree.full,
      root: tree.root,
    };
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
    this.tree.add(this.reader);
    if (this.truth !== undefined) this.check(this.truth, core);
    this.samples++;
    if (this.samples >= this.limit) throw new SamplingEnded(`${this.samples} samples taken`);
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

/** Instructions from sample to sample, on average. */
function interval(schedule: Schedule): number | undefined {
  switch (schedule.kind) {
    case 'every-instruction':
      return 1;
    case 'every':
      return schedule.instructions;
    case 'random':
      return schedule.mean;
    case 'at':
      return undefined;
  }
}

/** Names from the outermost function to this one. */
function pathOf(innermost: ProfileNode): string[] {
  const names: string[] = [];
  for (let node: ProfileNode | null = innermost; node?.symbol; node = node.caller)
    names.push(node.symbol.name);
  return names.reverse();
}

/** A name that stays one frame of a folded stack: these end at `;`, and stacks at a line's end. */
export const foldable = (name: string): string =>
  name.replaceAll(';', ':').replace(/\p{Cc}|[\u2028\u2029]/gu, '\ufffd');

function add<Key>(counts: Map<Key, number>, key: Key, count = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
