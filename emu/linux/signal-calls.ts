/** System calls of signals. */
import type { SystemCall, SystemCallInfo } from './call.ts';
import { ERRNO, RESTART } from './errno.ts';
import type { LinuxProcess } from './process.ts';
import { MAX_SIGNAL, SIGNAL, type SignalInfo, SS } from './signals.ts';
import { USER_ID } from './user.ts';

const SIGSET_BYTES = 8;

/** MINSIGSTKSZ of both targets. */
const MIN_STACK = 2048;

const rtSigaction: SystemCall = ({ memory, signals, layout }, number, newAt, oldAt, setBytes) => {
  const { sigaction } = layout;
  if (setBytes !== SIGSET_BYTES || !(number >= 1 && number <= MAX_SIGNAL)) return -ERRNO.EINVAL;
  if (newAt !== 0 && (number === SIGNAL.KILL || number === SIGNAL.STOP)) return -ERRNO.EINVAL;
  const old = signals.actions[number];
  const action =
    newAt === 0
      ? undefined
      : {
          handler: memory.readWord(newAt + sigaction.handler),
          flags: memory.readU32(newAt + sigaction.flags),
          restorer: memory.readWord(newAt + sigaction.restorer),
          maskLow: memory.readU32(newAt + sigaction.mask) | 0,
          maskHigh: memory.readU32(newAt + sigaction.mask + 4) | 0,
        };
  if (oldAt !== 0) {
    memory.writeWord(oldAt + sigaction.handler, old.handler);
    memory.writeWord(oldAt + sigaction.flags, old.flags);
    memory.writeWord(oldAt + sigaction.restorer, old.restorer);
    memory.writeU32(oldAt + sigaction.mask, old.maskLow);
    memory.writeU32(oldAt + sigaction.mask + 4, old.maskHigh);
  }
  if (action) signals.setAction(number, action);
  return 0;
};

const SIG_BLOCK = 0;
const SIG_UNBLOCK = 1;
const SIG_SETMASK = 2;

const rtSigprocmask: SystemCall = ({ memory, signals }, how, newAt, oldAt, setBytes) => {
  if (setBytes !== SIGSET_BYTES) return -ERRNO.EINVAL;
  const { blockedLow, blockedHigh } = signals;
  if (newAt !== 0) {
    const low = memory.readU32(newAt);
    const high = memory.readU32(newAt + 4);
    if (how === SIG_BLOCK) signals.setBlocked(blockedLow | low, blockedHigh | high);
    else if (how === SIG_UNBLOCK) signals.setBlocked(blockedLow & ~low, blockedHigh & ~high);
    else if (how === SIG_SETMASK) signals.setBlocked(low, high);
    else return -ERRNO.EINVAL;
  }
  if (oldAt !== 0) {
    memory.writeU32(oldAt, blockedLow);
    memory.writeU32(oldAt + 4, blockedHigh);
  }
  return 0;
};

const rtSigpending: SystemCall = ({ memory, signals }, address, setBytes) => {
  if (setBytes !== SIGSET_BYTES) return -ERRNO.EINVAL;
  const [low, high] = signals.pending;
  memory.writeU32(address, low & signals.blockedLow);
  memory.writeU32(address + 4, high & signals.blockedHigh);
  return 0;
};

const rtSigsuspend: SystemCall = (process, maskAt, setBytes) => {
  const { memory, signals } = process;
  if (setBytes !== SIGSET_BYTES) return -ERRNO.EINVAL;
  signals.replaceMask(memory.readU32(maskAt), memory.readU32(maskAt + 4));
  process.wait(undefined);
  return RESTART.withoutHandler;
};

const sigaltstack: SystemCall = ({ core, memory, signals, layout }, newAt, oldAt) => {
  const { stack } = layout;
  const { stackStart, stackBytes } = signals;
  const state = signals.stackState(core.sp);
  if (newAt !== 0) {
    const flags = memory.readU32(newAt + stack.flags);
    const bytes = memory.readWord(newAt + stack.bytes);
    const start = memory.readWord(newAt + stack.sp);
    if (state === SS.ONSTACK) return -ERRNO.EPERM;
    if (flags !== 0 && flags !== SS.DISABLE && flags !== SS.ONSTACK) return -ERRNO.EINVAL;
    if (flags !== SS.DISABLE && bytes < MIN_STACK) return -ERRNO.ENOMEM;
    signals.stackStart = flags === SS.DISABLE ? 0 : start;
    signals.stackBytes = flags === SS.DISABLE ? 0 : bytes;
  }
  if (oldAt !== 0) {
    memory.writeWord(oldAt + stack.sp, stackStart);
    memory.writeU32(oldAt + stack.flags, state);
    memory.writeWord(oldAt + stack.bytes, stackBytes);
  }
  return 0;
};

const rtSigreturn: SystemCall = (process) => {
  process.returnFromSignal();
  return 0;
};

/** The process is the only one there is: -1 and 0, and its own number, mean it. */
function sendTo(process: LinuxProcess, pid: number, info: SignalInfo): number {
  if (pid !== process.pid && pid !== 0 && pid !== -process.pid) return -ERRNO.ESRCH;
  if (!(info.number >= 0 && info.number <= MAX_SIGNAL)) return -ERRNO.EINVAL;
  if (info.number > 0) process.signals.send(info);
  return 0;
}

/** `si_code` of tgkill. */
const SI_TKILL = -6;

const kill: SystemCall = (process, pid, number) =>
  sendTo(process, pid, { number, code: 0, sender: [process.pid, USER_ID] });

const tkill: SystemCall = (process, tid, number) =>
  tid <= 0 ? -ERRNO.EINVAL : sendTo(process, tid, { number, code: SI_TKILL, sender: [process.pid, USER_ID] });

const tgkill: SystemCall = (process, pid, tid, number) => {
  if (pid <= 0 || tid <= 0) return -ERRNO.EINVAL;
  if (pid !== process.pid) return -ERRNO.ESRCH;
  return tkill(process, tid, number, 0, 0, 0, 0);
};

const rtSigqueueinfo: SystemCall = (process, pid, number, infoAt) => {
  const { memory, layout } = process;
  const { fields, value } = layout.siginfo;
  const high = layout.word === 8 ? memory.readU32(infoAt + value + 4) : 0;
  return sendTo(process, pid, {
    number,
    code: memory.readU32(infoAt + 8) | 0,
    sender: [memory.readU32(infoAt + fields), memory.readU32(infoAt + fields + 4)],
    value: [memory.readU32(infoAt + value), high],
  });
};

const pause: SystemCall = (process) => {
  process.wait(undefined);
  return RESTART.withoutHandler;
};

export const SIGNAL_CALLS: Readonly<Record<string, SystemCallInfo>> = {
  rt_sigaction: { x86_64: 13, armv7: 174, parameters: 'iwww', call: rtSigaction },
  rt_sigprocmask: { x86_64: 14, armv7: 175, parameters: 'iwww', call: rtSigprocmask },
  rt_sigreturn: { x86_64: 15, armv7: 173, parameters: '', call: rtSigreturn },
  rt_sigpending: { x86_64: 127, armv7: 176, parameters: 'ww', call: rtSigpending },
  rt_sigqueueinfo: { x86_64: 129, armv7: 178, parameters: 'iiw', call: rtSigqueueinfo },
  rt_sigsuspend: { x86_64: 130, armv7: 179, parameters: 'ww', call: rtSigsuspend },
  sigaltstack: { x86_64: 131, armv7: 186, parameters: 'ww', call: sigaltstack },
  pause: { x86_64: 34, armv7: 29, parameters: '', call: pause },
  kill: { x86_64: 62, armv7: 37, parameters: 'ii', call: kill },
  tkill: { x86_64: 200, armv7: 238, parameters: 'ii', call: tkill },
  tgkill: { x86_64: 234, armv7: 268, parameters: 'iii', call: tgkill },
};
