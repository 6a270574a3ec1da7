import type { Interval, Intervals } from './intervals.ts';
import type { MFunction } from './machine.ts';
import type { Numbering } from './numbering.ts';
import { lowerBound, never } from './split.ts';

/** What using a call-saved register for the first time costs: its save and its restore, which come in rows and are cheap. */
export const saveCost = 1;
/** What an instruction costs that is hardly ever executed. */
const sizeCost = 0.2;
/** How many uses of an interval are counted. */
const useLimit = 1000;
/** How many calls are looked at one by one. */
const callLimit = 8;
/** What leaving a loop adds to the distance of a next use (Braun and Hack, CC 2009, section 3.1). */
const loopExit = 100000;

/** What spilling costs, in estimated executions of loads and stores, and how soon a spilled value would be missed. */
export class SpillCosts {
  private readonly func: MFunction;
  private readonly numbering: Numbering;
  private readonly intervals: Intervals;

  constructor(func: MFunction, numbering: Numbering, intervals: Intervals) {
    this.func = func;
    this.numbering = numbering;
    this.intervals = intervals;
  }

  /**
   * What it costs to have `interval` in memory from `position` on wherever it crosses a call: its store, and loads behind calls
   * before its next use. Counting ends at `limit`.
   */
  memory(interval: Interval, position: number, limit: number): number {
    const { usePos, callNumbers, first } = this.intervals;
    const { blockOf, weight, loop, loopLast, start } = this.numbering;
    const again = this.func.remat[interval.vreg] !== null;
    const reload = again ? 0.5 : 1;
    let cost = 0;
    const whole = first[interval.vreg];
    if (!again && whole !== null && !isInMemory(whole)) cost = weight[blockOf[whole.from >> 1]] + sizeCost;
    let previous = position >> 1;
    const crossesCall = (from: number, to: number): boolean => {
      const k = lowerBound(callNumbers, from, 0, callNumbers.length);
      return k < callNumbers.length && callNumbers[k] < to;
    };
    const firstUse = lowerBound(usePos, position + 1, interval.useLo, interval.useHi);
    const lastUse = Math.min(interval.useHi, firstUse + useLimit);
    for (let i = firstUse; i < lastUse && cost < limit; i++) {
      const n = usePos[i] >> 1;
      if (n === previous) continue;
      const b = blockOf[n];
      const header = loop[b];
      const around =
        header >= 0 &&
        start[header] > position &&
        previous * 2 < start[header] &&
        crossesCall(start[header] >> 1, start[loopLast[header] + 1] >> 1);
      if (around || crossesCall(previous, n)) cost += weight[b] * reload + sizeCost;
      previous = n;
    }
    return cost;
  }

  /**
   * What it costs to store and load `interval` around every call that it crosses, if these are few: less than `memory` says
   * where calls stand on paths that are hardly ever taken.
   */
  aroundCalls(interval: Interval): number {
    const { callNumbers, rangeFrom, rangeTo } = this.intervals;
    const { blockOf, weight } = this.numbering;
    let cost = 0;
    let k = lowerBound(callNumbers, interval.from >> 1, 0, callNumbers.length);
    const end = k + callLimit;
    for (let range = interval.rangeLo; range < interval.rangeHi; range++) {
      k = lowerBound(callNumbers, Math.max(rangeFrom[range], interval.from) >> 1, k, callNumbers.length);
      for (; k < callNumbers.length && callNumbers[k] * 2 + 1 < Math.min(rangeTo[range], interval.to); k++) {
        if (k >= end) return never;
        cost += 2 * (weight[blockOf[callNumbers[k]]] + sizeCost);
      }
    }
    return cost;
  }

  /** What it costs to have `interval`, now in a register, in memory from `position` on. */
  eviction(interval: Interval, position: number, limit: number): number {
    const { numbering, intervals } = this;
    const { loop, loopParent, loopLast, start, blockOf } = numbering;
    let cost = this.memory(interval, position, limit);
    // The first use loads it, call or not.
    const k = lowerBound(intervals.usePos, position, interval.useLo, interval.useHi);
    if (k < interval.useHi) cost += numbering.weight[blockOf[intervals.usePos[k] >> 1]];
    for (let h = loop[blockOf[position >> 1]]; h >= 0 && cost < limit; h = loopParent[h]) {
      if (start[h] < interval.from || interval.to < start[loopLast[h] + 1]) break;
      if (k === interval.useLo || intervals.usePos[k - 1] < start[h]) continue;
      cost += numbering.backWeight(h);
    }
    return cost;
  }

  /**
   * The outermost loop at whose start `interval` had better be in memory already, given that it cannot keep its register beyond
   * `limit` in there: to load it where it is used is cheaper than for every further round. -1 for none.
   */
  loopBetterWithout(interval: Interval, limit: number): number {
    const { intervals, numbering } = this;
    const { start, loop, loopParent, loopLast, weight, blockOf } = numbering;
    let best = -1;
    for (let h = loop[blockOf[limit >> 1]]; h >= 0 && start[h] > interval.from; h = loopParent[h]) {
      if (interval.to < start[loopLast[h] + 1]) break;
      const k = lowerBound(intervals.usePos, start[h], interval.useLo, interval.useHi);
      if (k === interval.useHi || intervals.usePos[k] >= limit) continue;
      if (weight[blockOf[intervals.usePos[k] >> 1]] < numbering.backWeight(h)) best = h;
    }
    return best;
  }

  /** How far away the next use of `interval` after `position` is. Values that can be made again count as farther: they need no store, and their instruction is cheap. */
  distance(interval: Interval, position: number): number {
    const distance = nextUseDistance(this.intervals, this.numbering, interval, position) + 1;
    return this.func.remat[interval.vreg] === null ? distance : distance * 2 + 8;
  }

  /** Position of the first call after `position` during `interval`, or {@link never}. */
  nextCallAfter(interval: Interval, position: number): number {
    const { callNumbers } = this.intervals;
    const k = lowerBound(callNumbers, position >> 1, 0, callNumbers.length);
    return k < callNumbers.length && callNumbers[k] * 2 < interval.to ? callNumbers[k] * 2 : never;
  }
}

/** Whether some piece from `interval` on is in memory. */
function isInMemory(interval: Interval): boolean {
  for (let piece: Interval | null = interval; piece !== null; piece = piece.next) {
    if (piece.reg < 0) return true;
  }
  return false;
}

/**
 * How far away the next use of `interval` after `position` is: in positions, around loops, and with a long way for every
 * loop that is left before it. Values without a use in a loop are thus spilled before those with one.
 */
function nextUseDistance(
  intervals: Intervals,
  numbering: Numbering,
  interval: Interval,
  position: number,
): number {
  const { usePos, useOffset } = intervals;
  const { start, loop, loopParent, loopLast } = numbering;
  const lo = useOffset[interval.vreg];
  const hi = useOffset[interval.vreg + 1];
  const k = lowerBound(usePos, position, lo, hi);
  const next = k < hi ? usePos[k] : never;
  let away = 0;
  for (
    let header = loop[numbering.blockOf[position >> 1]];
    header >= 0;
    header = loopParent[header], away += loopExit
  ) {
    const end = start[loopLast[header] + 1];
    if (next < end) break;
    if (usePos[lo] >= start[header]) continue;
    const earlier = lowerBound(usePos, start[header], lo, k);
    if (earlier < k) return away + (end - position) + (usePos[earlier] - start[header]);
  }
  return next === never ? away + loopExit : away + next - position;
}
