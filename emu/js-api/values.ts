import type { ValueType } from '../../compiler/wasm/module.ts';
import type { Machine } from '../machine.ts';
import type { Window } from '../window.ts';
import { functionObject } from './functions.ts';
import { functions } from './wrapping.ts';

/** V8's text for a value that no conversion takes (v128, or a function reference that is none). */
export const incompatible = 'type incompatibility when transforming from/to JS';

/**
 * ToWebAssemblyValue (JavaScript interface, section 5.6), stored at `address`: an argument slot, a result slot or a global's
 * cell, in the window that holds it.
 * @throws TypeError where the value does not convert, and whatever its conversion throws
 */
export function storeValue(
  machine: Machine,
  window: Window,
  address: number,
  type: ValueType,
  value: unknown,
): void {
  const at = address - window.address;
  // Converted first: a conversion may run code that makes the window look at another buffer.
  switch (type) {
    case 'i32': {
      const number = +(value as number);
      window.i32[at / 4] = number;
      return;
    }
    case 'i64': {
      const integer = BigInt.asIntN(64, value as bigint);
      window.i64[at / 8] = integer;
      return;
    }
    case 'f32': {
      const number = +(value as number);
      window.f32[at / 4] = number;
      return;
    }
    case 'f64': {
      const number = +(value as number);
      window.f64[at / 8] = number;
      return;
    }
    default:
      storeWord(machine, window, address, toReference(machine, type, value));
  }
}

/** ToJSValue (JavaScript interface, section 5.6) of what is at `address`. */
export function loadValue(machine: Machine, window: Window, address: number, type: ValueType): unknown {
  const at = address - window.address;
  switch (type) {
    case 'i32':
      return window.i32[at / 4];
    case 'i64':
      return window.i64[at / 8];
    case 'f32':
      return window.f32[at / 4];
    case 'f64':
      return window.f64[at / 8];
    default: {
      const word = machine.wordBytes === 8 ? window.readU64(address) : window.readU32(address);
      return fromReference(machine, type, word);
    }
  }
}

function storeWord(machine: Machine, window: Window, address: number, word: number): void {
  if (machine.wordBytes === 8) window.writeU64(address, word);
  else window.writeU32(address, word);
}

/**
 * The word that stands for a reference.
 * @throws TypeError for a value that is no reference of the type
 */
export function toReference(machine: Machine, type: ValueType, value: unknown): number {
  if (type === 'externref') return machine.references.toWord(value);
  if (type === 'funcref') {
    if (value === null) return 0;
    const instance = functions.instanceOf(value);
    if (instance?.machine === machine) return instance.descriptor;
  }
  throw new TypeError(incompatible);
}

/** The value that a reference's word stands for. */
export function fromReference(machine: Machine, type: ValueType, word: number): unknown {
  if (type === 'externref') return machine.references.toValue(word);
  if (type !== 'funcref') throw new TypeError(incompatible);
  return word === 0 ? null : functionObject(machine.functionAt(word));
}

/** DefaultValue (JavaScript interface, section 5.6). */
export function defaultValue(type: ValueType): unknown {
  switch (type) {
    case 'i64':
      return 0n;
    case 'externref':
      return undefined;
    case 'funcref':
      return null;
    default:
      return 0;
  }
}
