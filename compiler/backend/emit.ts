import { InternalError } from '../errors.ts';
import type { FunctionSymbol } from '../ir/function.ts';
import type { Publication } from '../stack/scheme.ts';
import { type FrameLayout, InstFlag, type Target } from '../target.ts';
import { Assembler, type Constant, type FrameRow, type Relocation } from './assembler.ts';
import type { MFunction } from './machine.ts';

/** A function's machine code and all that is known about it, with offsets from its first byte. */
export interface CompiledFunction {
  readonly symbol: FunctionSymbol;
  readonly bytes: Uint8Array;
  readonly relocations: readonly Relocation[];
  readonly constants: readonly Constant[];
  /** Pairs (code offset, trap kind), ascending. */
  readonly traps: readonly number[];
  /** Pairs (code offset, wasm offset), ascending. */
  readonly positions: readonly number[];
  readonly frameRows: readonly FrameRow[];
  /** Code offsets of the instructions that store `top`. */
  readonly publications: readonly number[];
  /** Bytes of stack in the body, the return address included. */
  readonly frameBytes: number;
  /** FrameLayout.recordOffset and FrameLayout.slotBase, for readers. */
  readonly recordOffset: number;
  readonly slotBase: number;
  readonly statistics: FunctionStatistics;
}

export interface FunctionStatistics {
  /** Rows of the instruction table emitted, without prologue, epilogues and trap stubs. */
  readonly instructions: number;
  readonly spills: number;
  readonly reloads: number;
}

/** Emits an allocated and laid out function: bytes, relocations, and the tables that readers find frames and traps by. */
export function emitFunction(func: MFunction, target: Target, publication: Publication): CompiledFunction {
  target.peephole?.(func);
  const frame = target.layoutFrame(func, publication);
  const emission = new Emission(func, target, publication, frame);
  const offsets: number[] = [];
  let asm = emission.run(new Assembler(null, func.constants), null, offsets);
  if (target.shortBranches) asm = emission.run(new Assembler(asm, func.constants), offsets, null);
  asm.resolve((bytes, at, kind, to) => target.patch(bytes, at, kind, to));
  return {
    symbol: func.symbol,
    bytes: asm.bytes().slice(),
    relocations: asm.relocations,
    constants: asm.constants,
    traps: asm.traps,
    positions: asm.positions,
    frameRows: asm.frameRows,
    publications: asm.publications,
    frameBytes: frame.size,
    recordOffset: frame.recordOffset,
    slotBase: frame.slotBase,
    statistics: {
      instructions: func.blocks.reduce((sum, { insts }) => sum + insts.length, 0),
      spills: func.spills,
      reloads: func.reloads,
    },
  };
}

class Emission {
  private readonly func: MFunction;
  private readonly target: Target;
  private readonly publication: Publication;
  private readonly frame: FrameLayout;

  constructor(func: MFunction, target: Target, publication: Publication, frame: FrameLayout) {
    this.func = func;
    this.target = target;
    this.publication = publication;
    this.frame = frame;
  }

  /**
   * Emits everything into `asm`. `estimates` are the instructions' offsets in an emission before; `offsets` collects those of
   * this one.
   */
  run(asm: Assembler, estimates: readonly number[] | null, offsets: number[] | null): Assembler {
    const { func, target, publication, frame } = this;
    asm.position(-1);
    target.emitPrologue(func, frame, publication, asm);
    const body = asm.frameRows[asm.frameRows.length - 1];
    if (body === undefined || asm.frameRows[0].offset !== 0) {
      throw new InternalError(`the frame at the entry of ${func.symbol.name} is not described`);
    }
    let count = 0;
    for (const block of func.blocks) {
      asm.bind(block);
      // Behind an epilogue the frame is the body's again.
      asm.frame(body.cfa, body.returnAddress, body.published);
      for (const inst of block.insts) {
        if (estimates !== null) asm.estimateHere = estimates[count++];
        offsets?.push(asm.offset);
        asm.position(inst.origin);
        if (inst.trap !== -1) asm.trap(inst.trap);
        if (inst.publishes) asm.publication();
        if ((target.instructions[inst.op].flags & InstFlag.return) !== 0) {
          target.emitEpilogue(func, frame, publication, asm);
        } else target.emit(inst, frame, asm);
      }
    }
    asm.frame(body.cfa, body.returnAddress, body.published);
    asm.flushStubs((into) => target.emitTrap(into));
    return asm;
  }
}
