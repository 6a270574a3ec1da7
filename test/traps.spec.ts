import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { compile } from '../compiler/index.ts';
import { Machine } from '../emu/machine.ts';
import { createWebAssembly } from '../emu/webassembly.ts';

/** Every way to trap, in one module; V8 says how its message reads. */
const toolkit = await wabt();
const { buffer } = toolkit
  .parseWat(
    'traps',
    `(module
      (type $v (func (result i32)))
      (type $other (func (param i64)))
      (memory 1)
      (data $d "abc")
      (table $t 4 funcref)
      (elem $e func $one)
      (elem (table $t) (i32.const 1) func $one)
      (func $one (result i32) (i32.const 1))
      (func (export "unreachable") (unreachable))
      (func $load (export "load") (drop (i32.load (i32.const 65533))))
      (func (export "store") (i64.store (i32.const -1) (i64.const 0)))
      (func (export "divide") (drop (i32.div_s (i32.const 1) (global.get $zero))))
      (func (export "divide64") (drop (i64.div_u (i64.const 1) (i64.extend_i32_s (global.get $zero)))))
      (func (export "remainder") (drop (i32.rem_u (i32.const 1) (global.get $zero))))
      (func (export "remainder64") (drop (i64.rem_s (i64.const 1) (i64.extend_i32_s (global.get $zero)))))
      (func (export "overflow") (drop (i32.div_s (i32.const -2147483648) (i32.sub (global.get $zero) (i32.const 1)))))
      (func (export "truncate") (drop (i32.trunc_f32_s (f32.const 1e10))))
      (func (export "truncate-nan") (drop (i64.trunc_f64_u (f64.const nan))))
      (func (export "call-null") (drop (call_indirect $t (type $v) (i32.const 0))))
      (func (export "call-signature") (call_indirect $t (type $other) (i64.const 0) (i32.const 1)))
      (func (export "call-outside") (drop (call_indirect $t (type $v) (i32.const 4))))
      (func (export "table-get") (drop (table.get $t (i32.const 4))))
      (func (export "table-set") (table.set $t (i32.const -1) (ref.null func)))
      (func (export "table-init") (table.init $t $e (i32.const 4) (i32.const 0) (i32.const 1)))
      (func (export "table-init-segment") (table.init $t $e (i32.const 0) (i32.const 1) (i32.const 1)))
      (func (export "table-fill") (table.fill $t (i32.const 3) (ref.null func) (i32.const 2)))
      (func (export "table-copy") (table.copy $t $t (i32.const 3) (i32.const 0) (i32.const 2)))
      (func (export "memory-init") (memory.init $d (i32.const 0) (i32.const 1) (i32.const 3)))
      (func (export "memory-copy") (memory.copy (i32.const 65530) (i32.const 0) (i32.const 7)))
      (func (export "memory-fill") (memory.fill (i32.const 65530) (i32.const 0) (i32.const 7)))
      (func $deep (export "deep") (call $deep) (call $deep))
      (global $zero (mut i32) (i32.const 0)))`,
  )
  .toBinary({ write_debug_names: true });

/** What calling each export throws: the error's class and message. */
function traps(webAssembly: Pick<typeof WebAssembly, 'Module' | 'Instance'>): Record<string, string> {
  const instance = new webAssembly.Instance(new webAssembly.Module(buffer));
  const thrown: Record<string, string> = {};
  for (const [name, run] of Object.entries(instance.exports as Record<string, () => void>)) {
    try {
      run();
      thrown[name] = 'nothing';
    } catch (error) {
      thrown[name] = error instanceof Error ? `${error.name}: ${error.message}` : 'not an error';
    }
  }
  return thrown;
}

describe.each(['x86_64', 'armv7'] as const)('traps on %s', (target) => {
  const webAssembly = createWebAssembly({ target });

  it("read as V8's", () => {
    const expected = traps(WebAssembly);
    expect(Object.values(expected)).not.toContain('nothing');
    expect(traps(webAssembly as unknown as typeof WebAssembly)).toEqual(expected);
  });

  it('name the functions and operators they happened in', () => {
    const instance = new webAssembly.Instance(new webAssembly.Module(buffer));
    const { load } = instance.exports as { load(): void };
    let caught: unknown;
    try {
      load();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(webAssembly.RuntimeError);
    const { stack, kind, frames } = caught as InstanceType<typeof webAssembly.RuntimeError>;
    expect(kind).toBe('memoryOutOfBounds');
    expect(stack).toMatch(/\n {4}at load \(wasm:\/\/wasm\/[0-9a-f]+:wasm-function\[\d+\]:0x[0-9a-f]+\)/);
    // 0x28 is i32.load: the operator at the innermost frame's offset.
    expect(new Uint8Array(buffer)[frames[0].wasmOffset]).toBe(0x28);
  });

  it.each([
    ['its return address in the link register', -1, 0],
    ['its return address in the link register, and a size', -1, 16],
    ['its return address outside of it', 0, 0],
  ])('end their backtrace at an adapter whose frame is said to have %s', (_, returnAddress, cfa) => {
    const machine = new Machine(target);
    let adapter = 0;
    const forged = createWebAssembly({
      target,
      machine,
      compile(bytes, options) {
        const image = compile(bytes, options);
        const { map, symbols, functions } = image;
        const { offset, size } = functions[symbols.entry[0]];
        map.frameAt.forEach((at, row) => {
          if (at < offset || at >= offset + size) return;
          map.returnAddress[row] = returnAddress;
          map.cfa[row] = cfa;
        });
        adapter = offset + size;
        return image;
      },
    });
    // More arguments than there are registers: the others lie where the adapter's stack pointer is.
    const word = target === 'x86_64' ? 'i64' : 'i32';
    const text = `(module (func (export "trap") (param ${`${word} `.repeat(24)}) (unreachable)))`;
    const module = new forged.Module(toolkit.parseWat('forged', text).toBinary({}).buffer);
    const { trap } = new forged.Instance(module).exports as { trap(...words: unknown[]): void };
    const backToAdapter = machine.images[0].base + adapter;
    const words = new Array(24).fill(word === 'i64' ? BigInt(backToAdapter) : backToAdapter);
    expect(() => trap(...words)).toThrow(/^unreachable$/);
    machine.close();
  });
});
