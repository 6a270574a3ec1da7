import { guest } from './app';
import { Errno } from './errno';
import { load_u32 } from './fathom';
import { wide } from './system';

/** Most vectors of one system call (UIO_MAXIOV in include/uapi/linux/uio.h); of more, the first are taken. */
const maximum: u32 = 1024;

/** struct iovec of the kernel: address and bytes, a word each. */
export const vectors = memory.data(1024 * 16);

let count: u32 = 0;
let first: u32 = 0;

function vectorBytes(): usize {
  return wide() ? 16 : 8;
}

function wordAt(at: usize): u64 {
  return wide() ? load<u64>(at) : <u64>load<u32>(at);
}

function storeWordAt(at: usize, value: u64): void {
  if (wide()) store<u64>(at, value);
  else store<u32>(at, <u32>value);
}

/** Translates a list of WASI's `iovec` (pointer, bytes: u32 each) for the kernel. */
export function takeVectors(pointer: u32, length: u32): u32 {
  const list = guest(pointer, (<u64>length) << 3);
  if (list === 0) return Errno.fault;
  count = min<u32>(length, maximum);
  first = 0;
  const word = vectorBytes() >> 1;
  for (let k: u32 = 0; k < count; k++) {
    const at = list + ((<u64>k) << 3);
    const bytes = load_u32(at + 4);
    const address = guest(load_u32(at), bytes);
    if (address === 0) return Errno.fault;
    storeWordAt(vectors + <usize>k * vectorBytes(), address);
    storeWordAt(vectors + <usize>k * vectorBytes() + word, bytes);
  }
  return Errno.success;
}

/** The vectors that are left, and how many they are. */
export function vectorsLeft(): usize {
  return vectors + <usize>first * vectorBytes();
}

export function vectorsCount(): u64 {
  return <u64>(count - first);
}

/** Takes off what has been written. True while something is left. */
export function advance(written: u64): bool {
  const word = vectorBytes() >> 1;
  for (; first < count; first++) {
    const at = vectorsLeft();
    const bytes = wordAt(at + word);
    if (written < bytes) {
      storeWordAt(at, wordAt(at) + written);
      storeWordAt(at + word, bytes - written);
      return true;
    }
    written -= bytes;
  }
  return false;
}
