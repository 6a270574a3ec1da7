import { Errno } from './errno';
import { FileType, Right } from './rights';
import { closeHost } from './system';

/**
 * The program's file descriptors. Its numbers are its own: each entry names a descriptor of the host, which the program never
 * sees, what it may be used for, and, for a preopened directory, its name.
 */

/** Offsets of an entry's fields in bytes. */
enum Entry {
  /** i32: descriptor of the host. */
  host = 0,
  /** u8: {@link FileType} */
  type = 4,
  /** u8: 1 while the descriptor is open. */
  open = 5,
  /** u64 each. */
  rights = 8,
  inheriting = 16,
  /** Native address and bytes of a preopened directory's name: no address, no preopened directory. */
  name = 24,
  nameBytes = 32,
  size = 40,
}

/** Most descriptors at once: twice what Linux lets a process have unless told otherwise. */
const maximum: u32 = 2048;

const entries = memory.data(2048 * 40);

/** No descriptor from the fourth on below this one is free. */
let lowestFree: u32 = 3;

function entry(fd: u32): usize {
  return entries + <usize>fd * Entry.size;
}

/** Puts a descriptor at a number that is free. */
export function openAt(fd: u32, host: i32, type: u32, rights: u64, inheriting: u64): void {
  const at = entry(fd);
  store<i32>(at + Entry.host, host);
  store<u8>(at + Entry.type, <u8>type);
  store<u8>(at + Entry.open, 1);
  store<u64>(at + Entry.rights, rights);
  store<u64>(at + Entry.inheriting, inheriting);
  store<u64>(at + Entry.name, 0);
}

/** The lowest free number from 3 on (those of the standard streams are never given away), or -1. */
export function findFree(): i32 {
  let fd = lowestFree;
  while (fd < maximum && isOpen(fd)) fd++;
  lowestFree = fd;
  return fd < maximum ? <i32>fd : -1;
}

export function isOpen(fd: u32): bool {
  return fd < maximum && load<u8>(entry(fd) + Entry.open) !== 0;
}

/** 0 if the descriptor is open and has all these rights, else the error. */
export function demand(fd: u32, rights: u32): u32 {
  if (!isOpen(fd)) return Errno.badf;
  return (rightsBase(fd) & <u64>rights) === <u64>rights ? Errno.success : Errno.notcapable;
}

/** The same for a directory that paths start from. */
export function demandDirectory(fd: u32, rights: u32): u32 {
  if (!isOpen(fd)) return Errno.badf;
  return fileType(fd) === FileType.directory ? demand(fd, rights) : Errno.notdir;
}

/** What follows is of open descriptors. */

export function hostOf(fd: u32): u64 {
  return <u64>load<i32>(entry(fd) + Entry.host);
}

export function fileType(fd: u32): u32 {
  return load<u8>(entry(fd) + Entry.type);
}

export function rightsBase(fd: u32): u64 {
  return load<u64>(entry(fd) + Entry.rights);
}

export function rightsInheriting(fd: u32): u64 {
  return load<u64>(entry(fd) + Entry.inheriting);
}

/** Rights only ever get fewer. */
export function restrict(fd: u32, base: u64, inheriting: u64): u32 {
  if ((base & ~rightsBase(fd)) !== 0 || (inheriting & ~rightsInheriting(fd)) !== 0) return Errno.notcapable;
  store<u64>(entry(fd) + Entry.rights, base);
  store<u64>(entry(fd) + Entry.inheriting, inheriting);
  return Errno.success;
}

/** May be positioned: the right to seek implies the one to tell. */
export function mayTell(fd: u32): bool {
  return (rightsBase(fd) & <u64>(Right.fdSeek | Right.fdTell)) !== 0;
}

export function setPreopenName(fd: u32, name: u64, bytes: u32): void {
  store<u64>(entry(fd) + Entry.name, name);
  store<u32>(entry(fd) + Entry.nameBytes, bytes);
}

/** Native address of a preopened directory's name, 0 if it is none. */
export function preopenName(fd: u32): u64 {
  return load<u64>(entry(fd) + Entry.name);
}

export function preopenNameBytes(fd: u32): u32 {
  return load<u32>(entry(fd) + Entry.nameBytes);
}

/** Frees the number and closes the descriptor of the host; the latter's result. */
export function close(fd: u32): i64 {
  store<u8>(entry(fd) + Entry.open, 0);
  if (fd >= 3 && fd < lowestFree) lowestFree = fd;
  return closeHost(load<i32>(entry(fd) + Entry.host));
}

/** Makes `to`, which is open, another number of what `from` is, and frees `from`. */
export function renumber(from: u32, to: u32): void {
  if (from === to) return;
  close(to);
  memory.copy(entry(to), entry(from), Entry.size);
  store<u8>(entry(from) + Entry.open, 0);
  if (from >= 3 && from < lowestFree) lowestFree = from;
}
