import type { OptimisationLevel } from './passes/pipeline.ts';
import type { MemoryOrder, SchemeName } from './stack/scheme.ts';

/** What holds where nobody says: the same for the command line and for the JavaScript interface. */
export const defaults: {
  readonly scheme: SchemeName;
  readonly order: MemoryOrder;
  readonly level: OptimisationLevel;
} = {
  // The measurements favour it (docs/design.md, Which scheme is the default).
  scheme: 'unwind',
  order: 'relaxed',
  level: 2,
};
