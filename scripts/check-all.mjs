/**
 * `npm run check [-- --points N --jobs N --modules N --only STAGE --json FILE]`: `fathom check` over every program there is: the test programs, the benchmark
 * kernels, a third of the specification's test suite where it is at hand, a source-mapping library and SQLite (`check-stages.mjs`); every scheme, both
 * targets, by host and handler. Prints what each stage has done. Fails if anything differs, if a stage has checked nothing, or if all have checked less than
 * was asked for.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkStages } from './check-stages.mjs';
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
const { rateBesideAim, shortfalls, stageShortfall } = await import(join(root, 'dist/cli/check/coverage.js'));

const all = checkStages(root, findTestsuite());
const unknown = (values.only ?? []).filter((title) => !all.some((stage) => stage.title === title));
if (unknown.length > 0) {
  console.error(
    `fathom: no stage ${unknown.join('; ')}; there are:\n${all.map(({ title }) => title).join('\n')}`,
  );
  process.exit(2);
}
const stages = all.filter(
  ({ title, inputs }) => inputs.length > 0 && (values.only === undefined || values.only.includes(title)),
);

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
async function runStage({ by, inputs, share, options, call }) {
  const limit = String(Math.max(1, Math.ceil(points * share)));
  const args = [...inputs.slice(0, most), '--through', by, '--limit', limit, '--block', limit, ...options];
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
  const shortfall = stageShortfall(stage.title, summary.units);
  if (shortfall !== undefined) {
    console.error(`fathom: ${shortfall}`);
    failed = true;
  }
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
tableBy('order, read by', ({ order, through }) => `${order}, ${through}`);
const readers = ['host', 'handler'];
const reached = readers.map((by) => totals(units.filter(({ through }) => through === by)));
for (const [i, by] of readers.entries()) rows.push([`all, ${by}`, reached[i]]);
rows.push(['all', totals(units)]);
console.log(formatTotals('stage, read by', rows));
console.log(
  `\nseconds are of processors; checking is stepping, reading and comparing, start-up all the rest\n${Math.round((Date.now() - began) / 1000)} s with ${jobs} at the same time`,
);
for (const [i, by] of readers.entries())
  if (reached[i].interrupts > 0) console.log(rateBesideAim(by, reached[i]));
/** All of it must have been there; a try is no whole check. */
if (values.modules === undefined && values.only === undefined) {
  const interrupts = { host: points, handler: Math.floor(points / 10) };
  for (const missing of shortfalls(units, { interrupts, modules: 50 })) {
    console.error(`fathom: ${missing}`);
    failed = true;
  }
}
process.exit(failed ? 1 : 0);
