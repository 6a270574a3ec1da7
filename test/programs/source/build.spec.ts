import { fileURLToPath } from 'node:url';
import { it } from 'vitest';
import { expectSameModules, sameClang } from '../../support/rebuilt.ts';

/** The committed modules are what their sources compile to. */
const folder = fileURLToPath(new URL('.', import.meta.url));

it.skipIf(!sameClang)(
  'programs with source lines compile to the committed bytes (skipped without clang 19.1.7)',
  () => {
    expectSameModules(folder, ['mean', 'mean-dwarf-5']);
  },
);
