import { CompileError } from '../errors.ts';
import { ByteReader } from '../wasm/bytes.ts';
import { skipOperator } from '../wasm/opcodes.ts';

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
  /** Positions of the assignments, ascending; those of local x are at [starts[x], starts[x + 1]). */
  private readonly positions: Int32Array;
  private readonly starts: Int32Array;

  /**
   * Scans from `start`, which is in no loop. Code that cannot be decoded ends the scan: the front end refuses it when it
   * gets there.
   */
  constructor(bytes: Uint8Array, start: number, end: number, localCount: number) {
    const locals: number[] = [];
    const positions: number[] = [];
    const counts = new Int32Array(localCount + 1);
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
          locals.push(local);
          positions.push(at);
          counts[local]++;
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
    this.starts = new Int32Array(localCount + 1);
    for (let x = 0; x < localCount; x++) this.starts[x + 1] = this.starts[x] + counts[x];
    this.positions = new Int32Array(positions.length);
    const next = this.starts.slice();
    for (let k = 0; k < positions.length; k++) this.positions[next[locals[k]]++] = positions[k];
  }

  /** Position of the first assignment to `local` behind `at`, or Infinity. */
  next(local: number, at: number): number {
    const { positions } = this;
    let low = this.starts[local];
    let high = this.starts[local + 1];
    const end = high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (positions[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low < end ? positions[low] : Number.POSITIVE_INFINITY;
  }
}
