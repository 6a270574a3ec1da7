import type { DisassembledInstruction } from './capstone.ts';
import type { Core } from './core.ts';
import { effectsOf } from './instruction-effects.ts';
import type { CodeRange, ExecutedBlock } from './unicorn/block-counter.ts';
import type { TargetName } from './unicorn/constants.ts';

export type { CodeRange, ExecutedBlock };

/** What was executed of some instructions. */
export interface ExecutionTotals {
  readonly instructions: number;
  /** Executed instructions that read memory, and that write it (emu/instruction-effects.ts). */
  readonly loads: number;
  readonly stores: number;
  /** Jumps, calls and returns after which execution went on elsewhere than behind them. */
  readonly takenBranches: number;
}

/**
 * How often each instruction of a range of code was executed, exactly: from the counts of blocks, for every instruction of a block is
 * executed as often as the block. A conditional instruction of ARM counts whether its condition holds or not.
 */
export class ExecutionCounts {
  readonly target: TargetName;
  readonly range: CodeRange;
  /** The blocks in the range that were executed, by ascending address. */
  readonly blocks: readonly ExecutedBlock[];
  private readonly executed: Float64Array;
  private readonly left: Float64Array;

  /** @param blocks of any code; those that begin in `range` count */
  constructor(target: TargetName, range: CodeRange, blocks: readonly ExecutedBlock[]) {
    const { address, size } = range;
    this.target = target;
    this.range = range;
    this.blocks = blocks
      .filter((block) => block.address >= address && block.address < address + size)
      .sort((a, b) => a.address - b.address);
    // Differences first: what a block adds begins at its first byte and ends behind its last.
    this.executed = new Float64Array(size + 1);
    this.left = new Float64Array(size + 1);
    for (const block of this.blocks) {
      const begin = block.address - address;
      const end = Math.min(size, begin + block.size);
      this.executed[begin] += block.entries;
      this.executed[end] -= block.entries;
      this.left[end] += block.taken;
    }
    for (let at = 1; at <= size; at++) this.executed[at] += this.executed[at - 1];
  }

  /** How often the instruction at `address` was executed; 0 outside of the range. */
  at(address: number): number {
    return this.executed[address - this.range.address] ?? 0;
  }

  /** How often a branch that ends at `end`, which is the address behind its last byte, was taken; 0 outside of the range. */
  takenTo(end: number): number {
    return this.left[end - this.range.address] ?? 0;
  }

  /** Sums over instructions, which must lie in the range and begin where the core saw them begin. */
  totals(instructions: Iterable<DisassembledInstruction>): ExecutionTotals {
    const sum = { instructions: 0, loads: 0, stores: 0, takenBranches: 0 };
    for (const instruction of instructions) {
      const { address, size } = instruction;
      const times = this.at(address);
      if (times === 0) continue;
      const { loads, stores, branches } = effectsOf(this.target, instruction);
      sum.instructions += times;
      if (loads) sum.loads += times;
      if (stores) sum.stores += times;
      if (branches) sum.takenBranches += this.takenTo(address + size);
    }
    return sum;
  }
}

/**
 * What a core executed of the code at `range` since its `counting` was turned on. Any code will do: an image's, or that of an executable
 * which the emulated kernel loaded. Read it before counting is turned off, or other code is put there.
 */
export const executionCounts = (core: Core, range: CodeRange): ExecutionCounts =>
  new ExecutionCounts(core.target, range, core.executedBlocks());
