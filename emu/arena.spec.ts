import { describe, expect, it } from 'vitest';
import { AddressSpace } from './address-space.ts';
import { Arena } from './arena.ts';

describe('the arena', () => {
  it('hands out nothing that the guest cannot reach, after growing by no whole number of wasm pages', () => {
    const space = new AddressSpace('x86_64');
    const arena = new Arena(space, 64 << 20);
    const region = space.find(arena.address);
    if (region === undefined) throw new Error('no region');
    // Whole guest pages, but not whole pages of wasm, in which the host's memory grows.
    arena.allocate((17 << 20) + 4096);
    for (let k = 0; k < 5000; k++) {
      const at = arena.allocate(48);
      expect(at + 48).toBeLessThanOrEqual(region.address + region.size);
    }
  });

  it('gives what was freed out again, zeroed', () => {
    const arena = new Arena(new AddressSpace('armv7'), 4 << 20);
    const at = arena.allocate(40);
    arena.writeU32(at + 36, 7);
    arena.free(at, 40);
    expect(arena.allocate(48)).toBe(at);
    expect(arena.readU32(at + 36)).toBe(0);
  });

  it('says when it is full', () => {
    const arena = new Arena(new AddressSpace('armv7'), 4 << 20);
    expect(() => arena.allocate(5 << 20)).toThrow(RangeError);
  });
});
