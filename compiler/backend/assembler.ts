import { InternalError } from '../errors.ts';
import { TrapKind } from '../ir/types.ts';
import { type Constant, MBlock } from './machine.ts';

export type { Constant };

/** A hole in the code that the linker fills with a symbol's or constant's address. `kind` is the target's own number. */
export interface Relocation {
  readonly offset: number;
  readonly kind: number;
  readonly to: 'function' | 'constant';
  /** Symbol id, or index into the function's constants. */
  readonly index: number;
}

/**
 * How the frame looks from the code offset on. cfa: stack pointer to the stack pointer's value before the call, bytes.
 * returnAddress: >= 0 its byte offset from the stack pointer, -1 in the link register. published: this function's record is visible.
 */
export interface FrameRow {
  readonly offset: number;
  readonly cfa: number;
  readonly returnAddress: number;
  readonly published: boolean;
}

interface Fixup {
  readonly at: number;
  readonly kind: number;
  readonly block: MBlock;
}

interface JumpTable {
  readonly label: MBlock;
  readonly blocks: readonly MBlock[];
  readonly kind: number;
}

interface Stub {
  readonly block: MBlock;
  readonly kind: TrapKind;
  readonly origin: number;
}

/** What an instruction is there for besides its operator: for people who read the code. */
export const CodeNote = {
  /** Puts a value away in the frame, for want of a register. */
  spill: 0,
  /** Reads such a value, be it as an operand. */
  reload: 1,
  /** Traps if an index is outside of a memory or table. */
  boundsCheck: 2,
  /** Exists because the function publishes its frame. */
  publication: 3,
} as const;
export type CodeNote = (typeof CodeNote)[keyof typeof CodeNote];

/** Traps of indices that are too large. */
const boundsTraps: readonly TrapKind[] = [
  TrapKind.memoryOutOfBounds,
  TrapKind.tableOutOfBounds,
  TrapKind.indirectCallOutOfBounds,
];

/** Label number of the first trap stub; the others count down from it. Below all other labels that are no blocks. */
const firstStub = -2;

/**
 * Bytes of one function with everything known at each of them: wasm position, frame, traps, publication points. The tables
 * are written while the code is (as Go's assembler does for pclntab), never reconstructed.
 */
export class Assembler {
  private buffer = new Uint8Array(1024);
  private view = new DataView(this.buffer.buffer);
  /** Offset of the next byte. */
  offset = 0;
  readonly relocations: Relocation[] = [];
  readonly constants: Constant[] = [];
  /** Pairs (code offset, trap kind), ascending. */
  readonly traps: number[] = [];
  /** Pairs (code offset, wasm offset), ascending: the wasm operator of the bytes from there on. */
  readonly positions: number[] = [];
  readonly frameRows: FrameRow[] = [];
  /** Code offsets of the instructions that store `top`. */
  readonly publications: number[] = [];
  /** Pairs (code offset, {@link CodeNote}), ascending: one at most for each instruction. */
  readonly notes: number[] = [];
  /** Where the instructions end, and the jump tables begin. */
  instructionsEnd = 0;
  private readonly labels = new Map<MBlock, number>();
  private readonly fixups: Fixup[] = [];
  private readonly stubs: Stub[] = [];
  private readonly jumpTables: JumpTable[] = [];
  private readonly constantIndex = new Map<string, number>();
  /** All stub labels so far; the same ones in both emissions. */
  private readonly stubLabels: MBlock[] = [];
  /** A first, all-long emission of the same code, for {@link isNear}; null during that first one. */
  private readonly estimate: Assembler | null;

  /** @param constants literals that operands name by index; further ones follow behind them */
  constructor(estimate: Assembler | null = null, constants: readonly Constant[] = []) {
    this.estimate = estimate;
    for (const { words } of constants) this.constant(words);
  }

  private reserve(bytes: number): void {
    if (this.offset + bytes <= this.buffer.length) return;
    const grown = new Uint8Array(this.buffer.length * 2 + bytes);
    grown.set(this.buffer);
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
  }

  byte(value: number): void {
    if (this.offset === this.buffer.length) this.reserve(1);
    this.buffer[this.offset++] = value;
  }

  /** Little-endian. */
  u16(value: number): void {
    this.reserve(2);
    this.view.setUint16(this.offset, value, true);
    this.offset += 2;
  }

  /** Little-endian. */
  u32(value: number): void {
    this.reserve(4);
    this.view.setInt32(this.offset, value, true);
    this.offset += 4;
  }

  /** The bytes so far; a view, valid until the next write. */
  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.offset);
  }

  /** Code from here on comes from the wasm operator at byte `origin` of the module (-1: from none). */
  position(origin: number): void {
    const rows = this.positions;
    const n = rows.length;
    if (n > 0 && rows[n - 1] === origin) return;
    if (n > 0 && rows[n - 2] === this.offset) rows[n - 1] = origin;
    else rows.push(this.offset, origin);
  }

  /** The frame looks like this from here on. */
  frame(cfa: number, returnAddress: number, published: boolean): void {
    const rows = this.frameRows;
    if (rows.length > 0 && rows[rows.length - 1].offset === this.offset) rows.pop();
    const last = rows[rows.length - 1];
    const same = last?.cfa === cfa && last.returnAddress === returnAddress && last.published === published;
    if (!same) rows.push({ offset: this.offset, cfa, returnAddress, published });
  }

  /** The next instruction may trap with `kind` (as a fault or by itself). */
  trap(kind: TrapKind): void {
    this.traps.push(this.offset, kind);
  }

  /** The next instruction stores `top`. */
  publication(): void {
    this.note(CodeNote.publication);
    this.publications.push(this.offset);
  }

  /** What the next instruction is there for. */
  note(note: CodeNote): void {
    this.notes.push(this.offset, note);
  }

  bind(block: MBlock): void {
    this.labels.set(block, this.offset);
  }

  /** The bytes at `at` hold a distance to `block`, of the target's fixup kind `kind`. */
  fixup(at: number, kind: number, block: MBlock): void {
    this.fixups.push({ at, kind, block });
  }

  /** True if a branch emitted here reaches `block` with an 8-bit distance for certain. */
  isNear(block: MBlock): boolean {
    const bound = this.labels.get(block);
    if (bound !== undefined) return this.offset - bound < 120;
    const to = this.estimate?.estimateOf(block);
    const from = this.estimateHere;
    return to !== undefined && to >= from && to - from < 120;
  }

  /** Offset of a label, or of the stub that has the same number here. */
  private estimateOf(block: MBlock): number | undefined {
    return this.labels.get(block.id <= firstStub ? this.stubLabels[firstStub - block.id] : block);
  }

  /** In the second emission: where the instruction now emitted stood in the first. Set by the emission driver. */
  estimateHere = 0;

  relocate(offset: number, kind: number, to: 'function' | 'constant', index: number): void {
    this.relocations.push({ offset, kind, to, index });
  }

  /** Index of a literal in this function's constants, made once. */
  constant(words: readonly number[]): number {
    const key = words.join();
    let index = this.constantIndex.get(key);
    if (index === undefined) {
      index = this.constants.length;
      this.constants.push({ words });
      this.constantIndex.set(key, index);
    }
    return index;
  }

  /**
   * A label behind the function's code at which a trap of `kind` happens, for the operator at `origin`. Where it is a bounds check, the
   * instruction emitted next branches there.
   */
  trapStub(kind: TrapKind, origin: number): MBlock {
    if (boundsTraps.includes(kind)) this.note(CodeNote.boundsCheck);
    const block = new MBlock(firstStub - this.stubLabels.length);
    this.stubLabels.push(block);
    this.stubs.push({ block, kind, origin });
    return block;
  }

  /**
   * A table behind the function's code, an entry of four bytes per block; returns its label. The bytes of an entry hold its
   * distance from the table's start until the fixup of `kind` is resolved.
   */
  jumpTable(blocks: readonly MBlock[], kind: number): MBlock {
    const label = new MBlock(-1);
    this.jumpTables.push({ label, blocks, kind });
    return label;
  }

  /** Emits the stubs asked for so far, whose frame is the body's, and then the jump tables. */
  flushStubs(emitTrap: (asm: Assembler) => void): void {
    for (const stub of this.stubs) {
      this.bind(stub.block);
      this.position(stub.origin);
      this.trap(stub.kind);
      emitTrap(this);
    }
    this.stubs.length = 0;
    this.instructionsEnd = this.offset;
    for (const { label, blocks, kind } of this.jumpTables) {
      this.bind(label);
      const start = this.offset;
      for (const block of blocks) {
        this.fixup(this.offset, kind, block);
        this.u32(this.offset - start);
      }
    }
    this.jumpTables.length = 0;
  }

  /**
   * Writes all distances.
   * @throws InternalError if a label was never bound
   */
  resolve(patch: (bytes: Uint8Array, at: number, kind: number, to: number) => void): void {
    for (const { at, kind, block } of this.fixups) {
      const to = this.labels.get(block);
      if (to === undefined) throw new InternalError(`branch to block ${block.id}, which was not emitted`);
      patch(this.buffer, at, kind, to);
    }
  }
}
