import { placeOf, pointCode, pointKind, putFrames } from './code-point';
import { linkRegister, pinnedRegister, programCounter, stackPointer, timerOverruns } from './context';
import { load_u32, load_u64, store_u32, store_u64 } from './fathom';
import {
  Entry,
  entryBytes,
  Header,
  openRing,
  shapeCut,
  shapeFailure,
  shapeFrames,
  tableOffset,
} from './profile-ring';
import { failure, nextFrame, passKnown, startReading } from './reader';
import { FunctionKind } from './stack-map';
import { RuntimeState, runtimeState } from './state';

/** Frames kept of a sample, the innermost: what a sample may cost is bounded. perf keeps as many (kernel.perf_event_max_stack: 127). */
const mostFrames: u32 = 128;
const frames = memory.data(520);

/** Least bytes of a ring. */
const leastBytes: u32 = 4096;

/** Adds the stack of the interrupted context to the profile (docs/executables.md, Environment: FATHOM_PROFILE). */
export function sample(information: u64, context: u64): void {
  const ring = runtimeState(RuntimeState.profileRing);
  const bytes = <u32>runtimeState(RuntimeState.profileRingBytes);
  if (ring === 0 || bytes < leastBytes || runtimeState(RuntimeState.exiting) !== 0) return;
  if (load_u32(ring + Header.end) === 0) openRing(ring, bytes);
  const missed = timerOverruns(information);
  if (missed !== 0) increase(ring + Header.missed, missed);
  const shape = read(context);
  const slot = find(ring, shape);
  const found = load_u32(slot);
  if (found !== 0) increase(ring + found + Entry.samples, 1);
  else if (!add(ring, bytes, slot, shape)) increase(ring + Header.lost, 1);
}

/** Reads the wasm frames to {@link frames}, those of inlined functions too; returns what they are. */
function read(context: u64): u32 {
  startReading(
    programCounter(context),
    stackPointer(context),
    linkRegister(context),
    pinnedRegister(context),
  );
  let count: u32 = 0;
  while (nextFrame()) {
    if (pointKind !== FunctionKind.wasm) continue;
    count = putFrames(placeOf(pointCode), frames, count, mostFrames);
    if (count > mostFrames) return mostFrames | shapeCut;
    count = passKnown(frames, count, mostFrames);
    if (count > mostFrames) return mostFrames | shapeCut;
  }
  return count | ((<u32>failure) << shapeFailure);
}

/** FNV-1a's offset basis of 64 bits, in halves, as JavaScript's tools read it. */
const basis: u64 = ((<u64>0xcbf29ce4) << 32) | 0x84222325;

/** Address of the hash table's slot for the stack that was read: its own, or a free one. The table is never full. */
function find(ring: u64, shape: u32): u64 {
  const end = frames + pairBytes(shape);
  store<u32>(frames + ((shape & shapeFrames) << 2), 0);
  // By pairs of frames.
  let hash = (basis ^ <u64>shape) * 0x100000001b3;
  for (let at = frames; at < end; at += 8) hash = (hash ^ load<u64>(at)) * 0x100000001b3;
  const mask = load_u32(ring + Header.slots) - 1;
  let k = <u32>(hash ^ (hash >>> 29));
  let slot: u64 = 0;
  let entry: u32 = 0;
  do {
    slot = ring + tableOffset + ((k & mask) << 2);
    entry = load_u32(slot);
    k++;
  } while (entry !== 0 && !isEqual(ring + entry, shape));
  return slot;
}

/** Bytes of a stack's frames with the 0 behind an odd number of them. */
function pairBytes(shape: u32): u32 {
  return entryBytes(shape & shapeFrames) - Entry.frames;
}

function isEqual(entry: u64, shape: u32): bool {
  if (load_u32(entry + Entry.shape) !== shape) return false;
  const bytes = pairBytes(shape);
  const at = entry + Entry.frames;
  for (let k: u32 = 0; k < bytes; k += 8) if (load_u64(at + k) !== load<u64>(frames + k)) return false;
  return true;
}

/** Adds the stack that was read, seen once; false without room. */
function add(ring: u64, bytes: u32, slot: u64, shape: u32): bool {
  const count = shape & shapeFrames;
  const at = load_u32(ring + Header.end);
  const end = at + entryBytes(count);
  if (end > bytes || load_u32(ring + Header.used) >= load_u32(ring + Header.slots) >>> 1) return false;
  store_u32(ring + at + Entry.samples, 1);
  store_u32(ring + at + Entry.shape, shape);
  for (let k: u32 = 0; k < pairBytes(shape); k += 8)
    store_u64(ring + at + Entry.frames + k, load<u64>(frames + k));
  store_u32(slot, at);
  store_u32(ring + Header.end, end);
  increase(ring + Header.used, 1);
  return true;
}

function increase(address: u64, by: u32): void {
  store_u32(address, load_u32(address) + by);
}
