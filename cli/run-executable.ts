import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { SegmentFlag, SegmentType } from '../compiler/elf/constants.ts';
import { isElf, readElf, readFathomNote } from '../compiler/elf/reader.ts';
import { compileExecutable } from '../compiler/executable.ts';
import { isCommand } from '../compiler/image/command.ts';
import { isImageFile } from '../compiler/image/file.ts';
import type { TargetName } from '../compiler/target.ts';
import type { Module } from '../compiler/wasm/module.ts';
import { decodeModule } from '../compiler/wasm/reader.ts';
import { runtimeModules } from '../runtime/index.ts';
import { compileOptions, inFile, loadModule, Progress, readInput, table, UsageError } from './common.ts';
import { type ExecutableFlags, executableOptions, givenExecutableFlag } from './executable.ts';
import { type Place, runProcess, type Start } from './execute.ts';
import type { ProgramFlags } from './run.ts';

/** What `fathom run` takes for executables. */
export interface RunExecutableFlags extends ProgramFlags, ExecutableFlags {
  on: Place;
  env: string[] | undefined;
  stats: boolean;
  json: boolean;
}

/** An executable that is ready to be started, and what making it took. */
interface Prepared {
  readonly start: Start;
  /** Bytes of code: the module's where it was compiled here, else all of the file's. */
  readonly codeBytes: number;
  /** 0 where it was compiled before. */
  readonly compileMilliseconds: number;
}

/**
 * Runs an ELF executable, or a WASI command after compiling it to one.
 * @returns the program's exit code; undefined if the file is neither, or an export is to be called
 * @throws UsageError naming the file and what is wrong with it, or the option that does not go with it
 */
export async function runExecutable(flags: RunExecutableFlags): Promise<number | undefined> {
  const prepared = await prepare(flags);
  if (prepared === undefined) {
    const stray = flags.on !== 'emulator' ? 'on' : (givenExecutableFlag(flags) ?? (flags.env && 'env'));
    if (stray !== undefined)
      throw new UsageError(
        `${flags.module}: --${stray} goes with executables and WASI commands, whose _start is called, and nothing else`,
      );
    return undefined;
  }
  const { start, codeBytes, compileMilliseconds } = prepared;
  const started = performance.now();
  const { exitCode, instructions } =
    flags.on === 'emulator'
      ? await emulate(start, flags)
      : { exitCode: await runProcess(start, flags.on), instructions: undefined };
  report(flags, start.target, exitCode, {
    ...(instructions === undefined ? {} : { instructions }),
    codeBytes,
    compileMilliseconds: Math.round(compileMilliseconds),
    runMilliseconds: Math.round(performance.now() - started),
  });
  return exitCode;
}

async function prepare(flags: RunExecutableFlags): Promise<Prepared | undefined> {
  const path = flags.module;
  const input = readInput(path);
  const rest = { args: [basename(path), ...flags.args], env: environment(flags) };
  if (isElf(input)) return { ...prepareElf(flags, input, rest), compileMilliseconds: 0 };
  if (isImageFile(input) || flags.invoke !== undefined) return undefined;
  const { bytes } = await loadModule(path, flags['wasm-opt']);
  if (!(await inFile(path, () => becomesExecutable(decodeModule(bytes))))) return undefined;
  // A program that this machine is to run by itself is compiled for this machine.
  const native = flags.on === 'native' && process.arch === 'arm' ? 'armv7' : undefined;
  const options = compileOptions({ ...flags, target: flags.target ?? native });
  const { preopens, ...executable } = executableOptions(flags);
  const progress = new Progress(`compiling ${basename(path)} for ${options.target.name}`);
  const started = performance.now();
  try {
    const { file, image } = await inFile(path, () =>
      compileExecutable(bytes, {
        ...options,
        ...executable,
        progress: (n, of) => progress.update(n, of),
        runtime: runtimeModules(),
      }),
    );
    return {
      start: { ...rest, file, target: options.target.name },
      codeBytes: image.constantsOffset,
      compileMilliseconds: performance.now() - started,
    };
  } finally {
    progress.end();
  }
}

/** True for a WASI command; others that export `_start` run as an image, with what cli/imports.ts gives them. */
function becomesExecutable(module: Module): boolean {
  return isCommand(module) && module.exports.some(({ kind, name }) => kind === 'memory' && name === 'memory');
}

/** Numbers of targets in the note of an executable (docs/executables.md). */
const noteTargets: readonly TargetName[] = ['x86_64', 'armv7'];

function prepareElf(
  flags: RunExecutableFlags,
  file: Uint8Array,
  rest: Pick<Start, 'args' | 'env'>,
): Omit<Prepared, 'compileMilliseconds'> {
  const path = flags.module;
  let target: TargetName | undefined;
  let codeBytes = 0;
  try {
    target = noteTargets[readFathomNote(file)?.target ?? -1];
    for (const { type, flags: access, memoryBytes } of readElf(file).segments)
      if (type === SegmentType.load && (access & SegmentFlag.execute) !== 0) codeBytes += memoryBytes;
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (target === undefined) throw new UsageError(`${path}: is an executable, but none that Fathom made`);
  if (flags.invoke !== undefined)
    throw new UsageError(`${path}: is an executable, which has no exports to call by --invoke`);
  const late = (
    [
      ...(['target', 'stack', 'order', 'O', 'wasm-opt', 'publish-leaves', 'without-pass'] as const),
      ...(['stack-size', 'dump-signal'] as const),
    ] as const
  ).find((name) => flags[name] !== undefined && !(name === 'target' && flags.target === target));
  if (late !== undefined)
    throw new UsageError(
      `${path}: is compiled already, for ${target}; ${late === 'O' ? '-' : '--'}${late} comes too late`,
    );
  return { start: { ...rest, file, target }, codeBytes };
}

/** The program's whole environment: what `--env` states, and directories as the runtime takes them when it starts. */
function environment({ env = [], ...flags }: RunExecutableFlags): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const text of env) {
    const cut = text.indexOf('=');
    if (cut <= 0) throw new UsageError(`--env takes NAME=VALUE, not ${text}`);
    variables[text.slice(0, cut)] = text.slice(cut + 1);
  }
  const preopens = executableOptions(flags).preopens ?? [];
  if (preopens.length === 0) return variables;
  const odd = preopens.flat().find((path) => path.includes(';'));
  if (odd !== undefined) throw new UsageError(`--dir ${odd}: ; separates directories, and stands in no name`);
  const missing = preopens.find(([host]) => !statSync(host, { throwIfNoEntry: false })?.isDirectory());
  if (missing !== undefined) throw new UsageError(`--dir ${missing[0]}: no such directory`);
  return { ...variables, FATHOM_DIR: preopens.map(([host, guest]) => `${host}::${guest}`).join(';') };
}

async function emulate(
  { file, args, env }: Start,
  flags: RunExecutableFlags,
): Promise<{ exitCode: number; instructions: number | undefined }> {
  const { LinuxProcess } = await import('../emu/linux/index.ts');
  // SIGINT and SIGTERM end both. Node would answer SIGUSR1 by a debugger; the emulated program cannot be reached while it runs.
  process.on('SIGUSR1', () => {});
  const linux = new LinuxProcess(file, {
    argv: args,
    env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    directories: (executableOptions(flags).preopens ?? []).map(([host]) => host),
    realTime: true,
  });
  try {
    linux.core.counting = flags.stats;
    const { exitCode } = linux.run();
    return { exitCode, instructions: flags.stats ? linux.core.instructionsExecuted() : undefined };
  } finally {
    linux.dispose();
  }
}

interface Statistics {
  /** Known on the emulator alone. */
  readonly instructions?: number;
  readonly codeBytes: number;
  readonly compileMilliseconds: number;
  readonly runMilliseconds: number;
}

function report(
  { stats, json, on }: RunExecutableFlags,
  target: TargetName,
  exitCode: number,
  statistics: Statistics,
): void {
  if (json) console.log(JSON.stringify({ target, on, exitCode, ...(stats ? statistics : {}) }));
  else if (stats)
    console.error(
      table(
        ['statistic', target],
        [
          ...(statistics.instructions === undefined
            ? []
            : [['instructions executed', statistics.instructions] as const]),
          ['bytes of code', statistics.codeBytes],
          ['compile, ms', statistics.compileMilliseconds],
          ['run, ms', statistics.runMilliseconds],
        ],
      ),
    );
}
