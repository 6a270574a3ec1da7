import { reversePostorder } from './dominators.ts';
import type { Block, Func, Inst } from './function.ts';
import { Op } from './ops.ts';
import { Type } from './types.ts';

/** Turns `inst` into the i32 or f32 constant with bits `low`, or the i64 or f64 constant with words `low`, `high`. */
export function becomeConst(inst: Inst, low: number, high = 0): void {
  inst.op = Op.const;
  inst.args = [];
  inst.imm = low | 0;
  inst.imm2 = inst.type === Type.i32 || inst.type === Type.f32 ? 0 : high | 0;
  inst.offset = 0;
  inst.region = 0;
  inst.access = 0;
}

/** Takes the edge from -> to away, with the phi inputs that came over it. */
export function removeEdge(from: Block, to: Block): void {
  from.succs.splice(from.succs.indexOf(to), 1);
  const k = to.preds.indexOf(from);
  to.preds.splice(k, 1);
  for (const phi of to.phis) phi.args.splice(k, 1);
}

/** Removes the blocks that no path from the entry reaches, and the edges out of them. */
export function removeUnreachable(func: Func): void {
  const reached = new Uint8Array(func.blockCount);
  for (const block of reversePostorder(func)) reached[block.id] = 1;
  for (const block of func.blocks) {
    if (reached[block.id] !== 0) continue;
    for (const succ of block.succs.slice()) removeEdge(block, succ);
  }
  func.blocks = func.blocks.filter((block) => reached[block.id] !== 0);
}

/**
 * Replacements of instructions by others, by number: written while a pass walks, read whenever it meets an input.
 * Chains are followed to their end.
 */
export class Forwarding {
  private readonly to: (Inst | undefined)[];
  /** True once anything was replaced. */
  any = false;

  constructor(func: Func) {
    this.to = new Array<Inst | undefined>(func.instCount);
  }

  replace(inst: Inst, by: Inst): void {
    this.to[inst.id] = by;
    this.any = true;
  }

  isReplaced(inst: Inst): boolean {
    return this.to[inst.id] !== undefined;
  }

  /** What stands for `inst`. */
  find(inst: Inst): Inst {
    let at = inst;
    for (let next = this.to[at.id]; next !== undefined; next = this.to[at.id]) at = next;
    if (at !== inst) this.to[inst.id] = at;
    return at;
  }

  /** Replaces the inputs of `inst`. */
  update(inst: Inst): void {
    const { args } = inst;
    for (let k = 0; k < args.length; k++) {
      if (this.to[args[k].id] !== undefined) args[k] = this.find(args[k]);
    }
  }

  /** Replaces the inputs of every instruction of the function. */
  updateAll(func: Func): void {
    if (!this.any) return;
    for (const block of func.blocks) {
      for (const phi of block.phis) this.update(phi);
      for (const inst of block.insts) this.update(inst);
    }
  }
}
