/**
 * What the linker tells the runtime (docs/executables.md): 8-byte little-endian fields, addresses of the process unless said
 * otherwise. `runtime/assembly/program-info.ts` names the same fields in the same order; a spec compares them.
 */
export const programInfoFields = [
  /** Of this table: 1. */
  'version',
  /** Exec env of the app, and the descriptors of its init function and of `_start`. */
  'appEnv',
  'appInit',
  'appStart',
  /** Byte offset in the app's exec env of memory 0's base and size, 0 if it has no memory; its limits in pages of 64 KiB. */
  'memoryOffset',
  'memoryMinimum',
  'memoryMaximum',
  /** Bytes to be kept without access behind a memory: target.memory.guardBytes, or more. */
  'memoryGuard',
  /** Native stack: lowest usable address, end, and bytes of gap below it. */
  'stackStart',
  'stackEnd',
  'stackGap',
  /** Signal stack: lowest address and size. */
  'signalStack',
  'signalStackSize',
  /** Code that the kernel calls for signals, and that returns from them. */
  'trampoline',
  'restorer',
  /** Number of the signal that asks for a dump; 0 for none. */
  'dumpSignal',
  /** Ranges to be mapped without access at start: pairs of address and bytes. */
  'gaps',
  'gapCount',
  /** Preopened directories: `host NUL guest NUL` for each. */
  'preopens',
  'preopensBytes',
  /** Tables of the app: per table a maximum number of elements (u64). */
  'tableMaxima',
  'tableCount',
  /** Byte offset in the app's exec env of each table's base and length (u64 each). */
  'tableOffsets',
  /** Image records, see {@link imageRecordFields}: app, wasi, handler, in this order. */
  'images',
  'imageCount',
  /** Thread block whose first word is the innermost exec env of the program's thread. */
  'thread',
] as const;

/** A record for each image: 8-byte fields. */
export const imageRecordFields = [
  /** Code and constants: first address and the one behind the last. */
  'codeStart',
  'codeEnd',
  /** Its stack map. */
  'map',
  /** Exec env of its one instance. */
  'env',
  /** Name, UTF-8, ended by 0: `app`, `wasi`, `handler`. */
  'name',
] as const;

export type ProgramInfoField = (typeof programInfoFields)[number];
export type ImageRecordField = (typeof imageRecordFields)[number];
