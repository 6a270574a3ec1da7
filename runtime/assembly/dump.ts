import { putBacktrace } from './backtrace';
import { senderProcess, senderUser, signalCode, signalValue } from './context';
import { syscall } from './fathom';
import { number, Sys } from './linux';
import { RuntimeState, runtimeState } from './state';
import { clearText, putDecimal, putText, terminatedText, writeText } from './text';

/** `si_code` of signals sent by `sigqueue` (asm-generic/siginfo.h). */
const SI_QUEUE = -1;

const AT_FDCWD: u64 = -100;
/** O_WRONLY | O_NOCTTY | O_APPEND | O_NONBLOCK | O_CLOEXEC, the same on both targets (asm-generic/fcntl.h). */
const appending: u64 = 0x1 | 0x100 | 0x400 | 0x800 | 0x80000;

/** Writes the stack of the interrupted context to whom it is for, and leaves everything else as it is. */
export function dump(signal: u32, information: u64, context: u64): void {
  const answer = openAnswer(information);
  clearText();
  putText('=== fathom stack dump: pid ');
  putDecimal(system(Sys.getpid));
  putText(', signal ');
  putDecimal(signal);
  putText('\n');
  putBacktrace(context);
  if (answer < 0) {
    const fd = <u32>runtimeState(RuntimeState.dumpFd);
    writeText(fd);
  } else {
    writeText(<u32>answer);
    syscall(number(Sys.close), answer, 0, 0, 0, 0, 0);
  }
}

/**
 * The file that a sender by `sigqueue` names, as its own descriptor N: a descriptor, or negative where there is none. Opened anew,
 * so it must be what the sender could have opened itself: a program that runs with other rights than its sender's opens nothing. Who
 * sent the signal, only the sender says (rt_sigqueueinfo(2)), but the kernel lets nobody send it to a program of another user, unless
 * that one has started it.
 */
function openAnswer(information: u64): i64 {
  if (signalCode(information) !== SI_QUEUE) return -1;
  const value = signalValue(information);
  if (value <= 0 || runtimeState(RuntimeState.secure) !== 0) return -1;
  if (system(Sys.geteuid) !== senderUser(information)) return -1;
  if (system(Sys.getegid) !== system(Sys.getgid)) return -1;
  clearText();
  putText('/proc/');
  putDecimal(senderProcess(information));
  putText('/fd/');
  putDecimal(value);
  return syscall(number(Sys.openat), AT_FDCWD, terminatedText(), appending, 0, 0, 0);
}

/** A system call without arguments. */
function system(call: Sys): u32 {
  return <u32>syscall(number(call), 0, 0, 0, 0, 0, 0);
}
