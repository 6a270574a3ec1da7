import { ByteWriter } from '../../compiler/byte-writer.ts';
import { CompileError } from '../../compiler/errors.ts';
import { isCommand, wasiModule } from '../../compiler/image/command.ts';
import type { GlobalDecl, Limits, Module, ValueType } from '../../compiler/wasm/module.ts';
import type { Call } from './calls.ts';

/** A module made a WASI command that calls a module's functions. */
export interface CommandModule {
  readonly bytes: Uint8Array;
  /** Globals of type i32: the first call to be made, and the one that is being made. Undefined in what was a command already. */
  readonly calls: { readonly first: number; readonly current: number; readonly count: number } | undefined;
}

/** Codes of the binary format (WebAssembly core specification, 5.2 to 5.5). */
const section = {
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;
/** Sections in the order that the format prescribes; custom ones, 0, may be anywhere. */
const order = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11, 0];
const typeCodes: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
};
const op = {
  if: 0x04,
  end: 0x0b,
  call: 0x10,
  drop: 0x1a,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  i32LeS: 0x4c,
  refNull: 0xd0,
} as const;
const emptyBlock = 0x40;

/**
 * A WASI command as it is; any other module made one that makes the calls.
 *
 * @throws CompileError as {@link callingModule}
 */
export function commandModule(bytes: Uint8Array, module: Module, calls: readonly Call[]): CommandModule {
  const { exports } = module;
  const isOne = isCommand(module) && exports.some(({ name, kind }) => name === 'memory' && kind === 'memory');
  return isOne ? { bytes, calls: undefined } : callingModule(bytes, module, calls);
}

/**
 * Makes a command of a module, so that it can be an executable: `_start` makes the calls, one after the other, from the one whose number stands in a
 * global; another says which is being made, so that who runs it can go on behind one that traps. What the module imports it
 * gets defined: functions that return zeros, memories and tables of the least size, globals that are zero. All indices stay.
 *
 * @throws CompileError `unsupported` for what cannot be made one: exports `_start`, or names `memory` what is none
 */
export function callingModule(bytes: Uint8Array, module: Module, calls: readonly Call[]): CommandModule {
  const memory = module.exports.find(({ name }) => name === 'memory');
  if (memory !== undefined && memory.kind !== 'memory')
    throw new CompileError('unsupported', "exports 'memory', which is none");
  if (module.exports.some(({ name }) => name === '_start'))
    throw new CompileError('unsupported', "exports '_start', which has to be ours");
  const sections = readSections(bytes);
  const edit = new Sections(sections);
  const defines = module.imports.length > 0 && !module.imports.every((entry) => entry.module === wasiModule);
  const internal = defines ? internalised(module) : none;
  if (defines) sections.delete(section.import);
  const type = edit.count(section.type);
  edit.change(section.type, [], [[0x60, 0, 0]]);
  edit.change(section.function, internal.functionTypes, [leb(type)]);
  edit.change(section.table, internal.tables, []);
  edit.change(section.memory, internal.memories, module.memories.length === 0 ? [[0, 1]] : []);
  const first = module.globals.length;
  const zero = [typeCodes.i32, 1, op.i32Const, 0, op.end];
  edit.change(section.global, internal.globals, [zero, zero]);
  const exported = [exportOf('_start', 0, module.functions.length)];
  if (memory === undefined) exported.push(exportOf('memory', 2, 0));
  edit.change(section.export, [], exported);
  const body = startBody(module, calls, first, first + 1);
  edit.change(section.code, internal.bodies, [[...leb(body.length), ...body]]);
  return { bytes: edit.result(), calls: { first, current: first + 1, count: calls.length } };
}

type Entries = readonly (readonly number[] | Uint8Array)[];

interface Internalised {
  readonly functionTypes: Entries;
  readonly bodies: Entries;
  readonly tables: Entries;
  readonly memories: Entries;
  readonly globals: Entries;
}
const none: Internalised = { functionTypes: [], bodies: [], tables: [], memories: [], globals: [] };

/** Definitions in place of a module's imports. */
function internalised(module: Module): Internalised {
  const functions = module.functions.slice(0, module.importedFunctions);
  const body = (results: readonly ValueType[]): number[] => {
    const code = [0, ...results.flatMap((type) => constant(type, 0n)), op.end];
    return [...leb(code.length), ...code];
  };
  const limits = ({ minimum, maximum }: Limits): number[] =>
    maximum === undefined ? [0, ...leb(minimum)] : [1, ...leb(minimum), ...leb(maximum)];
  return {
    functionTypes: functions.map(({ typeIndex }) => leb(typeIndex)),
    bodies: functions.map(({ typeIndex }) => body(module.types[typeIndex].results)),
    tables: module.tables.slice(0, module.importedTables).map((t) => [typeCodes[t.element], ...limits(t)]),
    memories: module.memories.slice(0, module.importedMemories).map((m) => limits(m)),
    globals: module.globals
      .slice(0, module.importedGlobals)
      .map(({ type, mutable }: GlobalDecl) => [
        typeCodes[type],
        mutable ? 1 : 0,
        ...constant(type, 0n),
        op.end,
      ]),
  };
}

/** `if (first <= k) { current = k; drop(call k) }` for each call. */
function startBody(module: Module, calls: readonly Call[], first: number, current: number): Uint8Array {
  const out = new ByteWriter();
  const put = (...bytes: number[]): void => {
    for (const byte of bytes) out.byte(byte);
  };
  put(0);
  calls.forEach(({ index, args }, k) => {
    put(op.globalGet, ...leb(first), op.i32Const, ...signed(BigInt(k)), op.i32LeS, op.if, emptyBlock);
    put(op.i32Const, ...signed(BigInt(k)), op.globalSet, ...leb(current));
    for (const { type, bits } of args) put(...constant(type, bits));
    put(op.call, ...leb(index));
    for (const _ of module.types[module.functions[index].typeIndex].results) put(op.drop);
    put(op.end);
  });
  put(op.end);
  return out.result().slice();
}

function constant(type: ValueType, bits: bigint): number[] {
  switch (type) {
    case 'i32':
      return [op.i32Const, ...signed(BigInt.asIntN(32, bits))];
    case 'i64':
      return [op.i64Const, ...signed(BigInt.asIntN(64, bits))];
    case 'f32':
      return [op.f32Const, ...littleEndian(bits, 4)];
    case 'f64':
      return [op.f64Const, ...littleEndian(bits, 8)];
    case 'v128':
      return [0xfd, 0x0c, ...littleEndian(bits, 16)];
    case 'funcref':
    case 'externref':
      return [op.refNull, typeCodes[type]];
  }
}

const littleEndian = (bits: bigint, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Number((bits >> BigInt(8 * i)) & 0xffn));

function leb(value: number): number[] {
  const out = new ByteWriter(8);
  out.unsigned(value);
  return [...out.result()];
}

/** Signed LEB128 of up to 64 bits. */
function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; ) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    const ends = (rest === 0n && byte < 0x40) || (rest === -1n && byte >= 0x40);
    bytes.push(ends ? byte : byte | 0x80);
    if (ends) return bytes;
  }
}

const exportOf = (name: string, kind: number, index: number): number[] => {
  const encoded = [...new TextEncoder().encode(name)];
  return [...leb(encoded.length), ...encoded, kind, ...leb(index)];
};

/** Contents of a valid module's sections by number. Of the custom ones, which have one number, the last: names are. */
function readSections(bytes: Uint8Array): Map<number, Uint8Array> {
  const sections = new Map<number, Uint8Array>();
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at];
    const { value, next } = readLeb(bytes, at + 1);
    sections.set(id, bytes.subarray(next, next + value));
    at = next + value;
  }
  return sections;
}

function readLeb(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  let next = at;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[next++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value: value >>> 0, next };
  }
}

/** Sections that are vectors, with entries added at either end. */
class Sections {
  private readonly sections: Map<number, Uint8Array>;

  constructor(sections: Map<number, Uint8Array>) {
    this.sections = sections;
  }

  count(id: number): number {
    const content = this.sections.get(id);
    return content === undefined ? 0 : readLeb(content, 0).value;
  }

  change(id: number, before: Entries, behind: Entries): void {
    if (before.length + behind.length === 0) return;
    const content = this.sections.get(id) ?? Uint8Array.of(0);
    const { value, next } = readLeb(content, 0);
    const out = new ByteWriter(content.length + 16);
    out.unsigned(value + before.length + behind.length);
    for (const entry of before) out.bytes(Uint8Array.from(entry));
    out.bytes(content.subarray(next));
    for (const entry of behind) out.bytes(Uint8Array.from(entry));
    this.sections.set(id, out.result().slice());
  }

  result(): Uint8Array {
    const out = new ByteWriter();
    out.bytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    for (const id of order) {
      const content = this.sections.get(id);
      if (content === undefined) continue;
      out.byte(id);
      out.unsigned(content.length);
      out.bytes(content);
    }
    return out.result().slice();
  }
}
