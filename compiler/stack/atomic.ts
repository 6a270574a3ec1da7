import { envHeader } from '../abi.ts';
import { InternalError } from '../errors.ts';
import { type PublicationScheme, topInEnv } from './scheme.ts';

/** Bytes and alignment of a plain word in C (System V ABI figure 3.1; IHI 0042, 4.1). */
const plainWord = { 4: { bytes: 4, align: 4 }, 8: { bytes: 8, align: 8 } } as const;

/**
 * Of a word that one store writes whole: aligned accesses of its size (Intel SDM volume 3, 9.1.1; DDI 0406C, A3.5.3). What C calls
 * `_Atomic uintptr_t`, of which fathom.h asserts the same.
 */
export const atomicWord: typeof plainWord = { 4: { bytes: 4, align: 4 }, 8: { bytes: 8, align: 8 } };

/**
 * `top` is the exec env's own field, stored atomically: the same layout as with a plain word, so the ABI version stays.
 * @throws InternalError if an atomic word does not fit the field's place
 */
export function atomic(word: 4 | 8): PublicationScheme {
  const { top, thread } = envHeader(word, 1);
  const { bytes, align } = atomicWord[word];
  if (thread - top !== bytes || top % align !== 0)
    throw new InternalError(`an atomic word does not fit the exec env's field at ${top}`);
  return { name: 'atomic', ...topInEnv(word, 1), functions: true };
}
