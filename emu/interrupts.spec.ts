import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Interrupter, runInterrupted, type Schedule, seededRandom } from './interrupts.ts';
import { TARGETS, TestBed } from './unicorn/test-bed.ts';

describe('seededRandom', () => {
  it('gives the numbers of mulberry32', () => {
    const random = seededRandom(1);
    expect([random(2 ** 32), random(2 ** 32), random(2 ** 32)]).toEqual([2693262067, 11749833, 2265367787]);
  });

  it('spreads evenly and depends on the seed', () => {
    const counts = Array<number>(10).fill(0);
    const random = seededRandom(42);
    for (let draw = 0; draw < 10_000; draw++) counts[random(10)]++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
    expect(seededRandom(7)(1e9)).not.toBe(seededRandom(8)(1e9));
  });
});

describe.each(TARGETS)('interrupting %s', (target) => {
  let bed: TestBed;

  beforeEach(() => {
    bed = new TestBed(target);
  });

  afterEach(() => bed.core.dispose());

  const schedules: readonly Schedule[] = [
    { kind: 'every-instruction' },
    { kind: 'every', instructions: 1 },
    { kind: 'every', instructions: 7 },
    { kind: 'random', seed: 3, mean: 5 },
    { kind: 'random', seed: 3, mean: 1 },
  ];

  it.each(schedules)('is transparent: %j', (schedule) => {
    const fib = bed.load('fib');
    bed.prepare(fib, 9);
    bed.core.run({ maxInstructions: 1e6 });
    const uninterrupted = [...bed.core.registers];
    const stack = bed.stack.bytes.slice();
    const total = bed.core.executed;

    bed.stack.bytes.fill(0);
    bed.prepare(fib, 9);
    const interrupter = new Interrupter(bed.core, schedule, (core) => {
      // What a signal handler would do to the processor, undone as sigreturn would.
      const state = core.save();
      core.registers.fill(0x5aa5n);
      core.restore(state);
    });
    expect(interrupter.run()).toEqual({ reason: 'exit' });
    expect([...bed.core.registers]).toEqual(uninterrupted);
    expect(Buffer.compare(bed.stack.bytes, stack)).toBe(0);
    switch (schedule.kind) {
      case 'every-instruction':
        expect(interrupter.interrupts).toBe(total);
        break;
      case 'every':
        // The last interval ends at the exit or behind it.
        expect(interrupter.interrupts).toBe(Math.ceil(total / schedule.instructions) - 1);
        break;
      default:
        expect(
          Math.abs(interrupter.interrupts - total / (schedule.kind === 'random' ? schedule.mean : 1)),
        ).toBeLessThan(total / 8);
    }
  });

  it('comes at the same instructions for the same seed', () => {
    const fib = bed.load('fib');
    const points = (seed: number) => {
      const pcs: number[] = [];
      bed.prepare(fib, 6);
      runInterrupted(bed.core, { kind: 'random', seed, mean: 20 }, ({ pc }) => {
        pcs.push(pc);
      });
      return pcs;
    };
    expect(points(5)).toEqual(points(5));
    expect(points(5)).not.toEqual(points(6));
  });

  it('comes before the instructions at given addresses, the first one included', () => {
    const fib = bed.load('fib');
    const seen: number[] = [];
    bed.prepare(fib, 3);
    const argument = bed.core;
    const schedule: Schedule = { kind: 'at', addresses: [fib] };
    expect(
      runInterrupted(argument, schedule, ({ pc }) => {
        expect(pc).toBe(fib);
        seen.push(bed.argument(0));
      }),
    ).toEqual({ reason: 'exit' });
    expect(seen).toEqual([3, 2, 1, 0, 1]);
    expect(bed.call(fib, 3)).toEqual({ reason: 'exit' });
  });

  it('sees and may change memory and registers of that very moment', () => {
    const sum = bed.load('sum');
    const store = sum + (target === 'x86_64' ? 8 : 20);
    const partial: number[] = [];
    bed.prepare(sum, 4, bed.data.address);
    runInterrupted(bed.core, { kind: 'at', addresses: [store] }, ({ space }) => {
      partial.push(space.readU32(bed.data.address));
      if (partial.length === 4) space.writeU32(bed.data.address, 1000);
    });
    expect(partial).toEqual([4, 7, 9, 10]);
    expect(bed.space.readU32(bed.data.address)).toBe(1000);
  });

  it('goes on across host calls, at the same distance', () => {
    const ask = bed.load('ask');
    const interruptsWith = (schedule: Schedule) => {
      let interrupts = 0;
      bed.prepare(ask, 50, bed.core.hostCallStub);
      const interrupter = new Interrupter(bed.core, schedule, () => {
        interrupts++;
      });
      let stop = interrupter.run();
      let instructions = bed.core.executed;
      while (stop.reason === 'host-call') {
        bed.core.returnFromHostCall(1);
        stop = interrupter.run();
        instructions += bed.core.executed;
      }
      expect(bed.result).toBe(50);
      expect(interrupter.interrupts).toBe(interrupts);
      return { interrupts, instructions };
    };
    const every = interruptsWith({ kind: 'every', instructions: 13 });
    const total = target === 'x86_64' ? 6 + 5 * 50 + 5 : 4 + 5 * 50 + 2;
    expect(Math.abs(every.interrupts - total / 13)).toBeLessThanOrEqual(3);
    expect(interruptsWith({ kind: 'every-instruction' }).interrupts).toBe(total);
  });

  it('ends when the handler says so, and resumes without asking twice', () => {
    const fib = bed.load('fib');
    bed.prepare(fib, 5);
    const pcs: number[] = [];
    const interrupter = new Interrupter(bed.core, { kind: 'every-instruction' }, ({ pc }) => {
      pcs.push(pc);
      return pcs.length !== 3;
    });
    expect(interrupter.run()).toEqual({ reason: 'handler' });
    expect(bed.core.pc).toBe(pcs[2]);
    expect(interrupter.run()).toEqual({ reason: 'exit' });
    expect(pcs[3]).not.toBe(pcs[2]);
    expect(bed.result).toBe(8);
  });

  it('refuses an empty interval', () => {
    const nothing = () => {};
    expect(() => new Interrupter(bed.core, { kind: 'every', instructions: 0 }, nothing)).toThrow(RangeError);
    expect(() => new Interrupter(bed.core, { kind: 'random', seed: 1, mean: 0 }, nothing)).toThrow(
      RangeError,
    );
  });
});
