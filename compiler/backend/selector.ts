import type { Inst } from '../ir/function.ts';
import type { Type } from '../ir/types.ts';
import type { MBlock, Mem, MFunction, MInst, RegClass } from './machine.ts';

/**
 * What a selection rule works with. Blocks are selected backwards, from roots (effects and terminators): a pure
 * instruction is selected only if somebody asked for its register. Within a rule, instructions are emitted in the order
 * in which they shall run.
 */
export interface Selector {
  readonly func: MFunction;
  /** The virtual register of a value, asking for the value to be computed. Of `env`, outside adapters, the pinned register. */
  use(value: Inst): number;
  /** The virtual register that the rule must define: of `inst`, or, for several results, of its `result` number `index` (-1 register if that is unused: define a fresh temp). */
  def(inst: Inst, index?: number): number;
  /** A fresh virtual register. */
  temp(cls: RegClass): number;
  /** Class of a value type on this target. */
  classOf(type: Type): RegClass;
  /** Appends an instruction and returns it for further fields (mem, imm, cond, block, trap). */
  emit(op: number, defs: number[], uses: number[]): MInst;
  /** Appends def <- use as a coalescing candidate. */
  copy(def: number, use: number): void;
  /**
   * True if `value` may be computed inside its user `user` instead of in a register of its own: it has one use, stands in the
   * same block, and no effect lies between that conflicts with it (loads: no store or call, and for those that may fault no trap either).
   * The rule then reads value.args itself, by `use`, and does not call use(value). An instruction that a load of linear memory is
   * folded into gets the load's `origin`, as it is the load that traps.
   */
  canFold(value: Inst, user: Inst): boolean;
  /** Like canFold, for values without memory effect that are cheap to compute again: any number of uses (address arithmetic, comparisons). */
  canDuplicate(value: Inst): boolean;
  /** True if nothing but the instruction at hand reads `value`, whose register a two-address form may overwrite for free. */
  dies(value: Inst): boolean;
  /** The machine block of a successor. */
  block(number: number): MBlock;
  /** Says that virtual register `vreg` can be made again by a copy of `inst` (constants, env fields that never change). */
  rematerialise(vreg: number, inst: MInst): void;
  /** A memory operand naming a literal (4, 8 or 16 bytes as words). */
  constant(words: readonly number[]): Mem;
  /**
   * Shared call sequence: moves the arguments where the signature says, calls `emitCall` for the call instruction (which gets
   * the argument registers as uses, the result registers as defs, and the clobbers), and moves the results to virtual registers.
   * `extra`: further values in fixed registers (code address is an ordinary use; the descriptor is [value, register]).
   */
  call(
    inst: Inst,
    args: readonly Inst[],
    extra: readonly (readonly [value: number, register: number])[],
    emitCall: (uses: number[], defs: number[]) => MInst,
  ): void;
  /** The native call of call_host; likewise. */
  callNative(inst: Inst, args: readonly number[], emitCall: (uses: number[], defs: number[]) => MInst): void;
  /** Moves values to their result locations; the rule emits the return itself with the registers as uses. */
  returnValues(values: readonly Inst[]): number[];
}
