import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Image } from '../compiler/image/image.ts';
import { frameAt, functionAt, positionAt, trapAt } from '../compiler/image/lookup.ts';
import {
  encodeStackMap,
  type StackMapField,
  stackMapFields,
  stackMapKinds,
  stackMapSchemes,
} from '../compiler/image/stack-map.ts';
import { assembleProgram, compileFor, readSqlite } from '../test/support/real-images.ts';

/** The handler's look-ups in V8, with a map that lies in "native memory" of which JavaScript is the intrinsics. */
interface Lookups {
  scheme(map: bigint): number;
  leavesPublish(map: bigint): number;
  functionCount(map: bigint): number;
  functionStart(map: bigint, index: number): number;
  functionAt(map: bigint, codeOffset: number): number;
  functionField(map: bigint, index: number, field: number): number;
  functionName(map: bigint, index: number): bigint;
  frameAt(map: bigint, index: number, codeOffset: number): number;
  positionAt(map: bigint, index: number, codeOffset: number): number;
  trapAt(map: bigint, index: number, codeOffset: number): number;
  readonly frameCfa: WebAssembly.Global;
  readonly frameReturnAddress: WebAssembly.Global;
  readonly framePublished: WebAssembly.Global;
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** `asc` on the look-ups alone, as the handler's build does it. */
function assemble(): Uint8Array<ArrayBuffer> {
  const folder = mkdtempSync(join(tmpdir(), 'fathom-stack-map-'));
  try {
    for (const file of ['fathom.ts', 'stack-map.ts'])
      copyFileSync(path(`assembly/${file}`), join(folder, file));
    writeFileSync(join(folder, 'entry.ts'), "export * from './stack-map';\n");
    const asc = path('../node_modules/assemblyscript/bin/asc.js');
    const options = ['-O3', '--runtime', 'stub', '--noAssert', '--use', 'abort=', '-o', 'out.wasm'];
    const { status, stderr } = spawnSync(
      process.execPath,
      [asc, 'entry.ts', '--baseDir', folder, ...options],
      { encoding: 'utf8', cwd: folder },
    );
    if (status !== 0) throw new Error(`asc:\n${stderr}`);
    return new Uint8Array(readFileSync(join(folder, 'out.wasm')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const module = await WebAssembly.compile(assemble());
/** Above 4 GiB, so that an address cut to 32 bits shows. */
const base = 0x7_1234_5678n;

function lookupsOver(map: Uint8Array): Lookups {
  const view = new DataView(map.buffer, map.byteOffset, map.byteLength);
  const at = (address: bigint): number => Number(address - base);
  const fathom = {
    load_u8: (address: bigint) => view.getUint8(at(address)),
    load_u32: (address: bigint) => view.getUint32(at(address), true),
  };
  return new WebAssembly.Instance(module, { fathom }).exports as unknown as Lookups;
}

function differences(image: Image, map: Uint8Array, step: number): number[] {
  const lookups = lookupsOver(map);
  const differ: number[] = [];
  for (let at = 0; at < image.code.length; at += step) {
    const f = functionAt(image, at);
    const index = lookups.functionAt(base, at);
    if (f === undefined || index !== f.id) {
      if (f !== undefined || index !== -1) differ.push(at);
      continue;
    }
    const frame = frameAt(image, at);
    const found = lookups.frameAt(base, index, at) !== 0;
    const same =
      found &&
      frame !== undefined &&
      frame.cfa === lookups.frameCfa.value &&
      frame.returnAddress === lookups.frameReturnAddress.value &&
      Number(frame.published) === lookups.framePublished.value &&
      positionAt(image, at) === lookups.positionAt(base, index, at) &&
      (trapAt(image, at) ?? -1) === lookups.trapAt(base, index, at);
    if (!same) differ.push(at);
  }
  return differ;
}

describe.each(['x86_64', 'armv7'] as const)("the handler's look-ups for %s", (target) => {
  it.each(['fib', 'hot-leaf', 'mixed'])('%s: equal to the tables at every byte', (program) => {
    const image = compileFor(assembleProgram(program), target);
    expect(differences(image, encodeStackMap(image), 1)).toEqual([]);
  });

  it('SQLite: equal to the tables', () => {
    const image = compileFor(readSqlite(), target);
    expect(differences(image, encodeStackMap(image), 61)).toEqual([]);
  });

  it('read a record word by word', () => {
    const image = compileFor(assembleProgram('mixed'), target);
    const map = encodeStackMap(image);
    const lookups = lookupsOver(map);
    expect(lookups.functionCount(base)).toBe(image.functions.length);
    expect(stackMapSchemes[lookups.scheme(base)]).toBe('atomic');
    expect(lookups.leavesPublish(base)).toBe(0);
    for (const f of image.functions) {
      const word = (field: StackMapField): number =>
        lookups.functionField(base, f.id, stackMapFields.indexOf(field)) | 0;
      const { size, frameBytes, recordOffset, slotBase, wasmIndex } = f;
      for (const [field, value] of Object.entries({ size, frameBytes, recordOffset, slotBase, wasmIndex }))
        expect(word(field as StackMapField)).toBe(value);
      expect(word('kind')).toBe(stackMapKinds[f.kind]);
      expect(lookups.functionStart(base, f.id)).toBe(f.offset);
      const name = map.subarray(Number(lookups.functionName(base, f.id) - base));
      expect(new TextDecoder().decode(name.subarray(0, name.indexOf(0)))).toBe(f.name);
    }
  });
});

it('numbers of any size', () => {
  const image = compileFor(assembleProgram('fib'), 'armv7');
  const map = {
    ...image.map,
    positionAt: Uint32Array.of(0, 4, 8, 12, 16),
    position: Int32Array.of(2 ** 31 - 1, -1, -(2 ** 31), 2 ** 27, 2 ** 20),
    frameAt: Uint32Array.of(0, 8),
    cfa: Int32Array.of(2 ** 31 - 8, 200),
    returnAddress: Int32Array.of(2 ** 31 - 12, -1),
    published: Uint8Array.of(1, 0),
  };
  const size = image.functions[0].size;
  expect(size).toBeGreaterThan(20);
  const first = { ...image, map, code: image.code.subarray(0, size) };
  expect(differences(first, encodeStackMap(first), 1)).toEqual([]);
});

it('both sides name fields, kinds and schemes in the same order', () => {
  const source = readFileSync(path('assembly/stack-map.ts'), 'utf8');
  const names = (name: string): string[] | undefined =>
    new RegExp(`enum ${name} \\{([^}]*)\\}`)
      .exec(source)?.[1]
      .match(/\w+/g)
      ?.map((word) => word.toLowerCase());
  expect(names('Field')).toEqual(stackMapFields.map((field) => field.toLowerCase()));
  expect(names('Scheme')).toEqual([...stackMapSchemes]);
  expect(names('FunctionKind')).toEqual(Object.keys(stackMapKinds).map((kind) => kind.replace('-', '')));
});
