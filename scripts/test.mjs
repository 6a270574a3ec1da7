/**
 * `npm test [-- PATTERN…]`: sets everything up, runs all tests, and closes with one line `N passed, N failed`.
 * `--update` rewrites the golden tests' expectations.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

await setup();
const update = process.argv.includes('--update');
const patterns = process.argv.slice(2).filter((argument) => argument !== '--update');
const folder = mkdtempSync(join(tmpdir(), 'fathom-test-'));
const report = join(folder, 'report.json');
const vitest = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...(update ? ['test/goldens'] : patterns),
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...(update ? { FATHOM_UPDATE: '1' } : {}) } },
);
let failed = 1;
try {
  const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  // A test file that does not even load is a failure, though no test of it ran.
  failed = Math.max(numFailedTests, numFailedTestSuites > 0 ? 1 : 0);
  console.log(
    `\n${numPassedTests} passed, ${failed} failed${numPendingTests ? `, ${numPendingTests} skipped` : ''}`,
  );
} catch {
  console.log('\n0 passed, 1 failed');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(vitest.status === 0 && failed === 0 ? 0 : 1);
