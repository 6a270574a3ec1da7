import type { MemoryOrder, SchemeName } from '../compiler/stack/scheme.ts';
import type { TargetName } from '../compiler/target.ts';

/** Who Fathom is compared with. `clang` and `gcc` compile a kernel's C source, the others its module. */
export const peerNames = ['v8', 'wasm2c', 'clang', 'gcc'] as const;
export type PeerName = (typeof peerNames)[number];

/** Whose figures stand in a report. */
export type ContestantName = 'fathom' | PeerName;

/** Times of one call of `run`, in seconds. */
export interface Timing {
  readonly median: number;
  readonly least: number;
  /** All that were measured, in order; warm-up calls are none of them. */
  readonly samples: readonly number[];
}

/** What was executed, by the emulator's count, exact and the same every time. */
export interface Counted {
  readonly instructions: number;
  /** Estimated for a Cortex-A9 (emu/cortex-a9.ts), on ARMv7 alone. */
  readonly cycles?: number;
  /** Executions of instructions that the estimate knows nothing of, by mnemonic; each counts as a slot of the decoder. */
  readonly unknown?: Readonly<Record<string, number>>;
}

/** What compiling took: the time of all commands that it takes, and the most memory that one of them held, in bytes, where that is known. */
export interface CompileCost {
  readonly seconds: number;
  readonly peakBytes?: number;
}

/** What was measured of one contestant on one target. Undefined parts were not asked for, or cannot be known. */
export interface Measured {
  readonly timing?: Timing;
  readonly counted?: Counted;
  /** Bytes of machine code of the module's functions: without `_start`, without what enters and links them. */
  readonly codeBytes?: number;
  readonly compile?: CompileCost;
}

/** A contestant's figures, or why there are none: it is not there (`skipped`), or it did what it should not (`failed`). */
export type Outcome =
  | ({ readonly state: 'measured' } & Measured)
  | { readonly state: 'skipped' | 'failed'; readonly reason: string };

/** What a scheme and an order cost, in comparison with `none` and the same order. */
export interface SchemeCost {
  readonly scheme: SchemeName;
  readonly order: MemoryOrder;
  readonly instructions: number;
  readonly codeBytes: number;
  readonly addedInstructions: number;
  readonly addedCode: number;
}

/** How often a workload does its work, for each purpose. */
export interface Sizes {
  /** For counts on the emulator. */
  readonly counted: number;
  /** For times: some 20 ms a call with `--quick`, some 0.3 s without. */
  readonly quick: number;
  readonly full: number;
}

export interface WorkloadResult {
  readonly name: string;
  readonly about: string;
  /** Where it comes from: a file of this project, or a package and its version. */
  readonly source: string;
  readonly moduleBytes: number;
  /** What was given to `run`. */
  readonly n: { readonly counted: number; readonly timed: number };
  /** What V8 gave for `n.counted`, as an unsigned word. */
  readonly checksum: number;
  readonly targets: Readonly<Record<TargetName, Readonly<Partial<Record<ContestantName, Outcome>>>>>;
  readonly schemes: Readonly<Partial<Record<TargetName, readonly SchemeCost[]>>>;
}

/** Something that was asked for and could not be had. */
export interface Missing {
  readonly what: string;
  readonly reason: string;
}

/** The machine, and what was run on it. */
export interface Environment {
  readonly date: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  /** Versions by name: Fathom, Node, V8, and the compilers of peers. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface BenchReport {
  readonly environment: Environment;
  readonly quick: boolean;
  /** How Fathom compiled. */
  readonly level: number;
  readonly scheme: SchemeName;
  readonly order: MemoryOrder;
  readonly peers: readonly PeerName[];
  readonly workloads: readonly WorkloadResult[];
  readonly missing: readonly Missing[];
}
