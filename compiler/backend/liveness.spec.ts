import { describe, expect, it } from 'vitest';
import { InternalError } from '../errors.ts';
import { FakeOp, fakeTarget } from './fixtures/fake-target.ts';
import { randomFunction } from './fixtures/random-function.ts';
import { computeLiveness } from './liveness.ts';
import { firstVirtual, MBlock, MFunction, MInst, RegClass } from './machine.ts';
import { Numbering } from './numbering.ts';

const target = fakeTarget({ ints: 8, intsSaved: 4, floats: 8, floatsSaved: 4, folds: false });

/** The textbook's data-flow equations, by iteration over sets. */
function iterate(func: MFunction): Map<MBlock, Set<number>> {
  const liveIn = new Map(func.blocks.map((block) => [block, new Set<number>()]));
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of func.blocks.toReversed()) {
      const live = new Set<number>();
      for (const succ of block.succs) {
        for (const v of liveIn.get(succ) ?? []) live.add(v);
        for (const phi of succ.phis) live.add(phi.args[succ.preds.indexOf(block)]);
      }
      for (const inst of block.insts.toReversed()) {
        for (const def of [...inst.defs, ...inst.temps]) live.delete(def);
        for (const use of [...inst.uses, inst.mem?.base ?? -1, inst.mem?.index ?? -1]) {
          if (use >= firstVirtual) live.add(use);
        }
      }
      for (const phi of block.phis) live.delete(phi.def);
      if (live.size !== liveIn.get(block)?.size) changed = true;
      liveIn.set(block, live);
    }
  }
  return liveIn;
}

describe('computeLiveness', () => {
  it('finds what the data-flow equations say', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const func = randomFunction({ seed, size: 60, pool: 8 }, target);
      const expected = iterate(func);
      const numbering = new Numbering(func.blocks, target.instructions);
      const { offset, liveIn } = computeLiveness(func, numbering);
      numbering.blocks.forEach((block, b) => {
        const found = [...liveIn.subarray(offset[b], offset[b + 1])].map((v) => v + firstVirtual);
        expect(found.toSorted((x, y) => x - y)).toEqual(
          [...(expected.get(block) ?? [])].toSorted((x, y) => x - y),
        );
      });
    }
  });

  function function_(...insts: ((a: number, b: number) => MInst)[]): MFunction {
    const symbol = { id: 0, name: 'broken', kind: 'wasm', wasmIndex: 0 } as const;
    const func = new MFunction(symbol, { symbol: 0, params: [], results: [] }, 'wasm');
    const [a, b] = [func.newVirtual(RegClass.int), func.newVirtual(RegClass.int)];
    const block = new MBlock(0);
    block.insts = insts.map((make) => make(a, b));
    func.blocks.push(block);
    return func;
  }
  const liveness = (func: MFunction): unknown =>
    computeLiveness(func, new Numbering(func.blocks, target.instructions));

  it('refuses a register that is read but never written', () => {
    const func = function_((a) => new MInst(FakeOp.return, [], [a], 0));
    expect(() => liveness(func)).toThrow(InternalError);
    expect(() => liveness(func)).toThrow('broken: v0 is used in block 0 but not defined on every path to it');
  });

  it('refuses a register that is written twice', () => {
    const func = function_(
      (_, b) => new MInst(FakeOp.constant, [b], [], 0),
      (_, b) => new MInst(FakeOp.constant, [b], [], 0),
    );
    expect(() => liveness(func)).toThrow('broken: v1 is defined twice');
  });
});
