/** System calls on open files. */
import type { SystemCall, SystemCallInfo } from './call.ts';
import { type Description, IOCTL, POLL } from './descriptions.ts';
import { ERRNO, RESTART, SystemCallError } from './errno.ts';
import { flagsOfTarget, O, openFlags } from './flags.ts';
import { host } from './host.ts';
import type { LinuxProcess } from './process.ts';
import { SIGNAL } from './signals.ts';
import { USER_ID } from './user.ts';

/** Parts of a vectored read or write (UIO_MAXIOV). */
const MAX_PARTS = 1024;

/** As much as the kernel reads or writes at once (MAX_RW_COUNT). */
const MAX_COUNT = 0x7fff_f000;

/** What is gathered for a vectored call with several parts; more is a shorter read or write. */
const MAX_GATHERED = 16 << 20;

/** The memory of a plain read or write: as far as it is accessible. */
function single({ memory }: LinuxProcess, address: number, length: number, access: 'r' | 'w'): Uint8Array[] {
  return memory.pieces(address, Math.min(length, MAX_COUNT), access);
}

/** The memory of a vectored one. */
function vectored(process: LinuxProcess, address: number, count: number, access: 'r' | 'w'): Uint8Array[] {
  if (count > MAX_PARTS || count < 0) throw new SystemCallError('EINVAL');
  const { memory, layout } = process;
  const pieces: Uint8Array[] = [];
  for (let part = 0; part < count; part++) {
    const at = address + part * layout.iovec.size;
    const length = memory.readWord(at + layout.iovec.length);
    if (length > MAX_COUNT) throw new SystemCallError('EINVAL');
    if (length > 0) pieces.push(...memory.pieces(memory.readWord(at), length, access));
  }
  return pieces;
}

/** One read of the host into all the pieces: a second one could wait although there are bytes to return. */
function readInto(pieces: readonly Uint8Array[], read: (bytes: Uint8Array) => number): number {
  if (pieces.length === 1) return read(pieces[0]);
  const total = pieces.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(Math.min(total, MAX_GATHERED));
  const result = read(bytes);
  let at = 0;
  for (const piece of pieces) {
    if (at >= result) break;
    const part = bytes.subarray(at, Math.min(at + piece.length, result));
    piece.set(part);
    at += part.length;
  }
  return result;
}

/** One write, so that it arrives in one piece where the program can expect that. */
function writeFrom(pieces: readonly Uint8Array[], write: (bytes: Uint8Array) => number): number {
  if (pieces.length === 1) return write(pieces[0]);
  const total = pieces.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(Math.min(total, MAX_GATHERED));
  let at = 0;
  for (const piece of pieces) {
    const part = piece.subarray(0, bytes.length - at);
    bytes.set(part, at);
    at += part.length;
  }
  return write(bytes);
}

/** Reads, waiting for input where the file has none yet. */
function readWaiting(process: LinuxProcess, file: Description, pieces: readonly Uint8Array[]): number {
  for (;;) {
    const result = readInto(pieces, (bytes) => file.read(bytes));
    if (result !== -ERRNO.EAGAIN || file.getFlags() & O.NONBLOCK) return result;
    const ready = (timeout: number) => file.poll(POLL.IN, timeout) !== 0;
    if (process.wait({ ready, outside: file.waits }) === 'signal') return RESTART.ifAsked;
  }
}

function writeOut(process: LinuxProcess, file: Description, pieces: readonly Uint8Array[]): number {
  const result = writeFrom(pieces, (bytes) => file.write(bytes));
  if (result === -ERRNO.EPIPE)
    process.signals.send({ number: SIGNAL.PIPE, code: 0, sender: [process.pid, USER_ID] });
  return result;
}

const read: SystemCall = (process, fd, address, length) =>
  readWaiting(process, process.descriptors.get(fd), single(process, address, length, 'w'));

const readv: SystemCall = (process, fd, address, count) =>
  readWaiting(process, process.descriptors.get(fd), vectored(process, address, count, 'w'));

const write: SystemCall = (process, fd, address, length) =>
  writeOut(process, process.descriptors.get(fd), single(process, address, length, 'r'));

const writev: SystemCall = (process, fd, address, count) =>
  writeOut(process, process.descriptors.get(fd), vectored(process, address, count, 'r'));

const pread64: SystemCall = (process, fd, address, length, offset) => {
  const file = process.descriptors.get(fd);
  return readInto(single(process, address, length, 'w'), (bytes) => file.pread(bytes, offset));
};

const pwrite64: SystemCall = (process, fd, address, length, offset) => {
  const file = process.descriptors.get(fd);
  return writeFrom(single(process, address, length, 'r'), (bytes) => file.pwrite(bytes, offset));
};

const preadv: SystemCall = (process, fd, address, count, offset) => {
  const file = process.descriptors.get(fd);
  return readInto(vectored(process, address, count, 'w'), (bytes) => file.pread(bytes, offset));
};

const pwritev: SystemCall = (process, fd, address, count, offset) => {
  const file = process.descriptors.get(fd);
  return writeFrom(vectored(process, address, count, 'r'), (bytes) => file.pwrite(bytes, offset));
};

const close: SystemCall = ({ descriptors }, fd) => {
  descriptors.close(fd);
  return 0;
};

const lseek: SystemCall = ({ descriptors }, fd, offset, whence) => descriptors.get(fd).seek(offset, whence);

/** ARM's: offset in two halves, result through memory. */
const llseek: SystemCall = ({ descriptors, memory }, fd, high, low, address, whence) => {
  const result = descriptors.get(fd).seek((high | 0) * 2 ** 32 + low, whence);
  if (result < 0) return result;
  memory.writeI64(address, result);
  return 0;
};

const dup: SystemCall = ({ descriptors }, fd) => descriptors.add(descriptors.get(fd));

const dup3: SystemCall = ({ descriptors }, fd, to, flags) => {
  if (fd === to || flags & ~O.CLOEXEC) return -ERRNO.EINVAL;
  descriptors.set(to, descriptors.get(fd), (flags & O.CLOEXEC) !== 0);
  return to;
};

const F = { DUPFD: 0, GETFD: 1, SETFD: 2, GETFL: 3, SETFL: 4, DUPFD_CLOEXEC: 1030 };
const FD_CLOEXEC = 1;

const fcntl: SystemCall = ({ descriptors, target }, fd, command, argument) => {
  const entry = descriptors.entry(fd);
  switch (command) {
    case F.DUPFD:
    case F.DUPFD_CLOEXEC:
      return descriptors.add(entry.description, {
        lowest: argument,
        closeOnExec: command === F.DUPFD_CLOEXEC,
      });
    case F.GETFD:
      return entry.closeOnExec ? FD_CLOEXEC : 0;
    case F.SETFD:
      entry.closeOnExec = (argument & FD_CLOEXEC) !== 0;
      return 0;
    case F.GETFL: {
      const flags = entry.description.getFlags();
      return flags < 0 ? flags : flagsOfTarget(target, flags);
    }
    case F.SETFL:
      return entry.description.setFlags(openFlags(target, argument));
    default:
      return -ERRNO.EINVAL;
  }
};

/** The host's file behind a descriptor. */
function hostFile({ descriptors }: LinuxProcess, fd: number): number {
  const file = descriptors.get(fd).fd;
  if (file < 0) throw new SystemCallError('EINVAL');
  return file;
}

const fsync: SystemCall = (process, fd) => host.fsync(hostFile(process, fd));
const fdatasync: SystemCall = (process, fd) => host.fdatasync(hostFile(process, fd));
const ftruncate: SystemCall = (process, fd, length) => host.ftruncate(hostFile(process, fd), length);
const fallocate: SystemCall = (process, fd, mode, offset, length) =>
  host.fallocate(hostFile(process, fd), mode, offset, length);
const fadvise64: SystemCall = ({ descriptors }, fd, offset, length, advice) => {
  const file = descriptors.get(fd).fd;
  return file < 0 ? -ERRNO.ESPIPE : host.posixFadvise(file, offset, length, advice);
};
const armFadvise64: SystemCall = (process, fd, advice, offset, length) =>
  fadvise64(process, fd, offset, length, advice, 0, 0);

/** Most that one call gives: enough for a few hundred names. */
const MAX_ENTRIES = 1 << 20;

/** struct linux_dirent64 is the same on both targets, and so is the host's. */
const getdents64: SystemCall = ({ descriptors, memory }, fd, address, length) => {
  const bytes = new Uint8Array(Math.min(length, MAX_ENTRIES));
  const result = descriptors.get(fd).readEntries(bytes);
  if (result > 0) memory.write(address, bytes.subarray(0, result));
  return result;
};

/** Bytes of the answers: struct termios as the kernel has it, int. */
const IOCTL_ANSWERS: Readonly<Record<number, number>> = { [IOCTL.TCGETS]: 36, [IOCTL.FIONREAD]: 4 };

/** The requests that only ask; no program changes a device of the host. */
const ioctl: SystemCall = ({ descriptors, memory }, fd, request, address) => {
  const file = descriptors.get(fd);
  const size = IOCTL_ANSWERS[request];
  if (size === undefined) return -ERRNO.ENOTTY;
  const answer = new Uint8Array(size);
  const result = file.control(request, answer);
  if (result === 0) memory.write(address, answer);
  return result;
};

/** No file is a socket for the program. */
const socketCall: SystemCall = ({ descriptors }, fd) => {
  descriptors.get(fd);
  return -ERRNO.ENOTSOCK;
};

export const FILE_CALLS: Readonly<Record<string, SystemCallInfo>> = {
  read: { x86_64: 0, armv7: 3, parameters: 'iww', call: read },
  write: { x86_64: 1, armv7: 4, parameters: 'iww', call: write },
  close: { x86_64: 3, armv7: 6, parameters: 'i', call: close },
  lseek: { x86_64: 8, parameters: 'ioi', call: lseek },
  _llseek: { armv7: 140, parameters: 'iuuwi', call: llseek },
  ioctl: { x86_64: 16, armv7: 54, parameters: 'iuw', call: ioctl },
  pread64: { x86_64: 17, armv7: 180, parameters: 'iwwo', call: pread64 },
  pwrite64: { x86_64: 18, armv7: 181, parameters: 'iwwo', call: pwrite64 },
  readv: { x86_64: 19, armv7: 145, parameters: 'iwi', call: readv },
  writev: { x86_64: 20, armv7: 146, parameters: 'iwi', call: writev },
  preadv: { x86_64: 295, armv7: 361, parameters: 'iwih', call: preadv },
  pwritev: { x86_64: 296, armv7: 362, parameters: 'iwih', call: pwritev },
  dup: { x86_64: 32, armv7: 41, parameters: 'i', call: dup },
  dup3: { x86_64: 292, armv7: 358, parameters: 'iiu', call: dup3 },
  fcntl: { x86_64: 72, armv7: 221, parameters: 'iiw', call: fcntl },
  fsync: { x86_64: 74, armv7: 118, parameters: 'i', call: fsync },
  fdatasync: { x86_64: 75, armv7: 148, parameters: 'i', call: fdatasync },
  ftruncate: { x86_64: 77, armv7: 194, parameters: 'io', call: ftruncate },
  getdents64: { x86_64: 217, armv7: 217, parameters: 'iwu', call: getdents64 },
  fadvise64: { x86_64: 221, parameters: 'iooi', call: fadvise64 },
  arm_fadvise64_64: { armv7: 270, parameters: 'iioo', call: armFadvise64 },
  fallocate: { x86_64: 285, armv7: 352, parameters: 'iioo', call: fallocate },
  sendto: { x86_64: 44, armv7: 290, parameters: 'i', call: socketCall },
  recvfrom: { x86_64: 45, armv7: 292, parameters: 'i', call: socketCall },
  sendmsg: { x86_64: 46, armv7: 296, parameters: 'i', call: socketCall },
  recvmsg: { x86_64: 47, armv7: 297, parameters: 'i', call: socketCall },
  shutdown: { x86_64: 48, armv7: 293, parameters: 'i', call: socketCall },
  getsockopt: { x86_64: 55, armv7: 295, parameters: 'i', call: socketCall },
  accept4: { x86_64: 288, armv7: 366, parameters: 'i', call: socketCall },
};
