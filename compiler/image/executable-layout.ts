import { descriptorLayout, stackGuardBytes } from '../abi.ts';
import { headerBytes } from '../elf/writer.ts';
import { CompileError } from '../errors.ts';
import type { LinuxTarget, Target } from '../target.ts';
import { Area } from './area.ts';
import { descriptorOf, elementCount, type Instance } from './exec-env.ts';
import { unwindSize } from './executable-unwind.ts';
import type { Image } from './image.ts';
import { imageRecordFields, programInfoFields } from './program-info.ts';
import { encodeStackMap } from './stack-map.ts';

/** The images of an executable, by the names that its records give them. */
export const partNames = ['app', 'wasi', 'handler'] as const;
export type PartName = (typeof partNames)[number];
export type PerPart<T> = Readonly<Record<PartName, T>>;

/** Size of a page of linear memory, and of the gaps between areas of memory (docs/executables.md). */
const wasmPageBytes = 65536;
const gapBytes = stackGuardBytes;
const signalStackBytes = 65536;
const tailAreaBytes = 65536;

/** The innermost exec env, and from byte 64 on what `wasi` tells the handler (runtime/assembly/state.ts). */
const threadBlockBytes = 256;

/** Room for each piece of code that is made when all addresses are known. */
export const gluePieceBytes = 256;

/** No process has addresses from here on: ARM's kernel may take the last GiB, x86-64 has 47 bits. */
const addressEnd = { 4: 0xbf000000, 8: 2 ** 47 - 2 ** 16 } as const;

/** Pieces of code that belong to no image: see `LinuxTarget`; `noService` is {@link ExecutableLayout.glue}'s. */
export type GlueName = 'start' | 'trampoline' | 'restorer' | 'noService';

/** Program headers at most: three mapped from the file, five areas of memory, note, unwind table, the stack's access. */
const segmentCount = 11;

/** Of the note's section: header, name and six words (docs/executables.md). */
export const noteBytes = 12 + 8 + 6 * 4;

/** An address and the number of bytes there. */
export interface Range {
  readonly address: number;
  readonly bytes: number;
}

/** Memory that is no part of the file. */
export interface Memory {
  readonly stack: Range;
  /** Scheme `tail`: what ends in the word that holds `top`, below the stack's gap. */
  readonly tail: Range | undefined;
  readonly signalStack: Range;
  readonly wasi: Range;
  readonly handler: Range;
  /** To be mapped without access. */
  readonly gaps: readonly Range[];
}

/** Where everything of an executable lies. Areas are taken, not yet written. */
export interface ExecutableLayout {
  readonly note: number;
  readonly rodata: Area;
  readonly maps: PerPart<{ readonly address: number; readonly bytes: Uint8Array }>;
  /** Room for what debuggers unwind by. */
  readonly unwind: Range;
  readonly text: Area;
  readonly data: Area;
  readonly bss: Area;
  readonly memory: Memory;
  readonly instances: PerPart<Instance>;
  /** Descriptors of the init functions. */
  readonly inits: PerPart<number>;
  /** Image names. */
  readonly names: PerPart<number>;
  /** Addresses; `noService` is `hostCall` of the runtime's own exec envs, which have no one to ask. */
  readonly glue: Readonly<Record<GlueName, number>>;
  /** Thread blocks: of the program with its `wasi`, and of the handler. */
  readonly threads: { readonly program: number; readonly handler: number };
  readonly info: number;
  readonly records: number;
  readonly gaps: number;
  readonly preopens: Range;
  readonly tableMaxima: number;
  readonly tableOffsets: number;
}

/** `f` of every part. */
export function perPart<T>(f: (name: PartName) => T): PerPart<T> {
  return { app: f('app'), wasi: f('wasi'), handler: f('handler') };
}

/**
 * Lays out an executable.
 * @param imports per function import of the app, the function of `wasi` that serves it
 * @throws CompileError `limit` where it does not fit the address space
 */
export function layoutExecutable(
  images: PerPart<Image>,
  target: Target,
  imports: readonly number[],
  options: { readonly stackBytes: number; readonly preopenBytes: number },
): ExecutableLayout {
  const { linux, wordBytes: word } = target;
  const note = linux.base + headerBytes(linux.elfClass, segmentCount);
  const rodata = new Area(align(note + noteBytes, 16), word);
  const segments = perPart((name) =>
    images[name].module.data.map(({ start, end }) => rodata.take(end - start)),
  );
  const preopens = { address: rodata.take(options.preopenBytes), bytes: options.preopenBytes };
  const names = perPart((name) => rodata.take(name.length + 1, 1));
  const mapArea = new Area(align(rodata.end, 16), word);
  const maps = perPart((name) => {
    const bytes = encodeStackMap(images[name]);
    return { address: mapArea.take(bytes.length), bytes };
  });

  const unwindBytes = unwindSize(images, target);
  const unwind = { address: mapArea.take(unwindBytes), bytes: unwindBytes };

  const text = new Area(align(mapArea.end, linux.pageBytes), word);
  const glue = {
    start: text.take(gluePieceBytes),
    trampoline: text.take(gluePieceBytes),
    restorer: text.take(gluePieceBytes),
    noService: text.take(gluePieceBytes),
  };
  const code = perPart((name) => text.take(images[name].code.length, 64));

  const data = new Area(align(text.end, linux.pageBytes), word);
  const { tables } = images.app.module;
  const fixed = {
    info: data.take(8 * programInfoFields.length),
    records: data.take(8 * imageRecordFields.length * partNames.length),
    gaps: data.take(2 * 8 * maximumGaps),
    tableMaxima: data.take(8 * tables.length),
    tableOffsets: data.take(8 * tables.length),
    threads: { program: data.take(threadBlockBytes, 64), handler: data.take(threadBlockBytes, 64) },
    inits: perPart(() => data.take(descriptorLayout(word).size)),
  };
  const envs = perPart((name) => data.take(images[name].env.size, 64));

  const bss = new Area(align(data.end, 64), word);
  const tableAddresses = perPart((name) =>
    images[name].module.tables.map(({ minimum }) => bss.take(minimum * word)),
  );
  const elements = perPart((name) =>
    images[name].module.elements.map((_, i) => bss.take(elementCount(images[name], i) * word)),
  );

  const memoryBytes = perPart((name) => (images[name].module.memories[0]?.minimum ?? 0) * wasmPageBytes);
  const memory = layoutMemory(linux, bss.end, addressEnd[word], {
    stack: options.stackBytes,
    tail: images.app.scheme === 'tail' ? tailAreaBytes : 0,
    wasi: memoryBytes.wasi,
    handler: memoryBytes.handler,
  });
  const memories = { app: { address: 0, bytes: 0 }, wasi: memory.wasi, handler: memory.handler };
  const instance = (name: PartName, importedFunctions: readonly number[]): Instance => ({
    image: images[name],
    code: code[name],
    env: envs[name],
    dataSegments: segments[name],
    elementSegments: elements[name],
    tables: tableAddresses[name],
    memory: memories[name],
    imports: importedFunctions,
  });
  // What the runtime imports are instructions.
  const none = (name: PartName): number[] => images[name].env.functionImports.map(() => 0);
  const wasi = instance('wasi', none('wasi'));
  const instances = {
    app: instance(
      'app',
      imports.map((index) => descriptorOf(wasi, index)),
    ),
    wasi,
    handler: instance('handler', none('handler')),
  };
  return { note, rodata, maps, unwind, text, data, bss, memory, instances, names, glue, preopens, ...fixed };
}

const align = (address: number, alignment: number): number => Math.ceil(address / alignment) * alignment;

/** One below each area, one behind each memory. */
const maximumGaps = 7;

function layoutMemory(
  linux: LinuxTarget,
  start: number,
  end: number,
  bytes: { readonly stack: number; readonly tail: number; readonly wasi: number; readonly handler: number },
): Memory {
  const gaps: Range[] = [];
  let next = align(start, gapBytes);
  const take = (size: number, fixedAddress: number, behind: number): Range => {
    const address = fixedAddress > 0 ? fixedAddress : next + gapBytes;
    if (address < next + gapBytes || address + size + behind > end)
      throw new CompileError(
        'limit',
        'code, tables and stack do not fit the address space of an executable together',
      );
    gaps.push({ address: address - gapBytes, bytes: gapBytes });
    next = address + align(size, gapBytes);
    if (behind > 0) gaps.push({ address: next, bytes: behind });
    next += behind;
    return { address, bytes: align(size, gapBytes) };
  };
  const { areas, memoryGap } = linux;
  const tailAt = areas.stack > 0 ? areas.stack - gapBytes - bytes.tail : 0;
  const tail = bytes.tail > 0 ? take(bytes.tail, tailAt, 0) : undefined;
  const stack = take(bytes.stack, areas.stack, 0);
  const signalStack = take(signalStackBytes, 0, 0);
  const wasi = take(bytes.wasi, areas.wasi, memoryGap);
  const handler = take(bytes.handler, areas.handler, memoryGap);
  return { stack, tail, signalStack, wasi, handler, gaps };
}
