import { takeArguments } from './args';
import { call, load_u8, load_u64 } from './fathom';
import { Sys } from './linux';
import { makeMemory } from './memory';
import { openPreopens, openStreams } from './preopens';
import { exit, refuse } from './proc';
import { openProfile } from './profile-report';
import { Info, info } from './program-info';
import { findSecure, isSecure, setting } from './secure';
import { installHandlers } from './signals';
import { RuntimeState, setRuntimeState } from './state';
import { currentDirectory, kernel, LinuxError, Mapping, map, native, Open, wide } from './system';

/** `FATHOM_DUMP=`, `FATHOM_PROFILE=`, `FATHOM_PROFILE_OUT=` */
const dumpName = memory.data<u8>([0x46, 0x41, 0x54, 0x48, 0x4f, 0x4d, 0x5f, 0x44, 0x55, 0x4d, 0x50, 0x3d]);
const dumpNameBytes: u32 = 12;
const profileName = memory.data<u8>([
  0x46, 0x41, 0x54, 0x48, 0x4f, 0x4d, 0x5f, 0x50, 0x52, 0x4f, 0x46, 0x49, 0x4c, 0x45, 0x3d,
]);
const profileNameBytes: u32 = 15;
const profileOutName = memory.data<u8>([
  0x46, 0x41, 0x54, 0x48, 0x4f, 0x4d, 0x5f, 0x50, 0x52, 0x4f, 0x46, 0x49, 0x4c, 0x45, 0x5f, 0x4f, 0x55, 0x54,
  0x3d,
]);
const profileOutNameBytes: u32 = 19;

/** Room for samples: pages that no sample reaches cost nothing. */
const ringBytes: u64 = 64 << 20;

/** Samples per second at most: the kernel's own clock is hardly finer. */
const maximumRate: u32 = 10_000;

/** struct itimerval: seconds and microseconds of the interval and of the first time, words. */
const timer = memory.data(32);
const profileTimer: u64 = 2;

/** Entered by the start code with the stack pointer that the kernel gave the process (docs/executables.md). Does not return. */
export function main(stack: u64): void {
  takeArguments(stack);
  findSecure(stack);
  mapGaps();
  openStreams();
  openDumps();
  const rate = profileRate();
  if (rate > 0) makeRing();
  if (!makeMemory()) refuse('no room for the memory of the program', 0);
  installHandlers(rate > 0);
  openPreopens();
  if (rate > 0) startProfile(rate);
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

/** Samples per second that are asked for, 0 for none. */
function profileRate(): u32 {
  const text = setting(profileName, profileNameBytes);
  if (text === 0) return 0;
  let rate: u32 = 0;
  let at = text;
  for (; load_u8(at) >= 0x30 && load_u8(at) <= 0x39 && rate <= maximumRate; at++)
    rate = rate * 10 + load_u8(at) - 0x30;
  if (load_u8(at) !== 0 || rate === 0 || rate > maximumRate)
    refuse('FATHOM_PROFILE must be a number from 1 to 10000', 0);
  return rate;
}

function makeRing(): void {
  const ring = map(0, ringBytes, Mapping.readWrite);
  if (ring < 0) refuse('no room for the samples of FATHOM_PROFILE', 0);
  setRuntimeState(RuntimeState.profileRing, <u64>ring);
  setRuntimeState(RuntimeState.profileRingBytes, ringBytes);
  const fd = openProfile(setting(profileOutName, profileOutNameBytes));
  if (fd < 0) refuse('cannot open the file of the profile', fd);
  setRuntimeState(RuntimeState.profileFd, <u64>fd);
}

function startProfile(rate: u32): void {
  const seconds: u32 = rate === 1 ? 1 : 0;
  const micros: u32 = rate === 1 ? 0 : 1_000_000 / rate;
  if (wide()) {
    store<u64>(timer, seconds);
    store<u64>(timer, micros, 8);
    memory.copy(timer + 16, timer, 16);
  } else {
    store<u32>(timer, seconds);
    store<u32>(timer, micros, 4);
    memory.copy(timer + 8, timer, 8);
  }
  kernel(Sys.setitimer, profileTimer, native(timer), 0);
}
