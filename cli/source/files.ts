import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';

/** Larger files are no sources. */
const largestSource = 2 ** 24;
/** Bytes that are read in all. */
const largestSum = 2 ** 28;
/** So often it is looked whether there is a file. */
const mostLooks = 100_000;
/** Folders of a path that are tried at most. */
const deepest = 32;

/**
 * Reads source files that a module names. Who wrote the module chose the names, and who reads a report may not be who may read the
 * machine's files: so files are read only within folders that the user named, wherever links lead, and never hidden ones, where keys
 * and passwords are kept.
 */
export class SourceFolders {
  private readonly folders: readonly string[];
  private read = 0;
  private looks = 0;

  /** @throws Error of the system for a folder that is not there */
  constructor(folders: readonly string[]) {
    this.folders = folders.map((folder) => realpathSync(folder));
  }

  /**
   * The text of a file, or undefined where it is not there or must not be read. The path need not be this machine's: of
   * `/build/app/src/main.c`, a folder may have `src/main.c` or `main.c`.
   *
   * @param limit bytes; of larger files nothing is read
   */
  text(path: string, limit = largestSource): string | undefined {
    const parts = path.split(/[\\/]/).filter((part) => part !== '' && part !== '.');
    const known = parts.slice(parts.lastIndexOf('..') + 1).slice(-deepest);
    if (parts.length === 0 || path.includes('\0')) return undefined;
    for (const folder of this.folders) {
      const candidates = isAbsolute(path) ? [path] : [];
      for (let first = 0; first < known.length; first++) candidates.push(join(folder, ...known.slice(first)));
      for (const candidate of candidates) {
        const text = this.textWithin(folder, candidate, limit);
        if (text !== undefined) return text;
      }
    }
    return undefined;
  }

  private textWithin(folder: string, candidate: string, limit: number): string | undefined {
    if (this.looks++ >= mostLooks) return undefined;
    let file = -1;
    try {
      const real = realpathSync(candidate);
      if (!mayBeRead(folder, real)) return undefined;
      // Names may lead elsewhere by now, so what counts is what was opened. A pipe would wait for a writer.
      file = openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      if (!mayBeRead(folder, placeOf(file, real))) return undefined;
      const found = fstatSync(file);
      if (!found.isFile() || found.size > limit || this.read + found.size > largestSum) return undefined;
      this.read += found.size;
      const text = textOf(file, found.size);
      return text.includes('\0') ? undefined : text;
    } catch {
      return undefined;
    } finally {
      if (file >= 0) closeSync(file);
    }
  }
}

/** Whether a path without links is one in the folder, and nothing of it is hidden. */
function mayBeRead(folder: string, real: string): boolean {
  const path = relative(folder, real);
  // `..` begins with a dot, too.
  return !isAbsolute(path) && !path.split(sep).some((part) => part.startsWith('.'));
}

/** Where an open file lies; only Linux says that of the file itself, others of what has its name now. */
const placeOf = (file: number, name: string): string =>
  process.platform === 'linux' ? readlinkSync(`/proc/self/fd/${file}`) : realpathSync(name);

/** The first bytes of a file as text: it may be growing. */
function textOf(file: number, bytes: number): string {
  const content = Buffer.alloc(bytes);
  let length = 0;
  for (let more = -1; more !== 0 && length < bytes; length += more)
    more = readSync(file, content, length, bytes - length, null);
  return content.toString('utf8', 0, length);
}
