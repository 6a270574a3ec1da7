import { putBacktrace } from './backtrace';
import { faultAddress, programCounter, signalCode } from './context';
import { dieOf, takeDefaultAction } from './ending';
import { syscall, word_bytes } from './fathom';
import { imageAt, imageMap, imageStart } from './images';
import { number, Sys } from './linux';
import { endProfile } from './profile-report';
import { Info, info } from './program-info';
import { functionAt, trapAt } from './stack-map';
import { clearText, putByte, putDecimal, putHex, putText, writeText } from './text';
import { carryOutVfpAccess } from './vfp';

/** Words of each trap, by TrapKind: trapMessages of compiler/ir/types.ts. */
const words: StaticArray<string> = [
  'unreachable',
  'memory access out of bounds',
  'table index is out of bounds',
  'null function or function signature mismatch',
  'null function or function signature mismatch',
  'divide by zero',
  'divide result unrepresentable',
  'float unrepresentable in integer range',
  'Maximum call stack size exceeded',
  'table index is out of bounds',
  'element segment out of bounds',
  'remainder by zero',
];
const stackOverflow = 8;

/** Code that a process leaves with after a trap. */
const trapStatus = 134;

const SIGBUS: u32 = 7;
const SIGSEGV: u32 = 11;
const stderr: u32 = 2;

/**
 * A fault: carried out where it was an unaligned access that ARM's VFP cannot do; the end of the program where compiled
 * code trapped; else none of ours, and what it would have been without a handler.
 */
export function fault(signal: u32, information: u64, context: u64): void {
  const pc = programCounter(context);
  const image = signalCode(information) > 0 ? imageAt(pc) : -1;
  if (image < 0) {
    pass(signal, information, pc);
    return;
  }
  const address = faultAddress(information);
  if (word_bytes() === 4 && signal === SIGBUS && carryOutVfpAccess(context)) return;
  const kind = isStackExhausted(signal, address) ? stackOverflow : trapOf(image, pc);
  if (kind < 0 || kind >= words.length) {
    pass(signal, information, pc);
    return;
  }
  clearText();
  putText('fathom: trap: ');
  putText(unchecked(words[kind]));
  putByte(10);
  putBacktrace(context);
  writeText(stderr);
  endProfile();
  syscall(number(Sys.exit_group), trapStatus, 0, 0, 0, 0, 0);
}

/** Number of the trap that an image's instruction at exactly `pc` may raise, or -1. */
function trapOf(image: u32, pc: u64): i32 {
  const map = imageMap(image);
  const offset = <u32>(pc - imageStart(image));
  const index = functionAt(map, offset);
  return index < 0 ? -1 : trapAt(map, index, offset);
}

/** True for an access to the gap below the native stack, whatever made it. */
function isStackExhausted(signal: u32, address: u64): bool {
  if (signal !== SIGSEGV && signal !== SIGBUS) return false;
  const start = info(Info.stackStart);
  return address < start && address >= start - info(Info.stackGap);
}

/** Leaves a signal to the kernel: its default action, when the instruction faults again or the signal comes again. */
function pass(signal: u32, information: u64, pc: u64): void {
  clearText();
  putText('fathom: fault outside of compiled code at pc ');
  putHex(pc);
  putText(', signal ');
  putDecimal(signal);
  putByte(10);
  writeText(stderr);
  if (signalCode(information) > 0) takeDefaultAction(signal);
  else dieOf(signal);
}
