import type { Core, Stop } from './core.ts';
import { Interrupter, type Schedule } from './interrupts.ts';
import type { Machine, Runner } from './machine.ts';

/**
 * Samples which instruction a machine is at, and nothing of its stack: what a hardware profile of the same run would show. At every
 * instruction, an instruction's samples are how often it was executed.
 */
export class CodeSampler implements Runner {
  /** How often the instruction at an address was the next to run. */
  readonly counts = new Map<number, number>();
  private readonly machine: Machine;
  private readonly interrupter: Interrupter;

  /** @throws RangeError for an interval of less than one instruction */
  constructor(machine: Machine, schedule: Schedule) {
    this.machine = machine;
    this.interrupter = new Interrupter(machine.core, schedule, ({ pc }) => {
      this.counts.set(pc, (this.counts.get(pc) ?? 0) + 1);
    });
  }

  /** Samples while `body` runs. Returns or throws what it does. */
  during<T>(body: () => T): T {
    return this.machine.runUnder(this, body);
  }

  run(_core: Core): Stop {
    const stop = this.interrupter.run();
    if (stop.reason === 'handler') throw new TypeError('the sampler never ends a run');
    return stop;
  }

  entered(): void {}

  left(): void {}
}
