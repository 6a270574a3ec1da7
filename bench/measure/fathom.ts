import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileExecutable } from '../../compiler/executable.ts';
import { runtimeModules } from '../../runtime/index.ts';
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
