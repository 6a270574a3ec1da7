import { type Schedule, seededRandom } from '../interrupts.ts';
import { Stopwatch } from './stopwatch.ts';

/** A part of the interrupt points of a run: every `of`-th block of points, beginning with block `index`. */
export interface PointShard {
  readonly index: number;
  readonly of: number;
}

/** Points that a shard takes in one piece, where nobody says otherwise. */
export const defaultBlockPoints = 1 << 14;

export interface PointOptions {
  readonly shard?: PointShard;
  /** Interrupts after which there are no more, all shards' together. */
  readonly limit?: number;
  /** Points that a shard takes in one piece. */
  readonly blockPoints?: number;
  /** Called before each block, to say how far the run is. */
  readonly onBlock?: () => void;
}

/**
 * Which instructions of a run are interrupted, asked once before each. Depends on the number of the instruction alone, so that the
 * shards of a check, each run by itself, interrupt together exactly where one run does. Several runs may share them, one after the other.
 */
export class Points {
  /** Interrupts taken. */
  taken = 0;
  /** Interrupts due so far, all shards' together: the number of the next one. */
  due = 0;
  /** Runs while programs are stepped and their stacks read and compared, and while nothing else is done. */
  readonly checking = new Stopwatch();
  private readonly next: () => number;
  private readonly shard: PointShard;
  private readonly limit: number;
  private readonly blockPoints: number;
  private readonly onBlock: () => void;
  private left: number;

  /** @throws RangeError for a schedule by addresses, and for an interval of less than one instruction */
  constructor(schedule: Schedule, options: PointOptions = {}) {
    const { shard = { index: 0, of: 1 }, limit = Number.POSITIVE_INFINITY } = options;
    const { blockPoints = defaultBlockPoints, onBlock = () => {} } = options;
    this.next = intervals(schedule);
    this.shard = shard;
    this.limit = limit;
    this.blockPoints = blockPoints;
    this.onBlock = onBlock;
    this.left = this.next();
  }

  /** Whether all interrupts are taken. */
  get areSpent(): boolean {
    return this.due >= this.limit;
  }

  /** Whether this shard interrupts before the instruction at hand. */
  take(): boolean {
    if (--this.left > 0) return false;
    this.left = this.next();
    if (this.areSpent) return false;
    if (this.due % this.blockPoints === 0) this.onBlock();
    const block = Math.floor(this.due++ / this.blockPoints);
    if (block % this.shard.of !== this.shard.index) return false;
    this.taken++;
    return true;
  }
}

function intervals(schedule: Schedule): () => number {
  switch (schedule.kind) {
    case 'every-instruction':
      return () => 1;
    case 'every': {
      const { instructions } = schedule;
      if (!(instructions >= 1)) throw new RangeError(`an interval of ${instructions} instructions`);
      return () => instructions;
    }
    case 'random': {
      const { seed, mean } = schedule;
      if (!(mean >= 1)) throw new RangeError(`an interval of ${mean} instructions`);
      const random = seededRandom(seed);
      return () => 1 + random(2 * mean - 1);
    }
    case 'at':
      throw new RangeError('a check interrupts by instructions, not at addresses');
  }
}
