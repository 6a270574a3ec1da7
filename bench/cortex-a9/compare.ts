import { CycleModelError } from '../../emu/cortex-a9.ts';
import { decodeInstruction } from '../../emu/cortex-a9-decode.ts';
import { isFloat, type Timing, timingOf } from '../../targets/armv7/cortex-a9.ts';
import { type PipelineInst, steadyCycles, type Timer } from '../../targets/armv7/cortex-a9-pipeline.ts';
import { causes, structural } from './causes.ts';
import type { Block } from './corpus.ts';
import { llvmCycles } from './llvm-mca.ts';

/** What both models say of a block. */
export interface Comparison {
  readonly block: Block;
  readonly kind: 'integer' | 'float';
  /** Cycles of an execution in steady state. */
  readonly ours: number;
  readonly llvm: number;
  /** `ours / llvm`. */
  readonly ratio: number;
  /** Why the ratio is out of bounds; undefined where it is not. */
  readonly cause?: string;
}

/** Ratios that ask for no explanation. */
export const bounds = { low: 0.85, high: 1.15 } as const;

const isClose = (ratio: number): boolean => ratio >= bounds.low && ratio <= bounds.high;

/**
 * Asks both models about all blocks.
 * @throws CycleModelError if ours does not know an instruction
 */
export function compareBlocks(program: string, blocks: readonly Block[]): Comparison[] {
  const cycles = llvmCycles(
    program,
    blocks.map(({ rows }) => rows),
  );
  return blocks.map((block, i) => {
    const insts = block.rows.map(({ mnemonic, operands, address }) => {
      const inst = decodeInstruction(mnemonic, operands);
      if (inst === undefined) throw new CycleModelError(address, `${mnemonic} ${operands}`);
      return inst;
    });
    const ours = steadyCycles(insts);
    const llvm = cycles[i];
    const ratio = ours / llvm;
    return {
      block,
      kind: insts.some((inst) => isFloat(inst.class)) ? 'float' : 'integer',
      ours,
      llvm,
      ratio,
      ...(isClose(ratio) ? {} : { cause: explain(block, insts, llvm, ratio) }),
    };
  });
}

/**
 * Finds which of LLVM's numbers, put in place of ours, brings the block's ratio into bounds, or two thirds of the way there: the one
 * that brings it closest to 1. If none does, all numbers together are tried, then LLVM's orders besides, and at last what goes a
 * third of the way.
 */
function explain(block: Block, insts: readonly PipelineInst[], llvm: number, ratio: number): string {
  const rowOf = new Map(insts.map((inst, i) => [inst, block.rows[i]]));
  const timer =
    (some: readonly (typeof causes)[number][], last: Change = (timing) => timing): Timer =>
    (inst) => {
      const row = rowOf.get(inst);
      const start = timingOf(inst.class);
      if (row === undefined) return start;
      return last(
        some.reduce((timing, { change }) => change(timing, inst.class, row), start),
        inst,
      );
    };
  const ratioWith = (time: Timer): number => steadyCycles(insts, time) / llvm;
  const off = (value: number): number => Math.abs(Math.log(value));
  const alone = causes.map((cause) => ({ name: cause.name, value: ratioWith(timer([cause])) }));
  const best = alone.reduce((a, b) => (off(b.value) < off(a.value) ? b : a));
  if (isClose(best.value) || off(best.value) < off(ratio) / 3) return best.name;
  const together = ratioWith(timer(causes));
  if (isClose(together)) return structural.several.name;
  // What the numbers leave, the order of instructions makes, if anything.
  const ordered = orders.map(({ name, change }) => ({ name, value: ratioWith(timer(causes, change)) }));
  const found = ordered.find(({ value }) => isClose(value));
  if (found !== undefined) return found.name;
  const closest = [best, ...ordered].reduce((a, b) => (off(b.value) < off(a.value) ? b : a));
  return off(closest.value) < (2 / 3) * off(ratio) ? closest.name : structural.none.name;
}

/** Makes a timing into one of a pipeline that orders instructions otherwise. */
type Change = (timing: Timing, inst: PipelineInst) => Timing;

/** Loads do not wait for other accesses. */
const withoutOrder: Change = (timing) =>
  timing.unit === 'memory' && timing.fast !== undefined ? { ...timing, unordered: true } : timing;

/** VFP instructions and their accesses stop the decoder until they issue, and stores too, if `stores`; `longer`: and a cycle more. */
const withStalls =
  (stores: boolean, longer: number): Change =>
  (timing, { class: name }) => {
    const isStore = timing.unit === 'memory' && timing.fast === undefined;
    if (timing.unit !== 'fp' && !isFloat(name) && !(stores && isStore)) return timing;
    return { ...timing, holdsDecoder: longer };
  };

const { order, stall, both } = structural;
const orders: readonly { readonly name: string; readonly change: Change }[] = [
  { name: order.name, change: withoutOrder },
  ...[false, true].flatMap((stores) =>
    [0, 1].map((longer) => ({ name: stall.name, change: withStalls(stores, longer) })),
  ),
  ...[false, true].flatMap((stores) =>
    [0, 1].map((longer) => {
      const stalls = withStalls(stores, longer);
      const change: Change = (timing, inst) => stalls(withoutOrder(timing, inst), inst);
      return { name: both.name, change };
    }),
  ),
];

/** The distribution of ratios. */
export interface Distribution {
  readonly blocks: number;
  /** By percentile: 0, 5, 25, 50, 75, 95, 100. */
  readonly percentiles: readonly number[];
  /** Share of blocks within {@link bounds}. */
  readonly close: number;
  /** All our cycles by all of LLVM's. */
  readonly total: number;
}

/** Percentiles of {@link Distribution}. */
export const percentiles = [0, 5, 25, 50, 75, 95, 100] as const;

export function distribution(compared: readonly Comparison[]): Distribution {
  const ratios = compared.map(({ ratio }) => ratio).sort((a, b) => a - b);
  const sum = (key: 'ours' | 'llvm'): number => compared.reduce((total, each) => total + each[key], 0);
  return {
    blocks: ratios.length,
    percentiles: percentiles.map((p) => ratios[Math.round((p / 100) * (ratios.length - 1))]),
    close: ratios.filter(isClose).length / ratios.length,
    total: sum('ours') / sum('llvm'),
  };
}
