import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Argv } from 'yargs';
import { defaults } from '../compiler/defaults.ts';
import type { PassName } from '../compiler/passes/pipeline.ts';
import { type MemoryOrder, type SchemeName, schemeNames } from '../compiler/stack/scheme.ts';
import type { TargetName } from '../compiler/target.ts';
import type { Module } from '../compiler/wasm/module.ts';
import {
  ExitCode,
  inFile,
  level,
  Progress,
  readInput,
  UsageError,
  withoutPassOption,
  writeOutput,
} from './common.ts';
import { checkComparable, compareReports } from './compare/against.ts';
import { type Build, build, type Outcome, type Subject } from './compare/build.ts';
import { columns } from './compare/columns.ts';
import { type Configuration, configurationsOf, nameOf } from './compare/configuration.ts';
import { BuildReader, type BuildReport } from './compare/figures.ts';
import { writeHtml } from './compare/html.ts';
import { type CompareReport, readReport, reportOf } from './compare/report.ts';
import { type Sampling, samplingText, usualSampling } from './compare/sampling.ts';
import { formatComparisons, formatReport } from './compare/show.ts';
import { type SubjectFlags, subjectOf } from './compare/subject.ts';
import { shown } from './shown.ts';
import { readSource, type Source, SourceError } from './source/index.ts';

interface Flags extends SubjectFlags {
  target: TargetName[];
  stack: SchemeName[];
  order: MemoryOrder[];
  O: number[];
  'publish-leaves': boolean | undefined;
  'without-pass': PassName[] | undefined;
  sort: string | undefined;
  top: number;
  function: string | undefined;
  against: string | undefined;
  allow: string | undefined;
  output: string | undefined;
  sources: string[];
  samples: boolean;
  every: number | undefined;
  json: boolean;
  debug: boolean;
}

/** What `--sort` takes. */
const sortKeys = ['name', ...columns.map(({ key }) => key)];

/** `fathom compare`: what a module becomes for both targets, what of it is executed, and whether that got worse. */
export function compareCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'compare <module> [args..]',
    'Show what a module becomes for each target, scheme and level, side by side, and what of it is executed',
    (y) =>
      y
        .positional('module', {
          describe: '.wasm or .wat file, or workload:NAME',
          type: 'string',
          demandOption: true,
        })
        .positional('args', {
          describe: 'with --run or --invoke: arguments of the program or function',
          type: 'string',
          array: true,
          default: [],
        })
        .option('run', {
          describe: 'run it on emulated cores, too: _start, main or the only export',
          type: 'boolean',
          default: false,
        })
        .option('invoke', { describe: 'run this export', type: 'string', requiresArg: true })
        .option('script', {
          describe: 'run it by this JavaScript module, whose default export takes a WebAssembly',
          type: 'string',
          requiresArg: true,
        })
        .option('target', {
          describe: 'instruction sets',
          choices: ['x86_64', 'armv7'] as const,
          array: true,
          default: ['x86_64', 'armv7'] as TargetName[],
        })
        .option('stack', {
          describe: 'publication schemes',
          choices: schemeNames,
          array: true,
          default: [defaults.scheme] as SchemeName[],
        })
        .option('order', {
          describe: 'memory orders of the publication',
          choices: ['relaxed', 'release', 'seq_cst'] as const,
          array: true,
          default: [defaults.order] as MemoryOrder[],
        })
        .option('O', {
          describe: 'optimisation levels, 0 to 3',
          type: 'number',
          array: true,
          default: [defaults.level as number],
        })
        .option('publish-leaves', { describe: 'leaf functions publish, too', type: 'boolean' })
        .option('without-pass', withoutPassOption)
        .option('wasm-opt', { describe: "run binaryen's optimiser on the module first", type: 'boolean' })
        .option('sort', {
          describe: 'order of the functions',
          choices: sortKeys,
          defaultDescription: 'executed of a run, else code',
          requiresArg: true,
        })
        .option('top', { describe: 'functions in the table', type: 'number', default: 20, requiresArg: true })
        .option('function', {
          alias: 'f',
          describe: 'only this function: its name or its wasm index',
          type: 'string',
          requiresArg: true,
        })
        .option('against', {
          describe: 'compare with this earlier --json; exit 1 where code or executed instructions grew',
          type: 'string',
          requiresArg: true,
        })
        .option('allow', {
          describe: 'with --against: by how much they may grow',
          type: 'string',
          defaultDescription: '0%',
          requiresArg: true,
        })
        .option('json', { describe: 'print all figures as JSON', type: 'boolean', default: false })
        .option('output', {
          alias: 'o',
          describe: 'write here: .html, a page with the code of all side by side; or .json',
          type: 'string',
          requiresArg: true,
        })
        .option('samples', {
          describe: `sample the run, too: ${samplingText(usualSampling)}`,
          type: 'boolean',
          default: false,
        })
        .option('every', {
          describe: 'sample the run after every N instructions, neither more nor less',
          type: 'number',
          requiresArg: true,
        })
        .option('sources', {
          describe:
            'with -o page.html: show the source files that the module names, if they are in this folder',
          type: 'string',
          array: true,
          nargs: 1,
          default: [],
          requiresArg: true,
        })
        .example('$0 compare app.wasm', 'what its functions become on x86-64 and on Cortex-A9')
        .example('$0 compare fib.wat --invoke fib 20', 'and what calling one executes')
        .example('$0 compare app.wasm --run -o app.html -- --quick', 'a page: wasm, x86-64 and ARMv7 in step')
        .example('$0 compare app.wasm --sources . -o app.html', 'the same with source lines, of clang -g')
        .example('$0 compare app.wasm --stack none atomic tail', 'what publication schemes cost')
        .example('$0 compare app.wasm --target armv7 -O 0 1 --sort spills', 'what optimisation changes')
        .example(
          '$0 compare app.wasm --run --against base.json --allow 2%',
          'a gate for CI (docs/compare.md)',
        ),
    async (flags) => done(await run(flags as unknown as Flags)),
  ) as Argv;
}

/** A share as `--allow` takes it: 2% or 0.02. */
function shareOf(text: string): number {
  const [, digits, sign] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text) ?? [];
  if (digits === undefined) throw new UsageError(`--allow takes a share such as 2%, not ${text}`);
  return sign === '%' ? Number(digits) / 100 : Number(digits);
}

/** When the run is sampled; undefined where nobody asks for it. */
function samplingOf({ samples, every }: Flags): Sampling | undefined {
  if (every === undefined) return samples ? usualSampling : undefined;
  if (!Number.isSafeInteger(every) || every < 1)
    throw new UsageError('--every takes a whole number, 1 or more');
  return { every, drawn: false };
}

/** What all configurations are compiled with that their names do not say, as it is written on a command line. */
const optionsOf = (flags: Flags): string[] => [
  ...(flags['wasm-opt'] ? ['--wasm-opt'] : []),
  ...(flags['publish-leaves'] ? ['--publish-leaves'] : []),
  ...[...new Set(flags['without-pass'])].sort().map((name) => `--without-pass ${name}`),
];

async function run(flags: Flags): Promise<number> {
  const { against, output, top } = flags;
  if (!Number.isSafeInteger(top) || top < 1) throw new UsageError('--top takes a whole number, 1 or more');
  if (flags.allow !== undefined && against === undefined)
    throw new UsageError('--allow says by how much code may grow: it goes with --against');
  const allow = shareOf(flags.allow ?? '0%');
  if (output !== undefined && !/\.(html|json)$/i.test(output))
    throw new UsageError(`${output}: the ending names no format; there are .html and .json`);
  for (const folder of flags.sources)
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
      throw new UsageError(`--sources ${folder}: no such folder`);
  const before =
    against === undefined ? undefined : readReport(against, new TextDecoder().decode(readInput(against)));
  const configurations = configurationsOf({
    targets: flags.target,
    schemes: flags.stack,
    orders: flags.order,
    levels: flags.O.map((O) => level({ O })),
  });
  const sampling = samplingOf(flags);
  const subject = await subjectOf(flags);
  if (sampling !== undefined && subject.run === undefined)
    throw new UsageError('--samples and --every go with --run, --invoke or --script');
  const sort = flags.sort ?? (subject.run ? 'executed' : 'code');
  if (subject.run === undefined && columns.some(({ key, ofRun }) => key === sort && ofRun))
    throw new UsageError(`--sort ${sort} is a figure of a run: it goes with --run, --invoke or --script`);
  // Before the work, not after it.
  if (before !== undefined) checkComparable(before, subject.run?.label ?? null, configurations.map(nameOf));
  const parts = await buildAll(flags, subject, configurations, sampling);
  const report = reportOf(subject.title, subject.run?.label, optionsOf(flags), sampling, parts);
  if (output !== undefined)
    writeOutput(
      output,
      /\.html$/i.test(output)
        ? writeHtml(
            report,
            parts.map(({ reader }) => reader),
            sourceOf(flags, parts[0].reader.build.image.module),
          )
        : `${JSON.stringify(report)}\n`,
    );
  const text = formatReport(report, { sort, top, only: flags.function });
  if (text === undefined) throw new UsageError(`${flags.module}: has no function ${flags.function}`);
  console.log(flags.json ? JSON.stringify(report) : text);
  const code = sayOutcomes(report);
  if (before === undefined) return code;
  const found = compareReports(report, before, allow);
  // JSON is for programs: what people are told goes beside it.
  const say = flags.json ? console.error : console.log;
  say(`\nagainst ${against}:\n${formatComparisons(found, top)}`);
  return found.comparisons.some(({ failed }) => failed) ? ExitCode.failed : code;
}

/** The module's source, as far as it is known; what is wrong with it is no reason to stop. */
function sourceOf(flags: Flags, module: Module): Source | undefined {
  // The optimiser moves code, and leaves what says where it was.
  if (flags['wasm-opt']) return undefined;
  const beside = existsSync(flags.module) ? { moduleFolder: dirname(flags.module) } : {};
  try {
    return readSource(module, { ...beside, folders: flags.sources });
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    console.error(`${flags.module}: no source lines: ${shown(error.message)}`);
    return undefined;
  }
}

interface Part {
  readonly configuration: Configuration;
  readonly module: Uint8Array;
  readonly outcome: Outcome | undefined;
  readonly report: BuildReport;
  readonly reader: BuildReader;
}

async function buildAll(
  flags: Flags,
  subject: Subject,
  configurations: readonly Configuration[],
  sampling: Sampling | undefined,
): Promise<Part[]> {
  const parts: Part[] = [];
  for (const configuration of configurations) {
    const progress = new Progress(`${subject.title}: ${nameOf(configuration)}`);
    try {
      const built: Build = await inFile(flags.module, () =>
        build(subject, configuration, {
          publishLeaves: flags['publish-leaves'] ?? false,
          without: flags['without-pass'] ?? [],
          debug: flags.debug,
          ...(sampling && { sampling }),
          progress: (n, of) => progress.update(n, of),
        }),
      );
      const reader = await BuildReader.of(built);
      parts.push({
        configuration,
        module: built.image.module.bytes,
        outcome: built.run?.outcome,
        report: reader.report(),
        reader,
      });
    } finally {
      progress.end();
    }
  }
  return parts;
}

/** Says what went wrong in the runs; returns the first code that is not 0. */
function sayOutcomes({ configurations }: CompareReport): number {
  const results = new Set<string>();
  let code: number = ExitCode.done;
  for (const { name, outcome } of configurations) {
    if (outcome === null) continue;
    results.add(`${outcome.code} ${outcome.result}`);
    if (outcome.message !== '') console.error(`${name}: ${outcome.message}`);
    code ||= outcome.code;
  }
  if (results.size > 1) {
    console.error('the runs of different configurations did not give the same results');
    code ||= ExitCode.failed;
  }
  return code;
}
