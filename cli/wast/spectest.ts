import type { EmulatedWebAssembly } from '../../emu/webassembly.ts';

/** The host module that the specification's scripts import from (its interpreter's README, "Spectest host module"). */
export function spectestModule(wasm: EmulatedWebAssembly): Readonly<Record<string, unknown>> {
  const { Global, Memory, Table } = wasm;
  const print = () => {};
  return {
    print,
    print_i32: print,
    print_i64: print,
    print_f32: print,
    print_f64: print,
    print_i32_f32: print,
    print_f64_f64: print,
    global_i32: new Global({ value: 'i32' }, 666),
    global_i64: new Global({ value: 'i64' }, 666n),
    global_f32: new Global({ value: 'f32' }, Math.fround(666.6)),
    global_f64: new Global({ value: 'f64' }, 666.6),
    table: new Table({ element: 'anyfunc', initial: 10, maximum: 20 }),
    memory: new Memory({ initial: 1, maximum: 2 }),
  };
}
