import type { ImageFunction } from '../../compiler/image/image.ts';
import { type LogicalFrame, logicalFrames } from '../../compiler/image/inlined.ts';
import { floorIndex, positionAt } from '../../compiler/image/lookup.ts';
import type { LoadedImage } from '../loaded-image.ts';
import type { Machine } from '../machine.ts';
import { ByAddress } from './by-address.ts';

/** What a reader sees of a machine. */
export type StackSource = Pick<
  Machine,
  'wordBytes' | 'abi' | 'tail' | 'stack' | 'innermostEnv' | 'readTop' | 'instanceOf' | 'imageAt'
>;

/** What an image's tables say about one code address: whose it is, and how its frame looks there. */
export interface CodePoint {
  readonly image: LoadedImage;
  /** Whose code it is. */
  readonly symbol: ImageFunction;
  /** The frames that it stands for, innermost first: those of inlined functions, then that of `symbol`. */
  readonly frames: readonly LogicalFrame[];
  /** Stack pointer to its value before the call, in bytes. */
  readonly cfa: number;
  /** Where the return address is, in bytes from the stack pointer; -1: in the link register. */
  readonly returnAddress: number;
  /** Whether this function's record is visible here. */
  readonly published: boolean;
}

/**
 * Looks a code address up. Undefined outside of functions.
 *
 * @param interrupted true for an instruction that comes next; false for a return address, whose call ends just before it
 *   and may be the last instruction of its function
 */
export function codeAt(
  machine: Pick<StackSource, 'imageAt'>,
  pc: number,
  interrupted: boolean,
): CodePoint | undefined {
  const at = interrupted ? pc : pc - 1;
  const image = machine.imageAt(at);
  if (image === undefined) return undefined;
  const offset = at - image.base;
  const symbol = image.functionAt(offset);
  if (symbol === undefined) return undefined;
  const { map } = image.image;
  const row = floorIndex(map.frameAt, offset);
  if (row < 0 || map.frameAt[row] < symbol.offset) return undefined;
  return {
    image,
    symbol,
    frames: logicalFrames(image.image, symbol, positionAt(image.image, offset)),
    cfa: map.cfa[row],
    returnAddress: map.returnAddress[row],
    published: map.published[row] !== 0,
  };
}

/** Code points by address, looked up once each: readers see the same addresses again and again. Images never leave a machine. */
export class CodePoints {
  private readonly interrupted: ByAddress<CodePoint | undefined>;
  private readonly returns: ByAddress<CodePoint | undefined>;

  constructor(machine: StackSource) {
    this.interrupted = new ByAddress((pc) => codeAt(machine, pc, true));
    this.returns = new ByAddress((pc) => codeAt(machine, pc, false));
  }

  /** Of an instruction that comes next. */
  at(pc: number): CodePoint | undefined {
    return this.interrupted.at(pc);
  }

  /** Of a return address. */
  returningTo(pc: number): CodePoint | undefined {
    return this.returns.at(pc);
  }
}
