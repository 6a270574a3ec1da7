import { ByteWriter } from '../byte-writer.ts';
import { InternalError } from '../errors.ts';

/** Call frame instructions (DWARF 5, 7.24); the first three keep an operand in their lower six bits. */
export const Cfa = {
  advanceLoc: 0x40,
  offset: 0x80,
  restore: 0xc0,
  nop: 0x00,
  advanceLoc1: 0x02,
  advanceLoc2: 0x03,
  advanceLoc4: 0x04,
  undefined: 0x07,
  sameValue: 0x08,
  defCfa: 0x0c,
  defCfaOffset: 0x0e,
  defCfaExpression: 0x0f,
  expression: 0x10,
} as const;

/** Operations of expressions (DWARF 5, 7.7.1). */
const Op = { deref: 0x06, breg0: 0x70 } as const;

/** Encodings of pointers in .eh_frame and .eh_frame_hdr (LSB Core 5.0, 10.5.1). */
export const PointerEncoding = { udata4: 0x03, sdata4: 0x0b, pcrel: 0x10, datarel: 0x30 } as const;

/** What unwinders must know of a machine: register numbers of its DWARF mapping, and in which units its code and stack are counted. */
export interface CfiMachine {
  readonly stackPointer: number;
  readonly returnAddress: number;
  /** Every instruction is a multiple of so many bytes. */
  readonly codeAlignment: number;
  readonly wordBytes: 4 | 8;
  /** The rule at entry: the word below the CFA, or the register itself. */
  readonly returnAddressAtEntry: 'stack' | 'register';
}

/** The frame from a code offset on, in bytes from the stack pointer; `returnAddress` -1: in its register. As StackMap has it. */
export interface UnwindRow {
  readonly offset: number;
  readonly cfa: number;
  readonly returnAddress: number;
}

/** Code with one description, as a function is. */
export interface UnwindRange {
  readonly address: number;
  readonly size: number;
  /** Ascending, the first at offset 0. */
  readonly rows: readonly UnwindRow[];
  /** Nobody called it: backtraces end here. */
  readonly outermost?: boolean;
}

/** Code that a signal handler returns to: all registers lie in a record at the stack pointer. */
export interface SignalReturn {
  readonly address: number;
  readonly size: number;
  /** Bytes from the stack pointer to the saved registers, by DWARF number; the stack pointer and the return address among them. */
  readonly registers: ReadonlyMap<number, number>;
}

/** .eh_frame: positions relative to themselves (LSB Core 5.0, 10.6.1). .debug_frame: absolute (DWARF 5, 6.4.1). */
export type CfiForm =
  | { readonly kind: 'eh_frame'; readonly address: number }
  | { readonly kind: 'debug_frame' };

/** Writes call frame information: CIEs, what frames have in common, and an FDE for each range of code. */
export class CfiWriter {
  private readonly out: ByteWriter;
  private readonly machine: CfiMachine;
  private readonly form: CfiForm;

  constructor(machine: CfiMachine, form: CfiForm) {
    this.machine = machine;
    this.form = form;
    this.out = new ByteWriter(2 ** 16);
  }

  /**
   * A CIE; returns its offset, by which FDEs name it. Its rules are those at entry to a function.
   * @param signal for code that a signal handler returns to: unwinders then take addresses as they are, not as behind a call
   */
  cie(signal = false): number {
    const { out, machine, form } = this;
    const { stackPointer, returnAddress, codeAlignment, wordBytes, returnAddressAtEntry } = machine;
    const start = this.open();
    out.u32(form.kind === 'eh_frame' ? 0 : 0xffff_ffff);
    out.byte(1);
    const augmentation = `${form.kind === 'eh_frame' ? 'zR' : ''}${signal ? 'S' : ''}`;
    out.string(augmentation);
    out.unsigned(codeAlignment);
    out.signed(-wordBytes);
    out.byte(returnAddress);
    if (form.kind === 'eh_frame') {
      out.unsigned(1);
      out.byte(PointerEncoding.pcrel | PointerEncoding.sdata4);
    }
    out.byte(Cfa.defCfa);
    out.unsigned(stackPointer);
    const inStack = returnAddressAtEntry === 'stack';
    out.unsigned(inStack ? wordBytes : 0);
    if (inStack) this.savedAt(wordBytes);
    else {
      out.byte(Cfa.sameValue);
      out.unsigned(returnAddress);
    }
    this.close(start);
    return start;
  }

  /** The FDE of `range`, whose CIE is the one at `cie`. */
  fde(cie: number, { address, size, rows, outermost }: UnwindRange): void {
    const { out, machine } = this;
    const start = this.header(cie, address, size);
    if (outermost) {
      out.byte(Cfa.undefined);
      out.unsigned(machine.returnAddress);
    }
    const inStack = machine.returnAddressAtEntry === 'stack';
    let at = 0;
    let cfa = inStack ? machine.wordBytes : 0;
    /** Bytes from the return address up to the CFA, or 0 while it is in its register. */
    let below = inStack ? machine.wordBytes : 0;
    for (const row of rows) {
      const rowBelow = row.returnAddress < 0 ? 0 : row.cfa - row.returnAddress;
      // The stack map also has rows for what unwinders do not ask about.
      if (row.cfa === cfa && rowBelow === below) continue;
      this.advance(row.offset - at);
      at = row.offset;
      if (row.cfa !== cfa) {
        out.byte(Cfa.defCfaOffset);
        out.unsigned(row.cfa);
        cfa = row.cfa;
      }
      if (rowBelow !== below && !outermost) {
        if (rowBelow === 0) out.byte(Cfa.restore | machine.returnAddress);
        else this.savedAt(rowBelow);
      }
      below = rowBelow;
    }
    this.close(start);
  }

  /** The FDE of code that a signal handler returns to. */
  signalFde(cie: number, { address, size, registers }: SignalReturn): void {
    const { out, machine } = this;
    const start = this.header(cie, address, size);
    for (const [register, offset] of registers) {
      const place = new ByteWriter(8);
      place.byte(Op.breg0 + machine.stackPointer);
      place.signed(offset);
      if (register === machine.stackPointer) {
        out.byte(Cfa.defCfaExpression);
        place.byte(Op.deref);
      } else {
        out.byte(Cfa.expression);
        out.unsigned(register);
      }
      out.unsigned(place.length);
      out.bytes(place.result());
    }
    this.close(start);
  }

  /** Everything so far; .eh_frame ends with an empty entry, which readers that know no size look for. */
  finish(): Uint8Array {
    if (this.form.kind === 'eh_frame') this.out.u32(0);
    return this.out.result();
  }

  /** Up to the instructions of an FDE. */
  private header(cie: number, address: number, size: number): number {
    const { out, form } = this;
    const start = this.open();
    if (form.kind === 'debug_frame') {
      out.u32(cie);
      out.u32(address);
      out.u32(size);
      return start;
    }
    out.u32(out.length - cie);
    const distance = address - (form.address + out.length);
    if (distance !== (distance | 0)) throw new InternalError('code lies too far from its unwind information');
    out.u32(distance);
    out.u32(size);
    // No augmentation data.
    out.unsigned(0);
    return start;
  }

  private open(): number {
    const start = this.out.length;
    this.out.u32(0);
    return start;
  }

  private close(start: number): void {
    this.out.align(this.machine.wordBytes, Cfa.nop);
    this.out.patch32(start, this.out.length - start - 4);
  }

  private advance(bytes: number): void {
    const { out, machine } = this;
    const units = bytes / machine.codeAlignment;
    if (!Number.isInteger(units)) throw new InternalError('a frame changes within an instruction');
    if (units === 0) return;
    if (units < 0x40) out.byte(Cfa.advanceLoc | units);
    else if (units < 0x100) {
      out.byte(Cfa.advanceLoc1);
      out.byte(units);
    } else if (units < 0x1_0000) {
      out.byte(Cfa.advanceLoc2);
      out.u16(units);
    } else {
      out.byte(Cfa.advanceLoc4);
      out.u32(units);
    }
  }

  /** The return address lies `below` bytes below the CFA. */
  private savedAt(below: number): void {
    const { out, machine } = this;
    out.byte(Cfa.offset | machine.returnAddress);
    out.unsigned(below / machine.wordBytes);
  }
}
