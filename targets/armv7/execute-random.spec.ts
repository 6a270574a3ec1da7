import { expect, test } from 'vitest';
import wabt from 'wabt';
import { type TrapKind, Type, trapMessages } from '../../compiler/ir/types.ts';
import { Runner } from './fixtures/runner.ts';

/**
 * Random functions, compared with V8: nested operators, so that the selection rules fold one another, with branches, loads and
 * stores anywhere in a page of memory and just beyond. FATHOM_RANDOM=n runs n seeds.
 */

const { i32, i64, f32, f64 } = Type;
type Name = 'i32' | 'i64' | 'f32' | 'f64';
const typeOf = { i32, i64, f32, f64 } as const;

/** A generator of random numbers (Marsaglia's xorshift32), the same for the same seed. */
class Random {
  private state: number;
  constructor(seed: number) {
    this.state = (seed * 0x9e3779b1) | 1;
  }
  below(n: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % n;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

const integerConstants = [0, 1, -1, 2, 7, 8, 12, 31, 32, 63, 255, 256, 4096, 65535, 65536, -256, 0x12345678];
const moreConstants = [0x7fffffff, -0x80000000, 0xff00, 0x3fc, 1020, 4095, 4096, 65532, 65535];
const floatConstants = ['0', '-0', '1', '-1.5', '0.1', '2', '1e10', '1e-40', '3e38', 'inf', '-inf', 'nan'];

/** Rows `name: operand types`; results have the type in the key. */
const operators: Readonly<Record<Name, readonly (readonly [string, ...Name[]])[]>> = {
  i32: [
    ...['add', 'sub', 'mul', 'and', 'or', 'xor', 'shl', 'shr_s', 'shr_u', 'rotl', 'rotr', 'add', 'sub'].map(
      (op) => [`i32.${op}`, 'i32', 'i32'] as const,
    ),
    ...['div_s', 'div_u', 'rem_s', 'rem_u'].map((op) => [`i32.${op}`, 'i32', 'i32'] as const),
    ...['clz', 'ctz', 'popcnt', 'extend8_s', 'extend16_s', 'eqz', 'eqz'].map(
      (op) => [`i32.${op}`, 'i32'] as const,
    ),
    ...['eq', 'ne', 'lt_s', 'lt_u', 'gt_s', 'gt_u', 'le_s', 'le_u', 'ge_s', 'ge_u'].flatMap((op) => [
      [`i32.${op}`, 'i32', 'i32'] as const,
      [`i64.${op}`, 'i64', 'i64'] as const,
    ]),
    ...['eq', 'ne', 'lt', 'gt', 'le', 'ge'].flatMap((op) => [
      [`f32.${op}`, 'f32', 'f32'] as const,
      [`f64.${op}`, 'f64', 'f64'] as const,
    ]),
    ['i64.eqz', 'i64'],
    ['i32.wrap_i64', 'i64'],
    ['i32.trunc_sat_f64_s', 'f64'],
    ['i32.trunc_sat_f32_u', 'f32'],
    ['i32.trunc_f64_u', 'f64'],
  ],
  i64: [
    ...['add', 'sub', 'mul', 'and', 'or', 'xor', 'shl', 'shr_s', 'shr_u', 'rotl', 'rotr'].map(
      (op) => [`i64.${op}`, 'i64', 'i64'] as const,
    ),
    ...['clz', 'ctz', 'popcnt', 'extend8_s', 'extend32_s'].map((op) => [`i64.${op}`, 'i64'] as const),
    ['i64.extend_i32_s', 'i32'],
    ['i64.extend_i32_u', 'i32'],
    ['i64.trunc_sat_f64_s', 'f64'],
  ],
  f32: [
    ...['add', 'sub', 'mul', 'div', 'min', 'max'].map((op) => [`f32.${op}`, 'f32', 'f32'] as const),
    ...['abs', 'neg', 'sqrt', 'floor'].map((op) => [`f32.${op}`, 'f32'] as const),
    ['f32.convert_i32_s', 'i32'],
    ['f32.demote_f64', 'f64'],
  ],
  f64: [
    ...['add', 'sub', 'mul', 'div', 'min', 'max'].map((op) => [`f64.${op}`, 'f64', 'f64'] as const),
    ...['abs', 'neg', 'sqrt', 'nearest'].map((op) => [`f64.${op}`, 'f64'] as const),
    ['f64.convert_i32_u', 'i32'],
    ['f64.convert_i64_s', 'i64'],
    ['f64.promote_f32', 'f32'],
  ],
};

const loads: Readonly<Record<Name, readonly string[]>> = {
  i32: ['i32.load', 'i32.load8_s', 'i32.load8_u', 'i32.load16_s', 'i32.load16_u'],
  i64: ['i64.load', 'i64.load8_s', 'i64.load16_u', 'i64.load32_s', 'i64.load32_u'],
  f32: ['f32.load'],
  f64: ['f64.load'],
};
const stores = [
  ['i32.store', 'i32'],
  ['i32.store8', 'i32'],
  ['i32.store16', 'i32'],
  ['i64.store', 'i64'],
  ['i64.store32', 'i64'],
  ['f32.store', 'f32'],
  ['f64.store', 'f64'],
] as const;

/** Four parameters and four further locals of these types, in this order. */
const localTypes: readonly Name[] = ['i32', 'i32', 'i64', 'f64', 'i32', 'i64', 'f32', 'f64'];
const params = localTypes.slice(0, 4);

class Generator {
  private readonly random: Random;
  constructor(seed: number) {
    this.random = new Random(seed);
  }

  private constant(type: Name): string {
    const { random } = this;
    if (type === 'f32' || type === 'f64') return `(${type}.const ${random.pick(floatConstants)})`;
    return `(${type}.const ${random.pick(random.below(3) === 0 ? moreConstants : integerConstants)})`;
  }

  private local(type: Name): string {
    const indices = localTypes.flatMap((each, k) => (each === type ? [k] : []));
    return `(local.get ${this.random.pick(indices)})`;
  }

  private offset(): string {
    return `offset=${this.random.pick([0, 0, 0, 1, 4, 8, 252, 255, 256, 4092, 4095, 4096, 65528, 65536, 70000])}`;
  }

  /** An address: mostly within the page, sometimes anywhere. */
  private address(depth: number): string {
    const { random } = this;
    const any = this.expression('i32', depth - 1);
    switch (random.below(4)) {
      case 0:
        return `(i32.and ${any} (i32.const 0xfff8))`;
      case 1:
        return `(i32.shl (i32.and ${any} (i32.const 0xfff)) (i32.const ${random.below(4)}))`;
      case 2:
        return `(i32.add (i32.and ${any} (i32.const 0xfff)) (i32.const ${random.pick([0, 5, 60000])}))`;
      default:
        return random.below(8) === 0 ? any : `(i32.and ${any} (i32.const 0x1fff))`;
    }
  }

  expression(type: Name, depth: number): string {
    const { random } = this;
    if (depth <= 0) return random.below(3) === 0 ? this.constant(type) : this.local(type);
    switch (random.below(8)) {
      case 0:
        return `(${random.pick(loads[type])} ${this.offset()} ${this.address(depth)})`;
      case 1: {
        const values = [this.expression(type, depth - 1), this.expression(type, depth - 1)];
        return `(select ${values.join(' ')} ${this.expression('i32', depth - 1)})`;
      }
      case 2:
        return random.below(2) === 0 ? this.constant(type) : this.local(type);
      default: {
        const [name, ...operands] = random.pick(operators[type]);
        return `(${name} ${operands.map((operand) => this.expression(operand, depth - 1)).join(' ')})`;
      }
    }
  }

  private statement(depth: number): string {
    const { random } = this;
    switch (random.below(5)) {
      case 0: {
        const [name, type] = random.pick(stores);
        return `(${name} ${this.offset()} ${this.address(2)} ${this.expression(type, 2)})`;
      }
      case 1: {
        if (depth === 0) return '';
        const arms = [this.statements(depth - 1), this.statements(depth - 1)];
        return `(if ${this.expression('i32', 2)} (then ${arms[0]}) (else ${arms[1]}))`;
      }
      default: {
        const k = random.below(localTypes.length);
        return `(local.set ${k} ${this.expression(localTypes[k], 3)})`;
      }
    }
  }

  private statements(depth: number): string {
    return Array.from({ length: 1 + this.random.below(3) }, () => this.statement(depth)).join('\n');
  }

  /** A function with a loop of a few rounds around everything. */
  function(name: string, result: Name): string {
    const locals = localTypes.slice(params.length).join(' ');
    return `(func (export "${name}") (param ${params.join(' ')}) (result ${result}) (local ${locals}) (local $n i32)
      (local.set $n (i32.const 3))
      (loop $l ${this.statements(2)}
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      ${this.expression(result, 3)})`;
  }
}

type Exported = (...args: (number | bigint)[]) => number | bigint;
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly [name: string]: unknown;
}
interface Engine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
}
const { WebAssembly: engine } = globalThis as unknown as { WebAssembly: Engine };

const view = new DataView(new ArrayBuffer(8));
const f64Bits = (x: number): bigint => {
  view.setFloat64(0, x);
  return view.getBigUint64(0);
};

const argumentSets: readonly (readonly [number, number, bigint, number])[] = [
  [0, 0, 0n, 0],
  [1, -1, 1n, 1.5],
  [-5, 12345, -1n, -0.25],
  [0x7fffffff, -0x80000000, 0x7fffffffffffffffn, 1e300],
  [100, 8, 0x100000000n, Number.NaN],
  [65528, 40000, -0x8000000000000000n, -0],
  [255, 31, 0xff00ff00ffn, 4294967296.5],
];

/** The same number of the result's type, NaN as one text. */
function told(type: Name, bits: bigint): string {
  if (type === 'i32' || type === 'i64') return BigInt.asUintN(type === 'i32' ? 32 : 64, bits).toString(16);
  view.setBigUint64(0, bits);
  const value = type === 'f32' ? view.getFloat32(4) : view.getFloat64(0);
  return Number.isNaN(value) ? 'nan' : Object.is(value, -0) ? '-0' : String(value);
}

function reference(run: Exported, type: Name, args: readonly (number | bigint)[]): string {
  try {
    const value = run(...args);
    if (type === 'i32' || type === 'i64') return told(type, BigInt(value));
    return Number.isNaN(value) ? 'nan' : Object.is(value, -0) ? '-0' : String(value);
  } catch (error) {
    return (error as Error).message;
  }
}

const trapText = (kind: TrapKind | 'fault'): string => (kind === 'fault' ? kind : trapMessages[kind]);

/** Small numbers as words and, with a high probability, as floats. */
const randomBytes = (length: number): Uint8Array => {
  const random = new Random(7);
  return Uint8Array.from({ length }, () => random.below(64));
};

const seeds = Number(process.env.FATHOM_RANDOM ?? 12);
const perModule = 25;
const { parseWat } = await wabt();
const runner = new Runner();

test.each(Array.from({ length: seeds }, (_, k) => k + 1))('seed %i', (seed) => {
  const generator = new Generator(seed);
  const results = Array.from({ length: perModule }, (_, k) => (['i32', 'i64', 'f64', 'f32'] as const)[k % 4]);
  const functions = results.map((type, k) => generator.function(`f${k}`, type));
  const text = `(module (memory (export "memory") 1 1)\n${functions.join('\n')})`;
  const bytes = parseWat('random.wat', text).toBinary({}).buffer;
  const { exports } = new engine.Instance(new engine.Module(bytes));
  const expectedMemory = new Uint8Array(exports.memory.buffer);
  const initial = randomBytes(65536);
  const level = seed % 2 === 0 ? 2 : 0;
  runner.reset();
  runner.addModule(bytes, level);
  results.forEach((type, k) => {
    for (const args of argumentSets) {
      expectedMemory.set(initial);
      runner.memory.bytes.set(initial);
      const expected = reference(exports[`f${k}`] as Exported, type, args);
      const bits = [...args.slice(0, 3).map(BigInt), f64Bits(args[3])];
      const signature = { params: params.map((name) => typeOf[name]), results: [typeOf[type]] };
      const outcome = runner.call(runner.address(k), signature, bits);
      const found = 'results' in outcome ? told(type, outcome.results[0]) : trapText(outcome.trap);
      const where = `seed ${seed}, f${k}(${args.join(', ')}) at level ${level}\n${functions[k]}`;
      expect(found, where).toBe(expected);
      // Stores of NaN may differ in payload and sign; everything else may not.
      if (!/f(32|64)\.store/.test(functions[k])) {
        expect(Buffer.compare(runner.memory.bytes, expectedMemory), `memory after ${where}`).toBe(0);
      }
    }
  });
});
