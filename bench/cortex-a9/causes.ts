import type { DisassembledInstruction } from '../../emu/capstone.ts';
import { type Timing, type TimingClass, timingOf } from '../../targets/armv7/cortex-a9.ts';

/**
 * Where LLVM's model of the Cortex-A9 has other numbers than ours: LLVM's `ARMScheduleA9.td`, version 19. Each tells what it makes of an
 * instruction's timing, so that a block can be simulated by either number.
 */
export interface Cause {
  readonly name: string;
  readonly why: string;
  /** LLVM's timing of the instruction, or the timing as it is. */
  readonly change: (timing: Timing, name: TimingClass, row: DisassembledInstruction) => Timing;
}

/** An address with an index register. */
const isIndexed = ({ operands }: DisassembledInstruction): boolean => /\[\w+, -?[a-z]/.test(operands);
const isShifted = ({ operands }: DisassembledInstruction): boolean => /\b(?:lsl|lsr|asr|ror) /.test(operands);

export const causes: readonly Cause[] = [
  {
    name: 'VFP load latency',
    why: 'LLVM gives loads of VFP registers a latency of 1, ours is 4 (GCC; an integer load has 3 already)',
    change: (timing, name) =>
      name === 'vfpLoad' || name === 'vfpLoadMultiple' || name === 'neonLoad'
        ? { ...timing, latency: 1 }
        : timing,
  },
  {
    name: 'VFP accesses',
    why: 'LLVM lets a VFP register be loaded or stored every other cycle, for it takes the address unit and the VFP unit one after the other; ours is one a cycle, like those of GCC',
    change: (timing, name) =>
      name === 'vfpLoad' || name === 'vfpStore' ? { ...timing, occupies: 2 } : timing,
  },
  {
    name: 'VFP to core',
    why: 'LLVM moves VFP registers and flags to the core in 1 cycle, ours takes 2 but to plain arithmetic (GCC)',
    change: (timing, name) => (name === 'vfpToCore' ? { ...timing, latency: 1, fast: 1 } : timing),
  },
  {
    name: 'VFP unit not pipelined',
    why: 'LLVM starts a division, root, double multiplication or multiply-accumulate every cycle; they block the unit for 10 or 20, 13 or 28, and 2 cycles',
    change: (timing) => (timing.unit === 'fp' ? { ...timing, occupies: 1 } : timing),
  },
  {
    name: 'index registers',
    why: 'LLVM times `[r1, r2]` like an index with a slow shift: loads a cycle later, stores with a cycle more of the address unit',
    change: (timing, name, row) => {
      if (!isIndexed(row)) return timing;
      if (name === 'load') return timingOf('loadShift');
      if (name === 'loadNarrow') return timingOf('loadNarrowShift');
      if (name === 'store') return timingOf('storeShift');
      return name === 'storeNarrow' ? timingOf('storeNarrowShift') : timing;
    },
  },
  {
    name: 'narrow loads',
    why: 'LLVM lets a byte or halfword be loaded every cycle; the manual has two of the address unit',
    change: (timing, name) =>
      name === 'loadNarrow' || name === 'loadSigned' ? { ...timing, occupies: 1 } : timing,
  },
  {
    name: 'fast path of loads',
    why: 'LLVM has it for arithmetic and not for logic, also from sign-extending loads and to shifted operations',
    change: (timing, name, { mnemonic }) => {
      if (name === 'loadSigned') return { ...timing, fast: timing.latency - 1 };
      if (name === 'alu') return { ...timing, takesFast: !/^(?:and|orr|eor|bic|tst|teq)/.test(mnemonic) };
      return timing;
    },
  },
  {
    name: 'shifts',
    why: 'LLVM gives moves shifted by a constant 2 cycles, where the manual has 1, and shifted compares 1, where it has 2',
    change: (timing, name, row) => {
      if (/^(?:lsl|lsr|asr|ror)/.test(row.mnemonic) && name === 'move') return { ...timing, latency: 2 };
      if (/^(?:cmp|cmn)/.test(row.mnemonic) && isShifted(row)) return timingOf('alu');
      return timing;
    },
  },
  {
    name: 'multiplication',
    why: 'LLVM gives 16-bit multiplications the time of 32-bit ones',
    change: (timing, name) => (name === 'multiplyHalf' ? timingOf('multiply') : timing),
  },
];

/** What no number of an instruction explains. */
export const structural = {
  several: {
    name: 'several of these',
    why: 'no single number explains it, all together do',
  },
  order: {
    name: 'order of accesses',
    why: 'LLVM lets loads with a constant offset pass others that wait, for it leaves the address unit out; ours issue in order',
  },
  stall: {
    name: 'stalls of the decoder',
    why: 'LLVM stops the decoder while a VFP instruction or an access waits for its operands (`BufferSize` 0 and 1); ours waits in its queue',
  },
  both: {
    name: 'order and stalls',
    why: 'both of them',
  },
  none: { name: 'not explained', why: 'none of the above' },
} as const;
