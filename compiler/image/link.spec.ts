import { describe, expect, it } from 'vitest';
import type { CompiledFunction } from '../backend/emit.ts';
import type { Program } from '../program.ts';
import { none } from '../stack/none.ts';
import type { Image } from './image.ts';
import { link } from './link.ts';
import { frameAt, functionAt, positionAt, trapAt } from './lookup.ts';

/** Function `id` of `size` bytes. */
function compiled(id: number, size: number, more: Partial<CompiledFunction> = {}): CompiledFunction {
  return {
    symbol: { id, name: `f${id}`, kind: 'wasm', wasmIndex: id },
    bytes: new Uint8Array(size).fill(id + 1),
    relocations: [],
    constants: [],
    traps: [],
    positions: [0, -1],
    inlined: [],
    frameRows: [{ offset: 0, cfa: 8, returnAddress: 0, published: false }],
    publications: [],
    frameBytes: 8,
    recordOffset: -1,
    slotBase: 0,
    notes: [],
    instructionBytes: size,
    ...more,
  };
}

/** Kind 0 is written by the linker, kind 1 by the loader. */
const program = {
  target: {
    name: 'armv7',
    wordBytes: 4,
    loadRelocations: [undefined, 'arm-movw'],
    patch(bytes: Uint8Array, at: number, _kind: number, to: number) {
      bytes[at] = to - at;
    },
  },
  publication: { scheme: none(4), order: 'relaxed', leaves: false },
  env: { header: {} },
  module: { bytes: new Uint8Array(1000) },
  symbols: {
    wasm: Int32Array.of(-1, 0, 1),
    init: 1,
    initEntry: 0,
    service: -1,
    entry: new Int32Array(0),
    cross: new Int32Array(0),
    host: new Int32Array(0),
  },
} as unknown as Program;

describe('link', () => {
  const image = link(program, [
    compiled(0, 17, {
      relocations: [
        { offset: 3, kind: 0, to: 'function', index: 1 },
        { offset: 8, kind: 1, to: 'constant', index: 1 },
      ],
      constants: [{ words: [1] }, { words: [1, 2] }],
      traps: [5, 3],
      positions: [0, -1, 4, 100],
      publications: [6],
    }),
    compiled(1, 5, {
      relocations: [{ offset: 1, kind: 0, to: 'constant', index: 0 }],
      constants: [{ words: [1, 2] }],
      frameRows: [
        { offset: 0, cfa: 8, returnAddress: 0, published: false },
        { offset: 2, cfa: 24, returnAddress: 16, published: true },
        { offset: 5, cfa: 8, returnAddress: 0, published: false },
      ],
    }),
  ]);

  it('aligns functions and puts each literal once behind them, the largest first', () => {
    expect(image.functions.map(({ offset, size }) => [offset, size])).toEqual([
      [0, 17],
      [32, 5],
    ]);
    expect(image.constantsOffset).toBe(48);
    expect(Array.from(new Int32Array(image.code.slice(48).buffer))).toEqual([1, 2, 1]);
  });

  it('writes distances and leaves addresses to the loader', () => {
    expect(image.code[3]).toBe(29);
    expect(image.code[33]).toBe(15);
    expect(image.relocations).toEqual([{ offset: 8, kind: 'arm-movw', addend: 48 }]);
  });

  it('joins the tables, without rows behind a function', () => {
    expect(Array.from(image.map.positionAt)).toEqual([0, 4, 32]);
    expect(Array.from(image.map.frameAt)).toEqual([0, 32, 34]);
    expect(Array.from(image.map.publicationAt)).toEqual([6]);
  });

  it('is looked up by code offset', () => {
    expect(functionAt(image, 16)?.name).toBe('f0');
    expect(functionAt(image, 17)).toBeUndefined();
    expect(functionAt(image, 36)?.name).toBe('f1');
    expect(functionAt(image, 37)).toBeUndefined();
    expect([positionAt(image, 3), positionAt(image, 16), positionAt(image, 32)]).toEqual([-1, 100, -1]);
    expect(frameAt(image, 33)?.cfa).toBe(8);
    expect(frameAt(image, 36)).toEqual({ cfa: 24, returnAddress: 16, published: true });
    expect(frameAt(image, 40)).toBeUndefined();
    expect([trapAt(image, 4), trapAt(image, 5), trapAt(image, 6)]).toEqual([undefined, 3, undefined]);
  });

  it('finds nothing in an image without functions', () => {
    const empty: Image = link(program, []);
    expect(functionAt(empty, 0)).toBeUndefined();
    expect(positionAt(empty, 0)).toBe(-1);
    expect(trapAt(empty, 0)).toBeUndefined();
  });
});
