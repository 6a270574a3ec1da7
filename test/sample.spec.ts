import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import type { Schedule } from '../emu/interrupts.ts';
import { type SampleReport, Sampler } from '../emu/sample.ts';
import { createWebAssembly } from '../emu/webassembly.ts';

/** Interrupts, readings, and the true stack, over whole runs on both targets. */
const targets = ['x86_64', 'armv7'] as const;
const toolkit = await wabt();

function assemble(program: string): Uint8Array {
  const path = new URL(`./programs/${program}.wat`, import.meta.url);
  return toolkit.parseWat(program, readFileSync(path)).toBinary({ write_debug_names: true }).buffer;
}

interface Run {
  readonly report: SampleReport;
  readonly result: unknown;
}

const everyInstruction: Schedule = { kind: 'every-instruction' };

/** Rounds of the mixed program, with call-backs into it and a trap in each, sampled and verified. */
function sampleMixed(
  options: Parameters<typeof createWebAssembly>[0],
  schedule: Schedule,
  rounds: number,
): Run {
  const webAssembly = createWebAssembly(options);
  const sampler = new Sampler(webAssembly.machine, {
    scheme: options.scheme ?? 'atomic',
    schedule,
    verify: true,
  });
  const results: unknown[] = [];
  sampler.during(() => {
    let exports: Record<string, (n: number) => number> = {};
    const imports = {
      host: {
        'call-back'(round: number) {
          try {
            exports.trap(5);
          } catch (error) {
            results.push((error as Error).message);
          }
          return exports.fib(3) + round;
        },
      },
    };
    const module = new webAssembly.Module(assemble('mixed'));
    exports = new webAssembly.Instance(module, imports).exports as typeof exports;
    for (let round = 0; round < rounds; round++) results.push(exports.round(round));
  });
  return { report: sampler.report(), result: results };
}

describe.each(targets)('sampling on %s', (target) => {
  it.each([0, 1] as const)(
    'reads the true stack at every instruction of a whole run, -O%i',
    (level) => {
      const { report, result } = sampleMixed({ target, level }, everyInstruction, 60);
      expect(report.samples).toBeGreaterThanOrEqual(50_000);
      expect(report.mismatches).toEqual([]);
      expect(report.attributed).toBe(report.samples);
      const plain = sampleMixed({ target, level }, { kind: 'every', instructions: 1e6 }, 60);
      expect(result).toEqual(plain.result);
    },
    300_000,
  );

  it.each(['relaxed', 'release', 'seq_cst'] as const)(
    'reads the true stack at random points, order %s',
    (order) => {
      const { report } = sampleMixed({ target, order }, { kind: 'random', seed: 11, mean: 7 }, 10);
      expect(report.samples).toBeGreaterThan(1000);
      expect(report.mismatches).toEqual([]);
      expect(report.attributed).toBe(report.samples);
    },
  );

  it('without publication knows the innermost function, and says why no more', () => {
    const { report } = sampleMixed({ target, scheme: 'none' }, { kind: 'every', instructions: 50 }, 3);
    expect(report.attributed).toBe(0);
    expect(report.failures.get('not-published')).toBe(report.samples);
    expect(report.functions.map((f) => f.name)).toContain('fib');
  });

  it('gives a hot leaf called through a table all of its samples', () => {
    const webAssembly = createWebAssembly({ target });
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
