import { basename } from 'node:path';
import type { Argv } from 'yargs';
import { CompileError } from '../compiler/errors.ts';
import { compileExecutable } from '../compiler/executable.ts';
import { exportedFunction, isCommand, linkCommand } from '../compiler/image/command.ts';
import { writeImage } from '../compiler/image/file.ts';
import type { Image } from '../compiler/image/image.ts';
import { type CompileOptions, compile } from '../compiler/index.ts';
import type { Func } from '../compiler/ir/function.ts';
import { printFunction } from '../compiler/ir/print.ts';
import { passNames } from '../compiler/passes/pipeline.ts';
import { decodeModule } from '../compiler/wasm/reader.ts';
import { runtimeModules } from '../runtime/index.ts';
import {
  type CompileFlags,
  compileFlags,
  compileOptions,
  ExitCode,
  inFile,
  loadModule,
  Progress,
  table,
  UsageError,
  writeOutput,
} from './common.ts';
import {
  type ExecutableFlags,
  executableFlags,
  executableOptions,
  givenExecutableFlag,
} from './executable.ts';
import { disassemble, formatListing } from './listing.ts';
import { givenObjectFlag, type ObjectFlags, objectFlags, objectPrefix, writeObject } from './object.ts';

/** What can be written, and how names of such files end behind the target's. */
const endings = { exe: '', obj: '.o', image: '.fathom', asm: '.s', ir: '.ir' } as const;
type Emit = keyof typeof endings;

/** What the summary calls them. */
const kinds: Readonly<Partial<Record<Emit, string>>> = {
  exe: 'executable for ',
  obj: 'object for ',
  image: 'image for ',
};

interface Flags extends CompileFlags, ExecutableFlags, ObjectFlags {
  module: string;
  output: string | undefined;
  emit: Emit | undefined;
  json: boolean;
  'print-after': string | undefined;
  'time-passes': boolean;
}

/** `fathom compile`: a module to an executable, an object, an image, a listing, or its SSA form. */
export function compileCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'compile <module>',
    'Compile a module to machine code',
    (y) =>
      objectFlags(executableFlags(compileFlags(y)))
        .positional('module', { describe: '.wasm or .wat file', type: 'string', demandOption: true })
        .option('output', {
          alias: 'o',
          describe: 'output file, - for standard output',
          type: 'string',
          requiresArg: true,
        })
        .option('emit', {
          describe: 'what to write',
          choices: Object.keys(endings) as Emit[],
          defaultDescription:
            'by the ending of -o, .fathom or .o; else exe of a WASI command, image of others',
          requiresArg: true,
        })
        .option('print-after', {
          describe: 'print the SSA form after this pass to stderr (all: every pass)',
          type: 'string',
          requiresArg: true,
        })
        .option('time-passes', {
          describe: 'print how long each stage took',
          type: 'boolean',
          default: false,
        })
        .option('json', { describe: 'print the summary as JSON', type: 'boolean', default: false })
        .example('$0 compile app.wasm -o app --target armv7', 'a Linux executable of a WASI command')
        .example('$0 compile app.wasm -o app --dir . --dir /srv/data::/data', 'which may use two directories')
        .example(
          '$0 compile lib.wasm --emit obj -o lib.o',
          'an object for a C program, with lib.h and fathom.h',
        )
        .example('$0 compile lib.wasm --target armv7', 'an image, lib.armv7.fathom')
        .example('$0 compile app.wat --emit asm -o -', 'prints the annotated assembly')
        .example('$0 compile app.wasm --emit ir --print-after cse -o app.ir', 'SSA form, and after one pass'),
    async (flags) => done(await run(flags as unknown as Flags)),
  ) as Argv;
}

async function run(flags: Flags): Promise<number> {
  const after = flags['print-after'];
  if (after !== undefined && !['all', 'build', ...passNames].includes(after))
    throw new UsageError(`--print-after takes all, build, ${passNames.join(', ')}; not ${after}`);
  const { path, bytes } = await loadModule(flags.module, flags['wasm-opt']);
  const emit = flags.emit ?? (await inFile(path, () => defaultEmit(bytes, flags.output)));
  if (emit === 'image' && flags.emit === undefined) sayWhyNoExecutable(path, bytes, flags.output);
  const stray = givenExecutableFlag(flags);
  if (emit !== 'exe' && stray !== undefined)
    throw new UsageError(`--${stray} goes with executables; this writes ${emit}`);
  checkObject(flags, emit, path);
  const executable = executableOptions(flags);
  const options = compileOptions(flags);
  const target = options.target.name;
  const progress = new Progress(`compiling ${basename(path)} for ${target}`);
  const ir: string[] = [];
  let lowered: Func | undefined;
  const times = new Map<string, number>();
  const started = performance.now();
  const observed: CompileOptions = {
    ...options,
    progress: (n, of) => progress.update(n, of),
    observe: {
      afterPass(pass, func) {
        lowered = func;
        if (after === 'all' || after === pass)
          process.stderr.write(`; after ${pass}\n${printFunction(func)}\n`);
      },
      afterStage(stage) {
        if (emit === 'ir' && stage === 'select' && lowered) ir.push(printFunction(lowered));
      },
      onTime(stage, ms) {
        times.set(stage, (times.get(stage) ?? 0) + ms);
      },
    },
  };
  const { image, file } = await inFile(path, () =>
    emit === 'exe'
      ? compileExecutable(bytes, { ...observed, ...executable, runtime: runtimeModules() })
      : { image: compile(bytes, observed), file: undefined },
  );
  const elapsed = performance.now() - started;
  progress.end();
  const output = flags.output ?? `${path.replace(/\.(wasm|wat)$/, '')}.${target}${endings[emit]}`;
  if (output === path) throw new UsageError(`${path}: would be overwritten; name another file by -o`);
  const content =
    file ??
    (emit === 'asm'
      ? formatListing(await disassemble(image))
      : emit === 'ir'
        ? ir.join('\n')
        : emit === 'obj'
          ? await inFile(path, () => writeObject(flags, image, path, output))
          : writeImage(image));
  writeOutput(output, content, emit === 'exe' ? 0o777 : 0o666);
  report(flags, { image, emit, output, bytes: content.length }, elapsed, times);
  return ExitCode.done;
}

/** @throws UsageError for options of objects where none is written, and values that an object cannot have */
function checkObject(flags: Flags, emit: Emit, path: string): void {
  const stray = givenObjectFlag(flags);
  if (emit !== 'obj' && stray !== undefined)
    throw new UsageError(`--${stray} goes with objects; this writes ${emit}`);
  if (emit !== 'obj') return;
  objectPrefix(flags, path);
  if (flags.output === '-')
    throw new UsageError('an object has a header beside it and cannot go to standard output');
}

/** An executable of a WASI command, as long as the name does not say otherwise; else an image. */
function defaultEmit(bytes: Uint8Array, output = ''): Emit {
  if (output.endsWith('.o')) return 'obj';
  return !output.endsWith('.fathom') && isCommand(decodeModule(bytes)) ? 'exe' : 'image';
}

/** A module with `_start` looks like a program: who gets an image of it, unasked, is told what an executable lacks. */
function sayWhyNoExecutable(path: string, bytes: Uint8Array, output = ''): void {
  const module = decodeModule(bytes);
  if (output.endsWith('.fathom') || exportedFunction(module, '_start') === undefined) return;
  try {
    linkCommand(module, decodeModule(runtimeModules().wasi));
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    console.error(`${path}: becomes an image, no executable: ${error.message}`);
  }
}

interface Written {
  readonly image: Image;
  readonly emit: Emit;
  readonly output: string;
  /** Of the file. */
  readonly bytes: number;
}

function report(
  flags: Flags,
  { image, emit, output, bytes }: Written,
  elapsed: number,
  times: ReadonlyMap<string, number>,
): void {
  // The summary goes where the output does not.
  const say = output === '-' ? console.error : console.log;
  const functions = image.functions.filter((f) => f.kind === 'wasm').length;
  if (flags.json) {
    say(
      JSON.stringify({
        output,
        emit,
        target: image.target,
        scheme: image.scheme,
        order: image.order,
        functions,
        wasmBytes: image.module.bytes.length,
        codeBytes: image.constantsOffset,
        constantBytes: image.code.length - image.constantsOffset,
        fileBytes: bytes,
        milliseconds: Math.round(elapsed),
        ...(flags['time-passes'] ? { stages: Object.fromEntries(times) } : {}),
      }),
    );
    return;
  }
  if (output !== '-')
    say(
      `${output}: ${kinds[emit] ?? ''}${image.target}, ${functions} functions, ${image.module.bytes.length} bytes of wasm -> ` +
        `${image.constantsOffset} bytes of code in ${(elapsed / 1000).toFixed(2)} s`,
    );
  if (flags['time-passes'])
    console.error(
      table(
        ['stage', 'ms', 'share'],
        [...times]
          .sort((a, b) => b[1] - a[1])
          .map(([stage, ms]) => [stage, ms.toFixed(1), `${((100 * ms) / elapsed).toFixed(1)} %`]),
      ),
    );
}
