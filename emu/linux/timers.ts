/**
 * Interval timers and POSIX timers. In virtual time they fire between two instructions, always the same two.
 */
import type { Clock } from './clock.ts';
import type { SignalInfo, Signals } from './signals.ts';

/** What a timer's time is measured by. */
export type TimerKind = 'wall' | 'cpu';

/** Times in nanoseconds of the timer's clock. */
export interface Timer {
  readonly kind: TimerKind;
  /** What to add to a time that the program gives to get one of `Timers.time`. */
  readonly offset: number;
  /** Absent for a timer that nobody is told about. */
  readonly info: SignalInfo | undefined;
  /** The signal sent last, of a timer that counts in it what came to pass until it is delivered. */
  sent: SignalInfo | undefined;
  /** When it fires next; undefined while it is not armed. */
  expires: number | undefined;
  interval: number;
}

/** setitimer(2): ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF with the signal of each. */
const INTERVAL_TIMERS: readonly { kind: TimerKind; signal: number }[] = [
  { kind: 'wall', signal: 14 },
  { kind: 'cpu', signal: 26 },
  { kind: 'cpu', signal: 27 },
];
const SI_KERNEL = 0x80;

const MAX_TIMERS = 64;

export class Timers {
  readonly #clock: Clock;
  readonly #intervalTimers: Timer[];
  readonly #timers: (Timer | undefined)[] = [];
  #armed = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#intervalTimers = INTERVAL_TIMERS.map(({ kind, signal }) => ({
      kind,
      offset: 0,
      info: { number: signal, code: SI_KERNEL },
      sent: undefined,
      expires: undefined,
      interval: 0,
    }));
  }

  /** Whether any is armed. */
  get armed(): boolean {
    return this.#armed > 0;
  }

  /** One of setitimer's, undefined for a number that there is not. */
  intervalTimer(which: number): Timer | undefined {
    return this.#intervalTimers[which];
  }

  /** One of timer_create's. */
  get(id: number): Timer | undefined {
    return this.#timers[id];
  }

  /** @returns the timer's number, or -1 when there are too many */
  create(
    { kind, offset }: Pick<Timer, 'kind' | 'offset'>,
    info: (id: number) => SignalInfo | undefined,
  ): number {
    let id = 0;
    while (this.#timers[id]) id++;
    if (id >= MAX_TIMERS) return -1;
    this.#timers[id] = { kind, offset, info: info(id), sent: undefined, expires: undefined, interval: 0 };
    return id;
  }

  delete(id: number): boolean {
    const timer = this.#timers[id];
    if (!timer) return false;
    this.set(timer, undefined, 0);
    this.#timers[id] = undefined;
    return true;
  }

  /** The time a timer's clock shows. */
  time(timer: Timer): number {
    return timer.kind === 'cpu' ? this.#clock.cpu : this.#clock.now;
  }

  /** Arms a timer, or disarms it. */
  set(timer: Timer, expires: number | undefined, interval: number): void {
    this.#armed += (expires === undefined ? 0 : 1) - (timer.expires === undefined ? 0 : 1);
    timer.expires = expires;
    timer.interval = interval;
  }

  /** Nanoseconds until the next one fires: of all while the program runs, of wall-clock timers while it sleeps. */
  untilNext(asleep: boolean): number | undefined {
    let least: number | undefined;
    for (const timer of this.#all()) {
      if (timer.expires === undefined || (asleep && timer.kind === 'cpu')) continue;
      const left = Math.max(0, timer.expires - this.time(timer));
      if (least === undefined || left < least) least = left;
    }
    return least;
  }

  /** Sends the signals of timers whose time has come. */
  fire(signals: Signals): void {
    for (const timer of this.#all()) {
      const now = this.time(timer);
      if (timer.expires === undefined || timer.expires > now) continue;
      const { interval } = timer;
      const overruns = interval > 0 ? Math.floor((now - timer.expires) / interval) : 0;
      const next = timer.expires + (overruns + 1) * interval;
      this.set(timer, interval > 0 ? next : undefined, interval);
      send(timer, overruns, signals);
    }
  }

  *#all(): Generator<Timer> {
    if (this.#armed === 0) return;
    yield* this.#intervalTimers;
    for (const timer of this.#timers) if (timer) yield timer;
  }
}

/** What was missed is one signal, as is all while a signal of the timer is pending; POSIX timers say how often that was (si_overrun). */
function send(timer: Timer, overruns: number, signals: Signals): void {
  const { info, sent } = timer;
  if (!info) return;
  if (!info.sender) {
    signals.send(info);
  } else if (sent?.sender && signals.isPending(sent)) {
    sent.sender[1] += overruns + 1;
  } else {
    timer.sent = { ...info, sender: [info.sender[0], overruns] };
    signals.send(timer.sent);
  }
}
