import { describe, expect, test } from 'vitest';
import { testContext } from '../../test/support/context.ts';
import { parseFunction } from '../ir/parse.ts';
import { printFunction } from '../ir/print.ts';
import { Type } from '../ir/types.ts';
import { verify } from '../ir/verify.ts';
import { dce } from './dce.ts';
import { fold } from './fold.ts';

const guardBytes = 65536;

/** What is left of checks and loads behind folding, in a memory of at least `pages`; v0 is any index, v2 the base, v3 the size. */
function folded(lines: string, pages = 1): string[] {
  const func = parseFunction(`function @0 "f" wasm (i32, i32) -> (i32) {
    block0():
      v0 = param.i32 0
      v1 = param.i32 1
      v2 = load.i32 v1, offset 32, region constant
      v3 = load.i32 v1, offset 36, region memoryInfo
      ${lines}
      return v9
    }`);
  verify(func, Type.i32);
  const context = testContext(Type.i32, guardBytes, pages);
  fold(func, context);
  dce(func);
  verify(func, Type.i32);
  const kept = /^\s*(check_bounds .*|v9 = .*|store_indexed .*)$/;
  return printFunction(func)
    .split('\n')
    .flatMap((line) => kept.exec(line)?.[1] ?? []);
}

/** A load of four bytes at `index` + offset, checked. */
const access = (index: string, offset: number): string =>
  `check_bounds ${index}, v3, offset ${offset + 4}
   v9 = load_indexed.i32 v2, ${index}, offset ${offset}, region memory0`;

describe('checks of indices that have a bound', () => {
  const masked = (mask: number): string => `v4 = const.i32 ${mask}\n v5 = and.i32 v0, v4\n`;

  test.each([
    { what: 'the last word of the least memory', mask: 65532, offset: 0, pages: 1, dropped: true },
    // What is not in memory is in the guard region.
    { what: 'a word that ends behind it', mask: 65535, offset: 0, pages: 1, dropped: true },
    { what: 'as far as the guard reaches', mask: 65535, offset: guardBytes - 4, pages: 1, dropped: true },
    { what: 'farther than the guard', mask: 65535, offset: guardBytes - 3, pages: 1, dropped: false },
    { what: 'within a larger memory', mask: 65535, offset: guardBytes - 3, pages: 3, dropped: true },
    { what: 'an index of the first byte behind', mask: 65536, offset: 0, pages: 1, dropped: false },
    { what: 'no memory at all', mask: 0, offset: 0, pages: 0, dropped: false },
  ])('$what', ({ mask, offset, pages, dropped }) => {
    const lines = folded(masked(mask) + access('v5', offset), pages);
    expect(lines.filter((line) => line.startsWith('check')).length).toBe(dropped ? 0 : 1);
    expect(lines.at(-1)).toMatch(/^v9 = load/);
  });

  test('stay where the index may be anything', () => {
    expect(folded(access('v0', 0))).toEqual([
      'check_bounds v0, v3, offset 4',
      'v9 = load_indexed.i32 v2, v0, region memory0',
    ]);
  });
});

describe('constants in indices', () => {
  test('become offsets where the sum cannot wrap, of loads, checks and stores', () => {
    const narrow = 'v4 = const.i32 1\n v5 = shr_u.i32 v0, v4\n v6 = const.i32 100\n v7 = add.i32 v5, v6\n';
    expect(folded(narrow + access('v7', 8))).toEqual([
      'check_bounds v5, v3, offset 112',
      'v9 = load_indexed.i32 v2, v5, offset 108, region memory0',
    ]);
    const store = `${narrow}store_indexed v2, v7, v0, offset 8, region memory0\n v9 = const.i32 1`;
    expect(folded(store)[0]).toBe('store_indexed v2, v5, v0, offset 108, region memory0');
  });

  test('one after the other', () => {
    const twice = `v4 = const.i32 255\n v5 = and.i32 v0, v4\n v6 = const.i32 100\n v7 = add.i32 v5, v6
      v10 = xor.i32 v7, v7\n v8 = add.i32 v7, v6\n`;
    expect(folded(twice + access('v8', 0))).toEqual([
      'v9 = load_indexed.i32 v2, v5, offset 200, region memory0',
    ]);
  });

  test.each([
    ['an index that may be anything', 'v5 = add.i32 v0, v1\n', 100],
    ['a negative constant', 'v4 = const.i32 255\n v5 = and.i32 v0, v4\n', -100],
    ['a far constant', 'v4 = const.i32 255\n v5 = and.i32 v0, v4\n', 5000],
  ])('stay with %s', (_, index, constant) => {
    const lines = folded(`${index} v6 = const.i32 ${constant}\n v7 = add.i32 v5, v6\n${access('v7', 0)}`);
    expect(lines.at(-1)).toBe('v9 = load_indexed.i32 v2, v7, region memory0');
  });
});
