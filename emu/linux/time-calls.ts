/** System calls of clocks, sleeping and timers. */
import type { SystemCall, SystemCallInfo } from './call.ts';
import { ERRNO, RESTART, SystemCallError } from './errno.ts';
import type { LinuxProcess } from './process.ts';
import { MAX_SIGNAL, type SignalInfo } from './signals.ts';
import type { Timer } from './timers.ts';

const SECOND = 1e9;
const MICROSECOND = 1000;

/** Bytes of the seconds and of the fraction in a time: 8, or 4 in ARM's older calls. */
type TimeWord = 4 | 8;

/** A struct timespec, in nanoseconds. @throws {SystemCallError} EINVAL when it is no time, EFAULT */
function readTime({ memory }: LinuxProcess, address: number, word: TimeWord, unit = 1): number {
  const seconds = word === 8 ? memory.readI64(address) : memory.readU32(address) | 0;
  const fraction = word === 8 ? memory.readI64(address + 8) : memory.readU32(address + 4) | 0;
  if (seconds < 0 || fraction < 0 || fraction >= SECOND / unit) throw new SystemCallError('EINVAL');
  return seconds * SECOND + fraction * unit;
}

function writeTime(
  { memory }: LinuxProcess,
  address: number,
  nanoseconds: number,
  word: TimeWord,
  unit = 1,
): void {
  const seconds = Math.floor(nanoseconds / SECOND);
  writePair(memory, address, seconds, Math.floor((nanoseconds - seconds * SECOND) / unit), word);
}

function writePair(
  memory: LinuxProcess['memory'],
  address: number,
  seconds: number,
  fraction: number,
  word: TimeWord,
): void {
  if (word === 8) {
    memory.writeI64(address, seconds);
    memory.writeI64(address + 8, fraction);
  } else {
    memory.writeU32(address, seconds);
    memory.writeU32(address + 4, fraction);
  }
}

const gettime =
  (word: TimeWord): SystemCall =>
  ({ clock, memory }, id, address) => {
    const time = clock.read(id);
    if (!time) return -ERRNO.EINVAL;
    writePair(memory, address, time.seconds, time.nanoseconds, word);
    return 0;
  };

const getres =
  (word: TimeWord): SystemCall =>
  (process, id, address) => {
    if (!process.clock.read(id)) return -ERRNO.EINVAL;
    if (address !== 0) writeTime(process, address, 1, word);
    return 0;
  };

const TIMER_ABSTIME = 1;

const nanosleep =
  (word: TimeWord): SystemCall =>
  (process, id, flags, requestAt, remainAt) => {
    const { clock } = process;
    const base = clock.offset(id);
    const time = readTime(process, requestAt, word);
    if (!base || base.kind === 'cpu') return base ? -ERRNO.EOPNOTSUPP : -ERRNO.EINVAL;
    const absolute = (flags & TIMER_ABSTIME) !== 0;
    const deadline = absolute ? time + base.offset : clock.now + time;
    if (process.wait(undefined, deadline) === 'timeout') return 0;
    if (absolute) return RESTART.withoutHandler;
    if (remainAt !== 0) writeTime(process, remainAt, Math.max(0, deadline - clock.now), word);
    return RESTART.withoutHandler;
  };

/** Sets a timer from a struct itimerspec or itimerval at an address, and stores the old setting. */
function setTimer(
  process: LinuxProcess,
  timer: Timer,
  request: { word: TimeWord; unit: number; absoluteOffset: number | undefined },
  newAt: number,
  oldAt: number,
): void {
  const { timers } = process;
  const { word, unit, absoluteOffset } = request;
  const interval = newAt === 0 ? 0 : readTime(process, newAt, word, unit);
  const value = newAt === 0 ? 0 : readTime(process, newAt + 2 * word, word, unit);
  if (oldAt !== 0) writeTimer(process, timer, oldAt, word, unit);
  const start = absoluteOffset ?? timers.time(timer);
  timers.set(timer, value === 0 ? undefined : value + start, value === 0 ? 0 : interval);
}

function writeTimer(
  process: LinuxProcess,
  timer: Timer,
  address: number,
  word: TimeWord,
  unit: number,
): void {
  const left = timer.expires === undefined ? 0 : Math.max(unit, timer.expires - process.timers.time(timer));
  writeTime(process, address, timer.interval, word, unit);
  writeTime(process, address + 2 * word, left, word, unit);
}

const setitimer: SystemCall = (process, which, newAt, oldAt) => {
  const timer = process.timers.intervalTimer(which);
  if (!timer) return -ERRNO.EINVAL;
  const word = process.layout.word;
  setTimer(process, timer, { word, unit: MICROSECOND, absoluteOffset: undefined }, newAt, oldAt);
  return 0;
};

const getitimer: SystemCall = (process, which, address) => {
  const timer = process.timers.intervalTimer(which);
  if (!timer) return -ERRNO.EINVAL;
  writeTimer(process, timer, address, process.layout.word, MICROSECOND);
  return 0;
};

/** sigev_notify, and what a timer without a sigevent sends. */
const SIGEV = { SIGNAL: 0, NONE: 1, THREAD_ID: 4 };
const SIGALRM = 14;
const SI_TIMER = -2;

const timerCreate: SystemCall = (process, clockId, eventAt, idAt) => {
  const { memory, layout, timers, clock } = process;
  const base = clock.offset(clockId);
  if (!base) return -ERRNO.EINVAL;
  const { sigevent, word } = layout;
  const notify = eventAt === 0 ? SIGEV.SIGNAL : memory.readU32(eventAt + sigevent.notify);
  const number = eventAt === 0 ? SIGALRM : memory.readU32(eventAt + sigevent.signo);
  if (notify !== SIGEV.SIGNAL && notify !== SIGEV.NONE && notify !== SIGEV.THREAD_ID) return -ERRNO.EINVAL;
  if (notify !== SIGEV.NONE && !(number >= 1 && number <= MAX_SIGNAL)) return -ERRNO.EINVAL;
  const low = eventAt === 0 ? undefined : memory.readU32(eventAt);
  const high = eventAt === 0 || word === 4 ? 0 : memory.readU32(eventAt + 4);
  const id = timers.create(base, (timer): SignalInfo | undefined =>
    notify === SIGEV.NONE
      ? undefined
      : { number, code: SI_TIMER, sender: [timer, 0], value: [low ?? timer, high] },
  );
  if (id < 0) return -ERRNO.EAGAIN;
  memory.writeU32(idAt, id);
  return 0;
};

const timerSettime =
  (word: TimeWord): SystemCall =>
  (process, id, flags, newAt, oldAt) => {
    const timer = process.timers.get(id);
    if (!timer || newAt === 0) return -ERRNO.EINVAL;
    const absoluteOffset = flags & TIMER_ABSTIME ? timer.offset : undefined;
    setTimer(process, timer, { word, unit: 1, absoluteOffset }, newAt, oldAt);
    return 0;
  };

const timerGettime =
  (word: TimeWord): SystemCall =>
  (process, id, address) => {
    const timer = process.timers.get(id);
    if (!timer) return -ERRNO.EINVAL;
    writeTimer(process, timer, address, word, 1);
    return 0;
  };

const timerDelete: SystemCall = ({ timers }, id) => (timers.delete(id) ? 0 : -ERRNO.EINVAL);

const nanosleepByMonotonic =
  (word: TimeWord): SystemCall =>
  (process, requestAt, remainAt) =>
    nanosleep(word)(process, 1, 0, requestAt, remainAt, 0, 0);

/** The calls with numbers of their own for 64-bit times on ARM have `time64` in the kernel's names, too. */
export const TIME_CALLS: Readonly<Record<string, SystemCallInfo>> = {
  nanosleep: { x86_64: 35, parameters: 'ww', call: nanosleepByMonotonic(8) },
  nanosleep_time32: { armv7: 162, parameters: 'ww', call: nanosleepByMonotonic(4) },
  clock_gettime: { x86_64: 228, armv7: 403, parameters: 'iw', call: gettime(8) },
  clock_gettime32: { armv7: 263, parameters: 'iw', call: gettime(4) },
  clock_getres: { x86_64: 229, armv7: 406, parameters: 'iw', call: getres(8) },
  clock_getres_time32: { armv7: 264, parameters: 'iw', call: getres(4) },
  clock_nanosleep: { x86_64: 230, armv7: 407, parameters: 'iiww', call: nanosleep(8) },
  clock_nanosleep_time32: { armv7: 265, parameters: 'iiww', call: nanosleep(4) },
  getitimer: { x86_64: 36, armv7: 105, parameters: 'iw', call: getitimer },
  setitimer: { x86_64: 38, armv7: 104, parameters: 'iww', call: setitimer },
  timer_create: { x86_64: 222, armv7: 257, parameters: 'iww', call: timerCreate },
  timer_settime: { x86_64: 223, armv7: 409, parameters: 'iiww', call: timerSettime(8) },
  timer_settime32: { armv7: 258, parameters: 'iiww', call: timerSettime(4) },
  timer_gettime: { x86_64: 224, armv7: 408, parameters: 'iw', call: timerGettime(8) },
  timer_gettime32: { armv7: 259, parameters: 'iw', call: timerGettime(4) },
  timer_delete: { x86_64: 226, armv7: 261, parameters: 'i', call: timerDelete },
};
