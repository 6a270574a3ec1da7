import { expect, it } from 'vitest';
import type { FunctionKind } from '../ir/function.ts';
import { MBlock, MFunction, MInst } from './machine.ts';
import { fillPositions } from './positions.ts';

/** Origins of a function's instructions, block by block, after the filling. */
function filled(kind: FunctionKind, blocks: readonly (readonly number[])[]): number[][] {
  const symbol = { id: 0, name: 'f', kind, wasmIndex: kind === 'wasm' ? 0 : -1 };
  const func = new MFunction(symbol, { symbol: 0, params: [], results: [] }, 'wasm');
  func.blocks = blocks.map((origins, id) => {
    const block = new MBlock(id);
    block.insts = origins.map((origin) => new MInst(0, [], [], origin));
    return block;
  });
  fillPositions(func);
  return func.blocks.map(({ insts }) => insts.map(({ origin }) => origin));
}

it('gives moves the position before them, at the start of a block the one behind, and none of another block', () => {
  expect(
    filled('wasm', [
      [-1, -1, 5, -1, 7, -1],
      [-1, 9, -1],
      [-1, -1],
      [-1, 4],
    ]),
  ).toEqual([
    [-1, -1, 5, 5, 7, 7],
    [9, 9, 9],
    [-1, -1],
    [4, 4],
  ]);
});

it('leaves code alone that has no operators of its own', () => {
  expect(filled('helper', [[-1, 3, -1]])).toEqual([[-1, 3, -1]]);
});
