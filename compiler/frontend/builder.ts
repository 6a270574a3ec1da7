import type { CompileContext } from '../context.ts';
import { CompileError } from '../errors.ts';
import { Block, type Func, Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Type } from '../ir/types.ts';
import type { ByteReader } from '../wasm/bytes.ts';
import { Budget } from './budget.ts';
import { Emitter } from './emitter.ts';
import type { Frame } from './frame.ts';
import type { LocalTypes } from './local-types.ts';
import { Locals } from './locals.ts';
import { type StackType, stackTypeNames } from './module-types.ts';

/**
 * The state of decoding one function body: cursor, operand stack with types and SSA values, control stack, locals.
 *
 * Validation follows the algorithm of the specification's appendix ("Validation Algorithm"): behind an unconditional
 * transfer the operand stack is polymorphic until the block ends. Such code is validated but generates nothing: its
 * instructions go to a block that is thrown away, so that operators need not ask.
 */
export class Builder extends Emitter {
  readonly in: ByteReader;
  readonly locals: Locals;
  readonly budget: Budget;
  readonly localTypes: LocalTypes;
  /** Operand stack: types and, beside them, values. */
  readonly stackTypes: StackType[] = [];
  readonly values: Inst[] = [];
  /** Height of the operand stack. */
  sp = 0;
  /** Control stack, outermost first, and its top. */
  readonly frames: Frame[] = [];
  frame: Frame;
  /** False while the code at hand cannot be reached. */
  live = true;
  /** Phis made for block parameters and results. */
  readonly labelPhis: Inst[] = [];
  /** Loops met since the loop scan began. */
  loopCount = 0;
  /** Stands for values that unreachable code takes from its polymorphic stack. */
  readonly dummy: Inst;
  private readonly limbo = new Block(-1);
  private readonly zeros: (Inst | undefined)[] = [];

  constructor(ctx: CompileContext, func: Func, input: ByteReader, outermost: Frame, localTypes: LocalTypes) {
    super(ctx, func);
    this.in = input;
    this.budget = new Budget(outermost.entryAt);
    this.localTypes = localTypes;
    this.frame = outermost;
    this.frames.push(outermost);
    this.dummy = new Inst(-1, Op.const, Type.i32, [], this.limbo, -1);
    const params = func.params.map((type, index) => {
      const inst = this.emitPrologue(Op.param, type);
      inst.imm = index;
      return inst;
    });
    const typeOf = (local: number) => this.types.ssaType(localTypes.at(local));
    this.locals = new Locals(
      func,
      localTypes.length,
      typeOf,
      this.block,
      outermost.entryAt,
      this.budget,
      (local) => params[local] ?? this.zero(typeOf(local)),
    );
    outermost.entry = this.locals.current;
  }

  /** What locals hold at function entry: one zero per type. */
  private zero(type: Type): Inst {
    let inst = this.zeros[type];
    if (inst === undefined) {
      inst = this.emitPrologue(Op.const, type);
      this.zeros[type] = inst;
    }
    return inst;
  }

  /** @throws CompileError always: `invalid`, at the operator at hand */
  fail(message: string): never {
    throw new CompileError('invalid', message, this.origin);
  }

  push(type: StackType, value: Inst): void {
    this.stackTypes[this.sp] = type;
    this.values[this.sp] = value;
    this.sp++;
  }

  /** Takes a value of type `expected` from the operand stack. */
  pop(expected: StackType): Inst {
    if (this.sp > this.frame.height) {
      const at = --this.sp;
      const actual = this.stackTypes[at];
      if (actual !== expected && actual !== 0) this.mismatch(expected, actual);
      return this.values[at];
    }
    if (!this.frame.unreachable) this.underflow(expected);
    return this.dummy;
  }

  /** Type of the value that {@link pop} would take; `unknown` on a polymorphic stack. */
  topType(): StackType {
    if (this.sp > this.frame.height) return this.stackTypes[this.sp - 1];
    if (!this.frame.unreachable) this.fail('type mismatch: the operand stack is empty');
    return 0;
  }

  private mismatch(expected: StackType, actual: StackType): never {
    return this.fail(`type mismatch: expected ${stackTypeNames[expected]}, got ${stackTypeNames[actual]}`);
  }

  private underflow(expected: StackType): never {
    return this.fail(`type mismatch: expected ${stackTypeNames[expected]}, but the operand stack is empty`);
  }

  /**
   * Makes sure that the topmost values are of the types `expected` (the last one on top). On a polymorphic stack,
   * missing ones are supplied; afterwards all of them stand there with these very types.
   */
  need(expected: readonly StackType[]): void {
    const count = expected.length;
    const available = this.sp - this.frame.height;
    if (available < count) {
      if (!this.frame.unreachable) this.underflow(expected[count - 1 - available]);
      const missing = count - available;
      for (let k = 0; k < missing; k++) this.push(0, this.dummy);
      this.stackTypes.copyWithin(this.sp - available, this.frame.height, this.sp - missing);
      this.stackTypes.fill(0, this.frame.height, this.frame.height + missing);
    }
    const base = this.sp - count;
    for (let k = 0; k < count; k++) {
      const actual = this.stackTypes[base + k];
      if (actual === expected[k]) continue;
      if (actual !== 0) this.mismatch(expected[k], actual);
      this.stackTypes[base + k] = expected[k];
    }
  }

  /** Takes values of the types `expected`, the last one on top. */
  popAll(expected: readonly StackType[]): Inst[] {
    this.need(expected);
    this.budget.spend(expected.length);
    this.sp -= expected.length;
    return this.values.slice(this.sp, this.sp + expected.length);
  }

  /** Pushes values of the types `types`. */
  pushAll(types: readonly StackType[], values: readonly Inst[]): void {
    this.budget.spend(types.length * Budget.instruction);
    for (let k = 0; k < types.length; k++) this.push(types[k], values[k]);
  }

  /** The code from here to the end of the block cannot be reached: its stack is polymorphic. */
  unreachable(): void {
    this.sp = this.frame.height;
    this.frame.unreachable = true;
    this.live = false;
    this.startBlock(this.limbo);
  }

  /** Control reaches the code at hand again, in `block`, which takes its place in the layout. */
  goOn(block: Block): void {
    this.limbo.insts.length = 0;
    this.func.blocks.push(block);
    this.live = true;
    this.startBlock(block);
  }
}
