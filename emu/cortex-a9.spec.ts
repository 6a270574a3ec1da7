import { expect, test } from 'vitest';
import { CycleModelError, createCortexA9, straightRuns } from './cortex-a9.ts';
import { TestBed } from './unicorn/test-bed.ts';

const model = await createCortexA9();
const bytes = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);

const add = 0xe0800001; // add r0, r0, r1
const other = 0xe0822001; // add r2, r2, r1
const load = 0xe5900000; // ldr r0, [r0]
const back = 0xeafffffd; // b
const divide = 0xe710f110; // sdiv r0, r0, r1, which the Cortex-A9 lacks

test('cycles of blocks that follow themselves', () => {
  expect(model.blockCycles(bytes(add), 0)).toBe(1);
  expect(model.blockCycles(bytes(add, other), 0)).toBe(1);
  expect(model.blockCycles(bytes(add, other, back), 0)).toBe(1.5);
  // A list is followed: the next load's address comes from this one.
  expect(model.blockCycles(bytes(load, back), 0)).toBe(3);
});

test('what the model does not know is named, with its address', () => {
  expect(() => model.blockCycles(bytes(add, divide), 0x100)).toThrow(
    new CycleModelError(0x104, 'sdiv r0, r0, r1'),
  );
  expect(() => model.blockCycles(bytes(0xffffffff), 0)).toThrow('.word 0xffffffff at 0x0');
});

test('a run: each block as often as it was entered, and what is unknown counted', () => {
  const code = bytes(add, other, back, load, back, divide);
  const blocks = [
    { address: 0x1000, size: 12, entries: 10, taken: 10 },
    { address: 0x100c, size: 8, entries: 5, taken: 5 },
    { address: 0x1014, size: 4, entries: 2, taken: 0 },
  ];
  const estimate = model.programCycles(blocks, (address, size) =>
    code.subarray(address - 0x1000, address - 0x1000 + size),
  );
  expect(estimate.instructions).toBe(3 * 10 + 2 * 5 + 2);
  expect(estimate.cycles).toBe(1.5 * 10 + 3 * 5 + 0.5 * 2);
  expect([...estimate.unknown]).toEqual([['sdiv', 2]]);
});

test('code behind a branch that is never taken finds what is under way', () => {
  const never = 0x8a000010; // bhi
  const code = bytes(load, never, add, back);
  const halves = [
    { address: 0, size: 8, entries: 10, taken: 0 },
    { address: 8, size: 8, entries: 10, taken: 10 },
  ];
  const read = (address: number, size: number): Uint8Array => code.subarray(address, address + size);
  const whole = model.blockCycles(code, 0);
  expect(whole).toBe(3);
  expect(model.programCycles(halves, read).cycles).toBe(10 * whole);
  const apart = [
    { ...halves[0], taken: 1 },
    { ...halves[1], entries: 9, taken: 9 },
  ];
  expect(model.programCycles(apart, read).cycles).toBe(
    // The load after itself, whose address is its result; and the addition after itself.
    10 * 3 + 9 * 1,
  );
});

test('straight runs are blocks that are entered from the one before alone', () => {
  const block = (address: number, size: number, entries: number, taken = 0) => ({
    address,
    size,
    entries,
    taken,
  });
  const joined = (...blocks: ReturnType<typeof block>[]): string =>
    straightRuns(blocks)
      .map(({ address, size, entries }) => `${address}+${size}x${entries}`)
      .join(' ');
  expect(joined(block(8, 4, 3), block(0, 8, 3), block(12, 4, 3, 3))).toBe('0+16x3');
  expect(joined(block(0, 8, 3), block(8, 4, 4))).toBe('0+8x3 8+4x4');
  expect(joined(block(0, 8, 3, 1), block(8, 4, 3))).toBe('0+8x3 8+4x3');
  // Of two blocks that end at the same place, one of which goes elsewhere.
  expect(joined(block(0, 8, 3), block(4, 4, 2), block(8, 4, 5))).toBe('0+8x3 4+4x2 8+4x5');
  expect(joined(block(0, 0, 3))).toBe('0+0x3');
  expect(joined(block(0, 8, 3), block(8, 4, 3), block(8, 8, 3))).toBe('0+8x3 8+4x3 8+8x3');
});

test('a run on the emulated core: every instruction counts', () => {
  const bed = new TestBed('armv7');
  try {
    const address = bed.load('sum');
    bed.core.counting = true;
    bed.call(address, 1000, bed.data.address);
    const blocks = bed.core.executedBlocks();
    const read = (at: number, size: number): Uint8Array =>
      bed.code.bytes.slice(at - address, at - address + size);
    const own = blocks.filter((block) => block.address >= address && block.address < address + 0x24);
    const estimate = model.programCycles(own, read);
    // The loop's six instructions a thousand times, the one before it, and the two behind it.
    expect(estimate.instructions).toBe(6 * 1000 + 3);
    expect([...estimate.unknown]).toEqual([]);
    const loop = own.reduce((a, b) => (b.entries > a.entries ? b : a));
    const once = model.blockCycles(read(loop.address, loop.size), loop.address);
    expect(once).toBeGreaterThanOrEqual(3);
    expect(Math.abs(estimate.cycles - 1000 * once)).toBeLessThan(20);
  } finally {
    bed.core.dispose();
  }
});
