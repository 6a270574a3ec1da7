import { Sys } from './linux';
import { pathMaximum } from './path-buffer';
import { closeHost, kernel, LinuxError, native, Open, openDirectory, openNoFollow } from './system';

/**
 * Resolves paths without the kernel's help, one component at a time, so that nothing outside the starting directory is ever
 * reached, even if somebody renames directories or swaps symbolic links meanwhile. The kernel gets single names only: no slash,
 * no `..`, and no symbolic link to follow. `..` goes back to the directory that the walk came through, which a stack of
 * descriptors keeps; links are read, and what they say is walked like the rest.
 */

/** Symbolic links in one path (path_resolution(7)). */
const linkMaximum = 40;

/** Directories between the start and where the walk is: no path is deeper, and few processes may have so many descriptors. */
const depthMaximum = 2048;

/** i32 each: the directories that the walk came through, the innermost last, without the one where it is. */
const stack = memory.data(2048 * 4);
let depth: u32 = 0;

/** What is left of the path, at the end of the buffer, ended by 0: the text of a link goes before it. */
const pending = memory.data(8192);
const pendingEnd = pending + 8191;
let rest: usize = pendingEnd;

/** Text of a symbolic link, and the name at hand. */
const linkText = memory.data(4096);
const name = memory.data(4096);

/** Where the walk started and where it is; the directory in which it ended, to be given up by {@link leaveWalk}. */
let start: i32 = -1;
let current: i32 = -1;

/** Bytes of the symbolic link read last. */
let linkBytes: i64 = 0;

/** What one step can come to, besides -errno. */
enum Step {
  /** `name` in `current` is what the path names. */
  ended,
  /** There is more of the path. */
  entered,
  /** `linkText` comes next. */
  link,
}

export function walkDirectory(): u64 {
  return <u64>current;
}

export function walkName(): usize {
  return name;
}

/**
 * Walks to the last name of `path`, a text ended by 0: then it is in {@link walkDirectory} under {@link walkName}. With `follow`, that is no symbolic link,
 * or was none. Where a slash stands behind the last name, or it is `.` or `..`, the walk ends in the directory itself, at `.`. 0 or -errno.
 */
export function walk(directory: i32, path: usize, follow: bool): i64 {
  start = directory;
  current = directory;
  depth = 0;
  rest = pendingEnd;
  store<u8>(pendingEnd, 0);
  let found = expand(path, textLength(path));
  for (let links = 0; found === 0; ) {
    const step = stepOn(follow);
    if (step === Step.ended) return 0;
    if (step < 0) found = step;
    if (step === Step.link)
      found = ++links > linkMaximum ? -(<i64>LinuxError.eloop) : expand(linkText, <usize>linkBytes);
  }
  leaveWalk();
  return found;
}

/** Goes by one component. */
function stepOn(follow: bool): i64 {
  let end = rest;
  while (load<u8>(end) !== 0 && load<u8>(end) !== 0x2f) end++;
  let next = end;
  while (load<u8>(next) === 0x2f) next++;
  const last = load<u8>(next) === 0;
  takeName(end);
  if (isDots(2)) {
    if (depth === 0) return -(<i64>LinuxError.eperm);
    closeHost(current);
    depth--;
    current = load<i32>(stack + ((<usize>depth) << 2));
    setDot();
  }
  if (isDots(1)) {
    rest = next;
    return last ? Step.ended : Step.entered;
  }
  const directoryAsked = next !== end;
  if (directoryAsked) {
    const opened = enter();
    if (opened >= 0) {
      rest = next;
      if (!last) return Step.entered;
      setDot();
      return Step.ended;
    }
    if (opened !== -(<i64>LinuxError.enotdir) && opened !== -(<i64>LinuxError.eloop)) return opened;
  } else if (!follow) {
    return Step.ended;
  }
  linkBytes = readLink();
  if (linkBytes >= 0) {
    rest = end;
    return Step.link;
  }
  // What is wrong with a last name, the call at hand will say.
  if (!directoryAsked) return Step.ended;
  return linkBytes === -(<i64>LinuxError.einval) ? -(<i64>LinuxError.enotdir) : linkBytes;
}

function textLength(text: usize): usize {
  let end = text;
  while (load<u8>(end) !== 0) end++;
  return end - text;
}

/** Puts text before what is left of the path. 0 or -errno: no room, nothing there, or an absolute path, which leads out. */
function expand(text: usize, bytes: usize): i64 {
  if (bytes > <usize>pathMaximum || rest - pending < bytes) return -(<i64>LinuxError.enametoolong);
  if (bytes === 0) return -(<i64>LinuxError.enoent);
  if (load<u8>(text) === 0x2f) return -(<i64>LinuxError.eperm);
  rest -= bytes;
  memory.copy(rest, text, bytes);
  return 0;
}

function takeName(end: usize): void {
  // Longer than any name may be: the kernel says so, and never sees more than its own maximum of a path.
  const bytes = min<usize>(end - rest, 4095);
  memory.copy(name, rest, bytes);
  store<u8>(name + bytes, 0);
}

function setDot(): void {
  store<u16>(name, 0x2e);
}

function isDots(count: usize): bool {
  for (let k: usize = 0; k < count; k++) if (load<u8>(name + k) !== 0x2e) return false;
  return load<u8>(name + count) === 0;
}

/** Goes into the directory `name`, which is no symbolic link. Its descriptor or -errno. */
function enter(): i64 {
  if (depth === depthMaximum) return -(<i64>LinuxError.enametoolong);
  const flags = Open.path | Open.closeOnExec | openDirectory() | openNoFollow();
  const opened = kernel(Sys.openat, <u64>current, native(name), <u64>flags);
  if (opened < 0) return opened;
  store<i32>(stack + ((<usize>depth) << 2), current);
  depth++;
  current = <i32>opened;
  return opened;
}

/** Reads the symbolic link `name`. Its length, or -errno: EINVAL where it is none. */
function readLink(): i64 {
  return kernel(Sys.readlinkat, <u64>current, native(name), native(linkText), 4096);
}

/** Closes what the walk has opened. */
export function leaveWalk(): void {
  if (current !== start) closeHost(current);
  // The first on the stack is the start, which is not the walk's own.
  while (depth > 1) closeHost(load<i32>(stack + ((<usize>--depth) << 2)));
  depth = 0;
  current = start;
}

/** Opens what a path names, with flags and mode of open. The descriptor or -errno. */
export function walkOpen(directory: i32, path: usize, flags: u32, mode: u32): i64 {
  // O_EXCL does not follow a last link (open(2)).
  const exclusive = (flags & (Open.create | Open.exclusive)) === (Open.create | Open.exclusive);
  const found = walk(directory, path, (flags & openNoFollow()) === 0 && !exclusive);
  if (found < 0) return found;
  const result = kernel(Sys.openat, <u64>current, native(name), <u64>(flags | openNoFollow()), <u64>mode);
  leaveWalk();
  return result;
}
