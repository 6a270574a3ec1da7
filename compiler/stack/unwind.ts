import { none } from './none.ts';
import type { PublicationScheme } from './scheme.ts';

/**
 * The code of `none`, to the last byte: readers find frames by the stack map's rows alone, from the interrupted program counter
 * and stack pointer through return addresses (docs/abi.md).
 */
export const unwind = (word: 4 | 8): PublicationScheme => ({ ...none(word), name: 'unwind' });
