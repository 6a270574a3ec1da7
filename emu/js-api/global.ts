import type { ValueType } from '../../compiler/wasm/module.ts';
import { GlobalInstance } from '../externals.ts';
import type { Machine } from '../machine.ts';
import { defaultValue, loadValue, storeValue } from './values.ts';
import { globals, isObject } from './wrapping.ts';

const types: Readonly<Record<string, ValueType>> = {
  i32: 'i32',
  i64: 'i64',
  f32: 'f32',
  f64: 'f64',
  anyfunc: 'funcref',
  externref: 'externref',
};

/** `WebAssembly.Global` of the JavaScript interface (section 5.5) for globals of `machine`. */
export function globalClass(machine: Machine) {
  class Global {
    /**
     * @param descriptor `{value: type, mutable}`
     * @param value at first; the type's default where it is undefined
     */
    constructor(descriptor: unknown, value?: unknown) {
      const where = 'WebAssembly.Global()';
      if (!isObject(descriptor)) throw new TypeError(`${where}: Argument 0 must be a global descriptor`);
      const mutable = Boolean(Reflect.get(descriptor, 'mutable'));
      const name: unknown = Reflect.get(descriptor, 'value');
      const type = typeof name === 'string' && Object.hasOwn(types, name) ? types[name] : undefined;
      if (type === undefined) {
        throw new TypeError(`${where}: Descriptor property 'value' must be a WebAssembly type`);
      }
      globals.bind(this, newGlobal(machine, type, mutable, value === undefined ? defaultValue(type) : value));
    }

    get value(): unknown {
      return valueIn(this, 'get WebAssembly.Global.value');
    }

    set value(value: unknown) {
      const where = 'set WebAssembly.Global.value';
      const global = globalOf(this, where);
      if (!global.mutable) throw new TypeError(`${where}: Can't set the value of an immutable global.`);
      if (global.type === 'v128')
        throw new TypeError(`${where}: Can't set the value of s128 WebAssembly.Global`);
      storeValue(global.machine, global.machine.arena, global.cell, global.type, value);
    }

    valueOf(): unknown {
      return valueIn(this, 'WebAssembly.Global.valueOf()');
    }

    get [Symbol.toStringTag](): string {
      return 'WebAssembly.Global';
    }
  }
  return Global;
}

/** A global that JavaScript makes. */
export function newGlobal(
  machine: Machine,
  type: ValueType,
  mutable: boolean,
  value: unknown,
): GlobalInstance {
  const global = new GlobalInstance(machine, type, mutable);
  storeValue(machine, machine.arena, global.cell, type, value);
  return global;
}

function valueIn(receiver: unknown, where: string): unknown {
  const global = globalOf(receiver, where);
  if (global.type === 'v128') throw new TypeError(`${where}: Can't get the value of s128 WebAssembly.Global`);
  return loadValue(global.machine, global.machine.arena, global.cell, global.type);
}

function globalOf(receiver: unknown, where: string): GlobalInstance {
  const global = globals.instanceOf(receiver);
  if (global === undefined) throw new TypeError(`${where}: Receiver is not a WebAssembly.Global`);
  return global;
}
