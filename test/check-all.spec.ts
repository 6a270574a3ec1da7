import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { type CheckSummary, totals } from '../cli/check/summary.ts';
import { defaults } from '../compiler/defaults.ts';
import { schemeNames } from '../compiler/stack/scheme.ts';

/** `npm run check`, scaled down: two jobs, a few modules, two stages. */
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fathom-check-all-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: readonly string[]) =>
  spawnSync(process.execPath, [join(root, 'scripts/check-all.mjs'), ...args], {
    cwd: root,
    encoding: 'utf8',
  });

interface Stage {
  readonly title: string;
  readonly by: string;
  readonly inputs: readonly string[];
  readonly options: readonly string[];
}
const { checkStages, nothingToRun } = (await import(join(root, 'scripts/check-stages.mjs'))) as {
  checkStages: (root: string, suite: string | undefined) => Stage[];
  nothingToRun: RegExp;
};

describe('the stages', () => {
  const stages = checkStages(root, undefined);

  it('deal levels only among many modules: among few, the shipped level alone', () => {
    for (const { title, inputs, options } of stages) {
      expect([title, options.includes(String(defaults.level))]).toEqual([title, true]);
      const isDealt = options.includes('--deal-levels');
      if (isDealt) expect([title, inputs.length > 4]).toEqual([title, true]);
      else expect([title, options.slice(0, 2)]).toEqual([title, ['-O', String(defaults.level)]]);
    }
  });

  it.each(['host', 'handler'])('vary memory orders and leaves, too: by the %s', (by) => {
    const own = stages.filter((stage) => stage.by === by).map(({ options }) => options.join(' '));
    expect(own.filter((options) => options.includes('--order release seq_cst')).length).toBeGreaterThan(0);
    expect(own.filter((options) => options.includes('--publish-leaves')).length).toBeGreaterThan(0);
  });

  it('leave out what is of 64-bit memories, not of 64-bit numbers', () => {
    const names = [
      'i64.wast',
      'f64.wast',
      'address64.wast',
      'endianness64.wast',
      'memory64.wast',
      'i32.wast',
    ];
    expect(names.filter((name) => !nothingToRun.test(name))).toEqual(['i64.wast', 'f64.wast', 'i32.wast']);
  });
});

describe('npm run check', () => {
  it('puts stages and jobs together: every configuration, levels in turn, totals that add up', () => {
    const json = join(folder, 'all.json');
    const stages = ['--only', 'modules, host', '--only', 'deep stacks, host'];
    const { status, stdout, stderr } = run(
      '--points',
      '1000000',
      '--jobs',
      '2',
      '--modules',
      '3',
      ...stages,
      '--json',
      json,
    );
    expect([status, stderr.includes('modules, host: ')]).toEqual([0, true]);
    const { units, shard, version } = JSON.parse(readFileSync(json, 'utf8')) as CheckSummary;
    expect([version, shard]).toEqual([2, { index: 0, of: 1 }]);
    expect(stdout).toMatch(/^host: [\d.]+ M\/s, aim 1 M\/s/m);
    expect(units.length).toBe((3 + 1) * 2 * schemeNames.length);
    for (const scheme of schemeNames) {
      const own = units.filter((unit) => unit.scheme === scheme);
      expect(new Set(own.map(({ target }) => target))).toEqual(new Set(['x86_64', 'armv7']));
      expect(new Set(own.map(({ level }) => level))).toEqual(new Set([0, 1, 2]));
      // One module alone is checked at the level that is shipped, in every configuration.
      const alone = own.filter(({ module }) => module === 'workload:even-odd');
      expect(alone.map(({ level }) => level)).toEqual([2, 2]);
    }
    for (const { interrupts, due, startup } of units) {
      expect(interrupts).toBe(due);
      expect(interrupts).toBeGreaterThan(90);
      expect(startup).toBeGreaterThan(0);
    }
    // Two hundred of each module, and a thousand of the one with deep stacks.
    const all = totals(units);
    expect([all.modules, all.units, all.skipped, all.differences]).toEqual([4, 40, 0, 0]);
    expect(all.interrupts).toBeGreaterThan(10_000);
    expect(all.interrupts).toBeLessThanOrEqual(10 * (3 * 200 + 1000));
    const row = (name: string) => stdout.split('\n').find((line) => line.startsWith(`${name} `)) ?? '';
    const numbers = (text: string) =>
      [...text.matchAll(/ ([\d,]+)(?= )/g)].map(([, n]) => Number(n.replaceAll(',', '')));
    for (const name of ['all, host', 'all'])
      expect(numbers(row(name))).toEqual([4, 40, 0, all.interrupts, 0]);
  });

  it('refuses options that mean nothing', () => {
    expect(run('--points', '1')).toMatchObject({ status: 2, stdout: '' });
    expect(run('--jobs', '0')).toMatchObject({ status: 2, stdout: '' });
    const { status, stdout, stderr } = run('--only', 'deep stacks, hots');
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/no stage deep stacks, hots; there are:[\s\S]*^deep stacks, host$/m);
  });
});
