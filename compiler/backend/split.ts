import { Interval, type Intervals } from './intervals.ts';
import type { Numbering } from './numbering.ts';

/** Behind every position. */
export const never = 0x3fffffff;

/** How many block borders are weighed for a split before only those of loops are. */
const borderLimit = 32;

/** First index in [lo, hi) whose entry is at least `value`, or hi. */
export function lowerBound(array: ArrayLike<number>, value: number, lo: number, hi: number): number {
  let low = lo;
  let high = hi;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (array[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Cuts `interval` at `position`, which lies behind its start, and returns the new piece from there on. At an odd position
 * (between the reads and the writes of an instruction) the new piece must be one in memory: no code can be inserted there.
 */
export function split(intervals: Intervals, interval: Interval, position: number): Interval {
  const { rangeFrom, rangeTo, usePos } = intervals;
  let range = interval.rangeLo;
  if (interval.rangeHi - range > 8) {
    range = lowerBound(rangeTo, position + 1, range, interval.rangeHi - 1);
  } else {
    while (rangeTo[range] <= position) range++;
  }
  const use = lowerBound(usePos, position, interval.useLo, interval.useHi);
  const start = Math.max(position, rangeFrom[range]);
  const rest = new Interval(
    interval.vreg,
    interval.cls,
    start,
    interval.to,
    range,
    interval.rangeHi,
    use,
    interval.useHi,
  );
  rest.next = interval.next;
  interval.next = rest;
  interval.useHi = use;
  if (rangeFrom[range] < position) {
    interval.rangeHi = range + 1;
    interval.to = position;
  } else {
    interval.rangeHi = range;
    interval.to = rangeTo[range - 1];
  }
  return rest;
}

/** First use of `interval` that needs a register, or {@link never}. */
export function firstNeed(intervals: Intervals, interval: Interval): number {
  for (let i = interval.useLo; i < interval.useHi; i++) {
    if (intervals.useNeeds[i] === 1) return intervals.usePos[i];
  }
  return never;
}

/**
 * The cheapest gap in [min, max] for a value to change its place, or -1 if there is none. `since`: from where on the value
 * is in the place that it leaves; only edges from there on cost a move at a block's border. Among equals the last.
 */
export function cheapestGap(
  numbering: Numbering,
  min: number,
  max: number,
  since: number,
  returning = never,
): number {
  const { start, blockOf, weight, loop, loopLast, loopParent } = numbering;
  let best = numbering.gap(max);
  if (best < min) return -1;
  const last = blockOf[best >> 1];
  let cost = best === start[last] ? borderCost(numbering, last, since, returning) : weight[last];
  if (cost === 0) return best;
  // Estimates are rough: an earlier place has to be clearly better, as it takes a register for longer.
  const consider = (b: number): void => {
    const border = borderCost(numbering, b, since, returning);
    if (border >= cost * 0.8) return;
    cost = border;
    best = start[b];
  };
  let b = last;
  for (let step = 0; step < borderLimit && cost > 0 && b >= 0 && start[b] >= min; step++) {
    const header = loop[b];
    if (header >= 0 && loopLast[header] < last) {
      // There is no point in changing places inside a loop that is over by then.
      b = header - 1;
      continue;
    }
    consider(b);
    b--;
  }
  for (let header = loop[last]; header >= 0 && start[header] >= min; header = loopParent[header]) {
    consider(header);
  }
  return best;
}

/** Cost of a move on the edges into block b from places in [since, start of b), and from behind `returning` on. */
function borderCost(numbering: Numbering, b: number, since: number, returning: number): number {
  const { start, predOffset, preds } = numbering;
  let cost = 0;
  for (let e = predOffset[b]; e < predOffset[b + 1]; e++) {
    const p = preds[e];
    if (p < b ? start[p + 1] > since : start[p + 1] > returning) cost += numbering.edgeWeight(p, b);
  }
  return cost;
}
