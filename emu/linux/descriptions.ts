/**
 * Open file descriptions: what file descriptors refer to. Several may refer to one (dup).
 */
import { ERRNO } from './errno.ts';
import { O, S } from './flags.ts';
import { host, pollOne } from './host.ts';

/** Events of poll(2), the same on both targets. */
export const POLL = { IN: 1, OUT: 4, ERR: 8, HUP: 16, NVAL: 32 } as const;

/** Requests of ioctl(2), the same on both targets (include/uapi/asm-generic/ioctls.h): a terminal's settings, bytes to read. */
export const IOCTL = { TCGETS: 0x5401, FIONREAD: 0x541b } as const;

/** Bytes of struct statx, the same on all architectures (include/uapi/linux/stat.h). */
export const STATX_SIZE = 256;
const STATX_FIELDS = { mask: 0, blockSize: 4, links: 16, mode: 28 };
const STATX_BASIC_STATS = 0x7ff;

/** Offsets of `d_off` and `d_reclen` in struct linux_dirent64 (include/linux/dirent.h). */
const DIRENT = { next: 8, bytes: 16 };
const SEEK_SET = 0;

/** An open file. What a kind of file cannot do answers as the kernel does; all results are counts or -errno. */
export class Description {
  /** Access mode and status flags, in x86-64's bits. */
  flags: number;
  /** How many file descriptors refer to it. */
  references = 0;
  /** The host's file descriptor, for system calls that go through to it; -1 for none. */
  readonly fd: number = -1;

  constructor(flags: number) {
    this.flags = flags;
  }

  /** -EAGAIN when there is nothing to read yet. */
  read(_bytes: Uint8Array): number {
    return -ERRNO.EBADF;
  }

  write(_bytes: Uint8Array): number {
    return -ERRNO.EBADF;
  }

  pread(_bytes: Uint8Array, _offset: number): number {
    return -ERRNO.ESPIPE;
  }

  pwrite(_bytes: Uint8Array, _offset: number): number {
    return -ERRNO.ESPIPE;
  }

  seek(_offset: number, _whence: number): number {
    return -ERRNO.ESPIPE;
  }

  /**
   * Which of the events are there.
   *
   * @param timeout in real milliseconds to wait for one, -1 for ever; only `waits` descriptions wait
   */
  poll(events: number, _timeout: number): number {
    return events & (POLL.IN | POLL.OUT);
  }

  /** Whether something outside the emulator can make it ready. */
  get waits(): boolean {
    return false;
  }

  /** Fills `bytes` with entries of a directory, struct linux_dirent64. */
  readEntries(_bytes: Uint8Array): number {
    return -ERRNO.ENOTDIR;
  }

  /** Answers one of `IOCTL`: fills `answer`. */
  control(_request: number, _answer: Uint8Array): number {
    return -ERRNO.ENOTTY;
  }

  /** Fills a struct statx, as of a pipe. */
  statx(result: Uint8Array): number {
    const view = new DataView(result.buffer, result.byteOffset, result.byteLength);
    result.fill(0);
    view.setUint32(STATX_FIELDS.mask, STATX_BASIC_STATS, true);
    view.setUint32(STATX_FIELDS.blockSize, 4096, true);
    view.setUint32(STATX_FIELDS.links, 1, true);
    view.setUint16(STATX_FIELDS.mode, S.IFIFO | 0o600, true);
    return 0;
  }

  /** Status flags as F_GETFL gives them. */
  getFlags(): number {
    return this.flags;
  }

  setFlags(flags: number): number {
    const settable = O.APPEND | O.NONBLOCK;
    this.flags = (this.flags & ~settable) | (flags & settable);
    return 0;
  }

  /** The last file descriptor is closed. */
  close(): void {}
}

/** A file of the host. */
export class HostFile extends Description {
  override readonly fd: number;
  /**
   * Positions in a directory: of 64 bits on the host (hashes, on ext4), which a number does not hold. The program gets their
   * numbers here, from 1.
   */
  readonly #positions: bigint[] = [];
  readonly #numbers = new Map<bigint, number>();

  constructor(fd: number, flags: number) {
    super(flags);
    this.fd = fd;
  }

  override read(bytes: Uint8Array): number {
    return host.read(this.fd, bytes, bytes.length);
  }

  override write(bytes: Uint8Array): number {
    return host.write(this.fd, bytes, bytes.length);
  }

  override pread(bytes: Uint8Array, offset: number): number {
    return host.pread(this.fd, bytes, bytes.length, offset);
  }

  override pwrite(bytes: Uint8Array, offset: number): number {
    return host.pwrite(this.fd, bytes, bytes.length, offset);
  }

  override seek(offset: number, whence: number): number {
    if (this.#positions.length === 0 || whence !== SEEK_SET || offset === 0)
      return host.lseek(this.fd, offset, whence);
    const position = this.#positions[offset - 1];
    return position === undefined || host.lseek(this.fd, position, whence) < 0 ? -ERRNO.EINVAL : offset;
  }

  override readEntries(bytes: Uint8Array): number {
    const length = host.getdents64(this.fd, bytes, bytes.length);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < length; at += view.getUint16(at + DIRENT.bytes, true)) {
      const position = view.getBigInt64(at + DIRENT.next, true);
      let number = this.#numbers.get(position);
      if (number === undefined) {
        number = this.#positions.push(position);
        this.#numbers.set(position, number);
      }
      view.setBigInt64(at + DIRENT.next, BigInt(number), true);
    }
    return length;
  }

  override poll(events: number, timeout: number): number {
    return pollOne(this.fd, events, timeout);
  }

  override get waits(): boolean {
    return true;
  }

  override control(request: number, answer: Uint8Array): number {
    return host.ioctl(this.fd, request, answer);
  }

  override statx(result: Uint8Array): number {
    return host.statx(this.fd, EMPTY_PATH, AT_EMPTY_PATH, STATX_BASIC_STATS_AND_BIRTH, result);
  }

  override getFlags(): number {
    const flags = host.getFlags(this.fd);
    // Every file is opened without following links, whatever the program asked for.
    return flags < 0 ? flags : (flags & ~O.NOFOLLOW) | (this.flags & O.NOFOLLOW);
  }

  override setFlags(flags: number): number {
    return host.setFlags(this.fd, flags);
  }

  override close(): void {
    host.close(this.fd);
  }
}

/**
 * Standard input, output or error of the host. The host's file description belongs to others, too, so its flags are left alone
 * and it is not closed; and Node may have made it non-blocking, which the program must not notice.
 */
export class HostStream extends HostFile {
  override read(bytes: Uint8Array): number {
    if ((this.poll(POLL.IN, 0) & (POLL.IN | POLL.HUP | POLL.ERR)) === 0) return -ERRNO.EAGAIN;
    return super.read(bytes);
  }

  override write(bytes: Uint8Array): number {
    for (;;) {
      const written = super.write(bytes);
      if (written !== -ERRNO.EAGAIN || this.flags & O.NONBLOCK) return written;
      this.poll(POLL.OUT, -1);
    }
  }

  override getFlags(): number {
    return this.flags;
  }

  override setFlags(flags: number): number {
    const settable = O.APPEND | O.NONBLOCK;
    this.flags = (this.flags & ~settable) | (flags & settable);
    return 0;
  }

  override close(): void {}
}

/**
 * Gives up to `maximum` bytes of input; `null` when there will be no more, `undefined` when there is nothing yet: then the
 * program blocks.
 */
export type ByteSource = (maximum: number) => Uint8Array | null | undefined;

/** Input from JavaScript, like a pipe. */
export class SourceFile extends Description {
  readonly #source: ByteSource;
  #next: Uint8Array | null | undefined;

  constructor(source: ByteSource) {
    super(O.RDONLY);
    this.#source = source;
  }

  override read(bytes: Uint8Array): number {
    if (this.#next === undefined || this.#next?.length === 0) this.#next = this.#source(bytes.length);
    if (this.#next === undefined) return -ERRNO.EAGAIN;
    if (this.#next === null) return 0;
    const taken = this.#next.subarray(0, bytes.length);
    bytes.set(taken);
    this.#next = this.#next.length > taken.length ? this.#next.subarray(taken.length) : undefined;
    return taken.length;
  }

  override poll(events: number, _timeout: number): number {
    if (this.#next === undefined || this.#next?.length === 0) this.#next = this.#source(DEFAULT_INPUT);
    if (this.#next === undefined) return 0;
    return this.#next === null ? POLL.HUP : events & POLL.IN;
  }

  override control(request: number, answer: Uint8Array): number {
    if (request !== IOCTL.FIONREAD) return -ERRNO.ENOTTY;
    answer.set(new Uint8Array(Uint32Array.of(this.#next?.length ?? 0).buffer));
    return 0;
  }
}

/** Output to JavaScript, like a pipe. The bytes are a copy. */
export class SinkFile extends Description {
  readonly #sink: (bytes: Uint8Array) => void;

  constructor(sink: (bytes: Uint8Array) => void) {
    super(O.WRONLY);
    this.#sink = sink;
  }

  override write(bytes: Uint8Array): number {
    this.#sink(bytes.slice());
    return bytes.length;
  }

  override poll(events: number, _timeout: number): number {
    return events & POLL.OUT;
  }
}

const EMPTY_PATH = new Uint8Array(1);
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS_AND_BIRTH = 0xfff;

/** What a poll asks a source for: a pipe's buffer. */
const DEFAULT_INPUT = 65536;
