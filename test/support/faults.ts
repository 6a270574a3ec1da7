import { expect } from 'vitest';
import type { ImageFunction } from '../../compiler/image/image.ts';
import type { SchemeName } from '../../compiler/stack/scheme.ts';
import { createDisassembler } from '../../emu/capstone.ts';
import type { LoadedImage } from '../../emu/loaded-image.ts';
import type { Machine } from '../../emu/machine.ts';

/** Deliberate faults in code and tables that are loaded, which a check of readings must find. */
export interface Fault {
  /** The schemes whose readings it spoils. */
  readonly schemes: readonly SchemeName[];
  /** Breaks function `name` on the machine. */
  apply(machine: Machine, name: string): void;
}

/** A machine instruction: address in the image's code, and size in bytes. */
interface Row {
  readonly address: number;
  readonly size: number;
  readonly mnemonic: string;
}

const disassemblers = {
  x86_64: await createDisassembler('x86_64'),
  armv7: await createDisassembler('armv7'),
};
const nops = { x86_64: [0x90], armv7: [0x00, 0xf0, 0x20, 0xe3] } as const;
/** `add rsp, 8`: what is left of a `pop` to memory. */
const addEightToRsp = [0x48, 0x83, 0xc4, 0x08] as const;

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

  write(address: number, bytes: readonly number[]): void {
    this.machine.space.writeBytes(this.loaded.base + address, Uint8Array.from(bytes));
  }

  read({ address, size }: Row): number[] {
    return [...this.machine.space.readBytes(this.loaded.base + address, size)];
  }

  /** Writes `bytes` over an instruction, and nothing over what is left of it. */
  replace({ address, size }: Row, bytes: readonly number[]): void {
    const nop = nops[this.machine.target];
    const rest = Array.from({ length: size - bytes.length }, (_, i) => nop[i % nop.length]);
    this.write(address, [...bytes, ...rest]);
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

export const faults: Readonly<Record<string, Fault>> = {
  'top not stored on entry': {
    schemes: publishing,
    apply(machine, name) {
      const code = new Code(machine, name);
      code.replace(code.rows[code.publication(0)], []);
    },
  },
  'top stored before the record is whole': {
    schemes: publishing,
    apply(machine, name) {
      const code = new Code(machine, name);
      const at = code.publication(0);
      const [before, store] = [code.rows[at - 1], code.rows[at]];
      code.write(before.address, [...code.read(store), ...code.read(before)]);
    },
  },
  'top not restored on exit': {
    schemes: publishing,
    apply(machine, name) {
      const code = new Code(machine, name);
      const store = code.rows[code.publication(1)];
      if (machine.target === 'armv7') return code.replace(store, []);
      // The store is a pop: what it takes off the stack must go all the same.
      expect(store.mnemonic).toBe('pop');
      code.replace(store, addEightToRsp);
    },
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

/** Of adapters, whose records all schemes need: applied to `host adapter` where host functions call back. */
export const adapterFault: Fault = {
  schemes: [...publishing, 'unwind'],
  apply: faults['top not stored on entry'].apply,
};
