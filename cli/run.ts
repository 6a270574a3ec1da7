import { basename } from 'node:path';
import type { Argv } from 'yargs';
import type { Image } from '../compiler/image/image.ts';
import type { Module } from '../compiler/wasm/module.ts';
import { createWebAssembly, type EmulatedWebAssembly } from '../emu/webassembly.ts';
import { type CompileFlags, compileFlags, ExitCode, level, loadImage, table, UsageError } from './common.ts';
import { executableFlags } from './executable.ts';
import { places } from './execute.ts';
import { type HostImports, hostImports, ProgramExit, parseArguments } from './imports.ts';
import { type RunExecutableFlags, runExecutable } from './run-executable.ts';
import { shown } from './shown.ts';

/** What `run`, `sample` and `tour` need to know to run a program. */
export interface ProgramFlags extends CompileFlags {
  module: string;
  invoke: string | undefined;
  args: string[];
  debug: boolean;
}

/** Adds what every command that runs a program takes, but the module itself. */
export function programFlags<T>(yargs: Argv<T>) {
  return compileFlags(yargs)
    .positional('args', {
      describe: 'arguments of the program or function',
      type: 'string',
      array: true,
      default: [],
    })
    .option('invoke', {
      describe: 'call this export (else _start, main, or the only export)',
      type: 'string',
      requiresArg: true,
    });
}

/** `fathom run`: a program on an emulated core, by this machine itself, or under qemu. */
export function runCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'run <module> [args..]',
    'Run a WASI command, an executable, or an export of any module',
    (y) =>
      executableFlags(programFlags(y))
        .positional('module', {
          describe: '.wasm or .wat file, image, or executable',
          type: 'string',
          demandOption: true,
        })
        .option('on', {
          describe: 'where to run: emulated core; this machine; qemu-user',
          choices: places,
          default: 'emulator' as const,
          requiresArg: true,
        })
        .option('env', {
          describe: 'executables: a variable of the environment, NAME=VALUE; repeatable',
          type: 'string',
          array: true,
          nargs: 1,
        })
        .option('stats', {
          describe: 'print instructions executed, code size and times',
          type: 'boolean',
          default: false,
        })
        .option('json', {
          describe: 'print results as JSON, with --stats the statistics, too',
          type: 'boolean',
          default: false,
        })
        .example('$0 run app.armv7.fathom --invoke add -- -2 5', 'an image, on the core that it is for')
        .example('$0 run app.wasm --dir . -- input.txt', 'a WASI command, which may use this directory')
        .example('$0 run app.wasm --on native --env LANG=C', 'the same as a process of this machine')
        .example('$0 run app --on qemu', 'an executable for ARM, under qemu-arm')
        .example('$0 run fib.wat --invoke fib 30 --stats', 'calls an export on an emulated x86-64 core')
        .example(
          '$0 run app.wasm --target armv7 -- --verbose',
          'a WASI command on a Cortex-A9, with an argument',
        ),
    async (flags) => done(await run(flags as unknown as RunExecutableFlags)),
  ) as Argv;
}

/** A module instantiated on an emulated core, with the export that its run calls. */
export interface Program {
  readonly webAssembly: EmulatedWebAssembly;
  readonly image: Image;
  /** The export to be called, and its arguments. */
  readonly entry: string;
  /** Instantiates the module, which may run its start function, and calls the entry. */
  run(): unknown;
}

/** What a run calls: an export, with its arguments as values. */
export interface Entry {
  readonly name: string;
  readonly values: readonly unknown[];
}

/**
 * The export that a command line asks for, else `_start`, `main`, or the only one.
 * @throws UsageError if there is no such export, or its arguments do not fit
 */
export function entryOf(
  module: Module,
  { module: path, invoke, args }: Pick<ProgramFlags, 'module' | 'invoke' | 'args'>,
): Entry {
  const functions = module.exports.filter((e) => e.kind === 'function');
  const wanted =
    invoke ??
    functions.find((e) => e.name === '_start')?.name ??
    functions.find((e) => e.name === 'main')?.name ??
    (functions.length === 1 ? functions[0].name : undefined);
  const entry = functions.find((e) => e.name === wanted);
  if (!entry) {
    const names = functions.map((e) => e.name);
    const list = names.length > 0 ? names.slice(0, 20).join(', ') + (names.length > 20 ? ', …' : '') : 'none';
    throw new UsageError(
      `${path}: ${wanted === undefined ? 'say by --invoke which export to call' : `has no exported function ${wanted}`}; there are: ${list}`,
    );
  }
  const isCommand = entry.name === '_start';
  const type = module.types[module.functions[entry.index].typeIndex];
  try {
    return { name: entry.name, values: isCommand ? [] : parseArguments(type, args) };
  } catch (error) {
    throw new UsageError(`${path}: ${entry.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Instantiates an image, which may run its start function, and calls an entry.
 * @param hostOf makes the imports
 */
export function callEntry(
  webAssembly: EmulatedWebAssembly,
  image: Image,
  { name, values }: Entry,
  hostOf: (module: Module, create: typeof WebAssembly) => HostImports,
): unknown {
  const host = hostOf(image.module, webAssembly as unknown as typeof WebAssembly);
  const instance = new webAssembly.Instance(webAssembly.moduleOf(image), host.imports);
  const exports = instance.exports as Record<string, unknown>;
  host.attach(Object.values(exports).find((e) => e instanceof webAssembly.Memory));
  return (exports[name] as (...values: readonly unknown[]) => unknown)(...values);
}

/**
 * Prepares a program from the command line.
 * @throws UsageError if the file is refused, there is no such export, or its arguments do not fit
 */
export async function prepareProgram(flags: ProgramFlags): Promise<Program> {
  const path = flags.module;
  const image = await loadImage(path, flags);
  const entry = entryOf(image.module, flags);
  const webAssembly = createWebAssembly({
    target: image.target,
    level: level(flags),
    scheme: image.scheme,
    order: image.order,
  });
  const args = [basename(path), ...flags.args];
  return {
    webAssembly,
    image,
    entry: entry.name,
    run: () => callEntry(webAssembly, image, entry, (module, create) => hostImports(module, create, args)),
  };
}

/**
 * How a run ended: the exit code, and the text for stderr where it trapped (with the wasm frames) or threw.
 * @param debug this program's own frames, too
 * @throws what is no error
 */
export function outcomeOf(error: unknown, debug: boolean): { code: number; message: string } {
  if (error instanceof ProgramExit) return { code: error.code, message: '' };
  if (!(error instanceof Error)) throw error;
  // Memories that do not fit are RangeErrors as well, but no traps.
  const trapped = error.name === 'RuntimeError' || (error instanceof RangeError && 'frames' in error);
  const code = trapped ? ExitCode.trap : ExitCode.failed;
  const stack = error.stack ?? error.message;
  const lines = (text: string): string[] => text.split('\n').map(shown);
  if (debug) return { code, message: lines(stack).join('\n') };
  if (!trapped) return { code, message: lines(error.message).join('\n') };
  const isHostFrame = (line: string): boolean => /^ {4}at /.test(line) && !line.includes('wasm://');
  return {
    code,
    message: lines(stack)
      .filter((line) => !isHostFrame(line))
      .join('\n'),
  };
}

async function run(flags: RunExecutableFlags): Promise<number> {
  const exitCode = await runExecutable(flags);
  if (exitCode !== undefined) return exitCode;
  const started = performance.now();
  const program = await prepareProgram(flags);
  const { target } = program.image;
  const { core } = program.webAssembly.machine;
  core.counting = flags.stats;
  let code: number = ExitCode.done;
  let results: unknown[] = [];
  let message = '';
  try {
    const value = program.run();
    results = value === undefined ? [] : Array.isArray(value) ? value : [value];
  } catch (error) {
    ({ code, message } = outcomeOf(error, flags.debug));
  }
  const milliseconds = performance.now() - started;
  const stats = flags.stats
    ? {
        instructions: core.instructionsExecuted(),
        codeBytes: program.image.constantsOffset,
        milliseconds: Math.round(milliseconds),
      }
    : undefined;
  if (flags.json) {
    console.log(
      JSON.stringify({
        target,
        results: results.map(String),
        exitCode: code,
        message,
        ...stats,
      }),
    );
    return code;
  }
  for (const value of results) console.log(String(value));
  if (message !== '') console.error(message);
  if (stats)
    console.error(
      table(
        ['statistic', target],
        [
          ['instructions executed', stats.instructions],
          ['bytes of code', stats.codeBytes],
          ['compile and run, ms', stats.milliseconds],
        ],
      ),
    );
  return code;
}
