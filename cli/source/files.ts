import { readFileSync, realpathSync, statSync } from 'node:fs';
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
    try {
      const real = realpathSync(candidate);
      const within = relative(folder, real).split(sep);
      // `..` begins with a dot, too.
      if (isAbsolute(relative(folder, real)) || within.some((part) => part.startsWith('.'))) return undefined;
      const found = statSync(real);
      if (!found.isFile() || found.size > limit || this.read + found.size > largestSum) return undefined;
      this.read += found.size;
      const text = readFileSync(real, 'utf8');
      return text.includes('\0') ? undefined : text;
    } catch {
      return undefined;
    }
  }
}
