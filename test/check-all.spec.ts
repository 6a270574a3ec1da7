import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { type CheckSummary, totals } from '../cli/check/summary.ts';
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
    expect(units.length).toBe((3 + 1) * 2 * schemeNames.length);
    for (const scheme of schemeNames) {
      const own = units.filter((unit) => unit.scheme === scheme);
      expect(new Set(own.map(({ target }) => target))).toEqual(new Set(['x86_64', 'armv7']));
      expect(new Set(own.map(({ level }) => level))).toEqual(new Set([0, 1, 2]));
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
  });
});
