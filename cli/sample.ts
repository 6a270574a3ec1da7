import { basename } from 'node:path';
import type { Argv } from 'yargs';
import type { Schedule } from '../emu/interrupts.ts';
import { type SampleReport, Sampler, SamplingEnded } from '../emu/sample.ts';
import { ExitCode, table, UsageError, writeOutput } from './common.ts';
import { type FormatName, formatNames, formatOf, formats } from './profile/formats.ts';
import { modelOf } from './profile/model.ts';
import { outcomeOf, type ProgramFlags, prepareProgram, programFlags } from './run.ts';

interface Flags extends ProgramFlags {
  every: number | undefined;
  random: number | undefined;
  mean: number;
  limit: number | undefined;
  verify: boolean;
  output: string | undefined;
  format: FormatName | undefined;
  top: number;
  json: boolean;
}

/** `fathom sample`: interrupts a running program and says where it spent its time. */
export function sampleCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'sample <module> [args..]',
    'Run a module or an image on an emulated core, interrupt it, and read its stack at each interrupt',
    (y) =>
      programFlags(y)
        .positional('module', {
          describe: '.wasm or .wat file, or image',
          type: 'string',
          demandOption: true,
        })
        .option('every', {
          describe: 'interrupt after every N instructions (default 1000)',
          type: 'number',
          requiresArg: true,
        })
        .option('random', {
          describe: 'interrupt at random, from this seed',
          type: 'number',
          conflicts: 'every',
          requiresArg: true,
        })
        .option('mean', {
          describe: 'with --random: instructions between interrupts, on average',
          type: 'number',
          default: 1000,
          requiresArg: true,
        })
        .option('limit', {
          describe: 'end the run after so many samples: for programs that do not end by themselves',
          type: 'number',
          requiresArg: true,
        })
        .option('verify', {
          describe: 'compare every sample with the calls and returns as executed; exit 1 at a difference',
          type: 'boolean',
          default: false,
        })
        .option('output', {
          alias: 'o',
          describe:
            'write a profile here: .html, .folded, .speedscope.json or .pb.gz (pprof); - for standard output',
          type: 'string',
          requiresArg: true,
        })
        .option('format', {
          describe: 'with -o: format of the profile, whatever the name ends in',
          choices: formatNames,
          implies: 'output',
          requiresArg: true,
        })
        .option('top', { describe: 'rows of the table', type: 'number', default: 20, requiresArg: true })
        .option('json', { describe: 'print the report as JSON', type: 'boolean', default: false })
        .example('$0 sample fib.wat --invoke fib 20 --every 100', 'where fib(20) spends its instructions')
        .example('$0 sample app.wasm -o app.html', 'a page: flame graph, functions and their lines')
        .example(
          '$0 sample app.wasm --target armv7 --random 7 -o app.folded',
          'folded stacks, for flamegraph.pl and its kin',
        )
        .example('$0 sample app.wasm -o app.speedscope.json', 'for speedscope')
        .example('$0 sample app.wasm -o app.pb.gz', 'for go tool pprof')
        .example('$0 sample app.wasm --every 1 --verify', 'check the stack at every instruction'),
    async (flags) => done(await run(flags as unknown as Flags)),
  ) as Argv;
}

/**
 * The number of instructions that an option gives.
 * @throws UsageError if it is no number or less than 1
 */
export function instructions(option: string, count: number): number {
  if (!Number.isSafeInteger(count) || count < 1)
    throw new UsageError(`${option} takes a whole number, 1 or more`);
  return count;
}

/**
 * The schedule that the flags ask for.
 * @throws UsageError for an interval of less than one instruction
 */
function scheduleOf(flags: Flags): Schedule {
  const interval =
    flags.random === undefined
      ? instructions('--every', flags.every ?? 1000)
      : instructions('--mean', flags.mean);
  if (Number.isNaN(flags.random)) throw new UsageError('--random takes a number, the seed');
  if (flags.random !== undefined) return { kind: 'random', seed: flags.random, mean: flags.mean };
  return interval === 1 ? { kind: 'every-instruction' } : { kind: 'every', instructions: interval };
}

async function run(flags: Flags): Promise<number> {
  const schedule = scheduleOf(flags);
  const { output } = flags;
  const format = output === undefined ? undefined : formatOf(output, flags.format);
  const program = await prepareProgram(flags);
  const sampler = new Sampler(program.webAssembly.machine, {
    scheme: program.image.scheme,
    schedule,
    verify: flags.verify,
    ...(flags.limit === undefined ? {} : { limit: instructions('--limit', flags.limit) }),
  });
  let code: number = ExitCode.done;
  let message = '';
  try {
    sampler.during(() => program.run());
  } catch (error) {
    if (error instanceof SamplingEnded) message = `the program was ended: ${error.message}`;
    else ({ code, message } = outcomeOf(error, flags.debug));
  }
  const report = sampler.report();
  if (output !== undefined && format !== undefined) {
    const model = modelOf(`${basename(flags.module)}: ${program.entry}`, sampler.profile());
    writeOutput(output, formats[format].write(model));
  }
  // The report goes where the output does not.
  const say = output === '-' ? console.error : console.log;
  say(
    flags.json
      ? JSON.stringify({ target: program.image.target, ...plainReport(report), exitCode: code })
      : formatReport(report, flags.top),
  );
  if (message !== '') console.error(message);
  for (const mismatch of report.mismatches)
    console.error(
      `sample ${mismatch.sample}, pc 0x${mismatch.pc.toString(16)}: ${JSON.stringify(mismatch, (key, value) => (key === 'image' || key === 'symbol' ? undefined : value))}`,
    );
  if (flags.verify && report.mismatchCount > 0) return ExitCode.failed;
  return code;
}

/** The report with its maps as plain objects. */
export const plainReport = (report: SampleReport): object => ({
  samples: report.samples,
  attributed: report.attributed,
  failures: Object.fromEntries(report.failures),
  functions: report.functions,
  folded: Object.fromEntries(report.folded),
  mismatches: report.mismatchCount,
});

/** The table for people: functions by their own samples, then what could not be attributed, and why. */
export function formatReport(report: SampleReport, top: number): string {
  const share = (count: number): string => `${((100 * count) / Math.max(1, report.samples)).toFixed(1)} %`;
  const rows = report.functions
    .slice(0, top)
    .map((f) => [f.name, f.self, share(f.self), f.total, share(f.total)]);
  const lines = [table(['function', 'self', '', 'total', ''], rows)];
  const hidden = report.functions.length - rows.length;
  if (hidden > 0) lines.push(`… and ${hidden} more functions`);
  lines.push(
    `${report.samples.toLocaleString('en-US')} samples, ${report.attributed.toLocaleString('en-US')} attributed (${share(report.attributed)})`,
  );
  for (const [cause, count] of report.failures) lines.push(`not attributed, ${cause}: ${count}`);
  return lines.join('\n');
}
