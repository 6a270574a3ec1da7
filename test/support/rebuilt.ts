import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';

const { compileByLine } = (await import(new URL('../../scripts/clang.mjs', import.meta.url).href)) as {
  readonly compileByLine: (path: string, folder: string) => void;
};

const version = spawnSync('clang-19', ['--version'], { encoding: 'utf8' }).stdout ?? '';

/** Whether this machine has the compiler that made the committed modules: another revision may well choose other instructions. */
export const sameClang = version.includes('19.1.7');

/** Expects a C program to compile, by the line at its top, to the module beside it. */
export function expectSameModule(source: string): void {
  const out = mkdtempSync(join(tmpdir(), 'fathom-rebuilt-'));
  try {
    compileByLine(source, out);
    const [name] = readdirSync(out);
    expect(readFileSync(join(out, name)).equals(readFileSync(join(dirname(source), name))), name).toBe(true);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Expects `build.mjs` of a folder to write just these modules, with the bytes of those that are committed there. */
export function expectSameModules(folder: string, names: readonly string[]): void {
  const out = mkdtempSync(join(tmpdir(), 'fathom-rebuilt-'));
  try {
    const { status, stderr } = spawnSync(process.execPath, [join(folder, 'build.mjs'), out], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(readdirSync(out).sort()).toEqual(names.map((name) => `${name}.wasm`).sort());
    for (const name of readdirSync(out))
      expect(readFileSync(join(out, name)).equals(readFileSync(join(folder, name))), name).toBe(true);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
