import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { expectSameModules, sameClang } from '../../test/support/rebuilt.ts';

/** The committed modules are what their sources compile to. */
const folder = fileURLToPath(new URL('.', import.meta.url));
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.c') && name !== 'driver.c')
  .map((name) => name.slice(0, -'.c'.length));

describe('kernels', () => {
  it('are at least the seventeen that are promised, each with a module that has run and _start', () => {
    expect(names.length).toBeGreaterThanOrEqual(17);
    for (const name of names) {
      const module = new WebAssembly.Module(readFileSync(join(folder, `${name}.wasm`)));
      const exports = WebAssembly.Module.exports(module).map((entry) => entry.name);
      expect(exports, name).toEqual(expect.arrayContaining(['memory', 'run', '_start']));
    }
  });

  it.skipIf(!sameClang)('compile to the committed bytes (skipped without clang 19.1.7)', () => {
    expectSameModules(folder, names);
  });
});
