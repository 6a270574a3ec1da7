/** Rights of file descriptors: bits of WASI's `rights`, of which none is above bit 29. */
export enum Right {
  fdDatasync = 1 << 0,
  fdRead = 1 << 1,
  fdSeek = 1 << 2,
  fdFdstatSetFlags = 1 << 3,
  fdSync = 1 << 4,
  fdTell = 1 << 5,
  fdWrite = 1 << 6,
  fdAdvise = 1 << 7,
  fdAllocate = 1 << 8,
  pathCreateDirectory = 1 << 9,
  pathCreateFile = 1 << 10,
  pathLinkSource = 1 << 11,
  pathLinkTarget = 1 << 12,
  pathOpen = 1 << 13,
  fdReaddir = 1 << 14,
  pathReadlink = 1 << 15,
  pathRenameSource = 1 << 16,
  pathRenameTarget = 1 << 17,
  pathFilestatGet = 1 << 18,
  pathFilestatSetSize = 1 << 19,
  pathFilestatSetTimes = 1 << 20,
  fdFilestatGet = 1 << 21,
  fdFilestatSetSize = 1 << 22,
  fdFilestatSetTimes = 1 << 23,
  pathSymlink = 1 << 24,
  pathRemoveDirectory = 1 << 25,
  pathUnlinkFile = 1 << 26,
  pollFdReadwrite = 1 << 27,
  sockShutdown = 1 << 28,
  sockAccept = 1 << 29,
}

/** What can be done with whatever is no directory and cannot be positioned: pipes, terminals. */
const streamRights: u32 =
  Right.fdDatasync |
  Right.fdRead |
  Right.fdFdstatSetFlags |
  Right.fdSync |
  Right.fdWrite |
  Right.fdFilestatGet |
  Right.fdFilestatSetTimes |
  Right.pollFdReadwrite;

/** Devices that are no terminals. isatty of wasi-libc takes a device without the rights to seek and to tell for a terminal. */
const deviceRights: u32 = streamRights | Right.fdSeek | Right.fdTell;

const fileRights: u32 = deviceRights | Right.fdAdvise | Right.fdAllocate | Right.fdFilestatSetSize;

const socketRights: u32 = streamRights | Right.sockShutdown | Right.sockAccept;

/** Those that reach other files by a path. */
export const pathRights: u32 =
  Right.pathCreateDirectory |
  Right.pathCreateFile |
  Right.pathLinkSource |
  Right.pathLinkTarget |
  Right.pathOpen |
  Right.pathReadlink |
  Right.pathRenameSource |
  Right.pathRenameTarget |
  Right.pathFilestatGet |
  Right.pathFilestatSetSize |
  Right.pathFilestatSetTimes |
  Right.pathSymlink |
  Right.pathRemoveDirectory |
  Right.pathUnlinkFile;

const directoryRights: u32 =
  Right.fdDatasync |
  Right.fdFdstatSetFlags |
  Right.fdSync |
  Right.fdAdvise |
  Right.fdReaddir |
  Right.fdFilestatGet |
  Right.fdFilestatSetTimes |
  Right.pollFdReadwrite |
  pathRights;

/** What a preopened directory hands on to what is opened in it. */
export const allRights: u64 = (1 << 30) - 1;

/** File types of WASI. */
export enum FileType {
  unknown = 0,
  blockDevice = 1,
  characterDevice = 2,
  directory = 3,
  regularFile = 4,
  socketDatagram = 5,
  socketStream = 6,
  symbolicLink = 7,
}

/** All rights that make sense for a file of that type. */
export function rightsOf(type: u32, terminal: bool): u64 {
  switch (type) {
    case FileType.directory:
      return directoryRights;
    case FileType.regularFile:
    case FileType.blockDevice:
      return fileRights;
    case FileType.characterDevice:
      return terminal ? streamRights : deviceRights;
    case FileType.socketDatagram:
    case FileType.socketStream:
      return socketRights;
    default:
      return streamRights;
  }
}
