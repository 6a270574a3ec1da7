import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../interrupts.ts';
import { TARGETS } from '../unicorn/test-bed.ts';
import { DeadlockError } from './process.ts';
import { SYSTEM_CALLS } from './system-calls.ts';
import { ProcessBed, removeFolders, temporaryFolder } from './test-bed.ts';

afterAll(removeFolders);

/** Calls that end the program, or take registers and masks from memory that nobody has prepared. */
const LEFT_OUT = new Set(['exit', 'exit_group', 'rt_sigreturn']);

/** So many programs, of so many system calls each. */
const PROGRAMS = 40;
const CALLS = 250;

const PATHS = [
  '..',
  '/',
  '/etc/passwd',
  '../secret',
  'link',
  'link/..',
  'a',
  './a/',
  'a/../../..',
  '',
  '.',
  'dir/b',
];

/** Words that programs go wrong by, besides those that a program has: below and at powers of two, negative, unaligned. */
const ODD = [
  0,
  1,
  2,
  7,
  8,
  64,
  100,
  1024,
  4095,
  4096,
  0xffff,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 100,
  2 ** 32 - 1,
].concat([2 ** 47 - 4096, 2 ** 47, 2 ** 53, 2 ** 63, 2 ** 64 - 4096, 2 ** 64 - 2048]);

describe.each(TARGETS)('hostile programs of %s', (target) => {
  it('get a result or die of a signal, whatever they ask the kernel for', () => {
    const outside = temporaryFolder();
    const box = join(outside, 'box');
    mkdirSync(join(box, 'dir'), { recursive: true });
    writeFileSync(join(outside, 'secret'), 'secret');
    symlinkSync('../secret', join(box, 'link'));
    const names = Object.keys(SYSTEM_CALLS).filter(
      (name) => SYSTEM_CALLS[name][target] !== undefined && !LEFT_OUT.has(name),
    );
    let made = 0;
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const random = seededRandom(seed);
      const oneOf = <T>(values: readonly T[]): T => values[random(values.length)];
      const bed = new ProcessBed(target, { directories: [box], cwd: box, seed, openat2: seed % 2 === 0 });
      const memory = [
        ...PATHS.map((path) => bed.put(path)),
        ...[1, 2, 3].map(() => bed.put(Uint8Array.from({ length: 512 }, () => random(256)))),
        bed.putWords(...Array.from({ length: 64 }, () => oneOf(ODD) % 2 ** 32)),
        bed.data + 0xf000,
        bed.data + 0xffff,
        bed.text,
        bed.process.core.sp,
      ];
      const word = () =>
        oneOf([() => oneOf(ODD), () => oneOf(memory), () => random(12), () => random(2 ** 31)])();
      try {
        for (let k = 0; k < CALLS && !bed.process.exitStatus; k++) {
          bed.call(oneOf(names), word(), word(), word(), word(), word(), word());
          made++;
        }
      } catch (error) {
        // It waits for what cannot come.
        if (!(error instanceof DeadlockError)) throw error;
      } finally {
        bed.dispose();
      }
    }
    expect(made).toBeGreaterThan(2000);
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
    expect(readdirSync(outside).sort()).toEqual(['box', 'secret']);
  }, 60_000);
});
