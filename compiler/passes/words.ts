import { isConst, isInt } from '../ir/constants.ts';
import type { Block, Func, Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Access, Type } from '../ir/types.ts';

/**
 * Builds the word operations that lower64 replaces i64 operations with, block by block, and remembers the words that
 * stand for each value. Identities with zero halves are applied here; everything else is left to the folding pass.
 */
export class WordBuilder {
  /** The i32 constant 0, one for the whole function, so that known zero halves are recognised by identity. */
  readonly zero: Inst;
  /** Origin of the instructions made. */
  origin = -1;
  private readonly func: Func;
  /** By number of the original instruction: its low word, or what replaces a value that is no i64. */
  private readonly lows: (Inst | undefined)[];
  private readonly highs: (Inst | undefined)[];
  private block: Block;
  private out: Inst[] = [];

  constructor(func: Func) {
    this.func = func;
    this.block = func.blocks[0];
    this.lows = new Array<Inst | undefined>(func.instCount);
    this.highs = new Array<Inst | undefined>(func.instCount);
    this.zero = func.newInst(Op.const, Type.i32, [], this.block, -1);
  }

  startBlock(block: Block): void {
    this.block = block;
    this.out = [];
  }

  finishBlock(): Inst[] {
    return this.out;
  }

  /** The words of an i64 value. */
  define(inst: Inst, low: Inst, high: Inst): void {
    this.lows[inst.id] = low;
    this.highs[inst.id] = high;
  }

  /** `inst`, no i64, is the same as `by`. */
  alias(inst: Inst, by: Inst): void {
    this.lows[inst.id] = by;
  }

  low(inst: Inst): Inst {
    return this.lows[inst.id] ?? inst;
  }

  high(inst: Inst): Inst {
    return this.highs[inst.id] ?? inst;
  }

  /** What stands for a value that is no i64. */
  value(inst: Inst): Inst {
    return this.lows[inst.id] ?? inst;
  }

  isZero(inst: Inst): boolean {
    return inst === this.zero;
  }

  push(inst: Inst): void {
    this.out.push(inst);
  }

  /** Keeps an instruction without i64 operands. */
  keep(inst: Inst): void {
    const { args } = inst;
    for (let k = 0; k < args.length; k++) args[k] = this.value(args[k]);
    this.out.push(inst);
  }

  /** Keeps `inst`, a value of its type, as another operation. */
  become(inst: Inst, op: number, args: Inst[]): void {
    inst.op = op;
    inst.args = args;
    this.out.push(inst);
  }

  make(op: number, args: Inst[], type: Type = Type.i32): Inst {
    const inst = this.func.newInst(op, type, args, this.block, this.origin);
    this.out.push(inst);
    return inst;
  }

  constant(value: number): Inst {
    if (value === 0) return this.zero;
    const inst = this.make(Op.const, []);
    inst.imm = value;
    return inst;
  }

  result(source: Inst, index: number): Inst {
    const inst = this.make(Op.result, [source]);
    inst.imm = index;
    return inst;
  }

  param(index: number): Inst {
    const inst = this.make(Op.param, []);
    inst.imm = index;
    return inst;
  }

  f64Word(value: Inst, index: 0 | 1): Inst {
    const inst = this.make(Op.f64_word, [value]);
    inst.imm = index;
    return inst;
  }

  add(a: Inst, b: Inst): Inst {
    if (this.isZero(a)) return b;
    return this.isZero(b) ? a : this.make(Op.add, [a, b]);
  }

  and(a: Inst, b: Inst): Inst {
    if (this.isZero(a) || this.isZero(b)) return this.zero;
    if (isInt(a, -1)) return b;
    return isInt(b, -1) ? a : this.make(Op.and, [a, b]);
  }

  or(a: Inst, b: Inst): Inst {
    if (this.isZero(a)) return b;
    return this.isZero(b) ? a : this.make(Op.or, [a, b]);
  }

  xor(a: Inst, b: Inst): Inst {
    if (this.isZero(a)) return b;
    return this.isZero(b) ? a : this.make(Op.xor, [a, b]);
  }

  select(condition: Inst, a: Inst, b: Inst): Inst {
    return a === b ? a : this.make(Op.select, [condition, a, b]);
  }

  /** The high word of `low` sign-extended. */
  signOf(low: Inst): Inst {
    return this.isZero(low) ? low : this.make(Op.shr_s, [low, this.constant(31)]);
  }

  /** Defines `inst` as the two results of a pair operation. */
  pair(inst: Inst, op: number, args: Inst[]): void {
    const source = this.make(op, args, Type.none);
    const low = this.result(source, 0);
    this.define(inst, low, this.result(source, 1));
  }

  private shiftWord(op: number, value: Inst, count: number): Inst {
    return count === 0 || this.isZero(value) ? value : this.make(op, [value, this.constant(count)]);
  }

  shift(inst: Inst, op: number): void {
    const [value, count] = inst.args;
    const low = this.low(value);
    const high = this.high(value);
    if (isConst(count)) this.shiftConstant(inst, op, count.imm & 63);
    else this.pair(inst, op, [low, high, this.low(count)]);
  }

  private shiftConstant(inst: Inst, op: number, count: number): void {
    const low = this.low(inst.args[0]);
    const high = this.high(inst.args[0]);
    if (count === 0) this.define(inst, low, high);
    else if (op === Op.pair_shl) {
      if (count >= 32) this.define(inst, this.zero, this.shiftWord(Op.shl, low, count - 32));
      else {
        const carried = this.shiftWord(Op.shr_u, low, 32 - count);
        const shifted = this.or(this.shiftWord(Op.shl, high, count), carried);
        this.define(inst, this.shiftWord(Op.shl, low, count), shifted);
      }
    } else {
      const signed = op === Op.pair_shr_s;
      const right = signed ? Op.shr_s : Op.shr_u;
      if (count >= 32) {
        const fill = signed ? this.signOf(high) : this.zero;
        this.define(inst, this.shiftWord(right, high, count - 32), fill);
      } else {
        const carried = this.shiftWord(Op.shl, high, 32 - count);
        const shifted = this.or(this.shiftWord(Op.shr_u, low, count), carried);
        this.define(inst, shifted, this.shiftWord(right, high, count));
      }
    }
  }

  rotate(inst: Inst, left: boolean): void {
    const [value, count] = inst.args;
    let low = this.low(value);
    let high = this.high(value);
    if (!isConst(count)) {
      this.rotateVariable(inst, left);
      return;
    }
    let by = (left ? count.imm : -count.imm) & 63;
    if (by >= 32) {
      [low, high] = [high, low];
      by -= 32;
    }
    if (by === 0) {
      this.define(inst, low, high);
      return;
    }
    const newLow = this.or(this.shiftWord(Op.shl, low, by), this.shiftWord(Op.shr_u, high, 32 - by));
    const newHigh = this.or(this.shiftWord(Op.shl, high, by), this.shiftWord(Op.shr_u, low, 32 - by));
    this.define(inst, newLow, newHigh);
  }

  /** x shifted one way by the count and the other way by its negative (both modulo 64), together. */
  private rotateVariable(inst: Inst, left: boolean): void {
    const [value, count] = inst.args;
    const by = this.low(count);
    const back = this.make(Op.sub, [this.zero, by]);
    const words = [this.low(value), this.high(value)];
    const one = this.make(left ? Op.pair_shl : Op.pair_shr_u, [...words, by], Type.none);
    const oneLow = this.result(one, 0);
    const oneHigh = this.result(one, 1);
    const other = this.make(left ? Op.pair_shr_u : Op.pair_shl, [...words, back], Type.none);
    const otherLow = this.result(other, 0);
    const otherHigh = this.result(other, 1);
    const low = this.make(Op.or, [oneLow, otherLow]);
    this.define(inst, low, this.make(Op.or, [oneHigh, otherHigh]));
  }

  private access(like: Inst, type: Type, args: Inst[], access: Access, offset: number): Inst {
    const inst = this.make(like.op, args, type);
    inst.access = access;
    inst.offset = offset;
    inst.region = like.region;
    return inst;
  }

  /** An i64 load: both words, or one narrow access and its extension. */
  load(inst: Inst): void {
    const { access, offset } = inst;
    const args = inst.args.map((arg) => this.value(arg));
    if (access === Access.full) {
      const low = this.access(inst, Type.i32, args, Access.full, offset);
      this.define(inst, low, this.access(inst, Type.i32, args.slice(), Access.full, offset + 4));
      return;
    }
    const signed = access === Access.s8 || access === Access.s16 || access === Access.s32;
    const low = this.access(inst, Type.i32, args, wordAccess(access), offset);
    this.define(inst, low, signed ? this.signOf(low) : this.zero);
  }

  /**
   * A store, of an i64 or not. The word at the higher address is stored first: an access that reaches into the guard
   * region must fault before it has written anything.
   */
  store(inst: Inst): void {
    const { args, access, offset } = inst;
    const last = args.length - 1;
    const value = args[last];
    if (value.type !== Type.i64) {
      this.keep(inst);
      return;
    }
    const address = args.slice(0, last).map((arg) => this.value(arg));
    const low = this.low(value);
    if (access === Access.full) {
      this.access(inst, Type.none, [...address, this.high(value)], Access.full, offset + 4);
      this.access(inst, Type.none, [...address, low], Access.full, offset);
    } else this.access(inst, Type.none, [...address, low], wordAccess(access), offset);
  }
}

/** The access to a word that moves the same bytes as this access to an i64. */
const wordAccess = (access: Access): Access =>
  access === Access.s32 || access === Access.u32 ? Access.full : access;
