import { expect, test } from 'vitest';
import { MBlock, MFunction, MInst } from '../../compiler/backend/machine.ts';
import { Cond, I } from './instructions.ts';
import { peephole } from './peephole.ts';
import { printInstruction } from './print.ts';

type Fields = Partial<Pick<MInst, 'imm' | 'imm2' | 'cond' | 'block' | 'blocks'>>;
const make = (op: number, defs: number[], uses: number[], fields: Fields = {}): MInst =>
  Object.assign(new MInst(op, defs, uses, -1), fields);

/** Blocks in layout order, through the pass, as text. */
function after(...lists: MInst[][]): string[][] {
  const symbol = { id: 0, name: 'f', kind: 'wasm', wasmIndex: 0 } as const;
  const func = new MFunction(symbol, { symbol: 0, params: [], results: [] }, 'wasm');
  func.blocks = lists.map((insts, k) => Object.assign(blocks[k], { insts }));
  peephole(func);
  return func.blocks.map(({ insts }) => insts.map(text));
}

const blocks = Array.from({ length: 5 }, (_, k) => new MBlock(k));
const text = (inst: MInst): string =>
  inst.block === null ? printInstruction(inst) : `${printInstruction(inst).split(' ')[0]} ${inst.block.id}`;

const compareZero = (register: number): MInst => make(I.cmp_immediate, [], [register]);
const branch = (cond: number, to: number): MInst => make(I.branch, [], [], { cond, block: blocks[to] });
const subtract = (): MInst => make(I.sub_immediate, [1], [1], { imm: 1 });
const move = (def: number, use: number): MInst => make(I.mov_register, [def], [use]);
const ret = (): MInst => make(I.return, [], []);

test('a comparison with zero goes where the result can set the flags', () => {
  expect(after([subtract(), compareZero(1), branch(Cond.ne, 0)])).toEqual([['subs r1, r1, #1', 'bne 0']]);
  // Moves and stores between the two do not matter.
  expect(after([subtract(), move(2, 3), compareZero(1), branch(Cond.eq, 0)])).toEqual([
    ['subs r1, r1, #1', 'mov r2, r3', 'beq 0'],
  ]);
  // Overflow and carry are the subtraction's own: signs are read from the sign alone.
  expect(after([subtract(), compareZero(1), branch(Cond.lt, 0)])).toEqual([['subs r1, r1, #1', 'bmi 0']]);
  expect(after([subtract(), compareZero(1), branch(Cond.ge, 0)])).toEqual([['subs r1, r1, #1', 'bpl 0']]);
  // A copied value serves for either register.
  for (const register of [2, 3]) {
    expect(after([move(2, 3), compareZero(register), branch(Cond.eq, 0)])).toEqual([
      ['movs r2, r3', 'beq 0'],
    ]);
  }
});

test('and stays where it cannot', () => {
  const kept: MInst[][] = [
    [subtract(), compareZero(1), branch(Cond.gt, 0)],
    [subtract(), make(I.tst_immediate, [], [4], { imm: 1 }), compareZero(1), branch(Cond.eq, 0)],
    [subtract(), make(I.ldr, [1], []), compareZero(1), branch(Cond.eq, 0)],
    [make(I.mul, [1], [2, 3]), compareZero(1), branch(Cond.eq, 0)],
    [make(I.sub_immediate, [1], [1], { imm: 1, cond: Cond.eq }), compareZero(1), branch(Cond.eq, 0)],
    [subtract(), compareZero(2), branch(Cond.eq, 0)],
    // The second comparison happens only under the first: the branch may read either one's flags.
    [
      subtract(),
      compareZero(1),
      make(I.cmp_immediate, [], [2], { imm: 7, cond: Cond.eq }),
      branch(Cond.eq, 0),
    ],
  ];
  for (const insts of kept) {
    const before = insts.map(text);
    expect(after(insts)).toEqual([before]);
  }
});

const compareOther = (): MInst => make(I.cmp_register, [], [5, 6]);

test('an arm that is jumped over is executed under the inverse condition', () => {
  expect(after([compareOther(), branch(Cond.lt, 2)], [move(1, 2), subtract()], [ret()])).toEqual([
    ['cmp r5, r6', 'movge r1, r2', 'subge r1, r1, #1'],
    [],
    ['return #0'],
  ]);
});

test('two arms are executed under one condition each', () => {
  const jump = make(I.jump, [], [], { block: blocks[3] });
  expect(after([compareOther(), branch(Cond.eq, 2)], [move(1, 2), jump], [move(1, 3)], [ret()])).toEqual([
    ['cmp r5, r6', 'movne r1, r2', 'moveq r1, r3'],
    [],
    [],
    ['return #0'],
  ]);
});

test('arms that are long, entered from elsewhere, or change the flags keep their branch', () => {
  const arms: MInst[][] = [
    [move(1, 2), move(2, 3), move(3, 4), move(4, 5)],
    [compareZero(1)],
    [make(I.call_register, [], [1])],
    [make(I.vorr, [16], [16, 17])],
    [make(I.mov_immediate_if, [1], [1], { imm: 1, cond: Cond.eq })],
  ];
  for (const arm of arms) {
    expect(after([compareOther(), branch(Cond.lt, 2)], arm, [ret()])[0]).toEqual(['cmp r5, r6', 'blt 2']);
  }
  const entered = after([compareOther(), branch(Cond.lt, 2)], [move(1, 2)], [subtract(), branch(Cond.ne, 1)]);
  expect(entered[0]).toEqual(['cmp r5, r6', 'blt 2']);
});
