import type { Image, ImageFunction } from '../../compiler/image/image.ts';
import type { Core } from '../core.ts';

/** A frame of the true stack or of a reading, for people. */
export interface CheckedFrame {
  /** Of the function, or what else is there. */
  readonly name: string;
  readonly image: string;
  /** Code address, -1 where a frame is known by its function alone. */
  readonly pc: number;
  /** Byte offset of the operator in the module binary, or -1. */
  readonly wasmOffset: number;
}

/** Where the code is that was interrupted, for a disassembly. */
export interface CodePlace {
  readonly image: Image;
  readonly symbol: ImageFunction;
  /** Offset of the instruction in the image's code. */
  readonly offset: number;
  /** The function's bytes as they lie in memory. */
  readonly bytes: Uint8Array;
}

/** The first interrupt of a check whose reading is not the true stack. */
export interface CheckDifference {
  /** Who read. */
  readonly by: 'host' | 'handler';
  /** Number of the interrupt in its run, from 0. */
  readonly interrupt: number;
  readonly pc: number;
  /** General registers by name. */
  readonly registers: Readonly<Record<string, bigint>>;
  /** What is wrong, in words. */
  readonly reason: string;
  /** Innermost first. */
  readonly read: readonly CheckedFrame[];
  readonly expected: readonly CheckedFrame[];
  /** Undefined outside of functions. */
  readonly place: CodePlace | undefined;
}

/** Thrown through the running program at the first difference. */
export class StackDiffers extends Error {
  override readonly name = 'StackDiffers';
  readonly difference: CheckDifference;

  constructor(difference: CheckDifference) {
    super(difference.reason);
    this.difference = difference;
  }
}

/** General registers by name, as they are now. */
export const registersOf = (core: Core): Record<string, bigint> =>
  Object.fromEntries(core.registerNames.map((name) => [name, core.read(name)]));
