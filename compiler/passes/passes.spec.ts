import { describe, expect, test, vi } from 'vitest';
import { testContext } from '../../test/support/context.ts';
import { interpret } from '../../test/support/interpret.ts';
import { Random } from '../../test/support/random-function.ts';
import type { CompileContext } from '../context.ts';
import type { Func } from '../ir/function.ts';
import { parseFunction } from '../ir/parse.ts';
import { printFunction } from '../ir/print.ts';
import { Type } from '../ir/types.ts';
import { verify } from '../ir/verify.ts';
import { AvailableValues } from './available-values.ts';
import { copies } from './copies.ts';
import { cse } from './cse.ts';
import { dce } from './dce.ts';
import { fold } from './fold.ts';
import { legalize } from './legalize.ts';
import { lower64 } from './lower64.ts';

type Run = (func: Func, ctx: CompileContext) => void;

/** Lines of `text` without indentation and empty ones. */
const trimmed = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** Values renamed in the order in which they appear, so that expectations do not depend on numbering. */
function renumbered(lines: readonly string[]): string {
  const names = new Map<string, string>();
  return lines.join('\n').replace(/\bv\d+/g, (name) => {
    const known = names.get(name) ?? `v${names.size}`;
    names.set(name, known);
    return known;
  });
}

/** What passes make of a function's blocks, given and returned as lines. */
function transformed(
  passes: readonly Run[],
  body: string,
  signature: string,
  word: 1 | 2 = Type.i32,
): string[] {
  const func = parseFunction(`function @0 "f" wasm ${signature} {\n${body}\n}\n`);
  verify(func, word);
  for (const pass of passes) {
    pass(func, testContext(word));
    verify(func, word);
  }
  return trimmed(printFunction(func)).slice(1, -1);
}

/** The one-block function of two i32 or i64 parameters v0 and v1 that returns v9. */
function expression(
  passes: readonly Run[],
  lines: string,
  type: 'i32' | 'i64' = 'i32',
  result = type,
): string[] {
  const body = `block0():\n v0 = param.${type} 0\n v1 = param.${type} 1\n${lines}\n return v9`;
  const signature = `(${type}, ${type}) -> (${result})`;
  return transformed([...passes, dce], body, signature)
    .slice(1)
    .filter((line) => !line.includes('param'));
}

describe('fold', () => {
  test.each([
    ['v2 = const.i32 5\n v9 = add.i32 v2, v2', ['v9 = const.i32 10', 'return v9']],
    ['v2 = const.i32 0\n v9 = add.i32 v2, v1', ['return v1']],
    ['v2 = const.i32 8\n v9 = mul.i32 v0, v2', ['v10 = const.i32 3', 'v9 = shl.i32 v0, v10', 'return v9']],
    ['v2 = const.i32 8\n v9 = rem_u.i32 v0, v2', ['v10 = const.i32 7', 'v9 = and.i32 v0, v10', 'return v9']],
    [
      'v2 = const.i32 24\n v3 = shl.i32 v0, v2\n v9 = shr_s.i32 v3, v2',
      ['v9 = extend8_s.i32 v0', 'return v9'],
    ],
    ['v2 = const.i32 0\n v3 = lt_s v0, v1\n v9 = eq v3, v2', ['v9 = ge_s v0, v1', 'return v9']],
    ['v2 = const.i32 31\n v3 = and.i32 v1, v2\n v9 = shl.i32 v0, v3', ['v9 = shl.i32 v0, v1', 'return v9']],
    ['v2 = const.i32 1\n v9 = lt_u v0, v2', ['v10 = const.i32 0', 'v9 = eq v0, v10', 'return v9']],
    [
      'v2 = const.i32 -1\n v3 = sub.i32 v0, v2\n v4 = const.i32 4\n v9 = add.i32 v3, v4',
      ['v11 = const.i32 5', 'v9 = add.i32 v0, v11', 'return v9'],
    ],
    [
      'v2 = const.i32 10\n v9 = div_u.i32 v0, v2',
      [
        'v10 = extend_u.i64 v0',
        'v11 = const.i64 3435973837',
        'v12 = mul.i64 v10, v11',
        'v13 = const.i64 35',
        'v14 = shr_u.i64 v12, v13',
        'v15 = wrap.i32 v14',
        'return v15',
      ],
    ],
  ])('%s', (lines, expected) => {
    expect(renumbered(expression([fold], lines))).toBe(renumbered(expected));
  });

  test.each(['div_s', 'div_u', 'rem_s', 'rem_u'])('%s by constants is exact', (op) => {
    const magnitudes = [
      1, 2, 3, 5, 6, 7, 9, 10, 11, 12, 14, 25, 28, 60, 100, 125, 641, 1000, 65535, 65536, 1e9,
    ];
    const edges = magnitudes.concat([0x7fffffff, 0x7ffffffe, 0x40000000, 0x80000000, 0xffffffff, 0xfffffffe]);
    const divisors = edges.flatMap((value) => [value | 0, -value | 0]);
    const random = new Random(5);
    for (const divisor of divisors) {
      const text = `function @0 "f" wasm (i32) -> (i32) {
        block0():
          v0 = param.i32 0
          v1 = const.i32 ${divisor}
          v2 = ${op}.i32 v0, v1
          return v2
        }`;
      const before = parseFunction(text);
      const folded = parseFunction(text);
      fold(folded, testContext(Type.i32));
      verify(folded, Type.i32);
      expect(printFunction(folded)).not.toContain(op);
      const dividends = divisors.flatMap((value) => [value, value + 1, value - 1, random.word()]);
      for (const dividend of dividends.concat(0)) {
        if (divisor === -1 && dividend === -2147483648) continue;
        const args = [BigInt.asUintN(32, BigInt(dividend))];
        const run = (func: Func) =>
          interpret(func, args, { bytes: new Uint8Array(), env: 0, call: () => [] });
        expect({ dividend, divisor, ...run(folded) }).toEqual({ dividend, divisor, ...run(before) });
      }
    }
  });

  test('a branch on a constant goes one way, and the phis behind it follow', () => {
    const body = `block0():
      v0 = param.i32 0
      v1 = const.i32 1
      branch v1, block1, block2
    block1(block0):
      jump block3
    block2(block0):
      v2 = mul.i32 v0, v0
      jump block3
    block3(block1, block2):
      v3 = phi.i32 v0, v2
      return v3`;
    expect(renumbered(transformed([fold, dce], body, '(i32) -> (i32)'))).toBe(
      renumbered(
        trimmed(`block0():
        v0 = param.i32 0
        jump block1
      block1(block0):
        jump block3
      block3(block1):
        return v0`),
      ),
    );
  });

  test('a trap that certainly happens ends its block', () => {
    const body = `block0():
      v0 = const.i32 0
      v1 = eq v0, v0
      trap_if divideByZero, v1
      jump block1
    block1(block0):
      return`;
    expect(transformed([fold, dce], body, '() -> ()')).toEqual(['block0():', 'trap divideByZero']);
  });

  test('leaves alone what would change a NaN', () => {
    const body = `block0():
      v0 = param.f32 0
      v1 = const.f32 1
      v2 = fmul.f32 v0, v1
      v3 = const.f32 0
      v4 = fdiv.f32 v3, v3
      v5 = fadd.f32 v2, v4
      return v5`;
    expect(transformed([fold], body, '(f32) -> (f32)')).toEqual(trimmed(body));
  });

  test('a constant index becomes part of the offset', () => {
    const body = `block0():
      v0 = param.i32 0
      v1 = const.i32 100
      v2 = load_indexed.i32 v0, v1, offset 4, region memory0
      return v2`;
    expect(transformed([fold], body, '(i32) -> (i32)')).toContain(
      'v2 = load.i32 v0, offset 104, region memory0',
    );
  });
});

test('copies: phis that only carry one value round loops go', () => {
  const body = `block0():
    v0 = param.i32 0
    jump block1
  block1(block0, block2):
    v1 = phi.i32 v0, v2
    jump block2
  block2(block1, block3):
    v2 = phi.i32 v1, v2
    branch v2, block3, block1
  block3(block2):
    branch v0, block2, block4
  block4(block3):
    return v2`;
  const lines = transformed([copies], body, '(i32) -> (i32)');
  expect(lines.filter((line) => line.includes('phi'))).toEqual([]);
  expect(lines.at(-1)).toBe('return v0');
});

describe('cse', () => {
  const memory = `block0():
    v0 = param.i32 0
    v1 = env.i32
    v2 = load.i32 v1, offset 40, region memoryInfo
    v3 = load.i32 v1, offset 36, region memoryInfo`;

  test('checks of one index merge within the guard, in whatever order', () => {
    const lines = transformed(
      [cse, dce],
      `${memory}
      check_bounds v0, v2, offset 4
      v4 = load_indexed.i32 v3, v0, region memory0
      v5 = load.i32 v1, offset 40, region memoryInfo
      check_bounds v0, v5, offset 400
      v6 = load_indexed.i32 v3, v0, offset 396, region memory0
      check_bounds v0, v2, offset 70000
      v7 = load_indexed.i32 v3, v0, offset 69996, region memory0
      return v4, v6, v7`,
      '(i32) -> (i32, i32, i32)',
    );
    expect(lines.filter((line) => line.startsWith('check'))).toEqual([
      'check_bounds v0, v2, offset 4',
      'check_bounds v0, v2, offset 70000',
    ]);
  });

  test('the strongest check before counts, and that of another arm does not', () => {
    const body = `${memory}
      check_bounds v0, v2, offset 70010
      check_bounds v0, v2, offset 70040
      branch v0, block1, block2
    block1(block0):
      check_bounds v0, v2, offset 70100
      check_bounds v0, v2, offset 70099
      jump block3
    block2(block0):
      check_bounds v0, v2, offset 70040
      check_bounds v0, v2, offset 70050
      check_bounds v3, v2, offset 70010
      jump block3
    block3(block1, block2):
      check_bounds v0, v2, offset 70030
      check_bounds v0, v2, offset 70041
      check_bounds v3, v2, offset 70010
      check_bounds v3, v2, offset 4
      return v2`;
    const lines = transformed([cse], body, '(i32) -> (i32)');
    expect(lines.filter((line) => /^(check|block)/.test(line))).toEqual([
      'block0():',
      'check_bounds v0, v2, offset 70010',
      'check_bounds v0, v2, offset 70040',
      'block1(block0):',
      'check_bounds v0, v2, offset 70100',
      'block2(block0):',
      'check_bounds v0, v2, offset 70050',
      'check_bounds v3, v2, offset 70010',
      'block3(block1, block2):',
      'check_bounds v0, v2, offset 70041',
      'check_bounds v3, v2, offset 70010',
    ]);
  });

  test('ever stronger checks of one index are each compared with one before', () => {
    const following = vi.spyOn(AvailableValues.prototype, 'following');
    const value = vi.spyOn(AvailableValues.prototype, 'value');
    try {
      const checks = Array.from({ length: 1000 }, (_, k) => `check_bounds v0, v2, offset ${70_000 + k}`);
      const lines = transformed([cse], `${memory}\n${checks.join('\n')}\nreturn v2`, '(i32) -> (i32)');
      expect(lines.filter((line) => line.startsWith('check'))).toEqual(checks);
      expect(following.mock.calls.length + value.mock.calls.length).toBeLessThan(2000);
    } finally {
      following.mockRestore();
      value.mockRestore();
    }
  });

  test('a load is the value stored there, unless something else may have been stored since', () => {
    const body = (between: string) => `${memory}
      store_indexed v3, v0, v2, offset 8, region memory0
      ${between}
      v4 = load_indexed.i32 v3, v0, offset 8, region memory0
      return v4`;
    const returned = (between: string) => transformed([cse], body(between), '(i32) -> (i32)').at(-1);
    expect(returned('')).toBe('return v2');
    expect(returned('store_indexed v3, v0, v0, offset 12, region memory0')).toBe('return v2');
    expect(returned('store v1, v0, offset 48, region global3')).toBe('return v2');
    expect(returned('store_indexed v3, v0, v0, offset 11, region memory0')).toBe('return v4');
    expect(returned('store_indexed v3, v2, v0, offset 12, region memory0')).toBe('return v4');
    expect(returned('store v0, v0, region native')).toBe('return v4');
    expect(returned('call @1 () -> ()')).toBe('return v4');
  });

  test('what is read before a loop holds in it only if the loop does not write', () => {
    const body = (inLoop: string) => `${memory}
      jump block1
    block1(block0, block1):
      v4 = load.i32 v1, offset 40, region memoryInfo
      ${inLoop}
      branch v4, block1, block2
    block2(block1):
      return v4`;
    const returned = (inLoop: string) => transformed([cse], body(inLoop), '(i32) -> (i32)').at(-1);
    expect(returned('store v3, v0, region memory0')).toBe('return v2');
    expect(returned('call @1 () -> ()')).toBe('return v4');
  });

  test('values of one arm do not serve the other, those before serve both', () => {
    const body = `block0():
      v0 = param.i32 0
      v1 = mul.i32 v0, v0
      branch v0, block1, block2
    block1(block0):
      v2 = mul.i32 v0, v0
      v3 = add.i32 v2, v0
      jump block3
    block2(block0):
      v4 = add.i32 v1, v0
      jump block3
    block3(block1, block2):
      v5 = phi.i32 v3, v4
      v6 = add.i32 v0, v1
      v7 = add.i32 v5, v6
      return v7`;
    expect(renumbered(transformed([cse], body, '(i32) -> (i32)'))).toBe(
      renumbered(
        trimmed(`block0():
        v0 = param.i32 0
        v1 = mul.i32 v0, v0
        branch v0, block1, block2
      block1(block0):
        v3 = add.i32 v0, v1
        jump block3
      block2(block0):
        v4 = add.i32 v0, v1
        jump block3
      block3(block1, block2):
        v5 = phi.i32 v3, v4
        v6 = add.i32 v0, v1
        v7 = add.i32 v5, v6
        return v7`),
      ),
    );
  });
});

describe('dce', () => {
  test('phis that feed one another go, loads that can trap stay', () => {
    const body = `block0():
      v0 = param.i32 0
      jump block1
    block1(block0, block1):
      v1 = phi.i32 v0, v2
      v2 = add.i32 v1, v1
      v3 = load.i32 v0, region memory0
      v4 = load.i32 v0, region global1
      branch v0, block1, block2
    block2(block1):
      return`;
    expect(renumbered(transformed([dce], body, '(i32) -> ()'))).toBe(
      renumbered(
        trimmed(`block0():
        v0 = param.i32 0
        jump block1
      block1(block0, block1):
        v3 = load.i32 v0, region memory0
        branch v0, block1, block2
      block2(block1):
        return`),
      ),
    );
  });

  test('of a pair whose high half nobody wants, the low half is computed', () => {
    const lines = 'v2 = pair_mul v0, v1, v1, v0\n v9 = result.i32 0, v2\n v4 = result.i32 1, v2';
    expect(expression([], lines)).toEqual(['v9 = mul.i32 v0, v1', 'return v9']);
  });
});

describe('lower64', () => {
  test.each([
    [
      'v9 = add.i64 v0, v1',
      ['v4 = pair_add v0, v1, v2, v3', 'v5 = result.i32 0, v4', 'v6 = result.i32 1, v4', 'return v5, v6'],
    ],
    ['v2 = const.i64 32\n v9 = shr_u.i64 v0, v2', ['v4 = const.i32 0', 'return v1, v4']],
    ['v2 = const.i64 4294967295\n v9 = and.i64 v0, v2', ['v4 = const.i32 0', 'return v0, v4']],
  ])('%s', (lines, expected) => {
    expect(renumbered(expression([lower64, fold], lines, 'i64'))).toBe(renumbered(expected));
  });

  test('signatures, calls, phis and memory', () => {
    const body = `block0():
      v0 = param.i32 0
      v1 = param.i64 1
      v2 = call @3 (i64, i32) -> (i64), v1, v0
      branch v0, block1, block2
    block1(block0):
      store v0, v2, offset 16, region memory0
      jump block2
    block2(block0, block1):
      v3 = phi.i64 v1, v2
      v4 = load.i64 v0, access s32, region memory0
      v5 = lt_s v3, v4
      return v5, v3`;
    expect(renumbered(transformed([lower64], body, '(i32, i64) -> (i32, i64)'))).toBe(
      renumbered(
        trimmed(`block0():
        v0 = param.i32 0
        v9 = param.i32 1
        v10 = param.i32 2
        v6 = const.i32 0
        v11 = call @3 (i32, i32, i32) -> (i32, i32), v9, v10, v0
        v12 = result.i32 0, v11
        v13 = result.i32 1, v11
        branch v0, block1, block2
      block1(block0):
        store v0, v13, offset 20, region memory0
        store v0, v12, offset 16, region memory0
        jump block2
      block2(block0, block1):
        v7 = phi.i32 v9, v12
        v8 = phi.i32 v10, v13
        v16 = load.i32 v0, region memory0
        v17 = const.i32 31
        v18 = shr_s.i32 v16, v17
        v5 = pair_lt_s v7, v8, v16, v18
        return v5, v7, v8`),
      ),
    );
  });
});

describe('legalize', () => {
  test('i64 division becomes a call', () => {
    const lines = expression([legalize], 'v9 = div_s.i64 v0, v1', 'i64');
    expect(lines[0]).toMatch(/^v9 = call @\d+ \(i64, i64\) -> \(i64\), v0, v1$/);
  });

  test('a truncation that traps checks its range and calls the saturating helper', () => {
    const body = 'block0():\n v0 = param.f64 0\n v1 = trunc_u.i64 v0\n return v1';
    const lines = transformed([legalize], body, '(f64) -> (i64)');
    expect(renumbered(lines.slice(1, -2))).toBe(
      renumbered([
        'v0 = param.f64 0',
        'v2 = const.f64 -1',
        'v3 = fgt v0, v2',
        'v4 = const.f64 18446744073709552000',
        'v5 = flt v0, v4',
        'v6 = const.i32 0',
        'v7 = and.i32 v3, v5',
        'v8 = eq v7, v6',
        'trap_if invalidConversion, v8',
      ]),
    );
    expect(lines.at(-2)).toMatch(/^v1 = call @\d+ \(f64\) -> \(i64\), v0$/);
  });

  test('i32 division is done in f64', () => {
    expect(renumbered(expression([legalize], 'v9 = div_u.i32 v0, v1'))).toBe(
      renumbered([
        'v10 = convert_u.f64 v0',
        'v11 = convert_u.f64 v1',
        'v12 = fdiv.f64 v10, v11',
        'v9 = trunc_sat_u.i32 v12',
        'return v9',
      ]),
    );
  });
});
