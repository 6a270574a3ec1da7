import type { Target } from '../target.ts';
import { canFold } from './fold.ts';
import type { Interval, Intervals } from './intervals.ts';
import type { Liveness } from './liveness.ts';
import { firstVirtual, type MFunction } from './machine.ts';
import type { Numbering } from './numbering.ts';
import type { ParallelMove, Place } from './parallel-move.ts';
import { assignSlots } from './slots.ts';

/** Where every value is at every position, once linear scan has placed all pieces. */
export class Places {
  readonly slotCount: number;
  /** 1: the spill slot is written once, where the value is defined; else wherever the value leaves its register. */
  readonly storedAtDefinition: Uint8Array;
  private readonly func: MFunction;
  private readonly numbering: Numbering;
  private readonly intervals: Intervals;
  /** All pieces of registers that have several; null for the others. */
  private readonly pieces: (Interval[] | null)[] = [];
  private readonly slots: Int32Array;

  constructor(
    func: MFunction,
    target: Target,
    numbering: Numbering,
    liveness: Liveness,
    intervals: Intervals,
  ) {
    this.func = func;
    this.numbering = numbering;
    this.intervals = intervals;
    for (const interval of intervals.first) {
      if (interval === null || interval.next === null) {
        this.pieces.push(null);
        continue;
      }
      const pieces: Interval[] = [];
      for (let piece: Interval | null = interval; piece !== null; piece = piece.next) pieces.push(piece);
      this.pieces.push(pieces);
    }
    foldShortReloads(func, target, numbering, intervals, this.pieces);
    const { slots, count } = assignSlots(func, intervals);
    this.slots = slots;
    this.slotCount = count;
    this.storedAtDefinition = this.chooseStores(liveness);
  }

  /** All pieces of `v` if it has several, else null. */
  piecesOf(v: number): readonly Interval[] | null {
    return this.pieces[v];
  }

  /** The piece of `v` at `position`, or the one before it. */
  at(v: number, position: number): Interval {
    const pieces = this.pieces[v];
    if (pieces !== null) {
      let low = 0;
      let high = pieces.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (pieces[middle].from <= position) low = middle;
        else high = middle - 1;
      }
      return pieces[low];
    }
    const first = this.intervals.first[v];
    if (first === null) throw new TypeError(`v${v} has no lifetime`);
    return first;
  }

  slot(v: number): number {
    return this.slots[v];
  }

  /** The register of `piece`, or its spill slot. */
  placeOf(piece: Interval): Place {
    return piece.reg >= 0 ? piece.reg : ~this.slots[piece.vreg];
  }

  /** Adds to `moves`: `to` <- the value of `piece`. */
  move(moves: ParallelMove, piece: Interval, to: Place): void {
    const again = piece.reg < 0 ? this.func.remat[piece.vreg] : null;
    if (again === null) moves.add(piece.cls, this.placeOf(piece), to);
    else moves.make(piece.cls, again.inst, to);
  }

  /**
   * Adds to `moves` what takes the value of `source` to `target`, a piece of the same register or of a phi's. Nothing goes to
   * a slot that holds the value since its definition, and nothing at all to where the value is made again.
   */
  connect(moves: ParallelMove, source: Interval, target: Interval): void {
    const { slots } = this;
    if (target.reg < 0) {
      if (this.func.remat[target.vreg] !== null) return;
      if (slots[source.vreg] === slots[target.vreg] && this.storedAtDefinition[source.vreg] === 1) return;
    }
    this.move(moves, source, this.placeOf(target));
  }

  /**
   * Where the one store of a register that is stored at its definition goes: the number of the instruction before which it
   * stands, or -1 if the value is defined in its slot, or at the end of a block where no code can follow.
   */
  definitionStore(first: Interval): number {
    const { numbering } = this;
    const n = first.from >> 1;
    return first.reg < 0 || numbering.endsBlock(n) ? -1 : numbering.tail[n] + 1;
  }

  /** Stores at the definition, unless storing wherever the value leaves its register runs less often. */
  private chooseStores(liveness: Liveness): Uint8Array {
    const { numbering, slots } = this;
    const { weight, blockOf, start, predOffset, preds } = numbering;
    const elsewhere = new Float64Array(this.pieces.length);
    for (let v = 0; v < this.pieces.length; v++) {
      const pieces = this.pieces[v];
      if (pieces === null || slots[v] < 0) continue;
      for (let i = 1; i < pieces.length; i++) {
        if (leavesRegister(numbering, pieces[i - 1], pieces[i])) {
          elsewhere[v] += weight[blockOf[pieces[i].from >> 1]];
        }
      }
    }
    for (let b = 0; b < numbering.blocks.length; b++) {
      for (let i = liveness.offset[b]; i < liveness.offset[b + 1]; i++) {
        const v = liveness.liveIn[i];
        if (this.pieces[v] === null || slots[v] < 0) continue;
        const piece = this.at(v, start[b]);
        if (piece.reg >= 0) continue;
        for (let e = predOffset[b]; e < predOffset[b + 1]; e++) {
          const end = start[preds[e] + 1] - 1;
          if (!covers(piece, end) && this.at(v, end).reg >= 0) {
            elsewhere[v] += numbering.edgeWeight(preds[e], b);
          }
        }
      }
    }
    const atDefinition = new Uint8Array(this.pieces.length);
    for (const first of this.intervals.first) {
      if (first === null || slots[first.vreg] < 0) continue;
      const always = first.reg < 0;
      const possible = always || this.definitionStore(first) >= 0;
      if (always || (possible && weight[blockOf[first.from >> 1]] <= elsewhere[first.vreg])) {
        atDefinition[first.vreg] = 1;
      }
    }
    return atDefinition;
  }
}

/** True if `piece` is the one of its register at `position`, where that is live. */
export function covers(piece: Interval, position: number): boolean {
  return piece.from <= position && (piece.next === null || piece.next.from > position);
}

/** True if the value passes from `a` in a register to `b` in memory within a block. */
export function leavesRegister(numbering: Numbering, a: Interval, b: Interval): boolean {
  return a.reg >= 0 && b.reg < 0 && a.to === b.from && !numbering.isBlockStart(b.from);
}

/** A reload for one use that can be a memory operand becomes one: no register, and on x86-64 no instruction. */
function foldShortReloads(
  func: MFunction,
  target: Target,
  numbering: Numbering,
  intervals: Intervals,
  pieces: readonly (Interval[] | null)[],
): void {
  const { usePos, useNeeds } = intervals;
  const folded = new Uint8Array(numbering.insts.length);
  const candidates: Interval[] = [];
  for (const list of pieces) {
    if (list === null || func.remat[list[0].vreg] !== null) continue;
    for (let i = 0; i < list.length; i++) {
      const piece = list[i];
      if (piece.reg < 0) {
        // Linear scan has promised these operands to memory.
        for (let k = piece.useLo; k < piece.useHi; k++) {
          const inst = numbering.insts[usePos[k] >> 1];
          if (inst !== null && inst.op >= 0) folded[usePos[k] >> 1] = 1;
        }
        continue;
      }
      if (i === 0 || list[i - 1].reg >= 0 || list[i - 1].to !== piece.from) continue;
      if (piece.useHi - piece.useLo === 1 && useNeeds[piece.useLo] === 1) candidates.push(piece);
    }
  }
  for (const piece of candidates) {
    const pos = usePos[piece.useLo];
    const n = pos >> 1;
    const inst = numbering.insts[n];
    if (
      inst === null ||
      folded[n] === 1 ||
      piece.to > (n + 1) * 2 ||
      piece.from <= numbering.start[numbering.blockOf[n]]
    ) {
      continue;
    }
    if (!canFold(target, inst, piece.vreg + firstVirtual)) continue;
    folded[n] = 1;
    piece.reg = -1;
  }
}
