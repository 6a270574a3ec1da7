import { guest } from './app';
import { demandDirectory, hostOf } from './descriptors';
import { Errno, errno } from './errno';
import { copy, store_u32 } from './fathom';
import { seek } from './io';
import { Sys } from './linux';
import { Right } from './rights';
import { status, statusType, typeOfMode } from './stat';
import { kernel, native } from './system';

/** Entries of the kernel: struct linux_dirent64 (include/linux/dirent.h). */
const entries = memory.data(8192);
const entriesBytes: u64 = 8192;

enum Entry {
  inode = 0,
  /** i64: where the next entry begins, for lseek. */
  next = 8,
  /** u16: bytes of the entry. */
  bytes = 16,
  /** u8: DT_*, the type bits of the mode; 0 if the file system does not know. */
  type = 18,
  /** Ended by 0. */
  name = 19,
}

/** WASI's `dirent`: cookie of the next entry, inode, bytes of the name, type. The name follows. */
const dirent = memory.data(24);
const direntBytes: u64 = 24;

/** The part of a buffer of the app that is not yet full. */
let to: u64 = 0;
let left: u64 = 0;

function put(source: usize, bytes: u64): void {
  const some = min<u64>(bytes, left);
  copy(to, native(source), some);
  to += some;
  left -= some;
}

function putEntry(host: u64, entry: usize): void {
  const name = entry + Entry.name;
  let end = name;
  while (load<u8>(end) !== 0) end++;
  const type = <u32>load<u8>(entry + Entry.type);
  store<u64>(dirent, load<u64>(entry + Entry.next));
  store<u64>(dirent, load<u64>(entry + Entry.inode), 8);
  store<u32>(dirent, <u32>(end - name), 16);
  store<u32>(dirent, type !== 0 ? typeOfMode(type) : askType(host, name), 20);
  put(dirent, direntBytes);
  put(name, <u64>(end - name));
}

function askType(host: u64, name: usize): u32 {
  return status(host, name) < 0 ? 0 : statusType();
}

/**
 * Reads entries from the cookie on, until they fill the buffer, the last one cut, or there are no more. Cookies are the kernel's
 * own positions: they hold however the directory changes, and 0 is its start.
 */
export function fd_readdir(fd: u32, buffer: u32, bytes: u32, cookie: u64, used: u32): u32 {
  const error = demandDirectory(fd, Right.fdReaddir);
  if (error !== 0) return error;
  const at = guest(used, 4);
  to = guest(buffer, bytes);
  if (at === 0 || to === 0) return Errno.fault;
  left = bytes;
  const host = hostOf(fd);
  const start = seek(host, cookie, 0);
  if (start < 0) return errno(start);
  while (left > 0) {
    const result = kernel(Sys.getdents64, host, native(entries), entriesBytes);
    if (result < 0) return errno(result);
    if (result === 0) break;
    const end = entries + <usize>result;
    for (let entry = entries; entry < end && left > 0; entry += <usize>load<u16>(entry + Entry.bytes))
      putEntry(host, entry);
  }
  store_u32(at, bytes - <u32>left);
  return Errno.success;
}
