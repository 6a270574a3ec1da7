import type { Argv } from 'yargs';
import type { Schedule } from '../emu/interrupts.ts';
import { type SampleReport, Sampler } from '../emu/sample.ts';
import { compileFlags, ExitCode, table, UsageError, writeOutput } from './common.ts';
import { outcomeOf, type ProgramFlags, prepareProgram } from './run.ts';

interface Flags extends ProgramFlags {
  every: number | undefined;
  random: number | undefined;
  mean: number;
  verify: boolean;
  output: string | undefined;
  top: number;
  json: boolean;
}

/** `fathom sample`: interrupts a running program and says where it spent its time. */
export function sampleCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'sample <module> [args..]',
    'Run a module on an emulated core, interrupt it, and read its stack at each interrupt',
    (y) =>
      compileFlags(y)
        .positional('module', { describe: '.wasm or .wat file', type: 'string', demandOption: true })
        .positional('args', {
          describe: 'arguments of the program or function',
          type: 'string',
          array: true,
          default: [],
        })
        .option('invoke', {
          describe: 'call this export (else _start, main, or the only export)',
          type: 'string',
        })
        .option('every', { describe: 'interrupt after every N instructions (default 1000)', type: 'number' })
        .option('random', {
          describe: 'interrupt at random, from this seed',
          type: 'number',
          conflicts: 'every',
        })
        .option('mean', {
          describe: 'with --random: instructions between interrupts, on average',
          type: 'number',
          default: 1000,
        })
        .option('verify', {
          describe: 'compare every sample with the calls and returns as executed; exit 1 at a difference',
          type: 'boolean',
          default: false,
        })
        .option('output', {
          alias: 'o',
          describe: 'write folded stacks here, - for standard output',
          type: 'string',
        })
        .option('top', { describe: 'rows of the table', type: 'number', default: 20 })
        .option('json', { describe: 'print the report as JSON', type: 'boolean', default: false })
        .parserConfiguration({ 'parse-positional-numbers': false })
        .example('$0 sample fib.wat --invoke fib 20 --every 100', 'where fib(20) spends its instructions')
        .example(
          '$0 sample app.wasm --target armv7 --random 7 -o app.folded',
          'folded stacks for a flame graph',
        )
        .example('$0 sample app.wasm --every 1 --verify', 'check the stack at every instruction'),
    async (flags) => done(await run(flags as unknown as Flags)),
  ) as Argv;
}

/**
 * The schedule that the flags ask for.
 * @throws UsageError for an interval of less than one instruction
 */
function scheduleOf(flags: Flags): Schedule {
  const interval = flags.random === undefined ? (flags.every ?? 1000) : flags.mean;
  if (!Number.isSafeInteger(interval) || interval < 1)
    throw new UsageError(`an interval of ${interval} instructions`);
  if (flags.random !== undefined) return { kind: 'random', seed: flags.random, mean: flags.mean };
  return interval === 1 ? { kind: 'every-instruction' } : { kind: 'every', instructions: interval };
}

async function run(flags: Flags): Promise<number> {
  const schedule = scheduleOf(flags);
  const program = await prepareProgram(flags);
  const sampler = new Sampler(program.webAssembly.machine, {
    scheme: flags.stack,
    schedule,
    verify: flags.verify,
  });
  let code: number = ExitCode.done;
  let message = '';
  try {
    sampler.during(() => program.run());
  } catch (error) {
    ({ code, message } = outcomeOf(error));
  }
  const report = sampler.report();
  const folded = foldedLines(report);
  if (flags.output !== undefined) writeOutput(flags.output, folded);
  if (flags.json)
    console.log(JSON.stringify({ target: flags.target, ...plainReport(report), exitCode: code }));
  else (flags.output === '-' ? console.error : console.log)(formatReport(report, flags.top));
  if (message !== '') console.error(message);
  for (const mismatch of report.mismatches)
    console.error(
      `sample ${mismatch.sample}, pc 0x${mismatch.pc.toString(16)}: ${JSON.stringify(mismatch, (key, value) => (key === 'image' || key === 'symbol' ? undefined : value))}`,
    );
  if (flags.verify && report.mismatchCount > 0) return ExitCode.failed;
  return code;
}

/** Brendan Gregg's folded format: a stack, outermost first, a space, its count. */
export const foldedLines = (report: SampleReport): string =>
  [...report.folded]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .map(([stack, count]) => `${stack} ${count}\n`)
    .join('');

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
