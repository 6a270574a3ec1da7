/**
 * The bits of system-call arguments that the emulated kernel looks at (include/uapi/asm-generic/fcntl.h, linux/fcntl.h,
 * linux/stat.h), x86-64's values.
 */
import type { TargetName } from '../unicorn/constants.ts';

export const O = {
  accessMode: 0o3,
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DSYNC: 0o10000,
  ASYNC: 0o20000,
  DIRECT: 0o40000,
  LARGEFILE: 0o100000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  NOATIME: 0o1000000,
  CLOEXEC: 0o2000000,
  SYNC: 0o4010000,
  PATH: 0o10000000,
} as const;

export const AT = {
  FDCWD: -100,
  SYMLINK_NOFOLLOW: 0x100,
  REMOVEDIR: 0x200,
  SYMLINK_FOLLOW: 0x400,
  EMPTY_PATH: 0x1000,
} as const;

/** File types in a mode: S_IFMT and its values. */
export const S = {
  IFMT: 0o170000,
  IFIFO: 0o10000,
  IFCHR: 0o20000,
  IFDIR: 0o40000,
  IFREG: 0o100000,
  IFLNK: 0o120000,
} as const;

/** Flags whose bit on ARM is another one (arch/arm/include/uapi/asm/fcntl.h): [ARM, x86-64]. */
const ARM_FLAGS = [
  [0o40000, O.DIRECTORY],
  [0o100000, O.NOFOLLOW],
  [0o200000, O.DIRECT],
  [0o400000, O.LARGEFILE],
] as const;

const ARM_MASK = ARM_FLAGS.reduce((mask, [arm]) => mask | arm, 0);

/** Flags of `open` as a target's programs pass them, in x86-64's bits. */
export function openFlags(target: TargetName, flags: number): number {
  if (target === 'x86_64') return flags;
  return ARM_FLAGS.reduce((all, [arm, x86]) => (flags & arm ? all | x86 : all), flags & ~ARM_MASK);
}

/** The other way, for F_GETFL. */
export function flagsOfTarget(target: TargetName, flags: number): number {
  if (target === 'x86_64') return flags;
  return ARM_FLAGS.reduce((all, [arm, x86]) => (flags & x86 ? all | arm : all), flags & ~ARM_MASK);
}
