import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TARGETS } from '../unicorn/test-bed.ts';
import { ERRNO } from './errno.ts';
import { CODE, COUNTING, ProcessBed } from './test-bed.ts';

const NONE = 0;
const READ = 1;
const READ_WRITE = 3;
const EXECUTE = 4;
const ANONYMOUS = 0x22;
const NORESERVE = 0x4000;
const FIXED = 0x10;
const NOREPLACE = 0x10_0000;
const PAGE = 4096;

describe.each(TARGETS)('memory of %s', (target) => {
  let bed: ProcessBed;
  const map = (bytes: number, access: number, flags = ANONYMOUS, at = 0) =>
    bed.call('mmap', at, bytes, access, flags, -1, 0);
  /** Whether the program itself can read, and write, at an address. */
  const access = (address: number) => {
    const { core } = bed.process;
    return (['load', 'store'] as const)
      .map((what) => {
        core.write(COUNTING[target], BigInt(address));
        const behind = bed.text + CODE[what] + (target === 'x86_64' ? 2 : 4);
        const stop = core.run({ start: bed.text + CODE[what], maxInstructions: 1 });
        return stop.reason === 'count' && core.pc === behind ? what[0] : '-';
      })
      .join('');
  };

  beforeEach(() => {
    bed = new ProcessBed(target);
  });
  afterEach(() => bed.dispose());

  it('maps zeroed pages, protects and unmaps parts of them, which keep their contents', () => {
    const at = map(8 * PAGE, READ_WRITE);
    expect(at % PAGE).toBe(0);
    expect(access(at)).toBe('ls');
    expect(bed.process.space.readU32(at + 8 * PAGE - 4)).toBe(0);
    bed.process.space.writeU32(at + 3 * PAGE, 7);
    expect(bed.call('mprotect', at + 2 * PAGE, 2 * PAGE, READ)).toBe(0);
    expect([1, 2, 3, 4].map((page) => access(at + page * PAGE))).toEqual(['ls', 'l-', 'l-', 'ls']);
    expect(bed.call('mprotect', at + 3 * PAGE, PAGE, NONE)).toBe(0);
    expect(access(at + 3 * PAGE)).toBe('--');
    expect(bed.call('munmap', at + 5 * PAGE, PAGE)).toBe(0);
    expect([4, 5, 6].map((page) => access(at + page * PAGE))).toEqual(['ls', '--', 'ls']);
    expect(bed.call('mprotect', at + 2 * PAGE, 2 * PAGE, READ_WRITE)).toBe(0);
    expect(bed.process.space.readU32(at + 3 * PAGE)).toBe(7);
    expect(bed.call('mprotect', at, 8 * PAGE, READ)).toBe(-ERRNO.ENOMEM);
    expect(bed.call('munmap', at, 8 * PAGE)).toBe(0);
    expect(access(at)).toBe('--');
  });

  it('lets a large reservation grow in place, and gives what was mapped over it fresh pages', () => {
    const size = target === 'x86_64' ? 10 * 2 ** 30 : 2 ** 30;
    const at = map(size, NONE, ANONYMOUS | NORESERVE);
    expect(at).toBeGreaterThan(0);
    expect(access(at)).toBe('--');
    for (let pages = 16; pages <= 64; pages += 16) {
      expect(bed.call('mprotect', at + (pages - 16) * PAGE, 16 * PAGE, READ_WRITE)).toBe(0);
      bed.process.space.writeU32(at + pages * PAGE - 4, pages);
      expect(access(at + pages * PAGE)).toBe('--');
    }
    expect(bed.process.space.find(at)?.size).toBe(64 * PAGE);
    expect(bed.process.space.readU32(at + 16 * PAGE - 4)).toBe(16);
    const middle = at + 128 * PAGE;
    expect(map(PAGE, READ_WRITE, ANONYMOUS | FIXED, middle)).toBe(middle);
    expect([middle - PAGE, middle, middle + PAGE].map(access)).toEqual(['--', 'ls', '--']);
    expect(bed.call('mprotect', at + 64 * PAGE, 128 * PAGE, READ_WRITE)).toBe(0);
    expect([at, middle, middle + 63 * PAGE, middle + 64 * PAGE].map(access)).toEqual([
      'ls',
      'ls',
      'ls',
      '--',
    ]);
  });

  it('replaces with MAP_FIXED, and refuses to with MAP_FIXED_NOREPLACE', () => {
    const at = map(4 * PAGE, READ_WRITE);
    bed.process.space.writeU32(at + PAGE, 1);
    expect(map(2 * PAGE, READ_WRITE, ANONYMOUS | NOREPLACE, at + PAGE)).toBe(-ERRNO.EEXIST);
    expect(map(2 * PAGE, READ_WRITE, ANONYMOUS | FIXED, at + PAGE)).toBe(at + PAGE);
    expect(bed.process.space.readU32(at + PAGE)).toBe(0);
    const free = at - 0x100_0000;
    expect(map(PAGE, READ, ANONYMOUS | NOREPLACE, free)).toBe(free);
    expect(map(PAGE, READ, ANONYMOUS, free)).not.toBe(free);
  });

  it('grows, shrinks and moves by mremap', () => {
    const at = map(2 * PAGE, READ_WRITE);
    bed.process.space.writeU32(at, 5);
    expect(bed.call('mremap', at, 2 * PAGE, PAGE, 0, 0)).toBe(at);
    expect(access(at + PAGE)).toBe('--');
    expect(bed.call('mremap', at, PAGE, 2 * PAGE, 0, 0)).toBe(at);
    const wall = map(PAGE, NONE, ANONYMOUS | NOREPLACE, at + 2 * PAGE);
    if (wall < 0) expect(wall).toBe(-ERRNO.EEXIST);
    expect(bed.call('mremap', at, 2 * PAGE, 4 * PAGE, 0, 0)).toBe(-ERRNO.ENOMEM);
    const moved = bed.call('mremap', at, 2 * PAGE, 4 * PAGE, 1, 0);
    expect(moved).not.toBe(at);
    expect(bed.process.space.readU32(moved)).toBe(5);
    expect([at, moved + 3 * PAGE].map(access)).toEqual(['--', 'ls']);
  });

  it('makes nothing executable, maps no files, and stays within the addresses of a program', () => {
    const at = map(PAGE, READ_WRITE);
    expect(map(PAGE, READ | EXECUTE)).toBe(-ERRNO.EACCES);
    expect(bed.call('mprotect', at, PAGE, READ | EXECUTE)).toBe(-ERRNO.EACCES);
    expect(bed.call('mmap', 0, PAGE, READ, 2, 0, 0)).toBe(-ERRNO.ENODEV);
    expect(map(0, READ)).toBe(-ERRNO.EINVAL);
    expect(bed.call('mprotect', at + 1, PAGE, READ)).toBe(-ERRNO.EINVAL);
    const { end } = bed.process.mappings;
    expect(map(PAGE, READ, ANONYMOUS | FIXED, end)).toBe(-ERRNO.ENOMEM);
    expect(map(PAGE, READ, ANONYMOUS | FIXED, 0)).toBe(-ERRNO.ENOMEM);
    expect(map(end, READ)).toBe(-ERRNO.ENOMEM);
    expect(bed.call('munmap', at, 0)).toBe(-ERRNO.EINVAL);
  });
});
