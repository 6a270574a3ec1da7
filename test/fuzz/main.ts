import { mkdirSync, writeFileSync } from 'node:fs';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { fuzz } from './fuzz.ts';

/** `npm run fuzz`: random modules on V8, x86-64 and ARMv7. Exits 1 at a difference, and keeps the module. */
const flags = await yargs(hideBin(process.argv))
  .scriptName('npm run fuzz --')
  .option('count', { describe: 'number of modules', type: 'number', default: 1000 })
  .option('seed', { describe: 'seed of the first module', type: 'number', default: 1 })
  .option('target', {
    describe: 'targets',
    choices: ['x86_64', 'armv7'] as const,
    array: true,
    default: ['x86_64', 'armv7'] as const,
  })
  .option('level', {
    describe: 'optimisation levels, taken in turn',
    choices: [0, 1, 2, 3] as const,
    array: true,
    default: [0, 1, 2] as const,
  })
  .option('keep', { describe: 'folder for modules that differ', type: 'string', default: '.cache/fuzz' })
  .option('json', { describe: 'print the result as JSON', type: 'boolean', default: false })
  .example('$0 --count 5000 --seed 7', '5,000 modules')
  .strict()
  .parseAsync();

const started = performance.now();
let shown = 0;
const result = await fuzz({
  first: flags.seed,
  count: flags.count,
  targets: flags.target as ('x86_64' | 'armv7')[],
  levels: flags.level as (0 | 1 | 2 | 3)[],
  progress: (done, differences) => {
    if (performance.now() - shown < 5000 && done < flags.count) return;
    shown = performance.now();
    console.error(`${done} of ${flags.count} modules, ${differences} differences`);
  },
});
for (const d of result.differences) {
  mkdirSync(flags.keep, { recursive: true });
  const path = `${flags.keep}/seed-${d.seed}.wasm`;
  writeFileSync(path, d.bytes);
  console.error(
    `seed ${d.seed}, ${d.target} -O${d.level} (${path})\n  V8:   ${d.expected}\n  here: ${d.actual}`,
  );
}
const seconds = (performance.now() - started) / 1000;
if (flags.json)
  console.log(
    JSON.stringify({
      ...result,
      differences: result.differences.map(({ bytes, ...d }) => ({ ...d, size: bytes.length })),
      seconds,
    }),
  );
else
  console.log(
    `${result.modules} modules on ${flags.target.join(' and ')}: ${result.differences.length} differences, ` +
      `${result.calls} observations, ${result.inconclusive} inconclusive runs, ${seconds.toFixed(0)} s`,
  );
process.exitCode = result.differences.length > 0 ? 1 : 0;
