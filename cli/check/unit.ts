import type { Image } from '../../compiler/image/image.ts';
import type { OptimisationLevel } from '../../compiler/passes/pipeline.ts';
import type { MemoryOrder, SchemeName } from '../../compiler/stack/scheme.ts';
import type { TargetName } from '../../compiler/target.ts';
import type { CheckDifference } from '../../emu/check/difference.ts';
import type { Schedule } from '../../emu/interrupts.ts';
import type { Workload } from '../workloads/index.ts';

/** Who reads the stacks: the emulator's host, or the signal handler in the executable. */
export const readers = ['host', 'handler'] as const;
export type ReaderName = (typeof readers)[number];

/** How a module is compiled for a check. */
export interface Configuration {
  readonly target: TargetName;
  readonly scheme: SchemeName;
  readonly order: MemoryOrder;
  readonly level: OptimisationLevel;
  readonly publishLeaves: boolean;
}

/** What a check does in all of its units. */
export interface CheckSettings {
  readonly schedule: Schedule;
  /** Interrupts of a unit at most. */
  readonly limit: number;
  /** Interrupts that a shard takes in one piece. */
  readonly block: number;
  /** Instructions of one call at most. */
  readonly budget: number;
  /** The export to be called, by its name, and its arguments; otherwise `_start`, or all. */
  readonly invoke: string | undefined;
  readonly args: readonly string[];
}

/** What is checked: a module, a test script with the modules in it, an image, or one of our own workloads. */
export type Input = { readonly path: string } & (
  | { readonly kind: 'module'; readonly bytes: Uint8Array }
  | { readonly kind: 'script'; readonly text: string; readonly modules: readonly Uint8Array[] }
  | { readonly kind: 'image'; readonly image: Image }
  | { readonly kind: 'workload'; readonly workload: Workload }
);

/** One run of one file, compiled in one way, read by one reader. */
export interface Unit {
  readonly input: Input;
  readonly through: ReaderName;
  readonly configuration: Configuration;
}

/** What came of running a unit; `interrupts` are the points'. */
export interface UnitOutcome {
  readonly difference: CheckDifference | undefined;
  /** Why nothing was run. */
  readonly skipped?: string;
}

/** What came of a unit, or of a shard of it. Plain data, written as JSON. */
export interface UnitResult {
  readonly module: string;
  readonly target: TargetName;
  readonly scheme: SchemeName;
  readonly order: MemoryOrder;
  /** Undefined for an image, which does not say. */
  readonly level: number | undefined;
  readonly through: ReaderName;
  /** Interrupts whose reading was compared, by this shard. */
  readonly interrupts: number;
  /** Interrupts of the unit, all shards' together; null from a shard that has no part in it and did not run it. */
  readonly due: number | null;
  /** Processor time of stepping the program, reading its stacks and comparing them. */
  readonly seconds: number;
  /** Processor time of all the rest: compiling, linking, loading, what the host's own functions do. */
  readonly startup: number;
  /** Why nothing was checked; undefined for a unit that was. */
  readonly skipped: string | undefined;
  /** The first difference, as text; undefined where there is none. */
  readonly difference: string | undefined;
}
