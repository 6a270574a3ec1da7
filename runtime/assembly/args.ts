import { guest } from './app';
import { Errno } from './errno';
import { copy, load_u8, load_word, store_u32, word_bytes } from './fathom';

/** What the kernel puts above a new program's stack pointer: the number of arguments, their addresses, 0, those of the environment, 0. */
let argumentsAt: u64 = 0;
let environmentAt: u64 = 0;

/** `FATHOM_`: variables that begin so are the runtime's and not shown to the program. */
const reserved = memory.data<u8>([0x46, 0x41, 0x54, 0x48, 0x4f, 0x4d, 0x5f]);
const reservedBytes = 7;

/** Takes the stack pointer that the program started with. */
export function takeArguments(stack: u64): void {
  argumentsAt = stack + <u64>word_bytes();
  environmentAt = argumentsAt + (load_word(stack) + 1) * <u64>word_bytes();
}

/** Bytes of a text in native memory, without the 0 at its end. */
export function nativeLength(text: u64): u64 {
  let end = text;
  while (load_u8(end) !== 0) end++;
  return end - text;
}

function isReserved(text: u64): bool {
  for (let k = 0; k < reservedBytes; k++) {
    if (load_u8(text + <u64>k) !== <u32>load<u8>(reserved + <usize>k)) return false;
  }
  return true;
}

/** Native address of the value of a variable whose name, with `=` behind it, is given: ended by 0. 0 if it is not set, or empty. */
export function variable(name: usize, bytes: u32): u64 {
  for (let at = environmentAt; load_word(at) !== 0; at += <u64>word_bytes()) {
    const text = load_word(at);
    let k: u32 = 0;
    while (k < bytes && load_u8(text + <u64>k) === <u32>load<u8>(name + <usize>k)) k++;
    if (k === bytes) return load_u8(text + <u64>bytes) === 0 ? 0 : text + <u64>bytes;
  }
  return 0;
}

/** Writes the number of texts in a list and their bytes together, with the 0 at the end of each. */
function sizes(list: u64, count: u32, bytes: u32): u32 {
  const countAt = guest(count, 4);
  const bytesAt = guest(bytes, 4);
  if (countAt === 0 || bytesAt === 0) return Errno.fault;
  let texts: u32 = 0;
  let total: u64 = 0;
  for (let at = list; load_word(at) !== 0; at += <u64>word_bytes()) {
    const text = load_word(at);
    if (list === environmentAt && isReserved(text)) continue;
    texts++;
    total += nativeLength(text) + 1;
  }
  if (total >> 32 !== 0) return Errno.overflow;
  store_u32(countAt, texts);
  store_u32(bytesAt, <u32>total);
  return Errno.success;
}

/** Copies the texts of a list to `buffer`, and the pointer of each to `pointers`. */
function texts(list: u64, pointers: u32, buffer: u32): u32 {
  let to = buffer;
  let entry = pointers;
  for (let at = list; load_word(at) !== 0; at += <u64>word_bytes()) {
    const text = load_word(at);
    if (list === environmentAt && isReserved(text)) continue;
    const bytes = nativeLength(text) + 1;
    const entryAt = guest(entry, 4);
    const toAt = guest(to, bytes);
    if (entryAt === 0 || toAt === 0) return Errno.fault;
    store_u32(entryAt, to);
    copy(toAt, text, bytes);
    to += <u32>bytes;
    entry += 4;
  }
  return Errno.success;
}

export function args_sizes_get(count: u32, bytes: u32): u32 {
  return sizes(argumentsAt, count, bytes);
}

export function args_get(pointers: u32, buffer: u32): u32 {
  return texts(argumentsAt, pointers, buffer);
}

export function environ_sizes_get(count: u32, bytes: u32): u32 {
  return sizes(environmentAt, count, bytes);
}

export function environ_get(pointers: u32, buffer: u32): u32 {
  return texts(environmentAt, pointers, buffer);
}
