/** `node scripts/cortex-a9-check.mjs [--help]`: the Cortex-A9 cycle model against llvm-mca, block by block. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

await setup();
const program = join(root, 'dist/bench/cortex-a9/main.js');
const result = spawnSync(process.execPath, [program, ...process.argv.slice(2)], { stdio: 'inherit' });
process.exit(result.status ?? 1);
