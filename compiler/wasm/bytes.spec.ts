import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from './bytes.ts';

/** Signed LEB128, shortest form. */
function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    const byte = Number(rest & 0x7fn);
    const last = rest >> 6n === 0n || rest >> 6n === -1n;
    bytes.push(last ? byte : byte | 0x80);
    if (last) return bytes;
  }
}

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    const byte = Number(rest & 0x7fn);
    bytes.push(rest >> 7n === 0n ? byte : byte | 0x80);
    if (rest >> 7n === 0n) return bytes;
  }
}

const reader = (bytes: readonly number[]) => new ByteReader(Uint8Array.from(bytes));

describe('ByteReader', () => {
  it('reads every u32', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (value) => {
        expect(reader(unsigned(value)).u32()).toBe(value);
      }),
    );
  });

  it('reads every s32 and s33', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (value) => {
        expect(reader(signed(BigInt(value))).s32()).toBe(value);
        expect(reader(signed(BigInt(value))).s33()).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: -(1n << 32n), max: (1n << 32n) - 1n }), (value) => {
        expect(reader(signed(value)).s33()).toBe(Number(value));
      }),
    );
  });

  it('reads every s64 as two words', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), (value) => {
        const r = reader(signed(value));
        const low = r.s64();
        expect((BigInt(r.high) << 32n) | BigInt(low >>> 0)).toBe(value);
      }),
    );
  });

  it.each([
    ['u32', [0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 'integer representation too long'],
    ['u32', [0xff, 0xff, 0xff, 0xff, 0x1f], 'integer too large'],
    ['s32', [0xff, 0xff, 0xff, 0xff, 0x4f], 'integer too large'],
    ['s32', [0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 'integer representation too long'],
    ['s33', [0x80, 0x80, 0x80, 0x80, 0x20], 'integer too large'],
    ['s64', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02], 'integer too large'],
    ['s64', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 'representation too long'],
    ['u32', [0x80], 'unexpected end'],
    ['word64', [1, 2, 3, 4, 5, 6, 7], 'unexpected end'],
    ['name', [2, 0xc3, 0x28], 'malformed UTF-8 encoding'],
    ['name', [3, 0xed, 0xa0, 0x80], 'malformed UTF-8 encoding'],
    ['name', [5, 0x61], 'length out of bounds'],
  ] as const)('%s refuses %j: %s', (method, bytes, message) => {
    expect(() => reader(bytes)[method]()).toThrow(message);
  });

  it('keeps a byte order mark in a name', () => {
    expect(reader([3, 0xef, 0xbb, 0xbf]).name()).toBe('\ufeff');
  });

  it('never believes a count that the bytes left cannot hold', () => {
    expect(() => reader(unsigned(0xffffffff)).count('items', 2 ** 32)).toThrow('unexpected end');
    expect(() => reader([3, 0, 0, 0, 0, 0]).count('items', 10, 2)).toThrow('unexpected end');
    expect(() => reader([3, 0, 0, 0]).count('items', 2)).toThrow('3 items, the limit is 2');
  });
});
