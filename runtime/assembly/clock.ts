import { guest } from './app';
import { Errno, errno } from './errno';
import { store_u64 } from './fathom';
import { Sys } from './linux';
import { kernel, LinuxError, native, wide } from './system';

/** WASI's clocks have Linux's numbers: real time, monotonic, processor time of the process and of the thread. The last one is Linux's alone. */
export enum Clock {
  realtime = 0,
  monotonic = 1,
  processTime = 2,
  threadTime = 3,
  /** Monotonic, as of the last tick of the kernel's clock: its resolution is the time between two ticks. */
  monotonicCoarse = 6,
}

export const nanoseconds: u64 = 1_000_000_000;

/** struct timespec of the kernel: seconds and nanoseconds, two i64, or two i32 on ARM before Linux 5.1. */
const timespec = memory.data(16);

/** ARM's system calls with 64-bit times are missing: found out by the first. */
let oldTimes: bool = false;

/** True if `result` says that a system call with 64-bit times is missing: then the one with 32-bit times is to be used. */
export function lacksWideTimes(result: i64): bool {
  if (wide() || result !== -(<i64>LinuxError.enosys)) return false;
  oldTimes = true;
  return true;
}

export function hasWideTimes(): bool {
  return !oldTimes;
}

/** Writes a struct timespec, of 16 bytes or, with 32-bit times, of 8; seconds that do not fit become the most that do. */
export function storeTimespec(at: usize, seconds: u64, nanos: u64): void {
  if (oldTimes) {
    store<u32>(at, <u32>min<u64>(seconds, 0x7fff_ffff));
    store<u32>(at, <u32>nanos, 4);
  } else {
    store<u64>(at, seconds);
    store<u64>(at, nanos, 8);
  }
}

function loadTimespec(): i64 {
  if (oldTimes) return <i64>load<i32>(timespec) * <i64>nanoseconds + <i64>load<i32>(timespec, 4);
  return load<i64>(timespec) * <i64>nanoseconds + load<i64>(timespec, 8);
}

/** Reads a clock with one of a pair of system calls: nanoseconds or -errno. */
function ask(call: Sys, old: Sys, clock: u32): i64 {
  let result: i64 = 0;
  if (!oldTimes) result = kernel(call, <u64>clock, native(timespec));
  if (oldTimes || lacksWideTimes(result)) result = kernel(old, <u64>clock, native(timespec));
  return result < 0 ? result : loadTimespec();
}

/** What a clock shows, in nanoseconds. */
export function now(clock: u32): u64 {
  return <u64>ask(Sys.clock_gettime, Sys.clock_gettime_old, clock);
}

/** Nanoseconds between two times that a clock shows, or -errno. */
export function resolution(clock: u32): i64 {
  return ask(Sys.clock_getres, Sys.clock_getres_old, clock);
}

function answer(time: i64, pointer: u32): u32 {
  const at = guest(pointer, 8);
  if (at === 0) return Errno.fault;
  if (time < 0) return errno(time);
  store_u64(at, <u64>time);
  return Errno.success;
}

export function clock_res_get(clock: u32, pointer: u32): u32 {
  if (clock > <u32>Clock.threadTime) return Errno.inval;
  return answer(resolution(clock), pointer);
}

export function clock_time_get(clock: u32, _precision: u64, pointer: u32): u32 {
  if (clock > <u32>Clock.threadTime) return Errno.inval;
  return answer(ask(Sys.clock_gettime, Sys.clock_gettime_old, clock), pointer);
}

/** TIMER_ABSTIME (include/uapi/linux/time.h) */
const absolute: u64 = 1;

/** Sleeps until a clock shows `deadline`: a moment, not a length, so that interruptions add nothing. 0 or -errno. */
export function sleepUntil(clock: u32, deadline: u64): i64 {
  let result: i64 = 0;
  if (!oldTimes) {
    storeTimespec(timespec, deadline / nanoseconds, deadline % nanoseconds);
    result = kernel(Sys.clock_nanosleep, <u64>clock, absolute, native(timespec));
  }
  if (oldTimes || lacksWideTimes(result)) {
    storeTimespec(timespec, deadline / nanoseconds, deadline % nanoseconds);
    result = kernel(Sys.clock_nanosleep_old, <u64>clock, absolute, native(timespec));
  }
  return result;
}
