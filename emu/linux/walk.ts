/**
 * Looking up paths in the directories that were handed in, and nowhere else.
 *
 * Every component is opened by itself, relative to the directory before it, and never through a symbolic link; the
 * targets of links are looked up by the same rules. So a lookup cannot leave, whatever is renamed meanwhile. What would lead above
 * the directory where it began is EXDEV, as under RESOLVE_BENEATH of openat2(2).
 */
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { ERRNO, SystemCallError } from './errno.ts';
import { O } from './flags.ts';
import { host } from './host.ts';

/** As many symbolic links as the kernel follows in one lookup (MAXSYMLINKS). */
const MAX_LINKS = 40;
const MAX_TARGET = 4096;

/** How often a component that changes its kind meanwhile is tried again. */
const MAX_RACES = 8;

/** A directory of the host that the program may use. Names are latin1 strings: a character for each byte. */
interface Root {
  readonly path: string;
  readonly realPath: string;
  readonly fd: number;
}

/** A name in a directory: what system calls that take a directory and a path are given. */
export interface Place {
  /** The directory's host file descriptor. */
  readonly dir: number;
  /** One component, ended by a zero: `.` for the directory itself. */
  readonly name: Uint8Array;
  /** A slash stood behind the name: it must be a directory's. */
  readonly slash: boolean;
}

/** The directories that were handed in. */
export class Roots {
  readonly #roots: Root[];
  readonly #cwd: string;

  /**
   * @param directories host paths
   * @param cwd what relative paths that are relative to no directory begin at; not accessible unless handed in
   * @throws {Error} as node:fs does, when a directory cannot be opened
   */
  constructor(directories: readonly string[], cwd: string) {
    this.#cwd = bytesOf(cwd);
    this.#roots = directories.map((directory) => {
      const path = resolve(cwd, directory);
      const realPath = realpathSync(path);
      const fd = host.openat(-1, pathBytes(bytesOf(realPath)), O.PATH | O.DIRECTORY | O.CLOEXEC, 0);
      if (fd < 0) throw new Error(`cannot open the directory ${directory}`);
      return { path: bytesOf(path), realPath: bytesOf(realPath), fd };
    });
  }

  close(): void {
    for (const { fd } of this.#roots.splice(0)) host.close(fd);
  }

  /**
   * Looks up all but the last component of a path.
   *
   * @param start host file descriptor of the directory that a relative path is relative to; undefined for the working directory
   * @param follow whether the last component's link is followed
   * @param use what to do at the place, whose directory is open only meanwhile
   * @throws {SystemCallError} as the kernel's lookup; EACCES for an absolute path, EXDEV for `..`, that leads outside
   */
  at<T>(start: number | undefined, path: Uint8Array, follow: boolean, use: (place: Place) => T): T {
    if (path.length === 0) throw new SystemCallError('ENOENT');
    const walk = new Walk(this);
    try {
      return use(walk.find(start, Buffer.from(path).toString('latin1'), follow));
    } finally {
      walk.close();
    }
  }

  /** The handed-in directory that an absolute path leads into, and the rest of the path. */
  root(path: string): { fd: number; rest: string } {
    const slash = /\/\.?$/.test(path) ? '/' : '';
    const absolute = resolve(this.#cwd, path);
    const found = this.#match(absolute, 'path') ?? this.#matchReal(absolute);
    if (!found) throw new SystemCallError('EACCES');
    return { fd: found.fd, rest: found.rest + slash };
  }

  #match(path: string, key: 'path' | 'realPath'): { fd: number; rest: string } | undefined {
    let best: Root | undefined;
    for (const root of this.#roots) {
      const inside = path === root[key] || path.startsWith(root[key].replace(/\/?$/, '/'));
      if (inside && (!best || root[key].length > best[key].length)) best = root;
    }
    return best && { fd: best.fd, rest: path.slice(best[key].length).replace(/^\/+/, '') };
  }

  #matchReal(path: string): { fd: number; rest: string } | undefined {
    try {
      const real = realpathSync(Buffer.from(path, 'latin1'), 'buffer').toString('latin1');
      return this.#match(real, 'realPath');
    } catch {
      return undefined;
    }
  }
}

/** One lookup: the directories it has open. */
class Walk {
  readonly #roots: Roots;
  /** The directories from the start to the current one; all but the first are this lookup's own. */
  #stack: number[] = [];
  #links = 0;

  constructor(roots: Roots) {
    this.#roots = roots;
  }

  close(): void {
    for (const fd of this.#stack.splice(0).slice(1)) host.close(fd);
  }

  find(start: number | undefined, path: string, follow: boolean): Place {
    let rest = path;
    if (start === undefined || path.startsWith('/')) rest = this.#startAtRoot(path);
    else this.#stack = [start];
    for (;;) {
      const [, name, behind] = /^([^/]*)\/*([\s\S]*)$/.exec(rest) ?? ['', '', ''];
      const slash = rest.length > name.length;
      const last = behind === '';
      if (name === '' || name === '.') {
        if (last) return { dir: this.#current(), name: pathBytes('.'), slash };
        rest = behind;
      } else if (name === '..') {
        this.#up();
        rest = behind === '' ? '.' : behind;
      } else if (last) {
        const target = follow || slash ? this.#target(name) : undefined;
        if (target === undefined) return { dir: this.#current(), name: pathBytes(name), slash };
        rest = this.#enterLink(target + (slash ? '/' : ''));
      } else {
        rest = this.#down(name, behind);
      }
    }
  }

  /** Enters a directory, or the link of that name; returns the rest of the path. */
  #down(name: string, behind: string): string {
    const flags = O.PATH | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;
    for (let races = 0; ; races++) {
      const fd = host.openat(this.#current(), pathBytes(name), flags, 0);
      if (fd >= 0) {
        this.#stack.push(fd);
        return behind;
      }
      const target = this.#target(name);
      if (target !== undefined) return this.#enterLink(`${target}/${behind}`);
      // A link that became a directory in between is neither to either.
      if (fd !== -ERRNO.ENOTDIR || races >= MAX_RACES) throw new SystemCallError(-fd);
    }
  }

  #up(): void {
    const fd = this.#stack.length > 1 ? this.#stack.pop() : undefined;
    if (fd === undefined) throw new SystemCallError('EXDEV');
    host.close(fd);
  }

  #current(): number {
    return this.#stack[this.#stack.length - 1];
  }

  #startAtRoot(path: string): string {
    const { fd, rest } = this.#roots.root(path);
    this.close();
    this.#stack = [fd];
    return rest;
  }

  #enterLink(path: string): string {
    if (++this.#links > MAX_LINKS) throw new SystemCallError('ELOOP');
    return path.startsWith('/') ? this.#startAtRoot(path) : path;
  }

  /** Where a symbolic link leads; undefined when the name is none. */
  #target(name: string): string | undefined {
    const target = new Uint8Array(MAX_TARGET);
    const length = host.readlinkat(this.#current(), pathBytes(name), target, MAX_TARGET);
    if (length <= 0) return undefined;
    return Buffer.from(target.subarray(0, length)).toString('latin1');
  }
}

/** The bytes of a latin1 string, and a zero. */
function pathBytes(path: string): Uint8Array {
  return Buffer.from(`${path}\0`, 'latin1');
}

/** A path of JavaScript as a latin1 string of its UTF-8 bytes. */
function bytesOf(path: string): string {
  return Buffer.from(path).toString('latin1');
}
