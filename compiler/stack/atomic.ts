import { envHeader } from '../abi.ts';
import type { PublicationScheme } from './scheme.ts';

/** `top` is the exec env's own field, stored atomically: same layout as a plain word (docs/abi.md). */
export const atomic = (word: 4 | 8): PublicationScheme => ({
  name: 'atomic',
  top: { kind: 'env', offset: envHeader(word).top },
});
