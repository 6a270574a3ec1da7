import { Sys } from './linux';
import { closeHost, kernel, LinuxError, native, Open, openDirectory } from './system';
import { walkOpen } from './walk';

/**
 * Paths of the program lead to nothing outside the directory that they start from: neither by `..`, nor by a slash at their
 * start, nor by a symbolic link. Where the kernel can promise that itself (openat2(2), Linux 5.6), it does; elsewhere walk.ts.
 */

/** RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH (include/uapi/linux/openat2.h). */
const beneath: u64 = 0x02 | 0x08;

/** struct open_how: flags, mode, resolve, u64 each. */
const how = memory.data(24);
const howBytes: u64 = 24;

/** What is known of openat2 here: a kernel may lack it, a seccomp filter may refuse it. */
enum Kernel {
  unknown,
  resolves,
  refuses,
}
let kernelIs: Kernel = Kernel.unknown;

/** With `..` in a path, openat2 gives up when anything is renamed meanwhile; after so many times, the path is walked. */
const attempts = 16;

const dot = memory.data<u8>([0x2e, 0]);

function openat2(directory: i32, path: usize, flags: u32, mode: u32): i64 {
  store<u64>(how, <u64>flags);
  store<u64>(how, <u64>mode, 8);
  store<u64>(how, beneath, 16);
  return kernel(Sys.openat2, <u64>directory, native(path), native(how), howBytes);
}

/**
 * True if openat2 works, by its result: what says nothing (EPERM is also a file system's answer) is settled by opening
 * the directory itself, which nothing else refuses.
 */
function settles(directory: i32, result: i64): bool {
  if (kernelIs === Kernel.unknown) {
    let probe = result;
    if (probe === -(<i64>LinuxError.eperm)) {
      probe = openat2(directory, dot, Open.path | Open.closeOnExec | openDirectory(), 0);
      if (probe >= 0) closeHost(<i32>probe);
    }
    const refused = probe === -(<i64>LinuxError.enosys) || probe === -(<i64>LinuxError.eperm);
    kernelIs = refused ? Kernel.refuses : Kernel.resolves;
  }
  return kernelIs === Kernel.resolves;
}

/**
 * Opens what the path, ended by 0, names beneath a directory, with flags and mode of open. The descriptor, or -errno: EPERM for a
 * path that leads out of the directory.
 */
export function openBeneath(directory: i32, path: usize, flags: u32, mode: u32): i64 {
  for (let attempt = 0; attempt < attempts && kernelIs !== Kernel.refuses; attempt++) {
    const result = openat2(directory, path, flags, mode);
    if (!settles(directory, result)) break;
    if (result === -(<i64>LinuxError.exdev)) return -(<i64>LinuxError.eperm);
    if (result !== -(<i64>LinuxError.eagain)) return result;
  }
  return walkOpen(directory, path, flags, mode);
}

/** Offsets in a place: the directory that a path's last name is in, whether it is open for this only, and that name. */
enum Place {
  parent = 0,
  owned = 4,
  /** A slash stood behind the name. */
  slash = 5,
  name = 8,
  size = 8 + 4096,
}

/** Places of the call at hand: calls with two paths have two. */
export const firstPlace = memory.data(8 + 4096);
export const secondPlace = memory.data(8 + 4096);

export function parentOf(place: usize): u64 {
  return <u64>load<i32>(place + Place.parent);
}

export function nameIn(place: usize): u64 {
  return native(place + Place.name);
}

export function hasSlash(place: usize): bool {
  return load<u8>(place + Place.slash) !== 0;
}

/** Closes what {@link findParent} has opened. */
export function leave(place: usize): void {
  if (load<u8>(place + Place.owned) !== 0) closeHost(load<i32>(place + Place.parent));
  store<u8>(place + Place.owned, 0);
}

/**
 * Finds the directory that the last name of a path is in, for calls that create, remove or look at the name itself. The path in the
 * buffer is cut. Where no name ends it (`.`, `..`), the directory itself is found, and `.` as the name; so also, with
 * `existing`, where a slash does: it asks for what a symbolic link there leads to. 0 or -errno.
 */
export function findParent(place: usize, directory: i32, path: usize, existing: bool): i64 {
  let end = path;
  while (load<u8>(end) !== 0) end++;
  const all = end;
  while (end > path && load<u8>(end - 1) === 0x2f) end--;
  let start = end;
  while (start > path && load<u8>(start - 1) !== 0x2f) start--;
  const slash = end !== all;
  store<i32>(place + Place.parent, directory);
  store<u8>(place + Place.owned, 0);
  store<u8>(place + Place.slash, slash ? 1 : 0);
  const bytes = end - start;
  const dots = isDots(start, bytes);
  if (bytes === 0 || dots || (slash && existing)) {
    store<u16>(place + Place.name, 0x2e);
  } else {
    memory.copy(place + Place.name, start, bytes);
    store<u8>(place + Place.name + bytes, 0);
    if (start === path) return 0;
    store<u8>(start, 0);
  }
  const opened = openBeneath(directory, path, Open.path | Open.closeOnExec | openDirectory(), 0);
  if (opened < 0) return opened;
  store<i32>(place + Place.parent, <i32>opened);
  store<u8>(place + Place.owned, 1);
  return 0;
}

/** `.` or `..` */
function isDots(name: usize, bytes: usize): bool {
  return load<u8>(name) === 0x2e && (bytes === 1 || (bytes === 2 && load<u8>(name, 1) === 0x2e));
}
