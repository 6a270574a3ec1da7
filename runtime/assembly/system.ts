import { memory_base, syscall, word_bytes } from './fathom';
import { number, Sys } from './linux';

/** What the files of this instance call the kernel with. */

/** Native address of something in this instance's own memory. */
export function native(pointer: usize): u64 {
  return memory_base() + <u64>pointer;
}

/** Numbers of Linux errors that decisions depend on (include/uapi/asm-generic/errno-base.h, errno.h). */
export enum LinuxError {
  eperm = 1,
  enoent = 2,
  eintr = 4,
  ebadf = 9,
  eagain = 11,
  enomem = 12,
  eacces = 13,
  efault = 14,
  eexist = 17,
  exdev = 18,
  enotdir = 20,
  eisdir = 21,
  einval = 22,
  emfile = 24,
  enametoolong = 36,
  enosys = 38,
  eloop = 40,
}

/** A system call, repeated as long as a signal interrupts it: signals only ever look at the program. */
export function kernel(
  call: Sys,
  a: u64 = 0,
  b: u64 = 0,
  c: u64 = 0,
  d: u64 = 0,
  e: u64 = 0,
  f: u64 = 0,
): i64 {
  let result = syscall(number(call), a, b, c, d, e, f);
  while (result === -(<i64>LinuxError.eintr)) result = syscall(number(call), a, b, c, d, e, f);
  return result;
}

/** True on targets whose registers hold 64 bits: 64-bit arguments take one of them, not two. */
export function wide(): bool {
  return word_bytes() === 8;
}

/** The halves of a 64-bit argument, where it takes two registers. */
export function low(value: u64): u64 {
  return value & 0xffff_ffff;
}

export function high(value: u64): u64 {
  return value >>> 32;
}

/**
 * Closes a descriptor of the host. Not repeated: Linux has closed it when it reports EINTR (close(2)). The three of the standard
 * streams stay taken, so that nothing that the program opens gets the number that dumps and traps are written to; without /dev/null,
 * they stay open.
 */
export function closeHost(fd: i32): i64 {
  if (fd > 2) return syscall(number(Sys.close), <u64>fd, 0, 0, 0, 0, 0);
  const nowhere = openNowhere();
  if (nowhere < 0) return 0;
  kernel(Sys.dup3, <u64>nowhere, <u64>fd);
  return syscall(number(Sys.close), <u64>nowhere, 0, 0, 0, 0, 0);
}

/** `/dev/null` */
const nowherePath = memory.data<u8>([47, 100, 101, 118, 47, 110, 117, 108, 108, 0]);

/** Opens what swallows all: on the lowest number that is free. */
export function openNowhere(): i64 {
  return kernel(Sys.openat, currentDirectory, native(nowherePath), <u64>Open.readWrite);
}

/** AT_FDCWD (include/uapi/linux/fcntl.h): relative paths start at the current directory. */
export const currentDirectory: u64 = <u64>-100;

/** Flags of open that are the same on both targets (include/uapi/asm-generic/fcntl.h). */
export enum Open {
  writeOnly = 0x1,
  readWrite = 0x2,
  create = 0x40,
  exclusive = 0x80,
  noTerminal = 0x100,
  truncate = 0x200,
  append = 0x400,
  nonBlocking = 0x800,
  dataSync = 0x1000,
  sync = 0x101000,
  closeOnExec = 0x80000,
  path = 0x200000,
}

/** Those that ARM has elsewhere (arch/arm/include/uapi/asm/fcntl.h). */
export function openDirectory(): u32 {
  return wide() ? 0x10000 : 0x4000;
}

export function openNoFollow(): u32 {
  return wide() ? 0x20000 : 0x8000;
}

/** Offsets of 64 bits, which 64-bit kernels have anyway. */
export function openLarge(): u32 {
  return wide() ? 0 : 0x20000;
}

/** Flags of the *at calls (include/uapi/linux/fcntl.h). */
export enum At {
  noFollow = 0x100,
  removeDirectory = 0x200,
  emptyPath = 0x1000,
}

/** Of mmap and mprotect (include/uapi/asm-generic/mman-common.h). */
export enum Mapping {
  readWrite = 3,
  copyOnWrite = 0x02,
  anonymous = 0x20,
  noReserve = 0x4000,
  fixedNoReplace = 0x100000,
}

/** New anonymous pages, at `address` unless it is 0. The address or -errno. Nothing is set aside for pages never touched. */
export function map(address: u64, bytes: u64, protection: u32): i64 {
  const fixed: u64 = address === 0 ? 0 : <u64>Mapping.fixedNoReplace;
  const flags = <u64>(Mapping.copyOnWrite | Mapping.anonymous | Mapping.noReserve) | fixed;
  return mapped(kernel(Sys.mmap, address, bytes, <u64>protection, flags, <u64>-1, 0));
}

/** The result of mmap: on ARM an address may have its highest bit set and is yet no error, which the last page's numbers are. */
function mapped(result: i64): i64 {
  if (wide()) return result;
  return <u64>result >= <u64>-4095 ? result : <i64>(<u32>result);
}
