import type { Module, ValueType } from '../../compiler/wasm/module.ts';
import { seededRandom } from '../../emu/interrupts.ts';

/** An argument as its bits; references are null. */
export interface CallArgument {
  readonly type: ValueType;
  readonly bits: bigint;
}

/** A call of a function that the module defines and exports. */
export interface Call {
  readonly name: string;
  /** In the function space. */
  readonly index: number;
  readonly args: readonly CallArgument[];
}

/** Functions of one module that are called, at most: each of their sets of arguments is a call. */
const mostFunctions = 400;

/** Sets of arguments for a function that takes any: zeros, then seeded ones. */
const argumentSets = 3;

/** Values that programs go different ways for, besides any: sizes, loop counts, signs, what overflows. */
const likely: readonly bigint[] = [0n, 1n, 2n, 3n, 5n, 8n, 16n, 100n, 1024n, 65536n, -1n, -2n];

/**
 * What is called where nobody says what: every exported function with zeros, and with a few values that depend on its place alone.
 */
export function defaultCalls(module: Module): Call[] {
  const functions = module.exports.filter(
    ({ kind, index }) => kind === 'function' && index >= module.importedFunctions,
  );
  return functions.slice(0, mostFunctions).flatMap(({ name, index }) => {
    const { params } = module.types[module.functions[index].typeIndex];
    const random = seededRandom(index + 1);
    const sets = params.length === 0 ? 1 : argumentSets;
    return Array.from({ length: sets }, (_, set) => ({
      name,
      index,
      args: params.map((type) => ({ type, bits: set === 0 ? 0n : anyBits(type, random) })),
    }));
  });
}

/** The call that the command line asks for: values as `parseArguments` gives them. */
export function givenCall(module: Module, name: string, index: number, values: readonly unknown[]): Call {
  const { params } = module.types[module.functions[index].typeIndex];
  return { name, index, args: params.map((type, i) => ({ type, bits: bitsOf(type, values[i]) })) };
}

function bitsOf(type: ValueType, value: unknown): bigint {
  if (typeof value === 'bigint') return BigInt.asUintN(64, value);
  if (typeof value !== 'number') return 0n;
  if (type === 'f32') return BigInt(new Uint32Array(new Float32Array([value]).buffer)[0]);
  if (type === 'f64') return new BigUint64Array(new Float64Array([value]).buffer)[0];
  return BigInt.asUintN(32, BigInt(value));
}

function anyBits(type: ValueType, random: (below: number) => number): bigint {
  const any = (): bigint => (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
  switch (type) {
    case 'i32':
      return BigInt.asUintN(32, random(4) === 0 ? any() : likely[random(likely.length)]);
    case 'i64':
      return BigInt.asUintN(64, random(4) === 0 ? any() : likely[random(likely.length)]);
    case 'f32':
      return BigInt(new Uint32Array(new Float32Array([random(2000) / 8 - 50]).buffer)[0]);
    case 'f64':
      return new BigUint64Array(new Float64Array([random(2000) / 8 - 50]).buffer)[0];
    case 'v128':
      return (any() << 64n) | any();
    default:
      return 0n;
  }
}
