import { describe, expect, test } from 'vitest';
import type { Inst } from '../../compiler/ir/function.ts';
import { Op, ops } from '../../compiler/ir/ops.ts';
import {
  Access,
  accessBytes,
  accessNames,
  Region,
  TrapKind,
  Type,
  typeNames,
} from '../../compiler/ir/types.ts';
import { Builder, Runner } from './fixtures/runner.ts';

/** Loads, stores and updates through every shape of address, executed. */

const { i32, i64, f32, f64 } = Type;
const pattern = 0x8f9e_adbc_cbda_e9f8n;
const mask = (bytes: number): bigint => (1n << BigInt(8 * bytes)) - 1n;

const accessesOf = (type: Type): readonly Access[] =>
  type === i32
    ? [Access.full, Access.s8, Access.u8, Access.s16, Access.u16]
    : type === i64
      ? Object.values(Access)
      : [Access.full];

const typesAndAccesses = [i32, i64, f32, f64].flatMap((type) =>
  accessesOf(type).map((access): [string, Type, Access] => [
    `${typeNames[type]} ${accessNames[access]}`,
    type,
    access,
  ]),
);

interface Shape {
  readonly offset: number;
  /** The index, computed from the parameter. */
  index?(b: Builder, param: Inst): Inst;
  /** What the index comes to. */
  readonly at: (x: number) => number;
}

const scaled = (count: number, addend: number): Shape => ({
  offset: 16,
  index: (b, param) => {
    const small = b.op(Op.and, i32, param, b.constant(i32, 0xffn));
    const shifted = b.op(Op.shl, i32, small, b.constant(i32, BigInt(count)));
    return addend === 0 ? shifted : b.op(Op.add, i32, shifted, b.constant(i32, BigInt(addend)));
  },
  at: (x) => ((x & 0xff) << count) + addend,
});

/** Addresses of indexed accesses: base + index + offset. */
const shapes: Readonly<Record<string, Shape>> = {
  plain: { offset: 0, at: (x) => x },
  offset: { offset: 40, at: (x) => x },
  'large offset': { offset: 0x1234, at: (x) => x },
  'wrapping index': {
    // (x + 2^32 - 8) mod 2^32 is x - 8: not an addition of 64 bits.
    offset: 32,
    index: (b, param) => b.op(Op.add, i32, param, b.constant(i32, 0xfffffff8n)),
    at: (x) => x - 8,
  },
  'wrapping scale': {
    offset: 8,
    index: (b, param) =>
      b.op(Op.shl, i32, b.op(Op.or, i32, param, b.constant(i32, 0x80000000n)), b.constant(i32, 1n)),
    at: (x) => 2 * x,
  },
  'constant index': { offset: 8, index: (b) => b.constant(i32, 24n), at: () => 24 },
  'shifted constant': {
    offset: 8,
    index: (b) => b.op(Op.shl, i32, b.constant(i32, 6n), b.constant(i32, 2n)),
    at: () => 24,
  },
  'times two': scaled(1, 0),
  'times four and more': scaled(2, 12),
  'times eight': scaled(3, 0),
  'times sixteen': scaled(4, 0),
};

const runner = new Runner();
const base = runner.memory.address;
const memory = Region.memory;

describe.each(typesAndAccesses)('%s', (_, type, access) => {
  const bytes = accessBytes(access, type);
  const extend =
    access === Access.s8 || access === Access.s16 || access === Access.s32 ? BigInt.asIntN : BigInt.asUintN;
  const typeBits = type === i32 || type === f32 ? 32 : 64;
  const extended = BigInt.asUintN(typeBits, extend(8 * bytes, pattern));

  test('indexed', () => {
    for (const [name, { offset, index, at }] of Object.entries(shapes)) {
      for (const fixedBase of [false, true]) {
        const value = fixedBase ? 0x18 : 0;
        const b = new Builder([i64, i32, type], [type]);
        const from = fixedBase ? b.op(Op.add, i64, b.params[0], b.constant(i64, BigInt(value))) : b.params[0];
        const operand = (): Inst => index?.(b, b.params[1]) ?? b.params[1];
        b.memory(Op.store_indexed, Type.none, [from, operand(), b.params[2]], {
          offset,
          access,
          region: memory,
        });
        const loaded = b.memory(Op.load_indexed, type, [from, operand()], { offset, access, region: memory });
        b.op(Op.return, Type.none, loaded);
        const address = runner.add(b.func);
        for (const x of [8, 17, 0x40]) {
          runner.memory.bytes.fill(0x11);
          const outcome = runner.call(address, b.func, [BigInt(base), BigInt(x), pattern]);
          expect([name, fixedBase, outcome]).toEqual([name, fixedBase, { results: [extended] }]);
          const place = value + at(x) + offset;
          const written = runner.memory.view.getBigUint64(place, true);
          expect([name, written & mask(bytes)]).toEqual([name, pattern & mask(bytes)]);
          // Nothing beside it.
          expect(runner.memory.bytes.filter((byte) => byte !== 0x11).length).toBe(bytes);
        }
      }
    }
  });

  test('by word addresses', () => {
    const b = new Builder([i64, i64, type], [type]);
    const scaledIndex = b.op(Op.shl, i64, b.params[1], b.constant(i64, 3n));
    const sum = b.op(Op.add, i64, b.op(Op.add, i64, b.params[0], scaledIndex), b.constant(i64, 16n));
    const region = Region.native;
    b.memory(Op.store, Type.none, [sum, b.params[2]], { offset: 4, access, region });
    const difference = b.op(Op.sub, i64, sum, b.constant(i64, 12n));
    b.op(Op.return, Type.none, b.memory(Op.load, type, [difference], { offset: 16, access, region }));
    const address = runner.add(b.func);
    runner.memory.bytes.fill(0);
    expect(runner.call(address, b.func, [BigInt(base), 5n, pattern])).toEqual({ results: [extended] });
    expect(runner.memory.view.getBigUint64(60, true)).toBe(pattern & mask(bytes));
  });

  test('an access outside traps as what it is', () => {
    for (const [offset, index] of [
      [0, 0x10000],
      [0xffff, 0x8000],
      [0x7fffffff, 1],
      [0x80000000, 0],
      [0xffffffff, 0x7ffff],
    ]) {
      for (const isStore of [false, true]) {
        for (const constantIndex of [false, true]) {
          const b = new Builder([i64, i32, type], [type]);
          const where = [b.params[0], constantIndex ? b.constant(i32, BigInt(index)) : b.params[1]];
          const made = isStore
            ? b.memory(Op.store_indexed, Type.none, [...where, b.params[2]], {
                offset,
                access,
                region: memory,
              })
            : b.memory(Op.load_indexed, type, where, { offset, access, region: memory });
          b.op(Op.return, Type.none, isStore ? b.params[2] : made);
          const outcome = runner.call(runner.add(b.func), b.func, [BigInt(base), BigInt(index), 0n]);
          expect(outcome).toEqual({ trap: TrapKind.memoryOutOfBounds });
        }
      }
    }
  });

  test('constants are stored', () => {
    const constants = [0n, 1n, 0x7fn, 0x80n, 0xffn, 0xffffn, 0x80000000n, 0xffffffffn, mask(8), pattern];
    for (const value of constants) {
      const b = new Builder([i64], []);
      b.memory(Op.store, Type.none, [b.params[0], b.constant(type, value)], {
        access,
        region: Region.native,
      });
      b.op(Op.return, Type.none);
      runner.memory.bytes.fill(0x11);
      runner.call(runner.add(b.func), b.func, [BigInt(base)]);
      const rest = 0x1111111111111111n & ~mask(bytes);
      expect(runner.memory.view.getBigUint64(0, true)).toBe((value & mask(bytes)) | rest);
    }
  });
});

describe('updates of memory', () => {
  const operations: Readonly<Record<number, (a: bigint, b: bigint) => bigint>> = {
    [Op.add]: (a, b) => a + b,
    [Op.sub]: (a, b) => a - b,
    [Op.and]: (a, b) => a & b,
    [Op.or]: (a, b) => a | b,
    [Op.xor]: (a, b) => a ^ b,
  };
  const values = [0n, 1n, 0x7fn, 0x80n, 0x1234n, 0x80000000n, mask(8), pattern];

  test.each(Object.keys(operations).map((op): [string, number] => [ops[Number(op)].name, Number(op)]))(
    '%s',
    (_, op) => {
      for (const type of [i32, i64]) {
        for (const access of [Access.full, Access.u8, Access.s16, ...(type === i64 ? [Access.u32] : [])]) {
          const bytes = accessBytes(access, type);
          for (const constant of [null, ...values]) {
            for (const swap of [false, true]) {
              const b = new Builder([i64, i32, type], []);
              const where = [b.params[0], b.params[1]];
              const fields = { offset: 8, access, region: memory };
              const loaded = b.memory(Op.load_indexed, type, where, fields);
              const other = constant === null ? b.params[2] : b.constant(type, constant);
              const value = b.op(op, type, ...(swap ? [other, loaded] : [loaded, other]));
              b.memory(Op.store_indexed, Type.none, [...where, value], fields);
              b.op(Op.return, Type.none);
              const address = runner.add(b.func);
              for (const y of constant === null ? values : [0n]) {
                runner.memory.view.setBigUint64(24, pattern, true);
                runner.call(address, b.func, [BigInt(base), 16n, y]);
                const operand = constant ?? y;
                const result = swap ? operations[op](operand, pattern) : operations[op](pattern, operand);
                const expected = (result & mask(bytes)) | (pattern & mask(8) & ~mask(bytes));
                expect(runner.memory.view.getBigUint64(24, true)).toBe(expected);
              }
            }
          }
        }
      }
    },
  );

  test('a faulting update is the load that it stands for', () => {
    const b = new Builder([i64, i32], []);
    const fields = { access: Access.full, region: memory };
    const loaded = b.memory(Op.load_indexed, i32, [...b.params], fields);
    const value = b.op(Op.add, i32, loaded, b.constant(i32, 1n));
    b.memory(Op.store_indexed, Type.none, [b.params[0], b.params[1], value], fields);
    b.op(Op.return, Type.none);
    const address = runner.add(b.func);
    expect(runner.call(address, b.func, [BigInt(base), 0x10000n])).toEqual({
      trap: TrapKind.memoryOutOfBounds,
    });
    expect(runner.originAt(runner.core.pc)).toBe(loaded.origin);
  });
});

test('a load is not moved across a store that may change it', () => {
  const b = new Builder([i64, i32], [i32]);
  const fields = { access: Access.full, region: memory };
  const index = b.constant(i32, 0n);
  const loaded = b.memory(Op.load_indexed, i32, [b.params[0], index], fields);
  b.memory(Op.store_indexed, Type.none, [b.params[0], index, b.params[1]], fields);
  b.op(Op.return, Type.none, b.op(Op.add, i32, b.params[1], loaded));
  runner.memory.view.setUint32(0, 7, true);
  expect(runner.call(runner.add(b.func), b.func, [BigInt(base), 100n])).toEqual({ results: [107n] });
});

test('check_bounds compares the index, and the end of what exceeds the guard', () => {
  const size = 0x10000n;
  for (const [extent, index, traps] of [
    [1, size - 1n, false],
    [1, size, true],
    [0x100000000, size - 1n, false],
    [0x100000001, 0n, true],
  ] as const) {
    const b = new Builder([i32, i64], []);
    b.memory(Op.check_bounds, Type.none, [...b.params], { offset: extent, region: Region.none });
    b.op(Op.return, Type.none);
    const outcome = runner.call(runner.add(b.func), b.func, [index, size]);
    expect(outcome).toEqual(traps ? { trap: TrapKind.memoryOutOfBounds } : { results: [] });
  }
});
