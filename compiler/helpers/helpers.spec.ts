import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { moduleContext, specTargets } from '../../test/support/module-context.ts';
import type { CompileContext } from '../context.ts';
import { f32FromBits, f64FromWords } from '../ir/constants.ts';
import type { Callee } from '../ir/function.ts';
import { printFunction } from '../ir/print.ts';
import { Type } from '../ir/types.ts';
import { verify } from '../ir/verify.ts';
import { lower64 } from '../passes/lower64.ts';
import { decodeModule } from '../wasm/reader.ts';
import { assembleHelpers } from './assemble.ts';
import { helperBinaries } from './binary.generated.ts';
import { buildHelper, helperNames, helperSignature } from './index.ts';

const generated = new URL('./binary.generated.ts', import.meta.url);

/** What `binary.generated.ts` has to be. `FATHOM_UPDATE=1 npx vitest run compiler/helpers` writes it. */
async function generate(): Promise<string> {
  const base64 = async (pointer: 'i32' | 'i64') =>
    Buffer.from(await assembleHelpers(pointer)).toString('base64');
  const literal = (text: string) =>
    (text.match(/.{1,100}/g) ?? []).map((line) => `\n    '${line}'`).join(' +');
  return `/** The helper functions assembled, in base64, by address type. Generated: see helpers.spec.ts. */
export const helperBinaries: Readonly<Record<'i32' | 'i64', string>> = {
  i32:${literal(await base64('i32'))},
  i64:${literal(await base64('i64'))},
};
`;
}

// The host's WebAssembly, of which only this much is used here.
type Exported = Record<string, (...args: unknown[]) => unknown>;
interface Engine {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: Exported & { memory: { buffer: ArrayBuffer } } };
}
const engine = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly;

function instantiate(binary: string) {
  return new engine.Instance(new engine.Module(Buffer.from(binary, 'base64'))).exports;
}

if (process.env.FATHOM_UPDATE === '1') writeFileSync(generated, await generate());

let helpers: Exported;
let oracle: Exported;

/** The operators themselves, as V8 carries them out. */
const operators = ['i64.div_s', 'i64.div_u', 'i64.rem_s', 'i64.rem_u']
  .map((op) => [op, 'i64 i64', 'i64'])
  .concat(
    ['s', 'u'].flatMap((sign) => [
      [`f32.convert_i64_${sign}`, 'i64', 'f32'],
      [`f64.convert_i64_${sign}`, 'i64', 'f64'],
      [`i64.trunc_sat_f32_${sign}`, 'f32', 'i64'],
      [`i64.trunc_sat_f64_${sign}`, 'f64', 'i64'],
    ]),
  )
  .concat(
    ['f32', 'f64'].flatMap((T) => ['ceil', 'floor', 'trunc', 'nearest'].map((op) => [`${T}.${op}`, T, T])),
  );

beforeAll(async () => {
  setFlagsFromString('--experimental-wasm-memory64');
  helpers = instantiate(Buffer.from(await assembleHelpers('i32')).toString('base64'));
  const { default: wabt } = await import('wabt');
  const text = operators.map(
    ([op, params, result]) =>
      `(func (export "${op.replace('.', '_')}") (param ${params}) (result ${result})
        (${op} ${params
          .split(' ')
          .map((_, k) => `(local.get ${k})`)
          .join(' ')}))`,
  );
  const module = (await wabt()).parseWat('oracle.wat', `(module ${text.join('\n')})`);
  oracle = instantiate(Buffer.from(module.toBinary({}).buffer).toString('base64'));
});

test('the committed binaries are what the text assembles to', async () => {
  expect(readFileSync(generated, 'utf8')).toBe(await generate());
});

test('every helper exists in both address widths', () => {
  for (const name of helperNames) {
    expect(Object.keys(instantiate(helperBinaries.i32))).toContain(name);
    expect(Object.keys(instantiate(helperBinaries.i64))).toContain(name);
  }
});

const edges64 = [
  0n,
  1n,
  2n,
  3n,
  7n,
  10n,
  0xffffffffn,
  0x100000000n,
  0x100000001n,
  1n << 53n,
  (1n << 53n) + 1n,
]
  .concat([
    (1n << 62n) - 1n,
    (1n << 63n) - 1n,
    1n << 63n,
    (1n << 63n) + 1n,
    (1n << 64n) - 1n,
    (1n << 64n) - 2n,
  ])
  .concat([
    0x7fffff4000000001n,
    0x8000008000000001n,
    0xffffff8000000000n,
    (1n << 54n) - 1n,
    0xfffffffe00000001n,
  ]);
const any64 = fc
  .oneof(
    fc.constantFrom(...edges64),
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    fc.tuple(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.nat(63)).map(([x, n]) => x >> BigInt(n)),
  )
  .map((x) => BigInt.asIntN(64, x));
const anyBits = fc.tuple(fc.integer(), fc.integer());
const any32Float = fc.oneof(
  fc.integer().map((bits) => f32FromBits(bits)),
  fc.float(),
  fc.constantFrom(0, -0, 0.5, -0.5, 1.5, 2.5, -1.5, 8388607.5, 8388608, 2 ** 63, -(2 ** 63), 2 ** 64),
  fc.tuple(fc.integer({ min: -(2 ** 25), max: 2 ** 25 })).map(([x]) => Math.fround(x / 4)),
);
const any64Float = fc.oneof(
  anyBits.map(([low, high]) => f64FromWords(low, high)),
  fc.double(),
  fc.constantFrom(0, -0, 0.5, -0.5, 1.5, 2.5, -0.3, -1.5, 0.49999999999999994, 2 ** 52 - 0.5, 2 ** 52 + 1),
  fc.constantFrom(2 ** 63, -(2 ** 63), 2 ** 63 - 1024, 2 ** 64, 2 ** 64 - 2048, -1, -0.99, 2 ** 32, 1e300),
  fc.tuple(fc.integer({ min: -(2 ** 25), max: 2 ** 25 })).map(([x]) => x / 4),
  any64.map((x) => Number(x)),
);
const inputs = { i64: any64, f32: any32Float, f64: any64Float };

describe('arithmetic is as V8 does it', () => {
  test.each(operators)('%s', (op, params) => {
    const name = op.replace('.', '_');
    const [first, second] = params.split(' ') as (keyof typeof inputs)[];
    const divides = second !== undefined;
    fc.assert(
      fc.property(inputs[first], divides ? inputs[second] : fc.constant(1n), (a, b) => {
        if (divides && b === 0n) return;
        if (name === 'i64_div_s' && a === -(1n << 63n) && b === -1n) return;
        const result = helpers[name](a, b);
        const expected = oracle[name](a, b);
        if (!Object.is(result, expected))
          throw new Error(`${name}(${a}, ${b}) is ${result}, not ${expected}`);
      }),
      { numRuns: 20_000 },
    );
  });
});

describe.each(['i32', 'i64'] as const)('memory, %s addresses', (pointer) => {
  const word = (value: number) => (pointer === 'i64' ? BigInt(value) : value);

  test('copies any length at any alignment, overlapping or not', () => {
    const { memory, memory_copy } = instantiate(helperBinaries[pointer]);
    const bytes = new Uint8Array(memory.buffer);
    const pattern = Uint8Array.from({ length: 512 }, (_, k) => (k * 7 + 3) & 255);
    for (let length = 0; length <= 70; length++) {
      for (const from of [128, 129, 131, 134]) {
        for (let distance = -40; distance <= 40; distance++) {
          bytes.set(pattern);
          const expected = pattern.slice();
          expected.copyWithin(from + distance, from, from + length);
          memory_copy(word(from + distance), word(from), word(length));
          if (Buffer.compare(bytes.subarray(0, 512), expected) !== 0)
            throw new Error(`copy of ${length} bytes from ${from} by ${distance}`);
        }
      }
    }
  });

  test('fills any length at any alignment', () => {
    const { memory, memory_fill } = instantiate(helperBinaries[pointer]);
    const bytes = new Uint8Array(memory.buffer);
    for (let length = 0; length <= 100; length++) {
      for (let at = 64; at < 72; at++) {
        bytes.fill(1, 0, 256);
        memory_fill(word(at), 0x1234 + length, word(length));
        const expected = new Uint8Array(256).fill(1).fill(0x34 + length, at, at + length);
        expect(Buffer.compare(bytes.subarray(0, 256), expected)).toBe(0);
      }
    }
  });

  test('copies and fills words', () => {
    const { memory, words_copy, words_fill } = instantiate(helperBinaries[pointer]);
    const words = pointer === 'i64' ? new BigInt64Array(memory.buffer) : new Int32Array(memory.buffer);
    const size = words.BYTES_PER_ELEMENT;
    words_fill(word(8 * size), word(77), word(5));
    words_fill(word(20 * size), word(78), word(0));
    words_copy(word(10 * size), word(8 * size), word(5));
    expect(Array.from(words.subarray(7, 21), Number)).toEqual([
      0, 77, 77, 77, 77, 77, 77, 77, 0, 0, 0, 0, 0, 0,
    ]);
  });
});

describe.each(['x86_64', 'armv7'] as const)('the front end builds every helper for %s', (name) => {
  const target = specTargets[name];
  const context = moduleContext(decodeModule(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)), name);
  const ctx: CompileContext = {
    ...context,
    helper(helper: string): Callee {
      const signature = helperSignature(helper, target.word);
      if (signature === undefined) throw new Error(`no helper ${helper}`);
      return { symbol: helperNames.indexOf(helper), ...signature };
    },
  };

  test.each(helperNames)('%s', (helper) => {
    const symbol = { id: helperNames.indexOf(helper), name: helper, kind: 'helper', wasmIndex: -1 } as const;
    const func = buildHelper(ctx, helper, symbol);
    expect({ params: func.params, results: func.results }).toEqual(helperSignature(helper, target.word));
    verify(func, target.word);
    if (target.word === Type.i32) {
      lower64(func);
      verify(func, target.word);
    }
    expect(printFunction(func)).not.toContain('env.');
  });
});
