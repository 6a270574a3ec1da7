import { beforeAll, describe, expect, test } from 'vitest';
import wabt from 'wabt';
import { Op, ops } from '../../compiler/ir/ops.ts';
import { Region, TrapKind, Type, typeNames } from '../../compiler/ir/types.ts';
import { Builder, type Outcome, Runner } from './fixtures/runner.ts';

/** Every numeric operation on edge values, executed and compared with what V8 computes. */

const { i32, i64, f32, f64 } = Type;
const view = new DataView(new ArrayBuffer(8));

function floatBits(type: Type, value: number): bigint {
  if (type === f32) {
    view.setFloat32(0, value);
    return BigInt(view.getUint32(0));
  }
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

const floats = [
  ...[0, 0.5, 1, 1.5, 2.5, 3.7, 1e10, 1e20, 1e-40, 5e-324, 8388607.5, 4503599627370495.5],
  ...[2147483647, 2147483647.5, 2147483648, 2147483649, 4294967295, 4294967295.9, 4294967296],
  ...[2 ** 63 - 1024, 2 ** 63, 2 ** 64 - 2048, 2 ** 64, Infinity, 3.4e38, 1e308],
];
const edges: Readonly<Record<number, readonly bigint[]>> = {
  [i32]: [
    ...[0n, 1n, 2n, 3n, 5n, 31n, 32n, 33n, 127n, 128n, 255n, 256n, 0x7fffn, 0x8000n, 0xffffn, 0x10000n],
    ...[0x12345678n, 0x7fffffffn, 0x80000000n, 0x80000001n, 0xfffffffen, 0xffffffffn, 0xffffff80n],
  ],
  [i64]: [
    ...[
      0n,
      1n,
      2n,
      7n,
      31n,
      32n,
      63n,
      64n,
      0xffn,
      0xffffn,
      0x7fffffffn,
      0x80000000n,
      0xffffffffn,
      0x100000000n,
    ],
    ...[0x1fffffffffffffn, 0x20000000000001n, 0x123456789abcdef0n, 0x7ffffffffffffffen, 0x7fffffffffffffffn],
    ...[
      0x8000000000000000n,
      0x8000000000000001n,
      0xffffffff80000000n,
      0xffffffffffffffffn,
      0xfffffffffffffc01n,
    ],
  ],
  [f32]: [
    ...floats.flatMap((x) => [floatBits(f32, x), floatBits(f32, -x)]),
    0x7fc00000n,
    0xffc00001n,
    0x7fa00000n,
  ],
  [f64]: [
    ...floats.flatMap((x) => [floatBits(f64, x), floatBits(f64, -x)]),
    ...[-2147483648.9, -2147483649, -0.9999999].map((x) => floatBits(f64, x)),
    ...[0x7ff8000000000000n, 0xfff8000000000001n, 0x7ff4000000000000n],
  ],
};

interface Case {
  readonly op: number;
  /** The wasm operator. */
  readonly name: string;
  readonly params: readonly Type[];
  readonly result: Type;
}

const typed = (type: Type, name: string): string => `${typeNames[type]}.${name}`;
const make = (type: Type, result: Type, count: number, table: Record<string, number>): Case[] =>
  Object.entries(table).map(([name, op]) => ({
    op,
    name: typed(name.startsWith('.') ? result : type, name),
    params: Array.from({ length: count }, () => type),
    result,
  }));

const integerCases = [i32, i64].flatMap((type) => [
  ...make(type, type, 2, {
    ...{
      add: Op.add,
      sub: Op.sub,
      mul: Op.mul,
      div_s: Op.div_s,
      div_u: Op.div_u,
      rem_s: Op.rem_s,
      rem_u: Op.rem_u,
    },
    ...{ and: Op.and, or: Op.or, xor: Op.xor, shl: Op.shl, shr_s: Op.shr_s, shr_u: Op.shr_u },
    ...{ rotl: Op.rotl, rotr: Op.rotr },
  }),
  ...make(type, type, 1, {
    ...{ clz: Op.clz, ctz: Op.ctz, popcnt: Op.popcnt, extend8_s: Op.extend8_s, extend16_s: Op.extend16_s },
    ...(type === i64 ? { extend32_s: Op.extend32_s } : {}),
  }),
  ...make(type, i32, 2, {
    ...{ eq: Op.eq, ne: Op.ne, lt_s: Op.lt_s, lt_u: Op.lt_u, gt_s: Op.gt_s, gt_u: Op.gt_u },
    ...{ le_s: Op.le_s, le_u: Op.le_u, ge_s: Op.ge_s, ge_u: Op.ge_u },
  }),
]);
const floatCases = [f32, f64].flatMap((type) => [
  ...make(type, type, 2, {
    ...{
      add: Op.fadd,
      sub: Op.fsub,
      mul: Op.fmul,
      div: Op.fdiv,
      min: Op.fmin,
      max: Op.fmax,
      copysign: Op.fcopysign,
    },
  }),
  ...make(type, type, 1, {
    ...{ abs: Op.fabs, neg: Op.fneg, sqrt: Op.fsqrt, ceil: Op.fceil, floor: Op.ffloor, trunc: Op.ftrunc },
    ...{ nearest: Op.fnearest },
  }),
  ...make(type, i32, 2, { eq: Op.feq, ne: Op.fne, lt: Op.flt, gt: Op.fgt, le: Op.fle, ge: Op.fge }),
]);
const unary = (op: number, name: string, from: Type, result: Type): Case => ({
  op,
  name,
  params: [from],
  result,
});
const conversionCases = [
  unary(Op.wrap, 'i32.wrap_i64', i64, i32),
  unary(Op.extend_s, 'i64.extend_i32_s', i32, i64),
  unary(Op.extend_u, 'i64.extend_i32_u', i32, i64),
  unary(Op.promote, 'f64.promote_f32', f32, f64),
  unary(Op.demote, 'f32.demote_f64', f64, f32),
  unary(Op.reinterpret, 'i32.reinterpret_f32', f32, i32),
  unary(Op.reinterpret, 'i64.reinterpret_f64', f64, i64),
  unary(Op.reinterpret, 'f32.reinterpret_i32', i32, f32),
  unary(Op.reinterpret, 'f64.reinterpret_i64', i64, f64),
  ...[i32, i64].flatMap((integer) =>
    [f32, f64].flatMap((float) => [
      unary(Op.convert_s, typed(float, `convert_${typeNames[integer]}_s`), integer, float),
      unary(Op.convert_u, typed(float, `convert_${typeNames[integer]}_u`), integer, float),
      unary(Op.trunc_s, typed(integer, `trunc_${typeNames[float]}_s`), float, integer),
      unary(Op.trunc_u, typed(integer, `trunc_${typeNames[float]}_u`), float, integer),
      unary(Op.trunc_sat_s, typed(integer, `trunc_sat_${typeNames[float]}_s`), float, integer),
      unary(Op.trunc_sat_u, typed(integer, `trunc_sat_${typeNames[float]}_u`), float, integer),
    ]),
  ),
];
const allCases = [...integerCases, ...floatCases, ...conversionCases];

const wasmName = ({ name }: Case): string => name;
/** Values cross into V8 as integers of their bits, since JavaScript does not keep NaN's. */
const carrier = (type: Type): string => (type === f32 || type === i32 ? 'i32' : 'i64');
const asBits = (type: Type, text: string): string =>
  type === f32 ? `(i32.reinterpret_f32 ${text})` : type === f64 ? `(i64.reinterpret_f64 ${text})` : text;
const fromBits = (type: Type, text: string): string =>
  type === f32 ? `(f32.reinterpret_i32 ${text})` : type === f64 ? `(f64.reinterpret_i64 ${text})` : text;

type Reference = (...args: (number | bigint)[]) => number | bigint;
let references: Record<string, Reference>;

beforeAll(async () => {
  const functions = allCases.map((each) => {
    const params = each.params.map((type) => `(param ${carrier(type)})`).join(' ');
    const operands = each.params.map((type, k) => fromBits(type, `(local.get ${k})`)).join(' ');
    const body = asBits(each.result, `(${each.name} ${operands})`);
    return `(func (export "${wasmName(each)}") ${params} (result ${carrier(each.result)}) ${body})`;
  });
  const parsed = (await wabt()).parseWat('ops.wat', `(module ${functions.join('\n')})`);
  const { WebAssembly: host } = globalThis as unknown as {
    WebAssembly: { Module: new (b: Uint8Array) => object; Instance: new (m: object) => { exports: object } };
  };
  references = new host.Instance(new host.Module(parsed.toBinary({}).buffer)).exports as typeof references;
});

/** What V8 says, as bits; null if it traps. */
function reference(each: Case, args: readonly bigint[]): bigint | null {
  const carried = each.params.map((type, k) =>
    carrier(type) === 'i32' ? Number(BigInt.asIntN(32, args[k])) : BigInt.asIntN(64, args[k]),
  );
  try {
    const result = BigInt(references[each.name](...carried));
    return BigInt.asUintN(carrier(each.result) === 'i32' ? 32 : 64, result);
  } catch {
    return null;
  }
}

const isNaNBits = (type: Type, bits: bigint): boolean =>
  type === f32
    ? (bits & 0x7fffffffn) > 0x7f800000n
    : type === f64 && (bits & 0x7fffffffffffffffn) > 0x7ff0000000000000n;

/** An arithmetic NaN has its quiet bit set (the specification's 4.3.3); which one it is, is free. */
const isQuiet = (type: Type, bits: bigint): boolean =>
  (bits & (type === f32 ? 0x400000n : 0x8000000000000n)) !== 0n;

const keepsBits = new Set([Op.fabs, Op.fneg, Op.fcopysign, Op.reinterpret]);

/** True if the operation does not occur on these operands: the checks in front of it trap. */
const isExcluded = ({ op, result }: Case, [a, b]: readonly bigint[]): boolean =>
  (op === Op.div_s || op === Op.div_u || op === Op.rem_s || op === Op.rem_u) &&
  (b === 0n ||
    (op === Op.div_s &&
      a === 1n << (result === i32 ? 31n : 63n) &&
      b === (result === i32 ? 0xffffffffn : 0xffffffffffffffffn)));

const hex = (bits: bigint): string => `0x${bits.toString(16)}`;

function difference(each: Case, args: readonly bigint[], outcome: Outcome): string | null {
  const expected = reference(each, args);
  const call = `${each.name}(${args.map(hex).join(', ')})`;
  if ('trap' in outcome) {
    return expected === null && outcome.trap === TrapKind.invalidConversion
      ? null
      : `${call} trapped: ${outcome.trap}`;
  }
  const [found] = outcome.results;
  if (expected === null) return `${call} is ${hex(found)}, must trap`;
  if (isNaNBits(each.result, expected) && !keepsBits.has(each.op)) {
    return isNaNBits(each.result, found) && isQuiet(each.result, found)
      ? null
      : `${call} is ${hex(found)}, not NaN`;
  }
  return found === expected ? null : `${call} is ${hex(found)}, not ${hex(expected)}`;
}

/** Which operands are parameters, which constants, and which are loaded. */
type Source = 'param' | 'constant' | 'memory';

/** The operation on operands from the given places; parameters are those that are not constant, then the address to load from. */
function build(each: Case, sources: readonly Source[], values: readonly bigint[]): Builder {
  const params = each.params.filter((_, k) => sources[k] === 'param');
  const builder = new Builder([...params, i64], [each.result]);
  let next = 0;
  const operands = each.params.map((type, k) => {
    if (sources[k] === 'param') return builder.params[next++];
    if (sources[k] === 'constant') return builder.constant(type, values[k]);
    return builder.memory(Op.load, type, [builder.params[params.length]], {
      offset: 16 * k,
      region: Region.native,
    });
  });
  builder.op(Op.return, Type.none, builder.op(each.op, each.result, ...operands));
  return builder;
}

const binarySources: readonly (readonly Source[])[] = [
  ['param', 'param'],
  ['constant', 'param'],
  ['param', 'constant'],
  ['memory', 'param'],
  ['param', 'memory'],
  ['memory', 'memory'],
];
const unarySources: readonly (readonly Source[])[] = [['param'], ['constant'], ['memory']];

describe('every numeric operation computes what V8 does', () => {
  const runner = new Runner();
  const data = runner.memory.address;

  test.each(allCases.map((each): [string, Case] => [each.name, each]))('%s', (_, each) => {
    const differences: string[] = [];
    const perform = (
      address: number,
      builder: Builder,
      sources: readonly Source[],
      values: readonly bigint[],
    ): void => {
      if (isExcluded(each, values)) return;
      const args = values.filter((_value, k) => sources[k] === 'param');
      for (const [k, value] of values.entries()) {
        if (sources[k] === 'memory')
          runner.memory.view.setBigUint64(
            16 * k,
            value | (0xa5a5a5a500000000n * (each.params[k] === i32 || each.params[k] === f32 ? 1n : 0n)),
            true,
          );
      }
      const outcome = runner.call(address, builder.func, [...args, BigInt(data)]);
      const found = difference(each, values, outcome);
      if (found !== null) differences.push(`${sources.join()}: ${found}`);
    };
    const first = edges[each.params[0]];
    const second = each.params.length === 2 ? edges[each.params[1]] : [0n];
    for (const sources of each.params.length === 2 ? binarySources : unarySources) {
      const compiled = sources.includes('constant') ? null : build(each, sources, []);
      const address = compiled === null ? 0 : runner.add(compiled.func);
      for (const a of first) {
        // A constant first operand makes one function, a constant second one makes one for each.
        const ofFirst = sources[0] === 'constant' ? build(each, sources, [a]) : compiled;
        const addressOfFirst = ofFirst === compiled || ofFirst === null ? address : runner.add(ofFirst.func);
        if (sources[1] === 'constant') continue;
        for (const b of second) {
          const values = each.params.length === 2 ? [a, b] : [a];
          if (ofFirst !== null) perform(addressOfFirst, ofFirst, sources, values);
        }
      }
      if (sources[1] !== 'constant') continue;
      for (const b of second) {
        const builder = build(each, sources, [0n, b]);
        const ofSecond = runner.add(builder.func);
        for (const a of first) perform(ofSecond, builder, sources, [a, b]);
      }
    }
    expect(differences.slice(0, 10)).toEqual([]);
  });

  test('no numeric operation is left out', () => {
    const tested = new Set(allCases.map(({ op }) => op));
    const numeric = ops.flatMap(({ name }, op) =>
      op >= Op.add && op <= Op.reinterpret && !tested.has(op) ? [name] : [],
    );
    expect(numeric).toEqual([]);
  });
});
