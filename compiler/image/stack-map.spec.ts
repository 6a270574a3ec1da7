import { describe, expect, it } from 'vitest';
import { assembleProgram, compileFor, readSqlite } from '../../test/support/real-images.ts';
import { ImageError } from '../errors.ts';
import type { Image } from './image.ts';
import { frameAt, functionAt, positionAt, trapAt } from './lookup.ts';
import { encodeStackMap, stackMapFields, stackMapHeader, stackMapKinds } from './stack-map.ts';
import { StackMapReader } from './stack-map-reader.ts';

const targets = ['x86_64', 'armv7'] as const;
const programs = ['fib', 'hot-leaf', 'mixed'] as const;

/** Code offsets where map and tables disagree, of every `step`th byte, constants and what lies behind them included. */
function differences(image: Image, bytes: Uint8Array, step = 1): number[] {
  const reader = new StackMapReader(bytes);
  const differ: number[] = [];
  for (let at = 0; at < image.code.length + 20; at += step) {
    const f = functionAt(image, at);
    const mapped = reader.functionAt(at);
    const frame = frameAt(image, at);
    const mappedFrame = reader.frameAt(at);
    const same =
      f?.id === mapped?.index &&
      reader.positionAt(at) === (f === undefined ? -1 : positionAt(image, at)) &&
      reader.trapAt(at) === trapAt(image, at) &&
      frame?.cfa === mappedFrame?.cfa &&
      frame?.returnAddress === mappedFrame?.returnAddress &&
      frame?.published === mappedFrame?.published;
    if (!same) differ.push(at);
  }
  return differ;
}

describe.each(targets)('stack maps for %s', (target) => {
  it.each(programs)('%s: equal to the tables at every byte', (program) => {
    const image = compileFor(assembleProgram(program), target);
    expect(image.map.trapAt.length + image.map.frameAt.length).toBeGreaterThan(10);
    expect(differences(image, encodeStackMap(image))).toEqual([]);
  });

  it('describes functions as the image does', () => {
    const image = compileFor(assembleProgram('mixed'), target);
    const reader = new StackMapReader(encodeStackMap(image));
    expect(reader.count).toBe(image.functions.length);
    expect(reader.scheme).toBe('atomic');
    for (const f of image.functions) {
      const mapped = reader.function(f.id);
      expect(reader.name(mapped)).toBe(f.name);
      expect(mapped).toMatchObject({
        index: f.id,
        offset: f.offset,
        size: f.size,
        frameBytes: f.frameBytes,
        recordOffset: f.recordOffset,
        slotBase: f.slotBase,
        kind: stackMapKinds[f.kind],
        wasmIndex: f.wasmIndex,
      });
    }
  });

  it('says that leaves publish where they do', () => {
    const bytes = assembleProgram('hot-leaf');
    const leaves = [false, true].map(
      (publish) => new StackMapReader(encodeStackMap(compileFor(bytes, target, publish))).leavesPublish,
    );
    expect(leaves).toEqual([false, true]);
  });

  it('SQLite: equal to the tables, and small', () => {
    const image = compileFor(readSqlite(), target);
    const bytes = encodeStackMap(image);
    expect(differences(image, bytes, 13)).toEqual([]);
    const perCodeByte = bytes.length / image.constantsOffset;
    console.info(`${target}: ${bytes.length} bytes of map for ${image.constantsOffset} bytes of code`);
    expect(perCodeByte).toBeLessThan(target === 'x86_64' ? 0.5 : 0.43);
  });
});

/** An image with nothing in it but what the map is made of. */
const image = compileFor(assembleProgram('fib'), 'armv7');

it('holds positions and frames of any size, and one row for each place', () => {
  const [first, second] = image.functions;
  const map = {
    ...image.map,
    positionAt: Uint32Array.of(first.offset, 4, 4, 8, 12, second.offset),
    position: Int32Array.of(2 ** 31 - 1, 5, -1, -(2 ** 31), 2 ** 27, 2 ** 20),
    frameAt: Uint32Array.of(first.offset, 8, second.offset),
    cfa: Int32Array.of(2 ** 31 - 8, 200, 8),
    returnAddress: Int32Array.of(2 ** 31 - 12, -1, 0),
    published: Uint8Array.of(1, 0, 0),
  };
  const bytes = encodeStackMap({ ...image, map });
  expect(differences({ ...image, map }, bytes).filter((at) => at < second.offset + second.size)).toEqual([]);
});

it('keeps names to one line that ends where it should', () => {
  const functions = image.functions.map((f) => ({ ...f, name: `a\0b\n\u001b[2Jé${f.id}` }));
  const reader = new StackMapReader(encodeStackMap({ ...image, functions }));
  expect(reader.name(reader.function(1))).toBe('a\ufffdb\ufffd\ufffd[2Jé1');
});

it('writes the header that the handler expects', () => {
  const image = compileFor(assembleProgram('hot-leaf'), 'x86_64');
  const words = [...new Uint32Array(encodeStackMap(image).slice(0, stackMapHeader.bytes).buffer)];
  const n = image.functions.length;
  const records = 40 + 4 * (n + 1);
  const size = encodeStackMap(image).length;
  expect(words).toEqual([0x324d5346, n, 40, records, records + 44 * n, 1, 0, size, size, 0]);
});

describe('a map from outside', () => {
  const good = encodeStackMap(image);
  const withWord = (offset: number, value: number): Uint8Array => {
    const bytes = good.slice();
    new DataView(bytes.buffer).setUint32(offset, value, true);
    return bytes;
  };

  it.each([
    ['nothing', new Uint8Array(), 'not a stack map'],
    ['another magic', withWord(0, 1), 'not a stack map'],
    ['no end', good.slice(0, -1), 'a truncated stack map'],
    ['many functions', withWord(stackMapHeader.count, 0xffff_ffff), 'lie outside'],
    ['starts elsewhere', withWord(stackMapHeader.starts, 0xffff_fff0), 'lie outside'],
    ['records elsewhere', withWord(stackMapHeader.functions, 0xffff_fff0), 'lie outside'],
    ['a size that holds no tables', withWord(stackMapHeader.size, 40), 'lie outside'],
    ['inlined calls elsewhere', withWord(stackMapHeader.inlinedCount, 0x1000_0000), 'lie outside'],
    ['another scheme', withWord(stackMapHeader.scheme, 5), 'scheme'],
    ['functions out of order', withWord(stackMapHeader.bytes, 0xffff_ffff), 'out of order'],
  ])('%s is refused', (_what, bytes, message) => {
    expect(() => new StackMapReader(bytes)).toThrow(ImageError);
    expect(() => new StackMapReader(bytes)).toThrow(message);
  });

  const recordOf = (field: (typeof stackMapFields)[number]): number =>
    stackMapHeader.bytes + 4 * (image.functions.length + 1) + 4 * stackMapFields.indexOf(field);

  it('names, streams and kinds that do not fit are refused where they are asked for', () => {
    const outside = 0xffff_ff00;
    const kind = new StackMapReader(withWord(recordOf('kind'), 6));
    expect(() => kind.function(0)).toThrow('no known kind');
    const name = new StackMapReader(withWord(recordOf('name'), outside));
    expect(() => name.name(name.function(0))).toThrow(ImageError);
    for (const [field, ask] of [
      ['positions', (reader: StackMapReader) => reader.positionAt(0)],
      ['frames', (reader: StackMapReader) => reader.frameAt(0)],
      ['traps', (reader: StackMapReader) => reader.trapAt(0)],
      ['inlined', (reader: StackMapReader) => reader.inlinedAt(0)],
    ] as const)
      expect(() => ask(new StackMapReader(withWord(recordOf(field), outside)))).toThrow(ImageError);
    expect(() => new StackMapReader(good).function(image.functions.length)).toThrow(RangeError);
  });

  it('any damaged byte gives an answer or an ImageError', () => {
    for (let at = 0; at < good.length; at++) {
      const bytes = good.slice();
      bytes[at] ^= 0xff;
      try {
        const reader = new StackMapReader(bytes);
        for (let offset = 0; offset < image.code.length; offset += 64) {
          const f = reader.functionAt(offset);
          reader.positionAt(offset);
          reader.frameAt(offset);
          reader.trapAt(offset);
          reader.inlinedAt(offset);
          reader.framesAt(offset);
          if (f !== undefined) reader.name(f);
        }
      } catch (error) {
        expect(error, `byte ${at}`).toBeInstanceOf(ImageError);
      }
    }
  });
});
