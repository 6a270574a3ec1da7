/**
 * `npm run check [-- --interrupts N --jobs N --json FILE]`: `fathom check` over every program there is: the test programs, the specification's
 * test suite where it is at hand, a source-mapping library and SQLite; every scheme, both targets, by host and handler. Prints the table; fails if
 * anything differs. A part for each processor runs at the same time.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { root, setup } from './setup.mjs';

const { values } = parseArgs({
  options: {
    /** Interrupts of a module in one configuration, by the host. */
    interrupts: { type: 'string', default: '16384' },
    /** Parts at the same time. */
    jobs: { type: 'string', default: String(cpus().length) },
    /** Where the total goes as JSON. */
    json: { type: 'string' },
  },
});
const interrupts = Number(values.interrupts);
const jobs = Number(values.jobs);
if (!(interrupts >= 10 && Number.isInteger(jobs) && jobs >= 1)) {
  console.error('fathom: --interrupts takes a number of 10 or more, --jobs one of 1 or more');
  process.exit(2);
}

await setup();
const { findTestsuite } = await import(join(root, 'dist/cli/wast/testsuite.js'));

const filesIn = (folder, pattern) =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => pattern.test(name))
        .sort()
        .map((name) => relative(root, join(folder, name)))
    : [];

/** Scripts of what Fathom does not compile, and those that are about text or binary form alone, run nothing. */
const nothingToRun =
  /^(simd_|i8x16_|i16x8_|i32x4_|relaxed_|ref_as|ref_eq|ref_cast|ref_test|br_on|array|struct|i31|gc|binary|utf8|custom|annot|comments|token|tag|throw|try_|return_call|call_ref|type-|extern|obsolete|memory64|table64|.*64\.wast)/;
const suite = findTestsuite();
const scripts =
  suite === undefined
    ? []
    : filesIn(suite, /\.wast$/).filter((path) => !nothingToRun.test(path.split('/').at(-1)));
const programs = [
  ...filesIn(join(root, 'test/wast'), /\.wast$/),
  ...filesIn(join(root, 'test/programs'), /^(?!across).*\.wat$/),
  ...filesIn(join(root, 'test/programs/wasi'), /\.(wat|wasm)$/),
  ...filesIn(join(root, 'cli/workloads/programs'), /^(?!forged).*\.wat$/),
];
const packages = ['sql.js/dist/sql-wasm.wasm', 'source-map/lib/mappings.wasm']
  .map((path) => `node_modules/${path}`)
  .filter((path) => existsSync(join(root, path)));
const workloads = ['fib', 'even-odd', 'leaf', 'mixed', 'sqlite', 'source-map'].map(
  (name) => `workload:${name}`,
);

/** What each run of `fathom check` does. A process for each call that traps makes scripts slow by the handler: every third one. */
const runs = [
  ['by the host', [...programs, ...scripts, ...packages, '--limit', String(interrupts)]],
  ['workloads by the host', [...workloads, '--limit', String(30 * interrupts)]],
  ['programs by the handler', [...programs, '--through', 'handler', '--limit', String(2 * interrupts)]],
  [
    'scripts by the handler',
    [
      ...scripts.filter((_, i) => i % 3 === 0),
      '--through',
      'handler',
      '--limit',
      String(Math.ceil(interrupts / 2)),
    ],
  ],
].filter(([, [first]]) => !first.startsWith('--'));

const folder = mkdtempSync(join(tmpdir(), 'fathom-check-'));
const main = join(root, 'dist/cli/main.js');

/** Runs one shard, whose summary goes to a file; its progress and differences to standard error. */
function shard(args, index) {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [main, 'check', ...args, '--shard', `${index + 1}/${jobs}`, '--json'],
      { cwd: root, stdio: ['ignore', 'pipe', index === 0 ? 'inherit' : 'pipe'] },
    );
    const output = [];
    const errors = [];
    child.stdout.on('data', (data) => output.push(data));
    child.stderr?.on('data', (data) => errors.push(data));
    child.on('error', reject);
    child.on('exit', (code) => {
      if (index > 0) process.stderr.write(Buffer.concat(errors));
      const path = join(folder, `${index}.json`);
      writeFileSync(path, Buffer.concat(output));
      if (output.length > 0 && (code === 0 || code === 1)) resolve(path);
      else reject(new Error(`fathom check ended with ${code}`));
    });
  });
}

const began = Date.now();
let failed = false;
const units = [];
try {
  for (const [name, args] of runs) {
    const started = Date.now();
    const paths = await Promise.all(Array.from({ length: jobs }, (_, index) => shard(args, index)));
    const merged = spawn(process.execPath, [main, 'check', '--merge', ...paths, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output = [];
    merged.stdout.on('data', (data) => output.push(data));
    const code = await new Promise((resolve) => merged.on('close', resolve));
    if (code !== 0) failed = true;
    const summary = JSON.parse(Buffer.concat(output).toString());
    units.push(...summary.units);
    const count = summary.units.reduce((sum, unit) => sum + unit.interrupts, 0);
    const seconds = (Date.now() - started) / 1000;
    console.error(`fathom: ${name}: ${count.toLocaleString('en-US')} interrupts in ${Math.round(seconds)} s`);
    writeFileSync(join(folder, 'total.json'), JSON.stringify({ ...summary, units }));
  }
  const total = join(folder, 'total.json');
  if (values.json !== undefined) writeFileSync(values.json, readFileSync(total));
  const table = spawn(process.execPath, [main, 'check', '--merge', total], {
    stdio: ['ignore', 'inherit', 'ignore'],
  });
  await new Promise((resolve) => table.on('close', resolve));
  const modules = new Set(units.filter(({ skipped }) => skipped === undefined).map(({ module }) => module))
    .size;
  console.log(
    `${modules} modules, ${Math.round((Date.now() - began) / 1000)} s with ${jobs} at the same time`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
