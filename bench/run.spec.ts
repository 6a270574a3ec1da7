import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadModuleText } from './fixtures/wat.ts';
import type { BenchReport, Outcome, PeerName } from './model.ts';
import { type CompilerPeer, compilerPeers } from './peers/compilers.ts';
import { projectFile } from './places.ts';
import { figures, ratio } from './report/figures.ts';
import { markdownOf } from './report/markdown.ts';
import { runBench } from './run.ts';
import { MissingWorkloadError, type Workload } from './workload.ts';
import { workloads } from './workloads.ts';

/** The harness itself: what it says of peers that are slow, wrong, broken or not there. Times are looked at for being there alone. */
const folder = mkdtempSync(join(tmpdir(), 'fathom-bench-spec-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const [crc32] = workloads
  .filter(({ name }) => name === 'crc32')
  .map((w) => ({ ...w, n: { counted: 2, quick: 2, full: 2 } }));

/** The same workload, natively from another C source. */
function withSource(name: string, c: string): Workload {
  const path = join(folder, `${name}.c`);
  writeFileSync(
    path,
    `#define run run_once\n#include "${projectFile('bench/kernels/crc32.c')}"\n#undef run\nu32 run(u32 n);\n${c}\n`,
  );
  return { ...crc32, name, c: path };
}

function bench(
  chosen: readonly Workload[],
  peers: readonly PeerName[],
  compilers = compilerPeers,
): Promise<BenchReport> {
  return runBench({
    workloads: chosen,
    peers,
    compilers,
    quick: true,
    level: 1,
    scheme: 'unwind',
    order: 'relaxed',
  });
}

const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0;
const outcome = (
  report: BenchReport,
  at: number,
  target: 'x86_64' | 'armv7',
  who: PeerName | 'fathom',
): Outcome | undefined => report.workloads[at].targets[target][who];
const instructions = (of: Outcome | undefined): number =>
  (of?.state === 'measured' ? of.counted?.instructions : undefined) ?? Number.NaN;

describe.skipIf(!has('arm-linux-gnueabihf-gcc'))('peers (skipped without arm-linux-gnueabihf-gcc)', () => {
  it('one that does its work three times is reported as three times slower; one that is wrong, as wrong', async () => {
    const slow = withSource('slow', 'u32 run(u32 n) { run_once(n); run_once(n); return run_once(n); }');
    const wrong = withSource('wrong', 'u32 run(u32 n) { return run_once(n) ^ 1; }');
    const report = await bench([crc32, slow, wrong], ['gcc']);
    const [honest, slowed] = [0, 1].map((at) => instructions(outcome(report, at, 'armv7', 'gcc')));
    expect(slowed / honest).toBeGreaterThan(2.99);
    expect(slowed / honest).toBeLessThan(3.01);
    const ratios = [0, 1].map((at) => ratio(report.workloads[at], figures.armInstructions, 'gcc') ?? 0);
    expect(ratios[0] / ratios[1]).toBeCloseTo(slowed / honest, 6);
    const cycles = [0, 1].map((at) => ratio(report.workloads[at], figures.armCycles, 'gcc') ?? 0);
    expect(cycles[0] / cycles[1]).toBeCloseTo(3, 1);

    const failed = outcome(report, 2, 'armv7', 'gcc');
    const { checksum } = report.workloads[2];
    expect(failed).toEqual({ state: 'failed', reason: `gave ${(checksum ^ 1) >>> 0}, V8 gave ${checksum}` });
    const text = markdownOf(report);
    expect(text).toContain(`| gcc on armv7, wrong | gave ${(checksum ^ 1) >>> 0}, V8 gave ${checksum} |`);
    const rows = text.split('\n').filter((line) => line.startsWith('| wrong |'));
    expect(rows.length).toBeGreaterThan(0);
    // Fathom's own figures stand; where the peer's would be is nothing.
    const armRow = /### ARMv7: instructions\n[\s\S]*?\| wrong \|([^\n]*)/.exec(text)?.[1];
    expect(armRow).toMatch(/^ [\d,]+ \| - \|$/);
  });

  it('a source that does not compile is a failure with the reason of the compiler', async () => {
    const broken = withSource('broken', 'u32 run(u32 n) { return no_such_thing; }');
    const failed = outcome(await bench([broken], ['gcc']), 0, 'armv7', 'gcc');
    expect(failed).toMatchObject({ state: 'failed', reason: expect.stringContaining('no_such_thing') });
  });
});

describe.skipIf(!has('gcc') || process.arch !== 'x64' || process.platform !== 'linux')(
  'peers that are timed (skipped without gcc on x86-64 Linux)',
  () => {
    it('one that is right where it is counted, and wrong where it is timed, is wrong and has no time', async () => {
      const n = { counted: 2, quick: 3, full: 3 };
      const late = { ...withSource('late', 'u32 run(u32 n) { return run_once(n) ^ (n == 3); }'), n };
      // gcc in the place of clang: more machines have it.
      const peers = compilerPeers
        .filter(({ name, target }) => name === 'clang' && target === 'x86_64')
        .map(
          (peer): CompilerPeer => ({
            ...peer,
            commands: ['gcc'],
            flags: ['-O2'],
            libraryFlags: ['-fno-builtin'],
          }),
        );
      const report = await bench([late, { ...crc32, n }], ['clang'], peers);
      expect(outcome(report, 0, 'x86_64', 'clang')).toEqual({
        state: 'failed',
        reason: expect.stringMatching(/^gave \d+, V8 gave \d+$/),
      });
      expect(ratio(report.workloads[0], figures.time, 'clang')).toBeUndefined();
      expect(outcome(report, 1, 'x86_64', 'clang')).toMatchObject({
        state: 'measured',
        timing: { samples: expect.any(Array) },
      });
    });
  },
);

const onX86 = process.platform === 'linux' && process.arch === 'x64';

it(`V8 and Fathom are measured without any compiler${onX86 ? '' : ' (times: x86-64 Linux only)'}`, async () => {
  const report = await bench([crc32], ['v8']);
  expect(report.missing).toEqual([]);
  const x86 = outcome(report, 0, 'x86_64', 'fathom');
  const arm = outcome(report, 0, 'armv7', 'fathom');
  expect(instructions(x86)).toBeGreaterThan(10_000);
  expect(arm).toMatchObject({ state: 'measured', counted: { cycles: expect.any(Number) } });
  const v8 = outcome(report, 0, 'x86_64', 'v8');
  expect(v8).toMatchObject({ state: 'measured', timing: { samples: expect.any(Array) } });
  if (onX86) expect(x86).toMatchObject({ timing: { samples: expect.any(Array) } });
  const { schemes } = report.workloads[0];
  expect(schemes.armv7?.map(({ scheme }) => scheme).sort()).toEqual([
    'atomic',
    'field',
    'none',
    'tail',
    'unwind',
  ]);
});

it('a compiler that is not there is named, and the workload has no figures of it', async () => {
  const absent: CompilerPeer = { ...compilerPeers[1], commands: ['no-such-compiler'] };
  const report = await bench([crc32], ['clang'], [absent]);
  expect(report.missing).toEqual([
    { what: 'clang for x86_64', reason: 'there is no no-such-compiler on this machine' },
  ]);
  expect(outcome(report, 0, 'x86_64', 'clang')).toMatchObject({ state: 'skipped' });
  expect(markdownOf(report)).toContain('| clang for x86_64 | there is no no-such-compiler on this machine |');
});

it('a workload that cannot be had is named, and the others go on', async () => {
  const absent: Workload = {
    ...crc32,
    name: 'absent',
    module: () => Promise.reject(new MissingWorkloadError('its package is not installed')),
  };
  const report = await bench([absent, crc32], []);
  expect(report.missing).toEqual([{ what: 'absent', reason: 'its package is not installed' }]);
  expect(report.workloads.map(({ name }) => name)).toEqual(['crc32']);
});

it('a workload that traps on V8 has nothing to be compared with, and is refused', async () => {
  const bytes = await loadModuleText(
    '(module (memory (export "memory") 1) (func (export "run") (param i32) (result i32) (i32.load (i32.const -1))))',
  );
  await expect(bench([{ ...crc32, module: async () => bytes }], [])).rejects.toThrow(/out of bounds/);
});

it('a workload that takes too long for --quick is named', async () => {
  const report = await bench([{ ...crc32, name: 'endless', fullOnly: true }], []);
  expect(report.workloads).toEqual([]);
  expect(report.missing).toEqual([{ what: 'endless', reason: 'it takes too long for --quick' }]);
});
