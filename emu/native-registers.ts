import type { Core, RegisterName } from './core.ts';

/** Registers of the C convention's first word arguments: System V AMD64 ABI 3.2.3, AAPCS 6.4. */
const argumentRegisters = {
  x86_64: ['rdi', 'rsi', 'rdx', 'rcx'],
  armv7: ['r0', 'r1', 'r2', 'r3'],
} as const satisfies Record<Core['target'], readonly RegisterName[]>;

/** Arguments in the registers of a stopped core, by position. Indices are looked up once: calls are hot. */
export class NativeRegisters {
  private readonly words: Uint32Array;
  private readonly at: readonly number[];

  constructor(core: Core) {
    this.words = core.words;
    const names = core.registerNames;
    this.at = argumentRegisters[core.target].map((name) => 2 * names.indexOf(name));
  }

  /** Word argument `index`: an address or small, so exact below 2^53. */
  argument(index: number): number {
    const at = this.at[index];
    return this.words[at] + this.words[at + 1] * 0x1_0000_0000;
  }

  setArguments(first: number, second: number, third: number): void {
    this.set(this.at[0], first);
    this.set(this.at[1], second);
    this.set(this.at[2], third);
  }

  private set(at: number, value: number): void {
    this.words[at] = value;
    this.words[at + 1] = Math.floor(value / 0x1_0000_0000);
  }
}
