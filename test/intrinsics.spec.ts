import { afterEach, describe, expect, it } from 'vitest';
import { Assembler } from '../cli/wast/assemble.ts';
import { intrinsics } from '../compiler/frontend/intrinsics.ts';
import { compile } from '../compiler/index.ts';
import type { Core, RegisterName, Stop } from '../emu/core.ts';
import type { FunctionInstance } from '../emu/externals.ts';
import type { ModuleInstance } from '../emu/instance.ts';
import { instantiate } from '../emu/loader.ts';
import { Machine } from '../emu/machine.ts';
import { Sampler } from '../emu/sample.ts';
import { armv7 } from '../targets/armv7/index.ts';
import { x86_64 } from '../targets/x86_64/index.ts';

/** Intrinsics and the service adapter, executed: modules as the runtime's on emulated cores, with this spec for a kernel. */

const assembler = await Assembler.load();

/** Number, arguments and result of a system call (man 2 syscall). */
const systemCall = {
  x86_64: ['rax', 'rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9'],
  armv7: ['r7', 'r0', 'r1', 'r2', 'r3', 'r4', 'r5'],
} as const satisfies Record<string, readonly RegisterName[]>;
const resultOf = { x86_64: 'rax', armv7: 'r0' } as const;

/** Answers a system call: words number, a to f; returns the result word. */
type Kernel = (words: readonly bigint[], core: Core) => bigint;

const noKernel: Kernel = () => {
  throw new Error('an unexpected system call');
};

const imports = [...intrinsics]
  .map(
    ([name, { params, results }]) =>
      `(import "fathom" "${name}" (func $${name} (param ${params.join(' ')}) (result ${results.join(' ')})))`,
  )
  .join('\n');

class World {
  readonly machine: Machine;
  kernel: Kernel = noKernel;
  private readonly level: 0 | 1;
  private readonly target: typeof x86_64;

  constructor(target: typeof x86_64, level: 0 | 1) {
    this.machine = new Machine(target.name, { scheme: 'atomic' });
    this.target = target;
    this.level = level;
    this.machine.runner = { run: (core) => this.serve(core, () => core.run()), entered() {}, left() {} };
  }

  /** Runs, and plays the kernel, until something else stops the core. */
  serve(core: Core, run: () => Stop): Stop {
    const { name } = this.target;
    for (;;) {
      const stop = run();
      if (stop.reason !== 'system-call') return stop;
      const words = systemCall[name].map((register) => core.read(register));
      const result = this.kernel(words, core);
      if (name === 'x86_64') {
        // As the instruction and Linux leave them.
        core.write('rcx', core.pc);
        core.write('r11', 0x202n);
      }
      core.write(resultOf[name], BigInt.asUintN(name === 'x86_64' ? 64 : 32, result));
    }
  }

  /** An instance of a module with all intrinsics imported and a page of memory, or, for one of a user, of a module without imports. */
  instance(text: string, own = true): ModuleInstance {
    const bytes = assembler.assembleStrictly(`(module ${own ? `${imports} (memory 1 1)` : ''} ${text})`);
    const { machine, target, level } = this;
    const image = compile(bytes, { target, level, scheme: 'atomic', order: 'relaxed', intrinsics: own });
    const loaded = machine.loadImage(image);
    const { module, symbols } = image;
    // The slots of intrinsic imports are unused: whoever comes to call one of these shows it.
    const unused = module.imports.map(({ index, name }) => {
      const { typeIndex } = module.functions[index];
      const host = () => {
        throw new Error(`${name} was called`);
      };
      return machine.newHostFunction(module.types[typeIndex], loaded.address(symbols.host[typeIndex]), host);
    });
    return instantiate(machine, loaded, unused);
  }

  /** Calls what `instance` exports as `name`; i32 results are unsigned, i64 ones signed. */
  call(instance: ModuleInstance, name: string, ...args: bigint[]): bigint {
    const { machine } = this;
    const callee = instance.export(name) as FunctionInstance;
    const top = machine.slotTop;
    const slots = machine.pushSlots(8 * Math.max(args.length, 1));
    args.forEach((arg, k) => {
      machine.space.writeU64(slots + 8 * k, BigInt.asUintN(64, arg));
    });
    machine.call(callee, slots);
    const bits = machine.space.readU64(slots);
    machine.popSlots(top);
    return callee.type.results[0] === 'i64' ? BigInt.asIntN(64, bits) : BigInt.asUintN(32, bits);
  }

  /** Native memory of `bytes` bytes, filled with 0x11, 0x22 and so on; its address is odd. */
  scratch(bytes: number): number {
    const at = this.machine.allocate(bytes + 8) + 1;
    for (let k = 0; k < bytes; k++) this.machine.space.writeU8(at + k, ((k + 1) * 0x11) & 0xff);
    return at;
  }
}

const words = (count: number, value: (k: number) => string): string =>
  Array.from({ length: count }, (_, k) => `(i64.const ${value(k)})`).join(' ');

const cases = [x86_64, armv7].flatMap((target) => ([0, 1] as const).map((level) => ({ target, level })));

describe.each(cases)('for $target.name at level $level', ({ target, level }) => {
  const isWide = target.wordBytes === 8;
  const word = (value: bigint): bigint => BigInt.asUintN(8 * target.wordBytes, value);
  const made: World[] = [];
  const world = (): World => {
    const one = new World(target, level);
    made.push(one);
    return one;
  };
  afterEach(() => {
    for (const { machine } of made.splice(0)) machine.close();
  });

  it('a system call has its number and arguments in their registers', () => {
    const w = world();
    const seen: bigint[][] = [];
    w.kernel = (call) => {
      seen.push([...call]);
      return 0n;
    };
    const f = w.instance(`(func (export "f") (param i32 i64 i64 i64 i64 i64 i64) (result i64)
      (call $syscall (local.get 0) (local.get 6) (local.get 5) (local.get 4) (local.get 3) (local.get 2) (local.get 1)))`);
    const large = 0x8123_4567_89ab_cdefn;
    const args = [0xffff_ffffn, large, 2n, 3n, 4n, -5n, 6n];
    w.call(f, 'f', ...args);
    const [number, ...rest] = args;
    expect(seen).toEqual([[number, ...rest.toReversed()].map(word)]);
  });

  it('its result is a word with its sign', () => {
    const w = world();
    const f = w.instance(
      `(func (export "f") (result i64) (call $syscall (i32.const 1) ${words(6, String)}))`,
    );
    for (const [result, expected] of [
      [-22n, -22n],
      [7n, 7n],
      [0x7fff_f000n, 0x7fff_f000n],
      [0xb6f0_0000n, isWide ? 0xb6f0_0000n : 0xb6f0_0000n - 2n ** 32n],
    ]) {
      w.kernel = () => result;
      expect(w.call(f, 'f')).toBe(expected);
    }
  });

  it('what else is in registers survives system calls', () => {
    const w = world();
    const count = 16;
    const locals = Array.from({ length: count }, (_, k) => k);
    // All locals are alive across the calls, and each call's arguments are some of them.
    const f = w.instance(`(func (export "f") (param $n i32) (result i64)
      ${locals.map((k) => `(local $x${k} i64)`).join('')} (local $i i32)
      ${locals.map((k) => `(local.set $x${k} (i64.const ${k * 0x1_0001 + 1}))`).join('')}
      (loop $again
        (local.set $x0 (i64.add (local.get $x0) (call $syscall (local.get $i)
          ${locals
            .slice(1, 7)
            .map((k) => `(local.get $x${k})`)
            .join('')})))
        ${locals
          .slice(1)
          .map((k) => `(local.set $x${k} (i64.add (local.get $x${k}) (i64.const ${k})))`)
          .join('')}
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
      ${locals.map((k) => `(local.get $x${k})`).join(' ')} ${'i64.add '.repeat(count - 1)})`);
    const expected = locals.map((k) => BigInt(k * 0x1_0001 + 1));
    let calls = 0n;
    w.kernel = ([number, ...args]) => {
      expect(calls).toBeLessThan(5n);
      expect([number, ...args]).toEqual([calls, ...expected.slice(1, 7)]);
      calls++;
      for (const k of locals) expected[k] += k === 0 ? 100n : BigInt(k);
      return 100n;
    };
    const result = w.call(f, 'f', 5n);
    expect(calls).toBe(5n);
    expect(result).toBe(expected.reduce((sum, value) => sum + value));
  });

  it('system calls keep their order among stores and loads, and none is left out', () => {
    const w = world();
    const at = w.scratch(8);
    // The same call twice, nobody asks for a result; native and linear memory are read before, between and behind.
    const f = w.instance(`
      (func (export "f") (param $at i64) (result i64)
        (local $x i64)
        (call $store_u32 (local.get $at) (i32.const 1))
        (i32.store (i32.const 64) (i32.const 10))
        (drop (call $syscall (i32.const 9) ${words(6, () => '0')}))
        (local.set $x (i64.add (i64.extend_i32_u (call $load_u32 (local.get $at))) (i64.load32_u (i32.const 64))))
        (drop (call $syscall (i32.const 9) ${words(6, () => '0')}))
        (i64.add (i64.mul (local.get $x) (i64.const 1000))
          (i64.add (i64.extend_i32_u (call $load_u32 (local.get $at))) (i64.load32_u (i32.const 64)))))`);
    const memory = f.memories[0];
    const { space } = w.machine;
    let calls = 0;
    w.kernel = () => {
      calls++;
      const linear = memory.base + 64;
      expect([space.readU32(at), space.readU32(linear)]).toEqual(calls === 1 ? [1, 10] : [2, 20]);
      space.writeU32(at, calls + 1);
      space.writeU32(linear, 10 * (calls + 1));
      return 0n;
    };
    expect(w.call(f, 'f', BigInt(at))).toBe(22n * 1000n + 33n);
    expect(calls).toBe(2);
  });

  it('loads and stores reach native memory at any address', () => {
    const w = world();
    const at = w.scratch(64);
    const f = w.instance(`
      (func (export "u8") (param i64) (result i32) (call $load_u8 (local.get 0)))
      (func (export "u16") (param i64) (result i32) (call $load_u16 (local.get 0)))
      (func (export "u32") (param i64) (result i32) (call $load_u32 (local.get 0)))
      (func (export "u64") (param i64) (result i64) (call $load_u64 (local.get 0)))
      (func (export "word") (param i64) (result i64) (call $load_word (i64.add (local.get 0) (i64.const 4))))
      (func (export "set8") (param i64 i64) (call $store_u8 (local.get 0) (i32.wrap_i64 (local.get 1))))
      (func (export "set16") (param i64 i64) (call $store_u16 (local.get 0) (i32.wrap_i64 (local.get 1))))
      (func (export "set32") (param i64 i64) (call $store_u32 (local.get 0) (i32.wrap_i64 (local.get 1))))
      (func (export "set64") (param i64 i64) (call $store_u64 (local.get 0) (local.get 1)))
      (func (export "setWord") (param i64 i64) (call $store_word (local.get 0) (local.get 1)))`);
    for (const distance of [0, 1, 2, 3]) {
      const address = BigInt(at + distance);
      const bytes = w.machine.space.readBytes(at + distance, 16);
      const expected = (from: number, count: number): bigint =>
        Buffer.from(bytes.subarray(from, from + count))
          .reverse()
          .reduce((all, byte) => (all << 8n) | BigInt(byte), 0n);
      expect(w.call(f, 'u8', address)).toBe(expected(0, 1));
      expect(w.call(f, 'u16', address)).toBe(expected(0, 2));
      expect(w.call(f, 'u32', address)).toBe(expected(0, 4));
      expect(w.call(f, 'u64', address)).toBe(BigInt.asIntN(64, expected(0, 8)));
      expect(w.call(f, 'word', address)).toBe(BigInt.asIntN(64, expected(4, target.wordBytes)));
    }
    const value = 0xfedc_ba98_7654_3210n;
    for (const [name, count] of [
      ['set8', 1],
      ['set16', 2],
      ['set32', 4],
      ['set64', 8],
      ['setWord', target.wordBytes],
    ] as const) {
      const address = at + 33;
      w.machine.space.writeBytes(address, new Uint8Array(16).fill(0xee));
      w.call(f, name, BigInt(address), value);
      const stored = new Uint8Array(16).fill(0xee);
      for (let k = 0; k < count; k++) stored[k] = Number((value >> BigInt(8 * k)) & 0xffn);
      expect([...w.machine.space.readBytes(address, 16)]).toEqual([...stored]);
    }
  });

  it('copies, whatever the overlap, and fills', () => {
    const w = world();
    const f = w.instance(`
      (func (export "copy") (param i64 i64 i64) (call $copy (local.get 0) (local.get 1) (local.get 2)))
      (func (export "fill") (param i64 i32 i64) (call $fill (local.get 0) (local.get 1) (local.get 2)))`);
    const at = w.scratch(64);
    const { space } = w.machine;
    for (const [to, from] of [
      [3, 8],
      [8, 3],
      [30, 1],
    ]) {
      const expected = [...space.readBytes(at, 64)].copyWithin(to, from, from + 20);
      w.call(f, 'copy', BigInt(at + to), BigInt(at + from), 20n);
      expect([...space.readBytes(at, 64)]).toEqual(expected);
    }
    const filled = [...space.readBytes(at, 64)].fill(0xa5, 5, 22);
    w.call(f, 'fill', BigInt(at + 5), 0x1a5n, 17n);
    expect([...space.readBytes(at, 64)]).toEqual(filled);
  });

  it('knows the word, its memory, its exec env and the program info', () => {
    const w = world();
    const f = w.instance(`
      (func (export "word") (result i32) (call $word_bytes))
      (func (export "memory") (result i64) (call $memory_base))
      (func (export "info") (result i64) (call $program_info))
      (func (export "env") (result i64) (call $this_env))`);
    const info = isWide ? 0x1234_5678_9abc : 0x9234_5678;
    w.machine.writeWord(f.env + w.machine.header.hostData, info);
    expect(w.call(f, 'word')).toBe(BigInt(target.wordBytes));
    expect(w.call(f, 'memory')).toBe(BigInt(f.memories[0].base));
    expect(w.call(f, 'info')).toBe(BigInt(info));
    expect(w.call(f, 'env')).toBe(BigInt(f.env));
  });

  it('calls functions of other instances by their descriptors, and its own', () => {
    const w = world();
    const user = w.instance(
      '(global (export "g") (mut i32) (i32.const 0)) (func (export "set") (global.set 0 (i32.const 42)))',
      false,
    );
    const f = w.instance(`(global $own (mut i32) (i32.const 0))
      (func (export "own") (global.set $own (i32.const 17)))
      (func (export "f") (param $other i64) (param $own i64) (result i32)
        (call $call (local.get $other)) (call $call (local.get $own)) (global.get $own))`);
    const descriptorOf = (instance: ModuleInstance, name: string): bigint =>
      BigInt((instance.export(name) as FunctionInstance).descriptor);
    expect(w.call(f, 'f', descriptorOf(user, 'set'), descriptorOf(f, 'own'))).toBe(17n);
    expect(w.machine.space.readU32(user.globals[0].cell)).toBe(42);
  });

  it('memory.grow of one instance is a service of another, in whose frames every instruction reads the stack', () => {
    const w = world();
    const { machine } = w;
    const runtime = w.instance(`
      (func $answer (param i64) (result i64) (call $syscall (i32.const 77) (local.get 0) ${words(5, () => '0')}))
      (func (export "service") (param $env i64) (param $selector i32) (param $a i64) (param $b i64) (result i64)
        (i64.store (i32.const 0) (local.get $env))
        (i64.store (i32.const 8) (i64.extend_i32_u (local.get $selector)))
        (i64.store (i32.const 16) (local.get $a))
        (i64.store (i32.const 24) (local.get $b))
        (i64.add (call $answer (local.get $a)) (i64.const 0x500000000)))`);
    const user = w.instance(
      `(memory 1 9) (table $t 1 10 funcref)
       (func $deeper (param i32) (result i32) (i32.add (memory.grow (local.get 0)) (i32.load (i32.const 4))))
       (func (export "f") (param i32) (result i32)
         (i32.store (i32.const 4) (i32.const 1000))
         (i32.mul (call $deeper (local.get 0)) (i32.const 2)))
       (func (export "t") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0)))`,
      false,
    );
    const { image } = runtime.loaded;
    machine.writeWord(user.env + machine.header.hostCall, runtime.loaded.address(image.symbols.service));
    machine.writeWord(user.env + machine.header.hostData, runtime.env);
    const asked = (): bigint[] => {
      const base = runtime.memories[0].base;
      return [0, 8, 16, 24].map((offset) => machine.space.readU64(base + offset));
    };
    const sampler = new Sampler(machine, {
      scheme: 'atomic',
      schedule: { kind: 'every-instruction' },
      verify: true,
    });
    let argument = -1n;
    w.kernel = (call) => {
      argument = call[1];
      return 3n;
    };
    const result = sampler.during(() => {
      machine.runner = {
        run: (core) => w.serve(core, () => sampler.run()),
        entered: (adapter) => sampler.entered(adapter),
        left: (stackPointer) => sampler.left(stackPointer),
      };
      return w.call(user, 'f', 0xffff_fff0n);
    });
    // The service's low word, and after it the caller's own exec env again.
    expect(result).toBe(2n * (3n + 1000n));
    expect(argument).toBe(0xffff_fff0n);
    expect(asked()).toEqual([BigInt(user.env), 1n, 0xffff_fff0n, 0n]);
    const report = sampler.report();
    expect(report.mismatches).toEqual([]);
    expect(report.attributed).toBe(report.samples);
    expect([...report.folded.keys()]).toContain('f;deeper;service;answer');
    expect(machine.innermostEnv).toBe(0);

    machine.runner = { run: (core) => w.serve(core, () => core.run()), entered() {}, left() {} };
    w.kernel = () => -1n;
    expect(w.call(user, 't', 6n)).toBe(0xffff_ffffn);
    expect(asked()).toEqual([BigInt(user.env), 2n, 6n, 0n]);
  });
});
