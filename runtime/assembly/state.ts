import { load_u64, store_u64 } from './fathom';
import { Info, info } from './program-info';

/**
 * What the `wasi` instance tells the signal handler, whose memory is another: 8-byte fields in the program thread's block
 * (`Info.thread`), 64 bytes from its start. Written before the handlers are installed, but for `exiting`.
 */
export enum RuntimeState {
  /** File descriptor of dumps: 2, or the file in FATHOM_DUMP, opened for appending. */
  dumpFd,
  /** Address and bytes of the ring of samples; 0 without FATHOM_PROFILE. */
  profileRing,
  profileRingBytes,
  /** File descriptor of the profile, opened before the program could put anything in the way of its path. */
  profileFd,
  /** 1 from when the program has ended and its profile is written: no sample may be added. */
  exiting,
  /** 1 if the program has rights that whoever started it has not. */
  secure,
}

/** Bytes from the thread block's start to the fields. */
const stateOffset: u64 = 64;

export function runtimeState(field: RuntimeState): u64 {
  return load_u64(info(Info.thread) + stateOffset + ((<u64>field) << 3));
}

export function setRuntimeState(field: RuntimeState, value: u64): void {
  store_u64(info(Info.thread) + stateOffset + ((<u64>field) << 3), value);
}
