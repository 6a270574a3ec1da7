import type { CompileCost } from '../model.ts';
import { projectFile } from '../places.ts';
import { runCommand } from '../run-command.ts';
import type { TimedProgram } from './timing.ts';

/** All of a module compiled by TurboFan, before it runs. */
export const turboFan = ['--no-liftoff', '--no-wasm-lazy-compilation'];

const script = projectFile('bench/measure/v8.mjs');

/**
 * A process of Node that calls `run` of the module at `path`.
 * @param fresh each call has an instance of its own
 */
export const v8Program = (path: string, fresh = false): TimedProgram => ({
  command: process.execPath,
  args: [...turboFan, script, path],
  ...(fresh && { last: ['fresh'] }),
});

/** What TurboFan takes to compile a module, Node's start not included; memory is all of the process's. */
export async function v8CompileCost(path: string): Promise<CompileCost> {
  const { stdout } = await runCommand(process.execPath, [...turboFan, script, path, '0', '0']);
  const [, seconds, peak] = /^compiled (\S+) (\d+)$/m.exec(stdout) ?? [];
  return { seconds: Number(seconds), peakBytes: Number(peak) };
}

/**
 * What `run(n)` gives on this process's own V8, as an unsigned word: what every contestant has to give.
 * @throws RangeError for a module without such a function
 */
export function v8Checksum(module: Uint8Array, n: number): number {
  const compiled = new WebAssembly.Module(new Uint8Array(module));
  const imports: Record<string, Record<string, () => never>> = {};
  for (const entry of WebAssembly.Module.imports(compiled)) {
    imports[entry.module] ??= {};
    imports[entry.module][entry.name] = () => {
      throw new RangeError(`${entry.module}.${entry.name} is called by run`);
    };
  }
  const { run } = new WebAssembly.Instance(compiled, imports).exports;
  if (typeof run !== 'function') throw new RangeError('the module exports no function run');
  return run(n) >>> 0;
}
