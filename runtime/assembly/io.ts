import { guest } from './app';
import { demand, hostOf, mayTell } from './descriptors';
import { Errno, errno } from './errno';
import { store_u32, store_u64 } from './fathom';
import { Sys } from './linux';
import { Right } from './rights';
import { high, kernel, low, native, wide } from './system';
import { advance, takeVectors, vectorsCount, vectorsLeft } from './vectors';

/** Reading, writing and positions. */

function answer(result: i64, at: u64): u32 {
  if (result < 0) return errno(result);
  store_u32(at, <u32>result);
  return Errno.success;
}

export function fd_read(fd: u32, list: u32, length: u32, read: u32): u32 {
  let error = demand(fd, Right.fdRead);
  if (error === 0) error = takeVectors(list, length);
  if (error !== 0) return error;
  const at = guest(read, 4);
  if (at === 0) return Errno.fault;
  return answer(kernel(Sys.readv, hostOf(fd), native(vectorsLeft()), vectorsCount()), at);
}

export function fd_pread(fd: u32, list: u32, length: u32, offset: u64, read: u32): u32 {
  let error = demand(fd, Right.fdRead | Right.fdSeek);
  if (error === 0) error = takeVectors(list, length);
  if (error !== 0) return error;
  const at = guest(read, 4);
  if (at === 0) return Errno.fault;
  return answer(positioned(Sys.preadv, fd, offset), at);
}

/** The position goes in two words on both targets; where words hold it, the second counts for nothing. */
function positioned(call: Sys, fd: u32, offset: u64): i64 {
  const first = wide() ? offset : low(offset);
  return kernel(call, hostOf(fd), native(vectorsLeft()), vectorsCount(), first, high(offset));
}

/**
 * Writes all, by as many system calls as it takes: a signal that comes while a pipe is full ends a write early, and
 * programs that write once must not notice. An error after something has been written comes again with the next call.
 */
function writeAll(fd: u32, isPositioned: bool, offset: u64): i64 {
  let total: i64 = 0;
  let result: i64 = 0;
  do {
    result = isPositioned
      ? positioned(Sys.pwritev, fd, offset + <u64>total)
      : kernel(Sys.writev, hostOf(fd), native(vectorsLeft()), vectorsCount());
    if (result < 0) return total > 0 ? total : result;
    total += result;
  } while (advance(<u64>result) && result > 0);
  return total;
}

export function fd_write(fd: u32, list: u32, length: u32, written: u32): u32 {
  let error = demand(fd, Right.fdWrite);
  if (error === 0) error = takeVectors(list, length);
  if (error !== 0) return error;
  const at = guest(written, 4);
  if (at === 0) return Errno.fault;
  return answer(writeAll(fd, false, 0), at);
}

export function fd_pwrite(fd: u32, list: u32, length: u32, offset: u64, written: u32): u32 {
  let error = demand(fd, Right.fdWrite | Right.fdSeek);
  if (error === 0) error = takeVectors(list, length);
  if (error !== 0) return error;
  const at = guest(written, 4);
  if (at === 0) return Errno.fault;
  return answer(writeAll(fd, true, offset), at);
}

/** `whence` of WASI and of lseek: 0 from the start, 1 from the position, 2 from the end. */
const fromPosition: u32 = 1;
const fromEnd: u32 = 2;

const position = memory.data(8);

/** lseek: the new position or -errno. */
export function seek(host: u64, offset: i64, whence: u32): i64 {
  if (wide()) return kernel(Sys.lseek, host, offset, whence);
  const result = kernel(Sys.lseek, host, high(offset), low(offset), native(position), whence);
  return result < 0 ? result : load<i64>(position);
}

export function fd_seek(fd: u32, offset: i64, whence: u32, pointer: u32): u32 {
  const error = demand(fd, 0);
  if (error !== 0) return error;
  if (whence > fromEnd) return Errno.inval;
  if (guest(pointer, 8) === 0) return Errno.fault;
  const tells = offset === 0 && whence === fromPosition && mayTell(fd);
  if (!tells && demand(fd, Right.fdSeek) !== 0) return Errno.notcapable;
  return answerPosition(seek(hostOf(fd), offset, whence), pointer);
}

export function fd_tell(fd: u32, pointer: u32): u32 {
  const error = demand(fd, 0);
  if (error !== 0) return error;
  if (!mayTell(fd)) return Errno.notcapable;
  return answerPosition(seek(hostOf(fd), 0, fromPosition), pointer);
}

function answerPosition(result: i64, pointer: u32): u32 {
  const at = guest(pointer, 8);
  if (at === 0) return Errno.fault;
  if (result < 0) return errno(result);
  store_u64(at, <u64>result);
  return Errno.success;
}
