/** System calls that name files. All look them up by `walk.ts` and never let the host follow a link. */
import type { SystemCall, SystemCallInfo } from './call.ts';
import { HostFile, HostStream, STATX_SIZE } from './descriptions.ts';
import { ERRNO, SystemCallError } from './errno.ts';
import { AT, O, openFlags, S } from './flags.ts';
import { host, isOfProc } from './host.ts';
import type { LinuxProcess } from './process.ts';
import type { Place } from './walk.ts';

/** How often an open is tried again when the file turns into a link between lookup and opening. */
const MAX_RACES = 8;

/** Flags that the host's open gets to see. */
const PASSED_FLAGS =
  O.accessMode |
  O.CREAT |
  O.EXCL |
  O.NOCTTY |
  O.TRUNC |
  O.APPEND |
  O.NONBLOCK |
  O.SYNC |
  O.DIRECTORY |
  O.NOATIME |
  O.PATH;

/** struct open_how. */
const OPEN_HOW = { mode: 8, resolve: 16, size: 24 };
const RESOLVE = { NO_MAGICLINKS: 2, BENEATH: 8, known: 0x3f };

/** The host's directory behind a descriptor; undefined for the working directory. */
function directory({ descriptors }: LinuxProcess, fd: number): number | undefined {
  if (fd === AT.FDCWD) return undefined;
  const file = descriptors.get(fd).fd;
  if (file < 0) throw new SystemCallError('ENOTDIR');
  return file;
}

/** The same for paths to start from. What a standard stream is has not been handed in as a directory. */
function startOf(process: LinuxProcess, fd: number): number | undefined {
  if (fd !== AT.FDCWD && process.descriptors.get(fd) instanceof HostStream)
    throw new SystemCallError('ENOTDIR');
  return directory(process, fd);
}

/** Looks a path up and does something there. */
function at<T>(
  process: LinuxProcess,
  dir: number,
  path: number,
  follow: boolean,
  use: (place: Place) => T,
): T {
  const bytes = process.memory.path(path);
  // The kernel looks at the descriptor of an absolute path as little.
  const start = bytes[0] === SLASH ? undefined : startOf(process, dir);
  return process.roots.at(start, bytes, follow, use);
}

/** For calls on names that are no directories': a slash behind one is an error. */
function plain(place: Place): Place {
  if (place.slash) throw new SystemCallError('ENOTDIR');
  return place;
}

const SLASH = 0x2f;

const openat: SystemCall = (process, dir, path, targetFlags, mode) => {
  const flags = openFlags(process.target, targetFlags);
  const follow = (flags & O.NOFOLLOW) === 0 && (flags & (O.CREAT | O.EXCL)) !== (O.CREAT | O.EXCL);
  let fd: number;
  for (let races = 0; ; races++) {
    fd = at(process, dir, path, follow, ({ dir: parent, name, slash }) => {
      if (slash && flags & O.CREAT) return -ERRNO.EISDIR;
      const asked = (flags & PASSED_FLAGS) | O.NOFOLLOW | O.CLOEXEC | (slash ? O.DIRECTORY : 0);
      return host.openat(parent, name, asked, mode);
    });
    if (!(follow && fd === -ERRNO.ELOOP && races < MAX_RACES)) break;
  }
  return opened(process, fd, flags);
};

/**
 * Gives an open file a descriptor. What procfs would show is the emulator, its memory included, where the program looks for itself:
 * such files cannot be opened, in whatever directory they are.
 */
function opened({ descriptors }: LinuxProcess, fd: number, flags: number): number {
  if (fd < 0) return fd;
  if (!(flags & O.PATH) && isOfProc(fd)) {
    host.close(fd);
    return -ERRNO.EACCES;
  }
  return descriptors.add(new HostFile(fd, flags), { closeOnExec: (flags & O.CLOEXEC) !== 0 });
}

const openat2: SystemCall = (process, dir, path, howAt, size) => {
  if (!process.hasOpenat2) return -ERRNO.ENOSYS;
  if (size !== OPEN_HOW.size) return -ERRNO.EINVAL;
  const bytes = process.memory.path(path);
  const start = startOf(process, dir);
  if (start === undefined || bytes[0] === SLASH) return -ERRNO.EXDEV;
  const how = process.memory.bytes(howAt, size).slice();
  const view = new DataView(how.buffer);
  const flags = openFlags(process.target, view.getUint32(0, true));
  const resolve = view.getUint32(OPEN_HOW.resolve, true);
  if (resolve & ~RESOLVE.known) return -ERRNO.EINVAL;
  view.setUint32(0, (flags & (PASSED_FLAGS | O.NOFOLLOW)) | O.CLOEXEC, true);
  view.setUint32(OPEN_HOW.resolve, resolve | RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS, true);
  return opened(process, host.openat2(start, Uint8Array.from([...bytes, 0]), how), flags);
};

const STATX_FLAGS = AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH | 0x6000;
const STATX_MODE = 28;

const statx: SystemCall = (process, dir, path, flags, mask, result) => {
  const { memory, descriptors } = process;
  if (flags & ~(STATX_FLAGS | 0x800)) return -ERRNO.EINVAL;
  const bytes = new Uint8Array(STATX_SIZE);
  let status: number;
  if (flags & AT.EMPTY_PATH && dir !== AT.FDCWD && memory.path(path).length === 0) {
    status = descriptors.get(dir).statx(bytes);
  } else {
    status = at(process, dir, path, (flags & AT.SYMLINK_NOFOLLOW) === 0, ({ dir: parent, name, slash }) => {
      const done = host.statx(parent, name, AT.SYMLINK_NOFOLLOW | (flags & 0x6000), mask, bytes);
      const mode = new DataView(bytes.buffer).getUint16(STATX_MODE, true);
      return done === 0 && slash && (mode & S.IFMT) !== S.IFDIR ? -ERRNO.ENOTDIR : done;
    });
  }
  if (status === 0) memory.write(result, bytes);
  return status;
};

const mkdirat: SystemCall = (process, dir, path, mode) =>
  at(process, dir, path, false, (place) => host.mkdirat(place.dir, place.name, mode));

const unlinkat: SystemCall = (process, dir, path, flags) => {
  if (flags & ~AT.REMOVEDIR) return -ERRNO.EINVAL;
  return at(process, dir, path, false, (place) => {
    const { dir: parent, name } = flags & AT.REMOVEDIR ? place : plain(place);
    return host.unlinkat(parent, name, flags);
  });
};

const renameat: SystemCall = (process, oldDir, oldPath, newDir, newPath) =>
  at(process, oldDir, oldPath, false, (from) =>
    at(process, newDir, newPath, false, (to) => {
      if ((from.slash || to.slash) && !isDirectory(from)) return -ERRNO.ENOTDIR;
      return host.renameat(from.dir, from.name, to.dir, to.name);
    }),
  );

const linkat: SystemCall = (process, oldDir, oldPath, newDir, newPath, flags) => {
  if (flags & ~AT.SYMLINK_FOLLOW) return -ERRNO.EINVAL;
  return at(process, oldDir, oldPath, (flags & AT.SYMLINK_FOLLOW) !== 0, (from) =>
    at(process, newDir, newPath, false, (to) => {
      const { dir, name } = plain(from);
      if (to.slash) return -ERRNO.ENOENT;
      return host.linkat(dir, name, to.dir, to.name, 0);
    }),
  );
};

const symlinkat: SystemCall = (process, target, dir, path) => {
  const content = process.memory.path(target);
  return at(process, dir, path, false, (place) => {
    if (place.slash) return -ERRNO.ENOENT;
    return host.symlinkat(Uint8Array.from([...content, 0]), place.dir, place.name);
  });
};

const MAX_LINK = 4096;

const readlinkat: SystemCall = (process, dir, path, address, length) => {
  if (length <= 0) return -ERRNO.EINVAL;
  const bytes = new Uint8Array(Math.min(length, MAX_LINK));
  const read = (parent: number, name: Uint8Array) => host.readlinkat(parent, name, bytes, bytes.length);
  const empty = process.memory.path(path).length === 0;
  const start = empty ? directory(process, dir) : undefined;
  const result =
    start !== undefined
      ? read(start, new Uint8Array(1))
      : at(process, dir, path, false, (place) => read(place.dir, plain(place).name));
  if (result > 0) process.memory.write(address, bytes.subarray(0, result));
  return result;
};

const UTIME_NOW = 0x3fff_ffff;
const UTIME_OMIT = 0x3fff_fffe;

/** Two times of `seconds` bytes each; the time of the program's clock where it names none, or UTIME_NOW. */
function times({ memory, clock }: LinuxProcess, address: number, word: 4 | 8): Uint8Array {
  const result = new DataView(new ArrayBuffer(32));
  const now = clock.read(0) ?? { seconds: 0, nanoseconds: 0 };
  for (const index of [0, 1]) {
    const from = address + index * 2 * word;
    const given = address !== 0;
    const nanoseconds = given ? memory.readU32(from + word) : UTIME_NOW;
    const seconds = !given ? 0 : word === 8 ? memory.readI64(from) : memory.readU32(from) | 0;
    const isNow = nanoseconds === UTIME_NOW && !clock.realTime;
    result.setBigInt64(index * 16, BigInt(isNow ? now.seconds : seconds), true);
    result.setBigInt64(index * 16 + 8, BigInt(isNow ? now.nanoseconds : nanoseconds), true);
  }
  return new Uint8Array(result.buffer);
}

function setTimes(
  process: LinuxProcess,
  dir: number,
  path: number,
  address: number,
  flags: number,
  word: 4 | 8,
): number {
  if (flags & ~(AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH)) return -ERRNO.EINVAL;
  const both = times(process, address, word);
  const nanoseconds = new DataView(both.buffer);
  for (const field of [8, 24]) {
    const value = nanoseconds.getUint32(field, true);
    if (value >= 1e9 && value !== UTIME_NOW && value !== UTIME_OMIT) return -ERRNO.EINVAL;
  }
  if (path === 0 || (flags & AT.EMPTY_PATH && process.memory.path(path).length === 0)) {
    const file = directory(process, dir);
    if (file === undefined) return -ERRNO.EINVAL;
    return path === 0
      ? host.futimens(file, both)
      : host.utimensat(file, new Uint8Array(1), both, AT.EMPTY_PATH);
  }
  return at(process, dir, path, (flags & AT.SYMLINK_NOFOLLOW) === 0, (place) => {
    if (place.slash && !isDirectory(place)) return -ERRNO.ENOTDIR;
    return host.utimensat(place.dir, place.name, both, AT.SYMLINK_NOFOLLOW);
  });
}

const utimensat: SystemCall = (process, dir, path, address, flags) =>
  setTimes(process, dir, path, address, flags, 8);
const utimensat32: SystemCall = (process, dir, path, address, flags) =>
  setTimes(process, dir, path, address, flags, 4);

function isDirectory(place: Place): boolean {
  const bytes = new Uint8Array(STATX_SIZE);
  const status = host.statx(place.dir, place.name, AT.SYMLINK_NOFOLLOW, 1, bytes);
  return status === 0 && (new DataView(bytes.buffer).getUint16(STATX_MODE, true) & S.IFMT) === S.IFDIR;
}

export const PATH_CALLS: Readonly<Record<string, SystemCallInfo>> = {
  openat: { x86_64: 257, armv7: 322, parameters: 'iwuu', call: openat },
  openat2: { x86_64: 437, armv7: 437, parameters: 'iwww', call: openat2 },
  mkdirat: { x86_64: 258, armv7: 323, parameters: 'iwu', call: mkdirat },
  unlinkat: { x86_64: 263, armv7: 328, parameters: 'iwu', call: unlinkat },
  renameat: { x86_64: 264, armv7: 329, parameters: 'iwiw', call: renameat },
  linkat: { x86_64: 265, armv7: 330, parameters: 'iwiwu', call: linkat },
  symlinkat: { x86_64: 266, armv7: 331, parameters: 'wiw', call: symlinkat },
  readlinkat: { x86_64: 267, armv7: 332, parameters: 'iwwi', call: readlinkat },
  statx: { x86_64: 332, armv7: 397, parameters: 'iwuuw', call: statx },
  utimensat: { x86_64: 280, armv7: 412, parameters: 'iwwu', call: utimensat },
  utimensat_time32: { armv7: 348, parameters: 'iwwu', call: utimensat32 },
};
