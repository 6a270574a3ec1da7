import { type PublicationScheme, topOfEnv } from './scheme.ts';

/** `top` is the exec env's own field, stored atomically: same layout as a plain word (docs/abi.md). */
export const atomic = (word: 4 | 8): PublicationScheme => ({
  name: 'atomic',
  top: topOfEnv(word),
  functions: true,
});
