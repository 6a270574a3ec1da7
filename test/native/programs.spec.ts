import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { build, cleanUp, oracle, places, type RunOptions, run, temporaryFolder } from './places.ts';

/**
 * WASI programs in C as executables: the same bytes out of the emulated kernel, the machine itself and qemu-user, equal to what
 * is written here, and where it can serve to what Node's WASI says.
 */
afterAll(cleanUp);

/** Text of many lines and words without a pattern that could hide a swapped block. */
function longText(bytes: number): Buffer {
  const text = Buffer.alloc(bytes);
  let state = 12345;
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    const letter = (state >> 16) % 40;
    text[i] =
      letter < 26
        ? 97 + letter
        : letter === 26
          ? 10
          : letter < 33
            ? 32
            : letter === 33
              ? 9
              : 48 + (letter % 10);
  }
  return text;
}

/** As wc counts, another way. */
function counts(text: string): string {
  const words = text.split(/\s+/).filter((word) => word !== '').length;
  return `${text.split('\n').length - 1} ${words} ${text.length}`;
}

const long = longText(10_000_000);
const input = temporaryFolder();
writeFileSync(join(input, 'long.txt'), long);
writeFileSync(join(input, 'short.txt'), 'one two\nthree\n');
writeFileSync(
  join(input, 'bytes.bin'),
  Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7 + (i >> 8)) & 255),
);
const tree = temporaryFolder();
for (const folder of ['a', 'a/empty', 'a/b', 'z']) mkdirSync(join(tree, folder));
for (let i = 0; i < 150; i++) writeFileSync(join(tree, `a/b/file-${i}`), 'x'.repeat(i * 10));
writeFileSync(join(tree, 'caf\u00e9.txt'), 'utf-8');
symlinkSync('a/b', join(tree, 'link'));
symlinkSync('nowhere', join(tree, 'z/dangling'));

/** What `walk` lists, by Node. */
function listing(folder: string, name: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
    .map((entry) => {
      const path = `${name}/${entry.name}`;
      if (entry.isDirectory()) return `d ${path}\n${listing(join(folder, entry.name), path)}`;
      if (entry.isSymbolicLink()) return `l ${path} -> ${entry.name === 'link' ? 'a/b' : 'nowhere'}\n`;
      return `f ${readFileSync(join(folder, entry.name)).length} ${path}\n`;
    })
    .join('');
}

/** Checked by hand. Node's WASI differs where it follows links, drops nanoseconds, and passes over entries after an unlink. */
const expectedFiles = new URL('../programs/wasi/files.expected', import.meta.url);

interface Case extends RunOptions {
  readonly program: string;
  readonly title: string;
  readonly stdout: string;
  readonly code?: number;
  /** All of it, or what it must show. */
  readonly stderr?: string | RegExp;
  /** Node's WASI gives the same. */
  readonly asNode?: boolean;
}

const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
const inDirs = { dirs: { '/in': input } };

const cases: readonly Case[] = [
  { program: 'hello', title: 'says hello', stdout: 'hello, world\n' },
  {
    program: 'cat',
    title: 'files, standard input between them',
    args: ['/in/short.txt', '-', '/in/short.txt'],
    stdin: 'input\n',
    ...inDirs,
    stdout: 'one two\nthree\ninput\none two\nthree\n',
  },
  {
    program: 'cat',
    title: 'every byte there is',
    args: ['/in/bytes.bin'],
    ...inDirs,
    stdout: readFileSync(join(input, 'bytes.bin'), 'latin1'),
  },
  {
    program: 'cat',
    title: 'a file that is not there, and goes on',
    args: ['/in/none', '/in/short.txt'],
    ...inDirs,
    stdout: 'one two\nthree\n',
    stderr: 'cat: /in/none: No such file or directory\n',
    code: 1,
  },
  {
    program: 'cat',
    title: 'nothing without a preopened directory',
    args: ['/in/short.txt'],
    stdout: '',
    stderr: 'cat: /in/short.txt: Capabilities insufficient\n',
    code: 1,
  },
  {
    program: 'cat',
    title: 'input of a megabyte',
    stdin: long.subarray(0, 1_000_000),
    stdout: long.toString('latin1', 0, 1_000_000),
  },
  {
    program: 'wc',
    title: 'a file of 10 MB',
    args: ['/in/long.txt', '/in/short.txt'],
    ...inDirs,
    stdout: `${counts(long.toString('latin1'))} /in/long.txt\n2 3 14 /in/short.txt\n`,
  },
  { program: 'wc', title: 'standard input', stdin: 'a b\nc', stdout: '1 3 5 -\n' },
  {
    program: 'walk',
    title: 'a tree',
    args: ['/tree'],
    dirs: { '/tree': tree },
    stdout: latin1(listing(tree, '/tree')),
  },
  {
    program: 'walk',
    title: 'a tree below the current directory',
    args: ['a'],
    dirs: { '.': tree },
    stdout: listing(join(tree, 'a'), 'a'),
  },
  {
    program: 'args-env',
    title: 'odd arguments and variables',
    args: ['', 'two words', '--help', 'caf\u00e9', '"\'\\'],
    env: { EMPTY: '', NAME: 'a=b', PATH: '/nowhere', WIDE: '\u{1f600}' },
    stdout: latin1(
      '5 arguments\n<>\n<two words>\n<--help>\n<caf\u00e9>\n<"\'\\>\n4 variables\n<EMPTY=>\n<NAME=a=b>\n<PATH=/nowhere>\n<WIDE=\u{1f600}>\n',
    ),
  },
  {
    program: 'args-env',
    title: "none of the runtime's own variables",
    env: { FATHOM_PROFILE_OUT: '/nonexistent/profile', FATHOMED: '1', A: '2' },
    stdout: '0 arguments\n2 variables\n<A=2>\n<FATHOMED=1>\n',
    asNode: false,
  },
  { program: 'exit-code', title: 'returns from main', stdout: 'atexit ran\n', code: 7 },
  { program: 'exit-code', title: 'exits with 0', args: ['0'], stdout: 'atexit ran\n' },
  { program: 'exit-code', title: 'exits with 125', args: ['125'], stdout: 'atexit ran\n', code: 125 },
  ...(
    [
      ['trap', 'unreachable', 'main'],
      ['abort', 'unreachable', 'abort'],
      ['divide', 'divide by zero', 'divide'],
      ['bounds', 'memory access out of bounds', 'main'],
      ['recurse', 'Maximum call stack size exceeded', 'recurse'],
    ] as const
  ).map(
    ([how, kind, innermost]): Case => ({
      program: 'exit-code',
      title: `traps: ${how}`,
      args: [how],
      stdout: '',
      stderr: new RegExp(
        `^fathom: trap: ${kind}\n#0 ${innermost} \\(app(\\+0x[\\da-f]+)?\\)\n[^]*\n=== \\d+ frames, complete\n$`,
      ),
      code: 134,
    }),
  ),
  {
    program: 'upper',
    title: 'input in upper case',
    stdin: 'straight On 1\n\0\xff'.repeat(3000),
    stdout: latin1('STRAIGHT ON 1\n\0\xff'.repeat(3000)),
  },
  {
    program: 'sleep',
    title: 'sleeps, and reads the clocks',
    args: ['30'],
    stdout:
      'resolution finer than a second\n' +
      'slept enough, wall clock agrees\n'.repeat(3) +
      '0 steps backwards\ndate is past 2020\n',
  },
];

describe.each(places)('%s', (_name, place, skip) => {
  it.skipIf(skip).each(cases)(
    '$program: $title',
    async ({ program, stdout, stderr = '', code = 0, ...options }) => {
      const outcome = await run(place, build(program, place.target), options);
      expectSame(outcome.stdout, stdout);
      if (typeof stderr === 'string') expect(outcome.stderr).toBe(stderr);
      else expect(outcome.stderr).toMatch(stderr);
      expect(outcome.code).toBe(code);
    },
  );

  it.skipIf(skip)('files: creates, seeks, links, renames, lists, gives up rights', async () => {
    const folder = temporaryFolder();
    const outcome = await run(place, build('files', place.target), {
      args: ['/box'],
      dirs: { '/box': folder },
    });
    expect({ ...outcome, stdout: '' }).toEqual({ stdout: '', stderr: '', code: 0 });
    expect(outcome.stdout).toBe(readFileSync(expectedFiles, 'utf8'));
    expect(readdirSync(folder).sort()).toEqual(['a.txt', 'hard.txt', 'one.txt', 't.txt', 'two.txt']);
  });
});

describe("Node's WASI says the same", () => {
  it.each(cases.filter(({ asNode = true }) => asNode))(
    '$program: $title',
    async ({ program, stdout, stderr = '', code = 0, ...options }) => {
      const outcome = await oracle(program, options);
      expectSame(outcome.stdout, stdout);
      expect(outcome.code).toBe(code);
      if (typeof stderr === 'string') expect(outcome.stderr).toBe(stderr);
    },
  );
});

/** A difference of megabytes is shown by its place, not whole. */
function expectSame(actual: string, expected: string): void {
  if (expected.length < 10_000) expect(actual).toBe(expected);
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
  let same = 0;
  while (same < expected.length && actual[same] === expected[same]) same++;
  expect({ length: actual.length, same, hash: hash(actual) }).toEqual({
    length: expected.length,
    same: expected.length,
    hash: hash(expected),
  });
}
