/**
 * What time it is for the program: time that only the program moves, the same in every run, or the host's.
 */

/** Numbers of clocks (include/uapi/linux/time.h) by what they show. */
const CLOCKS: Readonly<Record<number, 'real' | 'monotonic' | 'cpu'>> = {
  0: 'real',
  1: 'monotonic',
  2: 'cpu',
  3: 'cpu',
  4: 'monotonic',
  5: 'real',
  6: 'monotonic',
  7: 'monotonic',
  8: 'real',
  9: 'monotonic',
  11: 'real',
};

/** Virtual time when a process starts: 2025-01-01 00:00:00 UTC, ten seconds after the machine did. */
const DEFAULT_START = 1_735_689_600_000;
const UP_SINCE = 10e9;

const SECOND = 1e9;

export interface ClockOptions {
  /** The host's clocks, and sleeps that last. */
  readonly realTime?: boolean | undefined;
  /** Virtual time at the start, in milliseconds since 1970. */
  readonly startTime?: number | undefined;
}

/** Times are in nanoseconds since the machine started: below 2^53 for a hundred days. */
export class Clock {
  readonly realTime: boolean;
  readonly #startSeconds: number;
  readonly #startNanoseconds: number;
  readonly #hostStart = process.hrtime.bigint();
  readonly #cpuStart = process.cpuUsage();
  #now = UP_SINCE;
  #slept = UP_SINCE;

  constructor({ realTime = false, startTime }: ClockOptions) {
    this.realTime = realTime;
    const start = startTime ?? (realTime ? Date.now() : DEFAULT_START);
    this.#startSeconds = Math.floor(start / 1000) - UP_SINCE / SECOND;
    this.#startNanoseconds = Math.round((start % 1000) * 1e6);
  }

  /** Monotonic time. */
  get now(): number {
    return this.realTime ? UP_SINCE + Number(process.hrtime.bigint() - this.#hostStart) : this.#now;
  }

  /** Processor time used. */
  get cpu(): number {
    if (!this.realTime) return this.#now - this.#slept;
    const { user, system } = process.cpuUsage(this.#cpuStart);
    return (user + system) * 1000;
  }

  /** The program ran for so long. */
  ran(nanoseconds: number): void {
    this.#now += nanoseconds;
  }

  /** Sleeps until `time`: at once in virtual time, really in real time. */
  sleepUntil(time: number): void {
    const nanoseconds = time - this.now;
    if (nanoseconds <= 0) return;
    if (this.realTime) {
      Atomics.wait(NEVER_NOTIFIED, 0, 0, nanoseconds / 1e6);
    } else {
      this.#now += nanoseconds;
      this.#slept += nanoseconds;
    }
  }

  /** Seconds and nanoseconds that a clock shows, undefined for a clock that there is not. */
  read(clock: number): { seconds: number; nanoseconds: number } | undefined {
    const kind = CLOCKS[clock];
    if (kind === undefined) return undefined;
    const base = kind === 'cpu' ? this.cpu : this.now;
    const time = kind === 'real' ? base + this.#startNanoseconds : base;
    const seconds = Math.floor(time / SECOND);
    return {
      seconds: seconds + (kind === 'real' ? this.#startSeconds : 0),
      nanoseconds: time - seconds * SECOND,
    };
  }

  /** What to add to a clock's time to get `now`, or the processor time; undefined for a clock that there is not. */
  offset(clock: number): { kind: 'wall' | 'cpu'; offset: number } | undefined {
    const kind = CLOCKS[clock];
    if (kind === undefined) return undefined;
    if (kind !== 'real') return { kind: kind === 'cpu' ? 'cpu' : 'wall', offset: 0 };
    return { kind: 'wall', offset: -(this.#startSeconds * SECOND + this.#startNanoseconds) };
  }
}

const NEVER_NOTIFIED = new Int32Array(new SharedArrayBuffer(4));
