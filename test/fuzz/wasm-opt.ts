import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { compileFunction } from 'node:vm';

/**
 * binaryen's `wasm-opt` inside this process: its script and its module are compiled once instead of once a run, which makes a run
 * five times as fast as starting the program.
 */

const require = createRequire(import.meta.url);
const path = join(dirname(require.resolve('binaryen')), 'bin', 'wasm-opt');

type Program = (
  module: object,
  require: NodeJS.Require,
  commonJs: object,
  process: object,
  file: string,
  folder: string,
  webAssembly: object,
) => void;

let program: Program | undefined;
let compiled: Promise<WebAssembly.Module> | undefined;

/** The host's WebAssembly, which compiles the tool's module but once. */
const webAssembly = {
  RuntimeError: WebAssembly.RuntimeError,
  async instantiate(bytes: Uint8Array, imports: WebAssembly.Imports) {
    compiled ??= WebAssembly.compile(bytes);
    const module = await compiled;
    return { module, instance: await WebAssembly.instantiate(module, imports) };
  },
};

/**
 * Runs `wasm-opt` with command-line arguments. Its messages are dropped.
 * @throws Error unless it exits with 0
 */
export async function wasmOpt(args: readonly string[]): Promise<void> {
  program ??= compileFunction(readFileSync(path, 'utf8').replace(/^#!.*/, ''), [
    'Module',
    'require',
    'module',
    'process',
    '__filename',
    '__dirname',
    'WebAssembly',
  ]) as Program;
  const run = program;
  const code = await new Promise<number>((resolve, reject) => {
    // Emscripten's exit: it sets the exit code of the process, here of a stand-in.
    const process = Object.create(globalThis.process, {
      argv: { value: ['node', path, ...args] },
      exitCode: { get: () => 0, set: resolve },
    }) as object;
    try {
      run(
        { print() {}, printErr() {} },
        createRequire(path),
        { exports: {} },
        process,
        path,
        dirname(path),
        webAssembly,
      );
    } catch (error) {
      reject(error);
    }
  });
  if (code !== 0) throw new Error(`wasm-opt ${args.join(' ')} exited with ${code}`);
}
