import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { runExecutable } from '../../emu/linux/index.ts';
import { build, cleanUp, missing, places, run, spawned, startOf, temporaryFolder } from './places.ts';

/** What whoever starts, or writes, a program must not get by it: rights that are not theirs, and files that were not handed in. */
const children: ChildProcess[] = [];

let assemble: (wat: string) => Uint8Array;

beforeAll(async () => {
  const toolkit = await wabt();
  assemble = (wat) => toolkit.parseWat('hostile.wat', wat).toBinary({}).buffer;
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  cleanUp();
});

const importOf = (name: string, parameters: string): string =>
  `(import "wasi_snapshot_preview1" "${name}" (func $${name} (param ${parameters}) (result i32)))`;

/** A program that ends with what its body leaves on the stack: an errno, mostly. */
const program = (imports: string, body: string, data = ''): Uint8Array =>
  assemble(`(module ${imports}
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    ${data}
    (func (export "_start") ${body} (call $exit)))`);

/** Puts, in the preopened directory 3, a link in the place of the file `out.folded`: it leads to `../secret.txt`. */
const linkPlanter = (): Uint8Array =>
  program(
    importOf('path_unlink_file', 'i32 i32 i32') + importOf('path_symlink', 'i32 i32 i32 i32 i32'),
    `(drop (call $path_unlink_file (i32.const 3) (i32.const 32) (i32.const 10)))
     (call $path_symlink (i32.const 0) (i32.const 13) (i32.const 3) (i32.const 32) (i32.const 10))`,
    '(data (i32.const 0) "../secret.txt") (data (i32.const 32) "out.folded")',
  );

/** Opens `secret.txt` in what is its standard input, removes it, asks for its status, lists what stands beside it: the errno, a byte each. */
const inputSearcher = (): Uint8Array =>
  program(
    importOf('path_open', 'i32 i32 i32 i32 i32 i64 i64 i32 i32') +
      importOf('path_unlink_file', 'i32 i32 i32') +
      importOf('path_filestat_get', 'i32 i32 i32 i32 i32') +
      importOf('fd_readdir', 'i32 i32 i32 i64 i32') +
      importOf('fd_write', 'i32 i32 i32 i32'),
    `(i32.store8 (i32.const 64) (call $path_open (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 10)
       (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 128)))
     (i32.store8 (i32.const 65) (call $path_unlink_file (i32.const 0) (i32.const 0) (i32.const 10)))
     (i32.store8 (i32.const 66) (call $path_filestat_get (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 10) (i32.const 128)))
     (i32.store8 (i32.const 67) (call $fd_readdir (i32.const 0) (i32.const 256) (i32.const 256) (i64.const 0) (i32.const 128)))
     (i32.store (i32.const 32) (i32.const 64))
     (i32.store (i32.const 36) (i32.const 4))
     (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 128))`,
    '(data (i32.const 0) "secret.txt")',
  );

const notcapable = String.fromCharCode(76);

/** Moves in the file `text`, with nowhere to say where to; ends with its position, and 100 more unless the error was `fault`. */
const seeker = (): Uint8Array =>
  program(
    importOf('path_open', 'i32 i32 i32 i32 i32 i64 i64 i32 i32') +
      importOf('fd_seek', 'i32 i64 i32 i32') +
      importOf('fd_tell', 'i32 i32'),
    `(drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4)
       (i32.const 0) (i64.const 38) (i64.const 0) (i32.const 0) (i32.const 128)))
     (i32.mul (i32.ne (call $fd_seek (i32.const 4) (i64.const 3) (i32.const 0) (i32.const 65529)) (i32.const 21)) (i32.const 100))
     (drop (call $fd_tell (i32.const 4) (i32.const 256)))
     (i32.add (i32.load (i32.const 256)))`,
    '(data (i32.const 0) "text")',
  );

/** A directory `box`, and beside it what must not change. */
function makeScene(): { readonly box: string; readonly secret: string } {
  const outer = temporaryFolder();
  const box = join(outer, 'box');
  mkdirSync(box);
  writeFileSync(join(outer, 'secret.txt'), 'SECRET');
  return { box, secret: join(outer, 'secret.txt') };
}

describe.each(places)('%s', (_name, place, skip) => {
  it.skipIf(skip)('writes no profile through a link that the program has put there', async () => {
    const { box, secret } = makeScene();
    const outcome = await run(place, build('link-planter', place.target, { bytes: linkPlanter() }), {
      dirs: { '/box': box },
      env: { FATHOM_PROFILE: '1000', FATHOM_PROFILE_OUT: join(box, 'out.folded') },
    });
    expect(outcome).toEqual({ stdout: '', stderr: '', code: 0 });
    expect(readdirSync(box)).toEqual(['out.folded']);
    expect(readFileSync(secret, 'utf8')).toBe('SECRET');
  });

  it.skipIf(skip)('gets no rights to the files of a directory that is its standard input', async () => {
    const { secret } = makeScene();
    const { path, file } = build('input-searcher', place.target, { bytes: inputSearcher() });
    const input = openSync(join(secret, '..'), 'r');
    let stdout = '';
    if (place.on === 'emulator') {
      const out = (bytes: Uint8Array): void => {
        stdout += Buffer.from(bytes).toString('latin1');
      };
      runExecutable(file, { argv: ['program'], stdin: input, stdout: out });
    } else {
      const [command, ...args] = startOf(place, path, []);
      const child = spawn(command, args, { env: {}, stdio: [input, 'pipe', 'inherit'] });
      children.push(child);
      for await (const bytes of child.stdout ?? []) stdout += (bytes as Buffer).toString('latin1');
    }
    closeSync(input);
    expect(stdout).toBe(notcapable.repeat(4));
    expect(existsSync(secret)).toBe(true);
  });

  it.skipIf(skip)('does nothing by a call whose result has no place', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'text'), 'some text');
    const outcome = await run(place, build('seeker', place.target, { bytes: seeker() }), {
      dirs: { '/': folder },
    });
    expect(outcome).toEqual({ stdout: '', stderr: '', code: 0 });
  });
});

const native = { target: 'x86_64', on: 'native' } as const;
const noNative = missing(native);
const nameOfNative = noNative === undefined ? 'natively' : `natively (skipped: ${noNative})`;

describe(nameOfNative, () => {
  it.skipIf(noNative !== undefined).each([
    ['symbolic link', 'ln -s ../secret.txt'],
    ['hard link', 'ln ../secret.txt'],
    ['FIFO', 'mkfifo'],
  ])(
    'touches no %s in the place of the profile that it names itself, and runs without one',
    async (_kind, make) => {
      const { box, secret } = makeScene();
      const { path } = build('hello', 'x86_64');
      // The shell's process becomes the program's.
      const script = `cd "$1" && ${make} fathom.$$.folded && exec "$2"`;
      const outcome = await spawned(['/bin/sh', '-c', script, 'sh', box, path], {
        FATHOM_PROFILE: '1000',
        PATH: process.env.PATH ?? '',
      });
      expect(outcome).toMatchObject({ stdout: 'hello, world\n', code: 0 });
      expect(outcome.stderr).toMatch(/^fathom: no profile: fathom\.\d+\.folded: taken already\n$/);
      expect(readFileSync(secret, 'utf8')).toBe('SECRET');
    },
    10_000,
  );
});

const notRoot =
  noNative ?? (process.getuid?.() === 0 ? undefined : 'needs root, to make a set-user-ID program');
const nameOfRoot = `a program with more rights than its user${notRoot === undefined ? '' : ` (skipped: ${notRoot})`}`;
const nobody = 65534;

describe(nameOfRoot, () => {
  /** A set-user-ID copy of a program. */
  function privileged(name: string): { readonly folder: string; readonly path: string } {
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    const path = join(folder, name);
    copyFileSync(build(name, 'x86_64').path, path);
    chmodSync(path, 0o4755);
    return { folder, path };
  }

  it.skipIf(notRoot !== undefined)('heeds no variable of the environment', async () => {
    const { folder, path } = privileged('args-env');
    const files = ['dump', 'profile'].map((name) => join(folder, name));
    const child = spawn(path, [], {
      uid: nobody,
      gid: nobody,
      env: {
        FATHOM_DUMP: files[0],
        FATHOM_PROFILE: '1000',
        FATHOM_PROFILE_OUT: files[1],
        FATHOM_DIR: '/nowhere',
        A: '1',
      },
    });
    children.push(child);
    let stdout = '';
    for await (const bytes of child.stdout) stdout += (bytes as Buffer).toString('latin1');
    expect(stdout).toBe('0 arguments\n1 variables\n<A=1>\n');
    expect(files.filter((file) => existsSync(file))).toEqual([]);
  });

  it.skipIf(notRoot !== undefined)('answers to no file that a signal names', async () => {
    const { path } = privileged('cat');
    const child = spawn(path, [], { uid: nobody, gid: nobody, env: {} });
    children.push(child);
    let stderr = '';
    child.stderr.on('data', (bytes: Buffer) => {
      stderr += bytes.toString('latin1');
    });
    child.stdin.write('ready');
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const fathom = fileURLToPath(new URL('../../cli/fathom.mjs', import.meta.url));
    const dump = await spawned([process.execPath, fathom, 'dump', String(child.pid), '--timeout', '500'], {
      TMPDIR: process.env.TMPDIR ?? tmpdir(),
    });
    expect(dump).toMatchObject({ stdout: '', code: 1 });
    expect(dump.stderr).toContain('no answer within 500 ms');
    expect(stderr).toMatch(/^=== fathom stack dump: [\s\S]*complete\n$/);
  });
});
