import type { TrapKind } from '../ir/types.ts';
import type { Image, ImageFunction } from './image.ts';

/** The frame at a code offset, in bytes from the stack pointer; see StackMap. */
export interface FrameAt {
  readonly cfa: number;
  readonly returnAddress: number;
  readonly published: boolean;
}

/** Index of the last element not above `value` in an ascending array, or -1. */
export function floorIndex(ascending: Uint32Array | Int32Array | Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const starts = new WeakMap<readonly ImageFunction[], Uint32Array>();

/** Code offsets of an image's functions, which the linker lays out in order. */
function startsOf(functions: readonly ImageFunction[]): Uint32Array {
  let offsets = starts.get(functions);
  if (offsets === undefined) {
    offsets = Uint32Array.from(functions, (f) => f.offset);
    starts.set(functions, offsets);
  }
  return offsets;
}

/** The function that the byte at `codeOffset` belongs to; undefined for padding and constants. */
export function functionAt({ functions }: Image, codeOffset: number): ImageFunction | undefined {
  const found = functions[floorIndex(startsOf(functions), codeOffset)];
  return found !== undefined && codeOffset < found.offset + found.size ? found : undefined;
}

/** Position of the operator that the code at `codeOffset` carries out, or -1: its byte offset in the module, unless it is inlined (inlined.ts). */
export function positionAt({ map }: Image, codeOffset: number): number {
  const index = floorIndex(map.positionAt, codeOffset);
  return index < 0 ? -1 : map.position[index];
}

/** The frame while the instruction at `codeOffset` is next to run; undefined outside of functions. */
export function frameAt(image: Image, codeOffset: number): FrameAt | undefined {
  const { map } = image;
  const index = floorIndex(map.frameAt, codeOffset);
  if (index < 0 || functionAt(image, codeOffset) === undefined) return undefined;
  return {
    cfa: map.cfa[index],
    returnAddress: map.returnAddress[index],
    published: map.published[index] === 1,
  };
}

/** Why the instruction at exactly `codeOffset` traps, or undefined where none is expected to. */
export function trapAt({ map }: Image, codeOffset: number): TrapKind | undefined {
  const index = floorIndex(map.trapAt, codeOffset);
  return index >= 0 && map.trapAt[index] === codeOffset ? (map.trap[index] as TrapKind) : undefined;
}
