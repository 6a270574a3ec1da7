/** The file descriptors of a process. */
import type { Description } from './descriptions.ts';
import { SystemCallError } from './errno.ts';

/** RLIMIT_NOFILE. */
const MAX_DESCRIPTORS = 1024;

interface Entry {
  readonly description: Description;
  closeOnExec: boolean;
}

export class Descriptors {
  readonly #entries: (Entry | undefined)[] = [];

  /**
   * Makes the lowest free file descriptor, from `lowest` on, refer to an open file.
   *
   * @throws {SystemCallError} EMFILE; a description that nothing else refers to is closed then
   */
  add(description: Description, { lowest = 0, closeOnExec = false } = {}): number {
    let fd = lowest;
    while (this.#entries[fd] !== undefined) fd++;
    if (fd >= MAX_DESCRIPTORS) {
      if (description.references === 0) description.close();
      throw new SystemCallError('EMFILE');
    }
    this.set(fd, description, closeOnExec);
    return fd;
  }

  /**
   * Makes this file descriptor refer to an open file, closing what it referred to.
   *
   * @throws {SystemCallError} EBADF when there is no such number
   */
  set(fd: number, description: Description, closeOnExec: boolean): void {
    if (!(fd >= 0 && fd < MAX_DESCRIPTORS)) throw new SystemCallError('EBADF');
    description.references++;
    if (this.#entries[fd]) this.close(fd);
    this.#entries[fd] = { description, closeOnExec };
  }

  /** @throws {SystemCallError} EBADF */
  get(fd: number): Description {
    return this.entry(fd).description;
  }

  find(fd: number): Description | undefined {
    return this.#entries[fd]?.description;
  }

  /** @throws {SystemCallError} EBADF */
  entry(fd: number): Entry {
    const entry = this.#entries[fd];
    if (!entry) throw new SystemCallError('EBADF');
    return entry;
  }

  /** @throws {SystemCallError} EBADF */
  close(fd: number): void {
    const { description } = this.entry(fd);
    this.#entries[fd] = undefined;
    if (--description.references === 0) description.close();
  }

  closeAll(): void {
    for (const [fd, entry] of this.#entries.entries()) if (entry) this.close(fd);
  }
}
