import { takeArguments } from './args';
import { call, load_u64 } from './fathom';
import { Sys } from './linux';
import { makeMemory } from './memory';
import { openPreopens, openStreams } from './preopens';
import { exit, refuse } from './proc';
import { makeRing, profileRate, startProfile } from './profile-start';
import { Info, info } from './program-info';
import { findSecure, isSecure, setting } from './secure';
import { installHandlers } from './signals';
import { RuntimeState, setRuntimeState } from './state';
import { currentDirectory, kernel, LinuxError, map, Open } from './system';

/** `FATHOM_DUMP=` */
const dumpName = memory.data<u8>([0x46, 0x41, 0x54, 0x48, 0x4f, 0x4d, 0x5f, 0x44, 0x55, 0x4d, 0x50, 0x3d]);
const dumpNameBytes: u32 = 12;

/** Entered by the start code with the stack pointer that the kernel gave the process (docs/executables.md). Does not return. */
export function main(stack: u64): void {
  takeArguments(stack);
  findSecure(stack);
  mapGaps();
  openStreams();
  openDumps();
  const rate = profileRate();
  const profiles = rate > 0 && makeRing();
  if (!makeMemory()) refuse('no room for the memory of the program', 0);
  installHandlers(profiles);
  openPreopens();
  if (profiles) startProfile(rate);
  call(info(Info.appInit));
  call(info(Info.appStart));
  exit(0);
}

/** Takes the addresses between the parts, that nothing else gets there. */
function mapGaps(): void {
  const gaps = info(Info.gaps);
  for (let k: u64 = 0; k < info(Info.gapCount); k++) {
    const at = gaps + (k << 4);
    const result = takeGap(load_u64(at), load_u64(at + 8));
    if (result < 0) refuse('cannot reserve the addresses of a guard region', result);
  }
}

/**
 * Kernels before 4.17 and qemu-user take MAP_FIXED_NOREPLACE for a wish and map elsewhere what does not fit. qemu-user itself holds all addresses
 * between a program's segments, without access: as good as if we did. 0 or -errno.
 */
function takeGap(address: u64, bytes: u64): i64 {
  const mapped = map(address, bytes, 0);
  if (<u64>mapped === address) return 0;
  const taken = -(<i64>LinuxError.eexist);
  if (mapped < 0 && mapped !== taken) return mapped;
  if (mapped >= 0) kernel(Sys.munmap, <u64>mapped, bytes);
  if (bytes > probedBytes) return taken;
  for (let page: u64 = 0; page < bytes; page += pageBytes) if (!isInaccessible(address + page)) return taken;
  return 0;
}

/** Largest gap that is looked at page by page, and the bytes of a page. */
const probedBytes: u64 = 1 << 20;
const pageBytes: u64 = 4096;

/** The kernel cannot read a path there: it says so before all else. */
function isInaccessible(address: u64): bool {
  return kernel(Sys.statx, <u64>-1, address) === -(<i64>LinuxError.efault);
}

/** Where dumps go: standard error, or the end of a file. */
function openDumps(): void {
  const path = setting(dumpName, dumpNameBytes);
  let fd: i64 = 2;
  if (path !== 0) {
    const flags = Open.writeOnly | Open.create | Open.append | Open.closeOnExec | Open.noTerminal;
    fd = kernel(Sys.openat, currentDirectory, path, <u64>flags, 0o644);
    if (fd < 0) refuse('cannot open the file of FATHOM_DUMP', fd);
  }
  setRuntimeState(RuntimeState.dumpFd, <u64>fd);
  setRuntimeState(RuntimeState.secure, isSecure ? 1 : 0);
}
