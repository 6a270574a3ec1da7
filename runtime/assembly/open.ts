import { guest } from './app';
import { demandDirectory, findFree, hostOf, openAt, rightsInheriting } from './descriptors';
import { Errno, errno } from './errno';
import { store_u32 } from './fathom';
import { FdFlag, openFlags } from './fd';
import { Sys } from './linux';
import { firstPath, takePath } from './path-buffer';
import { openBeneath } from './resolve';
import { FileType, Right, rightsOf } from './rights';
import { status, statusType, symlinkFollow } from './stat';
import { closeHost, kernel, native, Open, openDirectory, openLarge, openNoFollow } from './system';

/** `oflags` of WASI. */
enum OpenFlag {
  create = 1,
  directory = 2,
  exclusive = 4,
  truncate = 8,
  all = 15,
}

/** Rights that take a descriptor open for reading, and for writing; one without either is open for reading. */
const reading: u32 = Right.fdRead | Right.fdReaddir;
const writing: u32 = Right.fdWrite | Right.fdAllocate | Right.fdFilestatSetSize;

function accessMode(rights: u64): u32 {
  if ((rights & writing) === 0) return 0;
  return (rights & reading) === 0 ? Open.writeOnly : Open.readWrite;
}

/** Rights of the directory that `oflags` take. */
function demanded(flags: u32): u32 {
  let rights: u32 = Right.pathOpen;
  if ((flags & OpenFlag.create) !== 0) rights |= Right.pathCreateFile;
  if ((flags & OpenFlag.truncate) !== 0) rights |= Right.pathFilestatSetSize;
  return rights;
}

/**
 * Opens a file. Rights that the directory does not hand on, or that mean nothing for such a file, are dropped in silence: programs
 * ask for all there are.
 */
export function path_open(
  fd: u32,
  lookup: u32,
  path: u32,
  bytes: u32,
  flags: u32,
  base: u64,
  inheriting: u64,
  fdFlags: u32,
  pointer: u32,
): u32 {
  let error = demandDirectory(fd, demanded(flags));
  if (error === 0) error = takePath(firstPath, path, bytes);
  if (error !== 0) return error;
  const at = guest(pointer, 4);
  if (at === 0) return Errno.fault;
  if ((flags & ~(<u32>OpenFlag.all)) !== 0 || (fdFlags & ~(<u32>FdFlag.all)) !== 0) return Errno.inval;
  // What Linux makes of both depends on its age: a file, or nothing (open(2)).
  const both: u32 = OpenFlag.create | OpenFlag.directory;
  if ((flags & both) === both) return Errno.inval;
  const free = findFree();
  if (free < 0) return Errno.mfile;
  const handedOn = rightsInheriting(fd);
  base &= handedOn;
  let open = accessMode(base) | openFlags(fdFlags) | Open.closeOnExec | Open.noTerminal | openLarge();
  if ((flags & OpenFlag.create) !== 0) open |= Open.create;
  if ((flags & OpenFlag.directory) !== 0) open |= openDirectory();
  if ((flags & OpenFlag.exclusive) !== 0) open |= Open.exclusive;
  if ((flags & OpenFlag.truncate) !== 0) open |= Open.truncate;
  if ((lookup & symlinkFollow) === 0) open |= openNoFollow();
  const mode: u32 = (flags & OpenFlag.create) !== 0 ? 0o666 : 0;
  const host = openBeneath(<i32>hostOf(fd), firstPath, open, mode);
  if (host < 0) return errno(host);
  const result = status(<u64>host);
  if (result < 0) {
    closeHost(<i32>host);
    return errno(result);
  }
  admit(<u32>free, <i32>host, base, inheriting & handedOn);
  store_u32(at, <u32>free);
  return Errno.success;
}

/** TCGETS (include/uapi/asm-generic/ioctls.h): only terminals have settings. */
const getTerminal: u64 = 0x5401;
const terminalSettings = memory.data(256);

/** SOL_SOCKET, SO_TYPE and SOCK_DGRAM (include/uapi/asm-generic/socket.h, include/linux/net.h). */
const socketLevel: u64 = 1;
const socketType: u64 = 3;
const datagram: u32 = 2;
const option = memory.data(4);
const optionBytes = memory.data(4);

/** Gives a descriptor of the host, whose {@link status} has been asked for, a number of the program's, with those of the rights that its type allows. */
export function admit(fd: u32, host: i32, base: u64, inheriting: u64): void {
  let type = statusType();
  if (type === FileType.socketStream) type = kindOfSocket(host);
  const terminal =
    type === FileType.characterDevice &&
    kernel(Sys.ioctl, <u64>host, getTerminal, native(terminalSettings)) === 0;
  const handsOn = type === FileType.directory ? inheriting : 0;
  openAt(fd, host, type, base & rightsOf(type, terminal), handsOn);
}

function kindOfSocket(host: i32): u32 {
  store<u32>(optionBytes, 4);
  const result = kernel(
    Sys.getsockopt,
    <u64>host,
    socketLevel,
    socketType,
    native(option),
    native(optionBytes),
  );
  return result === 0 && load<u32>(option) === datagram ? FileType.socketDatagram : FileType.socketStream;
}
