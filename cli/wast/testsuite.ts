import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder, as seen from this file or from its compiled form in `dist/`. */
const here = fileURLToPath(new URL('../..', import.meta.url));
const root = existsSync(join(here, 'package.json')) ? here : join(here, '..');

/**
 * The folder of the WebAssembly specification's test suite: `WASM_TESTSUITE`, a `spec-testsuite` in a `shared` folder
 * beside the repository, or `.cache/testsuite`, whichever is there first. Undefined where there is none.
 */
export function findTestsuite(): string | undefined {
  const places = [
    process.env.WASM_TESTSUITE,
    join(root, '..', 'shared', 'spec-testsuite'),
    join(root, '.cache', 'testsuite'),
  ];
  return places.find((place) => place !== undefined && existsSync(join(place, 'i32.wast')));
}
