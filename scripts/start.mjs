/** `npm start [-- FILE.wasm …]`: sets everything up, then compiles, runs, interrupts and samples a real program on both targets. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

await setup();
const result = spawnSync(
  process.execPath,
  [join(root, 'dist/cli/main.js'), 'tour', ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
process.exit(result.status ?? 1);
