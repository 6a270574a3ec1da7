import { load_u8, load_u32 } from './fathom';

/**
 * Looks code offsets up in a stack map (docs/executables.md; written by compiler/image/stack-map.ts), in native memory, without
 * allocating. The maps are the program's own, in memory that nobody writes, and trusted; still every look-up ends.
 */

/** Offsets of the header's words. */
const headerCount: u64 = 4;
const headerStarts: u64 = 8;
const headerFunctions: u64 = 12;
const headerScheme: u64 = 20;
const headerFlags: u64 = 24;
const headerInlined: u64 = 32;
const headerInlinedCount: u64 = 36;

/** Words of a function's record, in the order of compiler/image/stack-map.ts, which says what they mean. */
export enum Field {
  size,
  name,
  positions,
  frames,
  traps,
  frameBytes,
  recordOffset,
  slotBase,
  kind,
  wasmIndex,
  inlined,
}
const recordBytes: u64 = 44;

/** Words of a row of the table of inlined calls, by their offset, and its size. */
enum Inlined {
  base = 0,
  index = 4,
  bodyStart = 8,
  call = 12,
}
const inlinedBytes: u64 = 16;

/** Kinds of functions. */
export enum FunctionKind {
  wasm,
  helper,
  init,
  entryAdapter,
  crossAdapter,
  hostAdapter,
}

/** Publication schemes. */
export enum Scheme {
  none,
  atomic,
  tail,
  field,
  unwind,
}

/** Results of {@link frameAt}: bytes from the stack pointer to the CFA; to the return address, or -1 for the link register; whether the function's record is visible. */
export let frameCfa: u32 = 0;
export let frameReturnAddress: i32 = 0;
export let framePublished: bool = false;

/** Where the stream that is being read goes on. */
let cursor: u64 = 0;

export function scheme(map: u64): u32 {
  return load_u32(map + headerScheme);
}

/** True if functions that call nothing publish, too. */
export function leavesPublish(map: u64): bool {
  return (load_u32(map + headerFlags) & 1) !== 0;
}

/** True if the records of all functions have `self`, not those of adapters alone. */
export function selfInRecords(map: u64): bool {
  return (load_u32(map + headerFlags) & 2) !== 0;
}

export function functionCount(map: u64): u32 {
  return load_u32(map + headerCount);
}

/** Code offset of a function's first byte. */
export function functionStart(map: u64, index: u32): u32 {
  return load_u32(map + load_u32(map + headerStarts) + ((<u64>index) << 2));
}

/** The function that the byte at `codeOffset` belongs to, or -1 for padding and constants. */
export function functionAt(map: u64, codeOffset: u32): i32 {
  const starts = map + load_u32(map + headerStarts);
  let low: u32 = 0;
  let high = functionCount(map);
  while (low < high) {
    const middle = low + ((high - low) >> 1);
    if (load_u32(starts + ((<u64>middle) << 2)) <= codeOffset) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return -1;
  const index = low - 1;
  const distance = codeOffset - load_u32(starts + ((<u64>index) << 2));
  return distance < functionField(map, index, Field.size) ? <i32>index : -1;
}

/** A word of a function's record; `recordOffset` and `wasmIndex` are signed. */
export function functionField(map: u64, index: u32, field: Field): u32 {
  const record = map + load_u32(map + headerFunctions) + <u64>index * recordBytes;
  return load_u32(record + ((<u64>field) << 2));
}

/** Address of a function's name: UTF-8 without control characters, ended by 0. */
export function functionName(map: u64, index: u32): u64 {
  return map + functionField(map, index, Field.name);
}

/**
 * The frame while the instruction at `codeOffset`, which is the function's, is next to run; leaves it in {@link frameCfa} and the
 * others. False if nothing is said of it.
 */
export function frameAt(map: u64, index: u32, codeOffset: u32): bool {
  const target = codeOffset - functionStart(map, index);
  cursor = map + functionField(map, index, Field.frames);
  let at: u32 = 0;
  let found = false;
  for (let left = unsigned(); left > 0; left--) {
    const first = unsigned();
    at += first >> 1;
    if (at > target) break;
    frameCfa = unsigned();
    frameReturnAddress = <i32>unsigned() - 1;
    framePublished = (first & 1) !== 0;
    found = true;
  }
  return found;
}

/**
 * Position of the operator that the function's code at `codeOffset` carries out, or -1: its byte offset in the module, unless the code is
 * inlined ({@link inlinedOffset}).
 */
export function positionAt(map: u64, index: u32, codeOffset: u32): i32 {
  const target = codeOffset - functionStart(map, index);
  cursor = map + functionField(map, index, Field.positions);
  let at: u32 = 0;
  let position: i32 = 0;
  let found: i32 = -1;
  for (let left = unsigned(); left > 0; left--) {
    at += unsigned();
    if (at > target) break;
    position += signed();
    found = position;
  }
  return found;
}

/** Number of the inlined call in whose body the function's code at `codeOffset` is, or -1. */
export function inlinedAt(map: u64, index: u32, codeOffset: u32): i32 {
  const target = codeOffset - functionStart(map, index);
  cursor = map + functionField(map, index, Field.inlined);
  let at: u32 = 0;
  let row: i32 = -1;
  let found: i32 = -1;
  for (let left = unsigned(); left > 0; left--) {
    at += unsigned();
    if (at > target) break;
    row += signed();
    found = row;
  }
  return <u32>found < load_u32(map + headerInlinedCount) ? found : -1;
}

/** The function that an inlined call is of. */
export function inlinedFunction(map: u64, row: i32): u32 {
  return inlinedWord(map, row, Inlined.index);
}

/** Byte offset in the module of the operator at `position`, which lies in the body of an inlined call; in no body (-1) it is that. */
export function inlinedOffset(map: u64, row: i32, position: i32): i32 {
  if (row < 0) return position;
  return position - <i32>inlinedWord(map, row, Inlined.base) + <i32>inlinedWord(map, row, Inlined.bodyStart);
}

/** Position of an inlined call. */
export function inlinedCall(map: u64, row: i32): i32 {
  return <i32>inlinedWord(map, row, Inlined.call);
}

/** The inlined call in whose body an inlined call is, or -1. It lies before, so that every chain ends. */
export function inlinedOuter(map: u64, row: i32): i32 {
  const position = inlinedCall(map, row);
  let low = 0;
  let high = row;
  while (low < high) {
    const middle = low + ((high - low) >> 1);
    if (<i32>inlinedWord(map, middle, Inlined.base) <= position) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function inlinedWord(map: u64, row: i32, word: Inlined): u32 {
  return load_u32(map + load_u32(map + headerInlined) + <u64>row * inlinedBytes + <u64>word);
}

/** Number of the trap (TrapKind of compiler/ir/types.ts) that the function's instruction at exactly `codeOffset` may raise, or -1. */
export function trapAt(map: u64, index: u32, codeOffset: u32): i32 {
  const target = codeOffset - functionStart(map, index);
  cursor = map + functionField(map, index, Field.traps);
  let at: u32 = 0;
  for (let left = unsigned(); left > 0; left--) {
    at += unsigned();
    if (at > target) break;
    const kind = unsigned();
    if (at === target) return <i32>kind;
  }
  return -1;
}

/** LEB128 at the cursor, of at most 32 bits. */
function unsigned(): u32 {
  let value: u32 = 0;
  for (let shift: u32 = 0; shift < 35; shift += 7) {
    const byte = load_u8(cursor++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

function signed(): i32 {
  let value: u32 = 0;
  for (let shift: u32 = 0; shift < 35; shift += 7) {
    const byte = load_u8(cursor++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      if ((byte & 0x40) !== 0 && shift < 28) value |= (<u32>-0x80) << shift;
      break;
    }
  }
  return <i32>value;
}
