import { InternalError } from '../errors.ts';
import type { Target } from '../target.ts';
import { FixedConflicts } from './conflicts.ts';
import { canFold } from './fold.ts';
import type { Interval, Intervals } from './intervals.ts';
import { firstVirtual, type MFunction } from './machine.ts';
import type { Numbering } from './numbering.ts';
import { SpillCosts, saveCost } from './spill-costs.ts';
import { cheapestGap, firstNeed, lowerBound, never, split } from './split.ts';
import { Unhandled } from './unhandled.ts';

/** Stands for an empty list that nobody has written to. */
const noIntervals: Interval[] = [];
/** Partners of a register that are asked where they are, and partners of those without a place yet. */
const hintLimit = 24;
const secondHintLimit = 6;

/**
 * Gives every piece of every interval a register or memory: linear scan with interval splitting (Wimmer and
 * Mössenböck, "Optimized Interval Splitting in a Linear Scan Register Allocator", VEE 2005; on SSA form Wimmer and Franz, CGO 2010). Which value leaves its register is
 * decided by the distance of its next use, loops counted as by Braun and Hack (CC 2009).
 */
export class LinearScan {
  private readonly func: MFunction;
  private readonly target: Target;
  private readonly numbering: Numbering;
  private readonly intervals: Intervals;
  private readonly conflicts: FixedConflicts;
  private readonly costs: SpillCosts;
  private readonly unhandled = new Unhandled();
  /** All registers that can be given, of any class. */
  private readonly registers: number[] = [];
  private readonly callSaved = new Uint8Array(firstVirtual);
  /** 1: written already, so that the function saves it anyway. */
  private readonly saved = new Uint8Array(firstVirtual);
  /** The interval in each register at the current position, and when to look at it again. */
  private readonly occupant: (Interval | null)[] = new Array<Interval | null>(firstVirtual).fill(null);
  private readonly occupantUntil = new Int32Array(firstVirtual).fill(never);
  /** Intervals in a hole of their lifetime, and when the first of them goes on. */
  private readonly inactive: Interval[][] = new Array<Interval[]>(firstVirtual).fill(noIntervals);
  private readonly inactiveUntil = new Int32Array(firstVirtual).fill(never);
  /** For the interval at hand: up to where each register is free, and free of fixed uses and calls. */
  private readonly free = new Int32Array(firstVirtual);
  private readonly fixedUntil = new Int32Array(firstVirtual);
  private readonly score = new Float64Array(firstVirtual);
  /** What other intervals that start at the same position would lose without this register. */
  private readonly claimed = new Float64Array(firstVirtual);
  /** What `current` would gain in a call-saved register: values that it is to be joined with cross calls. */
  private savedGain = 0;
  /** By virtual register: 1 if its whole lifetime crosses a call. */
  private readonly crosses: Uint8Array;
  /** The register given to each virtual register last, or -1. */
  private readonly lastRegister: Int8Array;
  /** By instruction number: 1 if one of its operands is going to be read from its spill slot. */
  private readonly folded: Uint8Array;

  private readonly bound: ReadonlyMap<number, number>;

  /** `bound`: by virtual register, another one that ends where it starts and in whose register it must be. */
  constructor(
    func: MFunction,
    target: Target,
    numbering: Numbering,
    intervals: Intervals,
    bound: ReadonlyMap<number, number>,
  ) {
    this.func = func;
    this.bound = bound;
    this.target = target;
    this.numbering = numbering;
    this.intervals = intervals;
    this.conflicts = new FixedConflicts(intervals);
    this.costs = new SpillCosts(func, numbering, intervals);
    const seen = new Uint8Array(firstVirtual);
    for (const registers of target.registers.allocatable) {
      for (const r of registers) {
        if (seen[r] === 0) this.registers.push(r);
        seen[r] = 1;
      }
    }
    for (const r of target.registers.callSaved) this.callSaved[r] = 1;
    for (let r = 0; r < firstVirtual; r++) {
      if (intervals.fixedFrom[r].length > 0) this.saved[r] = 1;
    }
    this.lastRegister = new Int8Array(func.classes.length).fill(-1);
    this.folded = new Uint8Array(numbering.insts.length);
    this.crosses = new Uint8Array(func.classes.length);
    if (intervals.callNumbers.length > 0) {
      for (const interval of intervals.first) {
        if (interval !== null && this.conflicts.crossesCall(interval)) this.crosses[interval.vreg] = 1;
      }
    }
  }

  /** @throws InternalError if an instruction needs more registers than there are */
  run(): void {
    for (const interval of this.intervals.first) if (interval !== null) this.unhandled.push(interval);
    const batch: Interval[] = [];
    for (let current = this.unhandled.pop(); current !== null; current = this.unhandled.pop()) {
      const position = current.from;
      this.advance(position);
      if (this.unhandled.nextFrom() !== position) {
        this.place(current);
        continue;
      }
      batch.length = 0;
      batch.push(current);
      while (this.unhandled.nextFrom() === position) {
        const other = this.unhandled.pop();
        if (other !== null) batch.push(other);
      }
      this.placeBatch(batch);
    }
  }

  /** Intervals that start together: those with the most to lose first, and nobody takes what another one is after. */
  private placeBatch(batch: Interval[]): void {
    const wishes = batch.map((interval) => {
      this.scoreHints(interval);
      let register = -1;
      for (const r of this.target.registers.allocatable[interval.cls]) {
        if (this.score[r] > 0 && (register < 0 || this.score[r] > this.score[register])) register = r;
      }
      const gain = register < 0 ? 0 : this.score[register];
      if (register >= 0) this.claimed[register] += gain;
      return { interval, register, gain };
    });
    wishes.sort((a, b) => b.gain - a.gain);
    for (const { interval, register, gain } of wishes) {
      if (register >= 0) this.claimed[register] -= gain;
      this.place(interval);
    }
    this.claimed.fill(0);
  }

  /** Moves the scan on: intervals that have ended or are in a hole leave their registers. */
  private advance(position: number): void {
    const { rangeFrom, rangeTo } = this.intervals;
    for (const r of this.registers) {
      if (this.occupantUntil[r] <= position) {
        const interval = this.occupant[r];
        this.occupant[r] = null;
        this.occupantUntil[r] = never;
        if (interval !== null && interval.to > position) {
          while (rangeTo[interval.cursor] <= position) interval.cursor++;
          if (rangeFrom[interval.cursor] <= position) this.occupy(r, interval);
          else this.rest(r, interval);
        }
      }
      if (this.inactiveUntil[r] <= position) this.wake(r, position);
    }
  }

  private occupy(r: number, interval: Interval): void {
    this.occupant[r] = interval;
    this.occupantUntil[r] = Math.min(interval.to, this.intervals.rangeTo[interval.cursor]);
  }

  private rest(r: number, interval: Interval): void {
    if (this.inactive[r] === noIntervals) this.inactive[r] = [interval];
    else this.inactive[r].push(interval);
    this.inactiveUntil[r] = Math.min(this.inactiveUntil[r], this.intervals.rangeFrom[interval.cursor]);
  }

  private wake(r: number, position: number): void {
    const { rangeFrom, rangeTo } = this.intervals;
    const resting = this.inactive[r];
    this.inactive[r] = noIntervals;
    this.inactiveUntil[r] = never;
    for (const interval of resting) {
      if (interval.to <= position) continue;
      while (rangeTo[interval.cursor] <= position) interval.cursor++;
      if (rangeFrom[interval.cursor] <= position) this.occupy(r, interval);
      else this.rest(r, interval);
    }
  }

  /** Finds a place for `current`, whose first position is the scan's. */
  private place(current: Interval): void {
    const { intervals } = this;
    this.findFree(current);
    this.scoreHints(current);
    if (this.bound.size > 0 && this.placeBound(current)) return;
    const registers = this.target.registers.allocatable[current.cls];
    const need = firstNeed(intervals, current);
    let whole = -1;
    let wholeCost = 0;
    let longest = -1;
    for (const r of registers) {
      const free = this.free[r];
      const saving = this.saved[r] === 0 ? saveCost : 0;
      const cost = (this.callSaved[r] === 1 ? saving - this.savedGain : 0) - this.score[r] + this.claimed[r];
      if (free >= current.to) {
        if (whole < 0 || cost < wholeCost) {
          whole = r;
          wholeCost = cost;
        }
      } else if (
        free > need &&
        (longest < 0 ||
          free > this.free[longest] ||
          (free === this.free[longest] && this.score[r] > this.score[longest]))
      ) {
        longest = r;
      }
    }
    if (whole >= 0 && !this.isDearerThanMemory(current, whole, longest)) {
      this.assign(current, whole);
    } else if (whole < 0 && this.takeCallSaved(current)) {
      return;
    } else if (longest >= 0) {
      this.assign(current, longest);
      this.splitBefore(current, this.free[longest]);
    } else if (whole >= 0) {
      this.toMemory(current, current.from);
    } else {
      this.placeByForce(current, need);
    }
  }

  /** Puts `current`, if it is the result of a glued two-address form, where its operand is. */
  private placeBound(current: Interval): boolean {
    const operand = this.bound.get(current.vreg);
    if (operand === undefined || this.intervals.first[current.vreg] !== current) return false;
    const r = this.lastRegister[operand];
    if (r < 0 || this.free[r] <= current.from) return false;
    this.assign(current, r);
    if (this.free[r] < current.to) this.splitBefore(current, this.free[r]);
    return true;
  }

  /**
   * Whether to spill `current` around calls rather than to give it the call-saved register `r`, which may have to be saved, and
   * into which it may have to be moved. `longest` is the register that it would have up to the first call, or -1.
   */
  private isDearerThanMemory(current: Interval, r: number, longest: number): boolean {
    if (this.callSaved[r] === 0 || this.conflicts.nextCall(current) >= current.to) return false;
    if (longest < 0 && this.isNeededNow(current)) return false;
    const saving = this.saved[r] === 0 ? saveCost : 0;
    const price = saving - this.score[r] + (longest < 0 ? 0 : this.score[longest]);
    if (this.costs.aroundCalls(current) < price) return true;
    return saving > 0 && this.costs.memory(current, current.from, saving) < saving;
  }

  private isNeededNow(current: Interval): boolean {
    const need = firstNeed(this.intervals, current);
    return need !== never && this.numbering.gap(need) <= current.from;
  }

  /**
   * Gives `current`, which crosses calls, the call-saved register of a value that is needed less often. The scan meets
   * values that live long before those of inner loops, which need the register more.
   */
  private takeCallSaved(current: Interval): boolean {
    const position = current.from;
    if (this.conflicts.nextCall(current) >= current.to) return false;
    const gain = this.costs.memory(current, position, never);
    let best = -1;
    let least = gain - 0.1;
    for (const r of this.target.registers.allocatable[current.cls]) {
      const occupant = this.occupant[r];
      if (this.callSaved[r] === 0 || occupant === null || this.fixedUntil[r] < current.to) continue;
      if (occupant.from >= position || this.distanceOf(current, r) === 0 || this.meetsInactive(current, r))
        continue;
      const loss = this.costs.eviction(occupant, position, least);
      if (loss < least) {
        least = loss;
        best = r;
      }
    }
    const occupant = best < 0 ? null : this.occupant[best];
    if (occupant === null) return false;
    this.evict(occupant, position);
    this.occupant[best] = null;
    this.occupantUntil[best] = never;
    this.assign(current, best);
    return true;
  }

  private meetsInactive(current: Interval, r: number): boolean {
    return this.inactive[r].some((interval) => this.intersection(current, interval) < never);
  }

  /** Takes a register from the interval whose next use is farthest, or leaves `current` in memory until its own. */
  private placeByForce(current: Interval, need: number): void {
    const { intervals, numbering } = this;
    const position = current.from;
    if (need === never) return;
    const now = numbering.gap(need) <= position;
    if (now ? this.fold(current, need) : this.conflicts.nextCall(current) < need) {
      this.toMemory(current, position);
      return;
    }
    let best = -1;
    let farthest = 0;
    for (const r of this.target.registers.allocatable[current.cls]) {
      if (this.fixedUntil[r] <= need) continue;
      const distance = this.distanceOf(current, r);
      if (distance > farthest) {
        farthest = distance;
        best = r;
      }
    }
    if (best < 0 || (!now && this.costs.distance(current, position) >= farthest)) {
      if (now) {
        const { name } = this.func.symbol;
        throw new InternalError(`${name}: no register for v${current.vreg} at instruction ${position >> 1}`);
      }
      this.toMemory(current, position);
      return;
    }
    const occupant = this.occupant[best];
    if (occupant !== null) this.evict(occupant, position);
    this.occupant[best] = null;
    this.occupantUntil[best] = never;
    const resting = this.inactive[best];
    this.inactive[best] = noIntervals;
    this.inactiveUntil[best] = never;
    for (const interval of resting) {
      if (interval.to <= position) continue;
      if (this.intersection(current, interval) < never) {
        this.unhandled.push(split(intervals, interval, intervals.rangeFrom[interval.cursor]));
      } else this.rest(best, interval);
    }
    this.assign(current, best);
    if (this.fixedUntil[best] < current.to) this.splitBefore(current, this.fixedUntil[best]);
  }

  /** How far away the next use of whatever is in `r` during `current` is; 0 if it cannot leave. */
  private distanceOf(current: Interval, r: number): number {
    const position = current.from;
    let distance = never;
    const occupant = this.occupant[r];
    if (occupant !== null) {
      for (let i = occupant.useLo; i < occupant.useHi; i++) {
        if (this.intervals.usePos[i] < position || this.intervals.useNeeds[i] === 0) continue;
        if (this.numbering.gap(this.intervals.usePos[i]) <= position) return 0;
        break;
      }
      distance = this.costs.distance(occupant, position);
    }
    for (const interval of this.inactive[r]) {
      if (this.intersection(current, interval) < never) {
        distance = Math.min(distance, this.costs.distance(interval, position));
      }
    }
    return distance;
  }

  private assign(interval: Interval, r: number): void {
    interval.reg = r;
    this.lastRegister[interval.vreg] = r;
    this.saved[r] = 1;
    this.occupy(r, interval);
  }

  /** Ends `interval`, which starts here, before `limit`, where its register is needed otherwise. */
  private splitBefore(interval: Interval, limit: number): void {
    const { intervals, numbering } = this;
    const k = lowerBound(intervals.usePos, limit, interval.useLo, interval.useHi);
    const min = k > interval.useLo ? Math.max(intervals.usePos[k - 1], interval.from) + 1 : interval.from + 1;
    const loop = this.costs.loopBetterWithout(interval, limit);
    const gap =
      loop >= 0
        ? cheapestGap(numbering, interval.from + 1, numbering.start[loop], interval.from)
        : cheapestGap(numbering, min, limit, interval.from);
    const rest = split(intervals, interval, gap < 0 ? limit : gap);
    this.occupantUntil[interval.reg] = Math.min(this.occupantUntil[interval.reg], interval.to);
    if (gap < 0 && numbering.gap(limit) !== limit) this.toMemory(rest, limit);
    else this.unhandled.push(rest);
  }

  /** `interval`, in a register now, is in memory from `position` on, or from a cheaper place between its last use and there. */
  private evict(interval: Interval, position: number): void {
    const { intervals, numbering } = this;
    const { usePos, useNeeds } = intervals;
    const k = lowerBound(usePos, position, interval.useLo, interval.useHi);
    const unused =
      k === interval.useLo ||
      (k === interval.useLo + 1 && usePos[k - 1] === interval.from && useNeeds[k - 1] === 0);
    if (unused) {
      interval.reg = -1;
      this.toMemory(interval, position);
      return;
    }
    const gap = cheapestGap(numbering, usePos[k - 1] + 1, position, interval.from);
    this.toMemory(split(intervals, interval, gap < 0 ? position : gap), position);
  }

  /** `interval` is in memory; what follows from its next use that needs a register on is placed later, after `now`. */
  private toMemory(interval: Interval, now: number): void {
    const { intervals, numbering } = this;
    const need = firstNeed(intervals, interval);
    if (need === never) return;
    const gap = cheapestGap(
      numbering,
      Math.max(now, interval.from) + 1,
      need,
      interval.from,
      this.costs.nextCallAfter(interval, need),
    );
    if (gap < 0) {
      const { name } = this.func.symbol;
      throw new InternalError(
        `${name}: v${interval.vreg} is in memory where instruction ${need >> 1} reads it`,
      );
    }
    this.unhandled.push(split(intervals, interval, gap));
  }

  /** If the use of `interval` at `need` can be a memory operand, says so from now on. Only for values that are in memory already. */
  private fold(interval: Interval, need: number): boolean {
    const n = need >> 1;
    const inst = this.numbering.insts[n];
    if (inst === null || this.folded[n] === 1) return false;
    if (this.func.remat[interval.vreg] !== null || !this.isReload(interval)) return false;
    if (!canFold(this.target, inst, interval.vreg + firstVirtual)) return false;
    this.folded[n] = 1;
    const k = lowerBound(this.intervals.usePos, need, interval.useLo, interval.useHi);
    this.intervals.useNeeds[k] = 0;
    return true;
  }

  private isReload(interval: Interval): boolean {
    let piece = this.intervals.first[interval.vreg];
    while (piece !== null && piece.next !== interval) piece = piece.next;
    return piece !== null && piece.reg < 0;
  }

  private findFree(current: Interval): void {
    const { conflicts } = this;
    conflicts.prepare(current);
    // Two values of which neither was split cannot meet again behind a hole: SSA (Wimmer and Franz, section 3.2).
    const splitBefore = this.intervals.first[current.vreg] !== current;
    for (const r of this.target.registers.allocatable[current.cls]) {
      const fixed = conflicts.firstConflict(current, r);
      this.fixedUntil[r] = fixed;
      let free = this.occupant[r] === null ? fixed : current.from;
      if (splitBefore && free > current.from) {
        for (const interval of this.inactive[r]) free = Math.min(free, this.intersection(current, interval));
      }
      this.free[r] = free;
    }
  }

  /** First position that both cover, or {@link never}. */
  private intersection(a: Interval, b: Interval): number {
    const { rangeFrom, rangeTo } = this.intervals;
    let i = a.rangeLo;
    let k = b.cursor;
    while (i < a.rangeHi && k < b.rangeHi) {
      const from = Math.max(rangeFrom[i], a.from, rangeFrom[k], b.from);
      const toA = Math.min(rangeTo[i], a.to);
      const toB = Math.min(rangeTo[k], b.to);
      if (from < toA && from < toB) return from;
      if (toA < toB) i++;
      else k++;
    }
    return never;
  }

  /** Adds up, per register, the moves that `current` saves there. */
  private scoreHints(current: Interval): void {
    const { score, lastRegister, intervals } = this;
    const { hintOffset, hints, hintWeight, leadsTo } = intervals;
    score.fill(0);
    this.savedGain = 0;
    const v = current.vreg;
    const weight = this.numbering.weight[this.numbering.blockOf[current.from >> 1]];
    if (lastRegister[v] >= 0) score[lastRegister[v]] += weight;
    if (leadsTo[v] >= 0) score[leadsTo[v]] += weight * 0.1;
    const end = Math.min(hintOffset[v + 1], hintOffset[v] + hintLimit);
    for (let i = hintOffset[v]; i < end; i++) {
      const other = hints[i];
      if (other < firstVirtual) score[other] += hintWeight[i];
      else if (lastRegister[other - firstVirtual] >= 0) {
        score[lastRegister[other - firstVirtual]] += hintWeight[i];
      } else {
        const u = other - firstVirtual;
        if (this.crosses[u] === 1) this.savedGain += hintWeight[i];
        const last = Math.min(hintOffset[u + 1], hintOffset[u] + secondHintLimit);
        for (let k = hintOffset[u]; k < last; k++) {
          const far = hints[k];
          const r = far < firstVirtual ? far : lastRegister[far - firstVirtual];
          if (r >= 0 && far !== v + firstVirtual) score[r] += Math.min(hintWeight[i], hintWeight[k]) / 2;
        }
      }
    }
  }
}
