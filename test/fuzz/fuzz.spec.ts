import { describe, expect, it } from 'vitest';
import { Op } from '../../compiler/ir/ops.ts';
import type { Target } from '../../compiler/target.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';
import { fuzz } from './fuzz.ts';

describe('random modules', () => {
  it('give the same results, memory and traps on V8, x86-64 and ARMv7', async () => {
    const result = await fuzz({ first: 1, count: 200, targets: ['x86_64', 'armv7'], levels: [0, 1, 2] });
    expect(result.differences.map(({ bytes, ...difference }) => difference)).toEqual([]);
    // They do something: many calls each, few of which end in a stack overflow, where engines may differ.
    expect(result.calls).toBeGreaterThan(200 * 10);
    expect(result.inconclusive).toBeLessThan(40);
  }, 600_000);

  it.each([
    ['x86_64', x86_64],
    ['armv7', armv7],
  ])(
    'find a selection rule of %s that is wrong',
    async (_, target) => {
      // The planted bug: `and` is selected as `or`.
      const rules = target.rules.map((rule, op) => (op === Op.and ? target.rules[Op.or] : rule));
      const broken: Target = { ...target, rules };
      const result = await fuzz({ first: 1, count: 25, targets: [broken], levels: [0, 1] });
      expect(result.differences.length).toBeGreaterThan(0);
    },
    600_000,
  );
});
