import { InternalError } from '../errors.ts';
import type { FunctionSymbol, InlinedCall } from '../ir/function.ts';
import type { Publication } from '../stack/scheme.ts';
import { type FrameLayout, InstFlag, type Target } from '../target.ts';
import { Assembler, CodeNote, type Constant, type FrameRow, type Relocation } from './assembler.ts';
import { type MFunction, type MInst, RegClass } from './machine.ts';

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
  /** As Func.inlined: what positions beyond the module's bytes are. */
  readonly inlined: readonly InlinedCall[];
  readonly frameRows: readonly FrameRow[];
  /** Code offsets of the instructions that store `top`. */
  readonly publications: readonly number[];
  /** Bytes of stack in the body, the return address included. */
  readonly frameBytes: number;
  /** FrameLayout.recordOffset and FrameLayout.slotBase, for readers. */
  readonly recordOffset: number;
  readonly slotBase: number;
  /** Pairs (code offset, {@link CodeNote}), ascending: what some instructions are there for. */
  readonly notes: readonly number[];
  /** Bytes of instructions; jump tables are behind them. */
  readonly instructionBytes: number;
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
    inlined: func.inlined,
    frameRows: asm.frameRows,
    publications: asm.publications,
    frameBytes: frame.size,
    recordOffset: frame.recordOffset,
    slotBase: frame.slotBase,
    notes: asm.notes,
    instructionBytes: asm.instructionsEnd,
  };
}

class Emission {
  private readonly func: MFunction;
  private readonly target: Target;
  private readonly publication: Publication;
  private readonly frame: FrameLayout;
  /** Operations that store a register to a spill slot. Whatever else names one reads it. */
  private readonly spills: ReadonlySet<number>;

  constructor(func: MFunction, target: Target, publication: Publication, frame: FrameLayout) {
    this.func = func;
    this.target = target;
    this.publication = publication;
    this.frame = frame;
    const classes = Object.values(RegClass);
    this.spills = new Set(classes.map((cls) => target.spill(cls, target.registers.scratch[cls], 0).op));
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
        else if (inst.mem?.area === 'spill') asm.note(this.noteOfSlot(inst));
        if ((target.instructions[inst.op].flags & InstFlag.return) !== 0) {
          target.emitEpilogue(func, frame, publication, asm);
        } else target.emit(inst, frame, asm);
      }
    }
    asm.frame(body.cfa, body.returnAddress, body.published);
    asm.flushStubs((into) => target.emitTrap(into));
    return asm;
  }
  private noteOfSlot({ op }: MInst): CodeNote {
    return this.spills.has(op) ? CodeNote.spill : CodeNote.reload;
  }
}
