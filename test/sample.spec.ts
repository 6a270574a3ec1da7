import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { createDisassembler } from '../emu/capstone.ts';
import type { Schedule } from '../emu/interrupts.ts';
import { type SampleReport, Sampler } from '../emu/sample.ts';
import { createWebAssembly, type EmulatedWebAssembly } from '../emu/webassembly.ts';

/** Interrupts, readings, and the true stack, over whole runs on both targets. */
const targets = ['x86_64', 'armv7'] as const;
const toolkit = await wabt();

function assemble(program: string): Uint8Array {
  const path = new URL(`./programs/${program}.wat`, import.meta.url);
  return toolkit.parseWat(program, readFileSync(path, 'utf8')).toBinary({ write_debug_names: true }).buffer;
}

interface Run {
  readonly report: SampleReport;
  readonly result: unknown;
}

const everyInstruction: Schedule = { kind: 'every-instruction' };

const disassemblers = {
  x86_64: await createDisassembler('x86_64'),
  armv7: await createDisassembler('armv7'),
};
const nops = { x86_64: [0x90], armv7: [0x00, 0xf0, 0x20, 0xe3] } as const;
/** `add rsp, 8`, as long as `pop [r15 + 8]`. */
const addEightToRsp = Uint8Array.of(0x48, 0x83, 0xc4, 0x08);

/**
 * Breaks publication in the machine code of function `name`: the store to `top` on entry is taken out, or exchanged with
 * the instruction before it, which completes the record; or the restoring store on exit is taken out.
 */
function breakPublication(
  { machine }: EmulatedWebAssembly,
  name: string,
  how: 'entry removed' | 'entry reordered' | 'exit removed',
): void {
  const { target, space } = machine;
  for (const { image, base } of machine.images) {
    const f = image.functions.find((candidate) => candidate.name === name && candidate.kind === 'wasm');
    if (!f) continue;
    const stores = [...image.map.publicationAt].filter((at) => at >= f.offset && at < f.offset + f.size);
    const rows = disassemblers[target].disassemble(space.readBytes(base + f.offset, f.size), f.offset);
    const index = rows.findIndex((row) => row.address === (how === 'exit removed' ? stores[1] : stores[0]));
    const [before, store] = [rows[index - 1], rows[index]];
    const code = space.readBytes(base, image.code.length);
    const bytes = (row: { address: number; size: number }) => code.slice(row.address, row.address + row.size);
    if (how === 'entry reordered')
      space.writeBytes(base + before.address, Uint8Array.from([...bytes(store), ...bytes(before)]));
    else if (how === 'exit removed' && target === 'x86_64') {
      // The store is a pop: what it takes off the stack must go all the same.
      expect(store.mnemonic).toBe('pop');
      space.writeBytes(base + store.address, addEightToRsp);
    } else
      space.writeBytes(
        base + store.address,
        Uint8Array.from({ length: store.size }, (_, i) => nops[target][i % nops[target].length]),
      );
    return;
  }
  throw new Error(`no function ${name}`);
}

/** Rounds of the mixed program, with call-backs into it and a trap in each, sampled and verified. */
function sampleMixed(
  options: Parameters<typeof createWebAssembly>[0],
  schedule: Schedule,
  rounds: number,
  tamper: (webAssembly: EmulatedWebAssembly) => void = () => undefined,
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
    tamper(webAssembly);
    for (let round = 0; round < rounds; round++) results.push(exports.round(round));
  });
  return { report: sampler.report(), result: results };
}

describe.each(targets)('sampling on %s', (target) => {
  it.each([
    [0, 'atomic'],
    [1, 'atomic'],
    [0, 'unwind'],
    [1, 'unwind'],
  ] as const)(
    'reads the true stack at every instruction of a whole run, -O%i, %s',
    (level, scheme) => {
      const { report, result } = sampleMixed({ target, level, scheme }, everyInstruction, 130);
      expect(report.samples).toBeGreaterThanOrEqual(100_000);
      expect(report.mismatches).toEqual([]);
      expect(report.attributed).toBe(report.samples);
      const plain = sampleMixed({ target, level }, { kind: 'every', instructions: 1e6 }, 130);
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

  it.each(['entry removed', 'entry reordered', 'exit removed'] as const)(
    'catches a broken publication: %s',
    (how) => {
      for (const name of ['fib', 'middle', 'even']) {
        const { report } = sampleMixed({ target }, everyInstruction, 2, (webAssembly) =>
          breakPublication(webAssembly, name, how),
        );
        expect(report.mismatchCount, name).toBeGreaterThan(0);
      }
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
