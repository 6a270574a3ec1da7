import { guest } from './app';
import {
  close,
  demand,
  fileType,
  hostOf,
  isOpen,
  preopenName,
  preopenNameBytes,
  renumber,
  restrict,
  rightsBase,
  rightsInheriting,
} from './descriptors';
import { Errno, errno } from './errno';
import { copy, fill, store_u8, store_u16, store_u32, store_u64 } from './fathom';
import { Sys } from './linux';
import { Right } from './rights';
import { high, kernel, low, Open, wide } from './system';

/** What concerns descriptors as such. */

/** `fdflags` of WASI. */
export enum FdFlag {
  append = 1,
  dsync = 2,
  nonblock = 4,
  rsync = 8,
  sync = 16,
  all = 31,
}

/** Commands of fcntl (include/uapi/asm-generic/fcntl.h). */
const getFlags: u64 = 3;
const setFlags: u64 = 4;

/** Flags of open for `fdflags`. Linux has no O_RSYNC besides O_SYNC (open(2)). */
export function openFlags(flags: u32): u32 {
  let result: u32 = 0;
  if ((flags & FdFlag.append) !== 0) result |= Open.append;
  if ((flags & FdFlag.nonblock) !== 0) result |= Open.nonBlocking;
  if ((flags & FdFlag.dsync) !== 0) result |= Open.dataSync;
  if ((flags & (FdFlag.sync | FdFlag.rsync)) !== 0) result |= Open.sync;
  return result;
}

/** And back. O_SYNC contains O_DSYNC. */
function fdFlags(open: u32): u32 {
  let result: u32 = 0;
  if ((open & Open.append) !== 0) result |= FdFlag.append;
  if ((open & Open.nonBlocking) !== 0) result |= FdFlag.nonblock;
  if ((open & Open.sync) === Open.sync) result |= FdFlag.sync;
  else if ((open & Open.dataSync) !== 0) result |= FdFlag.dsync;
  return result;
}

export function fd_fdstat_get(fd: u32, pointer: u32): u32 {
  const error = demand(fd, 0);
  if (error !== 0) return error;
  const to = guest(pointer, 24);
  if (to === 0) return Errno.fault;
  const flags = kernel(Sys.fcntl, hostOf(fd), getFlags);
  if (flags < 0) return errno(flags);
  fill(to, 0, 8);
  store_u8(to, fileType(fd));
  store_u16(to + 2, fdFlags(<u32>flags));
  store_u64(to + 8, rightsBase(fd));
  store_u64(to + 16, rightsInheriting(fd));
  return Errno.success;
}

export function fd_fdstat_set_flags(fd: u32, flags: u32): u32 {
  const error = demand(fd, Right.fdFdstatSetFlags);
  if (error !== 0) return error;
  if ((flags & ~(<u32>FdFlag.all)) !== 0) return Errno.inval;
  const old = kernel(Sys.fcntl, hostOf(fd), getFlags);
  if (old < 0) return errno(old);
  // Linux changes these two only, and would ignore the rest in silence (fcntl(2)).
  const wanted = openFlags(flags);
  if ((wanted & ~(<u32>old) & Open.sync) !== 0) return Errno.inval;
  const changeable: u32 = Open.append | Open.nonBlocking;
  return errno(
    kernel(Sys.fcntl, hostOf(fd), setFlags, (<u64>old & ~(<u64>changeable)) | (wanted & changeable)),
  );
}

export function fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64): u32 {
  return isOpen(fd) ? restrict(fd, base, inheriting) : Errno.badf;
}

export function fd_close(fd: u32): u32 {
  return isOpen(fd) ? errno(close(fd)) : Errno.badf;
}

export function fd_renumber(from: u32, to: u32): u32 {
  if (!isOpen(from) || !isOpen(to)) return Errno.badf;
  renumber(from, to);
  return Errno.success;
}

export function fd_sync(fd: u32): u32 {
  const error = demand(fd, Right.fdSync);
  return error !== 0 ? error : errno(kernel(Sys.fsync, hostOf(fd)));
}

export function fd_datasync(fd: u32): u32 {
  const error = demand(fd, Right.fdDatasync);
  return error !== 0 ? error : errno(kernel(Sys.fdatasync, hostOf(fd)));
}

/** Advice of Linux for WASI's: normal, sequential, random, will need, don't need, no reuse (include/uapi/linux/fadvise.h). */
const advices = memory.data<u8>([0, 2, 1, 3, 4, 5]);
const adviceCount: u32 = 6;

export function fd_advise(fd: u32, offset: u64, bytes: u64, advice: u32): u32 {
  const error = demand(fd, Right.fdAdvise);
  if (error !== 0) return error;
  if (advice >= adviceCount) return Errno.inval;
  const host = hostOf(fd);
  const hint = <u64>load<u8>(advices + <usize>advice);
  if (wide()) return errno(kernel(Sys.fadvise64, host, offset, bytes, hint));
  return errno(kernel(Sys.fadvise64, host, hint, low(offset), high(offset), low(bytes), high(bytes)));
}

export function fd_allocate(fd: u32, offset: u64, bytes: u64): u32 {
  const error = demand(fd, Right.fdAllocate);
  if (error !== 0) return error;
  const host = hostOf(fd);
  if (wide()) return errno(kernel(Sys.fallocate, host, 0, offset, bytes));
  return errno(kernel(Sys.fallocate, host, 0, low(offset), high(offset), low(bytes), high(bytes)));
}

export function fd_prestat_get(fd: u32, pointer: u32): u32 {
  if (!isOpen(fd) || preopenName(fd) === 0) return Errno.badf;
  const to = guest(pointer, 8);
  if (to === 0) return Errno.fault;
  // The one kind of prestat there is: a directory.
  store_u32(to, 0);
  store_u32(to + 4, preopenNameBytes(fd));
  return Errno.success;
}

export function fd_prestat_dir_name(fd: u32, pointer: u32, bytes: u32): u32 {
  if (!isOpen(fd) || preopenName(fd) === 0) return Errno.badf;
  const length = preopenNameBytes(fd);
  if (bytes < length) return Errno.nametoolong;
  const to = guest(pointer, length);
  if (to === 0) return Errno.fault;
  copy(to, preopenName(fd), length);
  return Errno.success;
}
