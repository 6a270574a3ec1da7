import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { checkAllocation, snapshot } from '../compiler/backend/check-allocation.ts';
import { CompileError } from '../compiler/errors.ts';
import { writeImage } from '../compiler/image/file.ts';
import type { Image } from '../compiler/image/image.ts';
import { type CompileOptions, compile, validate } from '../compiler/index.ts';
import { verify } from '../compiler/ir/verify.ts';
import { runtimeModules } from '../runtime/index.ts';
import { armv7 } from '../targets/armv7/index.ts';
import { x86_64 } from '../targets/x86_64/index.ts';

/** Whole modules through the whole pipeline, with the verifier after every pass and the allocation checker on. */
const targets = [x86_64, armv7];
const levels = [0, 1, 2, 3] as const;
const toolkit = await wabt();

function assemble(name: string, text: string): Uint8Array {
  const module = toolkit.parseWat(name, text);
  const { buffer } = module.toBinary({ write_debug_names: true });
  module.destroy();
  return buffer;
}

function checked(bytes: Uint8Array, options: Omit<CompileOptions, 'observe'>): Image {
  const { target } = options;
  let before = null as ReturnType<typeof snapshot> | null;
  return compile(bytes, {
    ...options,
    observe: {
      afterPass: (_, func) => verify(func, target.word),
      afterStage(stage, func) {
        if (stage === 'select') before = snapshot(func);
        else if (stage === 'allocate' && before !== null) checkAllocation(before, func, target);
      },
    },
  });
}

/** What readers rely on: tables that ascend, and a frame at every byte of every function. */
function expectSound({ functions, map, code, constantsOffset }: Image): void {
  for (const table of [map.positionAt, map.frameAt, map.trapAt, map.publicationAt]) {
    for (let k = 1; k < table.length; k++) expect(table[k]).toBeGreaterThan(table[k - 1]);
  }
  const frames = new Set(map.frameAt);
  let end = 0;
  functions.forEach(({ id, offset, size }, k) => {
    expect(id).toBe(k);
    expect(size).toBeGreaterThan(0);
    expect(offset % 16).toBe(0);
    expect(offset).toBeGreaterThanOrEqual(end);
    expect(frames.has(offset)).toBe(true);
    end = offset + size;
  });
  expect(constantsOffset).toBeGreaterThanOrEqual(end);
  expect(constantsOffset).toBeLessThanOrEqual(code.length);
}

const modules = ['goldens', 'programs'].flatMap((folder) => {
  const url = new URL(`${folder}/`, import.meta.url);
  return readdirSync(url)
    .filter((name) => name.endsWith('.wat'))
    .map((name) => [name, assemble(name, readFileSync(new URL(name, url), 'utf8'))] as const);
});

describe.each(targets)('for $name', (target) => {
  it.each(modules)('%s compiles at all levels, schemes and orders, always to the same image', (_, bytes) => {
    for (const [level, scheme, order, publishLeaves] of [
      [0, 'none', 'relaxed', false],
      [0, 'atomic', 'seq_cst', true],
      [1, 'atomic', 'relaxed', true],
      [2, 'none', 'relaxed', false],
      [2, 'atomic', 'release', false],
      [1, 'tail', 'relaxed', true],
      [1, 'tail', 'release', false],
      [1, 'field', 'seq_cst', false],
      [1, 'unwind', 'relaxed', false],
      [3, 'atomic', 'seq_cst', true],
    ] as const) {
      const options = { target, level, scheme, order, publishLeaves };
      const image = checked(bytes, options);
      expectSound(image);
      expect(compile(bytes, options).code).toEqual(image.code);
    }
  });

  it.each(levels)('source-map (Rust, 48 KB) compiles at -O%i', (level) => {
    const bytes = readFileSync(createRequire(import.meta.url).resolve('source-map/lib/mappings.wasm'));
    expectSound(checked(bytes, { target, level, scheme: 'atomic', order: 'relaxed' }));
  });

  it.each(['wasi', 'handler'] as const)(
    '%s of the runtime, which is made of intrinsics, compiles',
    (part) => {
      for (const [level, scheme] of [
        [0, 'none'],
        [0, 'atomic'],
        [1, 'none'],
        [1, 'atomic'],
      ] as const) {
        const options = { target, level, scheme, order: 'release', intrinsics: true } as const;
        const image = checked(runtimeModules()[part], options);
        expectSound(image);
        expect(image.symbols.service >= 0).toBe(part === 'wasi');
      }
    },
  );

  it('an image without functions has its init function and entry', () => {
    const image = checked(assemble('empty.wat', '(module)'), {
      target,
      level: 2,
      scheme: 'atomic',
      order: 'relaxed',
    });
    expect(image.functions.map(({ kind }) => kind)).toEqual(['init', 'entry-adapter']);
    expect(image.symbols.initEntry).toBe(1);
  });

  it('shares adapters between equal types and makes none for types that stay inside', () => {
    const { symbols, functions } = checked(
      assemble(
        'types.wat',
        `(module (type (func (param i32))) (type (func (param i32))) (type (func (param f32)))
          (import "a" "b" (func (type 0)))
          (func (export "c") (type 1))
          (func (type 2)))`,
      ),
      { target, level: 2, scheme: 'none', order: 'relaxed' },
    );
    for (const table of [symbols.entry, symbols.cross, symbols.host]) {
      expect(table[0]).toBe(table[1]);
      expect(table[2]).toBe(-1);
    }
    expect(functions[symbols.host[0]].kind).toBe('host-adapter');
  });
});

it('compiles a large module to the same image file every time, whatever was compiled before', () => {
  const bytes = readFileSync(createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm'));
  const files = [x86_64, armv7, x86_64, armv7].map((target) =>
    Buffer.from(writeImage(compile(bytes, { target, level: 1, scheme: 'atomic', order: 'relaxed' }))),
  );
  // Not toEqual: a difference would be printed whole.
  expect(files[2].equals(files[0])).toBe(true);
  expect(files[3].equals(files[1])).toBe(true);
  expect(files[0].equals(files[1])).toBe(false);
}, 300_000);

describe('refusals', () => {
  const invalid = (() => {
    const module = toolkit.parseWat(
      'invalid.wat',
      '(module (func (result i32) (i64.const 1)) (func (drop)) (func (export "f")))',
    );
    const { buffer } = module.toBinary({});
    module.destroy();
    return buffer;
  })();

  it('are about the first invalid function', () => {
    const offsets = targets.map((target) => {
      try {
        compile(invalid, { target, level: 2, scheme: 'none', order: 'relaxed' });
      } catch (error) {
        if (error instanceof CompileError) return [error.kind, error.offset];
      }
      return [];
    });
    expect(offsets[0]).toEqual(offsets[1]);
    expect(offsets[0][0]).toBe('invalid');
    expect(offsets[0][1]).toBe(invalid.length - 8);
  });

  it('are the same without compiling', () => {
    expect(() => validate(invalid, x86_64)).toThrow(CompileError);
    expect(() => validate(assemble('fine.wat', '(module (func (export "f")))'), x86_64)).not.toThrow();
  });
});
