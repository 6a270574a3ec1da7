import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** The committed modules are what their sources compile to. */
const folder = fileURLToPath(new URL('.', import.meta.url));
const programs = readdirSync(folder).filter((name) => name.endsWith('.c'));
const version = spawnSync('clang-19', ['--version'], { encoding: 'utf8' }).stdout ?? '';
/** Another revision of the compiler may well choose other instructions. */
const sameCompiler = version.includes('19.1.7');

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

  it.skipIf(!sameCompiler)('compile to the committed bytes (skipped without clang 19.1.7)', () => {
    const out = mkdtempSync(join(tmpdir(), 'fathom-wasi-'));
    try {
      const { status, stderr } = spawnSync(process.execPath, [join(folder, 'build.mjs'), out], {
        encoding: 'utf8',
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      for (const name of readdirSync(out))
        expect(readFileSync(join(out, name)).equals(readFileSync(join(folder, name))), name).toBe(true);
      expect(readdirSync(out)).toHaveLength(programs.length);
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  });
});
