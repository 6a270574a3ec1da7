import { expect, test } from 'vitest';
import { core, type TimingClass, timings } from './cortex-a9.ts';
import { Pipeline, type PipelineInst, type PipelineStep, steadyCycles } from './cortex-a9-pipeline.ts';

/** `add` of class, result and operands: registers are plain numbers. */
const inst = (
  name: TimingClass,
  writes: number[],
  reads: number[],
  more: Partial<PipelineInst> = {},
): PipelineInst => ({
  class: name,
  writes,
  reads,
  ...more,
});

/** Issue cycles, the first instruction's being 0. */
function issues(...insts: PipelineInst[]): number[] {
  const steps = run(insts);
  return steps.map(({ issue }) => issue - steps[0].issue);
}

function run(insts: readonly PipelineInst[]): PipelineStep[] {
  const pipeline = new Pipeline();
  return insts.map((each) => pipeline.add(each));
}

/** Cycles from the issue of the first until a plain ALU instruction that reads its result issues. */
const latency = (name: TimingClass, consumer: TimingClass = 'alu'): number =>
  issues(inst(name, [1], [2]), inst(consumer, [3], [1]))[1];

test('two independent additions issue together, a third one a cycle later', () => {
  expect(issues(inst('alu', [1], [0]), inst('alu', [2], [0]), inst('alu', [3], [0]))).toEqual([0, 0, 1]);
});

test('dependent additions take a cycle each', () => {
  const chain = [1, 2, 3, 4].map((r) => inst('alu', [r], [r - 1]));
  expect(issues(...chain)).toEqual([0, 1, 2, 3]);
});

test('a shifted operand costs a cycle more, a shift by a register two (DDI 0388I table B-1)', () => {
  expect(latency('alu')).toBe(1);
  expect(latency('aluShift')).toBe(2);
  expect(latency('aluShiftRegister')).toBe(3);
  expect(latency('move')).toBe(1);
  expect(latency('moveShiftRegister')).toBe(2);
  expect(latency('field')).toBe(2);
});

test('a load is fast to plain arithmetic alone, and not under a condition (DDI 0388I table B-2)', () => {
  expect(latency('load')).toBe(2);
  expect(latency('load', 'move')).toBe(3);
  expect(latency('load', 'aluShift')).toBe(3);
  expect(latency('load', 'load')).toBe(3);
  expect(latency('loadShift')).toBe(3);
  expect(latency('loadNarrow')).toBe(3);
  expect(latency('loadNarrow', 'store')).toBe(4);
  expect(latency('loadSigned')).toBe(4);
  const conditional = inst('load', [1], [2], { conditional: true });
  expect(issues(conditional, inst('alu', [3], [1]))).toEqual([0, 3]);
});

test('one access to memory a cycle; bytes and halfwords take the address unit for two', () => {
  expect(issues(inst('load', [1], [0]), inst('load', [2], [0]), inst('store', [], [0, 3]))).toEqual([
    0, 1, 2,
  ]);
  expect(issues(inst('loadNarrow', [1], [0]), inst('load', [2], [0]))).toEqual([0, 2]);
});

test('a load multiple moves two registers a cycle (DDI 0388I table B-3)', () => {
  const five = inst('loadMultiple', [1, 2, 3, 4, 5], [13], { transfers: 3, writeback: 13 });
  expect(issues(five, inst('load', [6], [0]))).toEqual([0, 3]);
  expect(issues(five, inst('alu', [6], [1]), inst('alu', [7], [5]))).toEqual([0, 2, 4]);
  expect(issues(five, inst('alu', [13], [13]))).toEqual([0, 1]);
});

test('accesses issue in order; arithmetic behind them does not wait', () => {
  // The second load waits for the first, so the third, which could go, waits as well; the addition does not.
  const order = issues(
    inst('load', [1], [0]),
    inst('load', [2], [1]),
    inst('load', [3], [0]),
    inst('alu', [4], [0]),
  );
  expect(order).toEqual([0, 3, 4, 1]);
});

test('multiplications: 4 cycles, 5 for a high word; one every 2 and 3 cycles (DDI 0388I B.4)', () => {
  expect(latency('multiply')).toBe(4);
  expect(latency('multiplyHalf')).toBe(3);
  const long = inst('multiplyLong', [1, 2], [0]);
  expect(issues(long, inst('alu', [3], [1]), inst('alu', [4], [2]))).toEqual([0, 4, 5]);
  expect(issues(inst('multiply', [1], [0]), inst('multiply', [2], [0]))).toEqual([0, 2]);
  expect(issues(long, inst('multiply', [5], [0]))).toEqual([0, 3]);
});

test('VFP chains: addition 4, multiplication 5 or 6, multiply-accumulate 8 or 9 (DDI 0408I table 2-1)', () => {
  const chain = (name: TimingClass): number => steadyCycles([inst(name, [1], [1])]);
  expect(chain('vfpAdd')).toBe(4);
  expect(chain('vfpMultiplySingle')).toBe(5);
  expect(chain('vfpMultiplyDouble')).toBe(6);
  expect(chain('vfpMacSingle')).toBe(8);
  expect(chain('vfpMacDouble')).toBe(9);
});

test('a move to a core register takes 2 cycles, 1 to plain arithmetic, and so do the flags', () => {
  expect(latency('vfpToCore')).toBe(1);
  expect(latency('vfpToCore', 'store')).toBe(2);
  expect(latency('vfpToCore', 'branch')).toBe(2);
  expect(latency('vfpFromCore', 'vfpAdd')).toBe(1);
});

test('VFP throughput: additions every cycle, double multiplications every other', () => {
  expect(steadyCycles([inst('vfpAdd', [1], [0])])).toBe(1);
  expect(steadyCycles([inst('vfpMultiplyDouble', [1], [0])])).toBe(2);
});

test('division and square root block the unit: no other VFP instruction, but integer ones go on', () => {
  expect(latency('vfpDivideDouble', 'vfpAdd')).toBe(25);
  expect(latency('vfpRootSingle', 'vfpAdd')).toBe(17);
  const [division, addition, integer] = issues(
    inst('vfpDivideDouble', [1], [0]),
    inst('vfpAdd', [2], [0]),
    inst('alu', [3], [4]),
  );
  expect([division, addition, integer]).toEqual([0, 20, 1]);
});

test('VFP instructions issue in order: what is ready waits behind what is not', () => {
  expect(issues(inst('vfpAdd', [1], [0]), inst('vfpAdd', [2], [1]), inst('vfpMove', [3], [0]))).toEqual([
    0, 4, 5,
  ]);
});

test('a load and a VFP instruction share a port', () => {
  expect(steadyCycles([inst('load', [1], [0]), inst('vfpAdd', [2], [3])])).toBe(2);
  expect(steadyCycles([inst('load', [1], [0]), inst('alu', [2], [3])])).toBe(1);
});

test('NEON reads its operands late: a chain of VADD takes 2 cycles each', () => {
  expect(steadyCycles([inst('neonAlu', [1], [1])])).toBe(2);
  expect(latency('neonAlu', 'vfpMove')).toBe(3);
});

test('a branch takes a slot of the decoder and no ALU', () => {
  expect(issues(inst('alu', [1], [0]), inst('branch', [], []))).toEqual([0, 0]);
  expect(
    steadyCycles([
      inst('alu', [1], [0]),
      inst('alu', [2], [0]),
      inst('alu', [3], [0]),
      inst('branch', [], []),
    ]),
  ).toBe(2);
});

test('a serialising instruction waits for all before it, and what follows waits for it', () => {
  const [, barrier, behind] = run([
    inst('vfpDivideSingle', [1], [0]),
    inst('serialising', [], []),
    inst('alu', [2], [0]),
  ]);
  expect(barrier.dispatch).toBe(16);
  expect(behind.dispatch).toBe(barrier.done);
});

test('no more than the window is under way: the rest waits for the oldest to retire', () => {
  const slow = inst('vfpRootDouble', [1], [0]);
  const steps = run([slow, ...Array.from({ length: core.window + 10 }, () => inst('alu', [2], [3]))]);
  expect(steps[core.window - 1].dispatch).toBeLessThan(steps[0].done);
  expect(steps[core.window].dispatch).toBe(steps[0].done);
});

test('a block of nothing costs nothing', () => {
  expect(steadyCycles([])).toBe(0);
});

test('every class has a latency of no less than 0, a source, and results that no fast path makes slower', () => {
  for (const [name, timing] of Object.entries(timings)) {
    expect(timing.occupies, name).toBeGreaterThan(0);
    expect(timing.source, name).toMatch(/DDI|GCC|LLVM|NOP/);
    if ('fast' in timing) expect(timing.fast, name).toBe(timing.latency - 1);
  }
});
