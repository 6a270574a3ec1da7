/**
 * The host's system calls that stand behind the program's, through koffi: what Node's `fs` cannot do (paths relative to a
 * directory, cookies of directory entries, times to the nanosecond, polling) and error numbers as the kernel gives them.
 *
 * Each returns the result, or -errno. Emulated cores run on Linux on x86-64 only (unicorn/library.ts), so flags, numbers and the
 * structures that these calls share between the kernel's architectures need no translation but the one in `flags.ts`.
 */
import koffi from 'koffi';
import { ERRNO } from './errno.ts';

type Argument = number | bigint | Uint8Array | null;

const libc = koffi.load('libc.so.6');

/** Binds a function that returns -1 and sets `errno`. */
function bind(prototype: string): (...values: Argument[]) => number {
  const call: (...values: Argument[]) => number | bigint = libc.func(prototype);
  return (...values) => {
    const result = Number(call(...values));
    return result < 0 ? -koffi.errno() : result;
  };
}

/** Paths are bytes that end with a zero. `dir` is a host file descriptor. */
export const host = {
  openat: bind('int openat(int dir, const void *path, int flags, int mode)'),
  close: bind('int close(int fd)'),
  read: bind('int64_t read(int fd, void *bytes, size_t length)'),
  write: bind('int64_t write(int fd, const void *bytes, size_t length)'),
  pread: bind('int64_t pread(int fd, void *bytes, size_t length, int64_t offset)'),
  pwrite: bind('int64_t pwrite(int fd, const void *bytes, size_t length, int64_t offset)'),
  lseek: bind('int64_t lseek(int fd, int64_t offset, int whence)'),
  getFlags: (fd: number): number => fcntl(fd, F_GETFL, 0),
  setFlags: (fd: number, flags: number): number => fcntl(fd, F_SETFL, flags),
  fsync: bind('int fsync(int fd)'),
  fdatasync: bind('int fdatasync(int fd)'),
  ftruncate: bind('int ftruncate(int fd, int64_t length)'),
  fallocate: bind('int fallocate(int fd, int mode, int64_t offset, int64_t length)'),
  posixFadvise: (fd: number, offset: number, length: number, advice: number): number =>
    -fadvise(fd, offset, length, advice),
  getdents64: bind('int64_t getdents64(int fd, void *bytes, size_t length)'),
  statx: bind('int statx(int dir, const void *path, int flags, uint32_t mask, void *result)'),
  mkdirat: bind('int mkdirat(int dir, const void *path, uint32_t mode)'),
  unlinkat: bind('int unlinkat(int dir, const void *path, int flags)'),
  renameat: bind('int renameat(int oldDir, const void *oldPath, int newDir, const void *newPath)'),
  linkat: bind('int linkat(int oldDir, const void *oldPath, int newDir, const void *newPath, int flags)'),
  symlinkat: bind('int symlinkat(const void *target, int dir, const void *path)'),
  readlinkat: bind('int64_t readlinkat(int dir, const void *path, void *bytes, size_t length)'),
  utimensat: bind('int utimensat(int dir, const void *path, const void *times, int flags)'),
  futimens: bind('int futimens(int fd, const void *times)'),
  fstatfs: bind('int fstatfs(int fd, void *result)'),
  ioctl: bind('int ioctl(int fd, uint64_t request, void *argument)'),
  poll: bind('int poll(void *fds, uint64_t count, int timeout)'),
  /** glibc has no function of its own for it. */
  openat2: (dir: number, path: Uint8Array, how: Uint8Array): number =>
    syscall(SYS_OPENAT2, dir, path, how, how.length),
};

const fcntl = bind('int fcntl(int fd, int command, int64_t argument)');
const fadvise: (...values: Argument[]) => number = libc.func(
  'int posix_fadvise(int fd, int64_t offset, int64_t length, int advice)',
);
const syscall = bind(
  'int64_t syscall(int64_t number, int dir, const void *path, const void *how, size_t length)',
);

const F_GETFL = 3;
const F_SETFL = 4;
const SYS_OPENAT2 = 437;

/** struct statfs: f_type is its first word. */
const STATFS_SIZE = 120;
const PROC_SUPER_MAGIC = 0x9fa0;

/** Whether a host file descriptor is of a file of procfs. */
export function isOfProc(fd: number): boolean {
  const bytes = new Uint8Array(STATFS_SIZE);
  return host.fstatfs(fd, bytes) === 0 && new DataView(bytes.buffer).getUint32(0, true) === PROC_SUPER_MAGIC;
}

/** struct pollfd. */
const POLLFD = { size: 8, events: 4, revents: 6 };

/**
 * Waits for one host file descriptor.
 *
 * @param timeout in milliseconds; -1 for ever
 * @returns the events that are there (POLLIN...), 0 after the time-out
 */
export function pollOne(fd: number, events: number, timeout: number): number {
  const bytes = new Uint8Array(POLLFD.size);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(POLLFD.events, events, true);
  for (;;) {
    const result = host.poll(bytes, 1, timeout);
    if (result !== -ERRNO.EINTR) break;
  }
  return view.getUint16(POLLFD.revents, true);
}
