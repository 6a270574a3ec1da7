/**
 * Finds and loads libunicorn through koffi, and checks its version.
 *
 * Release 2.1 is the oldest that serves: 2.0 lacks POPCNT, the registers' batch calls with sizes, and is ten
 * times slower in stores. `npm run setup` puts a copy into `.cache/libunicorn/`.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import koffi from 'koffi';

/** Pointers and 64-bit integers cross the border as numbers: user-space addresses stay below 2^47. */
export interface Unicorn {
  /** Where it was loaded from. */
  readonly path: string;
  /** As `uc_version` gives it, for instance `2.1`. */
  readonly version: string;
  /** The address of an exported function, for native code that calls it. */
  symbol(name: string): number;
  open(architecture: number, mode: number, handle: [number]): number;
  close(engine: number): number;
  control(engine: number, request: number, ...typedArguments: unknown[]): number;
  mapPointer(engine: number, address: number, size: number, protection: number, host: number): number;
  readRegister(engine: number, register: number, value: ArrayBufferView): number;
  writeRegister(engine: number, register: number, value: ArrayBufferView): number;
  /** Several registers: their numbers, and the addresses of their values. */
  readRegisters(engine: number, numbers: Int32Array, values: BigUint64Array, count: number): number;
  writeRegisters(engine: number, numbers: Int32Array, values: BigUint64Array, count: number): number;
  addHook(
    engine: number,
    hook: [number],
    type: number,
    callback: number,
    user: number,
    begin: number,
    end: number,
  ): number;
  addInstructionHook(
    engine: number,
    hook: [number],
    type: number,
    callback: number,
    user: number,
    begin: number,
    end: number,
    argumentType: 'int',
    instruction: number,
  ): number;
  deleteHook(engine: number, hook: number): number;
  allocateContext(engine: number, context: [number]): number;
  saveContext(engine: number, context: number): number;
  restoreContext(engine: number, context: number): number;
  freeContext(context: number): number;
}

/** No libunicorn that serves was found. The message says what to install. */
export class UnicornMissingError extends Error {
  override name = 'UnicornMissingError';

  constructor(problem: string) {
    super(
      `${problem}. Emulated cores need libunicorn 2.1 or newer on Linux, x86-64: run "npm run setup", or install ` +
        'it (Debian 13: apt install libunicorn2t64) and, when it is not in a standard folder, set FATHOM_LIBUNICORN ' +
        'to the path of libunicorn.so.2',
    );
  }
}

/** Names the dynamic loader finds in the system's folders. */
const SYSTEM_NAMES = ['libunicorn.so.2', 'libunicorn.so'];

let loaded: Unicorn | undefined;

/**
 * Returns libunicorn, loaded once a process.
 *
 * @throws {UnicornMissingError} when there is none, or only one that is too old
 */
export function loadUnicorn(): Unicorn {
  loaded ??= findUnicorn();
  return loaded;
}

function findUnicorn(): Unicorn {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new UnicornMissingError(`This machine is ${process.platform} on ${process.arch}`);
  }
  const named = process.env.FATHOM_LIBUNICORN;
  if (named) {
    if (!existsSync(named)) {
      throw new UnicornMissingError(`FATHOM_LIBUNICORN names ${named}, which does not exist`);
    }
    try {
      return bind(named);
    } catch (error) {
      if (error instanceof UnicornMissingError) throw error;
      throw new UnicornMissingError(`FATHOM_LIBUNICORN names ${named}, which cannot be loaded`);
    }
  }
  const problems: string[] = [];
  const cached = join(projectRoot(), '.cache', 'libunicorn', 'libunicorn.so.2');
  for (const path of [...(existsSync(cached) ? [cached] : []), ...SYSTEM_NAMES]) {
    try {
      return bind(path);
    } catch (error) {
      if (error instanceof UnicornMissingError) problems.push(error.message.split('. ')[0]);
    }
  }
  throw new UnicornMissingError(problems[0] ?? 'No libunicorn was found');
}

/** The nearest folder above this file with a package.json: the sources and the built files share it. */
function projectRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function bind(path: string): Unicorn {
  const library = koffi.load(path);
  const code: number = library.func('uint32_t uc_version(void*, void*)')(null, null);
  const [major, minor] = [code >>> 24, (code >>> 16) & 0xff];
  const version = `${major}.${minor}`;
  if (major < 2 || (major === 2 && minor < 1)) {
    throw new UnicornMissingError(`${path} is version ${version}`);
  }
  return {
    path,
    version,
    symbol: (name) => Number(library.symbol(name)),
    open: library.func('int uc_open(int, int, _Out_ uint64_t*)'),
    close: library.func('int uc_close(uint64_t)'),
    control: library.func('int uc_ctl(uint64_t, uint32_t, ...)'),
    mapPointer: library.func('int uc_mem_map_ptr(uint64_t, uint64_t, uint64_t, uint32_t, uint64_t)'),
    readRegister: library.func('int uc_reg_read(uint64_t, int, void*)'),
    writeRegister: library.func('int uc_reg_write(uint64_t, int, void*)'),
    readRegisters: library.func('int uc_reg_read_batch(uint64_t, void*, void*, int)'),
    writeRegisters: library.func('int uc_reg_write_batch(uint64_t, void*, void*, int)'),
    addHook: library.func(
      'int uc_hook_add(uint64_t, _Out_ uint64_t*, int, uint64_t, uint64_t, uint64_t, uint64_t)',
    ),
    addInstructionHook: library.func(
      'int uc_hook_add(uint64_t, _Out_ uint64_t*, int, uint64_t, uint64_t, uint64_t, uint64_t, ...)',
    ),
    deleteHook: library.func('int uc_hook_del(uint64_t, uint64_t)'),
    allocateContext: library.func('int uc_context_alloc(uint64_t, _Out_ uint64_t*)'),
    saveContext: library.func('int uc_context_save(uint64_t, uint64_t)'),
    restoreContext: library.func('int uc_context_restore(uint64_t, uint64_t)'),
    freeContext: library.func('int uc_context_free(uint64_t)'),
  };
}
