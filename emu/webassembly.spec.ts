import { describe, expect, it } from 'vitest';
import makeWabt from 'wabt';
import { createWebAssembly, type EmulatedWebAssembly } from './webassembly.ts';

const wabt = await makeWabt();

function wat(text: string): Uint8Array {
  const parsed = wabt.parseWat('test.wat', text, { multi_memory: true, extended_const: true } as object);
  const { buffer } = parsed.toBinary({ write_debug_names: true });
  parsed.destroy();
  return buffer.slice();
}

type Namespace = EmulatedWebAssembly;
// biome-ignore lint/suspicious/noExplicitAny: exports are whatever the module says
type Exports = any;

function instance(w: Namespace, text: string, imports?: object): Exports {
  return new w.Instance(new w.Module(wat(text)), imports).exports;
}

const arithmetic = `(module
  (func (export "i32") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "i64") (param i64) (result i64) (i64.mul (local.get 0) (i64.const 3)))
  (func (export "f32") (param f32) (result f32) (f32.div (local.get 0) (f32.const 3)))
  (func (export "f64") (param f64 f64) (result f64) (f64.sub (local.get 0) (local.get 1)))
  (func (export "none"))
  (func (export "swap") (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
  (func (export "ref") (param externref) (result externref) (local.get 0))
  (func (export "func") (param funcref) (result funcref) (local.get 0)))`;

const tower = `(module $tower
  (import "m" "f" (func $f (param i32) (result i32)))
  (func $inner (param i32) (result i32) (call $f (i32.sub (local.get 0) (i32.const 1))))
  (func $outer (export "down") (param i32) (result i32)
    (if (result i32) (local.get 0) (then (i32.add (i32.const 1) (call $inner (local.get 0)))) (else (i32.const 0)))))`;

/** Each runs against V8 and against ours; what comes of it, thrown or returned, must be the same. */
const cases: Readonly<Record<string, (w: Namespace) => unknown>> = {
  'numbers cross the border': (w) => {
    const e = instance(w, arithmetic);
    return [
      e.i32(2 ** 31 - 1, '1'),
      e.i32(),
      e.i32(true, null),
      e.i64(-5n),
      e.i64(2n ** 64n + 1n),
      e.f32(1),
      e.f64(0.3, 0.1),
      e.f64(Number.NaN, 1),
      e.none(1, 2, 3),
      e.swap(7, 8n),
    ];
  },
  'i64 takes no numbers': (w) => instance(w, arithmetic).i64(1),
  'i32 takes no bigints': (w) => instance(w, arithmetic).i32(1n),
  'externref is anything': (w) => {
    const e = instance(w, arithmetic);
    const object = {};
    return [e.ref(object) === object, e.ref(null), e.ref(), e.ref('a'), Object.is(e.ref(-0), -0), e.ref(1n)];
  },
  'funcref is an exported function or null': (w) => {
    const e = instance(w, arithmetic);
    return [e.func(null), e.func(e.i32) === e.i32];
  },
  'funcref is no other function': (w) => instance(w, arithmetic).func(() => 1),
  'exported functions': (w) => {
    const e = instance(w, arithmetic);
    return [e.f64.name, e.f64.length, Object.isFrozen(e), Object.getPrototypeOf(e), Object.keys(e)];
  },
  'exported functions construct nothing': (w) => new (instance(w, arithmetic).none)(),
  'JavaScript functions as imports': (w) => {
    const seen: unknown[] = [];
    const e = instance(
      w,
      `(module (import "m" "f" (func $f (param i32 i64 f32 f64 externref) (result f64)))
         (func (export "go") (param externref) (result f64)
           (call $f (i32.const -1) (i64.const -2) (f32.const 0.5) (f64.const 0.25) (local.get 0))))`,
      {
        m: {
          f(...args: unknown[]) {
            seen.push(this === undefined, ...args);
            return '1.5';
          },
        },
      },
    );
    return [e.go('x'), seen];
  },
  'several results from JavaScript': (w) => {
    let result: unknown = [1, 2n];
    const e = instance(
      w,
      `(module (import "m" "f" (func $f (result i32 i64))) (func (export "go") (result i32 i64) (call $f)))`,
      { m: { f: () => result } },
    );
    const outcomes: unknown[] = [e.go()];
    for (result of [new Set([3, 4n]), [1], [1, 2]]) {
      outcomes.push(outcome(() => e.go()));
    }
    return outcomes;
  },
  'deep re-entry': (w) => {
    let e: Exports;
    e = instance(w, tower, { m: { f: (n: number) => e.down(n) } });
    return e.down(50);
  },
  'exceptions pass through wasm': (w) => {
    let e: Exports;
    const error = new Error('thrown by an import');
    let depth = 0;
    e = instance(w, tower, {
      m: {
        f(n: number) {
          depth++;
          if (n === 3) throw error;
          return e.down(n);
        },
      },
    });
    const outcomes: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      try {
        e.down(9);
      } catch (thrown) {
        outcomes.push(thrown === error, depth);
      }
    }
    return [outcomes, outcome(() => e.down(2))];
  },
  'JavaScript catches what wasm throws and goes on': (w) => {
    let e: Exports;
    e = instance(
      w,
      `(module (import "m" "f" (func $f (param i32) (result i32)))
         (func (export "try") (param i32) (result i32) (i32.add (i32.const 100) (call $f (local.get 0))))
         (func (export "div") (param i32) (result i32) (i32.div_u (i32.const 10) (local.get 0))))`,
      {
        m: {
          f(n: number) {
            try {
              return e.div(n);
            } catch {
              return -1;
            }
          },
        },
      },
    );
    return [e.try(5), e.try(0), e.try(2)];
  },
  traps: (w) => {
    const e = instance(
      w,
      `(module (memory 1) (table $t 4 funcref) (elem (table $t) (i32.const 1) func $f) (func $f (param i32))
         (type $v (func)) (elem $d declare func $f)
         (func (export "unreachable") unreachable)
         (func (export "load") (result i32) (i32.load (i32.const 65533)))
         (func (export "far") (result i32) (i32.load offset=0xffffffff (i32.const 0xffffffff)))
         (func (export "div") (result i32) (i32.div_s (i32.const 1) (i32.const 0)))
         (func (export "overflow") (result i32) (i32.div_s (i32.const 0x80000000) (i32.const -1)))
         (func (export "trunc") (result i32) (i32.trunc_f64_s (f64.const 1e10)))
         (func (export "nan") (result i64) (i64.trunc_f32_u (f32.const nan)))
         (func (export "null") (call_indirect (type $v) (i32.const 0)))
         (func (export "signature") (call_indirect (type $v) (i32.const 1)))
         (func (export "table") (call_indirect (type $v) (i32.const 4)))
         (func (export "get") (drop (table.get $t (i32.const 4)))))`,
    );
    return Object.keys(e).map((name) => outcome(() => e[name]()));
  },
  'stack exhaustion': (w) => {
    const e = instance(
      w,
      '(module (func $f (export "f") (call $f)) (func (export "ok") (result i32) (i32.const 1)))',
    );
    return [outcome(() => e.f()), outcome(() => e.f()), e.ok()];
  },
  'memories are shared with JavaScript': (w) => {
    const memory = new w.Memory({ initial: 1, maximum: 4 });
    const e = instance(
      w,
      `(module (import "m" "m" (memory 1 4)) (export "m" (memory 0))
         (func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0)))
         (func (export "set") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
         (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
         (func (export "size") (result i32) (memory.size)))`,
      { m: { m: memory } },
    );
    new Uint8Array(memory.buffer)[9] = 77;
    e.set(10, 88);
    const { buffer } = memory;
    const before = [e.m === memory, e.get(9), new Uint8Array(buffer)[10], outcome(() => e.get(65536))];
    const grown = [
      e.grow(1),
      buffer.byteLength,
      memory.buffer.byteLength,
      e.get(65536),
      e.grow(9),
      memory.grow(2),
    ];
    return [before, grown, e.size(), e.get(10), e.get(4 * 65536 - 1), outcome(() => e.get(4 * 65536))];
  },
  'tables are shared': (w) => {
    const table = new w.Table({ element: 'anyfunc', initial: 2 });
    const one = instance(
      w,
      `(module (import "m" "t" (table 2 funcref)) (type $t (func (param i32) (result i32)))
         (func $double (export "double") (param i32) (result i32) (i32.mul (i32.const 2) (local.get 0)))
         (elem (i32.const 0) $double)
         (func (export "call") (param i32 i32) (result i32) (call_indirect (type $t) (local.get 1) (local.get 0)))
         (func (export "grow") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))`,
      { m: { t: table } },
    );
    const two = instance(
      w,
      `(module (import "m" "t" (table 2 funcref)) (global $n (mut i32) (i32.const 0))
         (func $add (param i32) (result i32)
           (global.set $n (i32.add (global.get $n) (local.get 0))) (global.get $n))
         (elem (i32.const 1) $add))`,
      { m: { t: table } },
    );
    const first = [
      Object.keys(two),
      table.get(0) === one.double,
      one.call(0, 21),
      one.call(1, 4),
      one.call(1, 5),
    ];
    const old = table.grow(100);
    table.set(101, table.get(1));
    table.set(0, null);
    return [
      first,
      old,
      one.call(101, 1),
      outcome(() => one.call(0, 1)),
      outcome(() => one.call(102, 1)),
      one.grow(1),
      table.length,
    ];
  },
  'globals are shared': (w) => {
    const g = new w.Global({ value: 'i64', mutable: true }, 5n);
    const e = instance(
      w,
      `(module (import "m" "g" (global $g (mut i64))) (import "m" "k" (global $k f64)) (export "g" (global $g))
         (global (export "own") (mut i32) (i32.const 3)) (global (export "const") f32 (f32.const 1.5))
         (func (export "add") (result f64)
           (global.set $g (i64.add (global.get $g) (i64.const 1))) (global.get $k)))`,
      { m: { g, k: 2.5 } },
    );
    const k = e.add();
    e.own.value = 9;
    return [k, e.g === g, g.value, e.own.value, e.const.value, outcome(() => (e.const.value = 1))];
  },
  'exported functions link directly': (w) => {
    const a = instance(
      w,
      `(module (global $n (mut i32) (i32.const 0)) (func $f (export "f") (param i32 f64) (result f64 i32)
         (global.set $n (i32.add (global.get $n) (local.get 0)))
         (f64.mul (local.get 1) (f64.const 2)) (global.get $n)))`,
    );
    const b = instance(
      w,
      `(module (import "a" "f" (func $f (param i32 f64) (result f64 i32))) (export "again" (func $f))
         (func (export "twice") (result f64 i32) (drop (drop (call $f (i32.const 5) (f64.const 1)))) (call $f (i32.const 7) (f64.const 3))))`,
      { a },
    );
    return [b.twice(), b.again === a.f, a.f(1, 2)];
  },
  'a re-exported import is an exported function': (w) => {
    const f = (n: number) => n + 1;
    const e = instance(w, '(module (import "m" "f" (func (param i32) (result i32))) (export "f" (func 0)))', {
      m: { f },
    });
    return [e.f === f, e.f('5'), e.f.name];
  },
  'start functions run, and trap': (w) => {
    const log: unknown[] = [];
    const m = { log: (n: number) => log.push(n) };
    instance(
      w,
      '(module (import "m" "log" (func $l (param i32))) (func $s (call $l (i32.const 4))) (start $s))',
      { m },
    );
    const failed = outcome(() => instance(w, '(module (func $s unreachable) (start $s))'));
    return [log, failed];
  },
  'active segments': (w) => {
    const e = instance(
      w,
      `(module (memory (export "m") 1) (data (i32.const 3) "abc") (data $p "xyz")
         (func (export "init") (memory.init $p (i32.const 6) (i32.const 0) (i32.const 3)) (data.drop $p)))`,
    );
    e.init();
    return [Buffer.from(e.m.buffer, 0, 12).toString('latin1'), outcome(() => e.init())];
  },
  'segments out of bounds': (w) => [
    outcome(() => instance(w, '(module (memory 1) (data (i32.const 65534) "abc"))')),
    outcome(() => instance(w, '(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))')),
  ],
  'modules describe themselves': (w) => {
    const bytes = wat(
      '(module (import "m" "f" (func)) (import "m" "g" (global i32)) (memory (export "mem") 1) (table (export "t") 1 funcref))',
    );
    const m = new w.Module(Buffer.concat([bytes, Buffer.of(0, 3, 1, 97, 7)]));
    const sections = w.Module.customSections(m, 'a').map((s: ArrayBuffer) => [...new Uint8Array(s)]);
    return [
      w.Module.imports(m),
      w.Module.exports(m),
      sections,
      String(m),
      w.validate(bytes),
      w.validate(bytes.slice(1)),
    ];
  },
  'imports that do not fit': (w) => {
    const m = new w.Module(
      wat(
        '(module (import "m" "f" (func (param i32))) (import "m" "g" (global (mut i32))) (import "m" "mem" (memory 2 4)) (import "m" "t" (table 2 funcref)))',
      ),
    );
    const good = {
      f() {},
      g: new w.Global({ value: 'i32', mutable: true }),
      mem: new w.Memory({ initial: 2, maximum: 3 }),
      t: new w.Table({ element: 'anyfunc', initial: 2 }),
    };
    const other = instance(w, '(module (func (export "f") (param i64)))');
    const bad: object[] = [
      { f: 5 },
      { f: other.f },
      { g: 3 },
      { g: new w.Global({ value: 'i32' }, 1) },
      { g: new w.Global({ value: 'i64', mutable: true }, 1n) },
      { mem: {} },
      { t: null },
      { t: new w.Table({ element: 'externref', initial: 2 }) },
    ];
    const results = bad.map((b) => outcome(() => new w.Instance(m, { m: { ...good, ...b } })));
    return [
      ...results,
      outcome(() => new w.Instance(m)),
      outcome(() => new w.Instance(m, {})),
      outcome(() => new w.Instance(m, 5 as unknown as object)),
      outcome(() => String(new w.Instance(m, { m: good }))),
    ];
  },
};

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Error)) return error;
    // V8 calls every import a function here.
    return `${error.name}: ${error.message.replace(/ (global|memory|table)="/, ' function="')}`;
  }
}

const theirs = Reflect.get(globalThis, 'WebAssembly') as unknown as Namespace;

describe.each(['x86_64', 'armv7'] as const)('WebAssembly on %s', (target) => {
  it.each(Object.entries(cases))('%s', (_, run) => {
    const ours = createWebAssembly({ target });
    try {
      expect(outcome(() => run(ours))).toEqual(outcome(() => run(theirs)));
    } finally {
      ours.machine.close();
    }
  });

  it('instantiates asynchronously, in both shapes', async () => {
    const ours = createWebAssembly({ target });
    const bytes = wat('(module (func (export "f") (result i32) (i32.const 7)))');
    const both = await ours.instantiate(bytes);
    expect(both.module).toBeInstanceOf(ours.Module);
    expect((both.instance.exports as Exports).f()).toBe(7);
    const again = await ours.instantiate(await ours.compile(bytes));
    expect(again).toBeInstanceOf(ours.Instance);
    await expect(ours.compile(bytes.slice(0, 5))).rejects.toThrow(ours.CompileError);
    await expect(ours.instantiate(5 as unknown as Uint8Array)).rejects.toThrow(TypeError);
    ours.machine.close();
  });

  it('traps with a backtrace like V8', () => {
    const ours = createWebAssembly({ target });
    const text =
      '(module $mod (func $inner (param i32) (unreachable)) (func $outer (export "go") (call $inner (i32.const 1)) (nop)))';
    const stackOf = (w: Namespace): string[] => {
      try {
        instance(w, text).go();
      } catch (error) {
        const { stack } = error as Error;
        return (stack ?? '').split('\n').slice(0, 3);
      }
      return [];
    };
    const hash = /mod-[0-9a-f]+/g;
    const clean = (lines: string[]) => lines.map((line) => line.replace(hash, 'mod').replace('mod.', ''));
    expect(clean(stackOf(ours))).toEqual(clean(stackOf(theirs)));
    ours.machine.close();
  });
});
