import { guest } from './app';
import { demandDirectory, hostOf } from './descriptors';
import { Errno, errno } from './errno';
import { store_u32 } from './fathom';
import { Sys } from './linux';
import { firstPath, secondPath, takePath } from './path-buffer';
import { findParent, firstPlace, hasSlash, leave, nameIn, parentOf, secondPlace } from './resolve';
import { FileType, Right } from './rights';
import { status, statusType, symlinkFollow } from './stat';
import { At, kernel, LinuxError, native } from './system';

/** Calls about a name in a directory. None follows a symbolic link that the name may be. */

/** The name in a place, in this instance's memory. */
function localName(place: usize): usize {
  return place + 8;
}

/**
 * What is wrong with a slash behind a name that is to be removed, renamed or made: nothing for a directory. The kernel never sees
 * the slash, for it may follow a link before one.
 */
function slashError(place: usize): i64 {
  const result = status(parentOf(place), localName(place));
  if (result < 0) return result;
  return statusType() === FileType.directory ? 0 : -(<i64>LinuxError.enotdir);
}

export function path_create_directory(fd: u32, path: u32, bytes: u32): u32 {
  let error = demandDirectory(fd, Right.pathCreateDirectory);
  if (error === 0) error = takePath(firstPath, path, bytes);
  if (error !== 0) return error;
  let result = findParent(firstPlace, <i32>hostOf(fd), firstPath, false);
  if (result < 0) return errno(result);
  result = kernel(Sys.mkdirat, parentOf(firstPlace), nameIn(firstPlace), 0o777);
  leave(firstPlace);
  return errno(result);
}

export function path_remove_directory(fd: u32, path: u32, bytes: u32): u32 {
  let error = demandDirectory(fd, Right.pathRemoveDirectory);
  if (error === 0) error = takePath(firstPath, path, bytes);
  if (error !== 0) return error;
  let result = findParent(firstPlace, <i32>hostOf(fd), firstPath, false);
  if (result < 0) return errno(result);
  result = kernel(Sys.unlinkat, parentOf(firstPlace), nameIn(firstPlace), <u64>At.removeDirectory);
  leave(firstPlace);
  return errno(result);
}

export function path_unlink_file(fd: u32, path: u32, bytes: u32): u32 {
  let error = demandDirectory(fd, Right.pathUnlinkFile);
  if (error === 0) error = takePath(firstPath, path, bytes);
  if (error !== 0) return error;
  let result = findParent(firstPlace, <i32>hostOf(fd), firstPath, false);
  if (result < 0) return errno(result);
  if (hasSlash(firstPlace)) {
    result = slashError(firstPlace);
    if (result === 0) result = -(<i64>LinuxError.eisdir);
  } else {
    result = kernel(Sys.unlinkat, parentOf(firstPlace), nameIn(firstPlace), 0);
  }
  leave(firstPlace);
  return errno(result);
}

export function path_readlink(fd: u32, path: u32, bytes: u32, buffer: u32, bufferBytes: u32, used: u32): u32 {
  let error = demandDirectory(fd, Right.pathReadlink);
  if (error === 0) error = takePath(firstPath, path, bytes);
  if (error !== 0) return error;
  const to = guest(buffer, bufferBytes);
  const at = guest(used, 4);
  if (to === 0 || at === 0) return Errno.fault;
  let result = findParent(firstPlace, <i32>hostOf(fd), firstPath, true);
  if (result < 0) return errno(result);
  result = readLink(to, bufferBytes);
  leave(firstPlace);
  if (result < 0) return errno(result);
  store_u32(at, <u32>result);
  return Errno.success;
}

/** Linux wants room for one byte at least: of none, it says EINVAL, as of what is no link. */
function readLink(to: u64, bytes: u32): i64 {
  if (bytes > 0) return kernel(Sys.readlinkat, parentOf(firstPlace), nameIn(firstPlace), to, <u64>bytes);
  const result = kernel(Sys.readlinkat, parentOf(firstPlace), nameIn(firstPlace), native(secondPath), 1);
  return min<i64>(result, 0);
}

export function path_symlink(target: u32, targetBytes: u32, fd: u32, path: u32, bytes: u32): u32 {
  let error = demandDirectory(fd, Right.pathSymlink);
  if (error === 0) error = takePath(secondPath, target, targetBytes);
  if (error === 0) error = takePath(firstPath, path, bytes);
  if (error !== 0) return error;
  // A link that could only lead out.
  if (load<u8>(secondPath) === 0x2f) return Errno.perm;
  let result = findParent(firstPlace, <i32>hostOf(fd), firstPath, false);
  if (result < 0) return errno(result);
  result = newNameError(firstPlace);
  if (result === 0)
    result = kernel(Sys.symlinkat, native(secondPath), parentOf(firstPlace), nameIn(firstPlace));
  leave(firstPlace);
  return errno(result);
}

/** A slash behind a new name that is no directory's: ENOENT, unless something is there. */
function newNameError(place: usize): i64 {
  if (!hasSlash(place)) return 0;
  const result = status(parentOf(place), localName(place));
  return result < 0 ? result : -(<i64>LinuxError.eexist);
}

/** Takes the paths of a call that has two. */
function takeBoth(oldPath: u32, oldBytes: u32, newPath: u32, newBytes: u32): u32 {
  const error = takePath(firstPath, oldPath, oldBytes);
  return error === 0 ? takePath(secondPath, newPath, newBytes) : error;
}

/** Makes `call` on the names in both places, unless `found` says that they are none, and leaves the places. */
function onBoth(call: Sys, found: i64): u32 {
  let result = found;
  if (result === 0)
    result = kernel(
      call,
      parentOf(firstPlace),
      nameIn(firstPlace),
      parentOf(secondPlace),
      nameIn(secondPlace),
    );
  leave(firstPlace);
  leave(secondPlace);
  return errno(result);
}

export function path_link(
  oldFd: u32,
  lookup: u32,
  oldPath: u32,
  oldBytes: u32,
  newFd: u32,
  newPath: u32,
  newBytes: u32,
): u32 {
  let error = demandDirectory(oldFd, Right.pathLinkSource);
  if (error === 0) error = demandDirectory(newFd, Right.pathLinkTarget);
  if (error === 0) error = takeBoth(oldPath, oldBytes, newPath, newBytes);
  if (error !== 0) return error;
  // Like wasmtime: a hard link to what a symbolic link leads to is not made.
  if ((lookup & symlinkFollow) !== 0) return Errno.inval;
  let result = findParent(firstPlace, <i32>hostOf(oldFd), firstPath, true);
  if (result < 0) return errno(result);
  result = findParent(secondPlace, <i32>hostOf(newFd), secondPath, false);
  if (result === 0) result = newNameError(secondPlace);
  return onBoth(Sys.linkat, result);
}

export function path_rename(
  oldFd: u32,
  oldPath: u32,
  oldBytes: u32,
  newFd: u32,
  newPath: u32,
  newBytes: u32,
): u32 {
  let error = demandDirectory(oldFd, Right.pathRenameSource);
  if (error === 0) error = demandDirectory(newFd, Right.pathRenameTarget);
  if (error === 0) error = takeBoth(oldPath, oldBytes, newPath, newBytes);
  if (error !== 0) return error;
  let result = findParent(firstPlace, <i32>hostOf(oldFd), firstPath, false);
  if (result < 0) return errno(result);
  result = findParent(secondPlace, <i32>hostOf(newFd), secondPath, false);
  // A slash behind either name asks for a directory to be renamed.
  if (result === 0 && (hasSlash(firstPlace) || hasSlash(secondPlace))) result = slashError(firstPlace);
  return onBoth(Sys.renameat, result);
}
