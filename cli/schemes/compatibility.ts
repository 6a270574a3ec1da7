import type { AbiVersion } from '../../compiler/abi.ts';
import { ImageError } from '../../compiler/errors.ts';
import { schemes } from '../../compiler/stack/index.ts';
import { type SchemeName, schemeNames } from '../../compiler/stack/scheme.ts';
import type { TargetName } from '../../compiler/target.ts';
import type { Machine } from '../../emu/machine.ts';
import { CodePoints } from '../../emu/stack/code.ts';
import { compareStacks } from '../../emu/stack/compare.ts';
import type { StackReader } from '../../emu/stack/reader.ts';
import { createReader } from '../../emu/stack/readers.ts';
import type { TrueStack } from '../../emu/stack/true-stack.ts';
import { createWebAssembly } from '../../emu/webassembly.ts';
import { openProgram } from '../workloads/index.ts';
import { believeRecords, seenBy, Unmapped } from './foreign.ts';
import { InterruptedRun } from './interrupted-run.ts';

/**
 * What a reading comes to. `true stack`: all frames, as executed. `nothing`: no more than frames that are right, or none, and it says so
 * or is empty. `wrong`: a stack that is not the true one. `fault`: it reads where no memory is.
 */
export const outcomes = ['wrong', 'fault', 'nothing', 'true stack'] as const;
export type Outcome = (typeof outcomes)[number];

/** Over all interrupts of a run: how often each outcome. */
export type Tally = Readonly<Partial<Record<Outcome, number>>>;

/** The worst that came of any interrupt. */
export const worst = (tally: Tally): Outcome => outcomes.find((o) => tally[o] !== undefined) ?? 'nothing';

/** A reader that was built for one scheme against a running image of another, or the same. */
export interface Encounter {
  readonly target: TargetName;
  readonly reader: SchemeName;
  /** ABI version that the reader was built against. */
  readonly readerAbi: AbiVersion;
  readonly image: SchemeName;
  readonly imageAbi: AbiVersion;
  /** What the reader says as it refuses; null: it reads. */
  readonly refusal: string | null;
  /** What its readings come to; null: it refuses. */
  readonly checked: Tally | null;
  /** What they would have come to without the comparison of ABIs, all other checks in place. */
  readonly forced: Tally;
  /**
   * What a reader by records would have come to that checks nothing at all. null for a reader by the stack map, which is nobody's
   * but Fathom's.
   */
  readonly believed: Tally | null;
  /** The first stack that is not the true one which either of them read, innermost first. */
  readonly example: { readonly read: readonly string[]; readonly actual: readonly string[] } | null;
}

/** Readers of stacks: `none` has none to read. */
const readerSchemes = schemeNames.filter((scheme) => scheme !== 'none');

/** How deep the program goes, and below which depth its stack says too little to tell readings apart, in wasm functions. */
const depth = 8;
const leastDepth = 3;

/**
 * Runs a program with every scheme, interrupts it before each instruction, and has every reader read its stack: as it is, made to read what it
 * refuses, and without any check; against the stack as executed.
 */
export async function encounters(targets: readonly TargetName[]): Promise<Encounter[]> {
  const all: Encounter[] = [];
  for (const target of targets) {
    for (const image of schemeNames) all.push(...(await encountersOf(target, image)));
  }
  return all;
}

async function encountersOf(target: TargetName, image: SchemeName): Promise<Encounter[]> {
  // As for readers without the program counter, which know functions by what records say: a reader that checks nothing is one of them.
  const webAssembly = createWebAssembly({ target, scheme: image, order: 'release' });
  const { machine } = webAssembly;
  try {
    const { run } = await openProgram('forged', webAssembly);
    const meetings = readerSchemes.map((scheme) => new Meeting(machine, scheme));
    const points = new CodePoints(machine);
    const interrupted = new InterruptedRun(machine, () => {
      const actual = wasmNames(machine, interrupted.truth, points);
      if (actual.length < leastDepth) return;
      for (const meeting of meetings) meeting.read(interrupted.truth, actual);
    });
    interrupted.during(() => run(depth));
    return meetings.map((meeting) => meeting.result(target, image));
  } finally {
    machine.close();
  }
}

/** A reader and a running machine. */
class Meeting {
  private readonly machine: Machine;
  private readonly scheme: SchemeName;
  private readonly seen: Machine;
  private readonly reader: StackReader | undefined;
  private readonly refusal: string | null = null;
  private readonly unchecked: StackReader;
  private readonly tallies: Record<'checked' | 'forced' | 'believed', Partial<Record<Outcome, number>>> = {
    checked: {},
    forced: {},
    believed: {},
  };
  private example: Encounter['example'] = null;

  constructor(machine: Machine, scheme: SchemeName) {
    this.machine = machine;
    this.scheme = scheme;
    try {
      this.reader = createReader(machine, scheme);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      this.refusal = error.message;
    }
    this.seen = seenBy(machine, scheme);
    this.unchecked = createReader(this.seen, scheme);
  }

  read(truth: TrueStack, actual: readonly string[]): void {
    const { machine, reader, unchecked } = this;
    if (reader !== undefined)
      this.count(
        'checked',
        outcomeOf(() => this.readBy(machine, reader, truth)),
      );
    const forced = outcomeOf(() => this.readBy(this.seen, unchecked, truth));
    this.count('forced', forced);
    if (forced === 'wrong') this.keep(namesRead(unchecked), actual);
    if (!this.readsRecords) return;
    let read: string[] = [];
    const believed = outcomeOf(() => {
      read = believeRecords(this.seen);
      return judge(read, actual);
    });
    this.count('believed', believed);
    if (believed === 'wrong') this.keep(read, actual);
  }

  result(target: TargetName, image: SchemeName): Encounter {
    const { machine, scheme, refusal, tallies, example } = this;
    const abi = (name: SchemeName): AbiVersion => schemes[name](machine.wordBytes).abi;
    return {
      target,
      reader: scheme,
      readerAbi: abi(scheme),
      image,
      imageAbi: abi(image),
      refusal,
      checked: refusal === null ? tallies.checked : null,
      forced: tallies.forced,
      believed: this.readsRecords ? tallies.believed : null,
      example,
    };
  }

  /** True of all that look for `top`. */
  private get readsRecords(): boolean {
    return schemes[this.scheme](this.machine.wordBytes).functions;
  }

  private readBy(machine: Machine, reader: StackReader, truth: TrueStack): Outcome {
    const { core } = machine;
    const env = machine.target === 'x86_64' ? core.read('r15') : core.read('r10');
    const lr = machine.target === 'x86_64' ? 0n : core.read('lr');
    const complete = reader.read({ pc: core.pc, sp: core.sp, lr: Number(lr), env: Number(env) });
    const difference = compareStacks(machine, reader, truth);
    if (difference === undefined) return complete ? 'true stack' : 'nothing';
    return !complete && difference.frame >= reader.depth ? 'nothing' : 'wrong';
  }

  private count(how: keyof Meeting['tallies'], outcome: Outcome): void {
    this.tallies[how][outcome] = (this.tallies[how][outcome] ?? 0) + 1;
  }

  private keep(read: readonly string[], actual: readonly string[]): void {
    this.example ??= { read, actual };
  }
}

function outcomeOf(read: () => Outcome): Outcome {
  try {
    return read();
  } catch (error) {
    if (error instanceof Unmapped) return 'fault';
    throw error;
  }
}

/** The innermost function may be missing: what has not published is named by the program counter. */
function judge(read: readonly string[], actual: readonly string[]): Outcome {
  const same = (names: readonly string[]): boolean =>
    names.length === read.length && names.every((name, i) => name === read[i]);
  if (same(actual) || same(actual.slice(1))) return 'true stack';
  return read.length === 0 ? 'nothing' : 'wrong';
}

const namesRead = (reader: StackReader): string[] => reader.frames().map(({ name }) => name);

/** Functions of the module on the stack as executed, innermost first. */
function wasmNames({ core }: Machine, { activations }: TrueStack, points: CodePoints): string[] {
  const names: string[] = [];
  for (let i = activations.length; i >= 0; i--) {
    const point =
      i === activations.length ? points.at(core.pc) : points.returningTo(activations[i].returnAddress);
    if (point?.symbol.kind === 'wasm') names.push(point.symbol.name);
  }
  return names;
}
