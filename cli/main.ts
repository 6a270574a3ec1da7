import yargs, { type Argv } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { CompileError, ImageError } from '../compiler/errors.ts';
import { benchCommand } from './bench.ts';
import { checkCommand } from './check.ts';
import { ExitCode, UsageError } from './common.ts';
import { compareCommand } from './compare.ts';
import { compileCommand } from './compile.ts';
import { disasmCommand } from './disasm.ts';
import { dumpCommand } from './dump.ts';
import { runCommand } from './run.ts';
import { sampleCommand } from './sample.ts';
import { schemesCommand } from './schemes.ts';
import { shown } from './shown.ts';
import { tourCommand } from './tour.ts';
import { wastCommand } from './wast.ts';

/**
 * The command line (docs/design.md). Every command returns its exit code; what went wrong is one line on stderr, with a
 * stack trace only by `--debug`.
 */
async function main(argv: readonly string[]): Promise<number> {
  const debug = argv.slice(0, argv.indexOf('--') >>> 0).includes('--debug');
  let code: number = ExitCode.done;
  const commands = [
    compileCommand,
    runCommand,
    sampleCommand,
    checkCommand,
    compareCommand,
    disasmCommand,
    dumpCommand,
    schemesCommand,
    benchCommand,
    wastCommand,
    tourCommand,
  ];
  let parser: Argv = yargs()
    .scriptName('fathom')
    .usage(
      '$0 <command>\n\nCompiles WebAssembly to x86-64 and ARMv7 (Cortex-A9), and runs, interrupts and samples it on emulated cores.',
    )
    .option('debug', {
      describe: 'show stack traces of errors',
      type: 'boolean',
      default: false,
      global: true,
    })
    .demandCommand(1, 'Say which command')
    .strictCommands()
    .strict()
    .wrap(100)
    .version()
    .help()
    .parserConfiguration({
      'parse-positional-numbers': false,
      'populate--': true,
      'camel-case-expansion': false,
    })
    .middleware(takeArguments)
    .check(givenOnce)
    .fail((message, error) => {
      // yargs names its own errors YError; all others come from commands.
      if (error && error.name !== 'YError') throw error;
      throw new UsageError(`${message ?? error.message} (fathom --help says more)`);
    });
  for (const command of commands) {
    parser = command((result) => {
      code = result;
    }, parser);
  }
  try {
    await parser.parseAsync([...argv]);
    return code;
  } catch (error) {
    if (debug) console.error(error);
    else
      console.error(
        `fathom: ${shown((error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, ' '))}`,
      );
    const ours =
      error instanceof UsageError ||
      error instanceof CompileError ||
      error instanceof ImageError ||
      (error instanceof Error && error.name === 'UnicornMissingError');
    return ours ? ExitCode.usage : ExitCode.failed;
  }
}

/** What follows `--` is the program's own, however it looks. */
function takeArguments(argv: Record<string, unknown>): void {
  const { args, '--': rest } = argv;
  if (Array.isArray(rest) && Array.isArray(args)) argv.args = [...args, ...rest];
}

/** What some commands take lists of, and no other. */
const commandLists: Readonly<Record<string, readonly string[]>> = {
  check: ['modules', 'target', 'stack', 'order', 'O', 'merge'],
  compare: ['target', 'stack', 'order', 'O', 'sources'],
};

/** yargs makes a list of an option that is given twice; no other option here is one. */
function givenOnce(argv: Record<string, unknown>): true {
  const { args, '--': rest } = argv;
  if (Array.isArray(rest) && args === undefined)
    throw new UsageError(`nothing goes after --, not ${rest.join(' ')}`);
  const lists = [
    '_',
    '--',
    'args',
    'files',
    'dir',
    'env',
    'without-pass',
    ...(Array.isArray(argv._) ? (commandLists[String(argv._[0])] ?? []) : []),
  ];
  const twice = Object.keys(argv).find((key) => Array.isArray(argv[key]) && !lists.includes(key));
  if (twice !== undefined) throw new UsageError(`${twice.length > 1 ? '--' : '-'}${twice} is given twice`);
  return true;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe has gone (`fathom … | head`): nothing left to say.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await main(hideBin(process.argv));
