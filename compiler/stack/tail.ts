import { envHeader, tailDistance } from '../abi.ts';
import type { PublicationScheme } from './scheme.ts';

/**
 * `top` is the last word of the native stack's region, at its low end below the guard, and the exec env stays as it is: code finds the
 * word through `stackLimit`, one dependent load more. All exec envs of a thread share it, and with it one chain of records.
 *
 * No frame reaches the word: every frame of more than a page touches each of its pages on entry, from the top down
 * (`probe` in the targets' frame.ts), so none steps over the guard's 64 KiB.
 */
export const tail = (word: 4 | 8): PublicationScheme => ({
  name: 'tail',
  abi: 1,
  top: { kind: 'tail', limit: envHeader(word, 1).stackLimit, distance: tailDistance(word) },
  functions: true,
});
