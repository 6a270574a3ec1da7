import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BenchReport } from '../bench/model.ts';

/** The command as it is started by users. What it measures, bench/run.spec.ts looks at. */
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fathom-bench-command-'));

beforeAll(() => {
  spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
    cwd: root,
  });
  expect(existsSync(join(root, 'dist/cli/main.js'))).toBe(true);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bench = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'cli/fathom.mjs'), 'bench', ...args],
    { cwd: folder, encoding: 'utf8', timeout: 110_000 },
  );
  return { status, stdout, stderr };
};

it('measures one kernel without peers, and writes JSON, HTML and a page', () => {
  const page = join(folder, 'page.md');
  writeFileSync(page, 'Title\n<!-- figures -->\n<!-- end of figures -->\n');
  const args = ['--quick', '--only', 'fib', '--peers', 'none', '-O', '0', '--stack', 'tail'];
  const result = bench(...args, '--json', 'out.json', '-o', 'out.html', '--update-docs', 'page.md');
  expect(result).toEqual({ status: 0, stdout: '', stderr: '' });
  const report = JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8')) as BenchReport;
  expect(report).toMatchObject({ quick: true, level: 0, scheme: 'tail', peers: [], missing: [] });
  expect(report.workloads.map(({ name, checksum }) => ({ name, checksum }))).toEqual([
    { name: 'fib', checksum: 46368 },
  ]);
  expect(Object.keys(report.workloads[0].targets.x86_64)).toEqual(['fathom']);
  expect(readFileSync(join(folder, 'out.html'), 'utf8')).toContain('<th scope="row">fib</th>');
  expect(readFileSync(page, 'utf8')).toMatch(/^Title\n[\s\S]*\| fib \|/);
});

it('prints tables where no other output is asked for', () => {
  const { status, stdout, stderr } = bench('--quick', '--only', 'fib', '--peers', 'none');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/### ARMv7: instructions\n[\s\S]*\| fib \| [\d,]+ \|/);
});

it.each([
  [['--only', 'fib,nothing'], /--only takes matmul, .*, not nothing/],
  [['--peers', 'icc'], /--peers takes v8, wasm2c, clang, gcc, not icc/],
  [['-O', '9'], /-O takes 0, 1, 2 or 3, not 9/],
  [['--only', 'fib,'], /--only takes names, joined by commas: one is missing/],
  [['-o', 'out.txt'], /out\.txt: -o writes a page, \.html/],
  [['--update-docs', join(root, 'LICENSE')], /LICENSE: has no <!-- figures -->/],
  [['--update-docs', 'no-such-page.md'], /no-such-page\.md: cannot be read/],
] as const)('refuses %j before it measures', (args, message) => {
  const { status, stdout, stderr } = bench(...args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(message);
});
