import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

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
