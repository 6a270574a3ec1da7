import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Argv } from 'yargs';
import { defaults } from '../compiler/defaults.ts';
import { isElf } from '../compiler/elf/reader.ts';
import { CompileError, ImageError } from '../compiler/errors.ts';
import { isImageFile, readImage } from '../compiler/image/file.ts';
import type { Image } from '../compiler/image/image.ts';
import { type CompileOptions, compile } from '../compiler/index.ts';
import { type OptimisationLevel, optionalPasses, type PassName } from '../compiler/passes/pipeline.ts';
import { type MemoryOrder, memoryOrders, type SchemeName, schemeNames } from '../compiler/stack/scheme.ts';
import type { Target, TargetName } from '../compiler/target.ts';
import { armv7 } from '../targets/armv7/index.ts';
import { x86_64 } from '../targets/x86_64/index.ts';
import { shown } from './shown.ts';

/** Exit codes of every command (docs/design.md). */
export const ExitCode = { done: 0, failed: 1, usage: 2, trap: 134 } as const;

/** Bad input or bad usage: one line on stderr, exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The targets by the names of `--target`. */
export const targets: Readonly<Record<TargetName, Target>> = { x86_64, armv7 };

/** Options that everything which compiles takes; undefined where the command line does not say. */
export interface CompileFlags {
  target: TargetName | undefined;
  stack: SchemeName | undefined;
  order: MemoryOrder | undefined;
  O: number | undefined;
  'wasm-opt': boolean | undefined;
  'publish-leaves': boolean | undefined;
  'without-pass': PassName[] | undefined;
}

/** The option `--without-pass`. */
export const withoutPassOption = {
  describe: 'leave out this optimisation pass, of those that the level has; repeatable',
  choices: optionalPasses,
  array: true,
  nargs: 1,
} as const;

/** How code is made: options of whatever compiles. */
export const codeOptions = {
  stack: {
    describe: 'publication scheme of the wasm stack',
    choices: schemeNames,
    defaultDescription: defaults.scheme,
    requiresArg: true,
  },
  order: {
    describe: 'memory order of the publication',
    choices: memoryOrders,
    defaultDescription: defaults.order,
    requiresArg: true,
  },
  O: {
    describe: 'optimisation level, 0 to 3',
    type: 'number',
    defaultDescription: String(defaults.level),
    requiresArg: true,
  },
} as const;

/** What holds where the command line does not say. An image has its own answers: {@link loadImage}. */
const defaultTarget = 'x86_64';

/** Adds {@link CompileFlags} to a command. */
export function compileFlags<T>(yargs: Argv<T>): Argv<T & CompileFlags> {
  return yargs
    .option('target', {
      describe: 'instruction set',
      choices: ['x86_64', 'armv7'] as const,
      defaultDescription: defaultTarget,
      requiresArg: true,
    })
    .option('stack', codeOptions.stack)
    .option('order', codeOptions.order)
    .option('O', codeOptions.O)
    .option('wasm-opt', {
      describe: "run binaryen's optimiser on the module first",
      type: 'boolean',
    })
    .option('publish-leaves', {
      describe: 'leaf functions publish too (for readers on other threads)',
      type: 'boolean',
    })
    .option('without-pass', withoutPassOption);
}

/** A module as read from a file, binary. */
export interface LoadedModule {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads a file. Not as a Buffer, whose `slice` copies nothing.
 * @throws UsageError if that cannot be done
 */
export function readInput(path: string): Uint8Array {
  try {
    if (statSync(path).isDirectory()) throw new UsageError(`${path}: is a directory`);
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path}: ${existsSync(path) ? 'cannot be read' : 'no such file'}`);
  }
}

/**
 * Reads a module, `.wasm` or text.
 * @throws UsageError if the file cannot be read or its text does not parse
 */
export async function loadModule(path: string, optimise = false): Promise<LoadedModule> {
  const input = readInput(path);
  if (isImageFile(input)) throw new UsageError(`${path}: is an image, compiled already`);
  if (isElf(input))
    throw new UsageError(
      `${path}: is an executable or object, compiled already; fathom run runs executables, objdump -d lists their code`,
    );
  const isBinary = input.length >= 4 && input[0] === 0 && input[1] === 0x61;
  const bytes = isBinary || !/\.(wat|wast)$/.test(path) ? input : await assemble(path, input);
  return { path, bytes: optimise ? await wasmOpt(path, bytes) : bytes };
}

async function assemble(path: string, text: Uint8Array): Promise<Uint8Array> {
  const { default: wabt } = await import('wabt');
  const toolkit = await wabt();
  try {
    // Every feature that the assembler knows: which of them Fathom compiles, its own front end says.
    const module = toolkit.parseWat(basename(path), new TextDecoder().decode(text), {
      exceptions: true,
      threads: true,
      memory64: true,
      tail_call: true,
      extended_const: true,
      relaxed_simd: true,
    });
    const { buffer } = module.toBinary({ write_debug_names: true });
    module.destroy();
    return buffer;
  } catch (error) {
    const message = error instanceof Error ? error.message.trim() : String(error);
    // Of the assembler's report, which shows the source, the first line and column with what is wrong there.
    const first = /:(\d+:\d+): error: (.*)/.exec(message);
    throw new UsageError(first ? `${path}:${first[1]}: ${first[2]}` : `${path}: ${message}`);
  }
}

async function wasmOpt(path: string, bytes: Uint8Array): Promise<Uint8Array> {
  const { default: binaryen } = await import('binaryen');
  try {
    const module = binaryen.readBinary(bytes);
    module.setFeatures(binaryen.Features.All);
    binaryen.setOptimizeLevel(2);
    module.optimize();
    const optimised = module.emitBinary();
    module.dispose();
    return optimised;
  } catch (error) {
    throw new UsageError(`${path}: wasm-opt: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * The level of `-O`.
 * @throws UsageError unless it is 0, 1, 2 or 3
 */
export function level({ O = defaults.level }: Pick<CompileFlags, 'O'>): OptimisationLevel {
  if (O !== 0 && O !== 1 && O !== 2 && O !== 3)
    throw new UsageError(`-O takes 0, 1, 2 or 3${Number.isNaN(O) ? '' : `, not ${String(O)}`}`);
  return O;
}

/** The compiler's options as the command line states them. */
export function compileOptions(flags: CompileFlags): CompileOptions {
  return {
    target: targets[flags.target ?? defaultTarget],
    level: level(flags),
    scheme: flags.stack ?? defaults.scheme,
    order: flags.order ?? defaults.order,
    publishLeaves: flags['publish-leaves'] ?? false,
    without: flags['without-pass'] ?? [],
  };
}

/**
 * An image from a file that is one, or from a module by compiling it.
 * @throws UsageError naming the file and what is wrong with it, or the option that does not go with an image
 */
export async function loadImage(path: string, flags: CompileFlags): Promise<Image> {
  const input = readInput(path);
  return inFile(path, async () => {
    if (isImageFile(input)) {
      const image = readImage(input);
      refuseOptions(path, image, flags);
      return image;
    }
    const { bytes } = await loadModule(path, flags['wasm-opt']);
    const options = compileOptions(flags);
    const progress = new Progress(`compiling ${basename(path)} for ${options.target.name}`);
    try {
      return compile(bytes, { ...options, progress: (n, of) => progress.update(n, of) });
    } finally {
      progress.end();
    }
  });
}

/** An image is what it is: options that ask for another one are mistakes. */
function refuseOptions(path: string, image: Image, flags: CompileFlags): void {
  const asked = [
    ['--target', flags.target, image.target],
    ['--stack', flags.stack, image.scheme],
    ['--order', flags.order, image.order],
    ['-O', flags.O, undefined],
    ['--wasm-opt', flags['wasm-opt'], undefined],
    ['--publish-leaves', flags['publish-leaves'], undefined],
    ['--without-pass', flags['without-pass'], undefined],
  ] as const;
  for (const [option, given, has] of asked)
    if (given !== undefined && given !== has)
      throw new UsageError(
        `${path}: is compiled already, for ${image.target} with ${image.scheme}, ${image.order}; ${option} ${given} comes too late`,
      );
}

/** Runs `work`; an error about the input is thrown again as a UsageError that names the file. */
export async function inFile<T>(path: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CompileError || error instanceof ImageError)
      throw new UsageError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

/**
 * Writes a file whole or not at all: to a temporary name, then renamed. What is no file, as a device, is written to and stays. `-` is
 * standard output. The mode is less the umask.
 */
export function writeOutput(path: string, content: Uint8Array | string, mode = 0o666): void {
  if (path === '-') {
    process.stdout.write(content);
    return;
  }
  const before = existsSync(path) ? statSync(path) : undefined;
  if (before?.isDirectory()) throw new UsageError(`${path}: is a directory`);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    if (before !== undefined && !before.isFile()) {
      writeFileSync(path, content);
      return;
    }
    rmSync(temporary, { force: true });
    writeFileSync(temporary, content, { mode, flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new UsageError(
      `${path}: cannot be written (${error instanceof Error ? error.message : String(error)})`,
    );
  }
}

/** Progress on a terminal's standard error, at most ten lines a second, all in one line; nothing when piped. */
export class Progress {
  private last = 0;
  private shown = false;
  private readonly what: string;
  constructor(what: string) {
    this.what = what;
  }
  update(done: number, of: number): void {
    this.say(`${done} of ${of}`);
  }
  say(how: string): void {
    const now = Date.now();
    if (!process.stderr.isTTY || now - this.last < 100) return;
    this.last = now;
    this.shown = true;
    process.stderr.write(`\r\x1b[K${this.what}: ${how}`);
  }
  end(): void {
    if (this.shown) process.stderr.write('\r\x1b[K');
  }
}

/** A table for people: first column left, the others right. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [
    header,
    ...rows.map((row) =>
      row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en-US') : shown(cell))),
    ),
  ];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => String(row[column] ?? '').length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
