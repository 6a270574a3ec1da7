import type { CompiledFunction } from '../../compiler/backend/emit.ts';
import type { Image } from '../../compiler/image/image.ts';
import { type CompileOptions, compile } from '../../compiler/index.ts';
import type { PassName } from '../../compiler/passes/pipeline.ts';
import { CodeSampler } from '../../emu/code-samples.ts';
import { ExecutionCounts } from '../../emu/execution-counts.ts';
import type { Machine } from '../../emu/machine.ts';
import { createWebAssembly, type EmulatedWebAssembly } from '../../emu/webassembly.ts';
import { targets } from '../common.ts';
import { outcomeOf } from '../run.ts';
import type { Configuration } from './configuration.ts';
import { type Sampling, scheduleOf } from './sampling.ts';

/** A module compiled in one way, with what was executed of it if it was run. */
export interface Build {
  readonly configuration: Configuration;
  readonly image: Image;
  /** What the compiler said of each of the image's functions, by its id; veneers, which are the linker's, have nothing. */
  readonly compiled: ReadonlyMap<number, CompiledFunction>;
  readonly run?: {
    /** Addresses are offsets in the image's code. */
    readonly counts: ExecutionCounts;
    /** Where it was at each sample, if it was sampled: samples by offset in the image's code, of instructions that have any. */
    readonly samples: ReadonlyMap<number, number> | undefined;
    readonly outcome: Outcome;
  };
}

/** How a run ended. */
export interface Outcome {
  /** As a process's: 0 where nothing went wrong. */
  readonly code: number;
  /** What went wrong, or ''. */
  readonly message: string;
  /** What the program returned, as text. */
  readonly result: string;
}

/** What is compared: a module, and a way to run it or something that brings modules along. */
export interface Subject {
  /** For people: the file's name. */
  readonly title: string;
  /** The module, or undefined where the run brings it: then it is the largest that the run instantiates. */
  readonly bytes: Uint8Array | undefined;
  readonly run: Run | undefined;
}

export interface Run {
  /** What is run, for people and to tell whether two reports are of the same run. */
  readonly label: string;
  /** Makes ready, uncounted; what it returns does the work that is counted. `image` is that of the subject's module, if it has one. */
  open(webAssembly: EmulatedWebAssembly, image: Image | undefined): Promise<() => unknown>;
}

export interface BuildOptions {
  readonly publishLeaves: boolean;
  /** Passes that are left out in all configurations. */
  readonly without: readonly PassName[];
  /** Stack traces of errors with this program's own frames. */
  readonly debug: boolean;
  /** Sample the run, too. */
  readonly sampling?: Sampling;
  readonly progress?: (done: number, of: number) => void;
}

/**
 * Compiles without some passes, and keeps what the compiler said of the functions of each image. The same bytes are compiled once: a run that
 * brings its module does so each time.
 */
class Compilations {
  readonly byImage = new Map<Image, ReadonlyMap<number, CompiledFunction>>();

  private readonly without: readonly PassName[];

  constructor(without: readonly PassName[]) {
    this.without = without;
  }

  readonly compile = (bytes: Uint8Array, options: CompileOptions): Image => {
    for (const known of this.byImage.keys())
      if (Buffer.compare(known.module.bytes, bytes) === 0) return known;
    const compiled: CompiledFunction[] = [];
    const image = compile(bytes, {
      ...options,
      without: this.without,
      observe: { afterEmit: (f) => compiled.push(f) },
    });
    this.byImage.set(image, matched(image, compiled));
    return image;
  };
}

/** The linker keeps the compiler's order and puts veneers between. */
function matched(image: Image, compiled: readonly CompiledFunction[]): Map<number, CompiledFunction> {
  const byId = new Map<number, CompiledFunction>();
  let next = 0;
  for (const { id, name, kind, wasmIndex, size } of image.functions) {
    const { symbol, bytes } = compiled[next] ?? {};
    const same = symbol?.name === name && symbol.kind === kind && symbol.wasmIndex === wasmIndex;
    if (same && bytes?.length === size) byId.set(id, compiled[next++]);
  }
  return byId;
}

/**
 * Compiles a subject's module in one way, and runs it if it has a run.
 * @throws CompileError, UnicornMissingError, and what opening the run throws; what the run itself throws is its outcome
 * @throws RangeError if the run never instantiates the module
 */
export async function build(
  { bytes, run }: Subject,
  configuration: Configuration,
  { publishLeaves, without, debug, progress, sampling }: BuildOptions,
): Promise<Build> {
  const { target, scheme, order, level } = configuration;
  const compilations = new Compilations(without);
  const options = { target: targets[target], scheme, order, level, publishLeaves };
  const image = bytes && compilations.compile(bytes, { ...options, ...(progress && { progress }) });
  const of = (found: Image): Build => ({
    configuration,
    image: found,
    compiled: compilations.byImage.get(found) ?? new Map(),
  });
  if (run === undefined) {
    if (image === undefined) throw new RangeError('there is neither a module nor a run');
    return of(image);
  }
  const open = (): EmulatedWebAssembly =>
    createWebAssembly({ ...configuration, publishLeaves, compile: compilations.compile });
  const { measured, ...counted } = await countedRun(run, image, open(), debug);
  const samples = sampling === undefined ? undefined : await sampledRun(run, measured, open(), sampling);
  return { ...of(measured), run: { ...counted, samples } };
}

/** Runs and counts. `image` is that of the subject's module, if it has one. */
async function countedRun(
  run: Run,
  image: Image | undefined,
  webAssembly: EmulatedWebAssembly,
  debug: boolean,
): Promise<{ readonly measured: Image; readonly counts: ExecutionCounts; readonly outcome: Outcome }> {
  const { machine } = webAssembly;
  try {
    const work = await run.open(webAssembly, image);
    machine.core.counting = true;
    const outcome = await outcomeOfRun(work, debug);
    const measured = image ?? largest(machine);
    if (measured === undefined || placesOf(machine, measured).length === 0)
      throw new RangeError(
        outcome.code === 0
          ? 'the run never instantiates the module'
          : `the run fails before it instantiates the module: ${outcome.message}`,
      );
    return { measured, counts: countsOf(machine, measured), outcome };
  } finally {
    machine.close();
  }
}

/**
 * Runs it once more and samples it: stops cut the blocks by which a run is counted and cycles are estimated.
 * @returns samples by offset in the module's code
 */
async function sampledRun(
  run: Run,
  measured: Image,
  webAssembly: EmulatedWebAssembly,
  sampling: Sampling,
): Promise<Map<number, number>> {
  const { machine } = webAssembly;
  try {
    const work = await run.open(webAssembly, measured);
    const sampler = new CodeSampler(machine, scheduleOf(sampling));
    await outcomeOfRun(() => sampler.during(work), false);
    return samplesAt(sampler, placesOf(machine, measured));
  } finally {
    machine.close();
  }
}

async function outcomeOfRun(work: () => unknown, debug: boolean): Promise<Outcome> {
  try {
    return { code: 0, message: '', result: textOf(await work()) };
  } catch (error) {
    return { ...outcomeOf(error, debug), result: '' };
  }
}

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}n` : each)) ?? '';

function largest({ images }: Machine): Image | undefined {
  return images.map(({ image }) => image).sort((a, b) => b.code.length - a.code.length)[0];
}

type Places = readonly { readonly base: number; readonly end: number }[];

/** Wherever a module's code lies: who instantiates bytes twice has the same code twice. */
function placesOf({ images }: Machine, measured: Image): Places {
  return images.filter(
    ({ image }) => image === measured || Buffer.compare(image.module.bytes, measured.module.bytes) === 0,
  );
}

/** Samples in a module's code. */
function samplesAt({ counts }: CodeSampler, places: Places): Map<number, number> {
  const samples = new Map<number, number>();
  for (const [address, count] of counts) {
    const place = places.find(({ base, end }) => address >= base && address < end);
    if (place === undefined) continue;
    const offset = address - place.base;
    samples.set(offset, (samples.get(offset) ?? 0) + count);
  }
  return samples;
}

/** What was executed of a module's code. */
function countsOf(machine: Machine, measured: Image): ExecutionCounts {
  const blocks = machine.core.executedBlocks();
  const moved = placesOf(machine, measured).flatMap(({ base, end }) =>
    blocks
      .filter(({ address }) => address >= base && address < end)
      .map((block) => ({ ...block, address: block.address - base })),
  );
  return new ExecutionCounts(machine.target, { address: 0, size: measured.code.length }, moved);
}
