import { describe, expect, test } from 'vitest';
import { parseFunction } from '../../compiler/ir/parse.ts';
import { TrapKind, Type } from '../../compiler/ir/types.ts';
import { createDisassembler } from '../../emu/capstone.ts';
import { compileFunction, Runner } from './fixtures/runner.ts';

/** Loads, stores and bounds checks through every shape of address, executed. */

const { i32, f32, f64 } = Type;
const runner = new Runner();
const base = runner.memory.address;
const size = runner.memory.size;
const disassembler = await createDisassembler('armv7');

const mnemonics = (text: string): string[] =>
  disassembler.disassemble(compileFunction(parseFunction(text)).bytes, 0).map(({ mnemonic }) => mnemonic);

interface Access {
  readonly type: 'i32' | 'f32' | 'f64';
  readonly access: 'full' | 's8' | 'u8' | 's16' | 'u16';
  readonly bytes: number;
}

const accesses: readonly Access[] = [
  { type: 'i32', access: 'full', bytes: 4 },
  { type: 'i32', access: 's8', bytes: 1 },
  { type: 'i32', access: 'u8', bytes: 1 },
  { type: 'i32', access: 's16', bytes: 2 },
  { type: 'i32', access: 'u16', bytes: 2 },
  { type: 'f32', access: 'full', bytes: 4 },
  { type: 'f64', access: 'full', bytes: 8 },
];
const typeOf = { i32, f32, f64 } as const;

/** Lines that compute the address operands from v0 (base) and v1 (index), and what they come to for an index x. */
interface Shape {
  readonly lines: string;
  readonly indexed: boolean;
  readonly operands: string;
  readonly offset: number;
  at(x: number): number;
}

const shapes: Readonly<Record<string, Shape>> = {
  'base and index': { lines: '', indexed: true, operands: 'v0, v1', offset: 0, at: (x) => x },
  'small offset': { lines: '', indexed: true, operands: 'v0, v1', offset: 8, at: (x) => x },
  'offset behind halfwords': { lines: '', indexed: true, operands: 'v0, v1', offset: 256, at: (x) => x },
  'offset at the limit': { lines: '', indexed: true, operands: 'v0, v1', offset: 4092, at: (x) => x },
  'offset at the limit of words': {
    lines: '',
    indexed: true,
    operands: 'v0, v1',
    offset: 4095,
    at: (x) => x,
  },
  'offset behind words': { lines: '', indexed: true, operands: 'v0, v1', offset: 4097, at: (x) => x },
  'offset of no immediate': { lines: '', indexed: true, operands: 'v0, v1', offset: 0xabcd, at: (x) => x },
  'scaled index': {
    lines: '  v10 = const.i32 2\n  v11 = shl.i32 v1, v10',
    indexed: true,
    operands: 'v0, v11',
    offset: 0,
    at: (x) => 4 * x,
  },
  'scaled index and offset': {
    lines: '  v10 = const.i32 3\n  v11 = shl.i32 v1, v10',
    indexed: true,
    operands: 'v0, v11',
    offset: 20,
    at: (x) => 8 * x,
  },
  'wrapping scale': {
    lines:
      '  v9 = const.i32 -2147483648\n  v10 = const.i32 1\n  v12 = or.i32 v1, v9\n  v11 = shl.i32 v12, v10',
    indexed: true,
    operands: 'v0, v11',
    offset: 4,
    at: (x) => 2 * x,
  },
  'wrapping index': {
    lines: '  v10 = const.i32 -8\n  v11 = add.i32 v1, v10',
    indexed: true,
    operands: 'v0, v11',
    offset: 32,
    at: (x) => x - 8,
  },
  'constant index': {
    lines: '  v11 = const.i32 24',
    indexed: true,
    operands: 'v0, v11',
    offset: 3,
    at: () => 24,
  },
  'large constant index': {
    lines: '  v11 = const.i32 50001',
    indexed: true,
    operands: 'v0, v11',
    offset: 0,
    at: () => 50001,
  },
  'word address': {
    lines: '  v11 = add.i32 v0, v1',
    indexed: false,
    operands: 'v11',
    offset: 12,
    at: (x) => x,
  },
  'word address without offset': {
    lines: '  v11 = add.i32 v0, v1',
    indexed: false,
    operands: 'v11',
    offset: 0,
    at: (x) => x,
  },
  'word address with a constant': {
    lines: '  v10 = const.i32 40\n  v11 = add.i32 v0, v10',
    indexed: false,
    operands: 'v11',
    offset: 12,
    at: () => 40,
  },
};

const pattern = 0x8f9e_adbc_cbda_e9f8n;
const mask = (bytes: number): bigint => (1n << BigInt(8 * bytes)) - 1n;

describe.each(accesses.map((each): [string, Access] => [`${each.type} ${each.access}`, each]))(
  '%s',
  (_, { type, access, bytes }) => {
    test.each(Object.keys(shapes))('%s', (name) => {
      const { lines, indexed, operands, offset, at } = shapes[name];
      const suffix = indexed ? '_indexed' : '';
      const fields = `offset ${offset}${access === 'full' ? '' : `, access ${access}`}, region memory0`;
      const func = parseFunction(`function @0 "access" wasm (i32, i32, ${type}) -> (${type}) {
block0():
  v0 = param.i32 0
  v1 = param.i32 1
  v2 = param.${type} 2
${lines}
  store${suffix} ${operands}, v2, ${fields}
  v3 = load${suffix}.${type} ${operands}, ${fields}
  return v3
}
`);
      runner.reset();
      const address = runner.add(func);
      const signature = { params: [i32, i32, typeOf[type]], results: [typeOf[type]] };
      const extend = access === 's8' || access === 's16' ? BigInt.asIntN : BigInt.asUintN;
      const expected = BigInt.asUintN(type === 'f64' ? 64 : 32, extend(8 * bytes, pattern));
      for (const x of [8, 9, 14, 0x40]) {
        runner.memory.bytes.fill(0x11);
        const outcome = runner.call(address, signature, [
          BigInt(base),
          BigInt(x),
          pattern & mask(type === 'f64' ? 8 : 4),
        ]);
        expect(outcome).toEqual({ results: [expected] });
        const written = runner.memory.view.getBigUint64(at(x) + offset, true) & mask(bytes);
        expect(written).toBe(pattern & mask(bytes));
        expect(runner.memory.bytes.filter((byte) => byte !== 0x11).length).toBe(bytes);
      }
    });
  },
);

describe('bounds', () => {
  const check = (
    end: number,
    lines = '',
    index = 'v0',
  ): string => `function @0 "check" wasm (i32, i32) -> (i32) {
block0():
  v0 = param.i32 0
  v1 = param.i32 1
${lines}
  check_bounds ${index}, v1, offset ${end}
  v9 = const.i32 7
  return v9
}
`;
  const passes = (text: string, index: number, limit: number): boolean => {
    runner.reset();
    const outcome = runner.call(runner.add(parseFunction(text)), { params: [i32, i32], results: [i32] }, [
      BigInt(index),
      BigInt(limit),
    ]);
    if ('trap' in outcome) expect(outcome.trap).toBe(TrapKind.memoryOutOfBounds);
    else expect(outcome.results).toEqual([7n]);
    return 'results' in outcome;
  };
  const sizes = [0, 1, 0x10000, 0x20000, 0xffff0000];
  const indices = [0, 1, 0xffff, 0x10000, 0x1ffff, 0x20000, 0x7fffffff, 0x80000000, 0xfffeffff, 0xffffffff];

  test.each([1, 8, 65536])('an access that ends at %i at most is checked by its index', (end) => {
    for (const limit of sizes) {
      for (const index of indices)
        expect([index, limit, passes(check(end), index, limit)]).toEqual([index, limit, index < limit]);
    }
  });

  test.each([65537, 0x10004, 0x20000, 0x12345678, 0x80000001, 0xfffefff0, 0xffffffff])(
    'beyond the guard region by index and end %i, without wrapping',
    (end) => {
      for (const limit of sizes) {
        for (const index of indices) {
          expect([index, limit, passes(check(end), index, limit)]).toEqual([
            index,
            limit,
            index + end <= limit,
          ]);
        }
      }
    },
  );

  test('no memory is as large as 4 GiB', () => {
    expect(passes(check(2 ** 32), 0, 0xffffffff)).toBe(false);
    expect(passes(check(2 ** 32 + 8), 0xffffffff, 0xffffffff)).toBe(false);
  });

  test('a scaled index is checked as what it comes to in 32 bits', () => {
    const text = check(4, '  v2 = const.i32 2\n  v3 = shl.i32 v0, v2', 'v3');
    for (const index of [0, 1, 0x3fff, 0x4000, 0x40000000, 0x40003fff, 0xffffffff]) {
      expect([index, passes(text, index, 0x10000)]).toEqual([index, (index << 2) >>> 0 < 0x10000]);
    }
    expect(mnemonics(text).slice(0, 2)).toEqual(['cmp', 'bls']);
  });

  test('constant indices and sizes are immediates', () => {
    const text = check(4, '  v2 = const.i32 1024', 'v2');
    for (const limit of [0, 1024, 1025]) expect(passes(text, 0, limit)).toBe(limit > 1024);
  });

  test('what the check lets through beyond the end faults in the guard region, as the same trap', () => {
    const access = (text: string, args: bigint[], params: Type[]) => {
      runner.reset();
      return runner.call(runner.add(parseFunction(text)), { params, results: [] }, args);
    };
    const store = (type: string) => `function @0 "store" wasm (i32, i32, ${type}) -> () {
block0():
  v0 = param.i32 0
  v1 = param.i32 1
  v2 = param.${type} 2
  store_indexed v0, v1, v2, offset 8, region memory0
  return
}
`;
    for (const [type, bytes] of [
      ['i32', 4],
      ['f32', 4],
      ['f64', 8],
    ] as const) {
      for (let short = 1; short <= bytes; short++) {
        runner.memory.bytes.fill(0x11);
        const index = size - 8 - bytes + short;
        const params = [i32, i32, typeOf[type]];
        const outcome = access(store(type), [BigInt(base), BigInt(index), pattern & mask(bytes)], params);
        expect(outcome).toEqual({ trap: TrapKind.memoryOutOfBounds });
        // Nothing of it was written.
        expect(runner.memory.bytes.every((byte) => byte === 0x11)).toBe(true);
      }
      const last = access(
        store(type),
        [BigInt(base), BigInt(size - 8 - bytes), 0n],
        [i32, i32, typeOf[type]],
      );
      expect(last).toEqual({ results: [] });
    }
  });
});

describe('alignment', () => {
  const loads = (region: string): string[] =>
    mnemonics(`function @0 "load" wasm (i32) -> (f64, f32) {
block0():
  v0 = param.i32 0
  v1 = load.f64 v0, region ${region}
  v2 = load.f32 v0, offset 8, region ${region}
  return v1, v2
}
`);

  test('floats of linear memory travel through core registers, others directly', () => {
    expect(loads('memory0').some((name) => name.startsWith('vldr'))).toBe(false);
    expect(loads('native').some((name) => name.startsWith('vldr'))).toBe(false);
    expect(loads('global3').filter((name) => name.startsWith('vldr')).length).toBe(2);
  });
});

test('frames of many slots are reached from the stack pointer', () => {
  const count = 700;
  const lines = Array.from(
    { length: count },
    (_, k) => `  v${10 + k} = load.i32 v0, offset ${4 * k}, region memory0`,
  );
  const sums = Array.from(
    { length: count - 1 },
    (_, k) => `  v${2000 + k} = add.i32 v${k === 0 ? 10 : 1999 + k}, v${11 + k}`,
  );
  const floats = Array.from(
    { length: 200 },
    (_, k) => `  v${5000 + k} = load.f64 v0, offset ${4096 + 8 * k}, region memory0`,
  );
  const products = Array.from(
    { length: 199 },
    (_, k) => `  v${6000 + k} = fadd.f64 v${k === 0 ? 5000 : 5999 + k}, v${5001 + k}`,
  );
  runner.reset();
  runner.add(parseFunction('function @1 "nothing" wasm () -> () {\nblock0():\n  return\n}\n'));
  const address = runner.add(
    parseFunction(`function @2 "many" wasm (i32) -> (i32, f64) {
block0():
  v0 = param.i32 0
${lines.join('\n')}
${floats.join('\n')}
  call @1 () -> ()
${sums.join('\n')}
${products.join('\n')}
  return v${2000 + count - 2}, v6198
}
`),
  );
  runner.bind();
  const { view } = runner.memory;
  for (let k = 0; k < count; k++) view.setUint32(4 * k, k * k, true);
  for (let k = 0; k < 200; k++) view.setFloat64(4096 + 8 * k, k / 2, true);
  const outcome = runner.call(address, { params: [i32], results: [i32, f64] }, [BigInt(base)]);
  const sum = Array.from({ length: count }, (_, k) => k * k).reduce((a, b) => a + b);
  view.setFloat64(0, 9950);
  expect(outcome).toEqual({ results: [BigInt(sum), view.getBigUint64(0)] });
});
