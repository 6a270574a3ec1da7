import { afterAll, describe, expect, it } from 'vitest';
import { Machine } from '../machine.ts';
import { globalClass } from './global.ts';
import { memoryClass } from './memory.ts';
import { tableClass } from './table.ts';

/** The classes under test, by the names that they have in the host's namespace. */
interface Namespace {
  readonly Memory: new (...args: unknown[]) => { grow(n?: unknown): number; readonly buffer: ArrayBuffer };
  readonly Table: new (
    ...args: unknown[]
  ) => {
    get(i?: unknown): unknown;
    set(i?: unknown, v?: unknown): void;
    grow(n?: unknown, v?: unknown): number;
    readonly length: number;
  };
  readonly Global: new (...args: unknown[]) => { value: unknown };
}

/** Each runs against V8 and against ours; what comes of it, thrown or returned, must be the same. */
const cases: readonly ((w: Namespace) => unknown)[] = [
  (w) => new w.Memory(),
  (w) => new w.Memory({}),
  (w) => new w.Memory({ initial: -1 }),
  (w) => new w.Memory({ initial: 'x' }),
  (w) => new w.Memory({ initial: 2 ** 33 }),
  (w) => new w.Memory({ initial: 70000 }),
  (w) => new w.Memory({ initial: 10, maximum: 5 }),
  (w) => new w.Memory({ initial: 1, shared: true }),
  (w) => String(new w.Memory({ initial: 1, maximum: 1 })),
  (w) => new w.Memory({ initial: 2.7 }).buffer.byteLength,
  (w) => new w.Memory({ initial: 0 }).buffer.byteLength,
  (w) => {
    const memory = new w.Memory({ initial: 1, maximum: 3 });
    const { buffer } = memory;
    new Uint8Array(buffer)[7] = 9;
    const same = memory.buffer === buffer;
    const old = memory.grow(2);
    const bytes = new Uint8Array(memory.buffer);
    return [same, old, buffer.byteLength, bytes.length, bytes[7], memory.buffer === buffer];
  },
  (w) => {
    const memory = new w.Memory({ initial: 1, maximum: 1 });
    const { buffer } = memory;
    return [memory.grow(0), buffer.byteLength, memory.buffer.byteLength];
  },
  (w) => new w.Memory({ initial: 1, maximum: 2 }).grow(5),
  (w) => new w.Memory({ initial: 1 }).grow(-1),
  (w) => new w.Memory({ initial: 1 }).grow(),
  (w) => Reflect.get(w.Memory.prototype, 'buffer'),
  (w) => structuredClone(1, { transfer: [new w.Memory({ initial: 1 }).buffer] }),

  (w) => new w.Table({}),
  (w) => new w.Table({ element: 'foo', initial: 1 }),
  (w) => new w.Table({ element: 'anyfunc' }),
  (w) => new w.Table({ element: 'anyfunc', initial: 1 }, 5),
  (w) => new w.Table({ element: 'anyfunc', initial: 1 }).get(0),
  (w) => new w.Table({ element: 'anyfunc', initial: 1 }).get(1),
  (w) => new w.Table({ element: 'anyfunc', initial: 1 }).get(),
  (w) => new w.Table({ element: 'externref', initial: 1 }).get(0),
  (w) => new w.Table({ element: 'anyfunc', initial: 1 }).set(0, () => 1),
  (w) => new w.Table({ element: 'anyfunc', initial: 1 }).set(0),
  (w) => new w.Table({ element: 'anyfunc', initial: 1 }).set(1, null),
  (w) => new w.Table({ element: 'anyfunc', initial: 1 }).grow(1, 5),
  (w) => new w.Table({ element: 'anyfunc', initial: 1, maximum: 2 }).grow(3),
  (w) => {
    const table = new w.Table({ element: 'externref', initial: 2, maximum: 40 });
    const value = { a: 1 };
    table.set(0, value);
    table.set(1, 'text');
    const old = table.grow(30, -0);
    return [old, table.length, table.get(0) === value, table.get(1), Object.is(table.get(31), -0)];
  },

  (w) => new w.Global(),
  (w) => new w.Global({}),
  (w) => new w.Global({ value: 'i33' }),
  (w) => new w.Global({ value: 'v128' }),
  (w) => new w.Global({ value: 'i64' }, 5),
  (w) => new w.Global({ value: 'i32' }, 5n),
  (w) => new w.Global({ value: 'i32' }, Symbol.iterator),
  (w) => new w.Global({ value: 'i64' }).value,
  (w) => new w.Global({ value: 'i32' }, 2 ** 32 + 5.5).value,
  (w) => new w.Global({ value: 'i64' }, 2n ** 63n).value,
  (w) => new w.Global({ value: 'f32' }, 0.1).value,
  (w) => new w.Global({ value: 'f64' }, { valueOf: () => 0.1 }).value,
  (w) => new w.Global({ value: 'externref' }, 'text').value,
  (w) => new w.Global({ value: 'externref' }, null).value,
  (w) => new w.Global({ value: 'anyfunc' }).value,
  (w) => {
    new w.Global({ value: 'i32' }, 5).value = 3;
  },
  (w) => {
    const global = new w.Global({ value: 'i32', mutable: true }, 5);
    global.value = '7';
    return [
      global.value,
      global.valueOf(),
      Number(global) + 1,
      String(Object.prototype.toString.call(global)),
    ];
  },
];

function outcome(run: () => unknown): unknown {
  try {
    const value = run();
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? String(value) : value;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : error;
  }
}

describe.each(['x86_64', 'armv7'] as const)('Memory, Table and Global on %s', (target) => {
  const machine = new Machine(target);
  afterAll(() => machine.close());
  const ours = {
    Memory: memoryClass(machine),
    Table: tableClass(machine),
    Global: globalClass(machine),
  } as unknown as Namespace;
  const theirs = Reflect.get(globalThis, 'WebAssembly') as Namespace;

  it.each(cases.map((run) => [run.toString().replace(/\s+/g, ' '), run] as const))('%s', (_, run) => {
    expect(outcome(() => run(ours))).toEqual(outcome(() => run(theirs)));
  });
});
