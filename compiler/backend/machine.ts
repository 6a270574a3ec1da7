import type { Callee, FunctionSymbol, InlinedCall } from '../ir/function.ts';
import type { TrapKind } from '../ir/types.ts';

/**
 * Machine code before encoding, the form that selection, register allocation and emission share. Registers are
 * numbers: below {@link firstVirtual} physical (numbered by the target), from there on virtual.
 */
export const firstVirtual = 64;

/** Register classes. Which physical registers serve a class, and in what order, is target data. */
export const RegClass = { int: 0, f32: 1, f64: 2, v128: 3 } as const;
export type RegClass = (typeof RegClass)[keyof typeof RegClass];

const none: number[] = [];

/** A memory operand: base + (index << scale) + disp, or a frame slot, or a literal. Registers as above, -1 for none. */
export class Mem {
  base: number;
  index: number;
  scale: number;
  disp: number;
  /** What `disp` is relative to when `base` is -1. */
  readonly area: MemArea;
  /** For area `constant`: index in {@link MFunction.constants}. */
  readonly constant: number;
  constructor(base: number, disp: number, index = -1, scale = 0, area: MemArea = 'address', constant = -1) {
    this.base = base;
    this.disp = disp;
    this.index = index;
    this.scale = scale;
    this.area = area;
    this.constant = constant;
  }
}

/**
 * `address`: plain; `spill`: disp is a spill slot number; `slot`: byte offset in the function's own frame slots
 * (`stack_slot`); `outgoing`: byte offset in the outgoing argument area; `incoming`: byte offset in the caller's
 * outgoing area; `constant`: a literal of the function.
 */
export type MemArea = 'address' | 'spill' | 'slot' | 'outgoing' | 'incoming' | 'constant';

/** One machine instruction. `op` indexes the target's instruction table; negative numbers are the shared pseudos below. */
export class MInst {
  op: number;
  /** Registers written. */
  defs: number[];
  /** Registers read (those of `mem` are read too, and are not repeated here). */
  uses: number[];
  /** Virtual registers clobbered inside: live during the instruction, distinct from all its operands. */
  temps: number[] = none;
  mem: Mem | null = null;
  imm = 0;
  imm2 = 0;
  /** Condition code, shift kind, or whatever small variant the row of the table defines. */
  cond = 0;
  /** Branch target. */
  block: MBlock | null = null;
  /** Switches: targets per case, the default last. */
  blocks: MBlock[] | null = null;
  /** Direct calls: the callee; indirect calls: its signature. */
  callee: Callee | null = null;
  /** Physical registers that a call destroys (besides its defs). */
  clobbers: readonly number[] | null = null;
  /** Instructions that may trap: the kind. -1: cannot. */
  trap: TrapKind | -1 = -1;
  /** The instruction stores `top`. */
  publishes = false;
  origin: number;
  constructor(op: number, defs: number[], uses: number[], origin: number) {
    this.op = op;
    this.defs = defs;
    this.uses = uses;
    this.origin = origin;
  }
}

/** Operations of every target. */
export const Pseudo = {
  /** All defs[i] <- uses[i] at once. Uses and defs may be physical (calls, returns, entry) or virtual; sequenced after allocation. */
  parallelMove: -1,
  /** defs[0] <- uses[0] within one class: a coalescing candidate. */
  copy: -2,
} as const;

export class MPhi {
  def: number;
  /** In the order of the block's preds. */
  args: number[];
  constructor(def: number, args: number[]) {
    this.def = def;
    this.args = args;
  }
}

export class MBlock {
  readonly id: number;
  phis: MPhi[] = [];
  insts: MInst[] = [];
  preds: MBlock[] = [];
  succs: MBlock[] = [];
  loopDepth = 0;
  cold = false;
  constructor(id: number) {
    this.id = id;
  }
}

/** A literal in read-only memory: 4, 8 or 16 bytes as 32-bit words. */
export interface Constant {
  readonly words: readonly number[];
}

/** Values that can be computed anew instead of being spilled: the allocator asks the target to emit them again. */
export interface Rematerialisation {
  /** A fresh copy of the instruction that makes the value; its only def is replaced. */
  readonly inst: MInst;
}

/** A function on virtual, later physical, registers. Every critical edge is split before allocation. */
export class MFunction {
  readonly symbol: FunctionSymbol;
  readonly params: Callee;
  blocks: MBlock[] = [];
  /** Class of each virtual register, indexed by number - firstVirtual. */
  readonly classes: RegClass[] = [];
  /** Per virtual register: how to rematerialise it, or null. Same index. */
  readonly remat: (Rematerialisation | null)[] = [];
  /** The literals that operands of area `constant` name by index, each once. */
  readonly constants: Constant[] = [];
  /** Bytes of frame slots (`MemArea` slot). */
  slotBytes = 0;
  /** Bytes of outgoing stack arguments and results, the largest call's. */
  outgoingBytes = 0;
  /** True if some instruction calls; leaves publish nothing. */
  hasCalls = false;
  readonly convention: 'wasm' | 'entry';
  /** As Func.inlined. */
  inlined: readonly InlinedCall[] = [];

  /** After allocation: number of 8-byte (v128: two of them) spill slots. */
  spillSlots = 0;
  /** After allocation: call-saved registers written, in register order. */
  savedRegisters: number[] = [];
  /** Statistics of the allocation. */
  spills = 0;
  reloads = 0;

  constructor(symbol: FunctionSymbol, params: Callee, convention: 'wasm' | 'entry') {
    this.symbol = symbol;
    this.params = params;
    this.convention = convention;
  }

  newVirtual(cls: RegClass): number {
    this.classes.push(cls);
    this.remat.push(null);
    return firstVirtual + this.classes.length - 1;
  }
}
