import { describe, expect, test } from 'vitest';
import { APP, MAXIMUM_PAGES, WasiBed } from './test-bed.ts';

const ENOMEM = -12;
const PAGE = 0x1_0000;

/** Selectors of compiler/abi.ts's HostService, of memory and table 0. */
const memoryGrow = 1;
const tableGrow = 2;

describe.each([8, 4] as const)('with words of %d bytes', (word) => {
  test('memory.grow makes the pages accessible before it says that they are there', () => {
    const bed = new WasiBed(word);
    bed.run(() => {
      bed.kernel = ({ name }) => {
        if (name === 'mprotect') expect(bed.memoryBytes).toBe(PAGE);
        return undefined;
      };
      expect(bed.service(memoryGrow, 2, 0)).toBe(1);
      expect(bed.memoryBytes).toBe(3 * PAGE);
      expect(bed.calls).toMatchObject([{ name: 'mprotect', args: [APP + PAGE, 2 * PAGE, 3, 0, 0, 0] }]);
    });
  });

  test('memory.grow by nothing asks nobody', () => {
    const bed = new WasiBed(word);
    bed.run(() => {
      expect(bed.service(memoryGrow, 0, 0)).toBe(1);
      expect(bed.calls).toEqual([]);
    });
  });

  test('memory.grow is refused beyond the maximum, of another memory, and where there are no pages', () => {
    const bed = new WasiBed(word);
    bed.run(() => {
      for (const pages of [MAXIMUM_PAGES, 0x1_0000, 0xffff_ffff])
        expect(bed.service(memoryGrow, pages, 0)).toBe(-1);
      expect(bed.service(memoryGrow | (1 << 8), 0, 0)).toBe(-1);
      expect(bed.calls).toEqual([]);
      bed.kernel = ({ name }) => (name === 'mprotect' ? ENOMEM : undefined);
      expect(bed.service(memoryGrow, 1, 0)).toBe(-1);
      expect(bed.memoryBytes).toBe(PAGE);
    });
  });

  test('table.grow keeps the elements, adds new ones, and leaves room for more', () => {
    const bed = new WasiBed(word);
    bed.run(() => {
      const element = (k: number): number => {
        const view = bed.view(bed.table.base + k * word);
        return word === 8 ? Number(view.getBigUint64(0, true)) : view.getUint32(0, true);
      };
      const before = bed.table.base;
      bed.view(before).setUint32(0, 0x1111, true);
      bed.view(before + word).setUint32(0, 0x2222, true);
      expect(bed.service(tableGrow, 2, 0x3333)).toBe(2);
      expect(bed.table.length).toBe(4);
      expect(bed.table.base).not.toBe(before);
      expect([0, 1, 2, 3].map(element)).toEqual([0x1111, 0x2222, 0x3333, 0x3333]);
      bed.calls = [];
      expect(bed.service(tableGrow, 4, 0x4444)).toBe(4);
      expect(bed.calls).toEqual([]);
      expect([3, 4, 7].map(element)).toEqual([0x3333, 0x4444, 0x4444]);
      const room = bed.table.base;
      expect(bed.service(tableGrow, 1, 0)).toBe(8);
      expect([0, 7, 8].map(element)).toEqual([0x1111, 0x4444, 0]);
      expect(bed.calls.map(({ name, args }) => [name, args[0], args[1]])).toEqual([
        ['mmap', 0, 18 * word],
        ['munmap', room, 8 * word],
      ]);
    });
  });

  test('table.grow is refused beyond the maximum, of another table, and where there is no room', () => {
    const bed = new WasiBed(word);
    bed.run(() => {
      const before = bed.table;
      for (const elements of [99, 0xffff_ffff]) expect(bed.service(tableGrow, elements, 0)).toBe(-1);
      expect(bed.service(tableGrow | (1 << 8), 1, 0)).toBe(-1);
      bed.kernel = ({ name }) => (name === 'mmap' ? ENOMEM : undefined);
      expect(bed.service(tableGrow, 98, 0)).toBe(-1);
      expect(bed.table).toEqual(before);
      bed.kernel = () => undefined;
      expect(bed.service(tableGrow, 98, 0)).toBe(2);
    });
  });
});

test('what is no service is refused', () => {
  const bed = new WasiBed(8);
  bed.run(() => {
    for (const selector of [0, 3, 255]) expect(bed.service(selector, 0, 0)).toBe(-1);
  });
});

test('on ARM, half of the memory is reserved where all of it does not fit, and half of that', () => {
  const bed = new WasiBed(4);
  const asked: number[] = [];
  bed.kernel = ({ name, args }) => {
    if (name !== 'mmap') return undefined;
    asked.push(args[1] / PAGE);
    return asked.length < 2 ? ENOMEM : undefined;
  };
  bed.run(() => {
    // A page of guard behind each.
    expect(asked).toEqual([5, 3]);
    expect(bed.service(memoryGrow, 2, 0)).toBe(-1);
    expect(bed.service(memoryGrow, 1, 0)).toBe(1);
  });
});

test('a program whose memory does not fit says so and ends with 2', () => {
  const bed = new WasiBed(4);
  let said = '';
  bed.kernel = ({ name, args }) => {
    if (name === 'mmap') return ENOMEM;
    if (name !== 'write') return undefined;
    for (let k = 0; k < args[2]; k++) said += String.fromCharCode(bed.view(args[1] + k).getUint8(0));
    return args[2];
  };
  expect(bed.run(() => expect.unreachable())).toBe(2);
  expect(said).toBe('fathom: no room for the memory of the program\n');
});
