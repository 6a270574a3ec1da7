import { InternalError } from '../errors.ts';
import { InstFlag, type Target } from '../target.ts';
import { onlyUse } from './fold.ts';
import type { Interval, Intervals } from './intervals.ts';
import type { Liveness } from './liveness.ts';
import { firstVirtual, type MBlock, Mem, type MFunction, type MInst, RegClass } from './machine.ts';
import type { Numbering } from './numbering.ts';
import { type MoveContext, ParallelMove, type Place } from './parallel-move.ts';
import { covers, leavesRegister, Places } from './places.ts';

/**
 * Writes the result of linear scan into the function: operands become physical registers or spill slots, moves join the
 * pieces of split intervals within blocks and along edges, phis are carried out on the edges (Wimmer and Franz, CGO 2010, section 6), and
 * pseudos turn into moves.
 */
export function resolve(
  func: MFunction,
  target: Target,
  numbering: Numbering,
  liveness: Liveness,
  intervals: Intervals,
): void {
  const places = new Places(func, target, numbering, liveness, intervals);
  new Resolver(func, target, numbering, liveness, intervals, places).run();
}

class Resolver implements MoveContext {
  readonly target: Target;
  spills = 0;
  reloads = 0;
  private readonly func: MFunction;
  private readonly numbering: Numbering;
  private readonly liveness: Liveness;
  private readonly intervals: Intervals;
  private readonly places: Places;
  /** Moves before an instruction, at the start and at the end of a block. */
  private readonly gaps = new Map<number, ParallelMove>();
  private readonly starts: (ParallelMove | null)[];
  private readonly ends: (ParallelMove | null)[];
  private readonly temporaries: number[] = [];
  private slotCount: number;

  constructor(
    func: MFunction,
    target: Target,
    numbering: Numbering,
    liveness: Liveness,
    intervals: Intervals,
    places: Places,
  ) {
    this.func = func;
    this.target = target;
    this.numbering = numbering;
    this.liveness = liveness;
    this.intervals = intervals;
    this.places = places;
    this.slotCount = places.slotCount;
    this.starts = new Array<ParallelMove | null>(numbering.blocks.length).fill(null);
    this.ends = new Array<ParallelMove | null>(numbering.blocks.length).fill(null);
  }

  temporarySlot(index: number): number {
    while (this.temporaries.length <= index) {
      this.temporaries.push(this.slotCount);
      this.slotCount += this.func.classes.includes(RegClass.v128) ? 2 : 1;
    }
    return this.temporaries[index];
  }

  run(): void {
    for (const first of this.intervals.first) if (first !== null) this.joinPieces(first);
    const { blocks } = this.numbering;
    for (let b = 0; b < blocks.length; b++) this.resolveEdges(b);
    for (let b = 0; b < blocks.length; b++) this.rewriteBlock(b);
    const { func } = this;
    func.spillSlots = this.slotCount;
    func.spills = this.spills;
    func.reloads = this.reloads;
    func.savedRegisters = writtenRegisters(func, this.target.registers.callSaved);
  }

  /** The moves of one register between its pieces within blocks, and the store behind its definition. */
  private joinPieces(first: Interval): void {
    const { places, numbering } = this;
    const v = first.vreg;
    const stored = places.storedAtDefinition[v] === 1;
    if (stored) {
      const at = places.definitionStore(first);
      if (at >= 0) {
        const holder = places.at(v, at * 2 - 1);
        this.gap(at).add(first.cls, holder.reg, ~places.slot(v));
      }
    }
    const pieces = places.piecesOf(v);
    if (pieces === null) return;
    for (let i = 1; i < pieces.length; i++) {
      const before = pieces[i - 1];
      const piece = pieces[i];
      if (before.to !== piece.from || numbering.isBlockStart(piece.from)) continue;
      if (leavesRegister(numbering, before, piece)) {
        if (stored || places.slot(v) < 0) continue;
        const gap = numbering.gap(piece.from);
        // The piece may itself begin in this gap; the store happens at the same time as the move into it.
        const holder = before.from === gap ? places.at(v, gap - 1) : before;
        if (holder.reg >= 0) this.gap(gap >> 1).add(first.cls, holder.reg, ~places.slot(v));
      } else if (before.reg !== piece.reg) {
        places.connect(this.gap(piece.from >> 1), before, piece);
      }
    }
  }

  private resolveEdges(b: number): void {
    const { places, numbering, liveness } = this;
    const block = numbering.blocks[b];
    const start = numbering.start[b];
    const firstPred = numbering.predOffset[b];
    const count = numbering.predOffset[b + 1] - firstPred;
    for (let k = liveness.offset[b]; k < liveness.offset[b + 1]; k++) {
      const v = liveness.liveIn[k];
      if (places.piecesOf(v) === null) continue;
      const target = places.at(v, start);
      for (let i = 0; i < count; i++) {
        const end = numbering.start[numbering.preds[firstPred + i] + 1] - 1;
        if (covers(target, end)) continue;
        const source = places.at(v, end);
        if (source.reg !== target.reg) places.connect(this.edge(block.preds[i], block), source, target);
      }
    }
    if (block.phis.length === 0) return;
    for (let i = 0; i < count; i++) {
      const moves = this.edge(block.preds[i], block);
      const end = numbering.start[numbering.preds[firstPred + i] + 1] - 1;
      for (const phi of block.phis) {
        places.connect(
          moves,
          places.at(phi.args[i] - firstVirtual, end),
          places.at(phi.def - firstVirtual, start),
        );
      }
    }
  }

  private edge(pred: MBlock, block: MBlock): ParallelMove {
    const { order } = this.numbering;
    const atStart = block.preds.length === 1;
    if (!atStart && pred.succs.length !== 1) {
      throw new InternalError(`${this.func.symbol.name}: critical edge ${pred.id} -> ${block.id}`);
    }
    const list = atStart ? this.starts : this.ends;
    const b = order[atStart ? block.id : pred.id];
    let moves = list[b];
    if (moves === null) {
      moves = new ParallelMove();
      list[b] = moves;
    }
    return moves;
  }

  private gap(n: number): ParallelMove {
    let moves = this.gaps.get(n);
    if (moves === undefined) {
      moves = new ParallelMove();
      this.gaps.set(n, moves);
    }
    return moves;
  }

  private rewriteBlock(b: number): void {
    const { numbering } = this;
    const block = numbering.blocks[b];
    const insts = block.insts;
    const out: MInst[] = [];
    const first = (numbering.start[b] >> 1) + 1;
    const origin = insts.length > 0 ? insts[0].origin : -1;
    this.starts[b]?.emit(this, origin, out);
    const end = this.ends[b];
    // Moves at the end stand before the branches there.
    let last = insts.length;
    if (end !== null) {
      while (last > 0 && this.isBranch(insts[last - 1])) last--;
    }
    for (let i = 0; i < insts.length; i++) {
      const inst = insts[i];
      this.gaps.get(first + i)?.emit(this, inst.origin, out);
      if (i === last) end?.emit(this, inst.origin, out);
      this.rewrite(inst, first + i, out);
    }
    if (last === insts.length) end?.emit(this, insts.length > 0 ? insts[last - 1].origin : -1, out);
    block.insts = out;
    block.phis = [];
  }

  private isBranch(inst: MInst): boolean {
    const branch = InstFlag.branch | InstFlag.jump | InstFlag.switch;
    return inst.op >= 0 && (this.target.instructions[inst.op].flags & branch) !== 0;
  }

  private rewrite(inst: MInst, n: number, out: MInst[]): void {
    if (inst.op < 0) {
      this.rewriteMove(inst, n, out);
      return;
    }
    const { places } = this;
    const { defs, uses, temps } = inst;
    for (let i = 0; i < defs.length; i++) {
      const v = defs[i] - firstVirtual;
      if (v < 0) continue;
      const { reg } = places.at(v, n * 2 + 1);
      // Made again wherever it is needed.
      if (reg < 0) return;
      defs[i] = reg;
    }
    for (let i = 0; i < temps.length; i++) {
      if (temps[i] >= firstVirtual) temps[i] = places.at(temps[i] - firstVirtual, n * 2).reg;
    }
    const mem = inst.mem;
    if (mem !== null && (mem.base >= firstVirtual || mem.index >= firstVirtual)) {
      // Instructions may share an operand: it is replaced, not changed.
      const base = this.registerOf(mem.base, n);
      const index = this.registerOf(mem.index, n);
      inst.mem = new Mem(base, mem.disp, index, mem.scale, mem.area, mem.constant);
    }
    const tied = (this.target.instructions[inst.op].flags & InstFlag.tied) !== 0;
    if (tied) {
      const place = uses[0] >= firstVirtual ? places.at(uses[0] - firstVirtual, n * 2) : null;
      if ((place === null ? uses[0] : place.reg) !== defs[0]) this.bringTied(inst, place, n, out);
      uses[0] = defs[0];
    }
    let memory: Interval | null = null;
    for (let i = 0; i < uses.length; i++) {
      if (uses[i] < firstVirtual) continue;
      const piece = places.at(uses[i] - firstVirtual, n * 2);
      if (piece.reg >= 0) uses[i] = piece.reg;
      else memory = piece;
    }
    if (memory !== null) {
      const slot = places.slot(memory.vreg);
      const index = onlyUse(inst, memory.vreg + firstVirtual);
      if (index < 0 || !this.target.foldReload(inst, index, slot)) {
        throw new InternalError(
          `${this.func.symbol.name}: v${memory.vreg} is not in a register at instruction ${n}`,
        );
      }
      this.reloads++;
    }
    out.push(inst);
  }

  /** Copies uses[0] of a two-address form to where its result goes. */
  private bringTied(inst: MInst, piece: Interval | null, n: number, out: MInst[]): void {
    if (this.numbering.head[n] !== n) {
      throw new InternalError(
        `${this.func.symbol.name}: a copy is needed inside the group of instruction ${n}`,
      );
    }
    const moves = new ParallelMove();
    if (piece === null) moves.add(this.classOfPhysical(inst.uses[0]), inst.uses[0], inst.defs[0]);
    else this.places.move(moves, piece, inst.defs[0]);
    moves.emit(this, inst.origin, out);
  }

  /** The widest class whose values `register` can hold. */
  private classOfPhysical(register: number): RegClass {
    const { allocatable } = this.target.registers;
    for (const cls of [RegClass.v128, RegClass.f64, RegClass.f32]) {
      if (allocatable[cls]?.includes(register)) return cls;
    }
    return RegClass.int;
  }

  private registerOf(register: number, n: number): number {
    return register < firstVirtual ? register : this.places.at(register - firstVirtual, n * 2).reg;
  }

  private rewriteMove(inst: MInst, n: number, out: MInst[]): void {
    const { places, func } = this;
    const moves = new ParallelMove();
    for (let i = 0; i < inst.defs.length; i++) {
      const def = inst.defs[i];
      const use = inst.uses[i];
      let to: Place = def;
      if (def >= firstVirtual) {
        const piece = places.at(def - firstVirtual, n * 2 + 1);
        const unused = piece.reg < 0 && piece.next === null && piece.useHi - piece.useLo <= 1;
        if (unused || (piece.reg < 0 && func.remat[piece.vreg] !== null)) continue;
        to = places.placeOf(piece);
      }
      if (use >= firstVirtual) places.move(moves, places.at(use - firstVirtual, n * 2), to);
      else
        moves.add(
          def >= firstVirtual ? func.classes[def - firstVirtual] : this.classOfPhysical(def),
          use,
          to,
        );
    }
    moves.emit(this, inst.origin, out);
  }
}

/** Those of `registers` that some instruction of `func` writes, ascending. */
function writtenRegisters(func: MFunction, registers: readonly number[]): number[] {
  const written = new Uint8Array(firstVirtual);
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      for (const def of inst.defs) written[def] = 1;
      for (const temp of inst.temps) written[temp] = 1;
    }
  }
  return registers.filter((r) => written[r] === 1).sort((a, b) => a - b);
}
