import type { CallGroup, Interval, Intervals } from './intervals.ts';
import { firstVirtual } from './machine.ts';
import { lowerBound, never } from './split.ts';

/**
 * Where physical registers are taken by instructions themselves. Calls are kept as lists of their numbers, one per set
 * of clobbered registers, so that a call costs nothing per register.
 */
export class FixedConflicts {
  private readonly intervals: Intervals;
  /** First fixed range of each register that ends after the scan's position. */
  private readonly cursor = new Int32Array(firstVirtual);
  private readonly callCursor: Int32Array;
  /** Per call group: the first call that the interval at hand crosses. */
  private readonly callConflict: Int32Array;

  constructor(intervals: Intervals) {
    this.intervals = intervals;
    this.callCursor = new Int32Array(intervals.calls.length);
    this.callConflict = new Int32Array(intervals.calls.length);
  }

  /** To be called before {@link firstConflict}, with intervals in ascending order of their start. */
  prepare(current: Interval): void {
    const { calls } = this.intervals;
    for (let g = 0; g < calls.length; g++) {
      const { numbers } = calls[g];
      let at = this.callCursor[g];
      while (at < numbers.length && numbers[at] * 2 + 1 < current.from) at++;
      this.callCursor[g] = at;
      this.callConflict[g] = this.firstCall(current, calls[g], at);
    }
  }

  /** Position where the first call that `current` crosses destroys registers, or {@link never}. After {@link prepare}. */
  nextCall(current: Interval): number {
    let first = never;
    for (const conflict of this.callConflict) first = Math.min(first, conflict);
    return first < current.to ? first : never;
  }

  /** Whether `interval` crosses a call; at any time. */
  crossesCall(interval: Interval): boolean {
    return this.intervals.calls.some((group) => this.firstCall(interval, group, 0) < never);
  }

  private firstCall(current: Interval, group: CallGroup, from: number): number {
    const { rangeFrom, rangeTo } = this.intervals;
    const { numbers } = group;
    let at = from;
    for (let range = current.rangeLo; range < current.rangeHi && at < numbers.length; range++) {
      const start = Math.max(rangeFrom[range], current.from);
      // A value that starts with the call's results does not cross it.
      if (numbers[at] * 2 < start) at = lowerBound(numbers, (start + 1) >> 1, at, numbers.length);
      if (at < numbers.length && numbers[at] * 2 + 1 < Math.min(rangeTo[range], current.to)) {
        return numbers[at] * 2 + 1;
      }
    }
    return never;
  }

  /** First position at which `current` meets a fixed use of `r` or a call that destroys it, or {@link never}. */
  firstConflict(current: Interval, r: number): number {
    const { calls, fixedFrom, fixedTo, rangeFrom, rangeTo } = this.intervals;
    let first = never;
    for (let g = 0; g < calls.length; g++) {
      if (calls[g].clobbers[r] === 1 && this.callConflict[g] < first) first = this.callConflict[g];
    }
    const from = fixedFrom[r];
    const to = fixedTo[r];
    let at = this.cursor[r];
    while (at < to.length && to[at] <= current.from) at++;
    this.cursor[r] = at;
    for (let range = current.rangeLo; range < current.rangeHi && at < to.length; range++) {
      const start = Math.max(rangeFrom[range], current.from);
      if (start >= first) break;
      if (to[at] <= start) at = lowerBound(to, start + 1, at, to.length);
      if (at < to.length && from[at] < Math.min(rangeTo[range], current.to)) {
        return Math.min(first, Math.max(from[at], start));
      }
    }
    return first;
  }
}
