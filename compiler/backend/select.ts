import { InternalError } from '../errors.ts';
import { isRoot } from '../ir/effects.ts';
import { type Block, type Func, type Inst, inlinedBody } from '../ir/function.ts';
import { Effect, effects, Op, ops } from '../ir/ops.ts';
import { Region, Type } from '../ir/types.ts';
import type { Target } from '../target.ts';
import { type CallSite, fetchValues, type Placed, placeValues, pushCall, pushNativeCall } from './calls.ts';
import { Colours } from './colours.ts';
import { type Edge, type MachineBlocks, makeBlocks } from './edges.ts';
import { firstVirtual, type MBlock, Mem, MFunction, MInst, MPhi, Pseudo, RegClass } from './machine.ts';
import type { Selector } from './selector.ts';

/**
 * Selects machine instructions for `func` by the target's rules: block by block, last to first, each from its end
 * backwards, so that every user of a value is seen before the value itself, which is then computed in a register, inside
 * its users, or not at all.
 *
 * Needs: every operation has a rule of the target (after `legalize` and `lower64`). Leaves: a function on virtual
 * registers without critical edges.
 * @throws InternalError for an operation without a rule
 */
export function selectFunction(func: Func, target: Target): MFunction {
  return new Selection(func, target).run();
}

const classes: readonly RegClass[] = [
  RegClass.int,
  RegClass.int,
  RegClass.int,
  RegClass.f32,
  RegClass.f64,
  RegClass.v128,
];

/** A constant that a block computes for itself, and the group of instructions that wants it first. */
interface LocalConstant {
  readonly value: Inst;
  readonly register: number;
  group: number;
}

class Selection implements Selector, CallSite {
  readonly func: MFunction;
  readonly target: Target;
  private readonly source: Func;
  private readonly colours: Colours;
  private readonly blocks: MachineBlocks;
  /** Virtual registers by instruction number; 0: nobody asked for one. */
  private readonly registers: Int32Array;
  /** 1 for values that some user computes inside itself. */
  private readonly folded: Uint8Array;
  private readonly phis: (MPhi | undefined)[];
  /** False in functions that set the pinned exec env: there `env` means a copy taken where it stands. */
  private readonly envIsFixed: boolean;
  private readonly constants = new Map<string, number>();

  /** The block being selected, the instruction, and its results' registers asked for by rules. */
  private machineBlock: MBlock;
  private edges: readonly Edge[] = [];
  private current: Inst;
  /** Index of the current instruction in its block. */
  private position = 0;
  /** Instructions of the block: group after group backwards, each group in running order. */
  private insts: MInst[] = [];
  private groups: number[] = [];
  private locals: LocalConstant[] = [];
  private readonly localIndex: Int32Array;
  /** While a local constant is selected: its register. */
  private localDef = 0;

  constructor(func: Func, target: Target) {
    const { symbol, params, results, convention } = func;
    this.source = func;
    this.target = target;
    this.func = new MFunction(symbol, { symbol: symbol.id, params, results }, convention);
    this.func.slotBytes = func.slotBytes;
    this.func.inlined = func.inlined;
    this.colours = new Colours(func);
    this.blocks = makeBlocks(func);
    this.func.blocks = this.blocks.order;
    this.registers = new Int32Array(func.instCount);
    this.folded = new Uint8Array(func.instCount);
    this.localIndex = new Int32Array(func.instCount);
    this.phis = new Array(func.instCount);
    this.machineBlock = this.blocks.order[0];
    this.current = func.blocks[0].terminator;
    this.envIsFixed = !func.blocks.some(({ insts }) => insts.some(({ op }) => op === Op.set_env));
  }

  get origin(): number {
    return this.current.origin;
  }

  run(): MFunction {
    const { blocks } = this.source;
    for (const block of blocks) this.makePhis(block);
    for (let k = blocks.length - 1; k >= 0; k--) this.selectBlock(blocks[k]);
    for (const { block, from, to } of this.blocks.splits) {
      const jump = this.target.jump(to);
      jump.origin = from.terminator.origin;
      block.insts.push(jump);
    }
    return this.func;
  }

  private makePhis(block: Block): void {
    for (const phi of block.phis) {
      if (this.colours.needed[phi.id] === 0) continue;
      const made = new MPhi(this.register(phi), new Array(phi.args.length));
      this.phis[phi.id] = made;
      this.blocks.of[block.id].phis.push(made);
    }
  }

  private selectBlock(block: Block): void {
    this.machineBlock = this.blocks.of[block.id];
    this.edges = this.blocks.edges[block.id];
    this.insts = [];
    this.groups = [0];
    this.locals = [];
    const { insts } = block;
    this.current = block.terminator;
    for (const { to, index } of this.edges) {
      for (const phi of to.phis) {
        const made = this.phis[phi.id];
        if (made !== undefined) made.args[index] = this.register(phi.args[index]);
      }
    }
    for (let k = insts.length - 1; k >= 0; k--) {
      this.position = k;
      this.current = insts[k];
      if (!this.isWanted(insts[k])) continue;
      this.startGroup();
      this.select(insts[k]);
    }
    if (block === this.source.blocks[0]) {
      this.startGroup();
      this.enter(insts);
    }
    this.finish();
  }

  private startGroup(): void {
    const { insts, groups } = this;
    if (insts.length > groups[groups.length - 1]) groups.push(insts.length);
  }

  /** True if the instruction at hand has to be computed in its place. */
  private isWanted(inst: Inst): boolean {
    const { op, id } = inst;
    if (op === Op.param || op === Op.descriptor || op === Op.result) return false;
    if (this.registers[id] !== 0) return true;
    if (isRoot(inst)) return this.folded[id] === 0;
    if (inst.type !== Type.none) return false;
    const { insts } = inst.block;
    for (let k = this.position + 1; k < insts.length && insts[k].op === Op.result; k++) {
      if (this.registers[insts[k].id] !== 0) return true;
    }
    return false;
  }

  private select(inst: Inst): void {
    const rule = this.target.rules[inst.op];
    if (rule === null || rule === undefined) {
      throw new InternalError(`${this.target.name} has no rule for ${ops[inst.op].name}`);
    }
    rule(this, inst);
    if (inst.op === Op.store && inst.region === Region.publication) {
      this.insts[this.insts.length - 1].publishes = true;
    }
  }

  /** Parameters and the callee descriptor, from where the caller left them. */
  private enter(insts: readonly Inst[]): void {
    const { source, target, func } = this;
    const entry = source.convention === 'entry';
    const locations = entry ? target.native.params : target.locations(func.params).params;
    const placed: Placed[] = [];
    for (const inst of insts) {
      const register = this.registers[inst.id];
      if (register === 0) continue;
      if (inst.op === Op.param) placed.push({ type: inst.type, register, location: locations[inst.imm] });
      if (inst.op === Op.descriptor) {
        placed.push({ type: inst.type, register, location: target.registers.descriptor });
      }
    }
    for (const load of fetchValues(this, placed, 'incoming')) {
      // Nothing else writes the caller's argument area.
      this.rematerialise(load.defs[0], load);
    }
  }

  /** Puts the groups in running order, each local constant before the first group that wants it. */
  private finish(): void {
    const { insts, groups } = this;
    groups.push(insts.length);
    const out: MInst[] = this.machineBlock.insts;
    const locals = this.locals.sort((a, b) => b.group - a.group);
    let next = 0;
    for (let group = groups.length - 2; group >= 0; group--) {
      for (; next < locals.length && locals[next].group === group; next++) {
        this.insts = out;
        this.current = locals[next].value;
        this.localDef = locals[next].register;
        const made = out.length;
        this.select(locals[next].value);
        this.moveToUser(out, made, insts[groups[group]].origin);
      }
      for (let k = groups[group]; k < groups[group + 1]; k++) out.push(insts[k]);
    }
    this.localDef = 0;
  }

  /** A constant that comes from another inlined body than its user counts as the user's. */
  private moveToUser(out: readonly MInst[], from: number, origin: number): void {
    const { inlined } = this.source;
    if (inlined.length === 0 || origin < 0) return;
    const body = inlinedBody(inlined, origin);
    for (let k = from; k < out.length; k++)
      if (inlinedBody(inlined, out[k].origin) !== body) out[k].origin = origin;
  }

  use(value: Inst): number {
    if (value.op === Op.env && this.envIsFixed) return this.target.registers.env;
    return this.register(value);
  }

  private register(value: Inst): number {
    if (value.op === Op.const && this.blocks.of[value.block.id].loopDepth >= this.machineBlock.loopDepth) {
      return this.localConstant(value);
    }
    let register = this.registers[value.id];
    if (register === 0) {
      register = this.func.newVirtual(this.classOf(value.type));
      this.registers[value.id] = register;
    }
    return register;
  }

  /** Constants are computed close to their users, not kept in registers, except where that would be inside a loop. */
  private localConstant(value: Inst): number {
    const group = this.groups.length - 1;
    const index = this.localIndex[value.id];
    if (index < this.locals.length && this.locals[index].value === value) {
      this.locals[index].group = group;
      return this.locals[index].register;
    }
    const register = this.func.newVirtual(this.classOf(value.type));
    this.localIndex[value.id] = this.locals.length;
    this.locals.push({ value, register, group });
    return register;
  }

  def(inst: Inst, index?: number): number {
    if (index !== undefined) return this.resultRegister(inst, index);
    if (inst.op !== Op.const) return this.register(inst);
    // A constant in its own place is one that a loop wants from outside.
    return this.localDef !== 0 ? this.localDef : this.registers[inst.id];
  }

  /** The register of result `index` of `inst`, or -1 if nobody uses it. */
  private resultRegister(inst: Inst, index: number): number {
    const { insts } = inst.block;
    // Where all results have their instructions, it stands at its index.
    const direct = this.position + 1 + index;
    const isHere = direct < insts.length && insts[direct].imm === index && insts[direct].args[0] === inst;
    let k = isHere ? direct : this.position + 1;
    while (k < insts.length && insts[k].op === Op.result && insts[k].imm !== index) k++;
    if (k === insts.length || insts[k].op !== Op.result) return -1;
    return this.registers[insts[k].id] || -1;
  }

  temp(cls: RegClass): number {
    return this.func.newVirtual(cls);
  }

  classOf(type: Type): RegClass {
    return classes[type];
  }

  emit(op: number, defs: number[], uses: number[]): MInst {
    const inst = new MInst(op, defs, uses, this.current.origin);
    this.insts.push(inst);
    return inst;
  }

  push(inst: MInst): void {
    this.insts.push(inst);
  }

  copy(def: number, use: number): void {
    this.emit(Pseudo.copy, [def], [use]);
  }

  canFold(value: Inst, user: Inst): boolean {
    const { users } = this.colours;
    // A user that is itself computed in several places would compute the value as often.
    if (users[value.id] !== 1 || (user !== this.current && users[user.id] !== 1)) return false;
    if (this.registers[value.id] !== 0 || value.block !== this.current.block) return false;
    if (!this.colours.canSink(value, this.current)) return false;
    this.folded[value.id] = 1;
    return true;
  }

  canDuplicate(value: Inst): boolean {
    if (effects(value.op) !== Effect.none || value.type === Type.none) return false;
    if (value.block === this.current.block) return true;
    // Elsewhere only if that keeps no more registers alive than the value itself would.
    return value.args.filter(({ op }) => op !== Op.const).length <= 1;
  }

  dies(value: Inst): boolean {
    // What comes from outside a loop is read again in the next round.
    const isOfThisLoop = this.blocks.of[value.block.id].loopDepth >= this.machineBlock.loopDepth;
    return this.colours.users[value.id] === 1 && isOfThisLoop && value.op !== Op.const;
  }

  block(number: number): MBlock {
    return this.edges[number].target;
  }

  rematerialise(vreg: number, inst: MInst): void {
    this.func.remat[vreg - firstVirtual] = { inst };
  }

  constant(words: readonly number[]): Mem {
    const key = words.join();
    let index = this.constants.get(key);
    if (index === undefined) {
      index = this.func.constants.length;
      this.func.constants.push({ words });
      this.constants.set(key, index);
    }
    return new Mem(-1, 0, -1, 0, 'constant', index);
  }

  call(
    inst: Inst,
    args: readonly Inst[],
    extra: readonly (readonly [value: number, register: number])[],
    emitCall: (uses: number[], defs: number[]) => MInst,
  ): void {
    const { callee } = inst;
    if (callee === null) throw new InternalError('call without a signature');
    const locations = this.target.locations(callee);
    this.noteCall(locations.stackBytes);
    const results =
      callee.results.length === 1
        ? [this.registers[inst.id] || -1]
        : callee.results.map((_, k) => this.resultRegister(inst, k));
    const registers = args.map((arg) => this.use(arg));
    pushCall(this, inst, locations, registers, extra, results, emitCall);
  }

  callNative(inst: Inst, args: readonly number[], emitCall: (uses: number[], defs: number[]) => MInst): void {
    this.noteCall(0);
    pushNativeCall(this, args, this.registers[inst.id] || -1, emitCall);
  }

  private noteCall(stackBytes: number): void {
    this.func.hasCalls = true;
    this.func.outgoingBytes = Math.max(this.func.outgoingBytes, stackBytes);
  }

  returnValues(values: readonly Inst[]): number[] {
    if (this.source.convention === 'entry') return [];
    const { results } = this.target.locations(this.func.params);
    const placed = values.map((value, k) => ({
      type: value.type,
      register: this.use(value),
      location: results[k],
    }));
    return placeValues(this, placed, 'incoming');
  }
}
