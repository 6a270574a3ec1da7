import { CompileError } from '../errors.ts';
import { ByteReader } from '../wasm/bytes.ts';
import { skipOperator } from '../wasm/opcodes.ts';
import { perLocal } from './local-types.ts';

const opLoop = 0x03;
const opLocalSet = 0x21;
const opLocalTee = 0x22;

/**
 * Which locals a loop assigns, from one pass over the code from the function's first loop on. A loop's header then
 * needs phis for these alone. Positions are byte offsets of operators.
 */
export class LoopScan {
  /** Offset of the `end` of every loop, in the order in which the loops begin. */
  readonly ends: number[] = [];
  /** Per local: positions of the assignments, ascending. */
  private readonly positions: (number[] | undefined)[];

  /**
   * Scans from `start`, which is in no loop. Code that cannot be decoded ends the scan: the front end refuses it when it
   * gets there.
   */
  constructor(bytes: Uint8Array, start: number, end: number, localCount: number) {
    const positions = perLocal<number[]>(localCount);
    this.positions = positions;
    const r = new ByteReader(bytes, start, end);
    /** Open blocks: number of the loop, or -1. */
    const open: number[] = [];
    try {
      while (r.pos < end) {
        const at = r.pos;
        const byte = bytes[at];
        if (byte === opLocalSet || byte === opLocalTee) {
          r.pos++;
          const local = r.u32();
          if (local >= localCount) break;
          const own = positions[local];
          if (own === undefined) positions[local] = [at];
          else own.push(at);
          continue;
        }
        if (skipOperator(r) < 0) break;
        if (byte === opLoop) {
          open.push(this.ends.length);
          this.ends.push(end);
        } else if (byte === 0x02 || byte === 0x04) open.push(-1);
        else if (byte === 0x0b) {
          const loop = open.pop() ?? -1;
          if (loop >= 0) this.ends[loop] = at;
        }
      }
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
    }
  }

  /** Position of the first assignment to `local` behind `at`, or Infinity. */
  next(local: number, at: number): number {
    const positions = this.positions[local];
    if (positions === undefined) return Number.POSITIVE_INFINITY;
    let low = 0;
    let high = positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (positions[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low < positions.length ? positions[low] : Number.POSITIVE_INFINITY;
  }
}
