import { syscall } from './fathom';
import { number, Sys } from './linux';

/** Entered by the signal trampoline (docs/executables.md). */
export function signal(signal: u32, _info: u64, _context: u64): void {
  syscall(number(Sys.exit_group), <u64>signal, 0, 0, 0, 0, 0);
}
