import type { Argv } from 'yargs';
import { type CompileFlags, compileFlags, ExitCode, loadImage, UsageError, writeOutput } from './common.ts';
import { disassemble, formatListing } from './listing.ts';

interface Flags extends CompileFlags {
  image: string;
  function: string | undefined;
  output: string;
  json: boolean;
}

/** `fathom disasm`: the annotated machine code of an image, or of a module compiled for the purpose. */
export function disasmCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'disasm <image>',
    'Disassemble an image (or a module), with function, wasm offset, operator, traps and publication points',
    (y) =>
      compileFlags(y)
        .positional('image', { describe: 'image, .wasm or .wat file', type: 'string', demandOption: true })
        .option('function', {
          alias: 'f',
          describe: 'only this function: its name or its wasm index',
          type: 'string',
          requiresArg: true,
        })
        .option('output', {
          alias: 'o',
          describe: 'output file, - for standard output',
          type: 'string',
          default: '-',
          requiresArg: true,
        })
        .option('json', { describe: 'rows as JSON', type: 'boolean', default: false })
        .example('$0 disasm lib.armv7.fathom', 'everything in the image')
        .example('$0 disasm app.wasm --target armv7 -f main', 'compiles, then shows one function'),
    async (flags) => done(await run(flags as unknown as Flags)),
  ) as Argv;
}

async function run(flags: Flags): Promise<number> {
  const image = await loadImage(flags.image, flags);
  const wanted = flags.function;
  const listings = await disassemble(
    image,
    (f) => wanted === undefined || f.name === wanted || String(f.wasmIndex) === wanted,
  );
  if (listings.length === 0) throw new UsageError(`${flags.image}: has no function ${wanted ?? ''}`);
  const text = flags.json
    ? `${JSON.stringify(
        listings.map(({ function: f, rows }) => ({
          name: f.name,
          kind: f.kind,
          wasmIndex: f.wasmIndex,
          offset: f.offset,
          size: f.size,
          frameBytes: f.frameBytes,
          instructions: rows.map((row) => ({ ...row, bytes: Buffer.from(row.bytes).toString('hex') })),
        })),
      )}\n`
    : formatListing(listings);
  writeOutput(flags.output, text);
  return ExitCode.done;
}
