/**
 * A gate for CI: node gate.mjs BASE CHANGE. Exits with 1 where the changed module's code or its executed instructions are more than 2 %
 * above the base's, on x86-64 or on a Cortex-A9, and says which functions grew.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const fathom = fileURLToPath(new URL('../../cli/fathom.mjs', import.meta.url));
const [base, change] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'size-gate-'));

/** What is measured of both: all of the module, and what `sum(100)` executes. */
const compare = (module, ...more) =>
  spawnSync(process.execPath, [fathom, 'compare', module, '--invoke', 'sum', ...more, '--', '100'], {
    stdio: 'inherit',
  }).status ?? 1;

try {
  const report = join(folder, 'base.json');
  process.exitCode = compare(base, '-o', report) || compare(change, '--against', report, '--allow', '2%');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
