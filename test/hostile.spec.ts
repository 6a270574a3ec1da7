import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { CompileError, ImageError } from '../compiler/errors.ts';
import { readImage, writeImage } from '../compiler/image/file.ts';
import { compile } from '../compiler/index.ts';
import { mostInlinedBodies } from '../compiler/ir/function.ts';
import { armv7 } from '../targets/armv7/index.ts';
import { x86_64 } from '../targets/x86_64/index.ts';
import { random } from './fuzz/generate.ts';

const resolve = createRequire(import.meta.url).resolve;
/** Rust, 48 KB. */
const mappings = readFileSync(resolve('source-map/lib/mappings.wasm'));
/** C, 690 KB. */
const sqlite = readFileSync(resolve('sql.js/dist/sql-wasm.wasm'));

/** How handing in `bytes` ends: an image, a refusal with its kind, or anything else, which is a bug. */
function outcome(bytes: Uint8Array, pick: number): string {
  try {
    const image = compile(bytes, {
      target: pick % 2 === 0 ? x86_64 : armv7,
      level: pick % 4 < 2 ? 0 : 1,
      scheme: 'atomic',
      order: 'relaxed',
    });
    return image.code.length > 0 ? 'image' : 'empty image';
  } catch (error) {
    if (error instanceof CompileError && error.message.length > 0 && !error.message.includes('\n'))
      return error.kind;
    return `internal: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

/** Every outcome is one of `allowed`, or the first that is not is shown. */
function expectAll(outcomes: readonly string[], allowed: readonly string[]): void {
  expect(outcomes.filter((o) => !allowed.includes(o)).slice(0, 3)).toEqual([]);
}

/** Peak resident memory of this process in bytes. */
const peakMemory = (): number => process.resourceUsage().maxRSS * 1024;

describe('hostile modules', () => {
  it.each([
    ['Rust', mappings],
    ['C', sqlite],
  ])('refuses a %s module truncated anywhere', (_, bytes) => {
    const next = random(1);
    const cuts = [
      ...Array.from({ length: 2048 }, (_, i) => i),
      ...Array.from({ length: 500 }, () => next() % bytes.length),
    ];
    // A module cut between its sections may be a module still, if a short one (8 bytes: an empty one).
    const results = cuts.map((cut, i) => outcome(bytes.subarray(0, cut), i));
    expectAll(results, ['malformed', 'invalid', 'image']);
    expect(results.filter((r) => r === 'malformed').length).toBeGreaterThan(cuts.length * 0.9);
  });

  it('takes or refuses a module with one byte changed, never anything else', () => {
    const next = random(2);
    const results = Array.from({ length: 2000 }, (_, i) => {
      const changed = Uint8Array.from(mappings);
      changed[next() % changed.length] ^= 1 + (next() % 255);
      return outcome(changed, i);
    });
    expectAll(results, ['malformed', 'invalid', 'unsupported', 'limit', 'image']);
    expect(new Set(results)).toContain('image');
    expect(new Set(results)).toContain('malformed');
    expect(new Set(results)).toContain('invalid');
    expect(peakMemory()).toBeLessThan(2 ** 30);
  }, 600_000);
});

describe('hostile images', () => {
  it('reads back what was written, and refuses or reads what was changed', () => {
    const image = compile(mappings, { target: armv7, level: 1, scheme: 'atomic', order: 'release' });
    const file = writeImage(image);
    const back = readImage(file);
    expect(back.code).toEqual(image.code);
    expect(back.map).toEqual(image.map);
    expect(back.functions).toEqual(image.functions);
    expect(back.env).toEqual(image.env);
    const next = random(3);
    for (let i = 0; i < 500; i++) {
      const changed = file.slice(0, i % 2 === 0 ? file.length : next() % file.length);
      // The first bytes hold the section table and the description: all that is interpreted.
      changed[next() % Math.min(changed.length, 1 << (4 + (i % 14)))] ^= 1 + (next() % 255);
      try {
        readImage(changed);
      } catch (error) {
        if (!(error instanceof ImageError || error instanceof CompileError)) throw error;
      }
    }
  });

  it('refuses inlined bodies inside of more than the inliner puts there', () => {
    const image = compile(mappings, { target: x86_64, level: 1, scheme: 'atomic', order: 'relaxed' });
    const { bytes, functions, importedFunctions } = image.module;
    /** Bodies of one function, each called from the one before. */
    const chain = (length: number): Uint8Array => {
      const base = Int32Array.from({ length }, (_, k) => bytes.length + 100 * k);
      const inlined = {
        base,
        wasmIndex: new Int32Array(length).fill(importedFunctions),
        bodyStart: new Int32Array(length).fill(functions[importedFunctions].bodyStart),
        call: base.map((_, k) => (k === 0 ? functions[importedFunctions].bodyStart : base[k - 1])),
      };
      return writeImage({ ...image, map: { ...image.map, inlined } });
    };
    expect(readImage(chain(mostInlinedBodies)).map.inlined.base.length).toBe(mostInlinedBodies);
    expect(() => readImage(chain(mostInlinedBodies + 1))).toThrow(
      new ImageError(`inlined call ${mostInlinedBodies} is too deep`),
    );
    expect(() => readImage(chain(1_000_000))).toThrow(ImageError);
  });

  it.each([x86_64, armv7])('refuses records outside of their frames, for $name', (target) => {
    const image = compile(mappings, { target, level: 1, scheme: 'atomic', order: 'relaxed' });
    const [{ id, frameBytes }] = image.functions.filter(({ recordOffset }) => recordOffset >= 0);
    const withFrame = (changed: { frameBytes?: number; recordOffset?: number }) => {
      const functions = image.functions.map((f) => (f.id === id ? { ...f, ...changed } : f));
      return () => readImage(writeImage({ ...image, functions }));
    };
    const outside = new ImageError(`the record of function ${id} lies outside of its frame`);
    expect(withFrame({})).not.toThrow();
    expect(withFrame({ frameBytes: 0 })).toThrow(outside);
    expect(withFrame({ recordOffset: frameBytes - target.word })).toThrow(outside);
    expect(withFrame({ recordOffset: -2 })).toThrow(outside);
  });
});
