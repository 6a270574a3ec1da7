import type { TrapKind } from '../ir/types.ts';
import type { Image, ImageFunction } from './image.ts';

/** The frame at a code offset, in bytes from the stack pointer; see StackMap. */
export interface FrameAt {
  readonly cfa: number;
  readonly returnAddress: number;
  readonly published: boolean;
}

/** Index of the last element that is <= `key`, or -1. */
function lastAtOrBelow(count: number, at: (index: number) => number, key: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(middle) <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const lookUp = (table: Uint32Array, key: number): number => lastAtOrBelow(table.length, (k) => table[k], key);

/** The function that the byte at `codeOffset` belongs to; undefined for padding and constants. */
export function functionAt({ functions }: Image, codeOffset: number): ImageFunction | undefined {
  const index = lastAtOrBelow(functions.length, (k) => functions[k].offset, codeOffset);
  const found = functions[index];
  return found !== undefined && codeOffset < found.offset + found.size ? found : undefined;
}

/** Byte offset in the module of the operator that the code at `codeOffset` carries out, or -1. */
export function positionAt({ map }: Image, codeOffset: number): number {
  const index = lookUp(map.positionAt, codeOffset);
  return index < 0 ? -1 : map.position[index];
}

/** The frame while the instruction at `codeOffset` is next to run; undefined outside of functions. */
export function frameAt(image: Image, codeOffset: number): FrameAt | undefined {
  const { map } = image;
  const index = lookUp(map.frameAt, codeOffset);
  if (index < 0 || functionAt(image, codeOffset) === undefined) return undefined;
  return {
    cfa: map.cfa[index],
    returnAddress: map.returnAddress[index],
    published: map.published[index] === 1,
  };
}

/** Why the instruction at exactly `codeOffset` traps, or undefined where none is expected to. */
export function trapAt({ map }: Image, codeOffset: number): TrapKind | undefined {
  const index = lookUp(map.trapAt, codeOffset);
  return index >= 0 && map.trapAt[index] === codeOffset ? (map.trap[index] as TrapKind) : undefined;
}
