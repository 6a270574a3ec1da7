import type { Image } from '../../compiler/image/image.ts';
import { TrapKind } from '../../compiler/ir/types.ts';
import { AddressSpaceError } from '../address-space.ts';
import { type External, FunctionInstance, GlobalInstance, MemoryInstance } from '../externals.ts';
import type { ModuleInstance } from '../instance.ts';
import { instantiate } from '../loader.ts';
import type { Machine } from '../machine.ts';
import { Trap } from '../trap.ts';
import { fromTrap } from './errors.ts';
import { functionObject } from './functions.ts';
import { readImports } from './imports.ts';
import { requireImage } from './module.ts';
import { globals, isObject, memories, tables } from './wrapping.ts';

/** The classes whose prototypes exported memories, tables and globals have. */
export interface ExternalClasses {
  readonly Memory: { readonly prototype: object };
  readonly Table: { readonly prototype: object };
  readonly Global: { readonly prototype: object };
}

const instances = new WeakMap<object, ModuleInstance>();

/** What an Instance object stands for: its place on the machine. Undefined for anything else. */
export function instanceOf(object: unknown): ModuleInstance | undefined {
  return isObject(object) ? instances.get(object) : undefined;
}

/** `WebAssembly.Instance` of the JavaScript interface (section 5.2) for instances on `machine`. */
export function instanceClass(machine: Machine, classes: ExternalClasses) {
  class Instance {
    /** Null-prototyped, frozen. */
    readonly exports: Readonly<Record<string, unknown>>;

    /** Instantiates at once and runs the start function. Throws LinkError, RuntimeError, or what the start function throws. */
    constructor(module: unknown, importObject?: unknown) {
      const where = 'WebAssembly.Instance()';
      const image = requireImage(module, where);
      const made = makeInstance(machine, image, importObject, where);
      instances.set(this, made);
      this.exports = exportsOf(made, classes);
    }

    get [Symbol.toStringTag](): string {
      return 'WebAssembly.Instance';
    }
  }
  return Instance;
}

function makeInstance(machine: Machine, image: Image, importObject: unknown, where: string): ModuleInstance {
  if (image.target !== machine.target) {
    throw new TypeError(
      `${where}: the module is compiled for ${image.target}, this machine is ${machine.target}`,
    );
  }
  const loaded = machine.loadImage(image);
  const imports = readImports(machine, loaded, importObject, where);
  try {
    return instantiate(machine, loaded, imports);
  } catch (error) {
    if (error instanceof AddressSpaceError) throw new RangeError(`${where}: Out of memory: ${error.message}`);
    throw fromTrap(atInstantiation(error, where), makeInstance);
  }
}

/** Traps of segments, not of the start function, say in V8 what it was that did not fit. */
function atInstantiation(error: unknown, where: string): unknown {
  if (!(error instanceof Trap) || error.frames.length > 0) return error;
  const isMemory = error.kind === TrapKind.memoryOutOfBounds;
  error.message = `${where}: ${isMemory ? 'data segment is out of bounds' : error.message}`;
  return error;
}

function exportsOf(instance: ModuleInstance, classes: ExternalClasses): Readonly<Record<string, unknown>> {
  const exports: Record<string, unknown> = Object.create(null);
  for (const { name, kind, index } of instance.loaded.image.module.exports) {
    const value = objectOf(instance.external(kind, index), index, classes);
    // Defined, not assigned: `__proto__` is a name like any other.
    Object.defineProperty(exports, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return Object.freeze(exports);
}

function objectOf(external: External, index: number, classes: ExternalClasses): object {
  if (external instanceof FunctionInstance) return functionObject(external, index);
  if (external instanceof MemoryInstance) {
    return memories.objectOf(external) ?? memories.bind(Object.create(classes.Memory.prototype), external);
  }
  if (external instanceof GlobalInstance) {
    return globals.objectOf(external) ?? globals.bind(Object.create(classes.Global.prototype), external);
  }
  return tables.objectOf(external) ?? tables.bind(Object.create(classes.Table.prototype), external);
}
