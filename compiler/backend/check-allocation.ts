import { InstFlag, type Target } from '../target.ts';
import { firstVirtual, type MBlock, Mem, type MFunction, type MInst, RegClass } from './machine.ts';
import { printInst } from './print-machine.ts';

/** Allocated code does not compute what the code before allocation did. */
export class AllocationError extends Error {
  override readonly name = 'AllocationError';
  readonly functionName: string;
  /** Id of the block. */
  readonly block: number;
  /** Index of the instruction in the allocated block; -1: the block or function as a whole. */
  readonly instruction: number;

  constructor(functionName: string, block: number, instruction: number, what: string) {
    super(`${functionName}, block ${block}, instruction ${instruction}: ${what}`);
    this.functionName = functionName;
    this.block = block;
    this.instruction = instruction;
  }
}

/** An instruction as it was before allocation. */
interface Original {
  readonly inst: MInst;
  readonly op: number;
  readonly defs: readonly number[];
  readonly uses: readonly number[];
  readonly temps: readonly number[];
  readonly mem: Mem | null;
}

interface OriginalBlock {
  readonly block: MBlock;
  readonly phis: readonly { readonly def: number; readonly args: readonly number[] }[];
  readonly insts: readonly Original[];
}

/** A function as it was before allocation; see {@link snapshot}. */
export interface Snapshot {
  readonly blocks: readonly OriginalBlock[];
  readonly known: ReadonlySet<MInst>;
}

/** Remembers `func` for {@link checkAllocation}; to be taken right before the allocation. */
export function snapshot(func: MFunction): Snapshot {
  const known = new Set<MInst>();
  const blocks = func.blocks.map((block) => ({
    block,
    phis: block.phis.map((phi) => ({ def: phi.def, args: phi.args.slice() })),
    insts: block.insts.map((inst) => {
      known.add(inst);
      const { mem } = inst;
      return {
        inst,
        op: inst.op,
        defs: inst.defs.slice(),
        uses: inst.uses.slice(),
        temps: inst.temps.slice(),
        mem: mem === null ? null : new Mem(mem.base, mem.disp, mem.index, mem.scale, mem.area, mem.constant),
      };
    }),
  }));
  return { blocks, known };
}

/**
 * Checks allocated code against the code before: follows, on every path, which values every register and slot holds
 * (a value is named by the virtual register, or by the physical one that the code before allocation put it in), and
 * that every instruction finds its operands, that two-address forms have one register for both, that operands are of their
 * class and apart where they must be, that call-saved registers that are written are listed, and that nothing is expected to survive in a
 * scratch register. Shares nothing with the allocator: what it inserted is told by identity, and read by the shape of the
 * target's own moves, spills and reloads.
 * @throws AllocationError for the first difference
 */
export function checkAllocation(before: Snapshot, func: MFunction, target: Target): void {
  new Checker(before, func, target).run();
}

/** Which values each place holds. Places: physical registers, and from {@link firstVirtual} on spill slots. */
type State = Map<number, ReadonlySet<number>>;

const nothing: ReadonlySet<number> = new Set();

class Checker {
  private readonly before: Snapshot;
  private readonly func: MFunction;
  private readonly target: Target;
  private readonly moves = new Set<number>();
  private readonly spills = new Set<number>();
  private readonly reloads = new Set<number>();
  /** Virtual registers by the text of the instruction that makes them again. */
  private readonly makers = new Map<string, number[]>();
  private state: State = new Map();
  private block: MBlock;
  private index = -1;

  constructor(before: Snapshot, func: MFunction, target: Target) {
    this.before = before;
    this.func = func;
    this.target = target;
    this.block = func.blocks[0];
    const classes = Object.values(RegClass).filter(
      (cls) => (target.registers.allocatable[cls] ?? []).length > 0,
    );
    for (const cls of classes) {
      const [r] = target.registers.allocatable[cls];
      this.moves.add(target.move(cls, r, target.registers.scratch[cls]).op);
      this.spills.add(target.spill(cls, r, 0).op);
      this.reloads.add(target.reload(cls, r, 0).op);
    }
    func.remat.forEach((again, v) => {
      if (again === null) return;
      const key = makerKey(again.inst);
      this.makers.set(key, [...(this.makers.get(key) ?? []), v + firstVirtual]);
    });
  }

  run(): void {
    const { before, func } = this;
    if (before.blocks.length !== func.blocks.length) this.fail('blocks were added or removed');
    const order = new Map(before.blocks.map((original, i) => [original.block, i]));
    const entry: State[] = [];
    const incoming: State = new Map();
    for (let r = 0; r < firstVirtual; r++) incoming.set(r, new Set([r]));
    entry[0] = incoming;
    const queued = new Set([0]);
    // A fixpoint from above: a place loses values until nothing changes.
    for (let b = take(queued); b !== undefined; b = take(queued)) {
      this.walk(b, new Map(entry[b]), false);
      for (const succ of before.blocks[b].block.succs) {
        const s = order.get(succ);
        if (s === undefined) this.fail(`successor ${succ.id} is not in the function`);
        const arriving = this.alongEdge(before.blocks[b].block, before.blocks[s]);
        const known = entry[s];
        if (known === undefined) {
          entry[s] = arriving;
          queued.add(s);
        } else if (intersect(known, arriving)) queued.add(s);
      }
    }
    for (let b = 0; b < before.blocks.length; b++) {
      if (entry[b] !== undefined) this.walk(b, new Map(entry[b]), true);
    }
    this.checkSaved();
  }

  private fail(what: string): never {
    throw new AllocationError(this.func.symbol.name, this.block.id, this.index, what);
  }

  /** Carries out a block on this.state. Reports differences only if `strict`: before the fixpoint is reached there are none to be sure of. */
  private walk(b: number, state: State, strict: boolean): void {
    this.state = state;
    const original = this.before.blocks[b];
    this.block = original.block;
    let next = 0;
    const { insts } = original.block;
    for (this.index = 0; this.index < insts.length; this.index++) {
      const inst = insts[this.index];
      if (this.before.known.has(inst)) {
        next = this.carryOutPseudos(original.insts, next, inst);
        if (original.insts[next]?.inst !== inst) this.fail('instructions were reordered, or are missing');
        this.execute(original.insts[next++], inst, strict);
      } else this.executeInserted(inst);
    }
    next = this.carryOutPseudos(original.insts, next, null);
    this.index = -1;
    if (next < original.insts.length) this.fail('instructions are missing at the end of the block');
  }

  /**
   * Passes over pseudos, which only give values further names, and over removed instructions that can be made again. Whatever
   * moves were inserted for a pseudo stand before this: a place that got the old name gets the new one.
   */
  private carryOutPseudos(originals: readonly Original[], from: number, upTo: MInst | null): number {
    let next = from;
    for (; next < originals.length && originals[next].inst !== upTo; next++) {
      const { op, defs, uses } = originals[next];
      if (op < 0) this.rename(defs, uses);
      else if (defs.length !== 1 || (this.func.remat[defs[0] - firstVirtual] ?? null) === null) break;
    }
    return next;
  }

  /** The values `defs` are now those of `uses`, all at once. */
  private rename(defs: readonly number[], uses: readonly number[]): void {
    for (const [place, values] of this.state) {
      const renamed = new Set(values);
      for (const def of defs) renamed.delete(def);
      for (let i = 0; i < defs.length; i++) if (values.has(uses[i])) renamed.add(defs[i]);
      this.state.set(place, renamed);
    }
  }

  private alongEdge(from: MBlock, to: OriginalBlock): State {
    const saved = this.state;
    this.state = new Map(saved);
    if (to.phis.length > 0) {
      const index = to.block.preds.indexOf(from);
      this.rename(
        to.phis.map((phi) => phi.def),
        to.phis.map((phi) => phi.args[index]),
      );
    }
    const arriving = this.state;
    this.state = saved;
    return arriving;
  }

  private forget(value: number): void {
    for (const [place, values] of this.state) {
      if (!values.has(value)) continue;
      const rest = new Set(values);
      rest.delete(value);
      this.state.set(place, rest);
    }
  }

  private executeInserted(inst: MInst): void {
    const { state } = this;
    const [def] = inst.defs;
    const [use] = inst.uses;
    const slot = inst.mem?.area === 'spill' ? inst.mem.disp + firstVirtual : -1;
    if (slot >= firstVirtual + this.func.spillSlots)
      this.fail(`spill slot ${slot - firstVirtual} does not exist`);
    if (inst.mem === null && inst.uses.length === 1 && inst.defs.length === 1 && this.moves.has(inst.op)) {
      state.set(def, state.get(use) ?? nothing);
    } else if (slot >= 0 && inst.uses.length === 1 && inst.defs.length === 0 && this.spills.has(inst.op)) {
      state.set(slot, state.get(use) ?? nothing);
    } else if (slot >= 0 && inst.defs.length === 1 && inst.uses.length === 0 && this.reloads.has(inst.op)) {
      state.set(def, state.get(slot) ?? nothing);
    } else {
      const made = this.makers.get(makerKey(inst));
      if (made === undefined || inst.defs.length !== 1) this.fail(`unknown: ${printInst(inst, this.target)}`);
      state.set(def, new Set(made));
    }
    for (const register of [...inst.defs, ...inst.uses]) {
      if (register >= firstVirtual) this.fail(`v${register - firstVirtual} was left virtual`);
    }
  }

  private execute(original: Original, inst: MInst, strict: boolean): void {
    const { state } = this;
    const info = this.target.instructions[original.op];
    if (strict) {
      this.checkOperands(original, inst, info.flags);
      this.checkApart(inst, info.flags);
    }
    for (const r of inst.clobbers ?? []) state.set(r, nothing);
    for (const r of inst.temps) state.set(r, nothing);
    for (const def of original.defs) this.forget(def);
    inst.defs.forEach((r, i) => {
      state.set(r, new Set([original.defs[i]]));
    });
    // Emission may need the scratch registers; only what the code itself put there is its own business.
    for (const r of this.target.registers.scratch) {
      const values = state.get(r);
      if (values !== undefined) state.set(r, new Set([...values].filter((value) => value < firstVirtual)));
    }
  }

  private checkOperands(original: Original, inst: MInst, flags: number): void {
    if (inst.defs.length !== original.defs.length || inst.temps.length !== original.temps.length) {
      this.fail('results were added or removed');
    }
    for (const [i, r] of inst.defs.entries()) this.checkClass(original.defs[i], r);
    for (const [i, r] of inst.temps.entries()) this.checkClass(original.temps[i], r);
    const foldedSlot =
      inst.mem?.area === 'spill' && original.mem?.area !== 'spill' ? inst.mem.disp + firstVirtual : -1;
    if (foldedSlot >= 0) {
      if (original.mem !== null) this.fail('a memory operand was replaced');
      const ways = original.uses.map((_, i) => i);
      if (!ways.some((folded) => this.matchesFolded(original, inst, folded, foldedSlot))) {
        this.fail(`no operand of ${printInst(inst, this.target)} is in its spill slot`);
      }
    } else {
      if (inst.uses.length !== original.uses.length) this.fail('operands were added or removed');
      const swapped = (flags & InstFlag.commutative) !== 0 && !this.holdsAll(original.uses, inst.uses);
      const uses = swapped ? original.uses.toReversed() : original.uses;
      for (const [i, value] of uses.entries()) this.checkUse(value, inst.uses[i]);
      this.checkMem(original.mem, inst.mem);
    }
    if ((flags & InstFlag.tied) !== 0 && inst.uses[0] !== inst.defs[0]) {
      this.fail('a two-address form has two registers');
    }
  }

  private matchesFolded(original: Original, inst: MInst, folded: number, slot: number): boolean {
    if (this.state.get(slot)?.has(original.uses[folded]) !== true) return false;
    const rest = original.uses.filter((_, i) => i !== folded);
    return this.holdsAll(rest, inst.uses);
  }

  private holdsAll(values: readonly number[], registers: readonly number[]): boolean {
    return (
      values.length === registers.length &&
      values.every((value, i) => this.state.get(registers[i])?.has(value) === true)
    );
  }

  private checkMem(original: Mem | null, mem: Mem | null): void {
    if (original === null && mem === null) return;
    if (
      original === null ||
      mem === null ||
      mem.disp !== original.disp ||
      mem.scale !== original.scale ||
      mem.area !== original.area ||
      mem.constant !== original.constant
    ) {
      this.fail('a memory operand changed');
    }
    if (original.base >= 0 || mem.base >= 0) this.checkUse(original.base, mem.base);
    if (original.index >= 0 || mem.index >= 0) this.checkUse(original.index, mem.index);
  }

  private checkUse(value: number, register: number): void {
    this.checkClass(value, register);
    if (this.state.get(register)?.has(value) !== true) {
      const holds = [...(this.state.get(register) ?? [])].map((other) => this.nameOf(other)).join(', ');
      this.fail(
        `${this.nameOf(register)} should hold ${this.nameOf(value)}, and holds ${holds || 'nothing known'}`,
      );
    }
  }

  private checkClass(value: number, register: number): void {
    if (register >= firstVirtual) this.fail(`${this.nameOf(register)} was left virtual`);
    if (value < firstVirtual) {
      if (value !== register) this.fail(`${this.nameOf(value)} became ${this.nameOf(register)}`);
    } else if (
      !this.target.registers.allocatable[this.func.classes[value - firstVirtual]].includes(register)
    ) {
      this.fail(`${this.nameOf(register)} is not of the class of ${this.nameOf(value)}`);
    }
  }

  /** Registers that the instruction needs at the same time for different things differ. */
  private checkApart(inst: MInst, flags: number): void {
    const reads = [...inst.uses];
    if (inst.mem !== null) reads.push(...[inst.mem.base, inst.mem.index].filter((r) => r >= 0));
    if (new Set(inst.defs).size !== inst.defs.length) this.fail('two results in one register');
    const temps = new Set(inst.temps);
    if (temps.size !== inst.temps.length) this.fail('two temporaries in one register');
    if (inst.defs.some((r) => temps.has(r)) || reads.some((r) => temps.has(r))) {
      this.fail('a temporary shares its register with an operand');
    }
    const tied = (flags & InstFlag.tied) !== 0;
    if ((flags & InstFlag.earlyClobber) !== 0) {
      const others = tied ? reads.slice(1) : reads;
      if (others.some((r) => inst.defs.includes(r))) this.fail('an operand is overwritten before it is read');
    }
    if (inst.clobbers?.some((r) => temps.has(r)) === true)
      this.fail('a temporary is in a clobbered register');
  }

  private checkSaved(): void {
    const saved = new Set(this.func.savedRegisters);
    for (const block of this.func.blocks) {
      block.insts.forEach((inst, i) => {
        for (const r of [...inst.defs, ...inst.temps]) {
          if (this.target.registers.callSaved.includes(r) && !saved.has(r)) {
            this.block = block;
            this.index = i;
            this.fail(`${this.nameOf(r)} is written but not saved`);
          }
        }
      });
    }
  }

  private nameOf(register: number): string {
    return register >= firstVirtual ? `v${register - firstVirtual}` : this.target.registers.names[register];
  }
}

function take(queue: Set<number>): number | undefined {
  for (const b of queue) {
    queue.delete(b);
    return b;
  }
  return undefined;
}

/** Narrows `known` to what `arriving` holds too; true if something was lost. */
function intersect(known: State, arriving: State): boolean {
  let changed = false;
  for (const [place, values] of known) {
    if (values.size === 0) continue;
    const others = arriving.get(place) ?? nothing;
    const both = [...values].filter((value) => others.has(value));
    if (both.length === values.size) continue;
    known.set(place, new Set(both));
    changed = true;
  }
  return changed;
}

/** What an instruction computes, its result's register aside. */
function makerKey(inst: MInst): string {
  const { mem } = inst;
  const address =
    mem === null ? '' : [mem.base, mem.disp, mem.index, mem.scale, mem.area, mem.constant].join(':');
  return [inst.op, inst.imm, inst.imm2, inst.cond, inst.uses.join(':'), address, inst.callee?.symbol].join(
    ',',
  );
}
