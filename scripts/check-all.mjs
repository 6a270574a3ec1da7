/**
 * `npm run check [-- --points N --jobs N --modules N --only STAGE --json FILE]`: `fathom check` over every program there is: the test programs, the
 * specification's test suite where it is at hand, a source-mapping library and SQLite; every scheme, both targets, three optimisation levels in turn, by
 * host and handler. Prints what each stage has done. Fails if anything differs, or if less was checked than asked for.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { root, setup } from './setup.mjs';

const { values } = parseArgs({
  options: {
    /** Interrupts by the host, all units' together, at least; by the handler there are a tenth. */
    points: { type: 'string', default: '20000000' },
    /** Parts at the same time. */
    jobs: { type: 'string', default: String(cpus().length) },
    /** For a try: modules of a stage, at most, and the stages, as the last table names them. */
    modules: { type: 'string' },
    only: { type: 'string', multiple: true },
    /** Where the summary of all units goes as JSON. */
    json: { type: 'string' },
  },
});
const points = Number(values.points);
const jobs = Number(values.jobs);
const most = Number(values.modules ?? 10_000);
if (!(points >= 10_000 && Number.isInteger(jobs) && jobs >= 1 && Number.isInteger(most) && most >= 1)) {
  console.error('fathom: --points takes a number of 10000 or more, --jobs and --modules one of 1 or more');
  process.exit(2);
}

await setup();
const { findTestsuite } = await import(join(root, 'dist/cli/wast/testsuite.js'));
const { formatTotals, mergeSummaries, parseSummary, totals } = await import(
  join(root, 'dist/cli/check/summary.js')
);

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
const kernels = filesIn(join(root, 'bench/kernels'), /\.wasm$/);
const packages = ['sql.js/dist/sql-wasm.wasm', 'source-map/lib/mappings.wasm']
  .map((path) => `node_modules/${path}`)
  .filter((path) => existsSync(join(root, path)));

/** Calls of modules that recurse without end are ended before their stacks are all that there is. */
const short = ['--budget', '40000'];
const deep = ['--budget', '400000'];
const workload = (name) => `workload:${name}`;

/**
 * What is checked, stage by stage: the names of modules, and the share of all points that one of them has in one configuration, at most. Modules are many
 * and short, which is breadth; kernels run for long, where the code that is interrupted is known already to the emulator. A stack of a
 * thousand frames, as `even-odd` and `mutual` have, costs a thousand times what one frame does: it has its share. Scripts are many modules each, and by the handler
 * a process for each call that traps: every third one is taken.
 */
const long = ['leaf', 'mixed'].map((name) => `cli/workloads/programs/${name}.wat`);
const modules = [...programs, ...packages, ...scripts.filter((_, i) => i % 3 === 0)];
const stages = [
  { name: 'modules', by: 'host', inputs: modules, share: 1 / 5000, options: short },
  { name: 'kernels', by: 'host', inputs: kernels, share: 1 / 200, options: deep, call: ['run', '100'] },
  {
    name: 'workloads',
    by: 'host',
    inputs: ['fib', 'leaf', 'mixed', 'source-map'].map(workload),
    share: 1 / 15,
  },
  { name: 'sql.js', by: 'host', inputs: [workload('sqlite')], share: 1 / 50 },
  { name: 'deep stacks', by: 'host', inputs: [workload('even-odd')], share: 1 / 1000 },
  { name: 'modules', by: 'handler', inputs: modules, share: 1 / 8000, options: short },
  { name: 'kernels', by: 'handler', inputs: kernels, share: 1 / 1000, options: short, call: ['run', '100'] },
  { name: 'workloads', by: 'handler', inputs: long, share: 1 / 200, call: ['run', '100000'] },
]
  .map((stage) => ({ ...stage, title: `${stage.name}, ${stage.by}` }))
  .filter(({ title }) => values.only === undefined || values.only.includes(title));

/** Runs one shard; its progress and its differences go to standard error. @returns its summary, and whether it failed */
function runShard(args, index) {
  return new Promise((resolve, reject) => {
    const [main, ...rest] = [
      join(root, 'dist/cli/main.js'),
      'check',
      '--json',
      '--shard',
      `${index + 1}/${jobs}`,
    ];
    const child = spawn(process.execPath, [main, ...rest, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', index === 0 ? 'inherit' : 'pipe'],
    });
    const output = [];
    const errors = [];
    child.stdout.on('data', (data) => output.push(data));
    child.stderr?.on('data', (data) => errors.push(data));
    child.on('error', reject);
    child.on('close', (code) => {
      process.stderr.write(Buffer.concat(errors));
      const text = Buffer.concat(output).toString();
      if (code === 0 || code === 1)
        resolve({ summary: parseSummary(`shard ${index + 1}`, text), failed: code === 1 });
      else reject(new Error(`fathom check ended with ${code}`));
    });
  });
}

/** Checks one stage, by all jobs at the same time, each of which has whole units. */
async function runStage({ by, inputs, share, options = [], call }) {
  const limit = String(Math.max(1, Math.ceil(points * share)));
  const args = [
    ...inputs.slice(0, most),
    '--through',
    by,
    '--limit',
    limit,
    '--block',
    limit,
    '-O',
    '0',
    '1',
    '2',
  ];
  args.push('--deal-levels', ...options);
  if (call !== undefined) args.push('--invoke', call[0], '--', ...call.slice(1));
  const shards = await Promise.all(Array.from({ length: jobs }, (_, index) => runShard(args, index)));
  return {
    summary: mergeSummaries(shards.map(({ summary }) => summary)),
    failed: shards.some(({ failed }) => failed),
  };
}

const began = Date.now();
const rows = [];
const units = [];
const plan = createHash('sha256');
let failed = false;
for (const stage of stages) {
  const started = Date.now();
  const { summary, ...outcome } = await runStage(stage);
  if (outcome.failed) failed = true;
  plan.update(summary.plan);
  units.push(...summary.units);
  const total = totals(summary.units);
  rows.push([stage.title, total]);
  const seconds = Math.round((Date.now() - started) / 1000);
  console.error(
    `fathom: ${stage.title}: ${total.interrupts.toLocaleString('en-US')} interrupts, ${total.differences} differences, ${seconds} s`,
  );
}

const summary = {
  fathom: 'check',
  version: 2,
  plan: plan.digest('hex').slice(0, 16),
  shard: { index: 0, of: 1 },
  units,
};
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(summary));
/** A row for each value that units have there. */
const tableBy = (title, value) => {
  const groups = new Map();
  for (const unit of units) groups.set(value(unit), [...(groups.get(value(unit)) ?? []), unit]);
  console.log(
    `${formatTotals(
      title,
      [...groups].map(([name, members]) => [name, totals(members)]),
    )}\n`,
  );
};
tableBy('configuration, read by', ({ target, scheme, through }) => `${target} ${scheme}, ${through}`);
tableBy('level, read by', ({ level, through }) => `-O${level}, ${through}`);
/** All of it must have been there; a try is no whole check. */
const wanted = { host: points, handler: Math.floor(points / 10) };
for (const by of Object.keys(wanted)) {
  const sum = totals(units.filter(({ through }) => through === by));
  rows.push([`all, ${by}`, sum]);
  if (sum.interrupts >= wanted[by] || values.modules !== undefined || values.only !== undefined) continue;
  console.error(`fathom: ${sum.interrupts} interrupts by the ${by}, of ${wanted[by]} asked for`);
  failed = true;
}
rows.push(['all', totals(units)]);
console.log(formatTotals('stage, read by', rows));
console.log(
  `\nseconds are of processors; checking is stepping, reading and comparing, start-up all the rest\n${Math.round((Date.now() - began) / 1000)} s with ${jobs} at the same time`,
);
process.exit(failed ? 1 : 0);
