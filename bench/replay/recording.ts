import type { ValueType } from '../../compiler/wasm/module.ts';

/** A value as its bits. */
export interface Value {
  readonly type: ValueType;
  readonly bits: bigint;
}

/** What a host did with an instance. */
export type Step =
  /** Wrote to its memory. */
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Uint8Array }
  /** Grew its memory. */
  | { readonly kind: 'grow'; readonly pages: number }
  /** Called one of its functions. */
  | { readonly kind: 'call'; readonly index: number; readonly args: readonly Value[] };

/** One call out of an instance, and what its host did until it returned. */
export interface HostCall {
  /** Of the imported function. */
  readonly index: number;
  readonly steps: readonly Step[];
  readonly results: readonly Value[];
}

/** All that went to and fro between an instance and its host: enough to do it again without the host. */
export interface Recording {
  readonly module: Uint8Array;
  /** What the host did while no function of the instance ran. */
  readonly steps: readonly Step[];
  /** In the order in which they began. */
  readonly hostCalls: readonly HostCall[];
}

/** A session that cannot be replayed. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
}
