import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { SymbolType } from '../../compiler/elf/constants.ts';
import { readElf, readSymbols } from '../../compiler/elf/reader.ts';
import type { CompileCost } from '../model.ts';

import { projectFile } from '../places.ts';
import { type Ended, runCommand } from '../run-command.ts';
import type { CompilerPeer } from './compilers.ts';

/** What a peer compiles. */
export interface PeerSource {
  readonly module: Uint8Array;
  /** Path of the kernel's C source, where it has one. */
  readonly c?: string;
  /** The module imports WASI, for its `_start`. */
  readonly wasi: boolean;
}

/** What a peer made. */
export interface PeerBuild {
  /** A program of this machine, `hosted N REPEATS` (kernels/driver.c); undefined for another machine's code. */
  readonly hosted: string | undefined;
  /** An executable that needs no system, with symbols `setup` and `run`. */
  readonly bare: string;
  readonly codeBytes: number;
  readonly compile: CompileCost;
}

const kernels = projectFile('bench/kernels');
const runtime = projectFile('bench/peers/runtime');

/** Objects of `runtime/`, and of the driver, by compiler and file, compiled once for a folder. */
export type RuntimeObjects = Map<string, Promise<string>>;

/**
 * Compiles with a peer, to an object whose code is measured, and links that with a driver for this machine and with what an emulated core
 * needs.
 *
 * @param folder an empty one, for its files
 * @param shared objects that all builds use, and the folder they are in
 * @throws CommandError if the compiler refuses
 */
export async function buildPeer(
  peer: CompilerPeer,
  command: string,
  source: PeerSource,
  folder: string,
  shared: { readonly folder: string; readonly objects: RuntimeObjects },
): Promise<PeerBuild> {
  const { flags } = peer;
  const ended: Ended[] = [];
  const compile = async (file: string, more: readonly string[]): Promise<string> => {
    const object = join(folder, 'module.o');
    ended.push(await runCommand(command, [...flags, ...more, '-c', file, '-o', object], { memory: true }));
    return object;
  };
  const includes = [`-I${runtime}`, `-I${kernels}`, `-I${folder}`];
  let object: string;
  if (peer.from === 'c') {
    if (source.c === undefined) throw new RangeError('there is no C source');
    object = await compile(source.c, includes);
  } else {
    ended.push(await translate(source.module, folder));
    object = await compile(join(folder, 'bench.c'), ['-DNDEBUG', ...includes]);
  }
  const objectOf = (file: string, bare: boolean): Promise<string> => {
    const key = `${peer.target}-${command}-${bare ? 'bare' : 'hosted'}-${file}`;
    const known = shared.objects.get(key);
    if (known !== undefined) return known;
    const path = join(shared.folder, `${key.replace(/[^\w.-]/g, '_')}.o`);
    const where = file === 'driver.c' ? kernels : runtime;
    const options = [
      ...flags,
      ...peer.libraryFlags,
      ...includes.slice(0, 2),
      ...(bare ? ['-DBARE', '-ffreestanding'] : []),
    ];
    const made = runCommand(command, [...options, '-c', join(where, file), '-o', path]).then(() => path);
    shared.objects.set(key, made);
    return made;
  };
  /** What calls the module's `run`: not shared, for it knows the module. */
  const setup = async (bare: boolean): Promise<string[]> => {
    if (peer.from === 'c') return [await objectOf('setup-c.c', bare)];
    const path = join(folder, `setup-${bare ? 'bare' : 'hosted'}.o`);
    const defines = [...(bare ? ['-DBARE', '-ffreestanding'] : []), ...(source.wasi ? ['-DWASI'] : [])];
    const file = join(runtime, 'setup-wasm2c.c');
    await runCommand(command, [...flags, ...includes, ...defines, '-c', file, '-o', path]);
    return [path, await objectOf('wasm-rt.c', bare)];
  };
  const linked = async (bare: boolean): Promise<string> => {
    const library = bare ? ['bare.c', ...peer.arithmetic] : ['hosted.c', 'driver.c'];
    const objects = [object, ...(await setup(bare))];
    for (const file of library) objects.push(await objectOf(file, bare));
    const path = join(folder, bare ? 'bare' : 'hosted');
    // Arithmetic that gcc leaves to its library, unless ours stands in for it.
    const own = peer.arithmetic.length === 0 ? ['-lgcc'] : [];
    const how = bare ? ['-nostdlib', '-static', ...own] : ['-lm'];
    await runCommand(command, [...objects, ...how, '-o', path]);
    return path;
  };
  const native = peer.target === 'x86_64' && process.platform === 'linux' && process.arch === 'x64';
  const peaks = ended.flatMap(({ peakBytes }) => (peakBytes === undefined ? [] : [peakBytes]));
  return {
    hosted: native ? await linked(false) : undefined,
    bare: await linked(true),
    codeBytes: codeBytesOf(new Uint8Array(readFileSync(object))),
    compile: {
      seconds: ended.reduce((sum, { seconds }) => sum + seconds, 0),
      ...(peaks.length > 0 && { peakBytes: Math.max(...peaks) }),
    },
  };
}

/** What wasm2c is started with, to have stack enough for real programs. */
export const roomyStack = projectFile('bench/peers/roomy-stack.mjs');

/** `bench.c` and `bench.h` of a module, by the wasm2c of npm's wabt. */
async function translate(module: Uint8Array, folder: string): Promise<Ended> {
  const wabt = createRequire(import.meta.url).resolve('wabt');
  const input = join(folder, 'bench.wasm');
  writeFileSync(input, module);
  const wasm2c = ['--import', roomyStack, join(dirname(wabt), 'bin/wasm2c')];
  const args = [...wasm2c, input, '-n', 'bench', '-o', join(folder, 'bench.c')];
  return runCommand(process.execPath, args, { memory: true });
}

/** Functions of wasm2c's that make and free instances, and `_start`, which is the driver's. */
const none = /^(wasm2c_bench_|init_|load_data|w2c_bench_memory$|w2c_bench_0x5Fstart)/;

/** Bytes of the functions in an object, but for those that are none of the module's work. */
export function codeBytesOf(object: Uint8Array): number {
  return readSymbols(readElf(object))
    .filter(({ type, name }) => type === SymbolType.func && !none.test(name))
    .reduce((sum, { size }) => sum + size, 0);
}
