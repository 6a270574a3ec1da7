import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Stop } from './core.ts';
import { TARGETS, TestBed, words } from './unicorn/test-bed.ts';

describe.each(TARGETS)('Core of %s', (target) => {
  let bed: TestBed;
  const isX86 = target === 'x86_64';
  /** Machine code for one target or the other. */
  const code = (x86: number[], arm: number[]) => (isX86 ? x86 : words(...arm));

  beforeEach(() => {
    bed = new TestBed(target);
  });

  afterEach(() => bed.core.dispose());

  describe('running', () => {
    it('calls a function and comes back with its result and the stack as it was', () => {
      const fib = bed.load('fib');
      bed.prepare(fib, 10);
      const sp = bed.core.sp;
      expect(bed.core.run()).toEqual({ reason: 'exit' });
      expect(bed.result).toBe(89);
      expect(bed.core.sp).toBe(isX86 ? sp + 8 : sp);
      expect(bed.core.pc).toBe(bed.core.exitStub);
    });

    it('stops after exactly so many instructions, wherever that is', () => {
      const sum = bed.load('sum');
      // Entry, then 4 instructions a round on x86-64, 6 on ARM.
      const [entry, round] = isX86 ? [1, 4] : [1, 6];
      for (const count of [1, 2, 3, 7, entry + 5 * round, entry + 9 * round + 1]) {
        bed.prepare(sum, 100, bed.data.address);
        expect(bed.core.run({ maxInstructions: count })).toEqual({ reason: 'count' });
        expect(bed.core.executed).toBe(count);
        const rounds = Math.floor((count - entry) / round);
        const counter = 100 - rounds - ((count - entry) % round >= (isX86 ? 3 : 5) ? 1 : 0);
        expect(bed.argument(0)).toBe(counter);
      }
    });

    it('stops exactly in code that has run at full speed before', () => {
      const sum = bed.load('sum');
      expect(bed.call(sum, 10, bed.data.address).reason).toBe('exit');
      bed.prepare(sum, 10, bed.data.address);
      expect(bed.core.run({ maxInstructions: 2 })).toEqual({ reason: 'count' });
      expect(bed.core.pc).toBe(sum + (isX86 ? 5 : 8));
      expect(bed.core.run()).toEqual({ reason: 'exit' });
      bed.core.stepping = false;
      expect(bed.call(sum, 10, bed.data.address).reason).toBe('exit');
      expect(bed.result).toBe(55);
    });

    it('leaves code out of stepping that is to run at full speed', () => {
      const sum = bed.load('sum');
      const fib = bed.load('fib', 0x800);
      bed.core.freeFrom = fib;
      bed.prepare(sum, 10, bed.data.address);
      expect(bed.core.step()).toEqual({ reason: 'count' });
      expect(bed.core.executed).toBe(1);
      // As a signal's handler that returns into the program.
      bed.prepare(fib, 9);
      if (isX86) bed.core.space.writePointer(bed.core.sp, sum);
      else bed.core.write('lr', sum);
      expect(bed.core.run({ maxInstructions: 1 })).toEqual({ reason: 'count' });
      expect(bed.core.executed).toBe(1);
      expect(bed.core.pc).toBeGreaterThan(sum);
      expect(bed.core.pc).toBeLessThan(fib);
    });

    it('runs through what was stepped before, and steps anew where it ran: single steps and longer ones mix', () => {
      const fib = bed.load('fib');
      bed.call(fib, 9);
      const atOnce = [...bed.core.registers];
      bed.prepare(fib, 9);
      let total = 0;
      while (bed.core.step().reason === 'count') total += bed.core.executed;
      total += bed.core.executed;
      // Jumps of a few bytes go to where a step's own translation may have been made to end.
      for (const mix of [
        [1, 7],
        [1, 1, 2, 30],
        [5, 1, 1, 1000],
      ]) {
        bed.prepare(fib, 9);
        let executed = 0;
        for (let i = 0; ; i++) {
          const maxInstructions = mix[i % mix.length];
          const stop = maxInstructions === 1 ? bed.core.step() : bed.core.run({ maxInstructions });
          executed += bed.core.executed;
          if (stop.reason === 'exit') break;
          expect([stop.reason, bed.core.executed]).toEqual(['count', maxInstructions]);
        }
        expect(executed).toBe(total);
        expect([...bed.core.registers]).toEqual(atOnce);
      }
      bed.prepare(fib, 9);
      expect(bed.core.step()).toEqual({ reason: 'count' });
      expect(bed.core.run()).toEqual({ reason: 'exit' });
      expect([...bed.core.registers]).toEqual(atOnce);
    });

    it('gives the same result step by step, flags included', () => {
      const fib = bed.load('fib');
      bed.call(fib, 9);
      const atOnce = [...bed.core.registers];
      bed.prepare(fib, 9);
      let steps = 0;
      let stop: Stop;
      do {
        stop = bed.core.step();
        steps++;
      } while (stop.reason === 'count');
      expect(stop).toEqual({ reason: 'exit' });
      expect([...bed.core.registers]).toEqual(atOnce);
      bed.prepare(fib, 9);
      bed.core.run({ maxInstructions: 1e6 });
      expect(bed.core.executed).toBe(steps);
    });

    it('stops at breakpoints, runs on from them, and forgets them', () => {
      const fib = bed.load('fib');
      for (const stepping of [false, true]) {
        bed.core.stepping = stepping;
        bed.core.setBreakpoints([fib]);
        bed.prepare(fib, 4);
        let hits = 0;
        while (bed.core.run().reason === 'breakpoint') {
          expect(bed.core.pc).toBe(fib);
          hits++;
        }
        // The run starts at a breakpoint and passes over it; fib(4) makes 8 further calls.
        expect(hits).toBe(8);
        expect(bed.result).toBe(5);
        bed.core.setBreakpoints([]);
        expect(bed.call(fib, 4)).toEqual({ reason: 'exit' });
      }
    });

    it('does not spend the budget on an instruction that a breakpoint stops', () => {
      const sum = bed.load('sum');
      const add = sum + (isX86 ? 5 : 8);
      bed.core.setBreakpoints([add]);
      bed.prepare(sum, 5, bed.data.address);
      expect(bed.core.run({ maxInstructions: 100 })).toEqual({ reason: 'breakpoint', address: add });
      expect(bed.core.executed).toBe(2);
    });

    it('runs through more pages than a TLB holds without a trace of it', () => {
      const walk = bed.load('walk');
      const pages = 40_000;
      const memory = bed.space.allocate({ name: 'memory', size: pages * 4096, access: 'rw' });
      const expected = 1 + (isX86 ? 4 : 6) * pages;
      bed.core.counting = true;
      expect(bed.call(walk, pages, memory.address)).toEqual({ reason: 'exit' });
      expect(bed.core.instructionsExecuted()).toBe(expected);
      bed.core.counting = false;
      bed.prepare(walk, pages, memory.address);
      expect(bed.core.run({ maxInstructions: 1e9 })).toEqual({ reason: 'exit' });
      expect(bed.core.executed).toBe(expected);
      bed.core.stepping = false;
      const last = memory.address + memory.size;
      expect(bed.call(walk, pages + 1, memory.address)).toMatchObject({ kind: 'read', address: last });
      for (let page = 0; page < pages; page++) {
        if (memory.view.getUint32(page * 4096, true) !== 3) throw new Error(`page ${page}`);
      }
    });

    it('stops once at a breakpoint whose instruction brings a page into the TLB', () => {
      const walk = bed.load('walk');
      const pages = 10_000;
      const memory = bed.space.allocate({ name: 'memory', size: pages * 4096, access: 'rw' });
      bed.core.setBreakpoints([walk]);
      bed.prepare(walk, pages, memory.address);
      let hits = 0;
      while (bed.core.run().reason === 'breakpoint') hits++;
      expect(hits).toBe(pages - 1);
    });

    it('executes rewritten code', () => {
      const at = bed.load(code([0xb8, 1, 0, 0, 0, 0xc3], [0xe3a00001, 0xe12fff1e]));
      bed.call(at);
      expect(bed.result).toBe(1);
      bed.load(code([0xb8, 2, 0, 0, 0, 0xc3], [0xe3a00002, 0xe12fff1e]));
      bed.call(at);
      expect(bed.result).toBe(2);
    });

    it('executes what is in place of a region that was released', () => {
      const { space } = bed;
      const options = { name: 'module', size: 0x1000, access: 'rx' } as const;
      for (const value of [1, 2, 3]) {
        const module = space.allocate(options);
        space.writeBytes(
          module.address,
          new Uint8Array(code([0xb8, value, 0, 0, 0, 0xc3], [0xe3a00000 + value, 0xe12fff1e])),
        );
        bed.call(module.address);
        expect(bed.result).toBe(value);
        module.release();
        expect(bed.call(module.address)).toMatchObject({ kind: 'fetch', pc: module.address });
      }
    });
  });

  describe('host calls', () => {
    it('passes arguments and results', () => {
      const ask = bed.load('ask');
      bed.prepare(ask, 5, bed.core.hostCallStub);
      const asked: number[] = [];
      let stop = bed.core.run();
      while (stop.reason === 'host-call') {
        asked.push(bed.argument(0));
        bed.core.returnFromHostCall(10 * bed.argument(0));
        stop = bed.core.run();
      }
      expect(stop).toEqual({ reason: 'exit' });
      expect(asked).toEqual([5, 4, 3, 2, 1]);
      expect(bed.result).toBe(150);
    });

    it.each([false, true])('may run the core deeper before they return (stepping: %s)', (stepping) => {
      const ask = bed.load('ask');
      const fib = bed.load('fib', 0x100);
      const { core } = bed;
      core.stepping = stepping;
      core.writeVector(3, new Uint8Array(16).fill(0x5a));
      // f(n) = sum of fib(k) + f(k - 1) for k = n..1, the nested calls on the stack of the outer ones.
      const f = (n: number): number => {
        bed.core.write(isX86 ? 'rdi' : 'r0', n);
        bed.core.write(isX86 ? 'rsi' : 'r1', core.hostCallStub);
        core.sp -= core.sp % 16;
        core.prepareCall(ask);
        let stop = core.run();
        while (stop.reason === 'host-call') {
          const outer = core.save();
          const k = bed.argument(0);
          core.sp -= isX86 ? 8 : 0;
          core.write(isX86 ? 'rdi' : 'r0', k);
          core.prepareCall(fib);
          expect(core.run().reason).toBe('exit');
          const own = bed.result;
          core.writeVector(3, new Uint8Array(16).fill(k));
          core.sp -= 64;
          const nested = k > 1 ? f(k - 1) : 0;
          core.restore(outer);
          core.returnFromHostCall(own + nested);
          stop = core.run();
        }
        expect(stop.reason).toBe('exit');
        return bed.result;
      };
      bed.prepare(ask);
      core.sp = bed.stack.address + bed.stack.size - 64;
      const expected = (n: number): number => {
        let sum = 0;
        const fibonacci = [1, 1];
        for (let k = 2; k <= n; k++) fibonacci[k] = fibonacci[k - 1] + fibonacci[k - 2];
        for (let k = n; k >= 1; k--) sum += fibonacci[k] + (k > 1 ? expected(k - 1) : 0);
        return sum;
      };
      expect(f(5)).toBe(expected(5));
      expect([...core.readVector(3)]).toEqual(Array(16).fill(0x5a));
    });

    it('counts neither the stub nor anything the host does', () => {
      const ask = bed.load('ask');
      bed.prepare(ask, 1, bed.core.hostCallStub);
      expect(bed.core.run({ maxInstructions: 1000 }).reason).toBe('host-call');
      expect(bed.core.executed).toBe(isX86 ? 8 : 6);
      bed.prepare(ask, 1, bed.core.hostCallStub);
      expect(bed.core.run({ maxInstructions: isX86 ? 8 : 6 }).reason).toBe('host-call');
      bed.core.returnFromHostCall();
      expect(bed.core.run({ maxInstructions: 1 }).reason).toBe('count');
    });
  });

  describe('faults', () => {
    /** Runs the code in every mode and expects the same fault, registers included. */
    const expectFault = (bytes: number[], pcOffset: number, fault: Partial<Stop>, prepare = () => {}) => {
      const at = bed.load(bytes);
      for (const mode of ['plain', 'counting', 'stepping'] as const) {
        bed.core.counting = mode === 'counting';
        bed.core.stepping = mode === 'stepping';
        bed.prepare(at, 0, 0);
        prepare();
        const sp = bed.core.sp;
        expect(bed.core.run()).toMatchObject({ reason: 'fault', pc: at + pcOffset, ...fault });
        expect(bed.core.pc).toBe(at + pcOffset);
        expect(bed.core.sp).toBe(sp);
        // One instruction, `inc`, precedes the faulting one in each of the programs below.
        expect(bed.argument(0)).toBe(1);
        if (mode === 'counting') expect(bed.core.instructionsExecuted()).toBe(1);
        if (mode === 'stepping') expect(bed.core.executed).toBe(1);
        bed.core.counting = false;
      }
    };
    const inc = code([0x48, 0xff, 0xc7], [0xe2800001]);

    it('names the exact instruction and address of a load', () => {
      const load = code([0x8b, 0x46, 0x05], [0xe5913005]);
      const beyond = bed.data.address + 0x10000;
      const point = () => bed.core.write(isX86 ? 'rsi' : 'r1', beyond + 0x123);
      expectFault([...inc, ...load, ...inc], inc.length, { kind: 'read', address: beyond + 0x128 }, point);
    });

    it('names the exact instruction and address of a store, also one that was executed before', () => {
      const sum = bed.load('sum');
      bed.call(sum, 100, bed.data.address);
      const beyond = bed.data.address + 0x10000;
      const kind = 'read';
      expect(bed.call(sum, 7, beyond)).toMatchObject({
        kind,
        address: beyond,
        pc: sum + (isX86 ? 5 : 8),
      });
      const store = code([0x89, 0x06], [0xe5813000]);
      const point = () => bed.core.write(isX86 ? 'rsi' : 'r1', beyond + 0x8);
      expectFault([...inc, ...store, ...inc], inc.length, { kind: 'write', address: beyond + 8 }, point);
    });

    it('leaves the stack pointer alone when a push meets the guard page', () => {
      const push = code([0x57], [0xe92d4001]);
      const point = () => {
        bed.core.sp = bed.stack.address;
      };
      expectFault([...inc, ...push], inc.length, { kind: 'write', address: bed.stack.address - 8 }, point);
    });

    it('tells ud2 and udf', () => {
      const undefinedInstruction = code([0x0f, 0x0b], [0xe7f000f0]);
      expectFault([...inc, ...undefinedInstruction], inc.length, { kind: 'invalid-instruction' });
    });

    it('tells a jump to nowhere', () => {
      const at = bed.load(code([0xff, 0xe6], [0xe12fff11]));
      const nowhere = bed.stack.address - 0x8000;
      expect(bed.call(at, 0, nowhere)).toMatchObject({ kind: 'fetch', pc: nowhere, address: nowhere });
      expect(bed.call(at, 0, bed.data.address)).toMatchObject({ kind: 'fetch', pc: bed.data.address });
    });

    it('comes back from each fault as if nothing had happened', () => {
      const fib = bed.load('fib');
      const bad = bed.load(code([0x0f, 0x0b], [0xe7f000f0]), 0x100);
      for (let round = 0; round < 100; round++) {
        expect(bed.call(bad).reason).toBe('fault');
        expect(bed.call(fib, 5).reason).toBe('exit');
        expect(bed.result).toBe(8);
      }
    });
  });

  describe('traps into the system', () => {
    it('stops behind a system call', () => {
      const at = bed.load(code([0x0f, 0x05, 0xc3], [0xef000000, 0xe12fff1e]));
      for (const stepping of [false, true]) {
        bed.core.stepping = stepping;
        expect(bed.call(at)).toEqual({ reason: 'system-call' });
        expect(bed.core.pc).toBe(at + (isX86 ? 2 : 4));
        expect(bed.core.run()).toEqual({ reason: 'exit' });
      }
    });

    it('stops at a breakpoint instruction', () => {
      const at = bed.load(code([0xcc], [0xe1200070]));
      expect(bed.call(at)).toMatchObject({ kind: 'breakpoint-instruction', pc: at + (isX86 ? 1 : 0) });
    });
  });

  describe('counting', () => {
    it('agrees with single steps, block by block', () => {
      const fib = bed.load('fib');
      bed.prepare(fib, 7);
      const visits = new Map<number, number>();
      let steps = 0;
      do {
        const { pc } = bed.core;
        visits.set(pc, (visits.get(pc) ?? 0) + 1);
        steps++;
      } while (bed.core.step().reason === 'count');
      bed.core.stepping = false;
      bed.core.counting = true;
      bed.call(fib, 7);
      expect(bed.core.instructionsExecuted()).toBe(steps);
      for (const [address, entries] of bed.core.blockCounts()) {
        expect(entries).toBeLessThanOrEqual(visits.get(address) ?? 0);
      }
      expect(bed.core.blockCounts().get(fib)).toBe(visits.get(fib));
    });

    it('stays exact over stops of every kind', () => {
      const ask = bed.load('ask');
      const { core } = bed;
      core.counting = true;
      const run = (go: () => Stop) => {
        bed.prepare(ask, 6, core.hostCallStub);
        const before = core.instructionsExecuted();
        for (let stop = go(); stop.reason !== 'exit'; stop = go()) {
          if (stop.reason === 'host-call') core.returnFromHostCall(1);
        }
        return core.instructionsExecuted() - before;
      };
      const plain = run(() => core.run());
      expect(plain).toBe(isX86 ? 6 + 6 * 5 + 5 : 4 + 6 * 5 + 2);
      expect(run(() => core.run({ maxInstructions: 7 }))).toBe(plain);
      expect(run(() => core.step())).toBe(plain);
      core.stepping = false;
      core.setBreakpoints([ask + (isX86 ? 0x15 : 0x20)]);
      expect(run(() => core.run())).toBe(plain);
    });

    it('keeps its counts when code is replaced', () => {
      const sum = bed.load('sum');
      bed.core.counting = true;
      bed.call(sum, 10, bed.data.address);
      const before = bed.core.instructionsExecuted();
      bed.load('fib');
      expect(bed.core.instructionsExecuted()).toBe(before);
      expect(before).toBe(isX86 ? 2 + 4 * 10 : 3 + 6 * 10);
    });
  });

  describe('registers', () => {
    it('reads back vectors, the thread pointer and the float control as written', () => {
      const { core } = bed;
      const bytes = Uint8Array.from({ length: 16 }, (_, index) => index * 3);
      for (const index of [0, 7, 15]) core.writeVector(index, bytes);
      core.threadPointer = 0x1234_5678;
      core.floatControl |= isX86 ? 0x8000 : 0x0100_0000;
      expect([...core.readVector(7)]).toEqual([...bytes]);
      expect([...core.readVector(15)]).toEqual([...bytes]);
      expect(core.threadPointer).toBe(0x1234_5678);
      expect(core.floatControl).toBe(isX86 ? 0x9f80 : 0x0100_0000);
      expect(() => core.readVector(16)).toThrow(RangeError);
      expect(() => core.read(isX86 ? 'r0' : 'rax')).toThrow(RangeError);
    });

    it('moves all vectors and the float control at once', () => {
      const { core } = bed;
      core.writeVector(3, new Uint8Array(16).fill(3));
      core.floatControl |= isX86 ? 0x8000 : 0x0100_0000;
      core.readVectors();
      expect([...core.vectors.subarray(48, 64)]).toEqual([...new Uint8Array(16).fill(3)]);
      expect(new Uint32Array(core.vectors.buffer)[64]).toBe(core.floatControl);
      core.vectors.fill(15, 15 * 16, 16 * 16);
      new Uint32Array(core.vectors.buffer)[64] = isX86 ? 0x1f80 : 0;
      core.writeVectors();
      expect([...core.readVector(15)]).toEqual([...new Uint8Array(16).fill(15)]);
      expect([...core.readVector(3)]).toEqual([...new Uint8Array(16).fill(3)]);
      expect(core.floatControl).toBe(isX86 ? 0x1f80 : 0);
    });

    it('come zeroed with every new core', () => {
      bed.core.writeVector(2, new Uint8Array(16).fill(9));
      bed.core.threadPointer = 4096;
      bed.call(bed.load('fib'), 10);
      bed.core.dispose();
      bed = new TestBed(target);
      const values = bed.core.registers;
      expect([...values].every((value, index) => value === 0n || index === values.length - 2)).toBe(true);
      expect(bed.core.threadPointer).toBe(0);
      expect(bed.core.readVector(2).every((byte) => byte === 0)).toBe(true);
    });
  });
});

describe('Core of x86_64 only', () => {
  const withBed = (run: (bed: TestBed) => void) => {
    const bed = new TestBed('x86_64');
    run(bed);
    bed.core.dispose();
  };

  it('has SSE4.2, POPCNT and TZCNT', () =>
    withBed((bed) => {
      // popcnt rax, rdi; crc32 rax, rsi; ret
      const at = bed.load([0xf3, 0x48, 0x0f, 0xb8, 0xc7, 0xf2, 0x48, 0x0f, 0x38, 0xf1, 0xc6, 0xc3]);
      expect(bed.call(at, 0xffff, 0).reason).toBe('exit');
      expect(bed.result).toBe(2222328244);
    }));

  it('faults on division by zero and on overflow, at the division', () =>
    withBed((bed) => {
      // xor edx, edx; mov eax, edi; div esi; ret
      const at = bed.load([0x31, 0xd2, 0x89, 0xf8, 0xf7, 0xf6, 0xc3]);
      for (let round = 0; round < 5; round++) {
        bed.core.writeVector(4, new Uint8Array(16).fill(round));
        expect(bed.call(at, 7, 0)).toMatchObject({ kind: 'divide', pc: at + 4 });
        expect(bed.argument(0)).toBe(7);
        expect(bed.call(at, 7, 2).reason).toBe('exit');
        expect(bed.result).toBe(3);
        expect(bed.core.readVector(4)[15]).toBe(round);
      }
      // mov eax, edi; cdq; idiv esi; ret
      bed.load([0x89, 0xf8, 0x99, 0xf7, 0xfe, 0xc3]);
      expect(bed.call(at, 0x8000_0000, 0xffff_ffff)).toMatchObject({ kind: 'divide', pc: at + 3 });
    }));

  it('counts each round of a repeated string instruction, however it runs', () =>
    withBed((bed) => {
      // mov ecx, 10; mov eax, 7; rep stosb; ret
      const at = bed.load([0xb9, 10, 0, 0, 0, 0xb8, 7, 0, 0, 0, 0xf3, 0xaa, 0xc3]);
      bed.prepare(at, bed.data.address);
      bed.core.run({ maxInstructions: 1000 });
      const steps = bed.core.executed;
      expect(bed.space.readU8(bed.data.address + 9)).toBe(7);
      bed.core.stepping = false;
      bed.core.counting = true;
      bed.call(at, bed.data.address);
      expect(bed.core.instructionsExecuted()).toBe(steps);
    }));

  it.each([
    // The last makes Unicorn run code that it has thrown away, were it carried out.
    ['mov cr0, rax', [0x0f, 0x22, 0xc0]],
    ['mov cr3, rax', [0x0f, 0x22, 0xd8]],
    ['wrmsr', [0x0f, 0x30]],
    ['lgdt [rsi]', [0x0f, 0x01, 0x16]],
    ['cli', [0xfa]],
    ['hlt', [0xf4]],
    ['mov dr7, rax', [0x0f, 0x23, 0xf8]],
  ])('runs programs at privilege level 3: %s', (_name, instruction) =>
    withBed((bed) => {
      // mov eax, edi
      const at = bed.load([0x89, 0xf8, ...instruction, 0xc3]);
      for (let round = 0; round < 3; round++) {
        expect(bed.call(at, 3, bed.data.address)).toMatchObject({
          kind: 'interrupt',
          number: 13,
          pc: at + 2,
        });
      }
    }),
  );

  it('has no descriptor table that a program could fill', () =>
    withBed((bed) => {
      // sgdt [rdi]; ret
      expect(bed.call(bed.load([0x0f, 0x01, 0x07, 0xc3]), bed.data.address).reason).toBe('exit');
      expect(bed.space.readBytes(bed.data.address, 10)).toEqual(new Uint8Array(10));
    }));

  it('reaches data at any address below 2^47', () =>
    withBed((bed) => {
      const high = bed.space.allocate({
        name: 'high',
        size: 0x1000,
        access: 'rw',
        address: 0x7fff_f000_0000,
      });
      expect(bed.call(bed.load('sum'), 4, high.address).reason).toBe('exit');
      expect(bed.space.readU32(high.address)).toBe(10);
    }));
});

describe('Core of armv7 only', () => {
  it('has VFP and NEON, but neither SDIV nor FMA', () => {
    const bed = new TestBed('armv7');
    // vmov s0, r0; vcvt.f64.s32 d1, s0; vmul.f64 d1, d1, d1; vcvt.s32.f64 s0, d1; vmov r0, s0; vadd.i32 q1, q0, q0; bx lr
    const instructions = [0xee000a10, 0xeeb81bc0, 0xee211b01, 0xeebd0bc1, 0xee100a10, 0xf2202840, 0xe12fff1e];
    const at = bed.load(words(...instructions));
    expect(bed.call(at, 12).reason).toBe('exit');
    expect(bed.result).toBe(144);
    for (const instruction of [0xe710f110, 0xeea00b01]) {
      const bad = bed.load(words(instruction), 0x100);
      expect(bed.call(bad)).toMatchObject({ kind: 'invalid-instruction', pc: bad });
    }
    bed.core.dispose();
  });
});
