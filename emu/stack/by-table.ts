import type { CodePoint } from './code.ts';
import { type InterruptedRegisters, isBorder, type ReadFailure, StackReader } from './reader.ts';

/**
 * Reads frames by the rows of the stack map, which say at every instruction how far the frame reaches and where its return
 * address is: from the interrupted program counter and stack pointer outwards. Adapters have records under every scheme: an entry
 * adapter's activation leads across the host to the host adapter's, a cross adapter's is checked on the way.
 */
export class TableReader extends StackReader {
  protected walk(innermost: CodePoint, registers: InterruptedRegisters): ReadFailure | null {
    let failure = this.start(innermost, registers);
    if (failure !== null) return failure;
    this.floor = registers.sp + innermost.cfa;
    const atEntry = innermost.symbol.kind === 'entry-adapter';
    failure = atEntry ? null : (this.leaveInnermost(innermost, registers) ?? this.toEntry());
    // A stack may have as many host functions as it has room for.
    while (failure === null && this.record !== 0) failure = this.crossHost() ?? this.toEntry();
    return failure;
  }

  /** From the frame that the last one read returns to, whose stack pointer is at `floor`, through the entry adapter that the host called. */
  private toEntry(): ReadFailure | null {
    for (;;) {
      const point = this.nextFrame();
      if (point === undefined) return 'no-image-at-return';
      const { symbol, cfa, returnAddress } = point;
      const sp = this.floor;
      if (cfa < this.word || returnAddress < 0 || returnAddress >= cfa) return 'return-address-unreadable';
      if (isBorder(symbol)) {
        this.record = sp + symbol.slotBase;
        const failure = this.leaveActivation();
        if (failure !== null) return failure;
      }
      this.floor = sp + cfa;
      if (symbol.kind === 'entry-adapter') return null;
      const failure = this.takeReturnAddress(sp + returnAddress);
      if (failure !== null) return failure;
    }
  }
}
