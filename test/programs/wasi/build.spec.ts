import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { expectSameModules, sameClang } from '../../support/rebuilt.ts';

/** The committed modules are what their sources compile to. */
const folder = fileURLToPath(new URL('.', import.meta.url));
const programs = readdirSync(folder).filter((name) => name.endsWith('.c'));

describe('WASI programs in C', () => {
  it('each have a build line and a module with the names of their functions', () => {
    expect(programs.length).toBeGreaterThan(10);
    for (const name of programs) {
      const stem = name.slice(0, -'.c'.length);
      expect(readFileSync(join(folder, name), 'utf8').split('\n')[0]).toMatch(
        new RegExp(`^// build: clang-19 --target=wasm32-wasi .* -o ${stem}\\.wasm ${stem}\\.c$`),
      );
      const module = new WebAssembly.Module(readFileSync(join(folder, `${stem}.wasm`)));
      expect(WebAssembly.Module.customSections(module, 'name'), name).toHaveLength(1);
    }
  });

  it.skipIf(!sameClang)('compile to the committed bytes (skipped without clang 19.1.7)', () => {
    expectSameModules(
      folder,
      programs.map((name) => name.slice(0, -'.c'.length)),
    );
  });
});
