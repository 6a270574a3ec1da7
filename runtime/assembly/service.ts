import { growMemory } from './memory';
import { Info, info } from './program-info';
import { growTable } from './table';

/** `HostService` of compiler/abi.ts: the low byte of a selector; the index of the memory or table is above it. */
enum HostService {
  memoryGrow = 1,
  tableGrow = 2,
}

/** What compiled code asks of its host: the result, or -1 as a word where it is refused. Only the app has anything that grows. */
export function service(callerEnv: u64, selector: u32, a: u64, b: u64): u64 {
  if (callerEnv !== info(Info.appEnv)) return <u64>(<u32>-1);
  const index = selector >>> 8;
  switch (selector & 0xff) {
    case HostService.memoryGrow:
      return <u64>growMemory(index, <u32>a);
    case HostService.tableGrow:
      return <u64>growTable(index, <u32>a, b);
    default:
      return <u64>(<u32>-1);
  }
}
