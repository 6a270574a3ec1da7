import { expect, it } from 'vitest';
import { ByteWriter } from './byte-writer.ts';

const written = (write: (out: ByteWriter) => void): number[] => {
  const out = new ByteWriter(1);
  write(out);
  return [...out.result()];
};

it('writes little-endian, and grows', () => {
  const bytes = written((out) => {
    out.byte(1);
    out.u16(0x1234);
    out.u32(-2);
    out.u64(0x12_3456_7890);
  });
  expect(bytes).toEqual([1, 0x34, 0x12, 0xfe, 0xff, 0xff, 0xff, 0x90, 0x78, 0x56, 0x34, 0x12, 0, 0, 0]);
});

it('writes strings with their end, fills up, and replaces', () => {
  const bytes = written((out) => {
    out.string('é');
    out.align(8, 0xff);
    out.u32(0);
    out.patch32(8, 7);
  });
  expect(bytes).toEqual([0xc3, 0xa9, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 7, 0, 0, 0]);
});

it.each([
  [0, [0]],
  [127, [0x7f]],
  [128, [0x80, 1]],
  [2 ** 32 - 1, [0xff, 0xff, 0xff, 0xff, 0x0f]],
] as const)('unsigned LEB128 of %i', (value, bytes) => {
  expect(written((out) => out.unsigned(value))).toEqual(bytes);
});

it.each([
  [0, [0]],
  [-1, [0x7f]],
  [63, [0x3f]],
  [64, [0xc0, 0]],
  [-64, [0x40]],
  [-65, [0xbf, 0x7f]],
  [2 ** 31 - 1, [0xff, 0xff, 0xff, 0xff, 0x07]],
  [-(2 ** 31), [0x80, 0x80, 0x80, 0x80, 0x78]],
] as const)('signed LEB128 of %i', (value, bytes) => {
  expect(written((out) => out.signed(value))).toEqual(bytes);
});
