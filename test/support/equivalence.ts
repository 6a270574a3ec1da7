import type { Callee, Func } from '../../compiler/ir/function.ts';
import { type Type, Type as Types } from '../../compiler/ir/types.ts';
import { flatten, interpret, type World } from './interpret.ts';
import { envOffsets, Random } from './random-function.ts';

/** Everything that can be observed of a run: results or trap, calls in order with their arguments, final memory. */
export interface Observation {
  readonly results: readonly number[] | undefined;
  readonly trap: number | undefined;
  readonly calls: readonly (readonly number[])[];
  readonly memory: string;
}

const memoryBase = 256;
const memorySize = 2048;

/** A call that is not given by `known` returns words that depend on its arguments alone, and scribbles on memory. */
function inventedResults(callee: Callee, words: readonly number[], bytes: Uint8Array): bigint[] {
  let hash = callee.symbol * 31;
  for (const word of words) hash = Math.imul(hash ^ word, 0x9e3779b1);
  const random = new Random(hash);
  bytes[memoryBase + (hash & 1023)] ^= 0x55;
  bytes[envOffsets.global + 64] ^= hash & 0xff;
  const word = () => BigInt(random.word() >>> 0);
  // Drawn word by word, so that a split signature gets the same.
  return callee.results.map((type) =>
    type === Types.i64 || type === Types.f64 ? word() | (word() << 32n) : word(),
  );
}

/**
 * Runs `func` in a fresh world made from `seed`.
 * @param word the machine word, the width of the memory's base and size in the exec env
 * @param known results of calls that must compute something definite (helpers); undefined: invented
 */
export function observe(
  func: Func,
  seed: number,
  word: Type,
  known?: (callee: Callee, args: readonly bigint[]) => readonly bigint[] | undefined,
): Observation {
  const random = new Random(seed);
  const bytes = new Uint8Array(memoryBase + memorySize);
  const view = new DataView(bytes.buffer);
  for (let k = memoryBase; k < bytes.length; k++) bytes[k] = random.below(256);
  const env = 64;
  const field = (offset: number, value: number) =>
    word === Types.i64 ? view.setBigUint64(offset, BigInt(value), true) : view.setUint32(offset, value, true);
  field(env + envOffsets.base, memoryBase);
  field(env + envOffsets.size, memorySize);
  const calls: number[][] = [];
  const world: World = {
    bytes,
    env,
    call(callee, args) {
      const result = known?.(callee, args);
      if (result !== undefined) return result;
      const words = flatten(args, callee.params);
      calls.push([callee.symbol, ...words]);
      return inventedResults(callee, words, bytes);
    },
  };
  const words = [random.word(), random.word(), random.word(), random.word(), random.word(), random.word()];
  const long = (low: number, high: number) => BigInt(low >>> 0) | (BigInt(high >>> 0) << 32n);
  const split = func.params.length > 4;
  const f32 = BigInt(words[3] >>> 0);
  const f64 = long(words[4], words[5]);
  const i64 = split ? [BigInt(words[1] >>> 0), BigInt(words[2] >>> 0)] : [long(words[1], words[2])];
  const outcome = interpret(func, [BigInt(words[0] >>> 0), ...i64, f32, f64], world);
  return {
    results: outcome.results && flatten(outcome.results, func.results),
    trap: outcome.trap,
    calls,
    memory: Buffer.from(bytes).toString('base64'),
  };
}
