import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TARGETS } from '../unicorn/test-bed.ts';
import { ERRNO } from './errno.ts';
import { LAYOUTS } from './layouts.ts';
import { SA, SIGNAL } from './signals.ts';
import { CODE, COUNTING, ProcessBed } from './test-bed.ts';

const { SIGINFO, ONSTACK, RESTART, NODEFER, RESETHAND } = SA;

/** Offsets of the frame from siginfo and from ucontext: arch/x86/kernel/signal_64.c, arch/arm/kernel/signal.c. */
const CONTEXT = {
  x86_64: { pc: 40 + 128, sp: 40 + 120, trap: 40 + 160, error: 40 + 152, address: 40 + 176, mask: 296 },
  armv7: { pc: 20 + 72, sp: 20 + 64, trap: 20, error: 24, address: 20 + 80, mask: 104 },
};

describe.each(TARGETS)('signals of %s', (target) => {
  let bed: ProcessBed;
  const isX86 = target === 'x86_64';
  const info = () => Number(bed.process.core.read(isX86 ? 'rsi' : 'r1'));
  const context = () => Number(bed.process.core.read(isX86 ? 'rdx' : 'r2'));
  const word = (address: number) => bed.process.space.readPointer(address);
  /** Runs the endless loop for so many instructions. */
  const spin = (instructions: number) =>
    bed.process.runInterrupted({ kind: 'every', instructions }, () => false);
  /** Runs until the handler is entered, or the process has ended. */
  const toHandler = () =>
    bed.process.runInterrupted({ kind: 'at', addresses: [bed.text + CODE.handler] }, () => false);
  const loop = () => {
    bed.process.core.pc = bed.text + CODE.loop;
    bed.process.core.write(COUNTING[target], 0);
  };
  const alternate = (bytes = 8192) => {
    const at = bed.room(bytes);
    bed.call('sigaltstack', bed.putWords(at, 0, bytes), 0);
    return at;
  };

  beforeEach(() => {
    bed = new ProcessBed(target);
  });
  afterEach(() => bed.dispose());

  it('interrupts between any two instructions, and nothing of the program shows it', () => {
    bed.handle(SIGNAL.USR1, SIGINFO);
    loop();
    const { core } = bed.process;
    for (let index = 0; index < 16; index++) core.writeVector(index, new Uint8Array(16).fill(index + 1));
    core.floatControl = isX86 ? 0x3f80 : 0x0100_0000;
    const flags = isX86 ? 'rflags' : 'cpsr';
    core.write(flags, core.read(flags) | (isX86 ? 0x8d5n : 0xf000_0000n));
    const vectors = () => {
      core.readVectors();
      return [...core.vectors.subarray(0, 260)];
    };
    const inLoop = [CODE.loop, CODE.loop + 4].map((offset) => bed.text + offset);
    for (let step = 0; step < 50; step++) {
      const before = [[...core.registers], vectors()];
      bed.process.signal(SIGNAL.USR1);
      expect(core.pc).toBe(bed.text + CODE.handler);
      core.vectors.fill(0xee);
      core.writeVectors();
      bed.process.runInterrupted({ kind: 'at', addresses: inLoop }, () => false);
      expect([[...core.registers], vectors()]).toEqual(before);
      core.step();
    }
    expect([bed.handled, Number(core.read(COUNTING[target]))]).toEqual([50, 25]);
  });

  it('runs a handler to its end between two steps of the program', () => {
    bed.handle(SIGNAL.USR1, SIGINFO);
    loop();
    const { process } = bed;
    const { core } = process;
    for (let step = 0; step < 20; step++) {
      const { pc, sp } = core;
      process.signal(SIGNAL.USR1);
      expect(core.pc).toBe(bed.text + CODE.handler);
      expect(process.runHandler(SIGNAL.USR1)).toBeUndefined();
      expect([core.pc, core.sp]).toEqual([pc, sp]);
      expect(process.step()).toBeUndefined();
      expect(core.pc).not.toBe(pc);
    }
    expect([bed.handled, Number(core.read(COUNTING[target]))]).toEqual([20, 10]);
    process.exit({ exitCode: 3 });
    expect([process.step(), process.runHandler(SIGNAL.USR1)]).toEqual([{ exitCode: 3 }, { exitCode: 3 }]);
  });

  it('gives the handler the number, siginfo and a context with the interrupted registers', () => {
    bed.handle(SIGNAL.USR2, SIGINFO, 0b100);
    loop();
    spin(7);
    const { core } = bed.process;
    const [pc, sp] = [core.pc, core.sp];
    bed.process.signal(SIGNAL.USR2, { number: SIGNAL.USR2, code: -1, sender: [77, 88], value: [0x1234, 0] });
    expect(Number(core.read(isX86 ? 'rdi' : 'r0'))).toBe(SIGNAL.USR2);
    const { fields, value } = LAYOUTS[target].siginfo;
    const { readU32 } = { readU32: (at: number) => bed.process.space.readU32(at) };
    expect([readU32(info()), readU32(info() + 4), readU32(info() + 8) | 0]).toEqual([12, 0, -1]);
    expect([readU32(info() + fields), readU32(info() + fields + 4), readU32(info() + value)]).toEqual([
      77, 88, 0x1234,
    ]);
    expect([word(context() + CONTEXT[target].pc), word(context() + CONTEXT[target].sp)]).toEqual([pc, sp]);
    expect(bed.process.signals.blockedLow).toBe((1 << 11) | 0b100);
    expect(isX86 ? core.sp % 16 : core.sp % 8).toBe(isX86 ? 8 : 0);
    expect(sp - core.sp).toBeGreaterThanOrEqual(isX86 ? 128 + 512 + 440 : 888);
    // What the handler writes to the context is what the program goes on with.
    bed.process.space.writePointer(context() + CONTEXT[target].pc, bed.text + CODE.call);
    bed.process.runInterrupted({ kind: 'at', addresses: [bed.text + CODE.call] }, () => false);
    expect([core.pc, core.sp]).toEqual([bed.text + CODE.call, sp]);
    expect(bed.process.signals.blockedLow).toBe(0);
  });

  it('blocks, keeps one pending below 32, queues from 32 on, lowest number first', () => {
    for (const number of [10, 12, 40]) bed.handle(number, SIGINFO);
    const set = bed.put(Uint8Array.of(0, 0x0a, 0, 0, 0x80, 0, 0, 0));
    const old = bed.room(8);
    expect(bed.call('rt_sigprocmask', 0, set, 0, 8)).toBe(0);
    for (const number of [40, 12, 10, 10, 40]) expect(bed.call('kill', bed.process.pid, number)).toBe(0);
    expect(bed.handled).toBe(0);
    expect(bed.call('rt_sigpending', old, 8)).toBe(0);
    expect([...bed.bytes(old, 8)]).toEqual([0, 0x0a, 0, 0, 0x80, 0, 0, 0]);
    const order: number[] = [];
    bed.begin('rt_sigprocmask', 1, set, 0, 8);
    for (let count = 0; count < 4; count++) {
      toHandler();
      order.push(Number(bed.process.core.read(isX86 ? 'rdi' : 'r0')));
      if (count < 3) bed.process.core.step();
    }
    // The frames of all stand on each other: the last one pushed runs first.
    expect(order).toEqual([40, 40, 12, 10].sort((a, b) => b - a));
    expect(bed.call('rt_sigprocmask', 0, 0, old, 4)).toBe(-ERRNO.EINVAL);
    expect(bed.call('rt_sigprocmask', 9, set, old, 8)).toBe(-ERRNO.EINVAL);
  });

  it('runs handlers on the alternate stack, nested ones below', () => {
    const stack = alternate();
    bed.handle(SIGNAL.USR1, SIGINFO | ONSTACK);
    bed.handle(SIGNAL.USR2, SIGINFO | ONSTACK);
    loop();
    bed.process.signal(SIGNAL.USR1);
    const outer = bed.process.core.sp;
    expect(outer).toBeGreaterThan(stack);
    expect(outer).toBeLessThan(stack + 8192);
    const old = bed.room(24);
    bed.process.signal(SIGNAL.USR2);
    expect(bed.process.core.sp).toBeLessThan(outer);
    expect(bed.process.core.sp).toBeGreaterThan(stack);
    spin(isX86 ? 10 : 16);
    expect(bed.handled).toBe(2);
    expect(bed.process.core.sp).toBeGreaterThan(bed.data + 0x10000);
    expect(bed.call('sigaltstack', 0, old)).toBe(0);
    expect([word(old), bed.process.space.readU32(old + (isX86 ? 8 : 4))]).toEqual([stack, 0]);
    expect(bed.call('sigaltstack', bed.putWords(stack, 0, 100), 0)).toBe(-ERRNO.ENOMEM);
    expect(bed.call('sigaltstack', bed.putWords(stack, 2, 0), 0)).toBe(0);
    expect(bed.process.signals.stackBytes).toBe(0);
  });

  it('resets with SA_RESETHAND, and nests with SA_NODEFER', () => {
    bed.handle(SIGNAL.USR1, SIGINFO | NODEFER | RESETHAND);
    loop();
    bed.process.signal(SIGNAL.USR1);
    expect(bed.process.signals.isBlocked(SIGNAL.USR1)).toBe(false);
    bed.process.signal(SIGNAL.USR1);
    expect(bed.process.exitStatus).toEqual({ exitCode: 138, signal: 10 });
  });

  it.each([
    ['undefined', 4],
    ['load', 11],
    ['store', 11],
    ['breakpoint', 5],
  ] as const)('turns a fault into a signal: %s', (what, number) => {
    const bad = 0x3_1234;
    const run = () => {
      bed.process.core.write(COUNTING[target], bad);
      bed.process.core.pc = bed.text + CODE[what];
      return toHandler();
    };
    bed.handle(number, SIGINFO);
    expect(run()).toBeUndefined();
    const { core, space } = bed.process;
    expect(Number(core.read(isX86 ? 'rdi' : 'r0'))).toBe(number);
    const at = bed.text + CODE[what];
    const behind = isX86 && what === 'breakpoint' ? 1 : 0;
    expect(word(context() + CONTEXT[target].pc)).toBe(at + behind);
    const address = word(info() + LAYOUTS[target].siginfo.fields);
    if (number === 11) {
      expect([address, word(context() + CONTEXT[target].address)]).toEqual([bad, bad]);
      expect(space.readU32(info() + 8)).toBe(1);
      expect(word(context() + CONTEXT[target].trap)).toBe(14);
      const error = isX86 ? { load: 4, store: 6 } : { load: 7, store: 0x807 };
      expect(word(context() + CONTEXT[target].error)).toBe(error[what as 'load' | 'store']);
    } else if (number === 4) {
      expect([address, word(context() + CONTEXT[target].trap)]).toEqual([at, 6]);
    }
    // In the handler the signal is blocked: the next one ends the process.
    expect(run()).toEqual({ exitCode: 128 + number, signal: number });
  });

  it('tells a mapped page without the access from one that is not mapped', () => {
    bed.handle(SIGNAL.SEGV, SIGINFO);
    bed.process.core.write(COUNTING[target], bed.text);
    bed.process.core.pc = bed.text + CODE.store;
    toHandler();
    expect(bed.process.space.readU32(info() + 8)).toBe(2);
    expect(word(context() + CONTEXT[target].error)).toBe(isX86 ? 7 : 0x80f);
  });

  it('ends a process by a signal without handler, by a bad frame, by a stack that is full', () => {
    bed.call('kill', bed.process.pid, SIGNAL.TERM);
    expect(bed.process.exitStatus).toEqual({ exitCode: 143, signal: 15 });
    for (const spoil of [
      () => {
        bed.begin('rt_sigreturn');
        bed.process.core.sp = 0x1008;
      },
      () => {
        loop();
        bed.process.core.sp = bed.data + 64;
        bed.process.signal(SIGNAL.USR1);
      },
    ]) {
      bed.dispose();
      bed = new ProcessBed(target);
      bed.handle(SIGNAL.USR1, SIGINFO);
      spoil();
      expect(bed.process.run()).toEqual({ exitCode: 139, signal: 11 });
    }
  });

  it('ignores what is ignored, and refuses what cannot be handled', () => {
    const ignore = bed.putWords(1, 0, 0, 0, 0);
    expect(bed.call('rt_sigaction', SIGNAL.TERM, ignore, 0, 8)).toBe(0);
    expect(bed.call('kill', bed.process.pid, SIGNAL.TERM)).toBe(0);
    expect(bed.call('kill', 0, SIGNAL.CHLD)).toBe(0);
    expect(bed.call('tgkill', bed.process.pid, bed.process.pid, SIGNAL.WINCH)).toBe(0);
    const old = bed.room(64);
    expect(bed.call('rt_sigaction', SIGNAL.TERM, 0, old, 8)).toBe(0);
    expect(word(old)).toBe(1);
    expect(bed.call('rt_sigaction', SIGNAL.KILL, ignore, 0, 8)).toBe(-ERRNO.EINVAL);
    expect(bed.call('rt_sigaction', 65, ignore, 0, 8)).toBe(-ERRNO.EINVAL);
    expect(bed.call('rt_sigaction', SIGNAL.TERM, ignore, 0, 4)).toBe(-ERRNO.EINVAL);
    expect(bed.call('kill', 1, SIGNAL.TERM)).toBe(-ERRNO.ESRCH);
    expect(bed.call('kill', bed.process.pid, 65)).toBe(-ERRNO.EINVAL);
    expect(bed.call('kill', bed.process.pid, 0)).toBe(0);
    expect(bed.process.exitStatus).toBeUndefined();
  });

  it.each([
    ['SA_RESTART', RESTART, 4],
    ['without SA_RESTART', 0, -ERRNO.EINTR],
  ])('wakes a read that waits: %s', (_, flags, result) => {
    bed.dispose();
    const waits: string[] = [];
    let input: Uint8Array | undefined;
    bed = new ProcessBed(target, {
      stdin: () => input,
      onBlock: (process, call) => {
        waits.push(call);
        if (waits.length > 1) input = Buffer.from('text');
        process.signal(SIGNAL.USR1);
      },
    });
    bed.handle(SIGNAL.USR1, SIGINFO | flags);
    const at = bed.room(16);
    expect(bed.call('read', 0, at, 16)).toBe(result);
    expect(bed.handled).toBe(flags ? 2 : 1);
    expect(waits).toEqual(flags ? ['read', 'read'] : ['read']);
    if (flags) expect(bed.string(at, 4)).toBe('text');
  });

  it('wakes a sleep, which tells what is left, and a poll, whose mask holds meanwhile', () => {
    bed.dispose();
    bed = new ProcessBed(target, { onBlock: (process) => process.signal(SIGNAL.USR1) });
    bed.handle(SIGNAL.USR1, SIGINFO | RESTART);
    const [time, left] = [bed.room(16), bed.room(16)];
    bed.process.space.writeU64(time, 5n);
    expect(bed.call('clock_nanosleep', 1, 0, time, left)).toBe(-ERRNO.EINTR);
    const remains =
      Number(bed.process.space.readU64(left)) * 1e9 + Number(bed.process.space.readU64(left + 8));
    expect(remains).toBe(5e9);
    expect(bed.handled).toBe(1);
    // Blocked outside, open inside the call.
    const set = bed.put(Uint8Array.of(0, 2, 0, 0, 0, 0, 0, 0));
    bed.call('rt_sigprocmask', 0, set, 0, 8);
    expect(bed.call('ppoll', 0, 0, time, 0, 0)).toBe(0);
    expect(bed.handled).toBe(1);
    expect(bed.call('ppoll', 0, 0, time, bed.room(8), 8)).toBe(-ERRNO.EINTR);
    expect(bed.handled).toBe(2);
    expect(bed.process.signals.isBlocked(SIGNAL.USR1)).toBe(true);
  });

  it('delivers more than 20,000 signals in a second of processor time', () => {
    bed.handle(SIGNAL.USR1, SIGINFO);
    loop();
    const begin = process.cpuUsage();
    let sent = 0;
    bed.process.runInterrupted({ kind: 'every', instructions: 20 }, () => {
      bed.process.signal(SIGNAL.USR1);
      return ++sent < 5000;
    });
    expect(bed.handled).toBeGreaterThan(4990);
    const { user, system } = process.cpuUsage(begin);
    expect((user + system) / sent).toBeLessThan(50);
  });
});
