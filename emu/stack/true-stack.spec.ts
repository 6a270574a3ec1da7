import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Stop } from '../core.ts';
import { TARGETS, TestBed } from '../unicorn/test-bed.ts';
import { FROM_HOST, TrueStack } from './true-stack.ts';

describe.each(TARGETS)('TrueStack on %s', (target) => {
  let bed: TestBed;
  let stack: TrueStack;
  const isX86 = target === 'x86_64';
  /** Bytes of stack that each activation of `fib` takes, the return address included. */
  const frame = isX86 ? 32 : 16;

  beforeEach(() => {
    bed = new TestBed(target);
    stack = new TrueStack(bed.core);
  });

  afterEach(() => bed.core.dispose());

  /** Steps to the next stop that is not the end of a step, watching every instruction. */
  const watch = (each: () => void = () => {}): Stop => {
    for (;;) {
      stack.observe();
      each();
      const stop = bed.core.step();
      if (stop.reason === 'count') continue;
      stack.observe();
      return stop;
    }
  };

  it('follows a recursion, call by call', () => {
    const fib = bed.load('fib');
    bed.prepare(fib, 5);
    stack.enter(fib, bed.core.exitStub);
    const depths: number[] = [];
    let calls = 0;
    let deepest = 0;
    const stop = watch(() => {
      const { activations } = stack;
      deepest = Math.max(deepest, activations.length);
      if (bed.core.pc === fib) {
        calls++;
        depths.push(activations.length);
        // fib(5) calls fib(4), and so on: the argument tells the depth along the first arm.
        expect(activations.length).toBeLessThanOrEqual(6 - bed.argument(0));
      }
      for (const [index, activation] of activations.entries()) {
        expect(activation.callee).toBe(fib);
        if (index === 0) continue;
        expect([0x1d, 0x29, 0x5c - 0x40, 0x68 - 0x40]).toContain(activation.returnAddress - fib);
        expect(activation.callSite).toBe(activation.returnAddress - (isX86 ? 5 : 4));
        expect(activation.callerSp).toBeLessThan(activations[index - 1].callerSp);
      }
    });
    expect(stop).toEqual({ reason: 'exit' });
    expect(calls).toBe(15);
    expect(deepest).toBe(5);
    expect(depths.slice(0, 6)).toEqual([1, 2, 3, 4, 5, 5]);
    expect(stack.activations).toEqual([]);
  });

  it('knows every form of call and return, calls not taken, and tail calls', () => {
    const tail = bed.load('tail');
    bed.prepare(tail, 1);
    stack.enter(tail, bed.core.exitStub);
    const callees: number[] = [];
    let previous = 1;
    const stop = watch(() => {
      const depth = stack.activations.length;
      expect(depth).toBeLessThanOrEqual(2);
      if (depth > previous) callees.push(stack.activations[depth - 1].callee - tail);
      previous = depth;
    });
    expect(stop).toEqual({ reason: 'exit' });
    expect(callees).toEqual(isX86 ? [0x23, 0x23] : [0x24, 0x2c]);
    expect(stack.activations).toEqual([]);
    expect(isX86 ? bed.argument(0) : bed.result).toBe(4);
  });

  it('shows a host call as an activation of the stub, and nested entries from the host', () => {
    const ask = bed.load('ask');
    const fib = bed.load('fib', 0x100);
    bed.prepare(ask, 2, bed.core.hostCallStub);
    stack.enter(ask, bed.core.exitStub);
    let stop = watch();
    let hostCalls = 0;
    while (stop.reason === 'host-call') {
      hostCalls++;
      expect(stack.activations.map(({ callee }) => callee)).toEqual([ask, bed.core.hostCallStub]);
      const outer = bed.core.save();
      bed.core.write(isX86 ? 'rdi' : 'r0', 2);
      bed.core.sp -= isX86 ? 8 : 0;
      bed.core.prepareCall(fib);
      stack.enter(fib, bed.core.exitStub);
      expect(stack.activations[2].callSite).toBe(FROM_HOST);
      let deepest = 0;
      expect(
        watch(() => {
          deepest = Math.max(deepest, stack.activations.length);
        }).reason,
      ).toBe('exit');
      expect(deepest).toBe(4);
      expect(stack.activations).toHaveLength(2);
      bed.core.restore(outer);
      bed.core.returnFromHostCall();
      stop = watch();
    }
    expect(hostCalls).toBe(2);
    expect(stack.activations).toEqual([]);
  });

  it('drops what a trap leaves', () => {
    const fib = bed.load('fib');
    bed.prepare(fib, 8);
    const entrySp = bed.core.sp + (isX86 ? 8 : 0);
    stack.enter(fib, bed.core.exitStub);
    const limit = bed.core.sp - 5 * frame;
    for (let stop: Stop = { reason: 'count' }; bed.core.sp > limit; stop = bed.core.step()) {
      stack.observe();
      expect(stop.reason).toBe('count');
    }
    stack.observe();
    const depth = stack.activations.length;
    expect(depth).toBeGreaterThan(4);
    const third = stack.activations[3].callerSp;
    stack.unwindTo(third);
    expect(stack.activations).toHaveLength(3);
    stack.unwindTo(entrySp);
    expect(stack.activations).toEqual([]);
    bed.prepare(fib, 4);
    stack.enter(fib, bed.core.exitStub);
    expect(watch().reason).toBe('exit');
    expect(stack.activations).toEqual([]);
  });

  it('adds nothing for a call that faults', () => {
    const fib = bed.load('fib');
    bed.prepare(fib, 8);
    // Room for three frames. The next call faults on x86-64, as it pushes; on ARM the next function's push does.
    bed.core.sp = bed.stack.address + 3 * frame;
    bed.core.prepareCall(fib);
    stack.enter(fib, bed.core.exitStub);
    expect(watch()).toMatchObject({ reason: 'fault', kind: 'write' });
    expect(stack.activations).toHaveLength(isX86 ? 3 : 4);
  });
});
