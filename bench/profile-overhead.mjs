#!/usr/bin/env node
/**
 * What a profile costs the program, natively on x86-64: `node bench/profile-overhead.mjs --help`.
 *
 * Each program runs unsampled, with the timer and a handler that returns at once (the floor: what the kernel and the machine take for
 * a timer and a signal), and sampled. The three take turns, round by round, until there are as many samples as asked for. The handler that
 * returns at once is the same executable with a `ret` for the first instruction of the signal trampoline.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, setup } from '../scripts/setup.mjs';

const help = `node bench/profile-overhead.mjs [options]: what FATHOM_PROFILE costs, natively on x86-64

  --rate N       samples a second (10000)
  --samples N    samples to take in all, over all programs and schemes (1000000)
  --seconds S    of a single run, about (1)
  --schemes L    schemes, separated by commas (unwind,atomic,none)
  --json FILE    the results as JSON, too

Ratios are medians over all rounds, of processor time as the programs themselves read it: to the run without samples next to it, and
"over floor" of a sampled run to one whose handler returns at once. Ends with 1 if a stack is malformed (a function in it calls the next
one nowhere, or it does not begin at the start of the program), or if no samples arrive.`;

const programs = [
  { name: 'query', module: 'query', args: [] },
  { name: 'fib', module: 'recursion', args: ['fib'] },
  { name: 'mutual', module: 'recursion', args: ['mutual'] },
  { name: 'deep', module: 'recursion', args: ['deep'] },
];
const variants = ['plain', 'floor', 'sampled'];

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '10000' },
    samples: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '1' },
    schemes: { type: 'string', default: 'unwind,atomic,none' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
const rate = Number(values.rate);
const wanted = Number(values.samples);
const seconds = Number(values.seconds);
if (!(Number.isInteger(rate) && rate >= 1 && rate <= 10_000 && wanted >= 1 && seconds > 0)) {
  console.error('--rate takes an integer from 1 to 10000, --samples and --seconds take positive numbers');
  process.exit(2);
}
if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error('needs Linux on x86-64');
  process.exit(2);
}

await setup();
const [
  { callGraph, impossibleCall },
  { compileExecutable },
  { readElf, readSymbols },
  { functionName },
  { decodeModule },
  { runtimeModules },
  { x86_64 },
] = await Promise.all(
  [
    'bench/call-graph',
    'compiler/executable',
    'compiler/elf/reader',
    'compiler/wasm/module',
    'compiler/wasm/reader',
    'runtime/index',
    'targets/x86_64/index',
  ].map((path) => import(join(root, `dist/${path}.js`))),
);

const folder = mkdtempSync(join(tmpdir(), 'fathom-overhead-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** A program under a scheme: its two executables, who calls whom in it, rounds for a run, and what was measured. */
function prepare(program, scheme) {
  const binary = new Uint8Array(readFileSync(join(root, `test/programs/wasi/${program.module}.wasm`)));
  const { file } = compileExecutable(binary, {
    target: x86_64,
    level: 2,
    scheme,
    order: 'relaxed',
    runtime: runtimeModules(),
  });
  const elf = readElf(file);
  const symbols = readSymbols(elf);
  const path = join(folder, `${program.name}-${scheme}`);
  writeFileSync(path, file, { mode: 0o700 });
  const { value } = symbols.find(({ name }) => name === 'fathom_signal');
  const segment = elf.segments.find(
    ({ address, content }) => value >= address && value < address + content.length,
  );
  const patched = file.slice();
  patched[segment.offset + value - segment.address] = ret;
  writeFileSync(`${path}-floor`, patched, { mode: 0o700 });
  const cell = {
    program,
    scheme,
    path,
    graph: graphOf(binary),
    rounds: 1,
    runs: [],
    samples: 0,
    missed: 0,
    cut: 0,
    malformed: 0,
  };
  // The first run of an executable finds its pages; then as many rounds as fill the time.
  run(cell, 'plain');
  cell.rounds = Math.max(1, Math.round((seconds * 1e9) / run(cell, 'plain').processor));
  return cell;
}

/** The calls of a program and of the runtime under it: the runtime starts the program, which calls it where it imports a function. */
function graphOf(binary) {
  const app = decodeModule(binary);
  const runtime = decodeModule(runtimeModules().wasi, { native: true });
  const runtimeName = (name) => exportedName(runtime, name);
  const imported = (module, index) =>
    module.imports.find((entry) => entry.kind === 'function' && entry.index === index)?.name;
  return new Map([
    ...callGraph(runtime, {
      nameOf: (index) =>
        imported(runtime, index) === 'call' ? exportedName(app, '_start') : functionName(runtime, index),
    }),
    ...callGraph(app, {
      nameOf: (index) => runtimeName(imported(app, index)) ?? functionName(app, index),
      grow: runtimeName('service'),
    }),
  ]);
}

function exportedName(module, name) {
  const found = module.exports.find((entry) => entry.kind === 'function' && entry.name === name);
  return found && functionName(module, found.index);
}

/** `ret` */
const ret = 0xc3;

/** Runs a cell's program once; nanoseconds as it says them. */
function run(cell, variant) {
  const { program, path, rounds } = cell;
  const out = join(folder, 'out.folded');
  const env = variant === 'plain' ? {} : { FATHOM_PROFILE: String(rate), FATHOM_PROFILE_OUT: out };
  const file = variant === 'floor' ? `${path}-floor` : path;
  const { status, stdout, stderr } = spawnSync(file, [...program.args, String(rounds)], {
    env,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${stderr}`);
  const [result, times] = stdout.split('\n');
  const [time, processor] = times.split(' ').map(Number);
  return { result, time, processor, profile: variant === 'plain' ? '' : readFileSync(out, 'utf8') };
}

/**
 * Adds up a profile. Every line is a stack from the start of the program inwards, or says why not; and each of its frames is of a function
 * that the one before it calls, by their code.
 */
function count(cell, profile) {
  for (const line of profile.split('\n').slice(0, -1)) {
    const [, stack, number] = /^(.+) (\d+)$/.exec(line) ?? [undefined, '', '0'];
    const samples = Number(number);
    if (stack === '[missed]') {
      cell.missed += samples;
      continue;
    }
    const frames = stack.split(';');
    const cause = frames[0].startsWith('[') ? frames.shift() : '';
    const isPossible =
      frames.every((name) => cell.graph.has(name)) && impossibleCall(frames, cell.graph) === undefined;
    const isWhole = frames[0] === 'start/main';
    const isCut = cause === '[cut]' && frames.length === mostFrames;
    // The innermost function, and those that are inlined there.
    const isUnpublished = cell.scheme === 'none' && cause === '[unreadable: not-published]';
    if (isCut) cell.cut += samples;
    if (!(isPossible && (cause === '' ? isWhole : isCut || isUnpublished))) {
      if (cell.malformed === 0) console.error(`${cell.program.name}, ${cell.scheme}: malformed: ${line}`);
      cell.malformed += samples;
    }
    cell.samples += samples;
  }
}

/** Frames that the runtime keeps of a stack. */
const mostFrames = 128;

const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

const cells = values.schemes
  .split(',')
  .flatMap((scheme) => programs.map((program) => prepare(program, scheme)));
const total = () => cells.reduce((sum, { samples }) => sum + samples, 0);
/** Rounds in a row that may end without a sample. */
const mostIdle = 5;
let idle = 0;
for (let round = 0; total() < wanted || round < 3; round++) {
  const before = total();
  for (const cell of cells) {
    const found = {};
    for (let k = 0; k < variants.length; k++) {
      const variant = variants[(k + round) % variants.length];
      found[variant] = run(cell, variant);
    }
    if (new Set(variants.map((variant) => found[variant].result)).size > 1)
      throw new Error(`${cell.program.name}: a sampled run has another result`);
    count(cell, found.sampled.profile);
    cell.runs.push({
      plain: found.plain.processor,
      floor: found.floor.processor / found.plain.processor,
      sampled: found.sampled.processor / found.plain.processor,
      overFloor: found.sampled.processor / found.floor.processor,
      wall: found.sampled.time / found.plain.time,
    });
  }
  console.error(`round ${round + 1}: ${total()} samples`);
  idle = total() === before ? idle + 1 : 0;
  if (idle === mostIdle) {
    console.error(
      `no sample in ${idle} rounds: this system sends no signals of a timer, or the runs are too short`,
    );
    process.exit(1);
  }
}

const rows = cells.map(({ program, scheme, runs, samples, missed, cut, malformed }) => {
  const of = (field) => median(runs.map((run) => run[field]));
  return {
    program: program.name,
    scheme,
    rounds: runs.length,
    samples,
    missed,
    cut,
    malformed,
    milliseconds: of('plain') / 1e6,
    floor: of('floor'),
    sampled: of('sampled'),
    overFloor: of('overFloor'),
    wall: of('wall'),
  };
});
const percent = (ratio) => `${ratio >= 1 ? '+' : ''}${((ratio - 1) * 100).toFixed(1)} %`;
const table = [
  ['program', 'scheme', 'samples', 'missed', 'cut', 'malformed', 'ms', 'floor', 'sampled', 'over floor'],
  ...rows.map((row) => [
    row.program,
    row.scheme,
    row.samples,
    row.missed,
    row.cut,
    row.malformed,
    row.milliseconds.toFixed(0),
    percent(row.floor),
    percent(row.sampled),
    percent(row.overFloor),
  ]),
].map((cells) => cells.map(String));
const widths = table[0].map((_, k) => Math.max(...table.map((cells) => cells[k].length)));
for (const cells of table)
  console.log(cells.map((text, k) => (k < 2 ? text.padEnd(widths[k]) : text.padStart(widths[k]))).join('  '));
const malformed = rows.reduce((sum, row) => sum + row.malformed, 0);
console.log(`${total()} samples at ${rate} a second, ${malformed} malformed stacks`);
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ rate, samples: total(), malformed, rows }, null, 1)}\n`);
process.exitCode = malformed > 0 ? 1 : 0;
