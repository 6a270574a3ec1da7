import type { CompileContext } from '../context.ts';
import { isConst, isInt } from '../ir/constants.ts';
import { becomeConst, Forwarding, removeEdge, removeUnreachable } from '../ir/edit.ts';
import type { Block, Func, Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Type } from '../ir/types.ts';
import { onlyInput } from './copies.ts';
import { divisionRules } from './fold-division.ts';
import { floatRules } from './fold-float.ts';
import { integerRules } from './fold-integer.ts';
import { memoryRules } from './fold-memory.ts';

/**
 * Simplifies `inst`: in place, or by returning a value that is there already, or null for what has no value and is not needed.
 * Instructions it needs besides are made before `inst`.
 */
export type FoldRule = (f: Folder, inst: Inst) => Inst | null;

/**
 * Constants, algebraic identities, cheaper equivalents, branches on constants. One walk in layout order: inputs are
 * simplified before their users, except around loops.
 *
 * Needs: nothing. Leaves: constants right of commutative operations and comparisons; no branch, switch or trap on a
 * constant; no unreachable block. Float operations fold only to bits that every conforming execution may give.
 */
export function fold(func: Func, ctx: CompileContext): void {
  new Folder(func, ctx).run();
}

/** What folding rules work with. */
export class Folder {
  /** Bytes that memory 0 has at least, and those behind each that fault. */
  readonly memoryBytes: number;
  readonly guardBytes: number;
  private readonly func: Func;
  private readonly forwarding: Forwarding;
  private out: Inst[] = [];
  private cutEdges = false;

  constructor(func: Func, { module, target }: CompileContext) {
    this.memoryBytes = (module.memories[0]?.minimum ?? 0) * 65536;
    this.guardBytes = target.memory.guardBytes;
    this.func = func;
    this.forwarding = new Forwarding(func);
  }

  run(): void {
    const { func, forwarding } = this;
    const [entry] = func.blocks;
    for (const block of func.blocks) {
      if (block !== entry && block.preds.length === 0) this.cutAll(block);
      else this.foldBlock(block);
    }
    if (this.cutEdges) removeUnreachable(func);
    // Only the inputs of phis can still name what was replaced: they may come from blocks visited later.
    if (forwarding.any) {
      for (const block of func.blocks) for (const phi of block.phis) forwarding.update(phi);
    }
  }

  private foldBlock(block: Block): void {
    if (block.phis.length > 0) this.foldPhis(block);
    const { insts } = block;
    this.out = [];
    for (let k = 0; k < insts.length; k++) {
      const inst = insts[k];
      this.forwarding.update(inst);
      const rule = rules[inst.op];
      if (rule === undefined) {
        this.out.push(inst);
        continue;
      }
      const value = rule(this, inst);
      if (value === null) continue;
      if (value !== inst) this.forwarding.replace(inst, value);
      else this.out.push(inst);
      if (inst.op === Op.trap && k < insts.length - 1) {
        // Nothing behind a trap that certainly happens is reached.
        this.cutAll(block);
        break;
      }
    }
    block.insts = this.out;
  }

  private foldPhis(block: Block): void {
    let trivial = false;
    for (const phi of block.phis) {
      const value = onlyInput(phi, this.forwarding);
      if (value === null) continue;
      this.forwarding.replace(phi, value);
      trivial = true;
    }
    if (trivial) block.phis = block.phis.filter((phi) => !this.forwarding.isReplaced(phi));
  }

  private cutAll(block: Block): void {
    for (const succ of block.succs.slice()) removeEdge(block, succ);
    this.cutEdges = true;
  }

  /** Makes a terminator jump to its successor number `target` alone. */
  goto(inst: Inst, target: number): Inst {
    const { block } = inst;
    const kept = block.succs[target];
    for (const succ of block.succs.slice()) if (succ !== kept) removeEdge(block, succ);
    this.cutEdges = true;
    inst.op = Op.jump;
    inst.args = [];
    inst.table = null;
    return inst;
  }

  /** Makes an instruction before the one at hand, `like`. */
  make(op: number, type: Type, args: Inst[], like: Inst): Inst {
    const inst = this.func.newInst(op, type, args, like.block, like.origin);
    this.out.push(inst);
    return inst;
  }

  /** Makes a constant before the instruction at hand. */
  constant(type: Type, low: number, high: number, like: Inst): Inst {
    const inst = this.make(Op.const, type, [], like);
    inst.imm = low | 0;
    inst.imm2 = type === Type.i64 || type === Type.f64 ? high | 0 : 0;
    return inst;
  }

  /** Makes a small signed integer constant of an integer type. */
  integer(type: Type, value: number, like: Inst): Inst {
    return this.constant(type, value, value >> 31, like);
  }
}

/** If the condition is a comparison with zero: what it compares, and whether non-zero means true. Else null. */
function testedValue(condition: Inst): Inst | null {
  if (condition.op !== Op.eq && condition.op !== Op.ne) return null;
  const [value, zero] = condition.args;
  return value.type === Type.i32 && isInt(zero, 0) ? value : null;
}

const branch: FoldRule = (f, inst) => {
  const [condition] = inst.args;
  if (isConst(condition)) return f.goto(inst, condition.imm !== 0 ? 0 : 1);
  const value = testedValue(condition);
  if (value !== null) {
    if (condition.op === Op.eq) inst.block.succs.reverse();
    inst.args = [value];
  }
  return inst;
};

const switchOn: FoldRule = (f, inst) => {
  const [index] = inst.args;
  const { table } = inst;
  if (table === null) return inst;
  if (inst.block.succs.length === 1) return f.goto(inst, 0);
  if (!isConst(index)) return inst;
  return f.goto(inst, table[Math.min(index.imm >>> 0, table.length - 1)]);
};

const trapIf: FoldRule = (_, inst) => {
  const [condition] = inst.args;
  if (isConst(condition)) {
    if (condition.imm === 0) return null;
    inst.op = Op.trap;
    inst.args = [];
  } else if (condition.op === Op.ne) {
    const value = testedValue(condition);
    if (value !== null) inst.args = [value];
  }
  return inst;
};

const select: FoldRule = (_, inst) => {
  const [condition, a, b] = inst.args;
  if (a === b) return a;
  if (isConst(condition)) return condition.imm !== 0 ? a : b;
  const value = testedValue(condition);
  if (value !== null) inst.args = condition.op === Op.eq ? [value, b, a] : [value, a, b];
  return inst;
};

const reinterpret: FoldRule = (_, inst) => {
  const [value] = inst.args;
  if (value.op === Op.reinterpret) return value.args[0];
  if (isConst(value)) becomeConst(inst, value.imm, value.imm2);
  return inst;
};

const words: FoldRule = (_, inst) => {
  const [value] = inst.args;
  if (value.op === Op.f64_from_words) return value.args[inst.imm];
  if (isConst(value)) becomeConst(inst, inst.imm === 0 ? value.imm : value.imm2);
  return inst;
};

const fromWords: FoldRule = (_, inst) => {
  const [low, high] = inst.args;
  const ofOne = low.op === Op.f64_word && high.op === Op.f64_word && low.args[0] === high.args[0];
  if (ofOne && low.imm === 0 && high.imm === 1) return low.args[0];
  if (isConst(low) && isConst(high)) becomeConst(inst, low.imm, high.imm);
  return inst;
};

/** Rules by operation number. */
const rules: (FoldRule | undefined)[] = [];
for (const [op, rule] of [...integerRules, ...divisionRules, ...floatRules, ...memoryRules]) rules[op] = rule;
rules[Op.branch] = branch;
rules[Op.switch] = switchOn;
rules[Op.trap_if] = trapIf;
rules[Op.select] = select;
rules[Op.reinterpret] = reinterpret;
rules[Op.f64_word] = words;
rules[Op.f64_from_words] = fromWords;
