import { word_bytes } from './fathom';

/**
 * Linux system calls by name: the numbers of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl) in the low half, those of ARM
 * (arch/arm/tools/syscall.tbl) in the high half; {@link number} picks. Where ARM has several, the one with 64-bit times and
 * sizes: `lseek` is `_llseek` there (fd, high word, low word, address of the result, whence), `mmap` is `mmap2` (offset in
 * units of 4096 bytes), `fcntl` is `fcntl64`, `ftruncate` is `ftruncate64`, `fadvise64` is `arm_fadvise64_64`. A 64-bit
 * argument takes two registers on ARM, of which the first is an even one. Those with `_old` in their names have 32-bit times on
 * ARM, for kernels before 5.1.
 */
export enum Sys {
  write = 1 | (4 << 16),
  close = 3 | (6 << 16),
  lseek = 8 | (140 << 16),
  mmap = 9 | (192 << 16),
  mprotect = 10 | (125 << 16),
  munmap = 11 | (91 << 16),
  rt_sigaction = 13 | (174 << 16),
  rt_sigprocmask = 14 | (175 << 16),
  ioctl = 16 | (54 << 16),
  readv = 19 | (145 << 16),
  writev = 20 | (146 << 16),
  sched_yield = 24 | (158 << 16),
  setitimer = 38 | (104 << 16),
  getpid = 39 | (20 << 16),
  sendmsg = 46 | (296 << 16),
  recvmsg = 47 | (297 << 16),
  shutdown = 48 | (293 << 16),
  getsockopt = 55 | (295 << 16),
  kill = 62 | (37 << 16),
  fcntl = 72 | (221 << 16),
  fsync = 74 | (118 << 16),
  fdatasync = 75 | (148 << 16),
  ftruncate = 77 | (194 << 16),
  getgid = 104 | (200 << 16),
  geteuid = 107 | (201 << 16),
  getegid = 108 | (202 << 16),
  sigaltstack = 131 | (186 << 16),
  gettid = 186 | (224 << 16),
  getdents64 = 217 | (217 << 16),
  fadvise64 = 221 | (270 << 16),
  timer_create = 222 | (257 << 16),
  timer_settime = 223 | (409 << 16),
  timer_settime_old = 223 | (258 << 16),
  clock_gettime = 228 | (403 << 16),
  clock_getres = 229 | (406 << 16),
  clock_nanosleep = 230 | (407 << 16),
  clock_gettime_old = 228 | (263 << 16),
  clock_getres_old = 229 | (264 << 16),
  clock_nanosleep_old = 230 | (265 << 16),
  exit_group = 231 | (248 << 16),
  tgkill = 234 | (268 << 16),
  openat = 257 | (322 << 16),
  mkdirat = 258 | (323 << 16),
  unlinkat = 263 | (328 << 16),
  renameat = 264 | (329 << 16),
  linkat = 265 | (330 << 16),
  symlinkat = 266 | (331 << 16),
  readlinkat = 267 | (332 << 16),
  ppoll = 271 | (414 << 16),
  ppoll_old = 271 | (336 << 16),
  utimensat = 280 | (412 << 16),
  utimensat_old = 280 | (348 << 16),
  fallocate = 285 | (352 << 16),
  accept4 = 288 | (366 << 16),
  dup3 = 292 | (358 << 16),
  preadv = 295 | (361 << 16),
  pwritev = 296 | (362 << 16),
  getrandom = 318 | (384 << 16),
  statx = 332 | (397 << 16),
  openat2 = 437 | (437 << 16),
}

/** The number of a system call on the target at hand: a constant. */
export function number(call: Sys): u32 {
  return word_bytes() === 8 ? <u32>call & 0xffff : <u32>call >>> 16;
}
