import { basename } from 'node:path';
import type { Argv } from 'yargs';
import { openSqlite } from '../bench/packages/sqlite.ts';
import { isImageFile } from '../compiler/image/file.ts';
import type { TargetName } from '../compiler/target.ts';
import type { Schedule } from '../emu/interrupts.ts';
import { type SampleReport, Sampler } from '../emu/sample.ts';
import { createWebAssembly } from '../emu/webassembly.ts';
import { compileOptions, ExitCode, readInput, table, UsageError } from './common.ts';
import { outcomeOf, type ProgramFlags, prepareProgram, programFlags } from './run.ts';
import { instructions } from './sample.ts';

interface Flags extends Omit<ProgramFlags, 'module'> {
  module: string | undefined;
  every: number;
  json: boolean;
}

/** Rows that the SQLite workload sorts and joins. */
const rows = 2000;

/** What one target showed. */
interface Stop {
  readonly target: TargetName;
  readonly functions: number;
  readonly wasmBytes: number;
  readonly codeBytes: number;
  readonly instructions: number;
  readonly seconds: number;
  readonly report: SampleReport;
}

/** `npm start`: one program through everything, on both targets, side by side. */
export function tourCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'tour [module] [args..]',
    'Compile a program for both targets, run it on emulated cores, interrupt it, and show its hottest stacks',
    (y) =>
      programFlags(y)
        .positional('module', {
          describe: '.wasm or .wat file; SQLite, by npm sql.js, where none is given',
          type: 'string',
        })
        .option('every', {
          describe: 'interrupt after every N instructions',
          type: 'number',
          default: 10_000,
          requiresArg: true,
        })
        .option('json', { describe: 'print the figures as JSON', type: 'boolean', default: false })
        .option('target', {
          describe: 'only this instruction set',
          defaultDescription: 'both',
          requiresArg: true,
        })
        .example('$0 tour', 'SQLite')
        .example('$0 tour app.wasm --invoke main --every 500', 'your own module'),
    async (flags) => done(await run(flags as unknown as Flags)),
  ) as Argv;
}

async function run(flags: Flags): Promise<number> {
  const name = flags.module === undefined ? 'SQLite (npm sql.js)' : basename(flags.module);
  if (flags.module !== undefined && isImageFile(readInput(flags.module)))
    throw new UsageError(`${flags.module}: is an image, for one target; the tour takes the module`);
  const schedule: Schedule = { kind: 'every', instructions: instructions('--every', flags.every) };
  const { level, scheme, order } = compileOptions(flags);
  const stops: Stop[] = [];
  let code: number = ExitCode.done;
  for (const target of flags.target === undefined ? (['x86_64', 'armv7'] as const) : [flags.target]) {
    if (!flags.json) console.error(`${name}: compiling for ${target} and running on an emulated core …`);
    const started = performance.now();
    const prepared =
      flags.module === undefined
        ? undefined
        : await prepareProgram({ ...flags, module: flags.module, target });
    const webAssembly = prepared?.webAssembly ?? createWebAssembly({ target, level, scheme, order });
    const { machine } = webAssembly;
    machine.core.counting = true;
    const sampler = new Sampler(machine, { scheme, schedule });
    if (prepared) {
      try {
        sampler.during(() => prepared.run());
      } catch (error) {
        const outcome = outcomeOf(error, flags.debug);
        code = outcome.code;
        if (outcome.message !== '') console.error(outcome.message);
      }
    } else {
      const workload = await openSqlite(webAssembly);
      sampler.during(() => workload(rows));
    }
    const image = machine.images.reduce((a, b) => (b.image.code.length > a.image.code.length ? b : a)).image;
    stops.push({
      target,
      functions: image.functions.filter((f) => f.kind === 'wasm').length,
      wasmBytes: image.module.bytes.length,
      codeBytes: image.constantsOffset,
      instructions: machine.core.instructionsExecuted(),
      seconds: (performance.now() - started) / 1000,
      report: sampler.report(),
    });
  }
  if (flags.json)
    console.log(
      JSON.stringify(
        stops.map(({ report, ...rest }) => ({
          ...rest,
          samples: report.samples,
          attributed: report.attributed,
          hottest: hottest(report, 10),
        })),
      ),
    );
  else console.log(format(name, stops));
  return code;
}

/** The stacks with most samples, each with its count. */
const hottest = (report: SampleReport, count: number): [stack: string, samples: number][] =>
  [...report.folded].sort((a, b) => b[1] - a[1]).slice(0, count);

/** A stack as one line that fits a terminal: its innermost frames. */
function shorten(stack: string, width: number): string {
  const frames = stack.split(';');
  let line = frames[frames.length - 1];
  for (let i = frames.length - 2; i >= 0; i--) {
    const longer = `${frames[i]} > ${line}`;
    if (longer.length > width) return `… > ${line}`;
    line = longer;
  }
  return line;
}

function format(name: string, stops: readonly Stop[]): string {
  const row = (what: string, of: (stop: Stop) => number | string): (string | number)[] => [
    what,
    ...stops.map(of),
  ];
  const lines = [
    '',
    table(
      [name, ...stops.map((s) => s.target)],
      [
        row('functions', (s) => s.functions),
        row('bytes of wasm', (s) => s.wasmBytes),
        row('bytes of code', (s) => s.codeBytes),
        row('instructions executed', (s) => s.instructions),
        row('samples', (s) => s.report.samples),
        row('attributed', (s) => s.report.attributed),
        row('compiled and run in', (s) => `${s.seconds.toFixed(1)} s`),
      ],
    ),
  ];
  for (const { target, report } of stops) {
    lines.push('', `hottest stacks on ${target} (share of the samples, outermost first)`);
    for (const [stack, samples] of hottest(report, 8))
      lines.push(`${((100 * samples) / report.samples).toFixed(1).padStart(6)} %  ${shorten(stack, 100)}`);
    for (const [cause, count] of report.failures) lines.push(`not attributed, ${cause}: ${count}`);
  }
  return lines.join('\n');
}
