import { describe, expect, it } from 'vitest';
import { Sampler } from '../../emu/sample.ts';
import { createWebAssembly } from '../../emu/webassembly.ts';
import { farCall } from '../../targets/armv7/emit.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { assembleModule } from '../../test/support/small-runtime.ts';
import { compile } from '../index.ts';
import type { Target } from '../target.ts';
import type { Image } from './image.ts';

/** ARMv7 whose calls reach 2 KiB only, so that some ten kilobytes of code need what 60 MiB would. */
const reach = 2048;
const nearsighted: Target = { ...armv7, farCall: { ...farCall, reach } };

/** Functions that call their neighbour and one far away, forwards and backwards, directly and through a table. */
const count = 80;
const functions = Array.from({ length: count }, (_, k) => {
  const far = (k + 37) % count;
  return `(func $f${k} (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const ${k}))))
    (i32.add
      (i32.mul (call $f${(k + 1) % count} (i32.sub (local.get 0) (i32.const 1))) (i32.const 3))
      (i32.add
        (call $f${far} (i32.sub (local.get 0) (i32.const 1)))
        (call_indirect (param i32) (result i32) (i32.shr_u (local.get 0) (i32.const 1)) (i32.const ${far})))))`;
});
const module = assembleModule(`(module
  (table funcref (elem ${functions.map((_, k) => `$f${k}`).join(' ')}))
  ${functions.join('\n')}
  (func (export "run") (param i32) (result i32) (call $f3 (local.get 0)))
  (start $start) (func $start (drop (call $f79 (i32.const 1)))))`);

const compileFor = (target: Target): Image =>
  compile(module, { target, level: 1, scheme: 'atomic', order: 'relaxed' });

/** Distances of all `bl` of an image (DDI 0406C, A8.8.25). */
function callDistances({ code, functions: all }: Image): number[] {
  const view = new DataView(code.buffer, code.byteOffset);
  const distances: number[] = [];
  for (const { offset, size } of all) {
    for (let at = offset; at < offset + size; at += 4) {
      const word = view.getUint32(at, true);
      if ((word & 0x0f000000) === 0x0b000000) distances.push(((word << 8) >> 6) + 8);
    }
  }
  return distances;
}

describe('veneers', () => {
  it('stand where calls reach them, each once in an island', () => {
    const image = compileFor(nearsighted);
    expect(image.constantsOffset).toBeGreaterThan(4 * reach);
    const distances = callDistances(image);
    expect(distances.length).toBeGreaterThan(2 * count);
    expect(Math.max(...distances.map(Math.abs))).toBeLessThan(reach);
    const veneers = image.functions.filter(({ name }) => name === 'veneer');
    expect(veneers.length).toBeGreaterThan(10);
    expect(new Set(veneers.map(({ size }) => size))).toEqual(new Set([12]));
    // Symbols are numbered anew.
    for (const { id, wasmIndex } of image.functions)
      if (wasmIndex >= 0) expect(image.symbols.wasm[wasmIndex]).toBe(id);
    expect(image.functions[image.symbols.init].kind).toBe('init');
    expect(image.functions[image.symbols.initEntry].kind).toBe('entry-adapter');
  });

  it('are not made where calls reach everything', () => {
    const { functions: all } = compileFor(armv7);
    expect(all.some(({ name }) => name === 'veneer')).toBe(false);
    expect(all.map(({ id }) => id)).toEqual(all.map((_, k) => k));
  });

  it('change no result, and the stack is read through them at every instruction', () => {
    const { run } = new WebAssembly.Instance(new WebAssembly.Module(module)).exports;
    const emulated = createWebAssembly({ target: nearsighted, scheme: 'atomic' });
    const sampler = new Sampler(emulated.machine, {
      scheme: 'atomic',
      schedule: { kind: 'every-instruction' },
      verify: true,
    });
    sampler.during(() => {
      const { exports } = new emulated.Instance(new emulated.Module(module));
      for (const depth of [0, 1, 5])
        expect((exports.run as (n: number) => number)(depth)).toBe((run as (n: number) => number)(depth));
    });
    const report = sampler.report();
    expect(report.samples).toBeGreaterThan(3000);
    expect(report.mismatches).toEqual([]);
    expect(report.attributed).toBe(report.samples);
  });
});
