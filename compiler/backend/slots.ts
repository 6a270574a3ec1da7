import { type Interval, type Intervals, lastPiece } from './intervals.ts';
import { firstVirtual, type MFunction, RegClass } from './machine.ts';

/** How many values of one slot are compared with before the slot is given up for sharing with a phi's other values. */
const sharersLimit = 32;

/**
 * Spill slots for the virtual registers that are in memory somewhere: registers whose lifetimes do not meet share one, and
 * those that a phi or copy connects do so first, so that no value moves from slot to slot. Returns the slot of each
 * register, or -1, and the number of slots.
 */
export function assignSlots(func: MFunction, intervals: Intervals): { slots: Int32Array; count: number } {
  const { first, hintOffset, hints } = intervals;
  const slots = new Int32Array(first.length).fill(-1);
  const spilled: Interval[] = [];
  for (const interval of first) {
    if (interval !== null && func.remat[interval.vreg] === null && isInMemory(interval))
      spilled.push(interval);
  }
  spilled.sort((a, b) => a.from - b.from || a.vreg - b.vreg);
  const ends: number[] = [];
  const wide: boolean[] = [];
  const sharers: Interval[][] = [];
  const fits = (interval: Interval, slot: number): boolean =>
    wide[slot] === (interval.cls === RegClass.v128) &&
    sharers[slot].length <= sharersLimit &&
    sharers[slot].every((other) => !meet(intervals, interval, other));
  for (const interval of spilled) {
    let slot = -1;
    for (let i = hintOffset[interval.vreg]; i < hintOffset[interval.vreg + 1] && slot < 0; i++) {
      const partner = hints[i] >= firstVirtual ? slots[hints[i] - firstVirtual] : -1;
      if (partner >= 0 && fits(interval, partner)) slot = partner;
    }
    for (let s = 0; s < ends.length && slot < 0; s++) {
      if (ends[s] <= interval.from && wide[s] === (interval.cls === RegClass.v128)) slot = s;
    }
    if (slot < 0) {
      slot = ends.length;
      const isWide = interval.cls === RegClass.v128;
      ends.push(0);
      wide.push(isWide);
      sharers.push([]);
      if (isWide) {
        // The second half belongs to nobody else.
        ends.push(Number.MAX_SAFE_INTEGER);
        wide.push(true);
        sharers.push([]);
      }
    }
    slots[interval.vreg] = slot;
    sharers[slot].push(interval);
    ends[slot] = Math.max(ends[slot], lastPiece(interval).to);
  }
  return { slots, count: ends.length };
}

function isInMemory(interval: Interval): boolean {
  for (let piece: Interval | null = interval; piece !== null; piece = piece.next)
    if (piece.reg < 0) return true;
  return false;
}

/** Whether the whole lifetimes of two registers, given by their first pieces, have a position in common. */
function meet(intervals: Intervals, a: Interval, b: Interval): boolean {
  const { rangeFrom, rangeTo } = intervals;
  const endA = lastPiece(a).rangeHi;
  const endB = lastPiece(b).rangeHi;
  let i = a.rangeLo;
  let k = b.rangeLo;
  while (i < endA && k < endB) {
    if (rangeTo[i] <= rangeFrom[k]) i++;
    else if (rangeTo[k] <= rangeFrom[i]) k++;
    else return true;
  }
  return false;
}
