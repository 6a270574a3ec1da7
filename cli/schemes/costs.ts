import type { OptimisationLevel } from '../../compiler/passes/pipeline.ts';
import { type MemoryOrder, memoryOrders, type SchemeName, schemeNames } from '../../compiler/stack/scheme.ts';
import type { TargetName } from '../../compiler/target.ts';
import type { Machine } from '../../emu/machine.ts';
import { createWebAssembly } from '../../emu/webassembly.ts';
import type { Workload } from '../workloads/index.ts';
import { type ImageSize, imageSize } from './image-size.ts';

/** One run of a workload. */
export interface Run {
  /** Executed by the workload, exactly; without compiling, instantiating and opening. */
  readonly instructions: number;
  /** Calls of functions that publish, exactly: so often was an entry of such a function executed. */
  readonly published: number;
  /** Of all images that the workload uses. */
  readonly size: ImageSize;
}

/** A run and what it takes more than the same with scheme `none` and the same order. */
export interface Cost extends Run {
  readonly workload: string;
  readonly kind: Workload['kind'];
  readonly target: TargetName;
  readonly scheme: SchemeName;
  readonly order: MemoryOrder;
  /** Calls of functions that call, the same for all schemes. */
  readonly nonLeafCalls: number;
  readonly addedInstructions: number;
  /** `addedInstructions` by `nonLeafCalls`; 0 where nothing is called. */
  readonly addedPerCall: number;
  readonly addedCode: number;
  /** What the image takes more than that of `none`, code and frames: both are needed to read stacks. */
  readonly addedImage: number;
}

export interface CostOptions {
  readonly targets: readonly TargetName[];
  readonly workloads: readonly Workload[];
  readonly level: OptimisationLevel;
  /** Told before each run: the number done, and of all. */
  readonly progress?: (done: number, of: number) => void;
}

/** Costs, and why some workloads were left out. */
export interface CostReport {
  readonly costs: readonly Cost[];
  readonly skipped: readonly { readonly workload: string; readonly reason: string }[];
}

/** Runs every workload on every target with every scheme and order. */
export async function measureCosts({
  targets,
  workloads,
  level,
  progress,
}: CostOptions): Promise<CostReport> {
  const costs: Cost[] = [];
  const skipped: { workload: string; reason: string }[] = [];
  const of = workloads.length * targets.length * memoryOrders.length * schemeNames.length;
  let done = 0;
  for (const workload of workloads) {
    try {
      for (const target of targets) {
        for (const order of memoryOrders) {
          const runs = new Map<SchemeName, Run>();
          for (const scheme of schemeNames) {
            progress?.(done++, of);
            runs.set(scheme, await measureRun(workload, { target, scheme, order, level }));
          }
          const { name, kind } = workload;
          costs.push(...relative(runs).map((cost) => ({ workload: name, kind, target, order, ...cost })));
        }
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
      skipped.push({ workload: workload.name, reason: 'its npm package is not installed' });
    }
  }
  return { costs, skipped };
}

export interface RunOptions {
  readonly target: TargetName;
  readonly scheme: SchemeName;
  readonly order: MemoryOrder;
  readonly level: OptimisationLevel;
}

/** Runs a workload on a machine of its own and counts. Deterministic. */
export async function measureRun(workload: Workload, options: RunOptions): Promise<Run> {
  const webAssembly = createWebAssembly(options);
  const { machine } = webAssembly;
  try {
    machine.core.counting = true;
    const work = await workload.open(webAssembly);
    const before = { instructions: machine.core.instructionsExecuted(), published: publishedCalls(machine) };
    await work();
    const sizes = machine.images.map(({ image }) => imageSize(image));
    const sum = (part: keyof ImageSize): number => sizes.reduce((total, size) => total + size[part], 0);
    return {
      instructions: machine.core.instructionsExecuted() - before.instructions,
      published: publishedCalls(machine) - before.published,
      size: { code: sum('code'), frames: sum('frames'), rest: sum('rest') },
    };
  } finally {
    machine.close();
  }
}

/** Cross and host adapters publish under every scheme: they are no cost of one. */
const always: ReadonlySet<string> = new Set(['cross-adapter', 'host-adapter']);

/**
 * How often functions that publish were entered. Their entry begins a block of the core's, as every call's target does, and nothing
 * else leads there: the loops of a function that publishes begin behind its prologue.
 */
function publishedCalls({ core, images }: Machine): number {
  const counts = core.blockCounts();
  let calls = 0;
  for (const { image, base } of images) {
    for (const { kind, recordOffset, offset } of image.functions) {
      if (recordOffset >= 0 && !always.has(kind)) calls += counts.get(base + offset) ?? 0;
    }
  }
  return calls;
}

type Relative = Omit<Cost, 'workload' | 'kind' | 'target' | 'order'>;

/** Runs of one program with all schemes against that with `none`. */
function relative(runs: ReadonlyMap<SchemeName, Run>): Relative[] {
  const none = runs.get('none');
  if (none === undefined) throw new RangeError('nothing to compare with');
  const nonLeafCalls = Math.max(...[...runs.values()].map(({ published }) => published));
  return [...runs].map(([scheme, run]) => {
    const addedInstructions = run.instructions - none.instructions;
    const addedCode = run.size.code - none.size.code;
    return {
      scheme,
      ...run,
      nonLeafCalls,
      addedInstructions,
      addedPerCall: nonLeafCalls === 0 ? 0 : addedInstructions / nonLeafCalls,
      addedCode,
      addedImage: run.size.frames + run.size.rest + run.size.code - bytes(none.size),
    };
  });
}

/** Of a whole image. */
export const bytes = ({ code, frames, rest }: ImageSize): number => code + frames + rest;
