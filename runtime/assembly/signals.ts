import { Sys } from './linux';
import { Info, info } from './program-info';
import { kernel, native, wide } from './system';

/** Signals by number (include/uapi/asm-generic/signal.h). */
enum Signal {
  int = 2,
  ill = 4,
  bus = 7,
  fpe = 8,
  segv = 11,
  pipe = 13,
  term = 15,
  prof = 27,
}

/** SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_RESTART */
const handlerFlags: u64 = 0x4 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000;

/** SIG_DFL and SIG_IGN: in the place of a handler. */
const byDefault: u64 = 0;
const ignored: u64 = 1;

/** struct kernel_sigaction: handler, flags, restorer, a word each, then the mask. */
const action = memory.data(32);
const oldAction = memory.data(32);
const maskBytes: u64 = 8;
const lastSignal: u32 = 64;

/** SIG_BLOCK and SIG_UNBLOCK, and the signals that they are for. */
const block: u64 = 0;
const unblock: u64 = 1;
const signalSet = memory.data(8);

/** struct sigaltstack: address (a word), flags (i32, then up to a word), bytes (a word). */
const alternateStack = memory.data(24);

function storeWords(at: usize, first: u64, second: u64, third: u64): void {
  if (wide()) {
    store<u64>(at, first);
    store<u64>(at, second, 8);
    store<u64>(at, third, 16);
  } else {
    store<u32>(at, <u32>first);
    store<u32>(at, <u32>second, 4);
    store<u32>(at, <u32>third, 8);
  }
}

function setAction(signal: u32, handler: u64, flags: u64, mask: u64): void {
  storeWords(action, handler, flags, info(Info.restorer));
  store<u64>(action + (wide() ? 24 : 12), mask);
  kernel(Sys.rt_sigaction, <u64>signal, native(action), 0, maskBytes);
}

/** Whether whoever started the program has it ignore the signal, as shells do with SIGINT for what runs in the background. */
function isIgnored(signal: u32): bool {
  kernel(Sys.rt_sigaction, <u64>signal, 0, native(oldAction), maskBytes);
  return (wide() ? load<u64>(oldAction) : load<u32>(oldAction)) === ignored;
}

/** What no handler changes. */
export function defaultAction(signal: u32): void {
  setAction(signal, byDefault, 0, 0);
}

function bit(signal: u32): u64 {
  return (<u64>1) << (<u64>signal - 1);
}

/** Those that traps raise. */
function faults(): u64 {
  return bit(Signal.ill) | bit(Signal.bus) | bit(Signal.fpe) | bit(Signal.segv);
}

/**
 * Has all signals of the runtime handled on their own stack, none during another: those that traps raise, the one that asks for a
 * dump, and, with `profiles`, the profile's and those that usually end a program, so that its profile is written first. A write to a pipe that nobody reads is an error to the program, not its end.
 */
export function installHandlers(profiles: bool): void {
  storeWords(alternateStack, info(Info.signalStack), 0, info(Info.signalStackSize));
  kernel(Sys.sigaltstack, native(alternateStack), 0);
  const dump = <u32>info(Info.dumpSignal);
  let mask = faults();
  if (dump !== 0) mask |= bit(dump);
  if (profiles) mask |= bit(Signal.prof);
  let ends: u64 = 0;
  if (profiles && !isIgnored(Signal.int)) ends |= bit(Signal.int);
  if (profiles && !isIgnored(Signal.term)) ends |= bit(Signal.term);
  const handled = mask | ends;
  const handler = info(Info.trampoline);
  for (let signal: u32 = 1; signal <= lastSignal; signal++)
    if ((handled & bit(signal)) !== 0) setAction(signal, handler, handlerFlags, handled);
  if (dump !== Signal.pipe) setAction(Signal.pipe, ignored, 0, 0);
  // A mask outlives execve: whoever started the program may have had some of them blocked, which those that end it stay.
  changeMask(unblock, mask);
}

/**
 * Blocks all signals whose handlers end the program: one that came while the program ends by itself would end it before its profile
 * is whole. They stay blocked.
 */
export function blockEnds(): void {
  changeMask(block, faults() | bit(Signal.int) | bit(Signal.term));
}

function changeMask(how: u64, signals: u64): void {
  store<u64>(signalSet, signals);
  kernel(Sys.rt_sigprocmask, how, native(signalSet), 0, maskBytes);
}
