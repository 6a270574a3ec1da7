import { describe, expect, it } from 'vitest';
import { AddressSpace, AddressSpaceError, GuestAddressError } from './address-space.ts';
import { TARGETS, TestBed } from './unicorn/test-bed.ts';

describe.each(TARGETS)('AddressSpace of %s', (target) => {
  it('gives ranges that keep their guards free, first fit, and takes them back', () => {
    const space = new AddressSpace(target);
    const options = { size: 0x1000, access: 'rw', guardBefore: 0x10000, guardAfter: 0x10000 } as const;
    const [a, b, c] = ['a', 'b', 'c'].map((name) => space.allocate({ name, ...options }));
    expect(b.address - a.address).toBeGreaterThanOrEqual(0x1000 + 0x20000);
    b.release();
    const d = space.allocate({ name: 'd', size: 0x1000, access: 'rw' });
    expect(d.address).toBeLessThan(c.address);
    expect(d.address).toBeGreaterThanOrEqual(a.address + 0x1000 + 0x10000);
    expect(space.regions.map(({ name }) => name)).toEqual(['a', 'd', 'c']);
  });

  it('reads and writes words of all sizes, aligned or not, and nothing beyond a region', () => {
    const space = new AddressSpace(target);
    const { address } = space.allocate({ name: 'data', size: 0x1000, access: 'rw' });
    space.writeU64(address + 3, 0x1122_3344_5566_7788n);
    expect(space.readU8(address + 3)).toBe(0x88);
    expect(space.readU32(address + 5)).toBe(0x3344_5566);
    expect(space.readU64(address + 3)).toBe(0x1122_3344_5566_7788n);
    const pointer = target === 'x86_64' ? 0x7fff_1234_5678 : 0xfff1_2345;
    space.writePointer(address + 16, pointer);
    expect(space.readPointer(address + 16)).toBe(pointer);
    space.writeBytes(address + 0xffe, new Uint8Array([1, 2]));
    expect([...space.readBytes(address + 0xffd, 3)]).toEqual([0, 1, 2]);
    expect(() => space.readU32(address + 0xffd)).toThrow(GuestAddressError);
    expect(() => space.writeBytes(address + 0xfff, new Uint8Array(2))).toThrow(GuestAddressError);
    expect(() => space.readU8(address - 1)).toThrow(/0x[0-9a-f]+ are not guest memory/);
  });

  it('grows a region in place, detaching its buffer, and a core sees the new pages', () => {
    const bed = new TestBed(target);
    const page = 0x10000;
    const memory = bed.space.allocate({ name: 'memory', size: page, maximum: 64 * page, access: 'rw' });
    const sum = bed.load('sum');
    bed.space.writeU32(memory.address + 8, 7);
    const beyond = memory.address + 40 * page;
    expect(bed.call(sum, 3, beyond)).toMatchObject({ reason: 'fault', kind: 'read', address: beyond });
    const before = memory.buffer;
    expect(memory.grow(41 * page)).toBe(true);
    expect(before.byteLength).toBe(0);
    expect(memory.buffer.byteLength).toBe(41 * page);
    expect(bed.space.readU32(memory.address + 8)).toBe(7);
    expect(bed.call(sum, 3, beyond)).toEqual({ reason: 'exit' });
    expect(new Uint32Array(memory.buffer)[(40 * page) / 4]).toBe(6);
    expect(memory.grow(65 * page)).toBe(false);
    expect(bed.call(sum, 3, memory.address + 41 * page).reason).toBe('fault');
    bed.core.dispose();
  });

  it('starts a growing region with no bytes at all', () => {
    const bed = new TestBed(target);
    const memory = bed.space.allocate({ name: 'memory', size: 0, maximum: 0x20000, access: 'rw' });
    expect(memory.buffer.byteLength).toBe(0);
    expect(bed.space.find(memory.address)).toBeUndefined();
    expect(memory.grow(0x10000)).toBe(true);
    expect(bed.call(bed.load('sum'), 4, memory.address).reason).toBe('exit');
    expect(bed.space.readU32(memory.address)).toBe(10);
    bed.core.dispose();
  });

  it('keeps the old buffer of a shared region, as a SharedArrayBuffer', () => {
    const space = new AddressSpace(target);
    const options = { name: 'memory', size: 0x10000, maximum: 0x20000, access: 'rw', shared: true } as const;
    const memory = space.allocate(options);
    const before = memory.buffer;
    expect(before).toBeInstanceOf(SharedArrayBuffer);
    expect(memory.grow(0x20000)).toBe(true);
    space.writeU32(memory.address, 99);
    expect(before.byteLength).toBe(0x10000);
    expect(new Uint32Array(before)[0]).toBe(99);
  });

  it('takes access away from cores that have used it', () => {
    const bed = new TestBed(target);
    const sum = bed.load('sum');
    const { data } = bed;
    expect(bed.call(sum, 3, data.address).reason).toBe('exit');
    data.protect('r');
    expect(bed.call(sum, 3, data.address)).toMatchObject({ kind: 'write', address: data.address });
    data.protect('');
    expect(bed.call(sum, 3, data.address)).toMatchObject({ reason: 'fault', address: data.address });
    data.protect('rw');
    expect(bed.call(sum, 3, data.address).reason).toBe('exit');
    data.release();
    expect(bed.call(sum, 3, data.address)).toMatchObject({ reason: 'fault', address: data.address });
    bed.code.protect('rw');
    expect(bed.call(sum, 3, bed.stack.address)).toMatchObject({ kind: 'fetch', pc: sum, address: sum });
    bed.core.dispose();
  });

  it('hands released memory out again, zeroed, at whatever address', () => {
    const space = new AddressSpace(target);
    const first = space.allocate({ name: 'first', size: 0x3000, access: 'rw' });
    first.bytes.fill(0xaa);
    first.release();
    const second = space.allocate({ name: 'second', size: 0x3000, access: 'rw' });
    expect(second.bytes.every((byte) => byte === 0)).toBe(true);
  });

  it.each([
    ['small', 0x4000],
    ['large', 0x20_0000],
  ])('cuts a %s region in two: contents stay, accesses part, either half goes by itself', (_, size) => {
    const bed = new TestBed(target);
    const sum = bed.load('sum');
    const lower = bed.space.allocate({ name: 'cut', size, reserve: 2 * size, access: 'rw' });
    const { address } = lower;
    const at = address + size / 2;
    bed.space.writeU32(at - 8, 1);
    bed.space.writeU32(at, 2);
    const upper = lower.split(at);
    expect([lower.size, lower.spanEnd, upper.address, upper.size]).toEqual([size / 2, at, at, size / 2]);
    expect([bed.space.readU32(at - 8), bed.space.readU32(at)]).toEqual([1, 2]);
    upper.protect('r');
    expect(bed.call(sum, 3, at - 8).reason).toBe('exit');
    expect(bed.space.readU32(at - 8)).toBe(7);
    expect(bed.call(sum, 3, at)).toMatchObject({ reason: 'fault', kind: 'write', address: at });
    upper.protect('');
    expect(bed.call(sum, 3, at)).toMatchObject({ reason: 'fault', address: at });
    upper.protect('rw');
    lower.release();
    expect(bed.call(sum, 3, at).reason).toBe('exit');
    expect(bed.space.readU32(at)).toBe(8);
    expect(bed.space.find(at - 4)).toBeUndefined();
    const again = bed.space.allocate({ name: 'again', size: size / 2, access: 'rw', address });
    expect(again.bytes.every((byte) => byte === 0)).toBe(true);
    expect(() => upper.split(at + size / 2)).toThrow(AddressSpaceError);
    bed.core.dispose();
  });

  it('refuses overlap, ranges outside, and sizes it cannot hold', () => {
    const space = new AddressSpace(target);
    const one = { name: 'one', size: 0x2000, access: 'rw', address: 0x40_0000 } as const;
    space.allocate(one);
    expect(() => space.allocate({ ...one, name: 'two', address: 0x40_1000 })).toThrow(/overlaps one/);
    expect(() => space.allocate({ ...one, address: 0x40_2345 })).toThrow(AddressSpaceError);
    const end = target === 'armv7' ? 2 ** 32 : 2 ** 47;
    expect(() => space.allocate({ ...one, address: end - 0x1000 })).toThrow(AddressSpaceError);
    expect(() => space.allocate({ name: 'huge', size: 2 ** 33, access: 'rw' })).toThrow(/at most 4 GiB/);
    expect(() => space.allocate({ name: 'code', size: 0x1000, access: 'x', address: 2 ** 32 })).toThrow(
      AddressSpaceError,
    );
  });
});

describe('AddressSpace of one target only', () => {
  it('reserves 8 GiB and more for a memory on x86-64 without taking any', () => {
    const space = new AddressSpace('x86_64');
    const options = { size: 0x10000, maximum: 2 ** 32, reserve: 2 ** 33, guardAfter: 2 ** 31 } as const;
    const [a, b] = ['a', 'b'].map((name) => space.allocate({ name, access: 'rw', ...options }));
    expect(b.address - a.address).toBeGreaterThanOrEqual(2 ** 33 + 2 ** 31);
    expect(space.find(a.address + 0x10000)).toBeUndefined();
  });

  it('runs out of addresses on armv7', () => {
    const space = new AddressSpace('armv7');
    const gigabyte = { size: 0x1000, reserve: 2 ** 30, access: 'rw' } as const;
    for (const name of ['a', 'b', 'c']) space.allocate({ name, ...gigabyte });
    expect(() => space.allocate({ name: 'd', ...gigabyte })).toThrow(/d: no 1073741824 bytes/);
  });
});
