import { describe, expect, it } from 'vitest';
import { FakeOp, fakeTarget } from './fixtures/fake-target.ts';
import { random } from './fixtures/random-function.ts';
import { MInst as Instruction, type MInst, RegClass } from './machine.ts';
import { type MoveContext, ParallelMove, type Place } from './parallel-move.ts';
import { printInst } from './print-machine.ts';

const target = fakeTarget({ ints: 6, intsSaved: 2, floats: 4, floatsSaved: 0, folds: false });

/** First spill slot that no move names. */
const firstTemporary = 100;

function sequence(
  moves: readonly (readonly [to: Place, from: Place])[],
  constants: readonly Place[] = [],
): MInst[] {
  const parallel = new ParallelMove();
  for (const [to, from] of moves) parallel.add(RegClass.int, from, to);
  for (const to of constants) {
    const inst = new Instruction(FakeOp.constant, [0], [], -1);
    inst.imm = 42;
    parallel.make(RegClass.int, inst, to);
  }
  const context: MoveContext = { target, spills: 0, reloads: 0, temporarySlot: (i) => firstTemporary + i };
  const out: MInst[] = [];
  parallel.emit(context, 5, out);
  expect(out.every((inst) => inst.origin === 5)).toBe(true);
  return out;
}

const text = (insts: readonly MInst[]): string[] => insts.map((inst) => printInst(inst, target));

describe('parallel moves', () => {
  it('leave out what is in place', () => {
    expect(sequence([[1, 1]])).toEqual([]);
  });

  it('read a register before they overwrite it', () => {
    expect(
      text(
        sequence([
          [1, 0],
          [2, 1],
          [3, 2],
        ]),
      ),
    ).toEqual(['r3 = move r2', 'r2 = move r1', 'r1 = move r0']);
  });

  it('swap two registers through the scratch register', () => {
    expect(
      text(
        sequence([
          [0, 1],
          [1, 0],
        ]),
      ),
    ).toEqual(['r6 = move r0', 'r0 = move r1', 'r1 = move r6']);
  });

  it('move from slot to slot through the scratch register', () => {
    expect(text(sequence([[~1, ~0]]))).toEqual(['r6 = reload [spill + 0]', 'spill r6 [spill + 1]']);
  });

  it('swap two slots through a third', () => {
    expect(
      text(
        sequence([
          [~0, ~1],
          [~1, ~0],
        ]),
      ),
    ).toEqual([
      'r6 = reload [spill + 0]',
      'spill r6 [spill + 100]',
      'r6 = reload [spill + 1]',
      'spill r6 [spill + 0]',
      'r6 = reload [spill + 100]',
      'spill r6 [spill + 1]',
    ]);
  });

  it('make values last, when nothing reads their registers any more', () => {
    expect(text(sequence([[1, 0]], [0]))).toEqual(['r1 = move r0', 'r0 = constant #42']);
  });

  it('do what they say, whatever the moves', () => {
    const rand = random(1);
    // Registers 0 to 5 and the scratch register 6 as a destination; slots 0 to 3.
    const destinations = [0, 1, 2, 3, 4, 5, 6, ~0, ~1, ~2, ~3];
    for (let round = 0; round < 5000; round++) {
      const moves: [number, number][] = [];
      for (const to of destinations) {
        if (rand(3) > 0) moves.push([to, [0, 1, 2, 3, 4, 5, ~0, ~1, ~2, ~3][rand(10)]]);
      }
      const values = new Map<Place, number>();
      for (const place of destinations) values.set(place, place);
      for (const inst of sequence(moves)) {
        const slot = ~(inst.mem?.disp ?? 0);
        const from = inst.op === FakeOp.reload ? slot : inst.uses[0];
        values.set(inst.op === FakeOp.spill ? slot : inst.defs[0], values.get(from) ?? Number.NaN);
      }
      for (const place of destinations) {
        const moved = moves.find(([to]) => to === place);
        if (moved === undefined && place === 6) continue;
        expect(values.get(place), `round ${round}, place ${place}`).toBe(
          moved === undefined ? place : moved[1],
        );
      }
    }
  });
});
