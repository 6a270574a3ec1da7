import { describe, expect, it } from 'vitest';
import { createWebAssembly } from '../../emu/webassembly.ts';
import { loadModuleText } from '../fixtures/wat.ts';
import { replayModule } from './generate.ts';
import { Recorder } from './record.ts';

type Functions = Record<string, (...args: unknown[]) => unknown>;

/** A module that talks to its host in every way: arguments and results of all types, memory on both sides, calls back, growth. */
const talker = `(module
  (import "host" "ask" (func $ask (param i32 i64 f32 f64) (result i32)))
  (import "host" "wide" (func $wide (param i32) (result i64)))
  (import "host" "tell" (func $tell (param f64)))
  (import "host" "never" (func $never (result f32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "begin")
  (func (export "back") (param i32) (result i32) (i32.add (local.get 0) (i32.load (i32.const 100))))
  (func (export "pair") (param f64 i64) (result f64) (f64.add (local.get 0) (f64.convert_i64_s (local.get 1))))
  (func (export "work") (param $n i32) (result i64) (local $sum i64)
    (loop $again
      (i32.store (i32.const 200) (local.get $n))
      (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_s
        (call $ask (local.get $n) (i64.const -5000000000) (f32.const 1.5) (f64.const -0.1)))))
      (local.set $sum (i64.xor (local.get $sum) (call $wide (local.get $n))))
      (local.set $sum (i64.add (local.get $sum) (i64.load (i32.const 300))))
      (call $tell (f64.convert_i64_s (local.get $sum)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.store (i32.const 400) (local.get $sum))
    (local.get $sum)))`;

/** A session whose host keeps state, writes, grows memory, and calls back from inside. */
async function session(webAssembly: typeof WebAssembly, bytes: Uint8Array): Promise<unknown[]> {
  const told: unknown[] = [];
  let asked = 0;
  let exports: Functions & { memory: WebAssembly.Memory };
  const host = {
    ask: (n: number, ...rest: unknown[]) => {
      const memory = new DataView(exports.memory.buffer);
      told.push(n, ...rest, memory.getInt32(200, true));
      memory.setInt32(100, asked, true);
      new Uint8Array(exports.memory.buffer, 500, 40).fill(asked);
      if (asked === 3) exports.memory.grow(2);
      return (exports.back(n) as number) * ++asked;
    },
    wide: (n: number) => {
      new DataView(exports.memory.buffer).setBigInt64(300, 1n << BigInt(n), true);
      return BigInt(n) << 40n;
    },
    tell: (value: number) => void told.push(value),
    never: () => 0,
  };
  const made = (await webAssembly.instantiate(bytes as unknown as ArrayBuffer, { host })) as unknown as {
    instance: { exports: typeof exports };
  };
  exports = made.instance.exports;
  new Uint8Array(exports.memory.buffer, 1000, 3).set([1, 2, 3]);
  told.push(exports.work(6), exports.pair(0.5, -3n), exports.work(2));
  return told;
}

/** What `run` of a replay gives in a fresh instance, and the memory that it leaves. */
function replayed(webAssembly: typeof WebAssembly, replay: Uint8Array): { checksum: number; memory: Buffer } {
  const module = new webAssembly.Module(new Uint8Array(replay));
  expect(WebAssembly.Module.imports(new WebAssembly.Module(new Uint8Array(replay)))).toEqual([]);
  const exports = new webAssembly.Instance(module, {}).exports as Functions & { memory: WebAssembly.Memory };
  const checksum = Number(exports.run(1)) >>> 0;
  return { checksum, memory: Buffer.from(exports.memory.buffer) };
}

describe('a replay', () => {
  it('leaves the memory that the session left, on V8 and on both emulated cores', async () => {
    const bytes = await loadModuleText(talker);
    let left: WebAssembly.Memory | undefined;
    const recorder = new Recorder();
    const told = await session(recorder.webAssembly as typeof WebAssembly, bytes);
    expect(told).toEqual(await session(WebAssembly, bytes));
    const seen = {
      ...WebAssembly,
      instantiate: async (source: ArrayBuffer, imports: WebAssembly.Imports) => {
        const made = await WebAssembly.instantiate(source, imports);
        left = made.instance.exports.memory as WebAssembly.Memory;
        return made;
      },
    };
    await session(seen as unknown as typeof WebAssembly, bytes);
    const replay = replayModule(recorder.recording());
    const here = replayed(WebAssembly, replay);
    expect(here.memory.length).toBe(3 * 65_536);
    expect(here.memory.equals(Buffer.from(left?.buffer ?? new ArrayBuffer(0)))).toBe(true);
    for (const target of ['x86_64', 'armv7'] as const) {
      const emulated = replayed(createWebAssembly({ target }) as unknown as typeof WebAssembly, replay);
      expect(emulated.checksum).toBe(here.checksum);
      expect(emulated.memory.equals(here.memory)).toBe(true);
    }
  });

  it('has another checksum when an argument, a result or memory differs', async () => {
    const checksumOf = async (text: string): Promise<number> => {
      const recorder = new Recorder();
      await session(recorder.webAssembly as typeof WebAssembly, await loadModuleText(talker));
      const other = { ...recorder.recording(), module: await loadModuleText(text) };
      return replayed(WebAssembly, replayModule(other)).checksum;
    };
    const right = await checksumOf(talker);
    expect(await checksumOf(talker)).toBe(right);
    for (const [from, to] of [
      ['f32.const 1.5', 'f32.const 1.25'],
      ['(f64.add (local.get 0)', '(f64.sub (local.get 0)'],
      ['(i64.store (i32.const 400)', '(i64.store (i32.const 1016)'],
    ])
      expect(await checksumOf(talker.replace(from, to)), to).not.toBe(right);
  });

  it('is refused for what a recording cannot hold', async () => {
    const refused = async (text: string): Promise<void> => {
      const recorder = new Recorder();
      const { instantiate } = recorder.webAssembly as typeof WebAssembly;
      const bytes = (await loadModuleText(text)) as unknown as ArrayBuffer;
      await instantiate(bytes, { host: { f: () => 0, m: new WebAssembly.Memory({ initial: 1 }) } });
      replayModule(recorder.recording());
    };
    await expect(refused('(module (memory (import "host" "m") 1))')).rejects.toThrow('something else');
    await expect(refused('(module (func (export "run")))')).rejects.toThrow("exports 'run'");
    await expect(
      refused('(module (import "host" "f" (func $f)) (memory (export "memory") 1) (start $f))'),
    ).rejects.toThrow('while it is instantiated');
    expect(() => new Recorder().recording()).toThrow('no module');
  });
});
