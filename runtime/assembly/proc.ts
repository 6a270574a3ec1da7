import { Errno, errno } from './errno';
import { syscall } from './fathom';
import { number, Sys } from './linux';
import { endProfile } from './profile-report';
import { blockEnds, defaultAction } from './signals';
import { RuntimeState, runtimeState } from './state';
import { kernel, LinuxError } from './system';
import { clearText, putByte, putDecimal, putText, writeText } from './text';

/** Exit code of a program that cannot start. */
export const startFailed: u32 = 2;

const standardError: u32 = 2;

/** Ends the process, its profile written: from here on nothing of the program runs, and a signal to end it comes too late. */
export function exit(code: u32): void {
  if (runtimeState(RuntimeState.profileRing) !== 0) blockEnds();
  endProfile();
  syscall(number(Sys.exit_group), <u64>code, 0, 0, 0, 0, 0);
}

/** A message of the runtime on standard error; what text.ts is given until {@link endMessage} is part of it. */
export function startMessage(text: string): void {
  clearText();
  putText('fathom: ');
  putText(text);
}

/** Ends a message with what a system call failed with, unless that is 0, and writes it. */
export function endMessage(result: i64): void {
  const error = <u32>-result;
  if (error !== 0) putText(': ');
  if (error === LinuxError.enoent) putText('no such file or directory');
  else if (error === LinuxError.enomem) putText('out of memory or addresses');
  else if (error === LinuxError.eexist) putText('taken already');
  else if (error === LinuxError.eacces) putText('permission denied');
  else if (error === LinuxError.enotdir) putText('not a directory');
  else if (error !== 0) {
    putText('error ');
    putDecimal(error);
  }
  putByte(10);
  writeText(standardError);
}

/** Says why the program cannot start, and ends it. */
export function refuse(why: string, result: i64): void {
  startMessage(why);
  endMessage(result);
  exit(startFailed);
}

export function proc_exit(code: u32): void {
  exit(code);
}

/** WASI's signals, by their numbers, and those of Linux: the same up to SIGTERM; then Linux has SIGSTKFLT, which WASI lacks. */
const lastCommon: u32 = 15;
const lastSignal: u32 = 30;

/**
 * Does to the process what the signal does by default, for a program has no handlers; those that the runtime has are
 * not for it.
 */
export function proc_raise(signal: u32): u32 {
  if (signal > lastSignal) return Errno.inval;
  if (signal === 0) return Errno.success;
  const own = signal <= lastCommon ? signal : signal + 1;
  defaultAction(own);
  return errno(kernel(Sys.tgkill, kernel(Sys.getpid), kernel(Sys.gettid), <u64>own));
}

export function sched_yield(): u32 {
  return errno(kernel(Sys.sched_yield));
}
