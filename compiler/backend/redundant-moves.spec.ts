import { describe, expect, it } from 'vitest';
import type { Target } from '../target.ts';
import { allocateRegisters } from './allocate.ts';
import { FakeOp, fakeTarget } from './fixtures/fake-target.ts';
import { interpret } from './fixtures/interpreter.ts';
import { randomFunction } from './fixtures/random-function.ts';
import { MBlock, MFunction, MInst, RegClass } from './machine.ts';
import { printInst, printMachine } from './print-machine.ts';
import { dropRedundantMoves } from './redundant-moves.ts';

const shape = { ints: 6, intsSaved: 3, floats: 8, floatsSaved: 4, folds: true };
const fake = fakeTarget(shape);
/** With rows of its own for f32, as where only half of the register is moved. */
const target: Target = {
  ...fake,
  move: (cls, def, use) => own(cls, FakeOp.combine, fake.move(cls, def, use)),
  spill: (cls, use, slot) => own(cls, FakeOp.combineSlot, fake.spill(cls, use, slot)),
  reload: (cls, def, slot) => own(cls, FakeOp.loadEnv, fake.reload(cls, def, slot)),
};
const own = (cls: RegClass, op: number, inst: MInst): MInst =>
  cls === RegClass.f32 ? Object.assign(inst, { op }) : inst;
const [scratch] = target.registers.scratch;
const { move, spill, reload } = target;
const { int, f32, f64 } = RegClass;
const d = (n: number): number => 32 + n;

function newFunction(): MFunction {
  const symbol = { id: 0, name: 'f', kind: 'wasm', wasmIndex: 0 } as const;
  return new MFunction(symbol, { symbol: 0, params: [], results: [] }, 'wasm');
}

/** What is left of a block of `insts`. */
function left(...insts: MInst[]): string[] {
  const func = newFunction();
  const block = new MBlock(0);
  block.insts = insts;
  func.blocks = [block];
  dropRedundantMoves(func, target);
  return block.insts.map((inst) => printInst(inst, target));
}

const define = (register: number): MInst => new MInst(FakeOp.constant, [register], [], 0);
const call = (clobbers: number[]): MInst => Object.assign(new MInst(FakeOp.call, [], [], 0), { clobbers });

describe('what is left out', () => {
  it('is a move back, and a move on to where the value is already', () => {
    expect(left(move(int, 3, 0), move(int, 0, 3))).toEqual(['r3 = move r0']);
    expect(left(move(int, 1, 0), move(int, 2, 0), move(int, 2, 1))).toHaveLength(2);
  });

  it('is a reload of what the register still holds, and a spill of what the slot does', () => {
    expect(left(spill(int, 0, 4), reload(int, 0, 4), spill(int, 0, 4))).toHaveLength(1);
    expect(left(reload(int, 0, 4), move(int, 1, 0), reload(int, 1, 4))).toHaveLength(2);
  });

  it.each([
    ['either register is written', [move(int, 3, 0), define(0), move(int, 0, 3)]],
    ['a call destroys one', [move(int, 3, 0), call([0]), move(int, 0, 3)]],
    ['the slot is written', [spill(int, 0, 4), spill(int, 1, 4), reload(int, 0, 4)]],
    ['the slot holds another class', [spill(f32, d(0), 4), reload(f64, d(0), 4)]],
    ['a row may use the scratch register unseen', [move(int, scratch, 0), define(1), move(int, scratch, 0)]],
    ['only the low half was moved', [move(f32, d(1), d(0)), move(f64, d(1), d(0))]],
  ])('is nothing where %s', (_, insts) => {
    expect(left(...insts)).toHaveLength(insts.length);
  });

  it('is known in the next block if that follows one block alone', () => {
    for (const [preds, kept] of [
      [1, 0],
      [2, 1],
    ]) {
      const func = newFunction();
      const [first, other, second] = [new MBlock(0), new MBlock(1), new MBlock(2)];
      first.insts = [move(int, 3, 0)];
      second.insts = [move(int, 0, 3)];
      second.preds = [first, other].slice(0, preds);
      func.blocks = [first, second];
      dropRedundantMoves(func, target);
      expect(second.insts).toHaveLength(kept);
    }
  });
});

it('random functions compute what they did', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const func = randomFunction({ seed, size: 50, pool: 12 }, fake);
    allocateRegisters(func, fake);
    const expected = interpret(func, fake, seed, 200);
    const text = printMachine(func, fake);
    dropRedundantMoves(func, fake);
    expect(interpret(func, fake, seed, 200), `seed ${seed}\n${text}`).toEqual(expected);
  }
});
