import { layoutEnv } from '../abi.ts';
import { ImageError } from '../errors.ts';
import type { FunctionKind } from '../ir/function.ts';
import { abiDifference, stackAbi } from '../stack/compatibility.ts';
import { schemes } from '../stack/index.ts';
import { type MemoryOrder, type SchemeName, schemeNames } from '../stack/scheme.ts';
import type { TargetName } from '../target.ts';
import { decodeModule } from '../wasm/reader.ts';
import { validateModule } from '../wasm/validate.ts';
import { checkImage } from './check-image.ts';
import type { Image, ImageFunction, LoadRelocation, StackMap } from './image.ts';

/**
 * The image as a file (`fathom compile --emit image`):
 *
 * | bytes | content                                                                     |
 * |-------|-----------------------------------------------------------------------------|
 * | 8     | magic: `fathom`, 0, format version                                          |
 * | 4     | number of sections, little-endian like all that follows                     |
 * | 12 n  | per section: id, offset from the file's start, length in bytes              |
 * | ...   | the sections, each at a multiple of 16                                      |
 *
 * Sections: description (JSON), code, module, and one per array of the stack map. The file is hostile input: all
 * that can be wrong ends in an {@link ImageError}.
 */
const magic = Uint8Array.of(0x66, 0x61, 0x74, 0x68, 0x6f, 0x6d, 0, 2);

const sectionNames = [
  'description',
  'code',
  'module',
  'positionAt',
  'position',
  'frameAt',
  'cfa',
  'returnAddress',
  'published',
  'trapAt',
  'trap',
  'publicationAt',
  'inlinedBase',
  'inlinedFunction',
  'inlinedStart',
  'inlinedCall',
] as const;
type SectionName = (typeof sectionNames)[number];

interface Description {
  abiVersion: number;
  layoutHash: number;
  target: TargetName;
  scheme: SchemeName;
  order: MemoryOrder;
  selfInRecords: boolean;
  constantsOffset: number;
  functions: ImageFunction[];
  relocations: LoadRelocation[];
  symbols: {
    wasm: number[];
    init: number;
    initEntry: number;
    /** -1 in files of before there were services. */
    service: number;
    entry: number[];
    cross: number[];
    host: number[];
  };
}

const bytesOf = (array: Uint8Array | Uint32Array | Int32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** True if the bytes begin like an image file. */
export const isImageFile = (bytes: Uint8Array): boolean =>
  bytes.length >= magic.length && magic.every((byte, i) => i === 7 || bytes[i] === byte);

/** The image as bytes of a file. */
export function writeImage(image: Image): Uint8Array {
  const { symbols, map } = image;
  const description: Description = {
    abiVersion: image.abiVersion,
    layoutHash: image.layoutHash,
    target: image.target,
    scheme: image.scheme,
    order: image.order,
    selfInRecords: image.selfInRecords,
    constantsOffset: image.constantsOffset,
    functions: [...image.functions],
    relocations: [...image.relocations],
    symbols: {
      wasm: [...symbols.wasm],
      init: symbols.init,
      initEntry: symbols.initEntry,
      service: symbols.service,
      entry: [...symbols.entry],
      cross: [...symbols.cross],
      host: [...symbols.host],
    },
  };
  const contents: Record<SectionName, Uint8Array> = {
    description: new TextEncoder().encode(JSON.stringify(description)),
    code: image.code,
    module: image.module.bytes,
    positionAt: bytesOf(map.positionAt),
    position: bytesOf(map.position),
    frameAt: bytesOf(map.frameAt),
    cfa: bytesOf(map.cfa),
    returnAddress: bytesOf(map.returnAddress),
    published: map.published,
    trapAt: bytesOf(map.trapAt),
    trap: map.trap,
    publicationAt: bytesOf(map.publicationAt),
    inlinedBase: bytesOf(map.inlined.base),
    inlinedFunction: bytesOf(map.inlined.wasmIndex),
    inlinedStart: bytesOf(map.inlined.bodyStart),
    inlinedCall: bytesOf(map.inlined.call),
  };
  const align = (n: number): number => (n + 15) & ~15;
  let at = align(12 + 12 * sectionNames.length);
  const offsets = sectionNames.map((name) => {
    const offset = at;
    at = align(at + contents[name].length);
    return offset;
  });
  const file = new Uint8Array(at);
  const view = new DataView(file.buffer);
  file.set(magic);
  view.setUint32(8, sectionNames.length, true);
  sectionNames.forEach((name, id) => {
    view.setUint32(12 + 12 * id, id, true);
    view.setUint32(16 + 12 * id, offsets[id], true);
    view.setUint32(20 + 12 * id, contents[name].length, true);
    file.set(contents[name], offsets[id]);
  });
  return file;
}

/**
 * Reads an image file back.
 * @throws ImageError naming what is wrong with it
 * @throws CompileError where the module inside it is malformed or invalid
 */
export function readImage(file: Uint8Array): Image {
  if (!isImageFile(file)) throw new ImageError('not a Fathom image');
  if (file[7] !== magic[7])
    throw new ImageError(`image format version ${file[7]}; this Fathom reads ${magic[7]}`);
  const sections = readSections(file);
  const description = readDescription(sections.description);
  const wordBytes = description.target === 'x86_64' ? 8 : 4;
  const { scheme, order } = description;
  const difference = abiDifference(description, stackAbi(scheme, wordBytes, order));
  if (difference !== null) throw new ImageError(`the image is of another Fathom: ${difference}`);
  const module = decodeModule(sections.module);
  validateModule(module);
  const { symbols, functions, relocations, constantsOffset } = description;
  const code = sections.code;
  const words = (name: SectionName): Uint32Array => {
    if (sections[name].length % 4 !== 0) throw new ImageError(`section ${name} has a broken length`);
    return new Uint32Array(sections[name].slice().buffer);
  };
  const signed = (name: SectionName): Int32Array => new Int32Array(words(name).buffer);
  const map: StackMap = {
    positionAt: words('positionAt'),
    position: signed('position'),
    frameAt: words('frameAt'),
    cfa: signed('cfa'),
    returnAddress: signed('returnAddress'),
    published: sections.published.slice(),
    trapAt: words('trapAt'),
    trap: sections.trap.slice(),
    publicationAt: words('publicationAt'),
    inlined: {
      base: signed('inlinedBase'),
      wasmIndex: signed('inlinedFunction'),
      bodyStart: signed('inlinedStart'),
      call: signed('inlinedCall'),
    },
  };
  const symbolArray = (name: string, numbers: readonly number[], length: number): Int32Array => {
    if (numbers.length !== length || numbers.some((n) => n < -1 || n >= functions.length))
      throw new ImageError(`symbol table ${name} does not fit the module`);
    return Int32Array.from(numbers);
  };
  const image: Image = {
    abiVersion: description.abiVersion,
    layoutHash: description.layoutHash,
    target: description.target,
    scheme,
    order,
    selfInRecords: description.selfInRecords,
    code: code.slice(),
    constantsOffset,
    functions,
    relocations,
    map,
    env: layoutEnv(module, wordBytes, schemes[scheme](wordBytes).abi),
    module,
    symbols: {
      wasm: symbolArray('wasm', symbols.wasm, module.functions.length),
      init: symbols.init,
      initEntry: symbols.initEntry,
      service: symbols.service,
      entry: symbolArray('entry', symbols.entry, module.types.length),
      cross: symbolArray('cross', symbols.cross, module.types.length),
      host: symbolArray('host', symbols.host, module.types.length),
    },
  };
  checkImage(image);
  return image;
}

function readSections(file: Uint8Array): Record<SectionName, Uint8Array> {
  // Not a Buffer, whose slice() would be a view of the same memory.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const table = 12 + 12 * sectionNames.length;
  if (file.length < table || view.getUint32(8, true) !== sectionNames.length)
    throw new ImageError('truncated image or wrong number of sections');
  const entries = sectionNames.map((name, id) => {
    const offset = view.getUint32(16 + 12 * id, true);
    const length = view.getUint32(20 + 12 * id, true);
    if (view.getUint32(12 + 12 * id, true) !== id || offset < table || offset + length > file.length)
      throw new ImageError(
        `section ${name} lies outside the file (offset 0x${offset.toString(16)}, ${length} bytes)`,
      );
    return [name, bytes.subarray(offset, offset + length)] as const;
  });
  return Object.fromEntries(entries) as Record<SectionName, Uint8Array>;
}

const kinds: readonly FunctionKind[] = [
  'wasm',
  'helper',
  'init',
  'entry-adapter',
  'cross-adapter',
  'host-adapter',
];

/** Checks every field's type and range before anything relies on it. */
function readDescription(bytes: Uint8Array): Description {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ImageError('the description is not JSON');
  }
  const root = record(json, 'description');
  const symbols = record(root.symbols, 'symbols');
  return {
    abiVersion: natural(root.abiVersion, 'abiVersion'),
    layoutHash: natural(root.layoutHash, 'layoutHash'),
    target: oneOf<TargetName>(root.target, ['x86_64', 'armv7'], 'target'),
    scheme: oneOf<SchemeName>(root.scheme, schemeNames, 'scheme'),
    order: oneOf<MemoryOrder>(root.order, ['relaxed', 'release', 'seq_cst'], 'order'),
    selfInRecords: root.selfInRecords === true,
    constantsOffset: natural(root.constantsOffset, 'constantsOffset'),
    functions: list(root.functions, 'functions').map((value, i): ImageFunction => {
      const f = record(value, `function ${i}`);
      if (typeof f.name !== 'string') throw new ImageError(`function ${i} has no name`);
      return {
        id: natural(f.id, 'id'),
        name: f.name,
        kind: oneOf(f.kind, kinds, 'function kind'),
        wasmIndex: integer(f.wasmIndex, 'wasmIndex'),
        offset: natural(f.offset, 'offset'),
        size: natural(f.size, 'size'),
        frameBytes: natural(f.frameBytes, 'frameBytes'),
        recordOffset: integer(f.recordOffset, 'recordOffset'),
        slotBase: natural(f.slotBase, 'slotBase'),
      };
    }),
    relocations: list(root.relocations, 'relocations').map((value, i): LoadRelocation => {
      const r = record(value, `relocation ${i}`);
      return {
        offset: natural(r.offset, 'offset'),
        kind: oneOf<LoadRelocation['kind']>(r.kind, ['arm-movw', 'arm-movt'], 'relocation kind'),
        addend: natural(r.addend, 'addend'),
      };
    }),
    symbols: {
      wasm: list(symbols.wasm, 'wasm').map((n) => integer(n, 'symbol')),
      init: natural(symbols.init, 'init'),
      initEntry: natural(symbols.initEntry, 'initEntry'),
      service: symbols.service === undefined ? -1 : integer(symbols.service, 'service'),
      entry: list(symbols.entry, 'entry').map((n) => integer(n, 'symbol')),
      cross: list(symbols.cross, 'cross').map((n) => integer(n, 'symbol')),
      host: list(symbols.host, 'host').map((n) => integer(n, 'symbol')),
    },
  };
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ImageError(`${what} is missing`);
  return value as Record<string, unknown>;
}

function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new ImageError(`${what} is not a list`);
  return value;
}

function integer(value: unknown, what: string): number {
  if (!Number.isInteger(value) || Math.abs(Number(value)) > 2 ** 32)
    throw new ImageError(`${what} is not a number in range`);
  return Number(value);
}

function natural(value: unknown, what: string): number {
  const number = integer(value, what);
  if (number < 0) throw new ImageError(`${what} is negative`);
  return number;
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[], what: string): T {
  const found = allowed.find((name) => name === value);
  if (found === undefined)
    throw new ImageError(`${what} ${JSON.stringify(value)} is none of ${allowed.join(', ')}`);
  return found;
}
