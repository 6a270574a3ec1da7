/**
 * Interrupting a core at chosen instructions, as a signal would, transparently: the interrupted code sees no
 * difference in registers, flags or memory.
 *
 * Each interrupt is a real stop of the core, so the handler sees registers and memory as they are between two
 * instructions, and may change both. At every instruction that costs 0.2 to 0.3 us, a reader of the stack
 * included: above 3 M interrupts/s. (A hook that calls JavaScript inside the run would take 0.1 us less, but its
 * handler could not redirect the core, run a signal handler on it, or throw.)
 */
import type { Core, Stop } from './core.ts';

/** At which instructions to interrupt. */
export type Schedule =
  /** Before every instruction, the first included. */
  | { readonly kind: 'every-instruction' }
  /** After each `instructions` instructions. */
  | { readonly kind: 'every'; readonly instructions: number }
  /** At intervals drawn evenly from 1 to `2 * mean - 1` instructions. */
  | { readonly kind: 'random'; readonly seed: number; readonly mean: number }
  /** Before the instructions at these addresses. */
  | { readonly kind: 'at'; readonly addresses: readonly number[] };

/**
 * What happens at an interrupt point. The core is stopped; its program counter is at the instruction that comes next.
 * Returning false ends the run; the next one begins with that instruction and does not ask again.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing goes on
export type InterruptHandler = (core: Core) => boolean | void;

/** Why an interrupted run ended: as any run, or because the handler said so. */
export type InterruptedStop = Stop | { readonly reason: 'handler' };

const HANDLER: InterruptedStop = { reason: 'handler' };

/**
 * Numbers that look random and depend on the seed alone: mulberry32, a 32-bit generator by Tommy Ettinger.
 *
 * @returns a function that gives integers from 0 to `below - 1`
 */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/**
 * Runs a core with interrupts. Host calls, faults and so on end a run as they end the core's own; the next run goes on with
 * the schedule where it was.
 */
export class Interrupter {
  /** Interrupt points so far. */
  interrupts = 0;
  readonly #core: Core;
  readonly #schedule: Schedule;
  readonly #handler: InterruptHandler;
  readonly #random: (below: number) => number;
  #untilNext: number;
  /** The handler ended the last run: it has seen the instruction that comes next. */
  #seen = false;

  /** @throws {RangeError} when an interval is not at least one instruction */
  constructor(core: Core, schedule: Schedule, handler: InterruptHandler) {
    this.#core = core;
    this.#schedule = schedule;
    this.#handler = handler;
    this.#random = seededRandom(schedule.kind === 'random' ? schedule.seed : 0);
    const { kind } = schedule;
    const shortest = kind === 'every' ? schedule.instructions : kind === 'random' ? schedule.mean : 1;
    if (!(shortest >= 1)) throw new RangeError(`an interval of ${shortest} instructions`);
    this.#untilNext = this.#interval();
  }

  /** Runs on from the core's program counter. */
  run(): InterruptedStop {
    switch (this.#schedule.kind) {
      case 'every-instruction':
        return this.#stepByStep();
      case 'at':
        return this.#fromStopToStop(this.#schedule.addresses);
      default:
        return this.#byIntervals();
    }
  }

  #stepByStep(): InterruptedStop {
    const core = this.#core;
    for (;;) {
      if (!this.#interrupt()) return HANDLER;
      const stop = core.step();
      if (stop.reason !== 'count') return stop;
    }
  }

  #byIntervals(): InterruptedStop {
    const core = this.#core;
    for (;;) {
      const stop = core.run({ maxInstructions: this.#untilNext });
      if (stop.reason !== 'count') {
        this.#untilNext = Math.max(1, this.#untilNext - core.executed);
        return stop;
      }
      this.#untilNext = this.#interval();
      this.interrupts++;
      if (this.#handler(core) === false) return HANDLER;
    }
  }

  #fromStopToStop(addresses: readonly number[]): InterruptedStop {
    const core = this.#core;
    if (addresses.includes(core.pc) && !this.#interrupt()) return HANDLER;
    this.#seen = false;
    core.setBreakpoints(addresses);
    try {
      for (;;) {
        const stop = core.run();
        if (stop.reason !== 'breakpoint') return stop;
        if (!this.#interrupt()) return HANDLER;
      }
    } finally {
      core.setBreakpoints([]);
    }
  }

  /** Calls the handler, unless it has seen this instruction; returns whether to go on. */
  #interrupt(): boolean {
    if (this.#seen) {
      this.#seen = false;
      return true;
    }
    this.interrupts++;
    this.#seen = this.#handler(this.#core) === false;
    return !this.#seen;
  }

  #interval(): number {
    if (this.#schedule.kind === 'random') return 1 + this.#random(2 * this.#schedule.mean - 1);
    return this.#schedule.kind === 'every' ? this.#schedule.instructions : 1;
  }
}

/** Runs a core from its program counter with interrupts until anything else stops it. */
export function runInterrupted(core: Core, schedule: Schedule, handler: InterruptHandler): InterruptedStop {
  return new Interrupter(core, schedule, handler).run();
}
