import { slotBytes } from '../../compiler/wasm/function-types.ts';
import type { FunctionType } from '../../compiler/wasm/module.ts';
import type { FunctionInstance, HostCode } from '../externals.ts';
import type { LoadedImage } from '../loaded-image.ts';
import type { Machine } from '../machine.ts';
import { fromTrap } from './errors.ts';
import { incompatible, loadValue, storeValue } from './values.ts';
import { functions } from './wrapping.ts';

type Callable = (...args: unknown[]) => unknown;

/**
 * The Exported Function (JavaScript interface, section 5.7) of a function: the same object each time.
 *
 * @param index its number in the exporting module, which becomes its name
 */
export function functionObject(callee: FunctionInstance, index = callee.index): Callable {
  const known = functions.objectOf(callee);
  if (known !== undefined) return known as Callable;
  const exported = exportedFunction(callee);
  Object.defineProperty(exported, 'name', { value: String(index), configurable: true });
  Object.defineProperty(exported, 'length', { value: callee.type.params.length, configurable: true });
  return functions.bind(exported, callee);
}

function exportedFunction(callee: FunctionInstance): Callable {
  const { machine } = callee;
  const { params, results } = callee.type;
  if (params.includes('v128') || results.includes('v128')) {
    return () => {
      throw new TypeError(incompatible);
    };
  }
  const count = params.length;
  const bytes = 8 * Math.max(count, results.length);
  const { stack } = machine;
  const exported = (...args: unknown[]): unknown => {
    const top = machine.slotTop;
    try {
      const slots = machine.pushSlots(bytes);
      for (let i = 0; i < count; i++) storeValue(machine, stack, slots + 8 * i, params[i], args[i]);
      machine.call(callee, slots);
      if (results.length === 0) return undefined;
      if (results.length === 1) return loadValue(machine, stack, slots, results[0]);
      return results.map((type, i) => loadValue(machine, stack, slots + 8 * i, type));
    } catch (error) {
      throw fromTrap(error, exported);
    } finally {
      machine.popSlots(top);
    }
  };
  return exported;
}

/** Host functions made of JavaScript functions: one per function, type and image whose adapter calls it. */
const hostFunctions = new WeakMap<Callable, Map<string, FunctionInstance>>();
const imageNumbers = new WeakMap<LoadedImage, number>();
let images = 0;

/** A JavaScript function as an import: called through the host adapter that the importing image has for `type`. */
export function hostFunction(
  machine: Machine,
  loaded: LoadedImage,
  typeIndex: number,
  callable: Callable,
): FunctionInstance {
  let number = imageNumbers.get(loaded);
  if (number === undefined) {
    number = images++;
    imageNumbers.set(loaded, number);
  }
  let made = hostFunctions.get(callable);
  if (made === undefined) {
    made = new Map();
    hostFunctions.set(callable, made);
  }
  const key = `${number}:${typeIndex}`;
  let instance = made.get(key);
  if (instance === undefined) {
    const { module, symbols } = loaded.image;
    const type = module.types[typeIndex];
    const adapter = loaded.address(symbols.host[typeIndex]);
    instance = machine.newHostFunction(type, adapter, hostCode(machine, type, callable));
    made.set(key, instance);
  }
  return instance;
}

function hostCode(machine: Machine, type: FunctionType, callable: Callable): HostCode {
  const { params, results } = type;
  const { stack } = machine;
  if (slotBytes(params) !== 8 * params.length || slotBytes(results) !== 8 * results.length) {
    return () => {
      throw new TypeError(incompatible);
    };
  }
  return (slots) => {
    const args = params.map((param, i) => loadValue(machine, stack, slots + 8 * i, param));
    const result = callable(...args);
    if (results.length === 0) return;
    if (results.length === 1) {
      storeValue(machine, stack, slots, results[0], result);
      return;
    }
    const values = listOf(result);
    if (values.length !== results.length) throw new TypeError('multi-return length mismatch');
    for (let i = 0; i < results.length; i++) {
      storeValue(machine, stack, slots + 8 * i, results[i], values[i]);
    }
  };
}

/** Several results come as anything iterable. */
function listOf(result: unknown): unknown[] {
  if (!isIterable(result)) throw new TypeError('multi-return value must be iterable');
  return [...result];
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return (
    value !== null && value !== undefined && typeof Reflect.get(Object(value), Symbol.iterator) === 'function'
  );
}
