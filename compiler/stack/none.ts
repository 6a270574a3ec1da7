import { type PublicationScheme, topInEnv } from './scheme.ts';

/** Functions publish nothing: the base line that the other schemes' costs are measured against. */
export const none = (word: 4 | 8): PublicationScheme => ({
  name: 'none',
  ...topInEnv(word, 1),
  functions: false,
});
