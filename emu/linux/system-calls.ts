/**
 * All system calls of the emulated kernel, by name: numbers of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl) and ARM
 * (arch/arm/tools/syscall.tbl). Any other is ENOSYS.
 */
import type { SystemCallInfo } from './call.ts';
import { FILE_CALLS } from './files.ts';
import { MEMORY_CALLS } from './memory.ts';
import { PATH_CALLS } from './paths.ts';
import { POLL_CALLS } from './poll.ts';
import { PROCESS_CALLS } from './process-calls.ts';
import { SIGNAL_CALLS } from './signal-calls.ts';
import { TIME_CALLS } from './time-calls.ts';

export const SYSTEM_CALLS: Readonly<Record<string, SystemCallInfo>> = {
  ...FILE_CALLS,
  ...PATH_CALLS,
  ...MEMORY_CALLS,
  ...TIME_CALLS,
  ...POLL_CALLS,
  ...SIGNAL_CALLS,
  ...PROCESS_CALLS,
};
