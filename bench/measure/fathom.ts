import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileExecutable } from '../../compiler/executable.ts';
import { compile } from '../../compiler/index.ts';
import { linkObject } from '../../compiler/object.ts';
import { headerNames, headerText } from '../../runtime/headers.ts';
import { runtimeModules } from '../../runtime/index.ts';
import { cInterface } from '../../targets/x86_64/c-abi.ts';
import type { CompileCost } from '../model.ts';
import { projectFile } from '../places.ts';
import { runCommand } from '../run-command.ts';
import type { CodeOptions } from './counts.ts';
import type { TimedProgram } from './timing.ts';

/** A native executable of a WASI command, in a folder. @throws CompileError if it is none */
export function fathomProgram(module: Uint8Array, options: CodeOptions, folder: string): TimedProgram {
  const { file } = compileExecutable(module, { ...options, runtime: runtimeModules(), preopens: [] });
  const command = join(folder, 'fathom');
  writeFileSync(command, file);
  chmodSync(command, 0o755);
  return { command, args: [] };
}

/** C compilers that can link an object with the driver. */
export const linkers = ['gcc', 'cc', 'clang', 'clang-19'] as const;

/**
 * A native program of a module that is no command: an object, with the driver that C programs have.
 * @param linker a C compiler
 * @throws CompileError if the module cannot be an object; CommandError if linking fails
 */
export async function fathomLinked(
  module: Uint8Array,
  options: CodeOptions,
  folder: string,
  linker: string,
): Promise<TimedProgram> {
  const { object, header } = linkObject(compile(module, options), options.target, cInterface, 'bench');
  writeFileSync(join(folder, 'bench.o'), object);
  writeFileSync(join(folder, 'bench.h'), header);
  for (const name of headerNames) writeFileSync(join(folder, name), headerText(name));
  const command = join(folder, 'fathom');
  const kernels = projectFile('bench/kernels');
  const runtime = projectFile('bench/peers/runtime');
  const sources = [join(runtime, 'setup-fathom.c'), join(kernels, 'driver.c'), join(folder, 'bench.o')];
  await runCommand(linker, ['-O2', `-I${folder}`, `-I${kernels}`, ...sources, '-o', command]);
  return { command, args: [] };
}

/**
 * What the command `fathom compile` takes to write an image, Node's start included. Undefined where the project is not built.
 * @param path of the module
 */
export async function fathomCompileCost(
  path: string,
  { target, scheme, order, level }: CodeOptions,
  folder: string,
): Promise<CompileCost | undefined> {
  if (!existsSync(projectFile('dist/cli/main.js'))) return undefined;
  const { seconds, peakBytes } = await runCommand(
    process.execPath,
    [
      projectFile('cli/fathom.mjs'),
      ...['compile', path, '--emit', 'image', '-o', join(folder, 'cost.fathom')],
      ...['--target', target.name, '--stack', scheme, '--order', order, '-O', `${level}`],
    ],
    { memory: true },
  );
  return { seconds, ...(peakBytes !== undefined && { peakBytes }) };
}
