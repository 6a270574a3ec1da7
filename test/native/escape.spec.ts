import { spawn } from 'node:child_process';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { build, cleanUp, places, run, startOf, temporaryFolder } from './places.ts';

/**
 * Hostile programs do not leave their preopened directory: test/programs/wasi/escape.c tries, on the careful walk (emulator,
 * qemu) and on openat2 (native, and the emulator when it has it).
 */
afterAll(cleanUp);

/** A preopened `box` with links of all kinds, and what must not be reached beside it. */
function makeScene(): { readonly outer: string; readonly box: string } {
  const outer = temporaryFolder();
  const box = join(outer, 'box');
  for (const folder of ['box', 'secrets', 'box/sub', 'box/sub/deep']) mkdirSync(join(outer, folder));
  writeFileSync(join(outer, 'secret.txt'), 'SECRET one\n');
  writeFileSync(join(outer, 'secrets/inner.txt'), 'SECRET two\n');
  writeFileSync(join(box, 'inside.txt'), 'inside\n');
  writeFileSync(join(box, 'own.txt'), 'own\n');
  const links = {
    'link-absolute': join(outer, 'secret.txt'),
    'link-absolute-inside': join(box, 'inside.txt'),
    'link-up': '../secret.txt',
    'link-directory': '../secrets',
    'link-directory-absolute': join(outer, 'secrets'),
    'link-dots': '..',
    'link-root': '/',
    'link-out-and-in': '../box/inside.txt',
    'link-chain': 'sub/../link-up',
    'link-loop': 'link-loop',
    'link-dangling-outside': '../new-outside.txt',
    'link-proc': '/proc/self/exe',
    'sub/link-far-up': '../../secret.txt',
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(box, name));
  return { outer, box };
}

/** Everything that can be seen of a tree but the times of reading. */
function stateOf(path: string): unknown {
  const { mode, mtimeMs, ctimeMs, ino, nlink } = lstatSync(path);
  const own = { mode, mtimeMs, ctimeMs, ino, nlink };
  if ((mode & 0o170000) === 0o040000)
    return { ...own, entries: readdirSync(path).map((name) => [name, stateOf(join(path, name))]) };
  return {
    ...own,
    content: (mode & 0o170000) === 0o120000 ? readlinkSync(path) : readFileSync(path, 'latin1'),
  };
}

/** Checked by hand. The errno are Wasmtime's: `perm` for what leads out, `ilseq` for names that are not UTF-8. */
const expected = readFileSync(new URL('../programs/wasi/escape.expected', import.meta.url), 'utf8');

/** Puts, until it is killed, in turns a directory, a link within and two that lead out in the place of `dir/link`. */
const swapper = `
  const { renameSync } = require('node:fs');
  const kinds = ['directory', 'link-up', 'link-in', 'link-absolute'];
  process.stdout.write('ready');
  for (let i = 0; ; i++) {
    const kind = kinds[i % kinds.length];
    renameSync(kind, 'link');
    renameSync('link', kind);
  }`;

describe.each(places)('%s', (_name, place, skip) => {
  it.skipIf(skip)('refuses every way out of a preopened directory, and touches nothing', async () => {
    const { outer, box } = makeScene();
    const before = stateOf(outer);
    const outcome = await run(place, build('escape', place.target), { dirs: { '/box': box } });
    expect(outcome.stdout).not.toContain('SECRET');
    expect(outcome).toEqual({ stdout: expected, stderr: '', code: 0 });
    expect(stateOf(outer)).toEqual(before);
  });

  it.skipIf(skip)('reads nothing outside while another process swaps a link', async () => {
    const outer = temporaryFolder();
    for (const folder of ['outside', 'box', 'box/dir', 'box/dir/directory', 'box/inner'])
      mkdirSync(join(outer, folder));
    writeFileSync(join(outer, 'outside/secret'), 'SECRET');
    for (const name of ['dir/directory', 'inner'])
      writeFileSync(join(outer, 'box', name, 'secret'), 'inside');
    const dir = join(outer, 'box/dir');
    symlinkSync('../../outside', join(dir, 'link-up'));
    symlinkSync('../inner', join(dir, 'link-in'));
    symlinkSync(join(outer, 'outside'), join(dir, 'link-absolute'));
    const executable = build('escape', place.target);
    const sum = { inside: 0, refused: 0, leaked: 0 };
    const child = spawn(process.execPath, ['-e', swapper], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      for (const end = performance.now() + 2000; performance.now() < end; ) {
        const { stdout, stderr } = await run(place, executable, {
          args: ['race', '2000'],
          dirs: { '/box': join(outer, 'box') },
        });
        expect(stderr).toBe('');
        const [, inside, refused, leaked] =
          /^(\d+) inside, (\d+) refused, (\d+) leaked\n$/.exec(stdout) ?? expect.fail(stdout);
        sum.inside += Number(inside);
        sum.refused += Number(refused);
        sum.leaked += Number(leaked);
      }
      expect(child.exitCode).toBe(null);
    } finally {
      child.kill('SIGKILL');
    }
    expect(sum).toEqual({ inside: expect.any(Number), refused: expect.any(Number), leaked: 0 });
    // Else nothing was swapped in time, and nothing shown.
    expect(sum.inside).toBeGreaterThan(100);
    expect(sum.refused).toBeGreaterThan(100);
  });

  // The emulated kernel inherits nothing.
  if (place.on === 'emulator') return;
  it.skipIf(skip)('has no descriptor but its own, whatever is inherited', async () => {
    const { outer, box } = makeScene();
    const [command, ...args] = startOf(place, build('escape', place.target).path, ['descriptors']);
    const secret = openSync(join(outer, 'secret.txt'), 'r');
    const stdout = await new Promise<string>((resolve, reject) => {
      const child = spawn(command, args, {
        env: { FATHOM_DIR: `${box}::/box` },
        stdio: ['ignore', 'pipe', 'inherit', ...Array.from({ length: 30 }, () => secret)],
      });
      let text = '';
      child.stdout?.on('data', (bytes: Buffer) => {
        text += bytes.toString('latin1');
      });
      child.on('error', reject);
      child.on('close', () => resolve(text));
    });
    closeSync(secret);
    expect(stdout).toBe('badf badf badf badf done\n');
  });
});

describe('the emulated kernel', () => {
  it('with openat2 answers as the walk does', async () => {
    const { outer, box } = makeScene();
    const before = stateOf(outer);
    for (const target of ['x86_64', 'armv7'] as const) {
      const outcome = await run({ target, on: 'emulator' }, build('escape', target), {
        dirs: { '/box': box },
        emulator: { openat2: true },
      });
      expect(outcome).toEqual({ stdout: expected, stderr: '', code: 0 });
    }
    expect(stateOf(outer)).toEqual(before);
  });
});
