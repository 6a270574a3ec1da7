import { guest } from './app';
import { demand, findFree, hostOf, rightsBase, rightsInheriting } from './descriptors';
import { Errno, errno } from './errno';
import { store_u16, store_u32 } from './fathom';
import { FdFlag, openFlags } from './fd';
import { Sys } from './linux';
import { admit } from './open';
import { Right } from './rights';
import { status } from './stat';
import { closeHost, kernel, native, Open, wide } from './system';
import { takeVectors, vectorsCount, vectorsLeft } from './vectors';

/** Sockets, which a program gets as its standard streams or from another one: WASI makes none. */

/** `riflags` of WASI, and `roflags`. */
const peek: u32 = 1;
const waitAll: u32 = 2;
const truncated: u32 = 1;

/** Flags of send and recv (include/linux/socket.h). */
enum Message {
  peek = 0x2,
  truncated = 0x20,
  waitAll = 0x100,
  noSignal = 0x4000,
}

/** struct user_msghdr: address and bytes of a name, vectors and their number, control data and its bytes, flags: words, but flags. */
const message = memory.data(56);

function word(): usize {
  return wide() ? 8 : 4;
}

function takeMessage(): void {
  memory.fill(message, 0, 56);
  if (wide()) {
    store<u64>(message, native(vectorsLeft()), 16);
    store<u64>(message, vectorsCount(), 24);
  } else {
    store<u32>(message, <u32>native(vectorsLeft()), 8);
    store<u32>(message, <u32>vectorsCount(), 12);
  }
}

export function sock_accept(fd: u32, flags: u32, pointer: u32): u32 {
  const error = demand(fd, Right.sockAccept);
  if (error !== 0) return error;
  const at = guest(pointer, 4);
  if (at === 0) return Errno.fault;
  if ((flags & ~(<u32>FdFlag.nonblock)) !== 0) return Errno.inval;
  const free = findFree();
  if (free < 0) return Errno.mfile;
  // SOCK_NONBLOCK and SOCK_CLOEXEC are O_NONBLOCK and O_CLOEXEC (include/linux/net.h).
  const host = kernel(Sys.accept4, hostOf(fd), 0, 0, <u64>(openFlags(flags) | Open.closeOnExec));
  if (host < 0) return errno(host);
  const result = status(<u64>host);
  if (result < 0) {
    closeHost(<i32>host);
    return errno(result);
  }
  admit(<u32>free, <i32>host, rightsBase(fd) | <u64>(Right.fdRead | Right.fdWrite), rightsInheriting(fd));
  store_u32(at, <u32>free);
  return Errno.success;
}

export function sock_recv(fd: u32, list: u32, length: u32, flags: u32, received: u32, outFlags: u32): u32 {
  let error = demand(fd, Right.fdRead);
  if (error === 0) error = takeVectors(list, length);
  if (error !== 0) return error;
  const receivedAt = guest(received, 4);
  const flagsAt = guest(outFlags, 2);
  if (receivedAt === 0 || flagsAt === 0) return Errno.fault;
  if ((flags & ~(peek | waitAll)) !== 0) return Errno.inval;
  takeMessage();
  let how: u32 = 0;
  if ((flags & peek) !== 0) how |= Message.peek;
  if ((flags & waitAll) !== 0) how |= Message.waitAll;
  const result = kernel(Sys.recvmsg, hostOf(fd), native(message), <u64>how);
  if (result < 0) return errno(result);
  store_u32(receivedAt, <u32>result);
  const got = load<u32>(message + 6 * word());
  store_u16(flagsAt, (got & Message.truncated) !== 0 ? truncated : 0);
  return Errno.success;
}

export function sock_send(fd: u32, list: u32, length: u32, flags: u32, sent: u32): u32 {
  let error = demand(fd, Right.fdWrite);
  if (error === 0) error = takeVectors(list, length);
  if (error !== 0) return error;
  const at = guest(sent, 4);
  if (at === 0) return Errno.fault;
  // WASI defines no flag.
  if (flags !== 0) return Errno.inval;
  takeMessage();
  const result = kernel(Sys.sendmsg, hostOf(fd), native(message), <u64>Message.noSignal);
  if (result < 0) return errno(result);
  store_u32(at, <u32>result);
  return Errno.success;
}

/** `sdflags`: 1 no more receiving, 2 no more sending; Linux's `how` is one less. */
export function sock_shutdown(fd: u32, how: u32): u32 {
  const error = demand(fd, Right.sockShutdown);
  if (error !== 0) return error;
  if (how === 0 || how > 3) return Errno.inval;
  return errno(kernel(Sys.shutdown, hostOf(fd), <u64>(how - 1)));
}
