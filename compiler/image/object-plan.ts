import { CompileError } from '../errors.ts';
import { Type } from '../ir/types.ts';
import { signatureText } from '../wasm/function-types.ts';
import type { Export, FunctionType, Import, ValueType } from '../wasm/module.ts';
import { functionType } from './command.ts';
import { elementCount } from './exec-env.ts';
import type { Image } from './image.ts';
import { type CSignature, hasResultStruct } from './object-code.ts';
import { ObjectNames } from './object-names.ts';

/** What the C program and an object call things: the names of imports and exports, and where things lie in an instance. */
export interface ObjectPlan {
  readonly prefix: string;
  readonly functionImports: readonly NamedFunction[];
  /** Imports of memories and globals, by their index. */
  readonly memoryImports: readonly NamedImport[];
  readonly globalImports: readonly NamedImport[];
  readonly functions: readonly NamedFunction[];
  readonly memories: readonly NamedExport[];
  readonly tables: readonly NamedExport[];
  readonly globals: readonly NamedExport[];
  /** Byte offset, from the exec env, of each element segment's references, and of the end of them all. */
  readonly elementSegments: readonly number[];
  readonly envBytes: number;
}

export interface NamedFunction extends CSignature {
  readonly symbol: string;
  readonly index: number;
  readonly type: FunctionType;
  /** As the module calls it, for comments. */
  readonly label: string;
  /** Name of the struct of results, where there are several. */
  readonly resultStruct: string | undefined;
}

export interface NamedImport {
  readonly symbol: string;
  readonly entry: Import;
}

export interface NamedExport {
  readonly symbol: string;
  readonly entry: Export;
}

/** Behind the prefix, names of the generated header itself. */
const reserved = ['instance', 'module', 'instantiate', 'instance_free', 'import'];
const resultSuffix = '_result';

/**
 * Names everything that C and the module call one another.
 * @throws CompileError `unsupported` for imports that an object cannot have, and for types that C has no name for
 */
export function planObject(image: Image, prefix: string): ObjectPlan {
  const { module, env } = image;
  const names = new ObjectNames(prefix, reserved);
  const word = env.word === 8 ? Type.i64 : Type.i32;
  const name = (label: string, parts: readonly string[], index: number): NamedFunction => {
    const type = functionType(module, index);
    const signature = {
      params: type.params.map((t) => cType(t, word, label)),
      results: type.results.map((t) => cType(t, word, label)),
    };
    const pair = hasResultStruct(signature);
    const symbol = names.take(parts, pair ? [resultSuffix] : []);
    return {
      ...signature,
      symbol,
      index,
      type,
      label,
      resultStruct: pair ? symbol + resultSuffix : undefined,
    };
  };
  // The same import twice is one C function, if it is of the same type.
  const known = new Map<string, NamedFunction>();
  const functionImports = importsOf(image, 'function').map((entry) => {
    const label = `${entry.module}.${entry.name}`;
    const key = JSON.stringify([entry.module, entry.name, signatureText(functionType(module, entry.index))]);
    const before = known.get(key);
    const named = before ?? name(label, ['import', entry.module, entry.name], entry.index);
    known.set(key, named);
    return { ...named, index: entry.index };
  });
  const [table] = importsOf(image, 'table');
  if (table !== undefined)
    throw new CompileError(
      'unsupported',
      `imports table ${table.module}.${table.name}, which an object cannot`,
    );
  const named = (entry: Import): NamedImport => ({
    entry,
    symbol: names.take(['import', entry.module, entry.name]),
  });
  const memoryImports = importsOf(image, 'memory').map(named);
  const globalImports = importsOf(image, 'global').map(named);
  const exported = (kind: Export['kind']) => module.exports.filter((entry) => entry.kind === kind);
  const nameExport = (entry: Export): NamedExport => ({ entry, symbol: names.take([entry.name]) });
  let envBytes = env.size;
  const elementSegments = module.elements.map((_, index) => {
    const at = envBytes;
    envBytes += elementCount(image, index) * env.word;
    return at;
  });
  return {
    prefix,
    functionImports,
    memoryImports,
    globalImports,
    functions: exported('function').map((entry) => name(entry.name, [entry.name], entry.index)),
    memories: exported('memory').map(nameExport),
    tables: exported('table').map(nameExport),
    globals: exported('global').map(nameExport),
    elementSegments,
    envBytes: Math.ceil(envBytes / 16) * 16,
  };
}

function importsOf(image: Image, kind: Import['kind']): readonly Import[] {
  return image.module.imports.filter((entry) => entry.kind === kind);
}

const types: Readonly<Partial<Record<ValueType, Type>>> = {
  i32: Type.i32,
  i64: Type.i64,
  f32: Type.f32,
  f64: Type.f64,
};

function cType(type: ValueType, word: Type, label: string): Type {
  if (type === 'v128') throw new CompileError('unsupported', `${label}: v128 is no type of C`);
  return types[type] ?? word;
}
