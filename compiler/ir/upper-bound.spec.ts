import { describe, expect, test } from 'vitest';
import { interpret } from '../../test/support/interpret.ts';
import { Random } from '../../test/support/random-function.ts';
import type { Inst } from './function.ts';
import { Op } from './ops.ts';
import { parseFunction } from './parse.ts';
import { Type } from './types.ts';
import { noBound, upperBound } from './upper-bound.ts';
import { verify } from './verify.ts';

/** The function of two i32 whose lines give v9, and v9. */
function expression(lines: string): { func: ReturnType<typeof parseFunction>; value: Inst } {
  const func = parseFunction(`function @0 "f" wasm (i32, i32) -> (i32) {
    block0():
      v0 = param.i32 0
      v1 = param.i32 1
      ${lines}
      return v9
    }`);
  verify(func, Type.i32);
  const value = func.blocks[0].insts.find(({ id }) => id === 9);
  if (value === undefined) throw new Error('no v9');
  return { func, value };
}

const bound = (lines: string): number => upperBound(expression(lines).value);

describe('upper bounds', () => {
  test.each([
    ['v9 = add.i32 v0, v1', noBound],
    ['v2 = const.i32 -1\n v9 = and.i32 v0, v2', noBound],
    ['v2 = const.i32 1020\n v3 = and.i32 v0, v2\n v4 = const.i32 2832\n v9 = add.i32 v3, v4', 3852],
    ['v2 = const.i32 24\n v3 = shr_u.i32 v0, v2\n v4 = const.i32 2\n v9 = shl.i32 v3, v4', 1020],
    ['v2 = const.i32 24\n v3 = shr_s.i32 v0, v2\n v4 = const.i32 2\n v9 = shl.i32 v3, v4', noBound],
    ['v2 = const.i32 100\n v3 = rem_u.i32 v0, v2\n v4 = const.i32 12\n v9 = mul.i32 v3, v4', 1188],
    ['v2 = const.i32 100\n v9 = rem_s.i32 v0, v2', noBound],
    ['v2 = const.i32 5\n v3 = const.i32 8\n v4 = and.i32 v0, v2\n v9 = or.i32 v4, v3', 15],
    ['v2 = eq.i32 v0, v1\n v3 = const.i32 70\n v4 = const.i32 9\n v9 = select.i32 v2, v3, v4', 70],
    ['v2 = lt_u.i32 v0, v1\n v3 = clz.i32 v0\n v9 = add.i32 v2, v3', 33],
    // A sum that may wrap may be small, or anything.
    ['v2 = const.i32 -16\n v3 = const.i32 255\n v4 = and.i32 v0, v3\n v9 = add.i32 v4, v2', noBound],
    ['v2 = load.i32 v0, access u8, region native\n v9 = add.i32 v2, v2', 510],
    ['v9 = load.i32 v0, access s8, region native', noBound],
  ])('%s', (lines, expected) => {
    expect(bound(lines)).toBe(expected);
  });

  test('of deep expressions are given up, in time', () => {
    const lines = Array.from({ length: 200 }, (_, k) => `v${k + 10} = or.i32 v${k + 9}, v${k + 9}`);
    const { func } = expression(`v2 = const.i32 1\n v9 = and.i32 v0, v2\n ${lines.join('\n')}`);
    const last = func.blocks[0].insts.find(({ id }) => id === 209);
    expect(last && upperBound(last)).toBe(noBound);
  });

  test('hold for what random expressions give', () => {
    const random = new Random(11);
    const binary = ['add', 'sub', 'mul', 'and', 'or', 'xor', 'shl', 'shr_u', 'shr_s', 'rotl', 'gt_s'];
    const unary = ['clz', 'ctz', 'popcnt', 'extend8_s', 'extend16_s'];
    const divisions = ['div_u', 'rem_u'];
    const pick = <T>(from: readonly T[]): T => from[(random.word() >>> 0) % from.length];
    const interesting = [0, 1, 2, 3, 7, 8, 24, 31, 32, 255, 1020, 65535, 0x7fffffff, -1, -16, -2147483648];
    let bounded = 0;
    for (let round = 0; round < 3000; round++) {
      // v2 to v4 are constants, v4 no divisor that traps.
      const lines = [
        `v2 = const.i32 ${pick(interesting)}`,
        `v3 = const.i32 ${pick(interesting)}`,
        `v4 = const.i32 ${pick(interesting) || 5}`,
      ];
      for (let id = 5; id <= 9; id++) {
        const input = (): string => `v${(random.word() >>> 0) % id}`;
        const kind = (random.word() >>> 0) % 8;
        if (kind === 0) lines.push(`v${id} = ${pick(unary)}.i32 ${input()}`);
        else if (kind === 1) lines.push(`v${id} = ${pick(divisions)}.i32 ${input()}, v4`);
        else if (kind === 2) lines.push(`v${id} = select.i32 ${input()}, ${input()}, ${input()}`);
        else lines.push(`v${id} = ${pick(binary)}.i32 ${input()}, ${input()}`);
      }
      const { func, value } = expression(lines.join('\n'));
      const limit = upperBound(value);
      if (limit < noBound && value.op !== Op.gt_s) bounded++;
      for (let run = 0; run < 6; run++) {
        const args = [pick(interesting), run < 3 ? random.word() : pick(interesting)];
        const { results } = interpret(
          func,
          args.map((arg) => BigInt.asUintN(32, BigInt(arg))),
          { bytes: new Uint8Array(), env: 0, call: () => [] },
        );
        expect(Number(BigInt.asUintN(32, results?.[0] ?? 0n)), lines.join('\n')).toBeLessThanOrEqual(limit);
      }
    }
    expect(bounded).toBeGreaterThan(500);
  });
});
