import { InternalError } from '../errors.ts';
import { InstFlag, type Target } from '../target.ts';
import type { Liveness } from './liveness.ts';
import { firstVirtual, type MFunction, type MInst, type RegClass } from './machine.ts';
import type { Numbering } from './numbering.ts';

/**
 * A piece of a virtual register's lifetime that has one location. Ranges and uses are slices of the arrays in
 * {@link Intervals}, shared by all pieces of the register; `from` and `to` clip the first and the last range.
 */
export class Interval {
  /** Number of the virtual register - firstVirtual. */
  readonly vreg: number;
  readonly cls: RegClass;
  from: number;
  to: number;
  rangeLo: number;
  rangeHi: number;
  useLo: number;
  useHi: number;
  /** Physical register; -1 in memory (the spill slot, or nowhere if it can be made again). */
  reg = -1;
  /** The piece that follows. */
  next: Interval | null = null;
  /** First range that may still matter, while the interval is active or inactive. */
  cursor: number;

  constructor(
    vreg: number,
    cls: RegClass,
    from: number,
    to: number,
    rangeLo: number,
    rangeHi: number,
    useLo: number,
    useHi: number,
  ) {
    this.vreg = vreg;
    this.cls = cls;
    this.from = from;
    this.to = to;
    this.rangeLo = rangeLo;
    this.rangeHi = rangeHi;
    this.useLo = useLo;
    this.useHi = useHi;
    this.cursor = rangeLo;
  }
}

/** The last piece of a register, given any of its pieces. */
export function lastPiece(interval: Interval): Interval {
  let piece = interval;
  while (piece.next !== null) piece = piece.next;
  return piece;
}

/** Calls that destroy the same registers. */
export interface CallGroup {
  /** Indexed by physical register: 1 if destroyed. */
  readonly clobbers: Uint8Array;
  /** Instruction numbers, ascending. */
  readonly numbers: number[];
}

/** Lifetimes of all registers of a function. Ranges are half-open intervals of positions (see {@link Numbering}). */
export interface Intervals {
  readonly rangeFrom: Int32Array;
  readonly rangeTo: Int32Array;
  /** Positions where a register is read or written, ascending per virtual register. */
  readonly usePos: Int32Array;
  /** 1: the use must find the value in a register; 0: memory will do (moves, phis). */
  readonly useNeeds: Uint8Array;
  /** Uses of virtual register v: useOffset[v] to useOffset[v + 1] - 1. */
  readonly useOffset: Int32Array;
  /** The whole lifetime of each virtual register; null if it is never mentioned. */
  readonly first: (Interval | null)[];
  /** Ranges in which instructions use physical register r directly, ascending. */
  readonly fixedFrom: readonly (readonly number[])[];
  readonly fixedTo: readonly (readonly number[])[];
  readonly calls: readonly CallGroup[];
  /** Numbers of all calls, ascending. */
  readonly callNumbers: readonly number[];
  /** Registers (numbered as in instructions) that v would share its register with, and what a move between would cost. */
  readonly hintOffset: Int32Array;
  readonly hints: Int32Array;
  readonly hintWeight: Float64Array;
  /** A physical register that a chain of copies and two-address forms leads v to; -1 for none. */
  readonly leadsTo: Int8Array;
}

/** Computes lifetimes, uses and hints in one walk backwards (Wimmer and Franz, "Linear Scan Register Allocation on SSA Form", CGO 2010, fig. 4). */
export function buildIntervals(
  func: MFunction,
  target: Target,
  numbering: Numbering,
  liveness: Liveness,
): Intervals {
  return new Builder(func, target, numbering, liveness).build();
}

/** The ranges of physical registers that no instruction names. */
const nowhere: number[] = [];

class Builder {
  private readonly func: MFunction;
  private readonly target: Target;
  private readonly numbering: Numbering;
  private readonly liveness: Liveness;
  // Ranges, linked from the first on: the walk backwards prepends.
  private readonly from: number[] = [];
  private readonly to: number[] = [];
  private readonly following: number[] = [];
  private readonly head: Int32Array;
  // Uses and hints in the order of the walk.
  private readonly useRegister: number[] = [];
  private readonly usePosition: number[] = [];
  private readonly useNeed: number[] = [];
  private readonly hintA: number[] = [];
  private readonly hintB: number[] = [];
  private readonly hintCost: number[] = [];
  private readonly leadsTo: Int8Array;
  // Physical registers.
  private readonly tracked = new Uint8Array(firstVirtual);
  private readonly fixedEnd = new Int32Array(firstVirtual).fill(-1);
  private readonly fixedFrom: number[][] = new Array<number[]>(firstVirtual).fill(nowhere);
  private readonly fixedTo: number[][] = new Array<number[]>(firstVirtual).fill(nowhere);
  private readonly groups: CallGroup[] = [];
  private readonly groupOf = new Map<readonly number[], CallGroup>();
  private readonly callNumbers: number[] = [];

  constructor(func: MFunction, target: Target, numbering: Numbering, liveness: Liveness) {
    this.func = func;
    this.target = target;
    this.numbering = numbering;
    this.liveness = liveness;
    this.head = new Int32Array(func.classes.length).fill(-1);
    this.leadsTo = new Int8Array(func.classes.length).fill(-1);
    for (const registers of target.registers.allocatable) for (const r of registers) this.tracked[r] = 1;
  }

  build(): Intervals {
    const { numbering, liveness } = this;
    const { blocks, start } = numbering;
    for (let b = blocks.length - 1; b >= 0; b--) {
      const block = blocks[b];
      const end = start[b + 1];
      const weight = numbering.weight[b];
      for (const succ of block.succs) {
        const s = numbering.order[succ.id];
        for (let i = liveness.offset[s]; i < liveness.offset[s + 1]; i++) {
          this.addRange(liveness.liveIn[i], start[b], end);
        }
        if (succ.phis.length === 0) continue;
        const index = succ.preds.indexOf(block);
        for (const phi of succ.phis) {
          const v = phi.args[index] - firstVirtual;
          this.addRange(v, start[b], end);
          this.addUse(v, end - 1, 0);
          this.addHint(phi.args[index], phi.def, numbering.edgeWeight(b, s));
        }
      }
      for (let n = (end >> 1) - 1; n > start[b] >> 1; n--) {
        const inst = numbering.insts[n];
        if (inst !== null) this.addInst(inst, n, start[b], weight);
      }
      for (const phi of block.phis) {
        this.define(phi.def, start[b], 0);
      }
      this.closeFixed(b);
    }
    return this.finish();
  }

  private addInst(inst: MInst, n: number, blockStart: number, weight: number): void {
    const pos = n * 2;
    const { defs, uses, temps, mem } = inst;
    const pseudo = inst.op < 0;
    const flags = pseudo ? 0 : this.target.instructions[inst.op].flags;
    const tied = (flags & InstFlag.tied) !== 0;
    const early = (flags & InstFlag.earlyClobber) !== 0;
    const need = pseudo ? 0 : 1;
    for (let i = 0; i < defs.length; i++) {
      const v = defs[i] - firstVirtual;
      // A value that can be made again need not be made here at all.
      if (v >= 0 && this.func.remat[v] !== null) this.define(defs[i], pos + 1, 0);
      else this.define(defs[i], pos + 1, need);
    }
    if (!pseudo && this.numbering.head[n] !== this.numbering.tail[n]) this.holdThroughGroup(defs, n);
    if (inst.clobbers !== null && inst.clobbers.length > 0) this.addCall(inst.clobbers, n);
    for (let i = 0; i < temps.length; i++) {
      if (temps[i] >= firstVirtual) {
        this.addRange(temps[i] - firstVirtual, pos, pos + 2);
        this.addUse(temps[i] - firstVirtual, pos + 1, 1);
        this.addUse(temps[i] - firstVirtual, pos, 1);
      } else this.addFixed(temps[i], pos, pos + 2);
    }
    // Two-address forms overwrite uses[0] first of all: the others are still read then.
    const late = tied || early;
    if ((flags & InstFlag.commutative) !== 0) this.orderOperands(uses, pos);
    if (mem !== null) {
      if (mem.base >= 0) this.addOperand(mem.base, blockStart, pos, late && mem.base !== uses[0], 1);
      if (mem.index >= 0) this.addOperand(mem.index, blockStart, pos, late && mem.index !== uses[0], 1);
    }
    // A copy before the instruction can fetch uses[0] from memory, except inside a group.
    const tiedNeed = this.numbering.head[n] === n ? 0 : 1;
    for (let i = uses.length - 1; i >= 0; i--) {
      const first = tied && uses[i] === uses[0];
      this.addOperand(uses[i], blockStart, pos, late && !first, tied && i === 0 ? tiedNeed : need);
    }
    if (tied) this.addHint(defs[0], uses[0], weight);
    else if (pseudo) for (let i = 0; i < defs.length; i++) this.addHint(defs[i], uses[i], weight);
  }

  /** Puts the operand of a commutative two-address form first that is not needed any more, so that it can be overwritten. */
  private orderOperands(uses: number[], pos: number): void {
    if (uses.length !== 2 || uses[0] < firstVirtual || uses[1] < firstVirtual) return;
    if (this.isLive(uses[0] - firstVirtual, pos + 1) && !this.isLive(uses[1] - firstVirtual, pos + 1)) {
      uses.reverse();
    }
  }

  /** Whether the walk backwards has found `v` live at `pos`. */
  private isLive(v: number, pos: number): boolean {
    const range = this.head[v];
    return range >= 0 && this.from[range] <= pos && this.to[range] > pos;
  }

  /** What a glued instruction writes stays in its register until code can be inserted. */
  private holdThroughGroup(defs: readonly number[], n: number): void {
    const last = this.numbering.tail[n];
    if (last === n) return;
    for (const def of defs) {
      const v = def - firstVirtual;
      if (v < 0) continue;
      const range = this.head[v];
      if (this.to[range] < last * 2 + 2) continue;
      this.addUse(v, last * 2 + 1, 1);
    }
  }

  private addOperand(register: number, blockStart: number, pos: number, late: boolean, need: number): void {
    const end = late ? pos + 2 : pos + 1;
    if (register >= firstVirtual) {
      this.addRange(register - firstVirtual, blockStart, end);
      this.addUse(register - firstVirtual, end - 1, need);
    } else if (this.tracked[register] === 1 && this.fixedEnd[register] < end) this.fixedEnd[register] = end;
  }

  private define(register: number, pos: number, need: number): void {
    const v = register - firstVirtual;
    if (v < 0) {
      const end = this.fixedEnd[register];
      this.addFixed(register, pos, end > pos ? end : pos + 1);
      this.fixedEnd[register] = -1;
      return;
    }
    const range = this.head[v];
    if (range >= 0 && this.from[range] <= pos) this.from[range] = pos;
    else this.addRange(v, pos, pos + 1);
    this.addUse(v, pos, need);
  }

  private addRange(v: number, from: number, to: number): void {
    const first = this.head[v];
    if (first >= 0 && this.from[first] <= to) {
      if (from < this.from[first]) this.from[first] = from;
      if (to > this.to[first]) this.to[first] = to;
      return;
    }
    this.head[v] = this.from.length;
    this.from.push(from);
    this.to.push(to);
    this.following.push(first);
  }

  private addUse(v: number, position: number, need: number): void {
    this.useRegister.push(v);
    this.usePosition.push(position);
    this.useNeed.push(need);
  }

  /** Remembers that `a` (the value written) and `b` would be in one register. */
  private addHint(a: number, b: number, weight: number): void {
    this.hintA.push(a);
    this.hintB.push(b);
    this.hintCost.push(weight);
    const towards = a < firstVirtual ? a : this.leadsTo[a - firstVirtual];
    if (b >= firstVirtual && towards >= 0) this.leadsTo[b - firstVirtual] = towards;
  }

  private addFixed(register: number, from: number, to: number): void {
    if (this.tracked[register] === 0) return;
    if (this.fixedFrom[register] === nowhere) {
      this.fixedFrom[register] = [from];
      this.fixedTo[register] = [to];
    } else {
      this.fixedFrom[register].push(from);
      this.fixedTo[register].push(to);
    }
  }

  private addCall(clobbers: readonly number[], n: number): void {
    let group = this.groupOf.get(clobbers);
    if (group === undefined) {
      const set = new Uint8Array(firstVirtual);
      for (const r of clobbers) set[r] = 1;
      group = this.groups.find((g) => g.clobbers.every((bit, r) => bit === set[r]));
      if (group === undefined) {
        group = { clobbers: set, numbers: [] };
        this.groups.push(group);
      }
      this.groupOf.set(clobbers, group);
    }
    group.numbers.push(n);
    this.callNumbers.push(n);
  }

  /** At a block's start no physical register is live, but for the incoming ones at the entry. */
  private closeFixed(b: number): void {
    for (let r = 0; r < firstVirtual; r++) {
      if (this.fixedEnd[r] < 0) continue;
      if (b > 0) {
        const name = this.target.registers.names[r];
        throw new InternalError(
          `${this.func.symbol.name}: ${name} is live into block ${this.numbering.blocks[b].id}`,
        );
      }
      this.addFixed(r, 0, this.fixedEnd[r]);
      this.fixedEnd[r] = -1;
    }
  }

  private finish(): Intervals {
    const count = this.func.classes.length;
    const rangeFrom = new Int32Array(this.from.length);
    const rangeTo = new Int32Array(this.from.length);
    const [useOffset, usePos, useNeeds] = this.sortUses(count);
    const first: (Interval | null)[] = [];
    let next = 0;
    for (let v = 0; v < count; v++) {
      const lo = next;
      for (let r = this.head[v]; r >= 0; r = this.following[r]) {
        rangeFrom[next] = this.from[r];
        rangeTo[next++] = this.to[r];
      }
      first.push(
        next === lo
          ? null
          : new Interval(
              v,
              this.func.classes[v],
              rangeFrom[lo],
              rangeTo[next - 1],
              lo,
              next,
              useOffset[v],
              useOffset[v + 1],
            ),
      );
    }
    for (const list of this.fixedFrom) list.reverse();
    for (const list of this.fixedTo) list.reverse();
    for (const group of this.groups) group.numbers.reverse();
    this.callNumbers.reverse();
    const [hintOffset, hints, hintWeight] = this.sortHints(count);
    return {
      rangeFrom,
      rangeTo,
      usePos,
      useNeeds,
      useOffset,
      first,
      fixedFrom: this.fixedFrom,
      fixedTo: this.fixedTo,
      calls: this.groups,
      callNumbers: this.callNumbers,
      hintOffset,
      hints,
      hintWeight,
      leadsTo: this.leadsTo,
    };
  }

  /** Uses by register, ascending: a counting sort of the walk's descending order. */
  private sortUses(count: number): [Int32Array, Int32Array, Uint8Array] {
    const { useRegister, usePosition, useNeed } = this;
    const offset = new Int32Array(count + 1);
    for (let i = 0; i < useRegister.length; i++) offset[useRegister[i] + 1]++;
    for (let v = 0; v < count; v++) offset[v + 1] += offset[v];
    const next = offset.slice(0, count);
    const position = new Int32Array(useRegister.length);
    const needs = new Uint8Array(useRegister.length);
    for (let i = useRegister.length - 1; i >= 0; i--) {
      const at = next[useRegister[i]]++;
      position[at] = usePosition[i];
      needs[at] = useNeed[i];
    }
    // Only what holds a register through its group was pushed out of order.
    for (let v = 0; v < count; v++) {
      for (let i = offset[v] + 1; i < offset[v + 1]; i++) {
        const pos = position[i];
        const need = needs[i];
        let k = i;
        for (; k > offset[v] && position[k - 1] > pos; k--) {
          position[k] = position[k - 1];
          needs[k] = needs[k - 1];
        }
        position[k] = pos;
        needs[k] = need;
      }
    }
    return [offset, position, needs];
  }

  private sortHints(count: number): [Int32Array, Int32Array, Float64Array] {
    const { hintA, hintB, hintCost } = this;
    const offset = new Int32Array(count + 1);
    for (let i = 0; i < hintA.length; i++) {
      if (hintA[i] >= firstVirtual) offset[hintA[i] - firstVirtual + 1]++;
      if (hintB[i] >= firstVirtual) offset[hintB[i] - firstVirtual + 1]++;
    }
    for (let v = 0; v < count; v++) offset[v + 1] += offset[v];
    const next = offset.slice(0, count);
    const partner = new Int32Array(offset[count]);
    const cost = new Float64Array(offset[count]);
    for (let i = 0; i < hintA.length; i++) {
      for (const [own, other] of [
        [hintA[i], hintB[i]],
        [hintB[i], hintA[i]],
      ]) {
        if (own < firstVirtual) continue;
        const at = next[own - firstVirtual]++;
        partner[at] = other;
        cost[at] = hintCost[i];
      }
    }
    return [offset, partner, cost];
  }
}
