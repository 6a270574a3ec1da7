import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** The committed modules are what their sources compile to. */
const folder = fileURLToPath(new URL('.', import.meta.url));
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.c') && name !== 'driver.c')
  .map((name) => name.slice(0, -'.c'.length));
const version = spawnSync('clang-19', ['--version'], { encoding: 'utf8' }).stdout ?? '';
/** Another revision of the compiler may well choose other instructions. */
const sameCompiler = version.includes('19.1.7');

describe('kernels', () => {
  it('are at least the seventeen that are promised, each with a module that has run and _start', () => {
    expect(names.length).toBeGreaterThanOrEqual(17);
    for (const name of names) {
      const module = new WebAssembly.Module(readFileSync(join(folder, `${name}.wasm`)));
      const exports = WebAssembly.Module.exports(module).map((entry) => entry.name);
      expect(exports, name).toEqual(expect.arrayContaining(['memory', 'run', '_start']));
    }
  });

  it.skipIf(!sameCompiler)('compile to the committed bytes (skipped without clang 19.1.7)', () => {
    const out = mkdtempSync(join(tmpdir(), 'fathom-kernels-'));
    try {
      const { status, stderr } = spawnSync(process.execPath, [join(folder, 'build.mjs'), out], {
        encoding: 'utf8',
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      for (const name of readdirSync(out))
        expect(readFileSync(join(out, name)).equals(readFileSync(join(folder, name))), name).toBe(true);
      expect(readdirSync(out).sort()).toEqual(names.map((name) => `${name}.wasm`).sort());
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  });
});
