import type { RefType } from '../../compiler/wasm/module.ts';
import { TableInstance, tableLimit } from '../externals.ts';
import type { Machine } from '../machine.ts';
import { limitsOf, unsignedLong } from './numbers.ts';
import { fromReference, toReference } from './values.ts';
import { isObject, tables } from './wrapping.ts';

const notAFunction = 'function-typed object must be null (if nullable) or a Wasm function object';

/** `WebAssembly.Table` of the JavaScript interface (section 5.4) for tables of `machine`. */
export function tableClass(machine: Machine) {
  class Table {
    /**
     * @param descriptor `{element: 'anyfunc' | 'externref', initial, maximum}`
     * @param value of every element at first; the element type's default where it is not given
     */
    constructor(descriptor: unknown, value?: unknown) {
      const where = 'WebAssembly.Table()';
      if (!isObject(descriptor)) throw new TypeError(`${where}: Argument 0 must be a table descriptor`);
      const element = elementType(Reflect.get(descriptor, 'element'));
      const { minimum, maximum } = limitsOf(descriptor, where, tableLimit);
      const word = reference(machine, element, value, (reason) => {
        const must = 'must be undefined or a value of type compatible with the type of the new table';
        return `${where}: Argument 2 ${must}: ${reason}.`;
      });
      tables.bind(this, new TableInstance(machine, element, minimum, maximum, word));
    }

    get length(): number {
      return tableOf(this, 'WebAssembly.Table.length').length;
    }

    get(index: unknown): unknown {
      const where = 'WebAssembly.Table.get()';
      const table = tableOf(this, where);
      return fromReference(table.machine, table.element, table.get(indexOf(table, index, where)));
    }

    set(index: unknown, value?: unknown): void {
      const where = 'WebAssembly.Table.set()';
      const table = tableOf(this, where);
      const at = indexOf(table, index, where);
      const message = (reason: string) => `${where}: Argument 1 is invalid for table: ${reason}`;
      table.set(at, reference(table.machine, table.element, value, message));
    }

    /** Grows by `delta` elements and returns the length before. Throws RangeError beyond the maximum. */
    grow(delta: unknown, value?: unknown): number {
      const where = 'WebAssembly.Table.grow()';
      const table = tableOf(this, where);
      const count = unsignedLong(delta, `${where}: Argument 0`);
      const message = (reason: string) => `${where}: Argument 1 is invalid: ${reason}`;
      const old = table.grow(count, reference(table.machine, table.element, value, message));
      if (old < 0) throw new RangeError(`${where}: failed to grow table by ${count}`);
      return old;
    }

    get [Symbol.toStringTag](): string {
      return 'WebAssembly.Table';
    }
  }
  return Table;
}

function elementType(value: unknown): RefType {
  if (value === 'anyfunc' || value === 'funcref') return 'funcref';
  if (value === 'externref') return 'externref';
  throw new TypeError(
    "WebAssembly.Table(): Descriptor property 'element' must be a WebAssembly reference type",
  );
}

/** The word for an element; undefined is null for functions, as the interface's default value has it. */
function reference(
  machine: Machine,
  element: RefType,
  value: unknown,
  message: (reason: string) => string,
): number {
  if (element === 'externref') return toReference(machine, element, value);
  try {
    return toReference(machine, element, value ?? null);
  } catch {
    throw new TypeError(message(notAFunction));
  }
}

function indexOf(table: TableInstance, index: unknown, where: string): number {
  const at = unsignedLong(index, `${where}: Argument 0`);
  if (at < table.length) return at;
  const kind = table.element === 'funcref' ? 'function' : 'externref';
  throw new RangeError(`${where}: invalid index ${at} into ${kind} table`);
}

function tableOf(receiver: unknown, where: string): TableInstance {
  const table = tables.instanceOf(receiver);
  if (table === undefined) throw new TypeError(`${where}: Receiver is not a WebAssembly.Table`);
  return table;
}
