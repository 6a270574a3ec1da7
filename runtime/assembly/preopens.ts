import { nativeLength } from './args';
import { findFree, openAt, setPreopenName } from './descriptors';
import { copy, load_u8 } from './fathom';
import { Sys } from './linux';
import { admit } from './open';
import { firstPath, pathMaximum } from './path-buffer';
import { endMessage, exit, startFailed, startMessage } from './proc';
import { Info, info } from './program-info';
import { allRights, FileType, pathRights, Right, rightsOf } from './rights';
import { setting } from './secure';
import { status, statusType } from './stat';
import {
  currentDirectory,
  kernel,
  LinuxError,
  native,
  Open,
  openDirectory,
  openLarge,
  openNowhere,
} from './system';
import { putName } from './text';

/** `FATHOM_DIR=` */
const directoriesName = memory.data<u8>([0x46, 0x41, 0x54, 0x48, 0x4f, 0x4d, 0x5f, 0x44, 0x49, 0x52, 0x3d]);
const directoriesNameBytes: u32 = 11;

/**
 * The standard streams: what they are decides what may be done with them. Those that are closed stay closed to the program, but their
 * numbers are taken, lest a file that is opened later receives what is meant for standard error.
 */
export function openStreams(): void {
  for (let fd: u32 = 0; fd < 3; fd++) {
    if (status(<u64>fd) < 0) {
      openNowhere();
      continue;
    }
    // A connection goes both ways, whatever number it has. Directories of the program are those that are preopened.
    const type = statusType();
    let unfit: u32 = fd === 0 ? Right.fdWrite : Right.fdRead;
    if (type === FileType.socketStream) unfit = 0;
    if (type === FileType.directory) unfit = pathRights | Right.fdReaddir;
    admit(fd, <i32>fd, allRights & ~(<u64>unfit), 0);
  }
}

/** Opens the directories that the program was linked with, then those of FATHOM_DIR. */
export function openPreopens(): void {
  let at = info(Info.preopens);
  const end = at + info(Info.preopensBytes);
  while (at < end) {
    const hostBytes = nativeLength(at);
    const guest = at + hostBytes + 1;
    const guestBytes = nativeLength(guest);
    openPreopen(at, hostBytes, guest, guestBytes);
    at = guest + guestBytes + 1;
  }
  const list = setting(directoriesName, directoriesNameBytes);
  if (list !== 0) openList(list);
}

/** `host::guest` or `dir`, separated by `;`. */
function openList(list: u64): void {
  let at = list;
  for (;;) {
    let end = at;
    while (load_u8(end) !== 0 && load_u8(end) !== 0x3b) end++;
    let border = at;
    while (border + 1 < end && (load_u8(border) !== 0x3a || load_u8(border + 1) !== 0x3a)) border++;
    if (border + 1 < end) openPreopen(at, border - at, border + 2, end - border - 2);
    else if (end > at) openPreopen(at, end - at, at, end - at);
    if (load_u8(end) === 0) return;
    at = end + 1;
  }
}

function openPreopen(host: u64, hostBytes: u64, guest: u64, guestBytes: u64): void {
  const bytes = min<u64>(hostBytes, <u64>pathMaximum);
  copy(native(firstPath), host, bytes);
  store<u8>(firstPath + <usize>bytes, 0);
  const flags = Open.closeOnExec | openDirectory() | openLarge();
  let result = kernel(Sys.openat, currentDirectory, native(firstPath), <u64>flags);
  if (bytes !== hostBytes) result = -(<i64>LinuxError.enametoolong);
  const fd = findFree();
  if (fd < 0) result = -(<i64>LinuxError.emfile);
  if (result < 0) {
    startMessage('cannot open the directory ');
    putName(native(firstPath), 0);
    endMessage(result);
    exit(startFailed);
  }
  openAt(fd, <i32>result, FileType.directory, rightsOf(FileType.directory, false), allRights);
  setPreopenName(fd, guest, <u32>guestBytes);
}
