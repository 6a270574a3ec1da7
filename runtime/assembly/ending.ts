import { syscall } from './fathom';
import { number, Sys } from './linux';
import { endProfile } from './profile-report';
import { defaultAction } from './signals';

/** Ends of the program by a signal: its parent sees that signal, as if there had been no handler. */

/** The profile is written, and the signal's next arrival ends the program. */
export function takeDefaultAction(signal: u32): void {
  endProfile();
  defaultAction(signal);
}

/** The same, with the signal sent anew: it arrives when the handler returns, as it is masked until then. */
export function dieOf(signal: u32): void {
  takeDefaultAction(signal);
  const self = syscall(number(Sys.getpid), 0, 0, 0, 0, 0, 0);
  syscall(number(Sys.kill), self, signal, 0, 0, 0, 0);
}
