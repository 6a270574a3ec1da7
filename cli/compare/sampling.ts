import type { Schedule } from '../../emu/interrupts.ts';

/** When a run is sampled. */
export interface Sampling {
  /** Instructions from sample to sample; where they are drawn, on average. */
  readonly every: number;
  /**
   * Intervals are drawn, the same in each run. A program that does the same again and again may keep step with intervals that are
   * all one: some of SQLite's instructions have ten times their share then, and others none, with prime numbers as well.
   */
  readonly drawn: boolean;
}

/** Where nothing is said. */
export const usualSampling: Sampling = { every: 1000, drawn: true };

/** Draws the same intervals in each run. */
const seed = 1;

export const scheduleOf = ({ every, drawn }: Sampling): Schedule =>
  drawn
    ? { kind: 'random', seed, mean: every }
    : every === 1
      ? { kind: 'every-instruction' }
      : { kind: 'every', instructions: every };

/** For people: `every 1,000 instructions on average`. */
export const samplingText = ({ every, drawn }: Sampling): string =>
  every === 1
    ? 'at every instruction'
    : `every ${every.toLocaleString('en-US')} instructions${drawn ? ' on average' : ''}`;
