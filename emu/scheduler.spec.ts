import { describe, expect, it } from 'vitest';
import { Scheduler } from './scheduler.ts';
import { type ProgramName, TARGETS, TestBed } from './unicorn/test-bed.ts';

describe.each(TARGETS)('Scheduler on %s', (target) => {
  /** Several cores on one address space run the same function on the same memory. */
  const contend = (program: ProgramName, cores: number, rounds: number, seed: number, longest = 9) => {
    const first = new TestBed(target);
    const beds = [first, ...Array.from({ length: cores - 1 }, () => new TestBed(target, first))];
    const scheduler = new Scheduler({ seed, shortest: 1, longest });
    const function_ = first.load(program);
    const order: number[] = [];
    for (const [index, bed] of beds.entries()) {
      bed.prepare(function_, rounds, first.data.address);
      scheduler.add(bed.core, (stop) => {
        expect(stop).toEqual({ reason: 'exit' });
        order.push(index);
        return 'finished';
      });
    }
    const outcome = scheduler.run();
    const words = [0, 4].map((offset) => first.space.readU32(first.data.address + offset));
    for (const bed of beds) bed.core.dispose();
    return { outcome, words, order };
  };

  it.each([1, 2, 3, 4])('loses no atomic increment (seed %i)', (seed) => {
    expect(contend('lock', 3, 500, seed)).toMatchObject({ outcome: 'finished', words: [1500, 0] });
  });

  it.each([1, 2, 3, 4])('keeps a spin lock exclusive (seed %i)', (seed) => {
    expect(contend('spin', 4, 200, seed)).toMatchObject({ outcome: 'finished', words: [0, 800] });
  });

  it('really interleaves: increments that are not atomic get lost', () => {
    // `sum` adds 1 at the end of each round; on x86-64 its read-modify-write is one instruction.
    const { words } = contend('sum', 2, 300, 1, 3);
    const both = 2 * ((300 * 301) / 2);
    if (target === 'armv7') expect(words[0]).toBeLessThan(both);
    else expect(words[0]).toBe(both);
  });

  it('repeats itself for the same seed', () => {
    const run = (seed: number) => contend('sum', 3, 100, seed, 20);
    expect(run(11)).toEqual(run(11));
    const outcomes = new Set([1, 2, 3, 4, 5, 6, 7, 8].map((seed) => run(seed).order.join()));
    expect(outcomes.size).toBeGreaterThan(1);
  });

  it('lets cores wait and wakes them, and tells a deadlock', () => {
    const first = new TestBed(target);
    const second = new TestBed(target, first);
    const ask = first.load('ask');
    const scheduler = new Scheduler({ seed: 1, shortest: 5, longest: 5 });
    let wakeSecond = true;
    const asked: string[] = [];
    for (const [name, bed] of Object.entries({ first, second })) {
      bed.prepare(ask, 2, bed.core.hostCallStub);
      scheduler.add(bed.core, (stop, core) => {
        if (stop.reason === 'exit') return 'finished';
        asked.push(name);
        core.returnFromHostCall();
        if (bed === second) return 'waiting';
        if (wakeSecond) scheduler.wake(second.core);
        return 'ready';
      });
    }
    expect(scheduler.run()).toBe('deadlock');
    expect(scheduler.waiting).toEqual([second.core]);
    wakeSecond = false;
    while (scheduler.wake(second.core)) scheduler.run();
    expect(scheduler.run()).toBe('finished');
    expect(asked.filter((name) => name === 'second')).toHaveLength(2);
    for (const bed of [first, second]) bed.core.dispose();
  });

  it('can be stopped after some slices', () => {
    const bed = new TestBed(target);
    // Jumps to itself.
    const forever = bed.load(target === 'x86_64' ? [0xeb, 0xfe] : [0xfe, 0xff, 0xff, 0xea]);
    bed.prepare(forever);
    const scheduler = new Scheduler({ seed: 1, shortest: 100, longest: 100 });
    scheduler.add(bed.core, () => 'finished');
    expect(scheduler.run(50)).toBe('running');
    bed.core.dispose();
  });
});

describe('Scheduler', () => {
  it('refuses empty slices', () => {
    expect(() => new Scheduler({ seed: 1, shortest: 0, longest: 5 })).toThrow(RangeError);
    expect(() => new Scheduler({ seed: 1, shortest: 5, longest: 4 })).toThrow(RangeError);
  });
});
