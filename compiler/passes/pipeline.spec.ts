import fc from 'fast-check';
import { expect, test } from 'vitest';
import { helperResult, testContext } from '../../test/support/context.ts';
import { observe } from '../../test/support/equivalence.ts';
import { randomFunction } from '../../test/support/random-function.ts';
import { parseFunction } from '../ir/parse.ts';
import { printFunction } from '../ir/print.ts';
import { Type } from '../ir/types.ts';
import { verify } from '../ir/verify.ts';
import { type OptimisationLevel, optionalPasses, passesFor, passNames, runPasses } from './pipeline.ts';

const runs = 250;

test('the text form gives random functions back', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const text = printFunction(randomFunction(seed, Type.i32), { origins: true });
      expect(printFunction(parseFunction(text), { origins: true })).toBe(text);
    }),
    { numRuns: runs },
  );
});

test.each([
  ['32-bit words', Type.i32, 0],
  ['32-bit words', Type.i32, 1],
  ['32-bit words', Type.i32, 2],
  ['64-bit words', Type.i64, 1],
  ['64-bit words', Type.i64, 2],
] as const)('every pass keeps what a function does: %s (word type %i), level %i', (_, word, level) => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (seed, worldSeed) => {
      const func = randomFunction(seed, word);
      verify(func, word);
      const before = [0, 1, 2].map((k) => observe(func, worldSeed + k, word, helperResult));
      const context = testContext(word, worldSeed & 1 ? 65536 : 16);
      runPasses(func, level, context, (pass) => {
        try {
          verify(func, word);
          const after = [0, 1, 2].map((k) => observe(func, worldSeed + k, word, helperResult));
          expect(after).toEqual(before);
        } catch (error) {
          throw new Error(`after ${pass}:\n${printFunction(func)}`, { cause: error });
        }
      });
    }),
    { numRuns: runs },
  );
});

test.each(optionalPasses)('without %s a function does the same, and the others run as ever', (name) => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (seed, worldSeed) => {
      const func = randomFunction(seed, Type.i32);
      const before = observe(func, worldSeed, Type.i32, helperResult);
      const ran: string[] = [];
      const context = { ...testContext(Type.i32), without: new Set([name]) };
      runPasses(func, 2, context, (pass) => ran.push(pass));
      verify(func, Type.i32);
      expect(observe(func, worldSeed, Type.i32, helperResult)).toEqual(before);
      const all = passesFor(func.symbol.kind, 2, context.target).map((pass) => pass.name);
      expect(ran).toEqual(all.filter((pass) => pass !== name));
      expect(ran.length).toBeLessThan(all.length);
    }),
    { numRuns: 40 },
  );
});

test('what is not optional is the lowering', () => {
  expect([...optionalPasses].sort()).toEqual(
    passNames.filter((name) => !['legalize', 'lower64'].includes(name)).sort(),
  );
});

test('adapters get the mandatory lowering alone', () => {
  const { target } = testContext(Type.i32);
  const names = (kind: 'wasm' | 'cross-adapter', level: OptimisationLevel) =>
    passesFor(kind, level, target).map((pass) => pass.name);
  expect(names('cross-adapter', 2)).toEqual(['legalize', 'lower64', 'legalize']);
  expect(names('wasm', 0)).toEqual(['legalize', 'lower64', 'legalize']);
  for (const name of names('wasm', 1)) expect(passNames).toContain(name);
});
