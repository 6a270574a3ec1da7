import { word_bytes } from './fathom';
import { imageAt, imageMap, imageShift, imageStart } from './images';
import {
  Field,
  FunctionKind,
  frameAt,
  frameCfa,
  framePublished,
  frameReturnAddress,
  functionAt,
  functionField,
  inlinedAt,
  inlinedFunction,
  inlinedOuter,
} from './stack-map';

/** What the images' stack maps say about a code address, left by {@link locate}: whose it is, and how its frame looks there. */
export let pointCode: u64 = 0;
export let pointImage: u32 = 0;
export let pointFunction: i32 = 0;
export let pointKind: FunctionKind = FunctionKind.wasm;
/** Of the function: bytes of frame in its body; from the body's stack pointer to its record (-1: none) and its frame slots. */
export let pointBytes: u32 = 0;
export let pointRecord: i32 = 0;
export let pointSlots: u32 = 0;
/** Here: bytes from the stack pointer to its value before the call; to the return address (-1: link register); whether the record is visible. */
export let pointCfa: u32 = 0;
export let pointReturnAddress: i32 = 0;
export let pointPublished: bool = false;
/** Number of the inlined call in whose body the code is, or -1. */
export let pointInlined: i32 = -1;

/**
 * Addresses looked up before, as stacks repeat and code never changes: one place for each, by a hash. The address, then what is
 * exported above in this order, by these offsets, then what {@link placeStep} and {@link placeFrame} say. A place fills a line of the cache.
 */
const known = memory.data(65536, 64);
const knownMask: u32 = 1023;
const knownShift: u32 = 6;
enum At {
  image = 8,
  index = 12,
  kind = 16,
  bytes = 20,
  record = 24,
  slots = 28,
  cfa = 32,
  returnAddress = 36,
  published = 40,
  inlined = 44,
  step = 48,
  frame = 52,
}

/** Where an address is remembered, if {@link placeAddress} says that it is. */
export function placeOf(address: u64): usize {
  return known + (((<u32>address ^ (<u32>address >>> 10)) & knownMask) << knownShift);
}

export function placeAddress(place: usize): u64 {
  return load<u64>(place);
}

/**
 * Of a wasm function's frame that a walk by the map's rows can leave without looking further: bytes to the frame outside of it, whole
 * words, with the return address ({@link placeReturnAddress}) in one of them. 0 for any other.
 */
export function placeStep(place: usize): u32 {
  return load<u32>(place + At.step);
}

export function placeReturnAddress(place: usize): u32 {
  return load<u32>(place + At.returnAddress);
}

/** Image and function in a word, the image from bit {@link imageShift} up. */
export function placeFrame(place: usize): u32 {
  return load<u32>(place + At.frame);
}

/** Whether several frames are there: the code is an inlined body's. */
export function placeIsInlined(place: usize): bool {
  return load<i32>(place + At.inlined) >= 0;
}

/**
 * Stores the words of the frames of a wasm function's code, as {@link placeFrame}, innermost first, at `frames` from index `count` up to `most`:
 * those of the inlined bodies that it is in, then its own. Returns how many there would be then.
 */
export function putFrames(place: usize, frames: usize, count: u32, most: u32): u32 {
  const image = load<u32>(place + At.image);
  for (let row = load<i32>(place + At.inlined); row >= 0; row = inlinedOuter(imageMap(image), row)) {
    if (count < most)
      store<u32>(frames + (count << 2), (image << imageShift) | inlinedFunction(imageMap(image), row));
    count++;
  }
  if (count < most) store<u32>(frames + (count << 2), placeFrame(place));
  return count + 1;
}

/** Looks an address up; false outside of functions. */
export function locate(address: u64): bool {
  if (address === 0) return false;
  const place = placeOf(address);
  if (load<u64>(place) !== address && !remember(address, place)) return false;
  pointCode = address;
  pointImage = load<u32>(place + At.image);
  pointFunction = load<i32>(place + At.index);
  pointKind = load<u32>(place + At.kind);
  pointBytes = load<u32>(place + At.bytes);
  pointRecord = load<i32>(place + At.record);
  pointSlots = load<u32>(place + At.slots);
  pointCfa = load<u32>(place + At.cfa);
  pointReturnAddress = load<i32>(place + At.returnAddress);
  pointPublished = load<u32>(place + At.published) !== 0;
  pointInlined = load<i32>(place + At.inlined);
  return true;
}

function remember(address: u64, place: usize): bool {
  const image = imageAt(address);
  if (image < 0) return false;
  const map = imageMap(image);
  const offset = <u32>(address - imageStart(image));
  const index = functionAt(map, offset);
  if (index < 0 || !frameAt(map, index, offset)) return false;
  store<u64>(place, address);
  store<i32>(place + At.image, image);
  store<i32>(place + At.index, index);
  store<u32>(place + At.kind, functionField(map, index, Field.kind));
  store<u32>(place + At.bytes, functionField(map, index, Field.frameBytes));
  store<u32>(place + At.record, functionField(map, index, Field.recordOffset));
  store<u32>(place + At.slots, functionField(map, index, Field.slotBase));
  store<u32>(place + At.cfa, frameCfa);
  store<i32>(place + At.returnAddress, frameReturnAddress);
  store<u32>(place + At.published, framePublished ? 1 : 0);
  store<u32>(place + At.step, load<u32>(place + At.kind) === FunctionKind.wasm ? wholeStep() : 0);
  store<u32>(place + At.frame, (image << imageShift) | index);
  store<i32>(place + At.inlined, inlinedAt(map, index, offset));
  return true;
}

/** Bytes of the frame at hand, if it and its return address are whole words of memory; else 0. */
function wholeStep(): u32 {
  const word = word_bytes();
  // In the link register it is -1.
  const at = <u64>(<u32>frameReturnAddress);
  return ((frameCfa | <u32>at) & (word - 1)) === 0 && at + word <= frameCfa ? frameCfa : 0;
}
