import type { Sizes } from './model.ts';

/** A module that exports `run(n)`: the same work n times, and a checksum of it. */
export interface Workload {
  readonly name: string;
  readonly about: string;
  /** Where it comes from. */
  readonly source: string;
  readonly n: Sizes;
  /** Path of the C source that the module was compiled from, which native compilers compile, too. */
  readonly c?: string;
  /** An instance does the work once; each call needs a new one. */
  readonly once?: boolean;
  /** Left out by `--quick`. */
  readonly fullOnly?: boolean;
  /** @throws MissingWorkloadError if it cannot be had here */
  module(): Promise<Uint8Array>;
}

/** A workload that cannot be had, with the reason. */
export class MissingWorkloadError extends Error {
  override readonly name = 'MissingWorkloadError';
}
