import type { Block, Func, Inst } from '../ir/function.ts';
import type { Type } from '../ir/types.ts';
import { Budget } from './budget.ts';
import { perLocal } from './local-types.ts';
import type { LoopScan } from './loop-scan.ts';

const noPositions: number[] = [];

/**
 * An extended block: a stretch of operators, one behind the other, in which control comes in at the head alone. It
 * covers as many basic blocks as it takes (what follows a `br_if` belongs to what precedes it). A point in the program is an
 * extended block and the byte offset of an operator in it.
 */
export class ExtendedBlock {
  readonly id: number;
  /** Byte offset of the operator that begins it. */
  readonly start: number;
  /** The basic block that begins it: where phis go. */
  readonly block: Block;
  /** The point that dominates the head and from which it is reached: by one edge, or as the entry of the statement that ends here. */
  readonly entry: ExtendedBlock | null;
  readonly entryAt: number;
  /** Where control comes from, in the order of `block.preds`; kept where there may be several. */
  preds: ExtendedBlock[] | null = null;
  predAt: number[] = noPositions;
  /** Loop headers: offset of the loop's `end`; others: -1. */
  readonly loopEnd: number;
  /** Open loops: phis that wait for the edges still to come, and their locals. Null once the loop is closed. */
  incomplete: Inst[] | null = null;
  incompleteLocals: number[] = noPositions;
  private readonly depth: number;
  /** A farther ancestor along `entry`, so that a search upwards takes logarithmic time (Myers' skip pointers). */
  readonly jump: ExtendedBlock;
  /** Largest loopEnd from this one up to, but without, `jump`. */
  readonly jumpLoopEnd: number;

  constructor(
    id: number,
    start: number,
    block: Block,
    entry: ExtendedBlock | null,
    entryAt: number,
    loopEnd: number,
  ) {
    this.id = id;
    this.start = start;
    this.block = block;
    this.entry = entry;
    this.entryAt = entryAt;
    this.loopEnd = loopEnd;
    if (entry === null) {
      this.depth = 0;
      this.jump = this;
      this.jumpLoopEnd = -1;
      return;
    }
    this.depth = entry.depth + 1;
    const { jump } = entry;
    if (entry.depth - jump.depth === jump.depth - jump.jump.depth) {
      this.jump = jump.jump;
      this.jumpLoopEnd = Math.max(loopEnd, entry.jumpLoopEnd, jump.jumpLoopEnd);
    } else {
      this.jump = entry;
      this.jumpLoopEnd = loopEnd;
    }
  }
}

/**
 * SSA form of locals, built while decoding: values are looked up when read, and phis are made where a read meets several
 * definitions (Braun et al., "Simple and Efficient Construction of Static Single Assignment Form", CC 2013). Structured
 * control replaces the paper's per-block maps: definitions are kept per local in program order, and whether one lies
 * between two points is a comparison of byte offsets.
 */
export class Locals {
  /** The stretch of code at hand. */
  current: ExtendedBlock;
  /** Set where the function has loops. */
  scan: LoopScan | null = null;
  /** All phis made here, in order. */
  readonly phis: Inst[] = [];
  private readonly func: Func;
  private readonly budget: Budget;
  private readonly count: number;
  private readonly typeOf: (local: number) => Type;
  /** Value of each local at function entry, by its number. */
  private readonly initial: (local: number) => Inst;
  /** Definitions per local in program order: byte offsets and values. */
  private readonly defAt: (number[] | undefined)[];
  private readonly defValue: (Inst[] | undefined)[];
  /** Last value read or written per local, and the extended block in which it holds until written. */
  private readonly recent: (Inst | undefined)[];
  private readonly recentIn: (number | undefined)[];
  /** Values at the heads of extended blocks where definitions meet, by {@link key}. */
  private readonly heads = new Map<number, Inst>();
  /** Phis without inputs yet. */
  private readonly pending: Inst[] = [];
  private readonly pendingIn: ExtendedBlock[] = [];
  private readonly pendingLocal: number[] = [];
  /** Where {@link climb} met several definitions. */
  private meeting: ExtendedBlock;
  private nextId = 0;

  constructor(
    func: Func,
    count: number,
    typeOf: (local: number) => Type,
    entry: Block,
    start: number,
    budget: Budget,
    initial: (local: number) => Inst,
  ) {
    this.func = func;
    this.budget = budget;
    this.count = count;
    this.typeOf = typeOf;
    this.initial = initial;
    this.defAt = perLocal(count);
    this.defValue = perLocal(count);
    this.recent = perLocal(count);
    this.recentIn = perLocal(count);
    this.current = new ExtendedBlock(this.nextId++, start, entry, null, start, -1);
    this.meeting = this.current;
  }

  /** Begins a stretch at offset `start` in `block`, entered from one point. */
  enter(block: Block, start: number, from: ExtendedBlock, fromAt: number): void {
    this.current = new ExtendedBlock(this.nextId++, start, block, from, fromAt, -1);
  }

  /** Begins a stretch where the edges from `preds` meet, at the end of the statement entered at (`from`, `fromAt`). */
  merge(
    block: Block,
    start: number,
    from: ExtendedBlock,
    fromAt: number,
    preds: ExtendedBlock[],
    predAt: number[],
  ): void {
    this.enter(block, start, from, fromAt);
    this.current.preds = preds;
    this.current.predAt = predAt;
  }

  /** Begins a loop, whose further edges are added to the `preds` of what is returned until {@link closeLoop}. */
  openLoop(block: Block, start: number, end: number): ExtendedBlock {
    const from = this.current;
    const header = new ExtendedBlock(this.nextId++, start, block, from, start, end);
    header.preds = [from];
    header.predAt = [start];
    header.incomplete = [];
    header.incompleteLocals = [];
    this.current = header;
    return header;
  }

  /** All edges to the header of a loop are known: completes its phis. */
  closeLoop(header: ExtendedBlock): void {
    const { incomplete, incompleteLocals } = header;
    header.incomplete = null;
    if (incomplete === null) return;
    for (let k = 0; k < incomplete.length; k++) this.addPending(incomplete[k], header, incompleteLocals[k]);
    header.incompleteLocals = noPositions;
    this.fillPending();
  }

  /** The value of `local` at the operator at `at`. */
  get(local: number, at: number): Inst {
    const { current } = this;
    const known = this.recent[local];
    if (known !== undefined && this.recentIn[local] === current.id) return known;
    const value = this.resolve(current, at, local);
    this.fillPending();
    this.recent[local] = value;
    this.recentIn[local] = current.id;
    return value;
  }

  /** The operator at `at` assigns `value`. */
  set(local: number, value: Inst, at: number): void {
    const positions = this.defAt[local];
    const values = this.defValue[local];
    if (positions === undefined || values === undefined) {
      this.defAt[local] = [at];
      this.defValue[local] = [value];
    } else {
      positions.push(at);
      values.push(value);
    }
    this.recent[local] = value;
    this.recentIn[local] = this.current.id;
  }

  /** Index of the last definition of `local` at or before `at`, or -1. */
  private lastDefinition(local: number, at: number): number {
    const positions = this.defAt[local];
    if (positions === undefined) return -1;
    let high = positions.length;
    if (positions[high - 1] <= at) return high - 1;
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (positions[middle] <= at) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /**
   * The value of `local` at (`from`, `fromAt`) if it is known without a new phi; else null, and {@link meeting} is the
   * extended block at whose head definitions meet.
   */
  private climb(from: ExtendedBlock, fromAt: number, local: number): Inst | null {
    let at = from;
    let last = this.lastDefinition(local, fromAt);
    let lastAt = this.positionOf(local, last);
    let next = this.nextAssignment(local, fromAt);
    for (;;) {
      if (lastAt >= at.start) return this.definition(local, last);
      const { entry, entryAt } = at;
      if (entry === null) return this.initial(local);
      const meets = at.loopEnd >= 0 ? next < at.loopEnd : at.preds !== null && lastAt > entryAt;
      if (meets) {
        const known = this.heads.get(this.key(at, local));
        if (known !== undefined) return known;
        this.meeting = at;
        return null;
      }
      if (at.jump.start > lastAt && at.jumpLoopEnd <= next) {
        at = at.jump;
        continue;
      }
      at = entry;
      if (lastAt > entryAt) {
        last = this.lastDefinition(local, entryAt);
        lastAt = this.positionOf(local, last);
        next = this.nextAssignment(local, entryAt);
      }
    }
  }

  private positionOf(local: number, definition: number): number {
    const positions = this.defAt[local];
    return definition < 0 || positions === undefined ? -1 : positions[definition];
  }

  private definition(local: number, definition: number): Inst {
    const values = this.defValue[local];
    return values === undefined ? this.initial(local) : values[definition];
  }

  private nextAssignment(local: number, at: number): number {
    return this.scan === null ? Number.POSITIVE_INFINITY : this.scan.next(local, at);
  }

  private key(at: ExtendedBlock, local: number): number {
    return at.id * this.count + local;
  }

  /** As {@link climb}, but makes the phi that is needed; its inputs may be left to {@link fillPending}. */
  private resolve(from: ExtendedBlock, fromAt: number, local: number): Inst {
    const found = this.climb(from, fromAt, local);
    if (found !== null) return found;
    const { meeting } = this;
    if (meeting.loopEnd < 0) return this.meet(meeting, local);
    const phi = this.makePhi(meeting, local);
    if (meeting.incomplete === null) this.addPending(phi, meeting, local);
    else {
      meeting.incomplete.push(phi);
      meeting.incompleteLocals.push(local);
    }
    return phi;
  }

  /** The value at the head of a merge: the one value that all edges bring, or a phi. */
  private meet(merge: ExtendedBlock, local: number): Inst {
    const preds = merge.preds ?? [];
    this.budget.spend(preds.length);
    const inputs: Inst[] = [];
    let same = true;
    for (let k = 0; k < preds.length; k++) {
      const input = this.climb(preds[k], merge.predAt[k], local);
      if (input === null) {
        const phi = this.makePhi(merge, local);
        this.addPending(phi, merge, local);
        return phi;
      }
      if (input !== inputs[0] && k > 0) same = false;
      inputs.push(input);
    }
    if (same) {
      this.heads.set(this.key(merge, local), inputs[0]);
      return inputs[0];
    }
    const phi = this.makePhi(merge, local);
    phi.args = inputs;
    return phi;
  }

  private makePhi(at: ExtendedBlock, local: number): Inst {
    this.budget.spend(Budget.instruction);
    const phi = this.func.appendPhi(at.block, this.typeOf(local));
    this.heads.set(this.key(at, local), phi);
    this.phis.push(phi);
    return phi;
  }

  private addPending(phi: Inst, at: ExtendedBlock, local: number): void {
    this.pending.push(phi);
    this.pendingIn.push(at);
    this.pendingLocal.push(local);
  }

  /** Gives the waiting phis their inputs, which may make further phis: a loop, so that no nesting exhausts our stack. */
  private fillPending(): void {
    for (;;) {
      const phi = this.pending.pop();
      const at = this.pendingIn.pop();
      const local = this.pendingLocal.pop();
      if (phi === undefined || at === undefined || local === undefined) return;
      const preds = at.preds ?? [];
      this.budget.spend(preds.length);
      const first = this.resolve(preds[0], at.predAt[0], local);
      if (preds.length === 2) phi.args = [first, this.resolve(preds[1], at.predAt[1], local)];
      else {
        phi.args = [first];
        for (let k = 1; k < preds.length; k++) phi.args.push(this.resolve(preds[k], at.predAt[k], local));
      }
    }
  }
}
