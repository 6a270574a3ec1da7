/** `npm run fuzz [-- --count N --seed S …]`: random modules on V8, x86-64 and ARMv7. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

await setup();
const result = spawnSync(process.execPath, [join(root, 'dist/test/fuzz/main.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exit(result.status ?? 1);
