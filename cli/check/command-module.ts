import { ByteWriter } from '../../compiler/byte-writer.ts';
import { CompileError } from '../../compiler/errors.ts';
import { isCommand, wasiModule } from '../../compiler/image/command.ts';
import {
  constant,
  type Entries,
  exportOf,
  leb,
  readSections,
  Sections,
  signed,
  typeCodes,
} from '../../compiler/wasm/edit.ts';
import type { GlobalDecl, Limits, Module, ValueType } from '../../compiler/wasm/module.ts';
import { Section } from '../../compiler/wasm/sections.ts';
import type { Call } from './calls.ts';

/** A module made a WASI command that calls a module's functions. */
export interface CommandModule {
  readonly bytes: Uint8Array;
  /** Globals of type i32: the first call to be made, and the one that is being made. Undefined in what was a command already. */
  readonly calls: { readonly first: number; readonly current: number; readonly count: number } | undefined;
}

const op = {
  if: 0x04,
  end: 0x0b,
  call: 0x10,
  drop: 0x1a,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Const: 0x41,
  i32LeS: 0x4c,
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
 * global; another says which is being made, so that who runs it can go on behind one that traps. A `_start` of the module's own is no longer
 * exported. What the module imports it gets defined: functions that return zeros, memories and tables of the least size, globals that are zero. All
 * indices stay.
 *
 * @throws CompileError `unsupported` for what cannot be made one: names `memory` what is none
 */
export function callingModule(bytes: Uint8Array, module: Module, calls: readonly Call[]): CommandModule {
  const memory = module.exports.find(({ name }) => name === 'memory');
  if (memory !== undefined && memory.kind !== 'memory')
    throw new CompileError('unsupported', "exports 'memory', which is none");
  const sections = readSections(bytes);
  const edit = new Sections(sections);
  const defines = module.imports.length > 0 && !module.imports.every((entry) => entry.module === wasiModule);
  const internal = defines ? internalised(module) : none;
  if (defines) sections.delete(Section.import);
  const type = edit.count(Section.type);
  edit.change(Section.type, [], [[0x60, 0, 0]]);
  edit.change(Section.function, internal.functionTypes, [leb(type)]);
  edit.change(Section.table, internal.tables, []);
  edit.change(Section.memory, internal.memories, module.memories.length === 0 ? [[0, 1]] : []);
  const first = module.globals.length;
  const zero = [typeCodes.i32, 1, op.i32Const, 0, op.end];
  edit.change(Section.global, internal.globals, [zero, zero]);
  const exported = module.exports
    .filter(({ name }) => name !== '_start')
    .map(({ name, kind, index }) => exportOf(name, kind, index));
  exported.push(exportOf('_start', 'function', module.functions.length));
  if (memory === undefined) exported.push(exportOf('memory', 'memory', 0));
  sections.delete(Section.export);
  edit.change(Section.export, [], exported);
  const body = startBody(module, calls, first, first + 1);
  edit.change(Section.code, internal.bodies, [[...leb(body.length), ...body]]);
  return { bytes: edit.result(), calls: { first, current: first + 1, count: calls.length } };
}

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
