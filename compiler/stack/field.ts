import { type PublicationScheme, topInEnv } from './scheme.ts';

/** `top` is a field of its own at the end of the exec env's fixed part: ABI version 2, which readers of version 1 must refuse. */
export const field = (word: 4 | 8): PublicationScheme => ({
  name: 'field',
  ...topInEnv(word, 2),
  functions: true,
});
