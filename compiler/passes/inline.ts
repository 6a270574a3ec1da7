import type { CompileContext } from '../context.ts';
import { computeDominators } from '../ir/dominators.ts';
import { Forwarding, removeUnreachable } from '../ir/edit.ts';
import {
  type Block,
  connect,
  type Func,
  type InlinedCall,
  type Inst,
  mostInlinedBodies,
} from '../ir/function.ts';
import { computeLoops } from '../ir/loops.ts';
import { Op } from '../ir/ops.ts';
import { Type } from '../ir/types.ts';
import type { Module } from '../wasm/module.ts';

/**
 * What is inlined, by {@link inlineCost}. A call with its arguments, the callee's prologue and epilogue and the values that it has the
 * caller save are some ten instructions: bodies of that size make code smaller.
 */
export const inlining = {
  /** Largest body for a call that is in no loop. */
  anywhere: 8,
  /** Largest body for a call inside of a loop. */
  inLoop: 16,
  /** Largest body for the only call of a function that nothing else can name. */
  once: 16,
  /** What the bodies may add to a function: so much, and this share of what it was. */
  growth: 40,
  growthShare: 0.5,
  /** Wasm bytes of a body that is looked at: an operator takes some three, and two of three make no instruction. */
  bytes: 200,
  /** Bodies inside of bodies: how deep to look, and how deep they may become. */
  depth: mostInlinedBodies,
} as const;

/** A function that can be inlined (inline-templates.ts makes them). */
export interface InlineTemplate {
  /** Its body with what is inlined into it, simplified. Not to be changed. */
  readonly func: Func;
  /** By {@link inlineCost}. */
  readonly cost: number;
  /** How many positions it takes: those of its body and of the bodies inside. */
  readonly positions: number;
  /** The module has one call of it and nothing else that names it. */
  readonly once: boolean;
}

/** Operations that are no machine instruction of their own, or none that stays. */
const free: ReadonlySet<number> = new Set([
  Op.const,
  Op.param,
  Op.phi,
  Op.env,
  Op.result,
  Op.jump,
  Op.return,
]);

/** How large code is: instructions that become machine instructions. */
export function inlineCost({ blocks }: Func): number {
  let cost = 0;
  for (const { insts } of blocks) for (const { op } of insts) if (!free.has(op)) cost++;
  return cost;
}

/** Positions are signed 32-bit numbers. */
const lastPosition = 2 ** 31 - 1;

/**
 * How many positions the bodies inside of a function may take whose own has `bodyBytes`: all functions together have what lies
 * between the module's bytes and the largest position.
 */
export function positionsFor({ bytes }: Module, bodyBytes: number): number {
  return Math.floor(((lastPosition - bytes.length) / bytes.length) * bodyBytes);
}

/**
 * Puts the bodies of small functions in place of calls of them, where the call is not in a cold block. Calls inside of loops take
 * larger bodies than others, as they run more often. A function never becomes part of itself.
 *
 * Instructions of an inlined body have origins of their own, beyond the module's bytes: `Func.inlined` says whose they are and
 * where the call was, so that every frame can be named.
 *
 * Needs: a function as built, `ctx.inlinable`; for functions of the module only. Leaves: no unreachable block.
 */
export function inline(func: Func, ctx: CompileContext): void {
  if (func.symbol.kind !== 'wasm' || ctx.inlinable === undefined) return;
  const sites = chooseSites(func, ctx);
  if (sites.size > 0) new Inlining(func, ctx, sites).run();
}

/** The calls of `func` that are inlined, and what each becomes. */
function chooseSites(func: Func, ctx: CompileContext): Map<Inst, InlineTemplate> {
  const sites = new Map<Inst, InlineTemplate>();
  const { module } = ctx;
  const { bodyStart, bodyEnd } = module.functions[func.symbol.wasmIndex];
  let growth = -1;
  let positions = 0;
  let depth: Int32Array | null = null;
  for (const block of func.blocks) {
    if (block.cold) continue;
    for (const inst of block.insts) {
      if (inst.op !== Op.call || inst.callee === null || inst.callee.symbol === func.symbol.id) continue;
      const template = ctx.inlinable?.(inst.callee.symbol);
      if (!template) continue;
      if (depth === null) {
        depth = computeLoops(func, computeDominators(func)).depth;
        growth = inlining.growth + inlining.growthShare * inlineCost(func);
        positions = positionsFor(module, bodyEnd - bodyStart);
      }
      const { cost, once } = template;
      const bound = once ? inlining.once : depth[block.id] > 0 ? inlining.inLoop : inlining.anywhere;
      if (cost > bound || cost > growth || template.positions > positions) continue;
      growth -= cost;
      positions -= template.positions;
      sites.set(inst, template);
    }
  }
  return sites;
}

class Inlining {
  private readonly func: Func;
  private readonly ctx: CompileContext;
  private readonly sites: ReadonlyMap<Inst, InlineTemplate>;
  private readonly forwarding: Forwarding;
  private readonly layout: Block[] = [];
  /** The first free position. */
  private next: number;
  private env: Inst | null = null;
  /** Some call never returns. */
  private cut = false;

  constructor(func: Func, ctx: CompileContext, sites: ReadonlyMap<Inst, InlineTemplate>) {
    this.func = func;
    this.ctx = ctx;
    this.sites = sites;
    this.forwarding = new Forwarding(func);
    this.next = ctx.module.bytes.length;
  }

  run(): void {
    const { func, sites, forwarding, layout } = this;
    for (const block of func.blocks) {
      layout.push(block);
      const first = block.insts.findIndex((inst) => sites.has(inst));
      if (first >= 0) this.expand(block, first);
    }
    func.blocks = layout;
    forwarding.updateAll(func);
    if (this.cut) removeUnreachable(func);
  }

  /** Inlines what is inlined of `block`, from the call at `first` on. */
  private expand(block: Block, first: number): void {
    const { insts, succs } = block;
    let at: Block | null = block;
    block.insts = insts.slice(0, first);
    block.succs = [];
    for (let k = first; k < insts.length && at !== null; k++) {
      const inst = insts[k];
      if (inst.op === Op.result && this.sites.has(inst.args[0])) continue;
      const template = this.sites.get(inst);
      if (template === undefined) {
        inst.block = at;
        at.insts.push(inst);
        continue;
      }
      const copy = new Copy(this.func, template.func, this.take(inst, template));
      at = copy.insert(inst, at, this.layout, () => this.envOf());
      const { results } = copy;
      if (results.length === 1) this.forwarding.replace(inst, results[0]);
      else
        for (let r = k + 1; insts[r].op === Op.result && insts[r].args[0] === inst; r++)
          this.forwarding.replace(insts[r], results[insts[r].imm]);
    }
    for (const succ of succs) {
      const edge = succ.preds.indexOf(block);
      if (at !== null) succ.preds[edge] = at;
      else {
        succ.preds.splice(edge, 1);
        for (const phi of succ.phis) phi.args.splice(edge, 1);
      }
    }
    if (at !== null) at.succs = succs;
    else this.cut = true;
  }

  /** Takes positions for a body in place of `call`; says where those of its instructions go. */
  private take(call: Inst, { func, positions }: InlineTemplate): (origin: number) => number {
    const { module } = this.ctx;
    const { wasmIndex } = func.symbol;
    const { bodyStart, bodyEnd } = module.functions[wasmIndex];
    const bodyBytes = bodyEnd - bodyStart;
    const base = this.next;
    const moved = (origin: number): number =>
      origin < module.bytes.length
        ? base + (origin < 0 ? func.firstOperator : origin) - bodyStart
        : base + bodyBytes + origin - module.bytes.length;
    this.func.inlined.push({ base, wasmIndex, bodyStart, bodyBytes, call: call.origin });
    for (const inner of func.inlined) this.func.inlined.push(movedCall(inner, moved));
    this.next = base + positions;
    return moved;
  }

  /** The function's exec env; where nothing of its own needs it, it is added behind the parameters. */
  private envOf(): Inst {
    if (this.env !== null) return this.env;
    const entry = this.func.blocks[0];
    let env = entry.insts.find(({ op }) => op === Op.env);
    if (env === undefined) {
      env = this.func.newInst(Op.env, this.ctx.target.word, [], entry, -1);
      let place = 0;
      while (entry.insts[place]?.op === Op.param) place++;
      entry.insts.splice(place, 0, env);
    }
    this.env = env;
    return env;
  }
}

const movedCall = (inner: InlinedCall, moved: (origin: number) => number): InlinedCall => ({
  ...inner,
  base: moved(inner.base),
  call: moved(inner.call),
});

/** A body's copy in another function. */
class Copy {
  /** Results of the call. */
  results: readonly Inst[] = [];
  private readonly func: Func;
  private readonly source: Func;
  private readonly moved: (origin: number) => number;
  /** By number in the body. */
  private readonly insts: Inst[];
  private readonly blocks: Block[];
  /** Copied blocks that return, and what. */
  private readonly returns: {
    readonly from: Block;
    readonly values: readonly Inst[];
    readonly origin: number;
  }[] = [];

  constructor(func: Func, source: Func, moved: (origin: number) => number) {
    this.func = func;
    this.source = source;
    this.moved = moved;
    this.insts = new Array(source.instCount);
    this.blocks = new Array(source.blockCount);
  }

  /**
   * Puts the copy in place of `call`, which would be next in `at`: its entry goes on in `at`, its other blocks go to `layout`.
   * @returns the block in which the code behind the call goes on, or null if nothing returns
   */
  insert(call: Inst, at: Block, layout: Block[], env: () => Inst): Block | null {
    const { func, source, blocks } = this;
    source.blocks.forEach((block, k) => {
      const copy = k === 0 ? at : func.detachedBlock();
      if (k > 0) copy.cold = block.cold || at.cold;
      blocks[block.id] = copy;
    });
    for (const block of source.blocks) {
      const copy = blocks[block.id];
      if (copy !== at) layout.push(copy);
      for (const phi of block.phis)
        this.insts[phi.id] = func.appendPhi(copy, phi.type, this.moved(phi.origin));
      for (const inst of block.insts) this.insts[inst.id] = this.instruction(inst, copy, call, env);
      if (copy !== at) copy.preds = block.preds.map(({ id }) => blocks[id]);
      copy.succs = block.succs.map(({ id }) => blocks[id]);
    }
    for (const block of source.blocks)
      for (const phi of block.phis) this.insts[phi.id].args = phi.args.map(({ id }) => this.insts[id]);
    return this.join(call, layout);
  }

  private instruction(inst: Inst, block: Block, call: Inst, env: () => Inst): Inst {
    if (inst.op === Op.param) return call.args[inst.imm];
    if (inst.op === Op.env) return env();
    const origin = this.moved(inst.origin);
    const args = inst.args.map(({ id }) => this.insts[id]);
    if (inst.op === Op.return) {
      this.returns.push({ from: block, values: args, origin });
      return inst;
    }
    const copy = this.func.append(block, inst.op, inst.type, args, origin);
    copy.imm = inst.imm;
    copy.imm2 = inst.imm2;
    copy.offset = inst.offset;
    copy.access = inst.access;
    copy.region = inst.region;
    copy.callee = inst.callee;
    copy.table = inst.table === null ? null : inst.table.slice();
    return copy;
  }

  /** Goes on in the last block where that is the only one to return, else in one where all returns meet. */
  private join(call: Inst, layout: Block[]): Block | null {
    const { func, returns } = this;
    if (returns.length === 0) return null;
    if (returns.length === 1 && returns[0].from === layout[layout.length - 1]) {
      this.results = returns[0].values;
      return returns[0].from;
    }
    const join = func.detachedBlock();
    layout.push(join);
    for (const { from, origin } of returns) {
      func.append(from, Op.jump, Type.none, [], origin);
      connect(from, join);
    }
    if (returns.length === 1) {
      this.results = returns[0].values;
      return join;
    }
    this.results = this.source.results.map((type, k) => {
      const phi = func.appendPhi(join, type, call.origin);
      phi.args = returns.map(({ values }) => values[k]);
      return phi;
    });
    return join;
  }
}
