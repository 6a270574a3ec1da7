import { describe, expect, it } from 'vitest';
import { allocateRegisters } from './allocate.ts';
import { checkAllocation, snapshot } from './check-allocation.ts';
import { type FakeShape, fakeTarget } from './fixtures/fake-target.ts';
import { interpret } from './fixtures/interpreter.ts';
import { randomFunction } from './fixtures/random-function.ts';
import { printMachine } from './print-machine.ts';

const shapes: Record<string, FakeShape> = {
  'few registers': { ints: 4, intsSaved: 2, floats: 8, floatsSaved: 0, folds: false },
  'few registers, memory operands': { ints: 4, intsSaved: 1, floats: 8, floatsSaved: 4, folds: true },
  'many registers': { ints: 12, intsSaved: 6, floats: 16, floatsSaved: 8, folds: true },
};

describe.each(Object.entries(shapes))('random functions on a machine with %s', (_, shape) => {
  const target = fakeTarget(shape);
  const count = Number(process.env.FATHOM_ALLOCATIONS ?? 250);

  it.each([
    { size: 10, pool: 4 },
    { size: 40, pool: 3 },
    { size: 60, pool: 10 },
    { size: 120, pool: 24 },
  ])('compute the same before and after allocation: size $size, pool $pool', ({ size, pool }) => {
    for (let seed = 1; seed <= count; seed++) {
      const func = randomFunction({ seed, size, pool }, target);
      const text = printMachine(func, target);
      const expected = interpret(func, target, seed, 200);
      const before = snapshot(func);
      try {
        allocateRegisters(func, target);
        checkAllocation(before, func, target);
        expect(interpret(func, target, seed, 200)).toEqual(expected);
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}\n${text}\n${printMachine(func, target)}`, {
          cause: error,
        });
      }
    }
  });
});
