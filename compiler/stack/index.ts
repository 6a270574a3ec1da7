import { atomic } from './atomic.ts';
import { field } from './field.ts';
import { none } from './none.ts';
import type { PublicationScheme, SchemeName } from './scheme.ts';
import { tail } from './tail.ts';
import { unwind } from './unwind.ts';

/** The publication schemes by name, for a target whose words have so many bytes. */
export const schemes: Readonly<Record<SchemeName, (word: 4 | 8) => PublicationScheme>> = {
  none,
  atomic,
  tail,
  field,
  unwind,
};
