import { describe, expect, it } from 'vitest';
import { assemble } from '../test/support/profiles.ts';
import { createWebAssembly } from './webassembly.ts';

const module = assemble(`(module
  (import "host" "next" (func $next (param i32) (result i32)))
  (func (export "count") (param i32) (result i32)
    (loop $again (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 0))
  (func (export "ask") (param i32) (result i32) (call $next (local.get 0)))
  (func (export "trap") unreachable))`);

interface Exports {
  count(rounds: number): number;
  ask(value: number): number;
  trap(): void;
}

describe.each(['x86_64', 'armv7'] as const)('measure on %s', (target) => {
  async function open() {
    const webAssembly = createWebAssembly({ target });
    const imports = { host: { next: (value: number) => value + 1 } };
    const { exports } = (await webAssembly.instantiate<Exports>(module, imports)).instance;
    return { webAssembly, exports };
  }

  it('counts exactly what is executed, and estimates cycles for a Cortex-A9 alone', async () => {
    const { webAssembly, exports } = await open();
    const of = (rounds: number) => webAssembly.measure(() => exports.count(rounds));
    const [first, same, longer] = [await of(10), await of(10), await of(1010)];
    expect(same).toEqual(first);
    expect(first.value).toBe(0);
    // A round is a subtraction and a branch.
    expect(longer.instructions - first.instructions).toBe(2 * 1000);
    if (target === 'armv7') expect((longer.cycles ?? 0) - (first.cycles ?? 0)).toBeGreaterThanOrEqual(1000);
    else expect(longer.cycles).toBeUndefined();
    webAssembly.machine.close();
  });

  it('waits for work that is asynchronous, and adds up calls', async () => {
    const { webAssembly, exports } = await open();
    const once = await webAssembly.measure(() => exports.ask(1));
    const twice = await webAssembly.measure(async () => {
      const next = exports.ask(1);
      await new Promise((done) => setTimeout(done, 1));
      return exports.ask(next);
    });
    expect(twice.value).toBe(3);
    expect(twice.instructions).toBe(2 * once.instructions);
    webAssembly.machine.close();
  });

  it('throws what the work does, and measures again after that, but not meanwhile', async () => {
    const { webAssembly, exports } = await open();
    await expect(webAssembly.measure(() => exports.trap())).rejects.toThrow(webAssembly.RuntimeError);
    const nested = webAssembly.measure(() => webAssembly.measure(() => exports.ask(1)));
    await expect(nested).rejects.toThrow('the machine is being measured already');
    expect((await webAssembly.measure(() => exports.ask(1))).value).toBe(2);
    webAssembly.machine.close();
  });
});
