import { InternalError } from '../errors.ts';
import type { Callee, Func, Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Type } from '../ir/types.ts';
import { WordBuilder } from './words.ts';

/**
 * Splits every i64 value into two i32 values, low and high word, for targets with 32-bit words: parameters, results and
 * signatures of calls (low word first), phis, memory accesses, arithmetic. Most i64 values of real programs are
 * extended i32, so halves that are known to be zero are used where they make an operation cheaper.
 *
 * Needs: i64 operations that become helper calls are calls already (legalize). Leaves: no i64 value; `verify` with
 * word = i32 holds.
 */
export function lower64(func: Func): void {
  if (usesI64(func)) new Splitter(func).run();
}

function usesI64(func: Func): boolean {
  if (func.params.includes(Type.i64) || func.results.includes(Type.i64)) return true;
  for (const block of func.blocks) {
    for (const phi of block.phis) if (phi.type === Type.i64) return true;
    for (const inst of block.insts) {
      if (inst.type === Type.i64) return true;
      if (inst.callee !== null && splitSignature(inst.callee) !== inst.callee) return true;
    }
  }
  return false;
}

const splitTypes = (types: readonly Type[]): Type[] =>
  types.flatMap((type) => (type === Type.i64 ? [Type.i32, Type.i32] : [type]));

const splitSignatures = new WeakMap<Callee, Callee>();

/** `callee` with every i64 as two i32; itself if it has none. Made once for each callee. */
export function splitSignature(callee: Callee): Callee {
  if (!callee.params.includes(Type.i64) && !callee.results.includes(Type.i64)) return callee;
  let split = splitSignatures.get(callee);
  if (split === undefined) {
    split = {
      symbol: callee.symbol,
      params: splitTypes(callee.params),
      results: splitTypes(callee.results),
    };
    splitSignatures.set(callee, split);
  }
  return split;
}

/** For each type of a signature, the index of its (first) word in the split one. */
function splitIndices(types: readonly Type[]): number[] {
  let at = 0;
  return types.map((type) => {
    const index = at;
    at += type === Type.i64 ? 2 : 1;
    return index;
  });
}

/** i64 comparisons on pairs: the pair operation, and whether its inputs are exchanged. */
const comparisons: ReadonlyMap<
  number,
  { readonly op: number; readonly word: number; readonly swap: boolean }
> = new Map([
  [Op.lt_s, { op: Op.pair_lt_s, word: Op.lt_s, swap: false }],
  [Op.lt_u, { op: Op.pair_lt_u, word: Op.lt_u, swap: false }],
  [Op.gt_s, { op: Op.pair_lt_s, word: Op.lt_s, swap: true }],
  [Op.gt_u, { op: Op.pair_lt_u, word: Op.lt_u, swap: true }],
  [Op.le_s, { op: Op.pair_ge_s, word: Op.ge_s, swap: true }],
  [Op.le_u, { op: Op.pair_ge_u, word: Op.ge_u, swap: true }],
  [Op.ge_s, { op: Op.pair_ge_s, word: Op.ge_s, swap: false }],
  [Op.ge_u, { op: Op.pair_ge_u, word: Op.ge_u, swap: false }],
]);

class Splitter {
  private readonly func: Func;
  private readonly words: WordBuilder;
  private readonly paramIndex: readonly number[];
  /** Where the results of the call seen last are in its split signature. */
  private resultIndices: readonly number[] = [];

  constructor(func: Func) {
    this.func = func;
    this.words = new WordBuilder(func);
    this.paramIndex = splitIndices(func.params);
  }

  run(): void {
    const { func, words } = this;
    const phis: Inst[] = [];
    for (const block of func.blocks) this.splitPhis(block.phis, phis);
    for (const block of func.blocks) {
      const { insts } = block;
      words.startBlock(block);
      let k = 0;
      if (block === func.blocks[0]) {
        for (; insts[k].op === Op.param; k++) this.splitParam(insts[k]);
        words.push(words.zero);
      }
      for (; k < insts.length; k++) this.split(insts[k]);
      block.insts = words.finishBlock();
    }
    for (const phi of phis) this.connectPhi(phi);
    if (func.convention === 'wasm') {
      func.params = splitTypes(func.params);
      func.results = splitTypes(func.results);
    }
  }

  /** Makes the phis of the words; inputs follow when all definitions are split. */
  private splitPhis(phis: Inst[], originals: Inst[]): void {
    const block = phis.length > 0 ? phis[0].block : null;
    if (block === null) return;
    block.phis = [];
    for (const phi of phis) {
      originals.push(phi);
      if (phi.type === Type.i64) {
        const low = this.func.appendPhi(block, Type.i32, phi.origin);
        this.words.define(phi, low, this.func.appendPhi(block, Type.i32, phi.origin));
      } else block.phis.push(phi);
    }
  }

  private connectPhi(phi: Inst): void {
    const { words } = this;
    if (phi.type === Type.i64) {
      words.low(phi).args = phi.args.map((arg) => words.low(arg));
      words.high(phi).args = phi.args.map((arg) => words.high(arg));
    } else phi.args = phi.args.map((arg) => words.value(arg));
  }

  private split(inst: Inst): void {
    const { words } = this;
    words.origin = inst.origin;
    if (inst.callee !== null || inst.op === Op.return) this.splitList(inst);
    else if (inst.op === Op.result) this.splitResult(inst);
    else if (inst.op === Op.param) this.splitParam(inst);
    else if (inst.type === Type.i64) this.splitValue(inst);
    else if (inst.args.length > 0 && inst.args[0].type === Type.i64) this.fromI64(inst);
    else if (inst.op === Op.store || inst.op === Op.store_indexed) words.store(inst);
    else words.keep(inst);
  }

  /** Calls and returns: any number of inputs, each of one or two words. */
  private splitList(inst: Inst): void {
    const { words } = this;
    const args: Inst[] = [];
    for (const arg of inst.args) {
      if (arg.type === Type.i64) args.push(words.low(arg), words.high(arg));
      else args.push(words.value(arg));
    }
    if (inst.type === Type.i64 && inst.callee !== null) {
      // The original keeps its type, by which its later uses are recognised.
      const call = words.make(inst.op, args, Type.none);
      call.callee = splitSignature(inst.callee);
      const low = words.result(call, 0);
      words.define(inst, low, words.result(call, 1));
      return;
    }
    inst.args = args;
    words.push(inst);
    if (inst.callee === null) return;
    this.resultIndices = splitIndices(inst.callee.results);
    inst.callee = splitSignature(inst.callee);
  }

  private splitResult(inst: Inst): void {
    const { words } = this;
    const call = inst.args[0];
    const index = call.callee === null ? inst.imm : this.resultIndices[inst.imm];
    if (inst.type === Type.i64) {
      const low = words.result(call, index);
      words.define(inst, low, words.result(call, index + 1));
    } else {
      inst.imm = index;
      words.push(inst);
    }
  }

  private splitParam(inst: Inst): void {
    const { words } = this;
    const index = this.func.convention === 'wasm' ? this.paramIndex[inst.imm] : inst.imm;
    if (inst.type === Type.i64) {
      const low = words.param(index);
      words.define(inst, low, words.param(index + 1));
    } else {
      inst.imm = index;
      words.push(inst);
    }
  }

  /** Operations with an i64 result. */
  private splitValue(inst: Inst): void {
    const { words } = this;
    const rule = valueRules[inst.op];
    if (rule === undefined) throw new InternalError(`lower64 has no rule for i64 operation ${inst.op}`);
    rule(words, inst);
  }

  /** Operations on i64 with another result. */
  private fromI64(inst: Inst): void {
    const { words } = this;
    const [a, b] = inst.args;
    switch (inst.op) {
      case Op.wrap:
        words.alias(inst, words.low(a));
        return;
      case Op.reinterpret:
        words.become(inst, Op.f64_from_words, [words.low(a), words.high(a)]);
        return;
      case Op.eq:
      case Op.ne: {
        const low = words.xor(words.low(a), words.low(b));
        const high = words.xor(words.high(a), words.high(b));
        words.become(inst, inst.op, [words.or(low, high), words.zero]);
        return;
      }
      default:
        this.compare(inst);
    }
  }

  private compare(inst: Inst): void {
    const { words } = this;
    const row = comparisons.get(inst.op);
    if (row === undefined) throw new InternalError(`lower64 has no rule for operation ${inst.op} on i64`);
    const [a, b] = row.swap ? [inst.args[1], inst.args[0]] : inst.args;
    const highA = words.high(a);
    const highB = words.high(b);
    const signed = row.op === Op.pair_lt_s || row.op === Op.pair_ge_s;
    if (highA === words.zero && highB === words.zero) {
      // Neither is negative: the signed order is the unsigned one.
      const below = row.op === Op.pair_lt_s || row.op === Op.pair_lt_u;
      words.become(inst, below ? Op.lt_u : Op.ge_u, [words.low(a), words.low(b)]);
    } else if (signed && highB === words.zero && words.isZero(words.low(b))) {
      // The sign of a alone decides.
      words.become(inst, row.word, [highA, words.zero]);
    } else words.become(inst, row.op, [words.low(a), highA, words.low(b), highB]);
  }
}

type ValueRule = (words: WordBuilder, inst: Inst) => void;

const halves =
  (half: 'and' | 'or' | 'xor'): ValueRule =>
  (words, inst) => {
    const [a, b] = inst.args;
    const low = words[half](words.low(a), words.low(b));
    words.define(inst, low, words[half](words.high(a), words.high(b)));
  };

const arithmetic =
  (op: number): ValueRule =>
  (words, inst) => {
    const [a, b] = inst.args;
    words.pair(inst, op, [words.low(a), words.high(a), words.low(b), words.high(b)]);
  };

/** Sign-extends the low word, as `op` leaves it, over the high one. */
const signExtended =
  (op: number): ValueRule =>
  (words, inst) => {
    const low = op === Op.wrap ? words.low(inst.args[0]) : words.make(op, [words.low(inst.args[0])]);
    words.define(inst, low, words.signOf(low));
  };

/** clz and ctz: of the word that is looked at first, unless it is all zero. */
const countZeros =
  (op: number, first: 'low' | 'high'): ValueRule =>
  (words, inst) => {
    const [value] = inst.args;
    const one = first === 'low' ? words.low(value) : words.high(value);
    const other = first === 'low' ? words.high(value) : words.low(value);
    const beyond = words.make(Op.add, [words.make(op, [other]), words.constant(32)]);
    const count = words.isZero(one) ? beyond : words.make(Op.select, [one, words.make(op, [one]), beyond]);
    words.define(inst, count, words.zero);
  };

/** How each operation with an i64 result is carried out on words, by operation number. */
const valueRules: (ValueRule | undefined)[] = [];
valueRules[Op.const] = (words, inst) => {
  const low = words.constant(inst.imm);
  words.define(inst, low, words.constant(inst.imm2));
};
valueRules[Op.add] = (words, inst) => {
  const [a, b] = inst.args;
  if (words.isZero(words.low(b))) {
    words.define(inst, words.low(a), words.add(words.high(a), words.high(b)));
  } else arithmetic(Op.pair_add)(words, inst);
};
valueRules[Op.sub] = arithmetic(Op.pair_sub);
valueRules[Op.mul] = arithmetic(Op.pair_mul);
valueRules[Op.and] = halves('and');
valueRules[Op.or] = halves('or');
valueRules[Op.xor] = halves('xor');
valueRules[Op.shl] = (words, inst) => words.shift(inst, Op.pair_shl);
valueRules[Op.shr_s] = (words, inst) => words.shift(inst, Op.pair_shr_s);
valueRules[Op.shr_u] = (words, inst) => words.shift(inst, Op.pair_shr_u);
valueRules[Op.rotl] = (words, inst) => words.rotate(inst, true);
valueRules[Op.rotr] = (words, inst) => words.rotate(inst, false);
valueRules[Op.clz] = countZeros(Op.clz, 'high');
valueRules[Op.ctz] = countZeros(Op.ctz, 'low');
valueRules[Op.popcnt] = (words, inst) => {
  const low = words.make(Op.popcnt, [words.low(inst.args[0])]);
  const high = words.high(inst.args[0]);
  const sum = words.isZero(high) ? low : words.make(Op.add, [low, words.make(Op.popcnt, [high])]);
  words.define(inst, sum, words.zero);
};
valueRules[Op.extend8_s] = signExtended(Op.extend8_s);
valueRules[Op.extend16_s] = signExtended(Op.extend16_s);
valueRules[Op.extend32_s] = signExtended(Op.wrap);
valueRules[Op.extend_s] = (words, inst) => {
  const low = words.value(inst.args[0]);
  words.define(inst, low, words.signOf(low));
};
valueRules[Op.extend_u] = (words, inst) => {
  words.define(inst, words.value(inst.args[0]), words.zero);
};
valueRules[Op.reinterpret] = (words, inst) => {
  const value = words.value(inst.args[0]);
  const low = words.f64Word(value, 0);
  words.define(inst, low, words.f64Word(value, 1));
};
valueRules[Op.select] = (words, inst) => {
  const [condition, a, b] = inst.args;
  const low = words.select(words.value(condition), words.low(a), words.low(b));
  words.define(inst, low, words.select(words.value(condition), words.high(a), words.high(b)));
};
valueRules[Op.load] = (words, inst) => words.load(inst);
valueRules[Op.load_indexed] = (words, inst) => words.load(inst);
