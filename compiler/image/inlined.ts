import type { Image, ImageFunction, InlinedCalls } from './image.ts';
import { floorIndex, functionAt, positionAt } from './lookup.ts';

/** A frame as the module has it: a function, and the operator that runs in it or has called. */
export interface LogicalFrame {
  readonly symbol: ImageFunction;
  /** Byte offset of the operator in the module binary, or -1. */
  readonly wasmOffset: number;
}

/** Row of the inlined body that `position` lies in, or -1 for a position in the function's own. */
export function inlinedRow({ base }: InlinedCalls, position: number): number {
  return base.length === 0 || position < base[0] ? -1 : floorIndex(base, position);
}

/**
 * The frames that one frame of machine code stands for where it carries out the operator at `position`: the functions whose bodies
 * stand in place of calls of them, the innermost first, and last the function whose code it is.
 */
export function logicalFrames(image: Image, physical: ImageFunction, position: number): LogicalFrame[] {
  const { functions, symbols, map } = image;
  const { inlined } = map;
  const frames: LogicalFrame[] = [];
  let at = position;
  let row = physical.kind === 'wasm' ? inlinedRow(inlined, at) : -1;
  while (row >= 0) {
    const wasmOffset = at - inlined.base[row] + inlined.bodyStart[row];
    frames.push({ symbol: functions[symbols.wasm[inlined.wasmIndex[row]]], wasmOffset });
    at = inlined.call[row];
    const outer = inlinedRow(inlined, at);
    // A call lies in a body before its own: so every chain ends.
    row = outer < row ? outer : -1;
  }
  frames.push({ symbol: physical, wasmOffset: at });
  return frames;
}

/** The frames that the byte of code at `codeOffset` stands for; none for padding and constants. */
export function framesAt(image: Image, codeOffset: number): LogicalFrame[] {
  const physical = functionAt(image, codeOffset);
  return physical === undefined ? [] : logicalFrames(image, physical, positionAt(image, codeOffset));
}
