/**
 * Several cores that share memory, run as slices of one thread in an order that depends on a seed alone: the
 * same seed gives the same interleaving, instruction by instruction, and another seed another one.
 */
import type { Core, Stop } from './core.ts';
import { seededRandom } from './interrupts.ts';

export interface SchedulerOptions {
  /** Chooses the order of cores and the lengths of slices. */
  readonly seed: number;
  /** Shortest and longest slice, in instructions. Equal: all slices have that length. */
  readonly shortest: number;
  readonly longest: number;
}

/** What a core does after a stop that was not the end of its slice. */
export type Disposition =
  /** It may run on. */
  | 'ready'
  /** It waits until `wake`. */
  | 'waiting'
  /** It is done. */
  | 'finished';

/** Handles a core's stop: services the host call, wakes others, prepares the core to run on. */
export type StopHandler = (stop: Stop, core: Core) => Disposition;

interface Member {
  readonly core: Core;
  readonly onStop: StopHandler;
  state: Disposition;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #random: (below: number) => number;
  readonly #members = new Map<Core, Member>();
  #ready: Member[] = [];

  /** @throws {RangeError} when slices would have less than one instruction */
  constructor(options: SchedulerOptions) {
    if (!(options.shortest >= 1 && options.longest >= options.shortest)) {
      throw new RangeError(`slices of ${options.shortest} to ${options.longest} instructions`);
    }
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  /** Adds a core, ready to run from its program counter. Handlers may add cores, too. */
  add(core: Core, onStop: StopHandler): void {
    const member: Member = { core, onStop, state: 'ready' };
    this.#members.set(core, member);
    this.#ready.push(member);
  }

  /** Makes a waiting core ready. Returns whether it was waiting. */
  wake(core: Core): boolean {
    const member = this.#members.get(core);
    if (member?.state !== 'waiting') return false;
    member.state = 'ready';
    this.#ready.push(member);
    return true;
  }

  /** The cores that wait. */
  get waiting(): Core[] {
    return [...this.#members.values()].filter(({ state }) => state === 'waiting').map(({ core }) => core);
  }

  /**
   * Runs slices until no core is ready.
   *
   * @param maxSlices stop after so many, for programs that may never end
   * @returns 'finished' when all cores are done, 'deadlock' when those left all wait, 'running' after `maxSlices`
   */
  run(maxSlices = Number.POSITIVE_INFINITY): 'finished' | 'deadlock' | 'running' {
    for (let slices = 0; this.#ready.length > 0; slices++) {
      if (slices >= maxSlices) return 'running';
      this.#slice();
    }
    return this.#members.size > 0 ? 'deadlock' : 'finished';
  }

  #slice(): void {
    const { shortest, longest } = this.#options;
    const member = this.#ready[this.#random(this.#ready.length)];
    const stop = member.core.run({ maxInstructions: shortest + this.#random(longest - shortest + 1) });
    if (stop.reason === 'count') return;
    member.state = member.onStop(stop, member.core);
    if (member.state === 'ready') return;
    this.#ready = this.#ready.filter((other) => other !== member);
    if (member.state === 'finished') this.#members.delete(member.core);
  }
}
