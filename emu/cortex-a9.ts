import { type PipelineInst, steadyCycles } from '../targets/armv7/cortex-a9-pipeline.ts';
import { createDisassembler, type Disassembler } from './capstone.ts';
import type { Core } from './core.ts';
import { decodeInstruction } from './cortex-a9-decode.ts';

/** Code has an instruction that the cycle model does not know. */
export class CycleModelError extends Error {
  override readonly name = 'CycleModelError';
  /** Where the instruction lies. */
  readonly address: number;
  /** As a disassembler prints it. */
  readonly instruction: string;
  constructor(address: number, instruction: string) {
    super(`the Cortex-A9 model does not know ${instruction} at 0x${address.toString(16)}`);
    this.address = address;
    this.instruction = instruction;
  }
}

/** A piece of code that was executed from its first to its last instruction, `entries` times: what a core's counting tells. */
export interface CountedBlock {
  readonly address: number;
  /** In bytes. */
  readonly size: number;
  readonly entries: number;
  /** How often execution went on elsewhere than behind it. */
  readonly taken: number;
}

/** An estimate for a whole run. */
export interface CycleEstimate {
  readonly cycles: number;
  readonly instructions: number;
  /**
   * Instructions that the model does not know, by mnemonic, and how often they were executed. Each counts as a slot of the
   * decoder, no more.
   */
  readonly unknown: ReadonlyMap<string, number>;
}

/**
 * Estimates cycles of A32 code on a Cortex-A9, anybody's code: it reads bytes. It does not read Thumb; compile with `-marm`.
 * What is left out (caches, branch prediction) `docs/cortex-a9.md` says.
 */
export class CortexA9 {
  readonly #disassembler: Disassembler;
  /** By the bytes of a block: the same code costs the same anywhere. */
  readonly #known = new Map<string, BlockEstimate>();

  constructor(disassembler: Disassembler) {
    this.#disassembler = disassembler;
  }

  /** The instructions of a block, as the pipeline sees them. @throws CycleModelError */
  decode(code: Uint8Array, address: number): PipelineInst[] {
    return this.#disassembler.disassemble(code, address).map((row) => {
      const inst = decodeInstruction(row.mnemonic, row.operands);
      if (inst === undefined)
        throw new CycleModelError(row.address, `${row.mnemonic} ${row.operands}`.trimEnd());
      return inst;
    });
  }

  /**
   * Cycles of one execution of a basic block in steady state, a fraction where executions overlap: the block is simulated
   * after itself, its last branch included.
   * @throws CycleModelError if it has an instruction that the model does not know
   */
  blockCycles(code: Uint8Array, address: number): number {
    return steadyCycles(this.decode(code, address));
  }

  /**
   * Cycles of a run: of each block, times its entries. Blocks are one where they always follow each other ({@link straightRuns}): what a
   * branch that is never taken leaves under way, the code behind it finds.
   * @param blocks what was executed, as `Core.executedBlocks` or `ExecutionCounts.blocks` tell
   * @param read the bytes of the code at an address
   */
  programCycles(
    blocks: Iterable<CountedBlock>,
    read: (address: number, size: number) => Uint8Array,
  ): CycleEstimate {
    let cycles = 0;
    let instructions = 0;
    const unknown = new Map<string, number>();
    for (const { address, size, entries } of straightRuns(blocks)) {
      const estimate = this.#estimate(read(address, size), address);
      cycles += estimate.cycles * entries;
      instructions += (size >>> 2) * entries;
      for (const name of estimate.unknown) unknown.set(name, (unknown.get(name) ?? 0) + entries);
    }
    return { cycles, instructions, unknown };
  }

  #estimate(code: Uint8Array, address: number): BlockEstimate {
    const key = Buffer.from(code).toString('latin1');
    let estimate = this.#known.get(key);
    if (estimate === undefined) {
      const unknown: string[] = [];
      const insts = this.#disassembler.disassemble(code, address).map((row): PipelineInst => {
        const inst = decodeInstruction(row.mnemonic, row.operands);
        if (inst === undefined) unknown.push(row.mnemonic);
        return inst ?? { class: 'nothing', reads: [], writes: [] };
      });
      estimate = { cycles: steadyCycles(insts), unknown };
      this.#known.set(key, estimate);
    }
    return estimate;
  }
}

/**
 * Blocks joined with those behind them, where all entries of the one go on to the other and nothing else enters that: only branches that
 * were not taken once lie between them, such as those of checks.
 */
export function straightRuns(blocks: Iterable<CountedBlock>): CountedBlock[] {
  const sorted = [...blocks].sort((a, b) => a.address - b.address || a.size - b.size);
  const at = new Map<number, CountedBlock | undefined>();
  // Blocks of one address and several sizes do not say which of them is entered from where.
  for (const block of sorted) at.set(block.address, at.has(block.address) ? undefined : block);
  const follower = (block: CountedBlock): CountedBlock | undefined => {
    const next = block.taken === 0 ? at.get(block.address + block.size) : undefined;
    return next?.entries === block.entries && next !== block ? next : undefined;
  };
  const followers = new Set(sorted.map(follower));
  return sorted
    .filter((block) => !followers.has(block))
    .map((first) => {
      let last = first;
      for (let next = follower(last); next !== undefined; next = follower(next)) last = next;
      const { address, entries } = first;
      return { address, size: last.address + last.size - address, entries, taken: last.taken };
    });
}

interface BlockEstimate {
  readonly cycles: number;
  readonly unknown: readonly string[];
}

/** An estimate for all that an ARMv7 core executed since its counting was turned on. */
export function estimateCycles(model: CortexA9, core: Core): CycleEstimate {
  const read = (address: number, size: number): Uint8Array => core.space.readBytes(address, size);
  return model.programCycles(core.executedBlocks(), read);
}

/** Loads the disassembler and gives the model. */
export const createCortexA9 = async (): Promise<CortexA9> => new CortexA9(await createDisassembler('armv7'));
