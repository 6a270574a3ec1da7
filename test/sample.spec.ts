import { describe, expect, it } from 'vitest';
import { Sampler } from '../emu/sample.ts';
import { createWebAssembly } from '../emu/webassembly.ts';
import { assemble, everyInstruction, mixed, sampledRun } from './support/sampled-runs.ts';

/** Interrupts, readings, and the true stack, over whole runs on both targets. */
const targets = ['x86_64', 'armv7'] as const;

describe.each(targets)('sampling on %s', (target) => {
  it.each([
    [0, 'atomic'],
    [1, 'atomic'],
    [1, 'unwind'],
  ] as const)(
    'reads the true stack at every instruction of a whole run, -O%i, %s',
    (level, scheme) => {
      const { report, results } = sampledRun({ target, level, scheme }, everyInstruction, mixed(130));
      expect(report.samples).toBeGreaterThanOrEqual(100_000);
      expect(report.mismatches).toEqual([]);
      expect(report.attributed).toBe(report.samples);
      const plain = sampledRun({ target, level }, { kind: 'every', instructions: 1e6 }, mixed(130));
      expect(results).toEqual(plain.results);
    },
    300_000,
  );

  it.each(['relaxed', 'release', 'seq_cst'] as const)(
    'reads the true stack at random points, order %s',
    (order) => {
      const { report } = sampledRun({ target, order }, { kind: 'random', seed: 11, mean: 7 }, mixed(10));
      expect(report.samples).toBeGreaterThan(1000);
      expect(report.mismatches).toEqual([]);
      expect(report.attributed).toBe(report.samples);
    },
  );

  it('without publication knows the innermost function, and says why no more', () => {
    const { report } = sampledRun({ target, scheme: 'none' }, { kind: 'every', instructions: 50 }, mixed(3));
    expect(report.attributed).toBe(0);
    expect(report.failures.get('not-published')).toBe(report.samples);
    expect(report.functions.map((f) => f.name)).toContain('fib');
  });

  it('gives a hot leaf called through a table all of its samples', () => {
    const webAssembly = createWebAssembly({ target, scheme: 'atomic' });
    const module = new webAssembly.Module(assemble('hot-leaf'));
    const { run } = new webAssembly.Instance(module).exports as { run(times: number): number };
    const counted = (body: () => void): number => {
      const before = webAssembly.machine.core.instructionsExecuted();
      body();
      return webAssembly.machine.core.instructionsExecuted() - before;
    };
    webAssembly.machine.core.counting = true;
    const instructions = counted(() => run(200));
    webAssembly.machine.core.counting = false;
    const sampler = new Sampler(webAssembly.machine, {
      scheme: 'atomic',
      schedule: everyInstruction,
      verify: true,
    });
    sampler.during(() => run(200));
    const report = sampler.report();
    // One sample before each instruction: none is lost.
    expect(report.samples).toBe(instructions);
    expect(report.attributed).toBe(report.samples);
    expect(report.mismatches).toEqual([]);
    const leaf = report.functions.find((f) => f.name === 'leaf');
    // 500 rounds of at least four instructions, 200 times, are the leaf's own, and nobody else's.
    expect(leaf?.self).toBeGreaterThanOrEqual(200 * 500 * 4);
    const caller = report.functions.find((f) => f.name === 'run');
    expect((caller?.self ?? 0) + (leaf?.self ?? 0)).toBeGreaterThan(report.samples - 100);
    expect(caller?.self ?? 0).toBeLessThan(200 * 60);
    expect([...report.folded.keys()]).toContain('run;leaf');
  });
});
