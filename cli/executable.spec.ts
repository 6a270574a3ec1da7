import { describe, expect, it } from 'vitest';
import { UsageError } from './common.ts';
import { type ExecutableFlags, executableOptions, givenExecutableFlag } from './executable.ts';

const none: ExecutableFlags = { dir: undefined, 'stack-size': undefined, 'dump-signal': undefined };

describe('options of executables', () => {
  it('are the defaults where nothing is said', () => {
    expect(executableOptions(none)).toEqual({ preopens: [] });
    expect(givenExecutableFlag(none)).toBeUndefined();
  });

  it('name directories by one name or two', () => {
    expect(executableOptions({ ...none, dir: ['.', '/srv/data::/data', 'a:b'] }).preopens).toEqual([
      ['.', '.'],
      ['/srv/data', '/data'],
      ['a:b', 'a:b'],
    ]);
  });

  it.each([
    ['65536', 65536],
    ['64K', 65536],
    ['8m', 8 * 2 ** 20],
    ['1G', 2 ** 30],
  ])('take a stack of %s', (text, bytes) => {
    expect(executableOptions({ ...none, 'stack-size': text }).stackBytes).toBe(bytes);
  });

  it.each([
    ['USR2', 12],
    ['sigusr1', 10],
    ['34', 34],
    ['none', 0],
  ])('take the signal %s', (text, number) => {
    expect(executableOptions({ ...none, 'dump-signal': text }).dumpSignal).toBe(number);
  });

  it.each<[Partial<ExecutableFlags>, string]>([
    [{ dir: [''] }, "--dir takes host::guest or one name for both, not ''"],
    [{ dir: ['a::'] }, "not 'a::'"],
    [{ dir: ['a::b::c'] }, "not 'a::b::c'"],
    [{ 'stack-size': '4K' }, '--stack-size takes 64K to 1G, not 4K'],
    [{ 'stack-size': '2G' }, 'not 2G'],
    [{ 'stack-size': 'much' }, 'not much'],
    [{ 'stack-size': '1.5M' }, 'not 1.5M'],
    [
      { 'dump-signal': 'LUNCH' },
      '--dump-signal takes a signal of Linux, by name or number, or none; not LUNCH',
    ],
    [{ 'dump-signal': '0' }, 'not 0'],
    [{ 'dump-signal': '65' }, 'not 65'],
    [{ 'dump-signal': 'SEGV' }, '--dump-signal SEGV: SIGSEGV is not free for that'],
    [{ 'dump-signal': '9' }, 'SIGKILL is not free'],
  ])('refuse %j', (flags, message) => {
    const refusal = () => executableOptions({ ...none, ...flags });
    expect(refusal).toThrow(UsageError);
    expect(refusal).toThrow(message);
    expect(givenExecutableFlag({ ...none, ...flags })).toBe(Object.keys(flags)[0]);
  });
});
