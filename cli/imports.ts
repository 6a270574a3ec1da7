import { randomFillSync } from 'node:crypto';
import { writeSync } from 'node:fs';
import type { FunctionType, Module, ValueType } from '../compiler/wasm/module.ts';

/** Thrown through the wasm frames by `proc_exit`. */
export class ProgramExit extends Error {
  override readonly name = 'ProgramExit';
  readonly code: number;
  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}

/** Numbers of wasi_snapshot_preview1's `errno`. */
const Errno = { success: 0, badf: 8, nosys: 52 } as const;

/** What a program run by the command line can import. Memory is known once the instance is. */
export interface HostImports {
  readonly imports: Record<string, Record<string, unknown>>;
  /** Gives the WASI functions the instance's memory. */
  attach(memory: { readonly buffer: ArrayBufferLike } | undefined): void;
}

/**
 * Imports for a module run from the command line: of `wasi_snapshot_preview1` what a filter without files needs (arguments,
 * standard output and error, clocks, random numbers, exit); any other function throws an error that names it; other
 * kinds of import get a plain object of their declared type.
 *
 * @param create makes memories, tables and globals on the engine in use
 * @param args the program's arguments, its name first
 */
export function hostImports(
  module: Module,
  create: Pick<typeof WebAssembly, 'Memory' | 'Table' | 'Global'>,
  args: readonly string[],
): HostImports {
  let memory: { readonly buffer: ArrayBufferLike } | undefined;
  const view = (): DataView => {
    if (!memory) throw new Error('the program has no exported memory for WASI to work on');
    return new DataView(memory.buffer);
  };
  const wasi = wasiFunctions(view, args);
  const imports: Record<string, Record<string, unknown>> = {};
  for (const { module: space, name, kind, index } of module.imports) {
    imports[space] ??= {};
    imports[space][name] =
      kind === 'function'
        ? ((space === 'wasi_snapshot_preview1' || space === 'wasi_unstable' ? wasi[name] : undefined) ??
          missing(space, name, module.types[module.functions[index].typeIndex]))
        : plain(module, kind, index, create);
  }
  return {
    imports,
    attach(found) {
      memory = found;
    },
  };
}

const missing = (space: string, name: string, type: FunctionType) => (): never => {
  throw new Error(
    `the program called its import ${space}.${name} (${type.params.join(', ')}) -> (${type.results.join(', ')}), which this command does not provide`,
  );
};

function plain(
  module: Module,
  kind: 'table' | 'memory' | 'global',
  index: number,
  create: Pick<typeof WebAssembly, 'Memory' | 'Table' | 'Global'>,
): unknown {
  if (kind === 'memory') {
    const { minimum, maximum } = module.memories[index];
    return new create.Memory(maximum === undefined ? { initial: minimum } : { initial: minimum, maximum });
  }
  if (kind === 'table') {
    const { minimum, maximum, element } = module.tables[index];
    return new create.Table({
      element: element === 'funcref' ? 'anyfunc' : 'externref',
      initial: minimum,
      ...(maximum === undefined ? {} : { maximum }),
    });
  }
  const { type, mutable } = module.globals[index];
  return new create.Global(
    { value: type === 'funcref' ? 'anyfunc' : type, mutable },
    type === 'i64' ? 0n : type === 'funcref' || type === 'externref' ? null : 0,
  );
}

/** The functions of wasi_snapshot_preview1 that need no file system. Pointers and sizes are unsigned 32-bit. */
function wasiFunctions(
  view: () => DataView,
  args: readonly string[],
): Record<string, (...a: never[]) => unknown> {
  const encoded = args.map((arg) => new TextEncoder().encode(`${arg}\0`));
  return {
    args_sizes_get(count: number, bytes: number) {
      view().setUint32(count >>> 0, encoded.length, true);
      view().setUint32(
        bytes >>> 0,
        encoded.reduce((sum, arg) => sum + arg.length, 0),
        true,
      );
      return Errno.success;
    },
    args_get(pointers: number, text: number) {
      let at = text >>> 0;
      encoded.forEach((arg, i) => {
        view().setUint32((pointers >>> 0) + 4 * i, at, true);
        new Uint8Array(view().buffer).set(arg, at);
        at += arg.length;
      });
      return Errno.success;
    },
    environ_sizes_get(count: number, bytes: number) {
      view().setUint32(count >>> 0, 0, true);
      view().setUint32(bytes >>> 0, 0, true);
      return Errno.success;
    },
    environ_get: () => Errno.success,
    clock_time_get(clock: number, _precision: bigint, result: number) {
      const now = clock === 0 ? BigInt(Date.now()) * 1_000_000n : process.hrtime.bigint();
      view().setBigUint64(result >>> 0, now, true);
      return Errno.success;
    },
    random_get(at: number, length: number) {
      randomFillSync(new Uint8Array(view().buffer, at >>> 0, length >>> 0));
      return Errno.success;
    },
    fd_write(fd: number, vectors: number, count: number, written: number) {
      if (fd !== 1 && fd !== 2) return Errno.badf;
      let total = 0;
      for (let i = 0; i < count; i++) {
        const at = view().getUint32((vectors >>> 0) + 8 * i, true);
        const length = view().getUint32((vectors >>> 0) + 8 * i + 4, true);
        const bytes = new Uint8Array(view().buffer, at, length);
        for (let done = 0; done < length; ) done += writeSync(fd, bytes, done);
        total += length;
      }
      view().setUint32(written >>> 0, total, true);
      return Errno.success;
    },
    fd_close: () => Errno.badf,
    fd_seek: () => Errno.badf,
    fd_prestat_get: () => Errno.badf,
    fd_fdstat_get: (fd: number, result: number) => {
      if (fd > 2) return Errno.badf;
      new Uint8Array(view().buffer, result >>> 0, 24).fill(0);
      view().setUint8(result >>> 0, 2);
      return Errno.success;
    },
    sched_yield: () => Errno.success,
    proc_exit(code: number): never {
      throw new ProgramExit(code >>> 0);
    },
  };
}

/**
 * Arguments of `--invoke` by the function's type: decimal, `0x` hexadecimal, `nan`, `inf`, and `null` for references.
 * @throws Error naming the argument that does not fit
 */
export function parseArguments(type: FunctionType, args: readonly string[]): unknown[] {
  const { params } = type;
  if (args.length !== params.length)
    throw new Error(
      `the function takes ${params.length === 1 ? '1 argument' : `${params.length} arguments`} (${params.join(', ')}), not ${args.length}`,
    );
  return args.map((text, i) => {
    const value = parseArgument(params[i], text);
    if (value === undefined)
      throw new Error(`argument ${i + 1}, ${JSON.stringify(text)}, is no ${params[i]}`);
    return value;
  });
}

/** One argument, signed or unsigned where it is an integer; undefined if the text is no value of the type. */
function parseArgument(type: ValueType, text: string): unknown {
  const [, sign, digits] = /^([-+]?)(.*)$/s.exec(text) ?? ['', '', ''];
  if (type === 'i32' || type === 'i64') {
    if (!/^(0x[\da-f]+|\d+)$/i.test(digits)) return undefined;
    const value = sign === '-' ? -BigInt(digits) : BigInt(digits);
    const bits = type === 'i32' ? 32 : 64;
    if (value < -(2n ** BigInt(bits - 1)) || value >= 2n ** BigInt(bits)) return undefined;
    const wrapped = BigInt.asIntN(bits, value);
    return type === 'i32' ? Number(wrapped) : wrapped;
  }
  if (type === 'f32' || type === 'f64') {
    let magnitude: number;
    if (/^inf(inity)?$/i.test(digits)) magnitude = Infinity;
    else if (/^nan$/i.test(digits)) magnitude = NaN;
    else if (/^(0x[\da-f]+|(\d+\.?\d*|\.\d+)(e[-+]?\d+)?)$/i.test(digits)) magnitude = Number(digits);
    else return undefined;
    return sign === '-' ? -magnitude : magnitude;
  }
  return text === 'null' ? null : undefined;
}
