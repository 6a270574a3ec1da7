import type { ImageFunction } from '../../compiler/image/image.ts';
import type { SchemeName } from '../../compiler/stack/scheme.ts';
import type { Target } from '../../compiler/target.ts';
import type { LoadedImage } from '../../emu/loaded-image.ts';
import type { Machine } from '../../emu/machine.ts';
import { aroundEntryStore, disassemblers, type Row, recordBehindTop, withoutStore } from './changed-code.ts';

/** Deliberate faults in code and tables that are loaded, which a check of readings must find. */
export interface Fault {
  /** The schemes whose readings it spoils. */
  readonly schemes: readonly SchemeName[];
  /** It shows at one instruction of the function only: readings everywhere else are right. */
  readonly atOneInstruction?: true;
  /** A compiler that breaks function `name`. */
  target?(target: Target, name: string): Target;
  /** Breaks function `name` on the machine. */
  apply?(machine: Machine, name: string): void;
}

/** Code of one function, to be looked at and overwritten. */
class Code {
  readonly machine: Machine;
  readonly loaded: LoadedImage;
  readonly symbol: ImageFunction;
  readonly rows: readonly Row[];

  /** @throws Error if no image has such a function */
  constructor(machine: Machine, name: string) {
    for (const loaded of machine.images) {
      const symbol = loaded.image.functions.find((f) => f.name === name);
      if (symbol === undefined) continue;
      this.machine = machine;
      this.loaded = loaded;
      this.symbol = symbol;
      const bytes = machine.space.readBytes(loaded.base + symbol.offset, symbol.size);
      this.rows = disassemblers[machine.target].disassemble(bytes, symbol.offset);
      return;
    }
    throw new Error(`no function ${name}`);
  }

  /** Index in `rows` of publication `k`: first the one on entry, then one for each exit. */
  publication(k: number): number {
    const { offset, size } = this.symbol;
    const stores = [...this.loaded.image.map.publicationAt].filter(
      (at) => at >= offset && at < offset + size,
    );
    return this.rows.findIndex((row) => row.address === stores[k]);
  }

  /** Takes publication `k` out. */
  dropStore(k: number): void {
    const row = this.rows[this.publication(k)];
    const bytes = withoutStore(this.machine.target, row, k === 0 ? 'entry' : 'exit');
    this.machine.space.writeBytes(this.loaded.base + row.address, Uint8Array.from(bytes));
  }

  /** Index in the table of frames of this function's rows. */
  frameRows(): number[] {
    const { offset, size } = this.symbol;
    const { frameAt } = this.loaded.image.map;
    return [...frameAt.keys()].filter((k) => frameAt[k] >= offset && frameAt[k] < offset + size);
  }

  /** Lets a row of the table of frames begin one instruction later. */
  delay(row: number | undefined): void {
    const { frameAt } = this.loaded.image.map;
    const instruction = this.rows.find(({ address }) => address === frameAt[row ?? -1]);
    if (row === undefined || instruction === undefined) throw new Error('no such row');
    frameAt[row] += instruction.size;
  }
}

const publishing: readonly SchemeName[] = ['atomic', 'tail', 'field'];

const dropEntryStore = (machine: Machine, name: string): void => new Code(machine, name).dropStore(0);

export const faults: Readonly<Record<string, Fault>> = {
  'top not stored on entry': { schemes: publishing, apply: dropEntryStore },
  'top stored before the record is whole': {
    schemes: publishing,
    atOneInstruction: true,
    target: (target, name) => ({
      ...target,
      emitPrologue: aroundEntryStore(target, (func, frame, publication, asm) =>
        func.symbol.name === name ? recordBehindTop(target, frame, publication, asm) : undefined,
      ),
    }),
  },
  'top not restored on exit': {
    schemes: publishing,
    apply: (machine, name) => new Code(machine, name).dropStore(1),
  },
  'the publication known one instruction late': {
    schemes: publishing,
    apply(machine, name) {
      const code = new Code(machine, name);
      const { published } = code.loaded.image.map;
      code.delay(code.frameRows().find((row) => published[row] !== 0));
    },
  },
  'the frame known one instruction late': {
    schemes: ['unwind'],
    apply(machine, name) {
      const code = new Code(machine, name);
      code.delay(code.frameRows()[1]);
    },
  },
  'a frame of the wrong size': {
    schemes: ['unwind'],
    apply(machine, name) {
      const code = new Code(machine, name);
      const { cfa } = code.loaded.image.map;
      const rows = code.frameRows();
      const body = rows.find((row) => cfa[row] === code.symbol.frameBytes);
      if (body === undefined) throw new Error(`no row of the body of ${name}`);
      cfa[body] += machine.wordBytes;
    },
  },
};

/** Of adapters, whose records all schemes need: for `host adapter` where host functions call back. */
export const breakAdapter = dropEntryStore;
