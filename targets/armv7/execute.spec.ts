import { describe, expect, test } from 'vitest';
import wabt from 'wabt';
import { TrapKind, Type, typeNames } from '../../compiler/ir/types.ts';
import { operators } from '../../compiler/wasm/opcodes.ts';
import { Runner } from './fixtures/runner.ts';

/** Every numeric operator on edge values, compiled as it is at levels 0 and 2, executed, and compared with what V8 computes. */

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
  ...[0, 0.5, 1, 1.5, 2.5, 0.1, 1e10, 1e20, 1e-40, 5e-324, 1e-310, 8388607.5, 4503599627370495.5],
  ...[2147483647, 2147483647.5, 2147483648, 2147483649, 4294967295, 4294967295.9, 4294967296],
  ...[2 ** 63 - 1024, 2 ** 63, 2 ** 64 - 2048, 2 ** 64, Number.POSITIVE_INFINITY, 3.4e38, 1e308],
];
const edges: Readonly<Record<number, readonly bigint[]>> = {
  [i32]: [
    ...[0n, 1n, 2n, 3n, 31n, 32n, 33n, 63n, 255n, 256n, 0x7fffn, 0xffffn, 0x10000n, 0x12345678n],
    ...[0x7fffffffn, 0x80000000n, 0x80000001n, 0xffffff00n, 0xfffffffen, 0xffffffffn],
  ],
  [i64]: [
    ...[0n, 1n, 2n, 31n, 32n, 33n, 63n, 64n, 65n, 0xffn, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n],
    ...[
      0x1fffffffffffffn,
      0x123456789abcdef0n,
      0x7fffffffffffffffn,
      0x8000000000000000n,
      0x8000000000000001n,
    ],
    ...[0xffffffff80000000n, 0xffffffff00000000n, 0xfffffffffffffc01n, 0xffffffffffffffffn],
  ],
  [f32]: [
    ...floats.flatMap((x) => [floatBits(f32, x), floatBits(f32, -x)]),
    ...[0x7fc00000n, 0xffc00001n, 0x7fa00000n],
  ],
  [f64]: [
    ...floats.flatMap((x) => [floatBits(f64, x), floatBits(f64, -x)]),
    ...[-2147483648.9, -2147483649, -0.9999999].map((x) => floatBits(f64, x)),
    ...[0x7ff8000000000000n, 0xfff8000000000001n, 0x7ff4000000000000n],
  ],
};

const letters: Readonly<Record<string, Type>> = { i: i32, l: i64, f: f32, d: f64 };

interface Case {
  readonly name: string;
  readonly params: readonly Type[];
  readonly result: Type;
}

const cases: Case[] = operators.flatMap((operator) => {
  if (operator?.signature === undefined || operator.immediates !== '') return [];
  if (!/^[if](32|64)\./.test(operator.name)) return [];
  const [params, result] = operator.signature.split('>');
  return [{ name: operator.name, params: Array.from(params, (c) => letters[c]), result: letters[result] }];
});

/** Values cross into V8 as integers of their bits, since JavaScript does not keep NaN's. */
const carrier = (type: Type): Type => (type === f32 ? i32 : type === f64 ? i64 : type);
const asBits = (type: Type, text: string): string =>
  carrier(type) === type ? text : `(${typeNames[carrier(type)]}.reinterpret_${typeNames[type]} ${text})`;
const fromBits = (type: Type, text: string): string =>
  carrier(type) === type ? text : `(${typeNames[type]}.reinterpret_${typeNames[carrier(type)]} ${text})`;

/** An operand in text; a constant that is not an integer by its bits, lest the text rounds it or loses a NaN. */
function constantText(type: Type, bits: bigint): string {
  if (carrier(type) === type) return `(${typeNames[type]}.const ${bits})`;
  const width = type === f32 ? 32n : 64n;
  const fraction = type === f32 ? 23n : 52n;
  const sign = bits >> (width - 1n) === 1n ? '-' : '';
  const exponent = (bits >> fraction) & (type === f32 ? 0xffn : 0x7ffn);
  const mantissa = bits & ((1n << fraction) - 1n);
  if (exponent === (type === f32 ? 0xffn : 0x7ffn)) {
    return `(${typeNames[type]}.const ${sign}${mantissa === 0n ? 'inf' : `nan:0x${mantissa.toString(16)}`})`;
  }
  const scale = (exponent === 0n ? 1n : exponent) - (type === f32 ? 127n : 1023n) - fraction;
  const digits = exponent === 0n ? mantissa : mantissa | (1n << fraction);
  return `(${typeNames[type]}.const ${sign}0x${digits.toString(16)}p${scale})`;
}

/** A function of the operator: on parameters where `fixed` has null, else on constants. */
interface Variant {
  readonly each: Case;
  readonly fixed: readonly (bigint | null)[];
}

function variantsOf(each: Case): Variant[] {
  const none = each.params.map(() => null);
  const constants = each.params.flatMap((type, k) =>
    edges[type].map((bits) => ({ each, fixed: none.map((_, at) => (at === k ? bits : null)) })),
  );
  return [{ each, fixed: none }, ...constants];
}

type Reference = (...args: (number | bigint)[]) => number | bigint;
interface Engine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, Reference>> };
}
const { WebAssembly: engine } = globalThis as unknown as { WebAssembly: Engine };
const { parseWat } = await wabt();
const assemble = (text: string[]): Uint8Array =>
  parseWat('operators.wat', `(module ${text.join('\n')})`).toBinary({}).buffer;

const oracle = new engine.Instance(
  new engine.Module(
    assemble(
      cases.map(({ name, params, result }) => {
        const types = params.map((type) => `(param ${typeNames[carrier(type)]})`).join(' ');
        const operands = params.map((type, k) => fromBits(type, `(local.get ${k})`)).join(' ');
        const body = asBits(result, `(${name} ${operands})`);
        return `(func (export "${name}") ${types} (result ${typeNames[carrier(result)]}) ${body})`;
      }),
    ),
  ),
).exports;

/** What V8 says, as bits, or its error. */
function reference({ name, params, result }: Case, args: readonly bigint[]): bigint | Error {
  const carried = params.map((type, k) =>
    carrier(type) === i32 ? Number(BigInt.asIntN(32, args[k])) : BigInt.asIntN(64, args[k]),
  );
  try {
    return BigInt.asUintN(carrier(result) === i32 ? 32 : 64, BigInt(oracle[name](...carried)));
  } catch (error) {
    return error as Error;
  }
}

const isNaNBits = (type: Type, bits: bigint): boolean =>
  type === f32
    ? (bits & 0x7fffffffn) > 0x7f800000n
    : type === f64 && (bits & 0x7fffffffffffffffn) > 0x7ff0000000000000n;

/** An arithmetic NaN has its quiet bit set (the specification's 4.3.3); which one it is, is free. */
const isQuiet = (type: Type, bits: bigint): boolean =>
  (bits & (type === f32 ? 0x400000n : 0x8000000000000n)) !== 0n;

const trapWordings: Readonly<Record<number, RegExp>> = {
  [TrapKind.divideByZero]: /divide by zero/,
  [TrapKind.remainderByZero]: /remainder by zero/,
  [TrapKind.integerOverflow]: /divide result unrepresentable/,
  [TrapKind.invalidConversion]: /float unrepresentable/,
};

const keepsBits = /abs|neg|copysign|reinterpret/;
const hex = (bits: bigint): string => `0x${bits.toString(16)}`;

const runner = new Runner();

describe.each([0, 2] as const)('at level %i every numeric operator computes what V8 does', (level) => {
  test.each(cases.map((each): [string, Case] => [each.name, each]))('%s', (_, each) => {
    const variants = variantsOf(each);
    const functions = variants.map(({ fixed }) => {
      const params = each.params.filter((_type, k) => fixed[k] === null);
      let next = 0;
      const operands = each.params.map((type, k) => {
        const bits = fixed[k];
        return bits === null ? `(local.get ${next++})` : constantText(type, bits);
      });
      const types = params.map((type) => `(param ${typeNames[type]})`).join(' ');
      return `(func ${types} (result ${typeNames[each.result]}) (${each.name} ${operands.join(' ')}))`;
    });
    runner.reset();
    runner.addModule(assemble(functions), level);
    const wrong: string[] = [];
    variants.forEach(({ fixed }, index) => {
      const params = each.params.filter((_type, k) => fixed[k] === null);
      for (const values of product(
        each.params.map((type, k) => (fixed[k] === null ? edges[type] : [fixed[k]])),
      )) {
        const args = values.filter((_value, k) => fixed[k] === null);
        const outcome = runner.call(runner.address(index), { params, results: [each.result] }, args);
        const expected = reference(each, values);
        const found = 'results' in outcome ? outcome.results[0] : trapWordings[outcome.trap as number];
        if (isRight(each, expected, found)) continue;
        const told = typeof found === 'bigint' ? hex(found) : `trap ${JSON.stringify(outcome)}`;
        const call = `${each.name}(${values.map((v, k) => `${hex(v)}${fixed[k] === null ? '' : ' constant'}`).join(', ')})`;
        wrong.push(`${call} is ${told}, not ${expected instanceof Error ? expected.message : hex(expected)}`);
      }
    });
    expect(wrong.slice(0, 10)).toEqual([]);
  });
});

function isRight(
  { name, result }: Case,
  expected: bigint | Error,
  found: bigint | RegExp | undefined,
): boolean {
  if (expected instanceof Error) return found instanceof RegExp && found.test(expected.message);
  if (typeof found !== 'bigint') return false;
  if (isNaNBits(result, expected) && !keepsBits.test(name)) {
    return isNaNBits(result, found) && isQuiet(result, found);
  }
  return found === expected;
}

/** All tuples with one element of each list. */
function product(lists: readonly (readonly (bigint | null)[])[]): bigint[][] {
  return lists.reduce<bigint[][]>(
    (tuples, list) => tuples.flatMap((tuple) => list.map((value) => [...tuple, value ?? 0n])),
    [[]],
  );
}
