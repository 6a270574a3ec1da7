import type { Import, Module } from '../../compiler/wasm/module.ts';
import type { External } from '../externals.ts';
import type { LoadedImage } from '../loaded-image.ts';
import { mismatch } from '../loader.ts';
import type { Machine } from '../machine.ts';
import { LinkError } from './errors.ts';
import { hostFunction } from './functions.ts';
import { newGlobal } from './global.ts';
import { functions, globals, isObject, memories, tables } from './wrapping.ts';

/**
 * "Read the imports" of the JavaScript interface (section 5): what the import object has for each import, checked
 * against its declaration, in the module's order.
 * @throws TypeError, LinkError in V8's words
 */
export function readImports(
  machine: Machine,
  loaded: LoadedImage,
  importObject: unknown,
  where: string,
): External[] {
  const { module } = loaded.image;
  if (importObject !== undefined && !isObject(importObject)) {
    throw new TypeError(`${where}: Argument 1 must be an object`);
  }
  if (module.imports.length > 0 && !isObject(importObject)) {
    throw new TypeError(`${where}: Imports argument must be present and must be an object`);
  }
  return module.imports.map((entry, i) => {
    const namespace: unknown = isObject(importObject) ? Reflect.get(importObject, entry.module) : undefined;
    const place = `${where}: Import #${i} module="${entry.module}"`;
    if (!isObject(namespace)) throw new TypeError(`${place} error: module is not an object or function`);
    const value: unknown = Reflect.get(namespace, entry.name);
    const fail = (reason: string) => {
      throw new LinkError(`${place} ${entry.kind}="${entry.name}" error: ${reason}`);
    };
    const external = externalOf(machine, loaded, entry, value, fail);
    const problem = mismatch(module, entry, external);
    return problem === undefined ? external : fail(problem);
  });
}

function externalOf(
  machine: Machine,
  loaded: LoadedImage,
  entry: Import,
  value: unknown,
  fail: (reason: string) => never,
): External {
  const { module } = loaded.image;
  switch (entry.kind) {
    case 'function': {
      if (typeof value !== 'function') return fail('function import requires a callable');
      const exported = functions.instanceOf(value);
      if (exported?.machine === machine) return exported;
      const { typeIndex } = module.functions[entry.index];
      return hostFunction(machine, loaded, typeIndex, value as (...args: unknown[]) => unknown);
    }
    case 'table':
      return (
        sameMachine(machine, tables.instanceOf(value)) ?? fail('table import requires a WebAssembly.Table')
      );
    case 'memory':
      return (
        sameMachine(machine, memories.instanceOf(value)) ??
        fail('memory import must be a WebAssembly.Memory object')
      );
    case 'global':
      return (
        sameMachine(machine, globals.instanceOf(value)) ?? hostGlobal(machine, module, entry, value, fail)
      );
  }
}

/** Tables, memories and globals of another machine are as foreign as the host's own. */
function sameMachine<T extends { readonly machine: Machine }>(
  machine: Machine,
  external: T | undefined,
): T | undefined {
  return external?.machine === machine ? external : undefined;
}

/** A plain value as an immutable global. */
function hostGlobal(
  machine: Machine,
  module: Module,
  entry: Import,
  value: unknown,
  fail: (reason: string) => never,
): External {
  const { type, mutable } = module.globals[entry.index];
  if (mutable) return fail('imported mutable global must be a WebAssembly.Global object');
  const fits =
    type === 'externref' ||
    (type === 'funcref' && (value === null || functions.instanceOf(value)?.machine === machine)) ||
    (type === 'i64' && typeof value === 'bigint') ||
    ((type === 'i32' || type === 'f32' || type === 'f64') && typeof value === 'number');
  if (fits) return newGlobal(machine, type, false, value);
  return fail('global import must be a number, valid Wasm reference, or WebAssembly.Global object');
}
