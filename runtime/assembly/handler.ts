import { dump } from './dump';
import { dieOf } from './ending';
import { sample } from './profile';
import { Info, info } from './program-info';
import { fault } from './trap';

const SIGINT: u32 = 2;
const SIGILL: u32 = 4;
const SIGBUS: u32 = 7;
const SIGFPE: u32 = 8;
const SIGSEGV: u32 = 11;
const SIGTERM: u32 = 15;
const SIGPROF: u32 = 27;

/**
 * Entered by the signal trampoline (docs/executables.md, Signals) on the signal stack, with all of these signals masked: `information` and
 * `context` are the addresses of siginfo and ucontext. Allocates nothing, waits for nothing but its output, and reads the interrupted thread only.
 */
export function signal(signal: u32, information: u64, context: u64): void {
  if (signal === SIGSEGV || signal === SIGBUS || signal === SIGILL || signal === SIGFPE)
    fault(signal, information, context);
  else if (signal === <u32>info(Info.dumpSignal)) dump(signal, information, context);
  else if (signal === SIGPROF) sample(information, context);
  else if (signal === SIGINT || signal === SIGTERM) dieOf(signal);
}
