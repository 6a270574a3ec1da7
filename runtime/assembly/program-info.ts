import { load_u64, program_info } from './fathom';

/** Fields of the program info, in the order of compiler/image/program-info.ts, which says what they mean. */
export enum Info {
  version,
  appEnv,
  appInit,
  appStart,
  memoryOffset,
  memoryMinimum,
  memoryMaximum,
  memoryGuard,
  stackStart,
  stackEnd,
  stackGap,
  signalStack,
  signalStackSize,
  trampoline,
  restorer,
  dumpSignal,
  gaps,
  gapCount,
  preopens,
  preopensBytes,
  tableMaxima,
  tableCount,
  tableOffsets,
  images,
  imageCount,
  thread,
}

export function info(field: Info): u64 {
  return load_u64(program_info() + ((<u64>field) << 3));
}
