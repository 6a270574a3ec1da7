import { describe, expect, it } from 'vitest';
import { arena, returnToArena, takeFromArena } from './arena.ts';

describe('the arena', () => {
  it('hands out pieces that do not overlap, zeroed, and joins what comes back', () => {
    const pieces = [0x1000, 0x3000, 0x2000, 0x1000].map((size) => ({ size, ...takeFromArena(size) }));
    for (const [index, { buffer, size }] of pieces.entries()) {
      expect(buffer.byteLength).toBe(size);
      new Uint8Array(buffer).fill(index + 1);
    }
    for (const [index, { buffer }] of pieces.entries()) {
      expect(new Uint8Array(buffer).every((byte) => byte === index + 1)).toBe(true);
    }
    const [first, second, third] = pieces;
    for (const { address, size } of [first, third, second]) returnToArena(address, size);
    const joined = takeFromArena(0x6000);
    expect(joined.address).toBe(first.address);
    expect(new Uint8Array(joined.buffer).every((byte) => byte === 0)).toBe(true);
    returnToArena(joined.address, 0x6000);
    returnToArena(pieces[3].address, 0x1000);
  });

  it('splits a piece that is larger than needed', () => {
    const { address } = takeFromArena(0x4000);
    returnToArena(address, 0x4000);
    expect([takeFromArena(0x1000).address, takeFromArena(0x3000).address]).toEqual([
      address,
      address + 0x1000,
    ]);
    returnToArena(address, 0x4000);
  });

  it('is used up at 4 GiB, and says so', () => {
    expect(() => takeFromArena(arena().size + 0x1000)).toThrow(RangeError);
  });
});
