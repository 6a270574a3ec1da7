import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TARGETS } from '../unicorn/test-bed.ts';
import { POLL } from './descriptions.ts';
import { ERRNO } from './errno.ts';
import { DeadlockError } from './process.ts';
import { SA, SIGNAL, type SignalInfo } from './signals.ts';
import { CODE, COUNTING, ProcessBed } from './test-bed.ts';

const MONOTONIC = 1;

describe.each(TARGETS)('time of %s', (target) => {
  let bed: ProcessBed;
  const isX86 = target === 'x86_64';
  const clock = (id: number) => {
    const at = bed.room(16);
    expect(bed.call('clock_gettime', id, at)).toBe(0);
    return Number(bed.process.space.readU64(at)) * 1e9 + Number(bed.process.space.readU64(at + 8));
  };
  const time = (seconds: number, nanoseconds = 0) => {
    const at = bed.room(16);
    bed.process.space.writeU64(at, BigInt(seconds));
    bed.process.space.writeU64(at + 8, BigInt(nanoseconds));
    return at;
  };
  /** Runs the endless loop until so many signals came; returns how far it counted. */
  const count = (signals: number) => {
    const { core } = bed.process;
    core.pc = bed.text + CODE.loop;
    core.write(COUNTING[target], 0);
    const before = bed.handled;
    const to = (...offsets: number[]) => {
      core.setBreakpoints(offsets.map((offset) => bed.text + offset));
      bed.process.runToBreakpoint();
      core.setBreakpoints([]);
    };
    while (bed.handled - before < signals) to(CODE.handler + (isX86 ? 7 : 16));
    to(CODE.loop, CODE.loop + 4);
    return Number(core.read(COUNTING[target]));
  };

  beforeEach(() => {
    bed = new ProcessBed(target, { startTime: Date.UTC(2030, 0, 1, 12) + 0.5 });
  });
  afterEach(() => bed.dispose());

  it('is the same in every run, goes on with each system call, and begins where it is told to', () => {
    const [first, second] = [clock(0), clock(0)];
    expect(Math.floor(first / 1e9)).toBe(Date.UTC(2030, 0, 1, 12) / 1000);
    expect(second - first).toBeGreaterThan(0);
    const again = new ProcessBed(target, { startTime: Date.UTC(2030, 0, 1, 12) + 0.5 });
    const old = bed;
    bed = again;
    expect(clock(0)).toBe(first);
    old.dispose();
    expect(clock(MONOTONIC)).toBeLessThan(100e9);
    expect(bed.call('clock_gettime', 77, bed.room(16))).toBe(-ERRNO.EINVAL);
    const at = bed.room(16);
    expect(bed.call('clock_getres', MONOTONIC, at)).toBe(0);
    expect(bed.process.space.readU64(at + 8)).toBe(1n);
    if (!isX86) {
      expect(bed.call('clock_gettime32', 0, at)).toBe(0);
      expect(bed.process.space.readU32(at)).toBe(Math.floor(first / 1e9));
    }
  });

  it('sleeps at once, by a duration and until a time', () => {
    const begin = performance.now();
    const start = clock(MONOTONIC);
    expect(bed.call('clock_nanosleep', MONOTONIC, 0, time(3600), 0)).toBe(0);
    const slept = clock(MONOTONIC) - start;
    expect(slept).toBeGreaterThanOrEqual(3600e9);
    expect(slept).toBeLessThan(3600.001e9);
    const wake = Math.floor(clock(0) / 1e9) + 100;
    expect(bed.call('clock_nanosleep', 0, 1, time(wake), 0)).toBe(0);
    expect(Math.floor(clock(0) / 1e9)).toBe(wake);
    expect(clock(2)).toBeLessThan(0.001e9);
    expect(performance.now() - begin).toBeLessThan(2000);
    expect(bed.call('clock_nanosleep', MONOTONIC, 0, time(0, 1e9), 0)).toBe(-ERRNO.EINVAL);
    expect(bed.call('clock_nanosleep', 2, 0, time(1), 0)).toBe(-ERRNO.EOPNOTSUPP);
  });

  it('really sleeps in real time', () => {
    bed.dispose();
    bed = new ProcessBed(target, { realTime: true });
    const begin = performance.now();
    expect(Math.abs(clock(0) / 1e6 - Date.now())).toBeLessThan(1000);
    expect(bed.call('clock_nanosleep', MONOTONIC, 0, time(0, 50e6), 0)).toBe(0);
    expect(performance.now() - begin).toBeGreaterThan(49);
  });

  it('fires timers between the same two instructions in every run', () => {
    const runs = [0, 1].map(() => {
      bed.dispose();
      bed = new ProcessBed(target);
      bed.handle(SIGNAL.PROF, SA.SIGINFO | SA.RESTART);
      const period = bed.putWords(0, 10, 0, 10);
      expect(bed.call('setitimer', 2, period, 0)).toBe(0);
      return [1, 1, 3].map((signals) => count(signals));
    });
    expect(runs[0]).toEqual(runs[1]);
    // 10 us are 10,000 instructions, of which the loop has two a round, less 1 us for the handler's return.
    expect(runs[0][1]).toBeGreaterThan(4480);
    expect(runs[0][1]).toBeLessThan(4500);
    expect(runs[0][2]).toBeGreaterThan(13_450);
    expect(runs[0][2]).toBeLessThan(13_500);
  });

  it('has POSIX timers, with a value for the handler, relative and absolute', () => {
    bed.handle(40, SA.SIGINFO);
    const event = bed.room(64);
    bed.process.space.writePointer(event, 0x4321);
    bed.process.space.writeU32(event + (isX86 ? 8 : 4), 40);
    const id = bed.room(4);
    expect(bed.call('timer_create', MONOTONIC, event, id)).toBe(0);
    const timer = bed.process.space.readU32(id);
    const setting = (value: number, interval = 0) => {
      const at = bed.room(32);
      for (const [index, word] of [0, interval, Math.floor(value / 1e9), value % 1e9].entries()) {
        bed.process.space.writeU64(at + index * 8, BigInt(word));
      }
      return at;
    };
    expect(bed.call('timer_settime', timer, 0, setting(20_000), 0)).toBe(0);
    expect(count(1)).toBeGreaterThan(9900);
    const wake = clock(MONOTONIC) + 50_000;
    expect(bed.call('timer_settime', timer, 1, setting(wake, 7_000), 0)).toBe(0);
    const left = bed.room(32);
    expect(bed.call('timer_gettime', timer, left)).toBe(0);
    expect(bed.process.space.readU64(left + 8)).toBe(7000n);
    expect(count(1)).toBeGreaterThan(20_000);
    expect(count(1)).toBeGreaterThan(2980);
    expect(bed.call('timer_delete', timer)).toBe(0);
    expect(bed.call('timer_settime', timer, 0, setting(1), 0)).toBe(-ERRNO.EINVAL);
    expect(bed.call('timer_create', 55, event, id)).toBe(-ERRNO.EINVAL);
  });

  it('counts what a POSIX timer missed while its signal was blocked, and by a sleep', () => {
    bed.handle(SIGNAL.PROF, SA.SIGINFO);
    const event = bed.room(64);
    bed.process.space.writeU32(event + (isX86 ? 8 : 4), SIGNAL.PROF);
    const id = bed.room(4);
    expect(bed.call('timer_create', MONOTONIC, event, id)).toBe(0);
    const timer = bed.process.space.readU32(id);
    const mask = bed.room(8);
    bed.process.space.writeU32(mask, 1 << (SIGNAL.PROF - 1));
    const block = (how: number) => bed.call('rt_sigprocmask', how, mask, 0, 8);
    expect(block(0)).toBe(0);
    const setting = bed.room(32);
    [0, 10_000, 0, 10_000].forEach((word, k) => {
      bed.process.space.writeU64(setting + k * 8, BigInt(word));
    });
    expect(bed.call('timer_settime', timer, 0, setting, 0)).toBe(0);
    // The first is what is sent, five more come with it, and ten later ones by themselves.
    expect(bed.call('clock_nanosleep', MONOTONIC, 0, time(0, 65_000), 0)).toBe(0);
    for (let k = 0; k < 100; k++) bed.call('getpid');
    let sent: SignalInfo | undefined;
    const { signals } = bed.process;
    const take = signals.take.bind(signals);
    signals.take = () => {
      const info = take();
      sent ??= info;
      return info;
    };
    expect(block(1)).toBe(0);
    expect(sent).toMatchObject({ number: SIGNAL.PROF, code: -2, sender: [timer, 15] });
    // Seen by the handler where the kernel's structure has it, and no more of it in the next.
    sent = undefined;
    count(1);
    expect(sent).toMatchObject({ code: -2, sender: [timer, 0] });
  });

  it('wakes a sleep by an alarm', () => {
    bed.handle(SIGNAL.ALRM, 0);
    bed.call('setitimer', 0, bed.putWords(0, 0, 2, 0), 0);
    const left = bed.room(16);
    expect(bed.call('clock_nanosleep', MONOTONIC, 0, time(5), left)).toBe(-ERRNO.EINTR);
    expect(Number(bed.process.space.readU64(left))).toBe(3);
    expect(bed.handled).toBe(1);
  });

  it('polls streams, with a time-out that passes at once', () => {
    bed.dispose();
    let input: Uint8Array | null | undefined;
    bed = new ProcessBed(target, { stdin: () => input });
    const fds = bed.room(32);
    const set = (index: number, fd: number, events: number) => {
      bed.process.space.writeU32(fds + index * 8, fd);
      bed.process.space.writeU32(fds + index * 8 + 4, events);
    };
    const revents = (index: number) => bed.process.space.readU32(fds + index * 8 + 4) >>> 16;
    set(0, 0, POLL.IN);
    const start = clock(MONOTONIC);
    expect(bed.call('ppoll', fds, 1, time(10), 0, 0)).toBe(0);
    expect(clock(MONOTONIC) - start).toBeGreaterThanOrEqual(10e9);
    input = Buffer.from('x');
    expect(bed.call('ppoll', fds, 1, time(10), 0, 0)).toBe(1);
    expect(revents(0)).toBe(POLL.IN);
    set(1, 1, POLL.OUT);
    set(2, 99, POLL.IN);
    set(3, -1, POLL.IN);
    expect(bed.call('ppoll', fds, 4, 0, 0, 0)).toBe(3);
    expect([0, 1, 2, 3].map(revents)).toEqual([POLL.IN, POLL.OUT, POLL.NVAL, 0]);
    expect(bed.call('ppoll', fds, 4, time(0, 2e9), 0, 0)).toBe(-ERRNO.EINVAL);
  });

  it('says so when nothing can ever wake the program', () => {
    bed.dispose();
    bed = new ProcessBed(target, { stdin: () => undefined });
    expect(() => bed.call('read', 0, bed.room(4), 4)).toThrow(DeadlockError);
  });
});
