/**
 * Where the fields of the kernel's structures are, in bytes, for each target. What is the same on both (statx, dirent64,
 * pollfd, 64-bit timespec) stands where it is used.
 */
import type { TargetName } from '../unicorn/constants.ts';

/** Structures whose layout follows from the word size. */
export interface Layout {
  /** Bytes of `long` and of a pointer. */
  readonly word: 4 | 8;
  /** struct iovec: base and length, a word each. */
  readonly iovec: { readonly length: number; readonly size: number };
  /** struct sigaction as the kernel has it (arch/<isa>/include/uapi/asm/signal.h). */
  readonly sigaction: {
    readonly handler: number;
    readonly flags: number;
    readonly restorer: number;
    readonly mask: number;
    readonly size: number;
  };
  /** stack_t. */
  readonly stack: {
    readonly sp: number;
    readonly flags: number;
    readonly bytes: number;
    readonly size: number;
  };
  /** siginfo_t: where the fields behind signo, errno and code begin. */
  readonly siginfo: { readonly fields: number; readonly value: number };
  /** struct sigevent: value, signo, notify. */
  readonly sigevent: { readonly signo: number; readonly notify: number };
}

export const LAYOUTS: Readonly<Record<TargetName, Layout>> = {
  x86_64: {
    word: 8,
    iovec: { length: 8, size: 16 },
    sigaction: { handler: 0, flags: 8, restorer: 16, mask: 24, size: 32 },
    stack: { sp: 0, flags: 8, bytes: 16, size: 24 },
    siginfo: { fields: 16, value: 24 },
    sigevent: { signo: 8, notify: 12 },
  },
  armv7: {
    word: 4,
    iovec: { length: 4, size: 8 },
    sigaction: { handler: 0, flags: 4, restorer: 8, mask: 12, size: 20 },
    stack: { sp: 0, flags: 4, bytes: 8, size: 12 },
    siginfo: { fields: 12, value: 20 },
    sigevent: { signo: 4, notify: 8 },
  },
};
