import { Effect, effects, Op } from './ops.ts';
import { Access, Region, type Type } from './types.ts';

const noInsts: readonly Inst[] = [];

/**
 * An SSA instruction and, at once, its value. One class with fixed fields, so that hot loops stay monomorphic; which
 * fields mean something is the operation table's to say. Operations with several results have type `none`; their
 * values are `result` instructions directly behind them.
 */
export class Inst {
  /** Dense number within the function; analyses index typed arrays by it. */
  readonly id: number;
  op: number;
  type: Type;
  args: Inst[];
  block: Block;
  imm = 0;
  imm2 = 0;
  /** Byte offset added to an address (unsigned, below 2^53), or the extent of a bounds check. */
  offset = 0;
  access: Access = Access.full;
  /** Alias class, see {@link Region}. */
  region: number = Region.none;
  callee: Callee | null = null;
  /** `switch` only: index into Block.succs per case; the last entry is the default. */
  table: Int32Array | null = null;
  /** Byte offset of the wasm operator this comes from, in the module binary; -1 for none. Beyond the module's bytes: {@link InlinedCall}. */
  origin: number;

  constructor(id: number, op: number, type: Type, args: Inst[], block: Block, origin: number) {
    this.id = id;
    this.op = op;
    this.type = type;
    this.args = args;
    this.block = block;
    this.origin = origin;
  }

  get isTerminator(): boolean {
    return (effects(this.op) & Effect.terminates) !== 0;
  }
}

/** What a call calls: a signature in SSA types and, for direct calls, a symbol of the image. */
export interface Callee {
  /** Symbol number for `call` ({@link FunctionSymbol.id}); -1 for `call_ptr`. */
  readonly symbol: number;
  readonly params: readonly Type[];
  readonly results: readonly Type[];
}

/** A basic block: phis, then instructions, the last of which is its terminator. No edge appears twice. */
export class Block {
  readonly id: number;
  phis: Inst[] = [];
  insts: Inst[] = [];
  preds: Block[] = [];
  succs: Block[] = [];
  /** Set where the front end knows that this block is hardly ever reached (traps, slow paths). */
  cold = false;
  constructor(id: number) {
    this.id = id;
  }

  /** @throws TypeError never in a verified function: every block ends in a terminator. */
  get terminator(): Inst {
    const last = this.insts[this.insts.length - 1];
    if (last === undefined) throw new TypeError(`block ${this.id} is empty`);
    return last;
  }
}

/** How a function is entered: by other compiled code, or from native code by the C convention (`entry` adapters). */
export type Convention = 'wasm' | 'entry';

/** What a compiled function is, as frames are reported by it. */
export type FunctionKind = 'wasm' | 'helper' | 'init' | 'entry-adapter' | 'cross-adapter' | 'host-adapter';

/** A function of the image, named before it is compiled so that calls can refer to it. */
export interface FunctionSymbol {
  /** Dense number within the image; the publication record's function id on x86-64. */
  readonly id: number;
  readonly name: string;
  readonly kind: FunctionKind;
  /** Index in the module's function space for kind `wasm`, else -1. */
  readonly wasmIndex: number;
}

/**
 * A call whose callee's body stands in its place. Origins from `base` on, `bodyBytes` of them, are positions in that body; those
 * of a module's own functions are all below the module's length, and those of inlined bodies all beyond it.
 */
export interface InlinedCall {
  readonly base: number;
  /** The callee: its index in the module's function space, and the byte range of its body in the module binary. */
  readonly wasmIndex: number;
  readonly bodyStart: number;
  readonly bodyBytes: number;
  /** Origin of the call. It may lie in another inlined body, whose `base` is then smaller. */
  readonly call: number;
}

/**
 * Bodies inside of bodies: how many stand at most at one place in a function's code. The inliner keeps to it, and images that do not are
 * refused, as readers of stacks take every one for a frame.
 */
export const mostInlinedBodies = 8;

/** Index of the inlined call whose body `origin` lies in, or -1. */
export function inlinedBody(inlined: readonly InlinedCall[], origin: number): number {
  let low = 0;
  let high = inlined.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (inlined[middle].base <= origin) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A function in SSA form. Blocks stand in an order in which every block follows its immediate dominator and loops are contiguous. */
export class Func {
  readonly symbol: FunctionSymbol;
  readonly convention: Convention;
  /** In SSA types; splitting 64-bit integers (passes/lower64) replaces them. */
  params: readonly Type[];
  results: readonly Type[];
  blocks: Block[] = [];
  /** Bytes of frame slots that `stack_slot` addresses; 0 for everything but adapters and the runtime. */
  slotBytes = 0;
  /** Offset of the function's body in the module binary, or -1. */
  readonly origin: number;
  /** Offset of the body's first operator, behind its locals, or -1. */
  firstOperator = -1;
  /** Calls that passes/inline.ts has put bodies in place of, by ascending `base`. */
  readonly inlined: InlinedCall[] = [];
  private nextInst = 0;
  private nextBlock = 0;

  constructor(
    symbol: FunctionSymbol,
    params: readonly Type[],
    results: readonly Type[],
    convention: Convention = 'wasm',
    origin = -1,
  ) {
    this.symbol = symbol;
    this.params = params;
    this.results = results;
    this.convention = convention;
    this.origin = origin;
  }

  /** One more than the largest instruction number: the length of arrays indexed by instruction. */
  get instCount(): number {
    return this.nextInst;
  }

  /** One more than the largest block number. */
  get blockCount(): number {
    return this.nextBlock;
  }

  /** Makes a block and appends it to the layout. */
  newBlock(): Block {
    const block = this.detachedBlock();
    this.blocks.push(block);
    return block;
  }

  /** Makes a block without a place in the layout yet. */
  detachedBlock(): Block {
    return new Block(this.nextBlock++);
  }

  /** Makes an instruction without inserting it anywhere. */
  newInst(op: number, type: Type, args: Inst[], block: Block, origin: number): Inst {
    return new Inst(this.nextInst++, op, type, args.length === 0 ? (noInsts as Inst[]) : args, block, origin);
  }

  /** Makes an instruction at the end of `block`. */
  append(block: Block, op: number, type: Type, args: Inst[], origin = -1): Inst {
    const inst = this.newInst(op, type, args, block, origin);
    block.insts.push(inst);
    return inst;
  }

  /** Makes a phi of `block`; inputs follow once the predecessors are known. */
  appendPhi(block: Block, type: Type, origin = -1): Inst {
    const inst = new Inst(this.nextInst++, Op.phi, type, [], block, origin);
    block.phis.push(inst);
    return inst;
  }
}

/** Adds the edge from -> to at the end of both lists. */
export function connect(from: Block, to: Block): void {
  from.succs.push(to);
  to.preds.push(from);
}
