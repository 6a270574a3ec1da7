import { guest } from './app';
import { Errno } from './errno';
import { copy } from './fathom';
import { native } from './system';

/** Longest path in bytes without its end (PATH_MAX in include/uapi/linux/limits.h counts the end). */
export const pathMaximum: u32 = 4095;

/** Paths of the call at hand, each ended by 0: the one that most calls have, and the one of the calls that have two. */
export const firstPath = memory.data(4096);
export const secondPath = memory.data(4096);

/**
 * Copies a path of the app to one of the buffers: what is checked is what is used, whatever the app does to its own copy.
 * The error for what can be no path: too long, not UTF-8, a byte 0 in it.
 */
export function takePath(buffer: usize, pointer: u32, bytes: u32): u32 {
  const source = guest(pointer, bytes);
  if (source === 0) return Errno.fault;
  if (bytes > pathMaximum) return Errno.nametoolong;
  copy(native(buffer), source, bytes);
  store<u8>(buffer + <usize>bytes, 0);
  return checkText(buffer, buffer + <usize>bytes);
}

function isContinuation(at: usize): bool {
  return (load<u8>(at) & 0xc0) === 0x80;
}

/**
 * Well-formed UTF-8 (Unicode, table 3-7) without a 0. The 0 behind `end` ends a sequence that is cut short: it is no
 * continuation.
 */
function checkText(start: usize, end: usize): u32 {
  let at = start;
  while (at < end) {
    const first = <u32>load<u8>(at);
    const second = <u32>load<u8>(at, 1);
    if (first === 0) return Errno.inval;
    if (first < 0x80) {
      at += 1;
      continue;
    }
    let length: usize;
    if (first >= 0xc2 && first < 0xe0) {
      length = 2;
    } else if (first >= 0xe0 && first < 0xf0) {
      // No longer forms than needed, no surrogates.
      if (first === 0xe0 && second < 0xa0) return Errno.ilseq;
      if (first === 0xed && second >= 0xa0) return Errno.ilseq;
      length = 3;
    } else if (first >= 0xf0 && first < 0xf5) {
      if (first === 0xf0 && second < 0x90) return Errno.ilseq;
      if (first === 0xf4 && second >= 0x90) return Errno.ilseq;
      length = 4;
    } else {
      return Errno.ilseq;
    }
    for (let k: usize = 1; k < length; k++) if (!isContinuation(at + k)) return Errno.ilseq;
    at += length;
  }
  return Errno.success;
}
