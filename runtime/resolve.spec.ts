import { describe, expect, test } from 'vitest';
import { APP, DIRECTORY_HOST, type Exports, type Kernel, WasiBed } from './test-bed.ts';

const EPERM = -1;
const ENOENT = -2;
const EAGAIN = -11;
const EXDEV = -18;
const ENOTDIR = -20;
const EINVAL = -22;
const ENOSYS = -38;

/** Numbers of WASI. */
const perm = 63;
const noent = 44;
const loop = 32;
const success = 0;
const directory = 3;

/** The host's descriptor of whatever file is opened. */
const FILE = 50;

const PATH = 0x1000;
const RESULT = 0x100;

/** Opens a path of the program, last link followed. WASI's error. */
function open(bed: WasiBed, { path_open }: Exports, path: string): number {
  const text = Buffer.from(path);
  text.forEach((byte, k) => {
    bed.view(APP + PATH + k).setUint8(0, byte);
  });
  return path_open(directory, 1, PATH, text.length, 0, 2n, 0n, 0, RESULT);
}

describe('who resolves', () => {
  test('the kernel, beneath the directory and without magic links, where it can', () => {
    const bed = new WasiBed(8);
    bed.run((exports) => {
      bed.kernel = ({ name, args }) => {
        if (name !== 'openat2') return undefined;
        expect(args[0]).toBe(DIRECTORY_HOST);
        expect(bed.text(args[1])).toBe('a/../b');
        expect(bed.view(args[2]).getBigUint64(16, true)).toBe(0x0an);
        return 9;
      };
      expect(open(bed, exports, 'a/../b')).toBe(success);
      expect(bed.names).not.toContain('openat');
    });
  });

  test('a path that leads out is not permitted', () => {
    const bed = new WasiBed(8);
    bed.run((exports) => {
      bed.kernel = ({ name }) => (name === 'openat2' ? EXDEV : undefined);
      expect(open(bed, exports, '../x')).toBe(perm);
      expect(bed.names).toEqual(['openat2']);
    });
  });

  /** openat2 fails so, whatever it is asked; all else is a directory. `seen` gets what was looked up, as `directory/name`. */
  function refusing(bed: WasiBed, error: number, seen: string[]): Kernel {
    return ({ name, args }) => {
      if (name === 'openat2') return error;
      if (name !== 'openat' && name !== 'readlinkat') return undefined;
      seen.push(`${args[0]}/${bed.text(args[1])}`);
      return name === 'openat' ? 9 : EINVAL;
    };
  }

  test.each([
    ['a kernel that lacks openat2', ENOSYS],
    ['a filter that refuses it', EPERM],
  ])('the walk, under %s, which is found out once', (_, error) => {
    const bed = new WasiBed(8);
    bed.run((exports) => {
      const seen: string[] = [];
      bed.kernel = refusing(bed, error, seen);
      expect(open(bed, exports, 'a/b')).toBe(success);
      expect(seen).toEqual([`${DIRECTORY_HOST}/a`, '9/b', '9/b']);
      bed.calls = [];
      expect(open(bed, exports, 'c')).toBe(success);
      expect(bed.names).not.toContain('openat2');
    });
  });

  test('a file system that does not permit is no filter', () => {
    const bed = new WasiBed(8);
    bed.run((exports) => {
      bed.kernel = ({ name, args }) =>
        name === 'openat2' ? (bed.text(args[1]) === '.' ? 9 : EPERM) : undefined;
      expect(open(bed, exports, 'immutable')).toBe(perm);
      expect(open(bed, exports, 'immutable')).toBe(perm);
      expect(bed.names).toEqual(['openat2', 'openat2', 'close', 'openat2']);
    });
  });

  test('the walk, where renames disturb openat2 again and again', () => {
    const bed = new WasiBed(8);
    bed.run((exports) => {
      const seen: string[] = [];
      bed.kernel = refusing(bed, EAGAIN, seen);
      expect(open(bed, exports, 'a/../b')).toBe(success);
      expect(bed.names.filter((name) => name === 'openat2')).toHaveLength(16);
      expect(seen).toEqual([`${DIRECTORY_HOST}/a`, `${DIRECTORY_HOST}/b`, `${DIRECTORY_HOST}/b`]);
    });
  });
});

describe('the walk', () => {
  /** A tree without openat2: directories by descriptor, entries that are a directory's descriptor, a link's text, or a file (0). */
  function walking(
    open: Set<number>,
    tree: Readonly<Record<number, Readonly<Record<string, number | string>>>>,
  ): WasiBed {
    const bed = new WasiBed(8);
    bed.kernel = ({ name, args }) => {
      if (name === 'openat2') return ENOSYS;
      if (name === 'close') expect(open.delete(args[0])).toBe(true);
      if ((name !== 'openat' && name !== 'readlinkat') || args[0] === -100) return undefined;
      const component = bed.text(args[1]);
      expect(component).not.toMatch(/\/|^\.\.$/);
      const entry = component === '.' ? args[0] : tree[args[0]][component];
      if (entry === undefined) return ENOENT;
      if (name === 'readlinkat') {
        if (typeof entry !== 'string') return EINVAL;
        [...entry].forEach((letter, k) => {
          bed.view(args[2] + k).setUint8(0, letter.charCodeAt(0));
        });
        return entry.length;
      }
      // O_NOFOLLOW, always, and O_DIRECTORY of what is none.
      expect(args[2] & 0x20000).not.toBe(0);
      if (typeof entry === 'string' || ((args[2] & 0x10000) !== 0 && entry === 0)) return ENOTDIR;
      const opened = entry === 0 ? FILE : entry;
      open.add(opened);
      return opened;
    };
    return bed;
  }

  const tree = {
    5: {
      a: 10,
      up: '..',
      root: '/',
      file: 0,
      out: 'a/../../x',
      in: 'a/b/../../file',
      one: 'two',
      two: 'one',
    },
    10: { b: 11, back: '../file', far: '../../../etc' },
    11: { c: 0 },
  };

  test.each([
    ['a/b/c', success],
    ['./a//./b/../b/c', success],
    ['a/../file', success],
    ['a/back', success],
    ['in', success],
    ['..', perm],
    ['a/../..', perm],
    ['a/b/../../../x', perm],
    ['up', perm],
    ['up/x', perm],
    ['root', perm],
    ['root/etc', perm],
    ['out', perm],
    ['a/far', perm],
    ['/a', perm],
    ['missing/../..', noent],
    ['file/../..', 54],
    ['file/', 54],
    ['one', loop],
    ['one/x', loop],
    ['', noent],
  ])('%j: %d', (path, expected) => {
    const left = new Set<number>();
    const bed = walking(left, tree);
    bed.run((exports) => {
      expect(open(bed, exports, path)).toBe(expected);
      expect([...left]).toEqual(expected === success ? [FILE] : []);
    });
  });
});
