import { memoryCell } from './app';
import { load_word, store_word, word_bytes } from './fathom';
import { Sys } from './linux';
import { Info, info } from './program-info';
import { kernel, Mapping, map, wide } from './system';

/** log2 of a page of WebAssembly. */
const pageShift: u64 = 16;

/** Indices of 32 bits plus offsets of 32 bits: all that code on x86-64 can reach, which checks nothing. */
const reach: u64 = 1 << 33;

/** Addresses there are on ARM. */
const addresses: u64 = 1 << 32;

/** Pages that there is room for: most of what the memory can grow to. */
let reserved: u64 = 0;

/**
 * Reserves addresses for the app's memory and makes its first pages. On x86-64 that is all that its code can reach; on ARM its maximum or,
 * until it fits, half of it and half of that, but not less than its minimum, with the guard behind it. Pages cost nothing until they
 * are touched. False where there is no room.
 */
export function makeMemory(): bool {
  const cell = memoryCell();
  if (cell === 0) return true;
  const minimum = info(Info.memoryMinimum);
  const guard = info(Info.memoryGuard);
  reserved = info(Info.memoryMaximum);
  let base: i64 = -1;
  if (wide()) {
    base = map(0, reach + guard, 0);
  } else {
    while (base < 0) {
      const bytes = (reserved << pageShift) + guard;
      if (bytes < addresses) base = map(0, bytes, 0);
      if (base >= 0) break;
      if (reserved <= minimum) return false;
      reserved = max<u64>(reserved >> 1, minimum);
    }
  }
  if (base < 0) return false;
  store_word(cell, <u64>base);
  return resize(cell, minimum << pageShift);
}

/** Makes all pages up to `bytes` accessible, then says so: nobody is told of pages that are not there. */
function resize(cell: u64, bytes: u64): bool {
  const sizeAt = cell + <u64>word_bytes();
  const size = load_word(sizeAt);
  if (bytes > size) {
    const result = kernel(Sys.mprotect, load_word(cell) + size, bytes - size, <u64>Mapping.readWrite);
    if (result < 0) return false;
  }
  store_word(sizeAt, bytes);
  return true;
}

/** memory.grow: the old size in pages, or -1. */
export function growMemory(index: u32, pages: u32): u32 {
  const cell = memoryCell();
  if (cell === 0 || index !== 0) return <u32>-1;
  const old = load_word(cell + <u64>word_bytes()) >> pageShift;
  const size = old + <u64>pages;
  if (size > reserved || !resize(cell, size << pageShift)) return <u32>-1;
  return <u32>old;
}
