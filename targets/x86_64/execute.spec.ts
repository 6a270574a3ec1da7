import { beforeAll, describe, expect, test } from 'vitest';
import wabt from 'wabt';
import { Op, ops } from '../../compiler/ir/ops.ts';
import { Region, TrapKind, Type } from '../../compiler/ir/types.ts';
import { allCases, type Case, edges } from './fixtures/operators.ts';
import { Builder, type Outcome, Runner } from './fixtures/runner.ts';

/** Every numeric operation on edge values, executed and compared with what V8 computes. */

const { i32, i64, f32, f64 } = Type;

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
    const isBinary = each.params.length === 2;
    const isFloat = each.params[0] === f32 || each.params[0] === f64;
    for (const sources of isBinary ? binarySources : unarySources) {
      // Each constant is a function of its own; of floats a few will do, which are all read from memory but for zero.
      const thinned = isBinary && isFloat && sources.includes('constant');
      const first = edges[each.params[0]].filter((_value, k) => !thinned || k % 5 === 0);
      const second = isBinary ? edges[each.params[1]] : [0n];
      const compiled = sources.includes('constant') ? null : build(each, sources, []);
      const address = compiled === null ? 0 : runner.add(compiled.func);
      for (const a of first) {
        // A constant first operand makes one function, a constant second one makes one for each.
        const ofFirst = sources[0] === 'constant' ? build(each, sources, [a]) : compiled;
        const addressOfFirst = ofFirst === compiled || ofFirst === null ? address : runner.add(ofFirst.func);
        if (sources[1] === 'constant') continue;
        for (const b of second) {
          const values = isBinary ? [a, b] : [a];
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
