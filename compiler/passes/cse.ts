import type { CompileContext } from '../context.ts';
import { computeDominators, type Dominators } from '../ir/dominators.ts';
import { Forwarding } from '../ir/edit.ts';
import type { Block, Func, Inst } from '../ir/function.ts';
import { Effect, effects, Op, ops } from '../ir/ops.ts';
import { Access, Region, Type } from '../ir/types.ts';
import { AvailableValues } from './available-values.ts';
import { MemoryStates } from './memory-states.ts';

/**
 * Common subexpressions, by value numbering scoped to the dominator tree: a computation that an equal one dominates is
 * replaced by it. Loads count as equal while nothing in between may have written their region (MemoryStates); a load
 * of what was just stored is the stored value. A bounds check that follows one as strong on the same index, and a trap on a
 * condition that was found false before, are dropped.
 *
 * Needs: a function that sets no exec env (no adapter). Leaves: inputs of commutative operations in number order,
 * constants right.
 */
export function cse(func: Func, ctx: CompileContext): void {
  new ValueNumbering(func, ctx).run();
}

/** Loads and stores that a store elsewhere in the same block leaves standing are tried for this many. */
const recentLimit = 8;

class ValueNumbering {
  private readonly func: Func;
  private readonly guardBytes: number;
  private readonly dominators: Dominators;
  private readonly states: MemoryStates;
  private readonly forwarding: Forwarding;
  private readonly available: AvailableValues;
  /** Entries for accesses of linear memory in the block at hand that no write has clobbered yet. */
  private readonly recent: number[] = [];
  /** Results of the operations of several results, by the operation's number and the result's. */
  private readonly results = new Map<number, Inst>();

  constructor(func: Func, ctx: CompileContext) {
    this.func = func;
    this.guardBytes = ctx.target.memory.guardBytes;
    this.dominators = computeDominators(func);
    this.states = new MemoryStates(func, this.dominators);
    this.forwarding = new Forwarding(func);
    this.available = new AvailableValues(func.instCount, this.dominators);
  }

  run(): void {
    for (const block of this.dominators.preorder()) this.numberBlock(block);
    if (!this.forwarding.any) return;
    for (const block of this.func.blocks) for (const phi of block.phis) this.forwarding.update(phi);
  }

  private numberBlock(block: Block): void {
    const { insts } = block;
    this.states.enter(block);
    this.available.enter(block);
    this.recent.length = 0;
    let kept = 0;
    for (let k = 0; k < insts.length; k++) {
      const inst = insts[k];
      this.forwarding.update(inst);
      if (this.isRedundant(inst, insts, k)) continue;
      insts[kept++] = inst;
    }
    insts.length = kept;
    this.states.leave(block);
  }

  /** True if `inst` is not needed: replaced by an equal value, or a check that cannot fail. */
  private isRedundant(inst: Inst, insts: readonly Inst[], at: number): boolean {
    const bits = effects(inst.op);
    if (bits === Effect.none || bits === Effect.guarded) return this.numberPure(inst, insts, at);
    if (bits === Effect.reads) return this.numberLoad(inst);
    if ((bits & (Effect.writes | Effect.calls)) !== 0) this.write(inst, bits);
    else if (inst.op === Op.env) return this.numberPure(inst, insts, at);
    else if (inst.op === Op.result) return this.forwardResult(inst);
    else if (inst.op === Op.check_bounds) return this.numberCheck(inst);
    else if (inst.op === Op.trap_if) return this.numberPure(inst, insts, at);
    return false;
  }

  private numberPure(inst: Inst, insts: readonly Inst[], at: number): boolean {
    if (ops[inst.op].commutative) orderInputs(inst);
    const hash = this.available.hash(inst, 0);
    const found = this.available.find(inst, hash, 0);
    if (found < 0) {
      this.available.add(inst, inst, hash, 0);
      return false;
    }
    const value = this.available.value(found);
    if (inst.type === Type.none && inst.op !== Op.trap_if && !this.hasSameResults(value, inst, insts, at)) {
      return false;
    }
    if (inst.op !== Op.trap_if) this.forwarding.replace(inst, value);
    return true;
  }

  /** True if every `result` behind `inst` has a counterpart of the earlier `value`. */
  private hasSameResults(value: Inst, inst: Inst, insts: readonly Inst[], at: number): boolean {
    for (let k = at + 1; k < insts.length && insts[k].op === Op.result && insts[k].args[0] === inst; k++) {
      if (!this.results.has(2 * value.id + insts[k].imm)) return false;
    }
    return true;
  }

  /** Inputs are up to date: a `result` whose source was replaced names the earlier one. */
  private forwardResult(inst: Inst): boolean {
    const [source] = inst.args;
    if (source.callee !== null) return false;
    const key = 2 * source.id + inst.imm;
    const earlier = this.results.get(key);
    if (earlier === undefined) {
      this.results.set(key, inst);
      return false;
    }
    this.forwarding.replace(inst, earlier);
    return true;
  }

  private numberLoad(inst: Inst): boolean {
    const { available, states } = this;
    const state = states.state(inst.region);
    const hash = available.hash(inst, state);
    const found = available.find(inst, hash, state);
    if (found >= 0) {
      this.forwarding.replace(inst, available.value(found));
      return true;
    }
    this.remember(available.add(inst, inst, hash, state), inst);
    return false;
  }

  private remember(entry: number, inst: Inst): void {
    if (inst.region < Region.memory || inst.region >= Region.global) return;
    if (this.recent.length === recentLimit) this.recent.shift();
    this.recent.push(entry);
  }

  private write(inst: Inst, bits: number): void {
    const { available, states } = this;
    states.write(inst);
    if ((bits & Effect.calls) !== 0) {
      this.recent.length = 0;
      return;
    }
    const state = states.state(inst.region);
    // What lies beside the bytes written, at the same address, holds as before.
    let kept = 0;
    for (let k = 0; k < this.recent.length; k++) {
      const entry = this.recent[k];
      if (available.isApart(entry, inst)) this.recent[kept++] = available.renew(entry, state);
    }
    this.recent.length = kept;
    if (inst.access !== Access.full) return;
    const entry = available.addStored(inst, state);
    this.remember(entry, inst);
  }

  /**
   * A check is added only where it is stronger than those that dominate it: the newest available one on the same index
   * and memory is the strongest, and there is no need to look farther.
   */
  private numberCheck(inst: Inst): boolean {
    const { available, guardBytes } = this;
    const memory = memoryOf(inst.args[1]);
    const hash = available.hashCheck(inst, memory);
    for (let entry = available.first(hash); entry >= 0; entry = available.following(entry)) {
      const earlier = available.value(entry);
      if (earlier.op !== Op.check_bounds || earlier.args[0] !== inst.args[0]) continue;
      if (memoryOf(earlier.args[1]) !== memory) continue;
      if (inst.offset <= earlier.offset || inst.offset <= guardBytes) return true;
      break;
    }
    available.add(inst, inst, hash, 0);
    return false;
  }
}

/**
 * A number for the memory whose size `size` is. Memories only grow, so that a check against an older size holds for
 * every newer one: loads of the same field are the same memory, whatever was written in between.
 */
function memoryOf(size: Inst): number {
  return size.op === Op.load && size.region === Region.memoryInfo ? -1 - size.offset : size.id;
}

function orderInputs(inst: Inst): void {
  const { args } = inst;
  const [a, b] = args;
  if (b.op === Op.const || (a.op !== Op.const && a.id <= b.id)) return;
  args[0] = b;
  args[1] = a;
}
