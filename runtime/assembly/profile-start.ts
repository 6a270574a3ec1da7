import { Clock, hasWideTimes, lacksWideTimes, nanoseconds, resolution, storeTimespec } from './clock';
import { load_u8 } from './fathom';
import { Sys } from './linux';
import { endMessage, refuse, startMessage } from './proc';
import { createProfile, openProfile, putDefaultName } from './profile-report';
import { setting } from './secure';
import { RuntimeState, setRuntimeState } from './state';
import { kernel, LinuxError, Mapping, map, native, wide } from './system';

/** What FATHOM_PROFILE asks for: room for the samples, and a timer whose signal makes them. */

/** `FATHOM_PROFILE=`, `FATHOM_PROFILE_OUT=` */
const profileName = memory.data<u8>([
  0x46, 0x41, 0x54, 0x48, 0x4f, 0x4d, 0x5f, 0x50, 0x52, 0x4f, 0x46, 0x49, 0x4c, 0x45, 0x3d,
]);
const profileNameBytes: u32 = 15;
const profileOutName = memory.data<u8>([
  0x46, 0x41, 0x54, 0x48, 0x4f, 0x4d, 0x5f, 0x50, 0x52, 0x4f, 0x46, 0x49, 0x4c, 0x45, 0x5f, 0x4f, 0x55, 0x54,
  0x3d,
]);
const profileOutNameBytes: u32 = 19;

/** Room for samples: pages that no sample reaches cost nothing. */
const ringBytes: u64 = 64 << 20;

/** Samples per second at most: a signal costs microseconds. */
const maximumRate: u32 = 10_000;

/** struct sigevent: a value (a word), signal, kind of notification (include/uapi/asm-generic/siginfo.h), 64 bytes in all. */
const event = memory.data(64);
const sigProf: u32 = 27;
/** SIGEV_SIGNAL: the process is sent a signal. */
const notifyBySignal: u32 = 0;

/** Where timer_create stores the timer's number. */
const timerId = memory.data(8);

/** struct itimerspec, or itimerval for the older call: the interval, then the first time. */
const period = memory.data(32);

/** ITIMER_PROF */
const profileTimer: u64 = 2;

/** Samples per second that are asked for, 0 for none. */
export function profileRate(): u32 {
  const text = setting(profileName, profileNameBytes);
  if (text === 0) return 0;
  let rate: u32 = 0;
  let at = text;
  for (; load_u8(at) >= 0x30 && load_u8(at) <= 0x39 && rate <= maximumRate; at++)
    rate = rate * 10 + load_u8(at) - 0x30;
  if (load_u8(at) !== 0 || rate === 0 || rate > maximumRate)
    refuse('FATHOM_PROFILE must be a number from 1 to 10000', 0);
  return rate;
}

/**
 * Opens the file that the samples are written to at the end, and makes room for them. False without a profile: where the file would get the
 * name that it has by itself, and something of that name is there.
 */
export function makeRing(): bool {
  const path = setting(profileOutName, profileOutNameBytes);
  const fd = path === 0 ? createProfile() : openProfile(path);
  if (path === 0 && fd === -(<i64>LinuxError.eexist)) {
    startMessage('no profile: ');
    putDefaultName();
    endMessage(fd);
    return false;
  }
  if (fd < 0) refuse('cannot open the file of the profile', fd);
  const ring = map(0, ringBytes, Mapping.readWrite);
  if (ring < 0) refuse('no room for the samples of FATHOM_PROFILE', 0);
  setRuntimeState(RuntimeState.profileRing, <u64>ring);
  setRuntimeState(RuntimeState.profileRingBytes, ringBytes);
  setRuntimeState(RuntimeState.profileFd, <u64>fd);
  return true;
}

/** Has SIGPROF sent `rate` times a second from now on. Where the kernel refuses all timers the profile stays empty, which a message says. */
export function startProfile(rate: u32): void {
  if (startTimer(rate)) return;
  const result = startIntervalTimer(rate);
  if (result >= 0) return;
  startMessage('no samples: the kernel refuses a timer');
  endMessage(result);
}

/**
 * By a timer of its own, which counts the signals that it could not send. Linux looks at clocks of processor time when its clock ticks,
 * and no more often: for more samples than ticks it has to be the time of day that passes. False where that is refused.
 */
function startTimer(rate: u32): bool {
  const tick = resolution(Clock.monotonicCoarse);
  const coarse = tick > <i64>(nanoseconds / rate);
  const word: usize = wide() ? 8 : 4;
  store<u32>(event + word, sigProf);
  store<u32>(event + word + 4, notifyBySignal);
  const clock = coarse ? Clock.monotonic : Clock.processTime;
  if (kernel(Sys.timer_create, <u64>clock, native(event), native(timerId)) < 0) return false;
  let result: i64 = 0;
  if (hasWideTimes()) result = setTimer(Sys.timer_settime, rate);
  if (!hasWideTimes() || lacksWideTimes(result)) result = setTimer(Sys.timer_settime_old, rate);
  return result >= 0;
}

function setTimer(call: Sys, rate: u32): i64 {
  const nanos = nanoseconds / rate;
  const first = period + (hasWideTimes() ? 16 : 8);
  storeTimespec(period, nanos / nanoseconds, nanos % nanoseconds);
  storeTimespec(first, nanos / nanoseconds, nanos % nanoseconds);
  return kernel(call, load<u32>(timerId), 0, native(period), 0);
}

/** By the older call, whose signals do not say how many were missed. 0 or -errno. */
function startIntervalTimer(rate: u32): i64 {
  const seconds: u32 = rate === 1 ? 1 : 0;
  const micros: u32 = rate === 1 ? 0 : 1_000_000 / rate;
  if (wide()) {
    store<u64>(period, seconds);
    store<u64>(period, micros, 8);
    memory.copy(period + 16, period, 16);
  } else {
    store<u32>(period, seconds);
    store<u32>(period, micros, 4);
    memory.copy(period + 8, period, 8);
  }
  return kernel(Sys.setitimer, profileTimer, native(period), 0);
}
