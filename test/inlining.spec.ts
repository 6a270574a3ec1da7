import { describe, expect, it } from 'vitest';
import { disassemble } from '../cli/listing.ts';
import { readImage, writeImage } from '../compiler/image/file.ts';
import { framesAt } from '../compiler/image/inlined.ts';
import { encodeStackMap } from '../compiler/image/stack-map.ts';
import { StackMapReader } from '../compiler/image/stack-map-reader.ts';
import { compile } from '../compiler/index.ts';
import { createWebAssembly } from '../emu/webassembly.ts';
import { armv7 } from '../targets/armv7/index.ts';
import { x86_64 } from '../targets/x86_64/index.ts';
import { assembleText } from './support/sampled-runs.ts';

/** Code that inlining changes: results, traps and stacks are those of V8 at every level. */
const targets = [x86_64, armv7];
const levels = [0, 1, 2, 3] as const;

const bytes = assembleText(
  'inlining',
  `(module
    (import "host" "again" (func $again (param i32) (result i32)))
    (memory 1)
    (global $g (mut i64) (i64.const 5))
    (table 2 funcref)
    (elem (i32.const 0) func $indirect)
    (type $f (func (param i32) (result i32)))
    (func $divide (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
    (func $load (param i32) (result i32) (i32.load offset=4 (local.get 0)))
    (func $store (param i32) (param i64) (i64.store (local.get 0) (local.get 1)))
    (func $truncate (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
    (func $never (unreachable))
    (func $wide (param i64 i64) (result i64) (i64.add (i64.mul (local.get 0) (local.get 1)) (global.get $g)))
    (func $two (param i32) (result i32 i64)
      (if (i32.and (local.get 0) (i32.const 1)) (then (return (i32.const 3) (i64.const -4))))
      (local.get 0) (i64.extend_i32_s (local.get 0)))
    (func $nested (param i32) (result i32) (i32.add (call $divide (i32.const 100) (local.get 0)) (i32.const 1)))
    (func $deeper (param i32) (result i32) (i32.xor (call $nested (i32.sub (local.get 0) (i32.const 7))) (i32.const 9)))
    (func $indirect (param i32) (result i32) (call $deeper (local.get 0)))
    (func $back (param i32) (result i32) (i32.add (call $again (local.get 0)) (i32.const 1)))
    (func $tick (global.set $g (i64.add (global.get $g) (i64.const 1))))
    (func $even (param i32) (result i32)
      (if (result i32) (local.get 0) (then (call $odd (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1))))
    (func $odd (param i32) (result i32)
      (if (result i32) (local.get 0) (then (call $even (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))))
    (func (export "divide") (param i32) (result i32) (call $divide (i32.const 12) (local.get 0)))
    (func (export "deeper") (param i32) (result i32) (call $deeper (local.get 0)))
    (func (export "loads") (param i32) (result i32)
      (i32.add (call $load (i32.const 0)) (call $load (local.get 0))))
    (func (export "stores") (param i32) (result i32)
      (call $tick) (call $store (local.get 0) (call $wide (i64.extend_i32_u (local.get 0)) (global.get $g)))
      (call $load (local.get 0)))
    (func (export "truncate") (param i32) (result i32) (call $truncate (f64.mul (f64.convert_i32_s (local.get 0)) (f64.const 1e5))))
    (func (export "never") (param i32) (result i32)
      (if (i32.gt_s (local.get 0) (i32.const 5)) (then (call $never)))
      (call $divide (local.get 0) (local.get 0)))
    (func (export "always-never") (param i32) (result i32) (loop (call $never) (br_if 0 (local.get 0))) (i32.const 0))
    (func (export "two") (param i32) (result i64) (local i64)
      (call $two (local.get 0)) (local.set 1) (i64.extend_i32_s) (local.get 1) (i64.mul))
    (func (export "loop") (param i32) (result i64) (local i64)
      (loop $next
        (local.set 1 (call $wide (local.get 1) (i64.const 3)))
        (call $tick)
        (call $two (local.get 0)) (drop) (drop)
        (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (local.get 1))
    (func (export "through-table") (param i32) (result i32) (call_indirect (type $f) (local.get 0) (i32.const 0)))
    (func (export "calls-host") (param i32) (result i32) (call $back (call $divide (local.get 0) (i32.const 1))))
    (func (export "even") (param i32) (result i32) (call $even (local.get 0))))`,
);

interface Engine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

/** Names, functions and operators of the wasm frames in an error's stack, as V8 prints them. */
const wasmFrames = (error: Error): string[] =>
  [
    ...(error.stack ?? '').matchAll(/at (.*) \(wasm:\/\/wasm\/[^:]*:(wasm-function\[\d+\]:0x[0-9a-f]+)\)/g),
  ].map(([, name, place]) => `${name} ${place}`);

/** What every export gives for some arguments: its result, or its trap and the frames; host calls note the frames of a trap in them. */
function outcomes(engine: Engine): string[] {
  const noted: string[] = [];
  const attempt = (what: string, run: () => unknown): void => {
    try {
      noted.push(`${what} = ${run()}`);
    } catch (error) {
      const { message } = error as Error;
      noted.push(`${what}: ${message}`, ...wasmFrames(error as Error));
    }
  };
  const host = {
    again(n: number): number {
      attempt(`trap in the host call of ${n}`, () => exports.deeper(7));
      return n + 1;
    },
  };
  const instance = new engine.Instance(new engine.Module(bytes), { host });
  const exports = instance.exports as Record<string, (n: number) => unknown>;
  for (const [name, run] of Object.entries(exports))
    for (const n of [1, 7, 2, 0, 65533, 40000, -1])
      if (!(name === 'loop' && (n <= 0 || n > 100)) && !(name === 'even' && n > 100))
        if (name !== 'even' || n >= 0) attempt(`${name}(${n})`, () => run(n));
  return noted;
}

Error.stackTraceLimit = 50;

describe.each(targets)('inlined code on $name', (target) => {
  it('gives the results, the traps and the backtraces of V8 at every level', () => {
    const expected = outcomes(WebAssembly as unknown as Engine);
    expect(expected.filter((line) => line.includes('wasm-function')).length).toBeGreaterThan(30);
    for (const level of levels)
      expect(outcomes(createWebAssembly({ target, level }) as unknown as Engine), `-O${level}`).toEqual(
        expected,
      );
  });

  it('counts a constant that callee and caller share as who loads it', async () => {
    const shared = assembleText(
      'shared',
      `(module
        (func $leaf (param i32) (result i32) (i32.rotl (i32.mul (local.get 0) (i32.const 0x12345678)) (local.get 0)))
        (func (export "run") (param i32) (result i32)
          (local.set 0 (call $leaf (local.get 0)))
          (if (local.get 0) (then (local.set 0 (i32.rotr (i32.mul (local.get 0) (i32.const 0x12345678)) (i32.const 3)))))
          (local.get 0)))`,
    );
    const image = compile(shared, { target, level: 2, scheme: 'none', order: 'relaxed' });
    const [, { rows }] = await disassemble(image, ({ kind }) => kind === 'wasm');
    const own = rows.findIndex(({ operator }) => operator === 'if');
    expect(rows.slice(0, own).some(({ inlined }) => inlined.join() === 'leaf')).toBe(true);
    const behind = rows.slice(own);
    expect(behind.some(({ text }) => /^(i?mul)/.test(text))).toBe(true);
    expect(behind.filter(({ inlined }) => inlined.length > 0)).toEqual([]);
  });

  it('has inlined what the test is about, and knows it from its file and its stack map as well', () => {
    const image = compile(bytes, { target, level: 2, scheme: 'unwind', order: 'relaxed' });
    const { inlined } = image.map;
    const names = new Set([...inlined.wasmIndex].map((index) => image.module.names.functions.get(index)));
    for (const name of [
      'divide',
      'load',
      'store',
      'truncate',
      'never',
      'wide',
      'two',
      'nested',
      'back',
      'tick',
    ])
      expect([...names]).toContain(name);
    expect([...inlined.call].some((call) => call >= inlined.base[0])).toBe(true);
    const read = readImage(writeImage(image));
    expect(read.map.inlined).toEqual(inlined);
    const map = new StackMapReader(encodeStackMap(image));
    let deep = 0;
    for (let at = 0; at < image.constantsOffset; at++) {
      const frames = framesAt(image, at);
      if (frames.length > 2) deep++;
      expect(map.framesAt(at)).toEqual(
        frames.map(({ symbol, wasmOffset }) => ({ index: symbol.id, wasmOffset })),
      );
      expect(map.inlinedAt(at) >= 0).toBe(frames.length > 1);
    }
    expect(deep).toBeGreaterThan(0);
  });
});
