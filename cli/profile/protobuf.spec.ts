import { describe, expect, it } from 'vitest';
import { ProtobufMessage } from './protobuf.ts';

const hex = (message: ProtobufMessage): string => Buffer.from(message.bytes()).toString('hex');

/** The examples of https://protobuf.dev/programming-guides/encoding, and the ends of the ranges. */
describe('messages of Protocol Buffers', () => {
  it.each([
    [150, '089601'],
    [1, '0801'],
    [127, '087f'],
    [128, '088001'],
    [255, '08ff01'],
    [16_384, '08808001'],
    [2 ** 32, '088080808010'],
    [Number.MAX_SAFE_INTEGER, '08ffffffffffffff0f'],
  ])('have the integer %i as a varint', (value, expected) => {
    expect(hex(new ProtobufMessage().integer(1, value))).toBe(expected);
  });

  it('have strings, messages and packed integers behind their lengths', () => {
    expect(hex(new ProtobufMessage().string(2, 'testing'))).toBe('120774657374696e67');
    expect(hex(new ProtobufMessage().message(3, new ProtobufMessage().integer(1, 150)))).toBe('1a03089601');
    expect(hex(new ProtobufMessage().integers(6, [3, 270, 86_942]))).toBe('3206038e029ea705');
    expect(hex(new ProtobufMessage().string(6, 'x'.repeat(200))).slice(0, 6)).toBe('32c801');
  });

  it('leave out what has its default, but not empty elements of lists', () => {
    expect(hex(new ProtobufMessage().integer(1, 0).boolean(2, false).integers(3, []))).toBe('');
    expect(hex(new ProtobufMessage().string(6, ''))).toBe('3200');
    expect(hex(new ProtobufMessage().boolean(16, true))).toBe('800101');
  });
});
