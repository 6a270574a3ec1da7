import { hasWideTimes, lacksWideTimes, nanoseconds, storeTimespec } from './clock';
import { Errno, errno } from './errno';
import { Sys } from './linux';
import { kernel, native } from './system';

/** `fstflags` of WASI. */
enum SetTime {
  access = 1,
  accessNow = 2,
  modification = 4,
  modificationNow = 8,
  all = 15,
}

/** Nanoseconds that mean something else (include/linux/stat.h): the time of the call, and leave as it is. */
const utimeNow: u64 = 0x3fff_ffff;
const utimeOmit: u64 = 0x3fff_fffe;

/** Two of struct timespec: access, modification. */
const timespecs = memory.data(32);

/** Flags that contradict each other, or mean nothing. */
export function checkSetTimes(flags: u32): u32 {
  const access = SetTime.access | SetTime.accessNow;
  const modification = SetTime.modification | SetTime.modificationNow;
  const invalid =
    (flags & ~(<u32>SetTime.all)) !== 0 ||
    (flags & access) === <u32>access ||
    (flags & modification) === <u32>modification;
  return invalid ? Errno.inval : Errno.success;
}

function put(at: usize, set: bool, setNow: bool, time: u64): void {
  if (set) storeTimespec(at, time / nanoseconds, time % nanoseconds);
  else storeTimespec(at, 0, setNow ? utimeNow : utimeOmit);
}

function fill(access: u64, modification: u64, flags: u32): void {
  put(timespecs, (flags & SetTime.access) !== 0, (flags & SetTime.accessNow) !== 0, access);
  const second = timespecs + (hasWideTimes() ? 16 : 8);
  put(second, (flags & SetTime.modification) !== 0, (flags & SetTime.modificationNow) !== 0, modification);
}

/**
 * Sets times of what `name` (native address) names in a directory of the host, or, without a name, of a descriptor: in nanoseconds,
 * as `flags`, which have been checked, say.
 */
export function setTimes(host: u64, name: u64, at: u64, access: u64, modification: u64, flags: u32): u32 {
  let result: i64 = 0;
  if (hasWideTimes()) {
    fill(access, modification, flags);
    result = kernel(Sys.utimensat, host, name, native(timespecs), at);
  }
  if (!hasWideTimes() || lacksWideTimes(result)) {
    fill(access, modification, flags);
    result = kernel(Sys.utimensat_old, host, name, native(timespecs), at);
  }
  return errno(result);
}
