import type { Argv } from 'yargs';
import { defaults } from '../compiler/defaults.ts';
import { type MemoryOrder, type SchemeName, schemeNames } from '../compiler/stack/scheme.ts';
import type { TargetName } from '../compiler/target.ts';
import { ExitCode, level, Progress, readInput, table, UsageError } from './common.ts';
import { runWast, type WastResult } from './wast/run.ts';
import { WastSyntaxError } from './wast/sexpr.ts';

interface Flags {
  files: string[];
  target: TargetName;
  stack: SchemeName;
  order: MemoryOrder;
  O: number;
  json: boolean;
  verbose: boolean;
}

/** `fathom wast`: the specification's test scripts on emulated cores. */
export function wastCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'wast <files..>',
    "Run WebAssembly test scripts (.wast), the specification's among them, on an emulated core",
    (y) =>
      y
        .positional('files', { describe: '.wast files', type: 'string', array: true, demandOption: true })
        .option('target', {
          describe: 'instruction set',
          choices: ['x86_64', 'armv7'] as const,
          default: 'x86_64' as TargetName,
          requiresArg: true,
        })
        .option('stack', {
          describe: 'publication scheme',
          choices: schemeNames,
          default: defaults.scheme,
          requiresArg: true,
        })
        .option('order', {
          describe: 'memory order of the publication',
          choices: ['relaxed', 'release', 'seq_cst'] as const,
          default: defaults.order,
          requiresArg: true,
        })
        .option('O', {
          describe: 'optimisation level, 0 to 3',
          type: 'number',
          default: defaults.level as number,
          requiresArg: true,
        })
        .option('verbose', {
          alias: 'v',
          describe: 'name every skipped assertion too',
          type: 'boolean',
          default: false,
        })
        .option('json', { describe: 'print the counts as JSON', type: 'boolean', default: false })
        .example('$0 wast i32.wast i64.wast --target armv7', 'two files')
        .example('$0 wast suite/*.wast --json', 'a whole suite'),
    async (flags) => done(await run(flags as unknown as Flags)),
  ) as Argv;
}

async function run(flags: Flags): Promise<number> {
  const progress = new Progress(`scripts on ${flags.target}`);
  const results: WastResult[] = [];
  for (const [i, file] of flags.files.entries()) {
    progress.update(i, flags.files.length);
    readInput(file);
    try {
      results.push(
        await runWast(file, {
          target: flags.target,
          level: level(flags),
          scheme: flags.stack,
          order: flags.order,
        }),
      );
    } catch (error) {
      if (error instanceof WastSyntaxError)
        throw new UsageError(`${file}: ${error.message}`, { cause: error });
      throw error;
    } finally {
      progress.end();
    }
  }
  const sum = (key: 'passed' | 'failed' | 'skipped'): number => results.reduce((n, r) => n + r[key], 0);
  const totals = { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
  if (flags.json) {
    console.log(
      JSON.stringify({
        target: flags.target,
        files: results.map(({ file, passed, failed, skipped }) => ({ file, passed, failed, skipped })),
        ...totals,
      }),
    );
  } else {
    console.log(
      table(
        ['file', 'passed', 'failed', 'skipped'],
        [
          ...results.map((r) => [r.file, r.passed, r.failed, r.skipped]),
          ['total', totals.passed, totals.failed, totals.skipped],
        ],
      ),
    );
  }
  for (const { file, failures, skips } of results) {
    for (const { line, message } of failures) console.error(`${file}:${line}: failed: ${message}`);
    if (flags.verbose)
      for (const { line, message } of skips) console.error(`${file}:${line}: skipped: ${message}`);
  }
  return totals.failed > 0 ? ExitCode.failed : ExitCode.done;
}
