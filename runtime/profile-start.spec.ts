import { describe, expect, test } from 'vitest';
import { type SystemCall, WasiBed } from './test-bed.ts';

const ENOSYS = -38;
const EAGAIN = -11;
const EPERM = -1;
const EEXIST = -17;
const EACCES = -13;

const SIGPROF = 27;
const SIG_BLOCK = 0;
const clocks = { monotonic: 1, processTime: 2, monotonicCoarse: 6 };
const ITIMER_PROF = 2;
const TIMER = 7;

/** Nanoseconds between two ticks of a kernel with 250 of them a second. */
const tick = 4_000_000;

const flag = { create: 0x40, exclusive: 0x80, truncate: 0x200 };

/** What a program did to start its profile, in terms of the kernel's structures. */
interface Started {
  readonly exitCode: number;
  readonly message: string;
  readonly handled: ReadonlySet<number>;
  readonly unblocked: bigint;
  /** Blocked since the program itself began. */
  readonly blocked: bigint;
  /** System calls since then. */
  readonly names: readonly string[];
  /** Name and flags of the profile's file. */
  readonly opened: readonly (readonly [string, number])[];
  /** The clock, the signal, and how it is to be told, of each timer_create. */
  readonly created: readonly (readonly number[])[];
  /** Number of the timer, interval and first time in nanoseconds, of each timer_settime; of each setitimer likewise. */
  readonly set: readonly (readonly number[])[];
  readonly setInterval: readonly (readonly number[])[];
}

/** Starts a program whose kernel answers some calls with errors (`openat` for the profile's file alone), and has signals ignored. */
function start(
  word: 4 | 8,
  rate: string | undefined,
  errors: Readonly<Record<string, number>> = {},
  ignored: readonly number[] = [],
  out: readonly string[] = [],
): Started {
  const bed = new WasiBed(word, [...(rate === undefined ? [] : [`FATHOM_PROFILE=${rate}`]), ...out]);
  const handled = new Set<number>();
  const created: number[][] = [];
  const set: number[][] = [];
  const setInterval: number[][] = [];
  let message = '';
  let unblocked = 0n;
  let blocked = 0n;
  const opened: [string, number][] = [];
  /** Four numbers of so many bytes. */
  const four = (at: number, bytes: number) =>
    Array.from({ length: 4 }, (_, k) => {
      const view = bed.view(at + k * bytes);
      return bytes === 8 ? Number(view.getBigUint64(0, true)) : view.getUint32(0, true);
    });
  const times = (at: number, bytes: number, unit: number) => {
    const [seconds, fraction, firstSeconds, firstFraction] = four(at, bytes);
    return [seconds * 1e9 + fraction * unit, firstSeconds * 1e9 + firstFraction * unit];
  };
  bed.kernel = ({ name, args }: SystemCall) => {
    if (name === 'write') {
      const text = new Uint8Array(bed.view(args[1]).buffer, bed.view(args[1]).byteOffset, args[2]);
      message += new TextDecoder().decode(text);
      return args[2];
    }
    if (name === 'openat') {
      const path = bed.text(args[1]);
      if (!path.endsWith('.folded')) return undefined;
      opened.push([path, args[2]]);
      return errors.openat;
    }
    if (errors[name] !== undefined) return errors[name];
    if (name.startsWith('clock_getres')) {
      const bytes = name.endsWith('_old') ? 4 : 8;
      const nanoseconds = args[0] === clocks.monotonicCoarse ? tick : 1;
      for (let k = 0; k < 2 * bytes; k += 4) bed.view(args[1] + k).setUint32(0, 0, true);
      bed.view(args[1] + bytes).setUint32(0, nanoseconds, true);
    } else if (name === 'rt_sigaction' && args[1] === 0) {
      bed.view(args[2]).setUint32(0, ignored.includes(args[0]) ? 1 : 0, true);
    } else if (name === 'rt_sigaction' && bed.view(args[1]).getUint32(0, true) !== 1) {
      handled.add(args[0]);
    } else if (name === 'rt_sigprocmask' && args[0] === SIG_BLOCK) {
      blocked |= bed.view(args[1]).getBigUint64(0, true);
    } else if (name === 'rt_sigprocmask') {
      unblocked = bed.view(args[1]).getBigUint64(0, true);
    } else if (name === 'timer_create') {
      const event = bed.view(args[1]);
      created.push([args[0], event.getUint32(word, true), event.getUint32(word + 4, true)]);
      bed.view(args[2]).setUint32(0, TIMER, true);
    } else if (name.startsWith('timer_settime')) {
      set.push([args[0], args[1], ...times(args[2], name.endsWith('_old') ? 4 : 8, 1)]);
    } else if (name === 'setitimer') {
      setInterval.push([args[0], ...times(args[1], word, 1000)]);
    }
    return undefined;
  };
  const exitCode = bed.run(() => {});
  const { names } = bed;
  return { exitCode, message, handled, unblocked, blocked, names, opened, created, set, setInterval };
}

describe.each([8, 4] as const)('with words of %d bytes', (word) => {
  test('without FATHOM_PROFILE there is no timer, and nothing between the program and its ends', () => {
    const { created, set, setInterval, handled } = start(word, undefined);
    expect([created, set, setInterval]).toEqual([[], [], []]);
    for (const signal of [2, 15, SIGPROF]) expect(handled).not.toContain(signal);
  });

  test('a rate above that of the ticks is one of time that passes', () => {
    for (const rate of [251, 1000, 10_000]) {
      const { created, set, setInterval } = start(word, String(rate));
      const period = Math.floor(1e9 / rate);
      expect(created).toEqual([[clocks.monotonic, SIGPROF, 0]]);
      expect(set).toEqual([[TIMER, 0, period, period]]);
      expect(setInterval).toEqual([]);
    }
  });

  test('any other is one of processor time', () => {
    for (const rate of [1, 2, 250]) {
      const { created, set } = start(word, String(rate));
      const period = Math.floor(1e9 / rate);
      expect(created).toEqual([[clocks.processTime, SIGPROF, 0]]);
      expect(set).toEqual([[TIMER, 0, period, period]]);
    }
  });

  test.each([
    ['timer_create', ENOSYS],
    ['timer_create', EAGAIN],
    ['timer_create', EPERM],
    ['timer_settime', EPERM],
  ])('a kernel that answers %s with %d is asked for the older timer', (call, error) => {
    expect(start(word, '1000', { [call]: error }).setInterval).toEqual([[ITIMER_PROF, 1e6, 1e6]]);
    expect(start(word, '1', { [call]: error }).setInterval).toEqual([[ITIMER_PROF, 1e9, 1e9]]);
  });

  test('where both timers are refused, a message says that there are no samples, and the program runs', () => {
    const refused = start(word, '1000', { timer_create: EPERM, setitimer: EPERM });
    expect(refused.exitCode).toBe(0);
    expect(refused.message).toBe('fathom: no samples: the kernel refuses a timer: error 1\n');
    expect(start(word, '1000', { timer_create: EPERM }).message).toBe('');
  });

  test('the file of no chosen name is made anew, and one that is asked for loses what was in it', () => {
    const [[name, flags]] = start(word, '1000').opened;
    expect(name).toBe('fathom.0.folded');
    expect(flags & (flag.create | flag.exclusive | flag.truncate)).toBe(flag.create | flag.exclusive);
    const [[path, others]] = start(word, '1000', {}, [], ['FATHOM_PROFILE_OUT=a.folded']).opened;
    expect(path).toBe('a.folded');
    expect(others & (flag.create | flag.exclusive | flag.truncate)).toBe(flag.create | flag.truncate);
  });

  test('where something has the name of that file, a message says so, and the program runs without a profile', () => {
    const taken = start(word, '1000', { openat: EEXIST });
    expect([taken.exitCode, taken.message]).toEqual([
      0,
      'fathom: no profile: fathom.0.folded: taken already\n',
    ]);
    expect([taken.created, taken.setInterval]).toEqual([[], []]);
    for (const signal of [2, 15, SIGPROF]) expect(taken.handled).not.toContain(signal);
    expect(start(word, '1000', { openat: EACCES }).exitCode).toBe(2);
    expect(start(word, '1000', { openat: EEXIST }, [], ['FATHOM_PROFILE_OUT=a.folded']).exitCode).toBe(2);
  });

  test('signals that would end it are blocked when it ends by itself, before the profile is written', () => {
    const { blocked, names } = start(word, '1000');
    for (const signal of [2n, 4n, 7n, 8n, 11n, 15n]) expect(blocked & (1n << (signal - 1n))).not.toBe(0n);
    expect(names).toEqual(['rt_sigprocmask']);
    expect(start(word, undefined).blocked).toBe(0n);
  });

  test('no rate is out of range and heeded', () => {
    const wrong = ['0', '00', '10001', '99999999999999999999', '4294967297', '-1', '+1', '1e3', '0x10'];
    for (const rate of [...wrong, ' 1', '1 ', '1.5', '1;', '\u0661']) {
      const { exitCode, message, created, setInterval } = start(word, rate);
      expect([rate, exitCode, message]).toEqual([
        rate,
        2,
        'fathom: FATHOM_PROFILE must be a number from 1 to 10000\n',
      ]);
      expect([created, setInterval]).toEqual([[], []]);
    }
    expect(start(word, '0000250').exitCode).toBe(0);
    expect(start(word, '').created).toEqual([]);
  });

  test('signals that end a program are handled, but for those that it ignores, and stay blocked where they were', () => {
    const both = start(word, '100');
    for (const signal of [2, 15, SIGPROF]) expect(both.handled).toContain(signal);
    for (const signal of [2n, 15n]) expect(both.unblocked & (1n << (signal - 1n))).toBe(0n);
    const one = start(word, '100', {}, [2]);
    expect(one.handled).toContain(15);
    expect(one.handled).not.toContain(2);
  });
});

test('on ARM, a kernel before 5.1 has 32-bit times alone', () => {
  const missing = { clock_getres: ENOSYS, timer_settime: ENOSYS };
  const fast = start(4, '1000', missing);
  expect(fast.created).toEqual([[clocks.monotonic, SIGPROF, 0]]);
  expect(fast.set).toEqual([[TIMER, 0, 1e6, 1e6]]);
  expect(fast.setInterval).toEqual([]);
  expect(start(4, '100', missing).created).toEqual([[clocks.processTime, SIGPROF, 0]]);
  // The call that says so may also be the timer's own.
  expect(start(4, '1000', { timer_settime: ENOSYS }).set).toEqual([[TIMER, 0, 1e6, 1e6]]);
});
