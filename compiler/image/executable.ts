import { descriptorLayout, stackGuardBytes } from '../abi.ts';
import { CompileError, InternalError } from '../errors.ts';
import { abiDifference } from '../stack/compatibility.ts';
import type { Target } from '../target.ts';
import { FunctionTypes } from '../wasm/function-types.ts';
import { limits } from '../wasm/limits.ts';
import { exportedFunction, linkCommand } from './command.ts';
import { codeOf, descriptorOf, writeExecEnv } from './exec-env.ts';
import { executableFile } from './executable-file.ts';
import {
  type ExecutableLayout,
  layoutExecutable,
  type PartName,
  type PerPart,
  partNames,
} from './executable-layout.ts';
import { writeGlue } from './glue.ts';
import type { Image } from './image.ts';
import {
  type ImageRecordField,
  imageRecordFields,
  type ProgramInfoField,
  programInfoFields,
} from './program-info.ts';
import { relocate } from './relocate.ts';

export interface ExecutableOptions {
  /** Directories that the program may use: path of the host, and path as the program sees it. */
  readonly preopens?: readonly (readonly [host: string, guest: string])[];
  /** Bytes of native stack. */
  readonly stackBytes?: number;
  /** Number of the signal that asks for a dump of the stack; 0 for none. */
  readonly dumpSignal?: number;
}

/** What holds where {@link ExecutableOptions} say nothing. The signal is SIGUSR1, on both targets (signal(7)). */
export const executableDefaults = { stackBytes: 8 * 2 ** 20, dumpSignal: 10 } as const;

/** Of the table of program info. */
const infoVersion = 1;

/** Pages that a memory without a maximum may have: all that 32 bits address. */
const memoryPages = 65536;

/**
 * Links images to a static Linux executable (docs/executables.md): connects the app's imports to `wasi`, lays everything out,
 * and writes all that is known before the program starts.
 * @param images compiled for `target`, `wasi` and `handler` with intrinsics
 * @throws CompileError `unsupported` if `app` is no WASI command or imports what an executable does not provide; `limit` where
 *   it does not fit the address space
 */
export function linkExecutable(
  images: PerPart<Image>,
  target: Target,
  options: ExecutableOptions = {},
): Uint8Array {
  const { stackBytes, dumpSignal } = { ...executableDefaults, ...options };
  const imports = linkCommand(images.app.module, images.wasi.module);
  const preopens = encodePreopens(options.preopens ?? []);
  const difference = abiDifference(images.wasi, images.app);
  if (difference !== null) throw new InternalError(`the runtime cannot serve the app: ${difference}`);
  const layout = layoutExecutable(images, target, imports, { stackBytes, preopenBytes: preopens.length });
  layout.rodata.set(layout.preopens.address, preopens);
  for (const name of partNames) writePart(layout, target, name);
  const glue = writeGlue(layout, target);
  writeEnvs(layout);
  writeInits(layout);
  writeInfo(layout, target, dumpSignal);
  return executableFile(layout, glue, target, dumpSignal);
}

/** `host NUL guest NUL` for each. */
function encodePreopens(preopens: readonly (readonly [string, string])[]): Uint8Array {
  for (const path of preopens.flat())
    if (path === '' || path.includes('\0'))
      throw new CompileError('unsupported', 'a preopened directory without a name, or with a NUL in it');
  return new TextEncoder().encode(preopens.map(([host, guest]) => `${host}\0${guest}\0`).join(''));
}

/** Code, relocated, and what is read-only besides. */
function writePart(
  { instances, names, rodata, text }: ExecutableLayout,
  target: Target,
  name: PartName,
): void {
  const { image, code, dataSegments } = instances[name];
  if (image.target !== target.name) throw new InternalError(`the image '${name}' is for ${image.target}`);
  text.set(code, image.code);
  relocate(text.bytes.subarray(code - text.start), code, image.relocations);
  image.module.data.forEach(({ start, end }, i) => {
    rodata.set(dataSegments[i], image.module.bytes.subarray(start, end));
  });
  rodata.set(names[name], new TextEncoder().encode(name));
}

function writeEnvs({ data, instances, threads, memory, glue, info }: ExecutableLayout): void {
  const types = new FunctionTypes();
  const { app, wasi, handler } = instances;
  const { service } = wasi.image.symbols;
  if (service < 0) throw new InternalError('the runtime has no service adapter');
  const program = { thread: threads.program, stackLimit: memory.stack.address };
  const runtime = { hostCall: glue.noService, hostData: info };
  writeExecEnv(data, app, types, { ...program, hostCall: codeOf(wasi, service), hostData: wasi.env });
  writeExecEnv(data, wasi, types, { ...program, ...runtime });
  const handlerThread = { thread: threads.handler, stackLimit: memory.signalStack.address };
  writeExecEnv(data, handler, types, { ...handlerThread, ...runtime });
}

/**
 * Descriptors of the init functions, which have no index. The app's is called by `wasi`, by a cross adapter of its type, which the
 * app has, being a command; the others are called by the start code.
 */
function writeInits({ data, instances, inits }: ExecutableLayout): void {
  const { app } = instances;
  const start = exportedFunction(app.image.module, '_start') ?? -1;
  const cross = codeOf(app, app.image.symbols.cross[app.image.module.functions[start].typeIndex]);
  for (const name of partNames) {
    const instance = instances[name];
    const layout = descriptorLayout(instance.image.env.word);
    const at = inits[name];
    data.putWord(at + layout.code, codeOf(instance, instance.image.symbols.init));
    if (name === 'app') data.putWord(at + layout.cross, cross);
    data.putWord(at + layout.env, instance.env);
  }
}

function writeInfo(layout: ExecutableLayout, target: Target, dumpSignal: number): void {
  const { data, instances, inits, memory, glue, threads, preopens } = layout;
  const { app } = instances;
  const { module, env } = app.image;
  const [appMemory] = module.memories;
  memory.gaps.forEach(({ address, bytes }, i) => {
    data.u64(layout.gaps + 16 * i, address);
    data.u64(layout.gaps + 16 * i + 8, bytes);
  });
  module.tables.forEach(({ maximum }, i) => {
    data.u64(layout.tableMaxima + 8 * i, Math.min(maximum ?? limits.tableElements, limits.tableElements));
    data.u64(layout.tableOffsets + 8 * i, env.tables[i]);
  });
  partNames.forEach((name, i) => {
    const { image, code, env: address } = instances[name];
    const record: Readonly<Record<ImageRecordField, number>> = {
      codeStart: code,
      codeEnd: code + image.code.length,
      map: layout.maps[name].address,
      env: address,
      name: layout.names[name],
    };
    imageRecordFields.forEach((field, k) => {
      data.u64(layout.records + 8 * (i * imageRecordFields.length + k), record[field]);
    });
  });
  const info: Readonly<Record<ProgramInfoField, number>> = {
    version: infoVersion,
    appEnv: app.env,
    appInit: inits.app,
    appStart: descriptorOf(app, exportedFunction(module, '_start') ?? -1),
    memoryOffset: env.memories[0],
    memoryMinimum: appMemory.minimum,
    memoryMaximum: Math.min(appMemory.maximum ?? memoryPages, memoryPages),
    memoryGuard: target.memory.guardBytes,
    stackStart: memory.stack.address,
    stackEnd: memory.stack.address + memory.stack.bytes,
    stackGap: stackGuardBytes,
    signalStack: memory.signalStack.address,
    signalStackSize: memory.signalStack.bytes,
    trampoline: glue.trampoline,
    restorer: glue.restorer,
    dumpSignal,
    gaps: layout.gaps,
    gapCount: memory.gaps.length,
    preopens: preopens.address,
    preopensBytes: preopens.bytes,
    tableMaxima: layout.tableMaxima,
    tableCount: module.tables.length,
    tableOffsets: layout.tableOffsets,
    images: layout.records,
    imageCount: partNames.length,
    thread: threads.program,
  };
  programInfoFields.forEach((field, k) => {
    data.u64(layout.info + 8 * k, info[field]);
  });
}
