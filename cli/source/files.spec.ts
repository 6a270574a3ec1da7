import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { SourceFolders } from './files.ts';

/** What another process does between the look at a name and the opening of it. */
let meanwhile = (): void => {};

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const realpathSync = (path: string): string => {
    const real = fs.realpathSync(path);
    meanwhile();
    return real;
  };
  return { ...fs, realpathSync };
});

const folder = mkdtempSync(join(tmpdir(), 'fathom-files-'));
const at = (...names: string[]): string => join(folder, ...names);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.skipIf(process.platform !== 'linux')(
  'a folder or file that becomes a link while it is read leads nowhere (Linux says where open files lie)',
  () => {
    for (const [name, ...parts] of [
      ['folder', 'lib', 'main.c'],
      ['file', 'main.c'],
    ]) {
      mkdirSync(at(name, 'lib'), { recursive: true });
      mkdirSync(at(`${name}-elsewhere`));
      writeFileSync(at(name, ...parts), 'int x;');
      writeFileSync(at(`${name}-elsewhere`, 'main.c'), 'the password');
      const folders = new SourceFolders([at(name)]);
      expect(folders.text(parts.join('/'))).toBe('int x;');
      meanwhile = () => {
        meanwhile = () => {};
        renameSync(at(name, parts[0]), at(name, 'before'));
        symlinkSync(at(`${name}-elsewhere`, ...(parts.length === 1 ? ['main.c'] : [])), at(name, parts[0]));
      };
      expect(folders.text(parts.join('/')), name).toBeUndefined();
    }
  },
);

it('a file has the bytes that it is said to have', () => {
  writeFileSync(at('long.c'), 'é'.repeat(100_000));
  const folders = new SourceFolders([folder]);
  expect(folders.text('long.c')).toBe('é'.repeat(100_000));
  expect(folders.text('long.c', 1000)).toBeUndefined();
});
