import { readFileSync } from 'node:fs';
import type { Argv } from 'yargs';
import { type BenchReport, type PeerName, peerNames } from '../bench/model.ts';
import { placeOf, updatedPage } from '../bench/report/docs.ts';
import { htmlOf } from '../bench/report/html.ts';
import { markdownOf } from '../bench/report/markdown.ts';
import { runBench } from '../bench/run.ts';
import type { Workload } from '../bench/workload.ts';
import { workloads } from '../bench/workloads.ts';
import type { MemoryOrder, SchemeName } from '../compiler/stack/scheme.ts';
import { codeOptions, compileOptions, ExitCode, Progress, UsageError, writeOutput } from './common.ts';

interface Flags {
  quick: boolean;
  only: string | undefined;
  peers: string | undefined;
  stack: SchemeName | undefined;
  order: MemoryOrder | undefined;
  O: number | undefined;
  output: string | undefined;
  json: string | undefined;
  markdown: string | undefined;
  'update-docs': string | undefined;
}

/** `fathom bench`: the code that Fathom makes against that of others. */
export function benchCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'bench',
    'Measure the code that Fathom makes, against V8, wasm2c with gcc, and native compilers',
    (y) =>
      y
        .option('quick', {
          describe: 'less work and fewer repetitions: under two minutes in all',
          type: 'boolean',
          default: false,
        })
        .option('only', {
          describe: `only these workloads, joined by commas: ${names().join(', ')}`,
          type: 'string',
          requiresArg: true,
        })
        .option('peers', {
          describe: `only these peers, joined by commas, or none: ${peerNames.join(', ')}`,
          type: 'string',
          defaultDescription: 'all that are there',
          requiresArg: true,
        })
        .option('stack', codeOptions.stack)
        .option('order', codeOptions.order)
        .option('O', codeOptions.O)
        .option('output', {
          alias: 'o',
          describe: 'write a page of HTML with charts to this file',
          type: 'string',
          requiresArg: true,
        })
        .option('json', {
          describe: 'write all figures to this file, - for standard output',
          type: 'string',
          requiresArg: true,
        })
        .option('markdown', {
          describe: 'write the tables to this file, - for standard output',
          type: 'string',
          defaultDescription: '-, unless another output is asked for',
          requiresArg: true,
        })
        .option('update-docs', {
          describe: 'replace the tables in this page (docs/performance.md)',
          type: 'string',
          requiresArg: true,
        })
        .example('$0 bench --quick', 'all peers, and the workloads that are not long')
        .example('$0 bench --only sha256,fib --peers v8', 'two workloads against V8')
        .example('$0 bench -o report.html --json report.json', 'everything; some minutes'),
    async (flags) => done(await run(flags as unknown as Flags)),
  ) as Argv;
}

const names = (): string[] => workloads.map(({ name }) => name);

/**
 * The members of a list that are named, in the list's order.
 * @throws UsageError for a name that is none
 */
function chosen<T>(
  option: string,
  text: string | undefined,
  all: readonly T[],
  nameOf: (one: T) => string,
): T[] {
  if (text === undefined) return [...all];
  const wanted = text.split(',').map((name) => name.trim());
  if (wanted.includes('')) throw new UsageError(`--${option} takes names, joined by commas: one is missing`);
  const unknown = wanted.find((name) => !all.some((one) => nameOf(one) === name));
  if (unknown !== undefined)
    throw new UsageError(`--${option} takes ${all.map(nameOf).join(', ')}, not ${unknown}`);
  return all.filter((one) => wanted.includes(nameOf(one)));
}

async function run(flags: Flags): Promise<number> {
  const selected = chosen<Workload>('only', flags.only, workloads, ({ name }) => name);
  const peers =
    flags.peers === 'none' ? [] : chosen<PeerName>('peers', flags.peers, peerNames, (name) => name);
  const { level, scheme, order } = compileOptions({
    target: undefined,
    stack: flags.stack,
    order: flags.order,
    O: flags.O,
    'wasm-opt': undefined,
    'publish-leaves': undefined,
    'without-pass': undefined,
  });
  // What cannot be written is known before the minutes, not after.
  const { output } = flags;
  if (output !== undefined && !/\.html?$/i.test(output))
    throw new UsageError(`${output}: -o writes a page, .html; there are --json and --markdown, too`);
  const page = flags['update-docs'];
  const before = page === undefined ? '' : readPage(page);
  const progress = new Progress('bench');
  let report: BenchReport;
  try {
    report = await runBench({
      workloads: selected.map((workload) =>
        flags.only === undefined ? workload : { ...workload, fullOnly: false },
      ),
      peers,
      quick: flags.quick,
      level,
      scheme,
      order,
      progress: (what, done, of) => progress.say(`${done} of ${of} done; ${what}`),
    });
  } finally {
    progress.end();
  }
  if (flags.json !== undefined) writeOutput(flags.json, `${JSON.stringify(report, null, 2)}\n`);
  if (flags.output !== undefined) writeOutput(flags.output, htmlOf(report));
  if (page !== undefined) writeOutput(page, updatedPage(before, report));
  const silent = [flags.json, flags.output, page].some((output) => output !== undefined);
  if (flags.markdown !== undefined || !silent) writeOutput(flags.markdown ?? '-', markdownOf(report));
  return tell(report);
}

/** @throws UsageError where there is no page, or none with a place for tables */
function readPage(path: string): string {
  try {
    const page = readFileSync(path, 'utf8');
    placeOf(page);
    return page;
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof RangeError ? error.message : 'cannot be read'}`);
  }
}

/** Says on standard error what is missing and what failed. What failed makes the exit code. */
function tell({ missing, workloads: results }: BenchReport): number {
  for (const { what, reason } of missing) console.error(`${what} was left out: ${reason}`);
  let code: number = ExitCode.done;
  for (const { name, targets } of results)
    for (const [target, outcomes] of Object.entries(targets))
      for (const [who, outcome] of Object.entries(outcomes)) {
        if (outcome.state !== 'failed') continue;
        console.error(`${name} by ${who} on ${target} failed: ${outcome.reason}`);
        code = ExitCode.failed;
      }
  return code;
}
