import { basename } from 'node:path';
import type { Argv } from 'yargs';
import { writeImage } from '../compiler/image/file.ts';
import type { Image } from '../compiler/image/image.ts';
import { compile } from '../compiler/index.ts';
import type { Func } from '../compiler/ir/function.ts';
import { printFunction } from '../compiler/ir/print.ts';
import { passNames } from '../compiler/passes/pipeline.ts';
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
import { disassemble, formatListing } from './listing.ts';

interface Flags extends CompileFlags {
  module: string;
  output: string | undefined;
  emit: 'image' | 'asm' | 'ir';
  json: boolean;
  'print-after': string | undefined;
  'time-passes': boolean;
}

/** `fathom compile`: a module to an image, a listing, or its SSA form. */
export function compileCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'compile <module>',
    'Compile a module to machine code',
    (y) =>
      compileFlags(y)
        .positional('module', { describe: '.wasm or .wat file', type: 'string', demandOption: true })
        .option('output', {
          alias: 'o',
          describe: 'output file, - for standard output',
          type: 'string',
          requiresArg: true,
        })
        .option('emit', {
          describe: 'what to write',
          choices: ['image', 'asm', 'ir'] as const,
          default: 'image' as const,
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
        .example('$0 compile app.wasm --target armv7', 'writes app.armv7.fathom')
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
  const options = compileOptions(flags);
  const target = options.target.name;
  const progress = new Progress(`compiling ${basename(path)} for ${target}`);
  const ir: string[] = [];
  let lowered: Func | undefined;
  const times = new Map<string, number>();
  const started = performance.now();
  const image = await inFile(path, () =>
    compile(bytes, {
      ...options,
      progress: (n, of) => progress.update(n, of),
      observe: {
        afterPass(pass, func) {
          lowered = func;
          if (after === 'all' || after === pass)
            process.stderr.write(`; after ${pass}\n${printFunction(func)}\n`);
        },
        afterStage(stage) {
          if (flags.emit === 'ir' && stage === 'select' && lowered) ir.push(printFunction(lowered));
        },
        onTime(stage, ms) {
          times.set(stage, (times.get(stage) ?? 0) + ms);
        },
      },
    }),
  );
  const elapsed = performance.now() - started;
  progress.end();
  const extension = { image: 'fathom', asm: 's', ir: 'ir' }[flags.emit];
  const output = flags.output ?? `${path.replace(/\.(wasm|wat)$/, '')}.${target}.${extension}`;
  if (output === path) throw new UsageError(`${path}: would be overwritten; name another file by -o`);
  const content =
    flags.emit === 'image'
      ? writeImage(image)
      : flags.emit === 'asm'
        ? formatListing(await disassemble(image))
        : ir.join('\n');
  writeOutput(output, content);
  report(flags, image, output, elapsed, times);
  return ExitCode.done;
}

function report(
  flags: Flags,
  image: Image,
  output: string,
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
        target: image.target,
        scheme: image.scheme,
        order: image.order,
        functions,
        wasmBytes: image.module.bytes.length,
        codeBytes: image.constantsOffset,
        constantBytes: image.code.length - image.constantsOffset,
        milliseconds: Math.round(elapsed),
        ...(flags['time-passes'] ? { stages: Object.fromEntries(times) } : {}),
      }),
    );
    return;
  }
  if (output !== '-')
    say(
      `${output}: ${image.target}, ${functions} functions, ${image.module.bytes.length} bytes of wasm -> ` +
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
