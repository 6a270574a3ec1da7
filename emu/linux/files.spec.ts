import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TARGETS } from '../unicorn/test-bed.ts';
import { ERRNO } from './errno.ts';
import { AT, flagsOfTarget, O } from './flags.ts';
import { SIGNAL } from './signals.ts';
import { ProcessBed, removeFolders, temporaryFolder } from './test-bed.ts';

afterAll(removeFolders);

describe.each(TARGETS)('files of %s', (target) => {
  let bed: ProcessBed;
  let folder: string;
  const open = (name: string, flags: number) =>
    bed.call('openat', AT.FDCWD, bed.put(join(folder, name)), flagsOfTarget(target, flags), 0o600);
  const seek = (fd: number, offset: number, whence: number) => {
    if (target === 'x86_64') return bed.call('lseek', fd, offset, whence);
    const at = bed.room(8);
    const result = bed.call('_llseek', fd, Math.floor(offset / 2 ** 32), offset >>> 0, at, whence);
    return result < 0 ? result : Number(bed.process.space.readU64(at));
  };
  /** An array of struct iovec. */
  const vector = (...parts: [address: number, length: number][]) => bed.putWords(...parts.flat());

  beforeEach(() => {
    folder = temporaryFolder();
    bed = new ProcessBed(target, { directories: [folder], stdin: Buffer.from('input') });
  });
  afterEach(() => bed.dispose());

  it('reads and writes, at the position and elsewhere, beyond 4 GiB, too', () => {
    const fd = open('file', O.CREAT | O.RDWR);
    const text = bed.put('hello, world');
    const back = bed.room(32);
    expect(bed.call('write', fd, text, 12)).toBe(12);
    expect(seek(fd, 7, 0)).toBe(7);
    expect(bed.call('read', fd, back, 32)).toBe(5);
    expect(bed.string(back, 5)).toBe('world');
    expect(bed.call('read', fd, back, 32)).toBe(0);
    expect(bed.call('pread64', fd, back, 4, 1)).toBe(4);
    expect(bed.string(back, 4)).toBe('ello');
    const far = 5 * 2 ** 32 + 3;
    expect(bed.call('pwrite64', fd, text, 5, far)).toBe(5);
    expect(bed.call('pread64', fd, back, 32, far - 1)).toBe(6);
    expect(bed.string(back, 6)).toBe('\0hello');
    expect(seek(fd, 0, 2)).toBe(far + 5);
    expect(seek(fd, -1, 0)).toBe(-ERRNO.EINVAL);
    expect(bed.call('ftruncate', fd, 2 ** 32 + 5)).toBe(0);
    expect(seek(fd, 0, 2)).toBe(2 ** 32 + 5);
    expect(bed.call('ftruncate', fd, 3)).toBe(0);
    expect(bed.call('fallocate', fd, 0, 2, 6)).toBe(0);
    expect(readFileSync(join(folder, 'file'), 'latin1')).toBe('hel\0\0\0\0\0');
    const advise = target === 'x86_64' ? ['fadvise64', fd, 0, 8, 3] : ['arm_fadvise64_64', fd, 3, 0, 8];
    expect(bed.call(String(advise[0]), ...advise.slice(1).map(Number))).toBe(0);
    expect([bed.call('fsync', fd), bed.call('fdatasync', fd), bed.call('close', fd)]).toEqual([0, 0, 0]);
    expect(bed.call('close', fd)).toBe(-ERRNO.EBADF);
  });

  it('scatters and gathers', () => {
    const fd = open('file', O.CREAT | O.RDWR);
    const text = bed.put('abcdefgh');
    expect(bed.call('writev', fd, vector([text + 4, 4], [0, 0], [text, 2]), 3)).toBe(6);
    expect(bed.call('pwritev', fd, vector([text, 1], [text, 1]), 2, 2 ** 33)).toBe(2);
    const [a, b] = [bed.room(16), bed.room(16)];
    expect(bed.call('preadv', fd, vector([a, 3], [b, 16]), 2, 0)).toBe(19);
    expect([bed.string(a, 3), bed.string(b, 4)]).toEqual(['efg', 'hab\0']);
    expect(bed.call('preadv', fd, vector([a, 3], [b, 16]), 2, 2 ** 33)).toBe(2);
    expect(bed.string(a, 2)).toBe('aa');
    expect(bed.call('writev', 1, vector([text, 2], [text + 6, 2]), 2)).toBe(4);
    expect(bed.output).toEqual(['abgh']);
    expect(bed.call('readv', 0, vector([a, 2], [b, 16]), 2)).toBe(5);
    expect([bed.string(a, 2), bed.string(b, 3)]).toEqual(['in', 'put']);
    expect(bed.call('readv', 0, vector([a, 2]), 1)).toBe(0);
    expect(bed.call('writev', fd, vector(), 1025)).toBe(-ERRNO.EINVAL);
  });

  it('tells what the program could not read or write itself', () => {
    const fd = open('file', O.CREAT | O.RDWR);
    expect(bed.call('write', fd, 0, 1)).toBe(-ERRNO.EFAULT);
    expect(bed.call('read', 0, bed.text, 1)).toBe(-ERRNO.EFAULT);
    expect(bed.call('write', fd, bed.text, 4)).toBe(4);
    expect(bed.call('write', fd, bed.process.mappings.end - 4, 1000)).toBe(4);
    expect(bed.call('openat', AT.FDCWD, 0, 0, 0)).toBe(-ERRNO.EFAULT);
    expect(bed.call('write', 9, bed.data, 1)).toBe(-ERRNO.EBADF);
    expect(bed.call('read', 1, bed.data, 1)).toBe(-ERRNO.EBADF);
    expect(bed.call('write', fd, bed.data, 0)).toBe(0);
  });

  it('keeps flags and numbers of descriptors as the kernel does', () => {
    const fd = open('file', O.CREAT | O.WRONLY | O.APPEND);
    const [getFlags, setFlags, duplicate, getClose, setClose] = [3, 4, 0, 1, 2];
    const appending = flagsOfTarget(target, O.WRONLY | O.APPEND | O.LARGEFILE);
    expect(bed.call('fcntl', fd, getFlags, 0)).toBe(appending);
    expect(bed.call('fcntl', fd, setFlags, O.NONBLOCK)).toBe(0);
    expect(bed.call('fcntl', fd, getFlags, 0) & (O.NONBLOCK | O.APPEND)).toBe(O.NONBLOCK);
    expect(bed.call('dup', fd)).toBe(fd + 1);
    expect(bed.call('fcntl', fd, duplicate, 20)).toBe(20);
    expect(bed.call('dup3', fd, 30, flagsOfTarget(target, O.CLOEXEC))).toBe(30);
    expect([bed.call('fcntl', 30, getClose, 0), bed.call('fcntl', 20, getClose, 0)]).toEqual([1, 0]);
    expect([bed.call('fcntl', 30, setClose, 0), bed.call('fcntl', 30, getClose, 0)]).toEqual([0, 0]);
    expect(bed.call('dup3', fd, fd, 0)).toBe(-ERRNO.EINVAL);
    expect(bed.call('dup3', fd, 5000, 0)).toBe(-ERRNO.EBADF);
    expect(bed.call('close', fd)).toBe(0);
    expect(bed.call('write', 30, bed.put('still'), 5)).toBe(5);
    expect(open('other', O.CREAT | O.RDONLY)).toBe(fd);
    expect(bed.call('sendto', fd, 0, 0, 0, 0, 0)).toBe(-ERRNO.ENOTSOCK);
    expect(bed.call('accept4', 99, 0, 0, 0)).toBe(-ERRNO.EBADF);
    expect(bed.call('ioctl', 0, 0x5401, bed.data)).toBe(-ERRNO.ENOTTY);
    expect(bed.call('ioctl', fd, 0x5401, bed.data)).toBe(-ERRNO.ENOTTY);
    expect(bed.call('ioctl', fd, 0x5421, bed.data)).toBe(-ERRNO.ENOTTY);
    const waiting = bed.room(4);
    bed.call('pwrite64', 30, bed.put('12345'), 5, 0);
    const reader = open('file', O.RDONLY);
    expect(bed.call('ioctl', reader, 0x541b, waiting)).toBe(0);
    expect(bed.process.space.readU32(waiting)).toBe(5);
    bed.call('read', 0, bed.room(16), 2);
    expect(bed.call('ioctl', 0, 0x541b, waiting)).toBe(0);
    expect(bed.process.space.readU32(waiting)).toBe(3);
    expect(bed.call('fcntl', fd, 999, 0)).toBe(-ERRNO.EINVAL);
  });

  it('runs out of descriptors', () => {
    let last = 0;
    for (let fd = 3; fd < 1024; fd++) last = bed.call('dup', 1);
    expect(last).toBe(1023);
    expect(bed.call('dup', 1)).toBe(-ERRNO.EMFILE);
    expect(open('file', O.CREAT)).toBe(-ERRNO.EMFILE);
  });

  it('reads and writes files of the host as standard streams, and does not close them', () => {
    writeFileSync(join(folder, 'in'), 'from the host');
    const [stdin, stdout] = [openSync(join(folder, 'in'), 'r'), openSync(join(folder, 'out'), 'w')];
    bed.dispose();
    bed = new ProcessBed(target, { stdin, stdout });
    const at = bed.room(32);
    expect(bed.call('read', 0, at, 32)).toBe(13);
    expect(bed.call('write', 1, at + 5, 8)).toBe(8);
    expect(bed.call('close', 0)).toBe(0);
    bed.dispose();
    closeSync(stdin);
    closeSync(stdout);
    expect(readFileSync(join(folder, 'out'), 'latin1')).toBe('the host');
    bed = new ProcessBed(target);
  });

  it('gives errors of the host, and of streams that are closed', () => {
    const full = openSync('/dev/full', 'w');
    bed.dispose();
    bed = new ProcessBed(target, { stdout: full, stderr: 1000 });
    expect(bed.call('write', 1, bed.put('x'), 1)).toBe(-ENOSPC);
    expect(bed.call('write', 2, bed.put('x'), 1)).toBe(-ERRNO.EBADF);
    closeSync(full);
  });

  it('sends SIGPIPE when nobody reads the pipe', () => {
    // A FIFO whose reader is gone.
    const name = join(folder, 'fifo');
    execFileSync('mkfifo', [name]);
    const reader = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(name, 'w');
    closeSync(reader);
    bed.dispose();
    bed = new ProcessBed(target, { stdout: writer });
    bed.handle(SIGNAL.PIPE, 0);
    expect(bed.call('write', 1, bed.put('x'), 1)).toBe(-ERRNO.EPIPE);
    expect(bed.handled).toBe(1);
    closeSync(writer);
  });

  it('draws the same random bytes in every run', () => {
    const draw = (seed?: number) => {
      const one = new ProcessBed(target, seed === undefined ? {} : { seed });
      const at = one.room(300);
      expect(one.call('getrandom', at, 300, 0)).toBe(300);
      const bytes = one.bytes(at, 300);
      one.dispose();
      return [...bytes];
    };
    expect(draw()).toEqual(draw());
    expect(draw(7)).not.toEqual(draw());
    expect(new Set(draw()).size).toBeGreaterThan(100);
  });
});

const ENOSPC = 28;
