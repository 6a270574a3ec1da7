/** The most of each thing that a module may have (V8's limits, where it has one). */
export const limits = {
  types: 1_000_000,
  functions: 1_000_000,
  imports: 1_000_000,
  exports: 1_000_000,
  globals: 1_000_000,
  tables: 100_000,
  memories: 100_000,
  /** Of one table, so that the size in bytes fits 32 bits. */
  tableElements: 10_000_000,
  segments: 100_000,
  segmentElements: 10_000_000,
  params: 1_000,
  results: 1_000,
  locals: 50_000,
  bodyBytes: 7_654_321,
  /** Values that the edges, calls and phis of one function take together. */
  ssaInputs: 16_000_000,
} as const;
