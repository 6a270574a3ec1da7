import type { Machine } from '../machine.ts';
import type { StackReader } from './reader.ts';
import type { TrueStack } from './true-stack.ts';

/** The first frame at which a reading and the true stack differ, counted from the innermost. */
export interface StackDifference {
  readonly frame: number;
  /** Code addresses; undefined where that side has no such frame. -1: a frame known by its function alone. */
  readonly read: number | undefined;
  readonly actual: number | undefined;
}

/**
 * Compares the last reading with the stack as executed. Every frame counts, adapters included, and every code address must be
 * the same; of a host function's frame, which has no address of its own, the function must be.
 */
export function compareStacks(
  machine: Machine,
  reader: StackReader,
  truth: TrueStack,
): StackDifference | undefined {
  const actual = truePcs(machine, truth);
  for (let frame = 0; frame < Math.max(reader.depth, actual.length); frame++) {
    const read = frame < reader.depth ? reader.pcs[frame] : undefined;
    const real = actual[frame];
    if (read === real) continue;
    if (read === -1 && real !== undefined) {
      const { image, symbol } = reader.points[frame];
      const start = image.base + symbol.offset;
      if (real > start && real <= start + symbol.size) continue;
    }
    return { frame, read, actual: real };
  }
  return undefined;
}

/** The program counter, then all return addresses into compiled code, innermost first. */
function truePcs({ core }: Machine, { activations }: TrueStack): number[] {
  const pcs = [core.pc];
  for (let i = activations.length - 1; i >= 0; i--) {
    const { returnAddress } = activations[i];
    if (returnAddress !== core.exitStub) pcs.push(returnAddress);
  }
  return pcs;
}
