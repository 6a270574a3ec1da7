import { load_word, word_bytes } from './fathom';
import { Info, info } from './program-info';

/** The app's linear memory: what the pointers in its calls mean. */

/** Native address of memory 0's base in the app's exec env, 0 if it has no memory; its size follows, a word further. */
export function memoryCell(): u64 {
  const offset = info(Info.memoryOffset);
  return offset === 0 ? 0 : info(Info.appEnv) + offset;
}

/**
 * Native address of `bytes` bytes from `pointer` on in the app's memory, or 0 where they are not all within it: then the
 * call's answer is EFAULT. Holds until the next memory.grow, so for the call at hand.
 */
export function guest(pointer: u32, bytes: u64): u64 {
  const cell = memoryCell();
  if (cell === 0) return 0;
  const size = load_word(cell + <u64>word_bytes());
  if (bytes > size || <u64>pointer > size - bytes) return 0;
  return load_word(cell) + <u64>pointer;
}
