import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TARGETS } from '../unicorn/test-bed.ts';
import { ERRNO } from './errno.ts';
import { AT, flagsOfTarget, O } from './flags.ts';
import { ProcessBed, removeFolders, temporaryFolder } from './test-bed.ts';

afterAll(removeFolders);

describe.each(TARGETS)('paths of %s', (target) => {
  let bed: ProcessBed;
  let outside: string;
  let box: string;
  /** File descriptor of the directory that is handed in. */
  let dir: number;

  const open = (at: number, path: string, flags = 0, mode = 0o600) =>
    bed.call('openat', at, bed.put(path), flagsOfTarget(target, flags), mode);
  const read = (fd: number) => {
    const at = bed.room(64);
    const length = bed.call('read', fd, at, 64);
    return length < 0 ? length : bed.string(at, length);
  };
  /** What opening and reading a file gives: its text, or an error. */
  const text = (path: string, flags = 0) => {
    const fd = open(dir, path, flags);
    if (fd < 0) return fd;
    const result = read(fd);
    bed.call('close', fd);
    return result;
  };
  const path = (name: string) => bed.put(name);

  beforeEach(() => {
    outside = temporaryFolder();
    box = join(outside, 'box');
    mkdirSync(join(box, 'sub/deep'), { recursive: true });
    mkdirSync(join(outside, 'box2'));
    writeFileSync(join(outside, 'secret'), 'secret');
    writeFileSync(join(outside, 'box2/secret'), 'secret');
    writeFileSync(join(box, 'file'), 'inside');
    writeFileSync(join(box, 'sub/file'), 'below');
    bed = new ProcessBed(target, { directories: [box], cwd: outside });
    dir = bed.call('openat', AT.FDCWD, bed.put('box'), flagsOfTarget(target, O.PATH | O.DIRECTORY), 0);
    expect(dir).toBe(3);
  });
  afterEach(() => bed.dispose());

  it('finds files below what was handed in', () => {
    symlinkSync('sub/file', join(box, 'link'));
    symlinkSync('../file', join(box, 'sub/up'));
    symlinkSync('sub', join(box, 'folder'));
    symlinkSync(join(box, 'file'), join(box, 'absolute'));
    expect(text('file')).toBe('inside');
    expect(text('./sub//deep/../file')).toBe('below');
    expect(text('sub/../file')).toBe('inside');
    expect(text('link')).toBe('below');
    expect(text('folder/file')).toBe('below');
    expect(text('sub/up')).toBe('inside');
    expect(text('absolute')).toBe('inside');
    expect(text(join(box, 'sub/file'))).toBe('below');
    expect(text('file/')).toBe(-ERRNO.ENOTDIR);
    expect(text('none')).toBe(-ERRNO.ENOENT);
    expect(text('')).toBe(-ERRNO.ENOENT);
    expect(text('x'.repeat(256))).toBe(-ERRNO.ENAMETOOLONG);
    expect(text(`${'x/'.repeat(2100)}`)).toBe(-ERRNO.ENAMETOOLONG);
    const up = open(AT.FDCWD, 'box/sub', O.PATH);
    expect(open(up, 'file')).toBeGreaterThan(up);
  });

  it('opens nothing outside, however it is named', () => {
    symlinkSync('../secret', join(box, 'up'));
    symlinkSync('..', join(box, 'parent'));
    symlinkSync(join(outside, 'secret'), join(box, 'absolute'));
    symlinkSync('/', join(box, 'root'));
    symlinkSync('/proc/self/root', join(box, 'magic'));
    symlinkSync('sub/../../secret', join(box, 'sub/long'));
    symlinkSync('loop', join(box, 'loop'));
    symlinkSync(`../${'../'.repeat(20)}etc/passwd`, join(box, 'far'));
    for (const name of [
      '../secret',
      'sub/../../secret',
      'up',
      'parent/secret',
      'sub/deep/../../../secret',
      'far',
      '..',
    ]) {
      expect([name, text(name)]).toEqual([name, -ERRNO.EXDEV]);
    }
    for (const name of [
      join(outside, 'secret'),
      '/etc/passwd',
      'absolute',
      'root/etc/passwd',
      'magic/etc/passwd',
    ]) {
      expect([name, text(name)]).toEqual([name, -ERRNO.EACCES]);
    }
    expect(text(join(box, '../secret'))).toBe(-ERRNO.EACCES);
    expect(text(join(outside, 'box2/secret'))).toBe(-ERRNO.EACCES);
    expect(text('loop')).toBe(-ERRNO.ELOOP);
    expect(text('up', O.NOFOLLOW)).toBe(-ERRNO.ELOOP);
    expect(text('parent/secret', O.NOFOLLOW)).toBe(-ERRNO.EXDEV);
    for (const name of ['secret', 'box2/secret', '/etc/passwd', '.', 'box/../secret']) {
      expect([name, bed.call('openat', AT.FDCWD, bed.put(name), 0, 0)]).toEqual([name, -ERRNO.EACCES]);
    }
  });

  it('starts from no standard stream, even if that is a directory', () => {
    const input = openSync(outside, 'r');
    const own = new ProcessBed(target, { stdin: input, openat2: true });
    const how = own.put(new Uint8Array(24));
    expect(own.call('openat', 0, own.put('secret'), 0, 0)).toBe(-ERRNO.ENOTDIR);
    expect(own.call('openat2', 0, own.put('secret'), how, 24)).toBe(-ERRNO.ENOTDIR);
    expect(own.call('unlinkat', 0, own.put('secret'), 0)).toBe(-ERRNO.ENOTDIR);
    expect(own.call('statx', 0, own.put('secret'), 0, 0x7ff, own.room(256))).toBe(-ERRNO.ENOTDIR);
    expect(own.call('statx', 0, own.put(''), AT.EMPTY_PATH, 0x7ff, own.room(256))).toBe(0);
    own.dispose();
    closeSync(input);
    expect(existsSync(join(outside, 'secret'))).toBe(true);
  });

  it('changes nothing outside', () => {
    symlinkSync('..', join(box, 'parent'));
    symlinkSync('../new', join(box, 'dangling'));
    symlinkSync('../secret', join(box, 'up'));
    const before = readdirSync(outside).sort();
    const refused = [-ERRNO.EXDEV, -ERRNO.EACCES];
    const names = ['../new', 'parent/new', join(outside, 'new'), 'sub/../../new'];
    for (const name of names) {
      expect(refused).toContain(open(dir, name, O.CREAT | O.WRONLY));
      expect(refused).toContain(bed.call('mkdirat', dir, path(name), 0o700));
      expect(refused).toContain(bed.call('symlinkat', path('x'), dir, path(name)));
      expect(refused).toContain(bed.call('renameat', dir, path('file'), dir, path(name)));
      expect(refused).toContain(bed.call('linkat', dir, path('file'), dir, path(name), 0));
    }
    for (const name of ['../secret', 'parent/secret', join(outside, 'secret')]) {
      expect(refused).toContain(bed.call('unlinkat', dir, path(name), 0));
      expect(refused).toContain(bed.call('renameat', dir, path(name), dir, path('stolen')));
      expect(refused).toContain(bed.call('linkat', dir, path(name), dir, path('stolen'), 0));
      expect(refused).toContain(bed.call('utimensat', dir, path(name), 0, 0));
      expect(refused).toContain(bed.call('statx', dir, path(name), 0, 0xfff, bed.room(256)));
      expect(refused).toContain(bed.call('readlinkat', dir, path(name), bed.room(64), 64));
    }
    expect(refused).toContain(open(dir, 'dangling', O.CREAT | O.WRONLY));
    expect(refused).toContain(open(dir, 'up', O.WRONLY | O.TRUNC));
    expect(refused).toContain(bed.call('linkat', dir, path('up'), dir, path('stolen'), AT.SYMLINK_FOLLOW));
    expect(refused).toContain(bed.call('unlinkat', dir, path('parent/box2/'), AT.REMOVEDIR));
    expect(readdirSync(outside).sort()).toEqual(before);
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
    expect(existsSync(join(box, 'stolen'))).toBe(false);
  });

  it('stays inside while links are swapped during the lookup', async () => {
    mkdirSync(join(box, 'flip'));
    writeFileSync(join(box, 'flip/secret'), 'decoy');
    symlinkSync('..', join(box, 'other'));
    const swapping = `const fs = require('fs'); process.chdir(${JSON.stringify(box)});
      for (;;) { fs.renameSync('flip', 'hold'); fs.renameSync('other', 'flip'); fs.renameSync('hold', 'other'); }`;
    const child = spawn(process.execPath, ['-e', swapping], { stdio: 'ignore' });
    try {
      const name = path('flip/secret');
      const at = bed.room(64);
      const seen = new Set<string | number>();
      const end = Date.now() + 8000;
      // Until both sides were met, or for eight seconds.
      for (
        let tries = 0;
        (tries < 2000 || !(seen.has('decoy') && seen.has(-ERRNO.EXDEV))) && Date.now() < end;
        tries++
      ) {
        const fd = bed.call('openat', dir, name, 0, 0);
        const length = fd < 0 ? fd : bed.call('read', fd, at, 64);
        seen.add(length < 0 ? length : bed.string(at, length));
        if (fd >= 0) bed.call('close', fd);
      }
      expect(seen).toContain('decoy');
      expect(seen).toContain(-ERRNO.EXDEV);
      expect(seen).not.toContain('secret');
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('opens nothing of procfs, which would show the emulator', () => {
    bed.dispose();
    bed = new ProcessBed(target, { directories: ['/'], openat2: true });
    dir = open(AT.FDCWD, '/', O.PATH);
    expect(text(join(box, 'file').slice(1))).toBe('inside');
    for (const name of [
      'proc/self/mem',
      'proc/self/maps',
      `proc/${process.pid}/environ`,
      'proc/thread-self/mem',
    ]) {
      expect([name, text(name)]).toEqual([name, -ERRNO.EACCES]);
      const by = bed.call('openat2', dir, path(name), bed.room(24), 24);
      expect([-ERRNO.EACCES, -ERRNO.ENOSYS, -ERRNO.ELOOP]).toContain(by);
    }
    expect(open(dir, 'proc/self/mem', O.RDWR)).toBe(-ERRNO.EACCES);
    const held = open(dir, 'proc/self/mem', O.PATH);
    expect(read(held)).toBe(-ERRNO.EBADF);
    expect(open(dir, 'proc', O.DIRECTORY)).toBe(-ERRNO.EACCES);
  });

  it('makes, renames, links and removes', () => {
    expect(bed.call('mkdirat', dir, path('new/'), 0o750)).toBe(0);
    expect(statSync(join(box, 'new')).mode & 0o777).toBe(0o750);
    expect(bed.call('mkdirat', dir, path('new'), 0o750)).toBe(-ERRNO.EEXIST);
    const fd = open(dir, 'new/made', O.CREAT | O.EXCL | O.RDWR, 0o640);
    expect(bed.call('write', fd, bed.put('abc'), 3)).toBe(3);
    expect(open(dir, 'new/made', O.CREAT | O.EXCL | O.RDWR)).toBe(-ERRNO.EEXIST);
    expect(bed.call('symlinkat', path('made'), dir, path('new/soft'))).toBe(0);
    expect(readlinkSync(join(box, 'new/soft'))).toBe('made');
    const buffer = bed.room(16);
    expect(bed.call('readlinkat', dir, path('new/soft'), buffer, 16)).toBe(4);
    expect(bed.string(buffer, 4)).toBe('made');
    expect(bed.call('linkat', dir, path('new/soft'), dir, path('hard'), 0)).toBe(0);
    expect(lstatSync(join(box, 'hard')).isSymbolicLink()).toBe(true);
    expect(bed.call('linkat', dir, path('new/soft'), dir, path('target'), AT.SYMLINK_FOLLOW)).toBe(0);
    expect(readFileSync(join(box, 'target'), 'utf8')).toBe('abc');
    expect(bed.call('renameat', dir, path('target'), dir, path('sub/moved'))).toBe(0);
    expect(readFileSync(join(box, 'sub/moved'), 'utf8')).toBe('abc');
    expect(bed.call('unlinkat', dir, path('sub/moved/'), 0)).toBe(-ERRNO.ENOTDIR);
    expect(bed.call('unlinkat', dir, path('sub/moved'), 0)).toBe(0);
    expect(bed.call('unlinkat', dir, path('new'), AT.REMOVEDIR)).toBe(-ENOTEMPTY);
    expect(bed.call('unlinkat', dir, path('sub/deep/'), AT.REMOVEDIR)).toBe(0);
    expect(existsSync(join(box, 'sub/deep'))).toBe(false);
    const odd = Buffer.from([0xff, 0xfe, 0x2e]);
    expect(bed.call('mkdirat', dir, bed.put(Uint8Array.from([...odd, 0])), 0o700)).toBe(0);
    expect(readdirSync(box, 'buffer').some((name) => name.equals(odd))).toBe(true);
  });

  it('tells and sets what statx shows, to the nanosecond', () => {
    linkSync(join(box, 'file'), join(box, 'second'));
    symlinkSync('file', join(box, 'link'));
    const at = bed.room(256);
    const stat = (name: string, flags = 0) => bed.call('statx', dir, path(name), flags, 0xfff, at);
    const u16 = (offset: number) => bed.process.space.readU32(at + offset) & 0xffff;
    expect(stat('file')).toBe(0);
    expect([u16(28) >> 12, bed.process.space.readU32(at + 16), bed.process.space.readU64(at + 40)]).toEqual([
      8,
      2,
      6n,
    ]);
    expect(bed.process.space.readU64(at + 32)).toBe(BigInt(statSync(join(box, 'file')).ino));
    expect(stat('link', AT.SYMLINK_NOFOLLOW)).toBe(0);
    expect(u16(28) >> 12).toBe(0o12);
    expect(stat('link')).toBe(0);
    expect(u16(28) >> 12).toBe(8);
    expect(stat('file/')).toBe(-ERRNO.ENOTDIR);
    expect(bed.call('statx', dir, path(''), AT.EMPTY_PATH, 0xfff, at)).toBe(0);
    expect(u16(28) >> 12).toBe(4);
    const times = bed.room(32);
    const set = (name: string, seconds: bigint, nanoseconds: bigint, flags = 0) => {
      for (const half of [0, 16]) {
        bed.process.space.writeU64(times + half, seconds);
        bed.process.space.writeU64(times + half + 8, nanoseconds);
      }
      return bed.call('utimensat', dir, path(name), times, flags);
    };
    expect(set('link', 1_000_000_007n, 123_456_789n)).toBe(0);
    expect(statSync(join(box, 'file'), { bigint: true }).mtimeNs).toBe(1_000_000_007_123_456_789n);
    expect(set('link', 5n, 7n, AT.SYMLINK_NOFOLLOW)).toBe(0);
    expect(lstatSync(join(box, 'link'), { bigint: true }).mtimeNs).toBe(5_000_000_007n);
    expect(set('file', 1n, 1_000_000_000n)).toBe(-ERRNO.EINVAL);
    expect(bed.call('utimensat', dir, path('file'), 0, 0)).toBe(0);
    const now = bed.process.clock.read(0)?.seconds;
    expect(Math.floor(statSync(join(box, 'file')).mtimeMs / 1000)).toBe(now);
  });

  it('lists a directory, and goes on at a cookie', () => {
    const fd = open(dir, '.', O.DIRECTORY);
    const at = bed.room(4096);
    const list = () => {
      const length = bed.call('getdents64', fd, at, 4096);
      expect(length).toBeGreaterThanOrEqual(0);
      const names: { name: string; cookie: number }[] = [];
      for (let entry = at; entry < at + length; ) {
        const size = bed.process.space.readU32(entry + 16) & 0xffff;
        const name = bed.string(entry + 19, size - 19).replace(/\0.*/s, '');
        names.push({ name, cookie: Number(bed.process.space.readU64(entry + 8)) });
        entry += size;
      }
      return names;
    };
    const all = list();
    expect(all.map(({ name }) => name).sort()).toEqual(['.', '..', 'file', 'sub']);
    expect(list()).toEqual([]);
    if (target === 'x86_64') bed.call('lseek', fd, all[1].cookie, 0);
    else bed.call('_llseek', fd, Math.floor(all[1].cookie / 2 ** 32), all[1].cookie >>> 0, bed.room(8), 0);
    expect(list()).toEqual(all.slice(2));
    expect(bed.call('getdents64', 0, at, 4096)).toBe(-ERRNO.ENOTDIR);
  });

  it('has openat2 only when asked to, and then stays beneath', () => {
    const how = bed.room(24);
    expect(bed.call('openat2', dir, path('file'), how, 24)).toBe(-ERRNO.ENOSYS);
    bed.dispose();
    bed = new ProcessBed(target, { directories: [box], openat2: true });
    dir = open(AT.FDCWD, box, O.PATH);
    symlinkSync('../secret', join(box, 'up'));
    const zero = bed.room(24);
    const by = (name: string) => bed.call('openat2', dir, path(name), zero, 24);
    // Hosts before Linux 5.6 have none.
    const inside = by('sub/file');
    if (inside !== -ERRNO.ENOSYS) expect(read(inside)).toBe('below');
    const refused = inside < 0 ? -ERRNO.ENOSYS : -ERRNO.EXDEV;
    expect([by('up'), by('../secret')]).toEqual([refused, refused]);
    expect(by('/etc/passwd')).toBe(-ERRNO.EXDEV);
  });
});

const ENOTEMPTY = 39;
