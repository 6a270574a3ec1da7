import { guest } from './app';
import { demand, demandDirectory, fileType, hostOf } from './descriptors';
import { Errno, errno } from './errno';
import { fill, store_u8, store_u64 } from './fathom';
import { Sys } from './linux';
import { firstPath, takePath } from './path-buffer';
import { findParent, firstPlace, leave, nameIn, openBeneath, parentOf } from './resolve';
import { FileType, Right } from './rights';
import { At, closeHost, high, kernel, low, native, Open, openNoFollow, wide } from './system';
import { checkSetTimes, setTimes } from './times';
import { leaveWalk, walk, walkDirectory, walkName } from './walk';

/** `lookupflags`: the last symbolic link of a path is followed. */
export const symlinkFollow: u32 = 1;

/** STATX_BASIC_STATS (include/uapi/linux/stat.h) */
const basicStats: u64 = 0x7ff;

/** struct statx of include/uapi/linux/stat.h: offsets of what is needed. Times are i64 seconds, u32 nanoseconds. */
enum Statx {
  links = 16,
  mode = 28,
  inode = 32,
  bytes = 40,
  accessTime = 64,
  changeTime = 96,
  modificationTime = 112,
  deviceMajor = 136,
  deviceMinor = 140,
}

const statx = memory.data(256);

/** An empty path, for calls that are about the descriptor itself. */
const emptyPath = memory.data(1);

/** Asks for the status of a name (address of this instance) in a directory of the host, no link followed; without name of the descriptor. */
export function status(host: u64, name: usize = emptyPath): i64 {
  const at = name === emptyPath ? At.emptyPath : At.noFollow;
  return kernel(Sys.statx, host, native(name), <u64>at, basicStats, native(statx));
}

/** WASI's file type in the answer of {@link status}; of sockets a stream's. */
export function statusType(): u32 {
  return typeOfMode(<u32>load<u16>(statx + Statx.mode) >>> 12);
}

/** By the type in the upper four bits of a mode (include/uapi/linux/stat.h), which is also that of directory entries. */
export function typeOfMode(type: u32): u32 {
  switch (type) {
    case 0x2:
      return FileType.characterDevice;
    case 0x4:
      return FileType.directory;
    case 0x6:
      return FileType.blockDevice;
    case 0x8:
      return FileType.regularFile;
    case 0xa:
      return FileType.symbolicLink;
    case 0xc:
      return FileType.socketStream;
    default:
      return FileType.unknown;
  }
}

/** Nanoseconds since 1970; 0 before. */
function time(field: usize): u64 {
  const seconds = load<i64>(statx + field);
  return seconds < 0 ? 0 : <u64>seconds * 1_000_000_000 + <u64>load<u32>(statx + field, 8);
}

/** A device's number as glibc's makedev makes it. */
function device(): u64 {
  const major = <u64>load<u32>(statx + Statx.deviceMajor);
  const minor = <u64>load<u32>(statx + Statx.deviceMinor);
  return (
    ((major & 0xfffff000) << 32) | ((major & 0xfff) << 8) | ((minor & 0xffffff00) << 12) | (minor & 0xff)
  );
}

/** Bytes of WASI's `filestat`. */
const filestatBytes: u64 = 64;

/** Writes the answer of {@link status} as a `filestat`. */
function storeFilestat(to: u64, type: u32): void {
  fill(to, 0, filestatBytes);
  store_u64(to, device());
  store_u64(to + 8, load<u64>(statx + Statx.inode));
  store_u8(to + 16, type);
  store_u64(to + 24, <u64>load<u32>(statx + Statx.links));
  store_u64(to + 32, load<u64>(statx + Statx.bytes));
  store_u64(to + 40, time(Statx.accessTime));
  store_u64(to + 48, time(Statx.modificationTime));
  store_u64(to + 56, time(Statx.changeTime));
}

export function fd_filestat_get(fd: u32, pointer: u32): u32 {
  const error = demand(fd, Right.fdFilestatGet);
  if (error !== 0) return error;
  const to = guest(pointer, filestatBytes);
  if (to === 0) return Errno.fault;
  const result = status(hostOf(fd));
  if (result < 0) return errno(result);
  storeFilestat(to, fileType(fd));
  return Errno.success;
}

export function fd_filestat_set_size(fd: u32, bytes: u64): u32 {
  const error = demand(fd, Right.fdFilestatSetSize);
  if (error !== 0) return error;
  return errno(
    wide()
      ? kernel(Sys.ftruncate, hostOf(fd), bytes)
      : kernel(Sys.ftruncate, hostOf(fd), 0, low(bytes), high(bytes)),
  );
}

export function fd_filestat_set_times(fd: u32, access: u64, modification: u64, flags: u32): u32 {
  const error = demand(fd, Right.fdFilestatSetTimes);
  if (error !== 0) return error;
  const invalid = checkSetTimes(flags);
  if (invalid !== 0) return invalid;
  return setTimes(hostOf(fd), 0, 0, access, modification, flags);
}

export function path_filestat_get(fd: u32, lookup: u32, path: u32, bytes: u32, pointer: u32): u32 {
  let error = demandDirectory(fd, Right.pathFilestatGet);
  if (error === 0) error = takePath(firstPath, path, bytes);
  if (error !== 0) return error;
  const to = guest(pointer, filestatBytes);
  if (to === 0) return Errno.fault;
  const follow: u32 = (lookup & symlinkFollow) !== 0 ? 0 : openNoFollow();
  const opened = openBeneath(<i32>hostOf(fd), firstPath, Open.path | Open.closeOnExec | follow, 0);
  if (opened < 0) return errno(opened);
  const result = status(<u64>opened);
  closeHost(<i32>opened);
  if (result < 0) return errno(result);
  storeFilestat(to, statusType());
  return Errno.success;
}

export function path_filestat_set_times(
  fd: u32,
  lookup: u32,
  path: u32,
  bytes: u32,
  access: u64,
  modification: u64,
  flags: u32,
): u32 {
  let error = demandDirectory(fd, Right.pathFilestatSetTimes);
  if (error === 0) error = takePath(firstPath, path, bytes);
  if (error === 0) error = checkSetTimes(flags);
  if (error !== 0) return error;
  const directory = <i32>hostOf(fd);
  if ((lookup & symlinkFollow) !== 0) {
    // No kernel follows links beneath a directory and sets times; the walk ends at a name that is no link.
    const found = walk(directory, firstPath, true);
    if (found < 0) return errno(found);
    error = setTimes(walkDirectory(), native(walkName()), At.noFollow, access, modification, flags);
    leaveWalk();
    return error;
  }
  const found = findParent(firstPlace, directory, firstPath, true);
  if (found < 0) return errno(found);
  error = setTimes(parentOf(firstPlace), nameIn(firstPlace), At.noFollow, access, modification, flags);
  leave(firstPlace);
  return error;
}
