/**
 * Counts how often each translated block is entered, and left by a branch, by a native hook of a dozen instructions, and derives the
 * exact number of instructions executed. The tightest loops run at half of full speed or better, real programs at nine tenths.
 *
 * Two counters for every possible instruction address sit in sparse tables (8 bytes for each byte of x86 code,
 * for each four bytes of ARM code) of which only the parts in use take memory: no hashing, no bound check, and
 * blocks may come and go. How many instructions a block holds is asked of Unicorn once a block.
 */
import type { TargetName } from './constants.ts';
import type { Engine } from './engine.ts';
import { CONTROL_BLOCK, mapHostMemory, unmapHostMemory, viewHostMemory } from './native.ts';

/** Table bytes for each byte of code. */
const SCALE: Readonly<Record<TargetName, number>> = { x86_64: 8, armv7: 2 };

/** Unicorn keeps a block's size in 16 bits. */
const MAX_BLOCK_SIZE = 2 ** 16;

/** Code lies below 4 GiB (see `AddressSpace`). */
const CODE_SPACE = 2 ** 32;

export interface CodeRange {
  readonly address: number;
  readonly size: number;
}

/**
 * A straight run of code as the core translated and executed it. The same code may lie in several blocks: in one for each place where it is
 * entered, and in shorter ones where a stop cut it.
 */
export interface ExecutedBlock extends CodeRange {
  /** How often its first instruction was executed, and so each of the others. */
  readonly entries: number;
  /** How often it was left by a branch: not for the code behind it, nor by a stop. */
  readonly taken: number;
}

interface Counted extends CodeRange {
  entries: number;
  taken: number;
}

export class BlockCounter {
  readonly #engine: Engine;
  readonly #scale: number;
  readonly #entered: number;
  readonly #taken: number;
  readonly #hook: number;
  /** What is settled so far, by address and size. */
  readonly #blocks = new Map<number, Counted>();
  #instructions = 0;
  /** What `instructionsBefore` said, until code changes. */
  readonly #before = new Map<number, number>();

  /** Begins to count. The caller flushes all code afterwards. */
  constructor(engine: Engine) {
    this.#engine = engine;
    this.#scale = SCALE[engine.target];
    this.#entered = mapHostMemory(CODE_SPACE * this.#scale);
    this.#taken = mapHostMemory(CODE_SPACE * this.#scale);
    engine.useCounts(this.#entered, this.#taken);
    this.#hook = engine.addHook('block', `countBlock_${engine.target}`);
  }

  /** Stops counting for good; call `settle` first. The caller flushes all code afterwards. */
  close(): void {
    this.#engine.removeHook(this.#hook);
    for (const table of [this.#entered, this.#taken]) unmapHostMemory(table, CODE_SPACE * this.#scale);
  }

  /** Instructions executed up to the last `settle`. */
  get instructions(): number {
    return this.#instructions;
  }

  /** Blocks executed up to the last `settle`. */
  get blocks(): readonly ExecutedBlock[] {
    return [...this.#blocks.values()].filter(({ entries }) => entries > 0);
  }

  /** Entries of each block up to the last `settle`, by its address. */
  get entries(): ReadonlyMap<number, number> {
    const entries = new Map<number, number>();
    for (const block of this.blocks)
      entries.set(block.address, (entries.get(block.address) ?? 0) + block.entries);
    return entries;
  }

  /** Takes over what the tables hold for these ranges. */
  settle(ranges: Iterable<CodeRange>): void {
    for (const range of ranges) {
      for (const [address, entries] of this.#take(this.#entered, range)) {
        const { size, instructions } = this.#engine.block(address);
        this.#counted(address, size).entries += entries;
        this.#instructions += entries * instructions;
      }
      for (const [address, taken] of this.#take(this.#taken, range))
        this.#counted(address, this.#engine.block(address).size).taken += taken;
    }
  }

  /** Settles before the translations of changed code are dropped: they tell what was executed. */
  codeChanged(ranges: Iterable<CodeRange>): void {
    this.settle(ranges);
    this.#before.clear();
  }

  /** Corrects for a block that was left before its end: `pc` is the first instruction not executed. */
  cut(pc: number): void {
    const last = this.#engine.control[CONTROL_BLOCK.lastBlock / 4];
    const { instructions, size } = this.#engine.block(last);
    if (pc < last || pc >= last + size) return;
    this.#instructions -= instructions - this.#instructionsBefore(last, pc);
    this.#counted(last, size).entries--;
    if (pc > last) this.#counted(last, pc - last).entries++;
  }

  #counted(address: number, size: number): Counted {
    const key = address * MAX_BLOCK_SIZE + size;
    let block = this.#blocks.get(key);
    if (block === undefined) {
      block = { address, size, entries: 0, taken: 0 };
      this.#blocks.set(key, block);
    }
    return block;
  }

  /** The counters of a range that are not zero, which they are then, by address. */
  #take(table: number, { address, size }: CodeRange): [address: number, count: number][] {
    const found: [number, number][] = [];
    const begin = Math.ceil((address * this.#scale) / 8) * 8;
    const counters = new Float64Array(viewHostMemory(table + begin, size * this.#scale));
    const words = new Uint32Array(counters.buffer);
    for (let index = 0; index < counters.length; index++) {
      // A counter's bits, read as a double, are zero only for zero: one comparison for eight bytes.
      if (counters[index] === 0) continue;
      found.push([(begin + index * 8) / this.#scale, words[index * 2] + words[index * 2 + 1] * 2 ** 32]);
      counters[index] = 0;
    }
    return found;
  }

  #instructionsBefore(block: number, pc: number): number {
    if (pc === block) return 0;
    const key = block * MAX_BLOCK_SIZE + (pc - block);
    let instructions = this.#before.get(key);
    if (instructions === undefined) {
      instructions = this.#engine.instructionsBefore(block, pc);
      this.#before.set(key, instructions);
    }
    return instructions;
  }
}
