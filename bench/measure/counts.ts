import { readElf, readSymbols } from '../../compiler/elf/reader.ts';
import type { Image } from '../../compiler/image/image.ts';
import { type CompileOptions, compile } from '../../compiler/index.ts';
import type { Core } from '../../emu/core.ts';
import { type CortexA9, estimateCycles } from '../../emu/cortex-a9.ts';
import { LinuxProcess } from '../../emu/linux/index.ts';
import { Machine } from '../../emu/machine.ts';
import { createWebAssembly } from '../../emu/webassembly.ts';
import type { Counted } from '../model.ts';

/** One call of `run` on an emulated core: what it gave, as an unsigned word, and what it took. */
export interface CountedRun {
  readonly checksum: number;
  readonly counted: Counted;
}

/** The compiler's options that decide what code there is. */
export type CodeOptions = Pick<CompileOptions, 'target' | 'scheme' | 'order' | 'level'>;

/**
 * Calls `run(n)` of a module that Fathom compiled, in a machine of its own. Counted is the call with the adapter that enters it, some 20
 * instructions; instantiating is not.
 *
 * @param model estimates cycles, on ARMv7
 * @throws RangeError for a module without such a function, and what a trap throws
 */
export function countImage(image: Image, n: number, model?: CortexA9): CountedRun {
  const { scheme, order } = image;
  const machine = new Machine(image.target, { scheme, order });
  try {
    const webAssembly = createWebAssembly({ target: image.target, scheme, order, machine });
    const module = webAssembly.moduleOf(image);
    const { run } = new webAssembly.Instance(module, uncalled(image)).exports as Record<string, unknown>;
    if (typeof run !== 'function') throw new RangeError('the module exports no function run');
    return counted(machine.core, () => Number(run(n)) >>> 0, model);
  } finally {
    machine.close();
  }
}

/** Compiles a module and counts, as {@link countImage}; the bytes of its code, too. */
export function countModule(
  bytes: Uint8Array,
  options: CodeOptions,
  n: number,
): CountedRun & { readonly codeBytes: number } {
  const image = compile(bytes, options);
  return { ...countImage(image, n), codeBytes: codeBytes(image) };
}

/** Imports of a kernel: WASI, which only `_start` calls. */
function uncalled({ module }: Image): Record<string, Record<string, () => never>> {
  const imports: Record<string, Record<string, () => never>> = {};
  for (const entry of module.imports) {
    imports[entry.module] ??= {};
    imports[entry.module][entry.name] = () => {
      throw new RangeError(`${entry.module}.${entry.name} is called by run`);
    };
  }
  return imports;
}

/** Bytes of the functions of a module and of the helpers that they use, but for `_start`, which is the driver's. */
export function codeBytes({ functions, module }: Image): number {
  const start = module.exports.find(({ name, kind }) => name === '_start' && kind === 'function')?.index;
  return functions
    .filter(({ kind, wasmIndex }) => kind === 'helper' || (kind === 'wasm' && wasmIndex !== start))
    .reduce((sum, { size }) => sum + size, 0);
}

/**
 * Calls the function `run(n)` of an executable that needs no system (peers/runtime/bare.c), after its `setup`. Counted is exactly what
 * is executed from the first instruction of `run` to its return.
 *
 * @param model estimates cycles, on ARMv7
 * @throws ImageError if it is no executable; RangeError if it lacks `run`, or stops anywhere but at its end
 */
export function countExecutable(file: Uint8Array, n: number, model?: CortexA9): CountedRun {
  const symbols = readSymbols(readElf(file));
  const addressOf = (name: string): number | undefined => symbols.find((s) => s.name === name)?.value;
  const run = addressOf('run');
  if (run === undefined) throw new RangeError('the executable has no function run');
  const setup = addressOf('setup');
  const process = new LinuxProcess(file, { argv: ['bench'], stdin: new Uint8Array(0) });
  try {
    const { core } = process;
    if (setup !== undefined) call(core, setup, 0);
    return counted(core, () => call(core, run, n), model);
  } finally {
    process.dispose();
  }
}

/** Calls a C function of one word, on a core that runs nothing. */
function call(core: Core, address: number, argument: number): number {
  const { sp } = core;
  core.sp = Math.floor(sp / 16) * 16;
  core.write(core.target === 'x86_64' ? 'rdi' : 'r0', argument);
  core.prepareCall(address);
  const stop = core.run();
  if (stop.reason !== 'exit')
    throw new RangeError(`stopped by ${stop.reason} at 0x${core.pc.toString(16)}, not at its end`);
  core.sp = sp;
  return Number(core.read(core.target === 'x86_64' ? 'rax' : 'r0') & 0xffff_ffffn);
}

function counted(core: Core, work: () => number, model: CortexA9 | undefined): CountedRun {
  core.counting = true;
  try {
    const checksum = work();
    const instructions = core.instructionsExecuted();
    if (core.target !== 'armv7' || model === undefined) return { checksum, counted: { instructions } };
    const { cycles, unknown } = estimateCycles(model, core);
    const missing = unknown.size > 0 && { unknown: Object.fromEntries(unknown) };
    return { checksum, counted: { instructions, cycles, ...missing } };
  } finally {
    core.counting = false;
  }
}
