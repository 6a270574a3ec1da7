import { variable } from './args';
import { load_word, word_bytes } from './fathom';

/**
 * Secure execution: the program has rights that whoever started it has not, by set-user-ID and the like. What it is started with is
 * then of somebody who may do less than the program, and decides about no file.
 */

/** AT_SECURE: type of an entry of the auxiliary vector (include/uapi/linux/auxvec.h; getauxval(3)). */
const secureEntry: u64 = 23;

/** Whether it is so: known when {@link findSecure} has looked. */
export let isSecure: bool = false;

/**
 * Looks at what the kernel puts above a new program's stack pointer: the number of arguments, their addresses, 0, those of the
 * environment, 0, and the auxiliary vector: pairs of words, of which the last is 0.
 */
export function findSecure(stack: u64): void {
  const word = <u64>word_bytes();
  let at = stack + (load_word(stack) + 2) * word;
  while (load_word(at) !== 0) at += word;
  for (at += word; load_word(at) !== 0; at += 2 * word)
    if (load_word(at) === secureEntry) isSecure = load_word(at + word) !== 0;
}

/** The value of a variable that the runtime heeds, as {@link variable} gives it; 0 in secure execution. */
export function setting(name: usize, bytes: u32): u64 {
  return isSecure ? 0 : variable(name, bytes);
}
