import { describe, expect, it } from 'vitest';
import { compile } from '../compiler/index.ts';
import { memoryOrders, type SchemeName } from '../compiler/stack/scheme.ts';
import type { SampleReport } from '../emu/sample.ts';
import { armv7 } from '../targets/armv7/index.ts';
import { x86_64 } from '../targets/x86_64/index.ts';
import { breakAdapter, faults } from './support/faults.ts';
import {
  across,
  assemble,
  everyInstruction,
  fib,
  hotLeaf,
  mixed,
  type SampledProgram,
  sampledRun,
} from './support/sampled-runs.ts';

/** Every publication scheme holds what it promises: at every instruction of whole runs, the reading is the true stack. */
const programs: readonly (readonly [string, SampledProgram])[] = [
  ['fib', fib(12)],
  ['hot-leaf', hotLeaf(10)],
  ['mixed', mixed(8)],
  ['across', across(3)],
];
const targets = { x86_64, armv7 } as const;
const targetNames = ['x86_64', 'armv7'] as const;
const read: readonly SchemeName[] = ['atomic', 'tail', 'field', 'unwind'];

const levels = [0, 1, 2] as const;

/** The first sample that was not read right, in short. */
function mismatch({ mismatches: [first] }: SampleReport): object | undefined {
  if (first === undefined) return undefined;
  const { sample, pc, frame, failure, frames } = first;
  return { sample, pc: pc.toString(16), frame, failure, frames: frames.map(({ name }) => name) };
}

describe.each(targetNames)('on %s', (target) => {
  describe.each(read)('scheme %s', (scheme) => {
    const variants = [0, 1].flatMap((level) => memoryOrders.map((order) => [level as 0 | 1, order] as const));
    it.each(variants)('reads the true stack at every instruction, -O%i, order %s', (level, order) => {
      for (const [name, program] of programs) {
        const options = { target, level, scheme, order } as const;
        const { report, results } = sampledRun(options, everyInstruction, program);
        expect([name, mismatch(report)]).toEqual([name, undefined]);
        expect([name, report.attributed]).toEqual([name, report.samples]);
        expect(report.samples).toBeGreaterThan(1000);
        const plain = sampledRun(
          { target, level, scheme: 'none' },
          { kind: 'every', instructions: 1e6 },
          program,
        );
        expect(results).toEqual(plain.results);
      }
    });

    const spoiled = Object.entries(faults).filter(([, fault]) => fault.schemes.includes(scheme));
    it.each(spoiled)('finds a fault: %s', (_, fault) => {
      for (const name of ['fib', 'middle', 'even']) {
        const broken = fault.target?.(targets[target], name) ?? target;
        const options = { target: broken, level: 1, scheme } as const;
        const { report } = sampledRun(options, everyInstruction, mixed(2), ({ machine }) =>
          fault.apply?.(machine, name),
        );
        expect(report.mismatchCount, name).toBeGreaterThan(0);
        if (fault.atOneInstruction) expect(new Set(report.mismatches.map(({ pc }) => pc)).size, name).toBe(1);
      }
    });

    it('finds a host adapter that does not say where code was left', () => {
      const options = { target, level: 1, scheme } as const;
      const { report } = sampledRun(options, everyInstruction, mixed(2), ({ machine }) =>
        breakAdapter(machine, 'host adapter'),
      );
      expect(report.mismatchCount).toBeGreaterThan(0);
    });

    it.each([1, 2] as const)('reads the true stack where leaves publish, too, -O%i', (level) => {
      for (const [name, program] of programs) {
        const options = { target, level, scheme, publishLeaves: true } as const;
        const { report } = sampledRun(options, everyInstruction, program);
        expect([name, mismatch(report), report.attributed]).toEqual([name, undefined, report.samples]);
      }
    });
  });

  it.each(['fib', 'hot-leaf', 'mixed', 'across-outer'])('unwind adds no instruction to none: %s', (name) => {
    for (const level of levels) {
      for (const order of memoryOrders) {
        const options = { target: targets[target], level, order } as const;
        const none = compile(assemble(name), { ...options, scheme: 'none' });
        const unwind = compile(assemble(name), { ...options, scheme: 'unwind' });
        expect(unwind.code).toEqual(none.code);
        expect(unwind.map).toEqual(none.map);
      }
    }
  });
});
