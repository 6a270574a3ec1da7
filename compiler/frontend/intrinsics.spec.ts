import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Assembler } from '../../cli/wast/assemble.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';
import { CompileError } from '../errors.ts';
import { readImage, writeImage } from '../image/file.ts';
import type { Image } from '../image/image.ts';
import { compile } from '../index.ts';
import type { Func } from '../ir/function.ts';
import { printFunction } from '../ir/print.ts';
import type { Target } from '../target.ts';
import { intrinsicModule, intrinsics } from './intrinsics.ts';

const assembler = await Assembler.load();
const targets = [x86_64, armv7] as const;

const asked = { intrinsics: true };

function build(
  text: string,
  target: Target = x86_64,
  flag: { readonly intrinsics?: boolean } = asked,
): Image {
  const bytes = assembler.assembleStrictly(`(module ${text})`);
  return compile(bytes, { target, level: 1, scheme: 'atomic', order: 'relaxed', ...flag });
}

/** The function exported as `f`, as the front end builds it. */
function ssaOf(text: string, target: Target, flag = true): string {
  let built: string | undefined;
  const afterPass = (pass: string, func: Func): void => {
    if (pass === 'build' && func.symbol.name === 'f') built = printFunction(func);
  };
  const bytes = assembler.assembleStrictly(`(module ${text})`);
  const options = { target, level: 0, scheme: 'none', order: 'relaxed', intrinsics: flag } as const;
  compile(bytes, { ...options, observe: { afterPass } });
  return built ?? '';
}

const importOf = (name: string): string => {
  const { params, results } = intrinsics.get(name) ?? { params: [], results: [] };
  return `(import "fathom" "${name}" (func $${name} (param ${params.join(' ')}) (result ${results.join(' ')})))`;
};

it('the table is what the runtime declares', () => {
  const source = readFileSync(new URL('../../runtime/assembly/fathom.ts', import.meta.url), 'utf8');
  const types: Readonly<Record<string, string>> = { u32: 'i32', u64: 'i64', i64: 'i64', void: '' };
  const declared = [...source.matchAll(/^export declare function (\w+)\(([^)]*)\): (\w+);$/gm)].map(
    ([, name, params, result]) => {
      const list = [...params.matchAll(/: (\w+)/g)].map(([, type]) => types[type]);
      return `${name}(${list.join()})${types[result]}`;
    },
  );
  const table = [...intrinsics].map(([name, { params, results }]) => `${name}(${params.join()})${results}`);
  expect(declared.length).toBeGreaterThan(10);
  expect(declared.toSorted()).toEqual(table.toSorted());
});

const store = `${importOf('store_u32')}
  (func (export "f") (param i64) (call $store_u32 (local.get 0) (i32.const 7)))`;

describe.each(targets)('for $name', (target) => {
  it('a call of an import becomes an instruction only where the compiler is asked for that', () => {
    const built = ssaOf(store, target);
    expect(built).toContain('region native');
    expect(built).not.toContain('call');
    for (const text of [ssaOf(store, target, false), ssaOf(store.replace('"fathom"', '"env"'), target)]) {
      expect(text).toMatch(/call_ptr @-1 \(i64, i32\) -> \(\)/);
      expect(text).not.toContain('region native');
    }
  });

  it('a module that merely names them is compiled without them unless told otherwise', () => {
    const system = `${importOf('syscall')} (func (export "f") (result i64)
      (call $syscall (i32.const 60) ${'(i64.const 1)'.repeat(6)}))`;
    const kernelCalls = (image: Image): number => {
      const { code, constantsOffset } = image;
      let found = 0;
      for (let at = 0; at + 4 <= constantsOffset; at += target === armv7 ? 4 : 1) {
        const word = Buffer.from(code).readUInt32LE(at);
        if (target === armv7 ? word === 0xef000000 : (word & 0xffff) === 0x050f) found++;
      }
      return found;
    };
    expect(kernelCalls(build(system, target))).toBe(1);
    expect(kernelCalls(build(system, target, {}))).toBe(0);
    expect(kernelCalls(build(system, target, { intrinsics: false }))).toBe(0);
  });

  it('functions that only make system calls stay leaves', () => {
    const system = `${importOf('syscall')} (func (export "f") (result i64)
      (call $syscall (i32.const 1) ${'(i64.const 1)'.repeat(6)}))`;
    const image = build(system, target);
    expect(image.functions[image.symbols.wasm[1]].recordOffset).toBe(-1);
  });

  it('all of them compile in code that is never reached, too', () => {
    const bodies = [...intrinsics].map(
      ([name]) => `(func (export "f_${name}") unreachable (call $${name}) unreachable)`,
    );
    const imports = [...intrinsics.keys()].map(importOf);
    const image = build(`${imports.join('')} (memory 1 1) ${bodies.join('')}`, target);
    expect(image.functions.filter(({ kind }) => kind === 'wasm')).toHaveLength(intrinsics.size);
  });
});

describe('what is refused', () => {
  const refused = (text: string, message: string | RegExp): void => {
    expect(() => build(text)).toThrow(CompileError);
    expect(() => build(text)).toThrow(message);
    // It is about intrinsics: the same module is fine as a user's.
    expect(build(text, x86_64, {}).symbols.service).toBe(-1);
  };

  it('names that no intrinsic has', () => {
    refused('(import "fathom" "peek" (func (param i64)))', "there is no intrinsic 'peek'");
    refused('(import "fathom" "constructor" (func))', "there is no intrinsic 'constructor'");
  });

  it.each([...intrinsics.keys()])('%s of another type', (name) => {
    refused(`(import "fathom" "${name}" (func (param f32)))`, `the intrinsic '${name}' is of type (`);
    const { params, results } = intrinsics.get(name) ?? { params: [], results: [] };
    const more = `(param ${params.join(' ')}) (result ${results.join(' ')} i32)`;
    refused(`(import "fathom" "${name}" (func ${more}))`, `the intrinsic '${name}' is of type (`);
  });

  it('references to them', () => {
    const only = "'word_bytes' is no function: it can only be called";
    const imported = importOf('word_bytes');
    refused(`${imported} (export "w" (func $word_bytes))`, only);
    refused(`${imported} (table 1 funcref) (elem (i32.const 0) $word_bytes)`, only);
    refused(`${imported} (elem declare func $word_bytes) (func (drop (ref.func $word_bytes)))`, only);
    refused(`${imported} (global funcref (ref.func $word_bytes))`, only);
  });

  it('the address of a memory that is not there', () => {
    refused(importOf('memory_base'), "'memory_base' in a module without memory");
  });

  it('a service of another type', () => {
    const message = /^the export 'service' is no function of type i64,i32,i64,i64>i64$/;
    refused('(func (export "service") (param i64))', message);
    refused(
      '(import "m" "f" (func $f (param i64 i32 i64 i64) (result i64))) (export "service" (func $f))',
      message,
    );
  });
});

describe('the service adapter', () => {
  const service = '(func (export "service") (param i64 i32 i64 i64) (result i64) (i64.const 5))';

  it('is there where intrinsics are on and a function is exported as service', () => {
    const image = build(service);
    const adapter = image.functions[image.symbols.service];
    expect(adapter).toMatchObject({ kind: 'cross-adapter', name: 'service adapter', wasmIndex: -1 });
    expect(build(service, x86_64, {}).symbols.service).toBe(-1);
    expect(build('(func)').symbols.service).toBe(-1);
    expect(build('(memory (export "service") 1)').symbols.service).toBe(-1);
  });

  it('is called as a C function of four words is', () => {
    for (const { locations, native, word } of targets) {
      const words = locations({ symbol: 0, params: [word, word, word, word], results: [word] });
      expect(words).toMatchObject({ params: native.params.slice(0, 4), results: [native.result] });
    }
  });

  it('survives the image file, which may not name another function', () => {
    const image = build(service);
    expect(readImage(writeImage(image)).symbols.service).toBe(image.symbols.service);
    for (const wrong of [image.symbols.init, image.functions.length, -2]) {
      const damaged = { ...image, symbols: { ...image.symbols, service: wrong } };
      expect(() => readImage(writeImage(damaged))).toThrow(
        'the service adapter is no cross-adapter of the image',
      );
    }
  });
});

it('the module they are imported from has no say in anything else', () => {
  const image = build(
    `(import "${intrinsicModule}" "g" (global i32)) (func (export "f") (result i32) (global.get 0))`,
  );
  expect(image.module.importedGlobals).toBe(1);
});
