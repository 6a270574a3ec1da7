import type { Core, Stop } from '../../emu/core.ts';
import { Interrupter } from '../../emu/interrupts.ts';
import type { Machine, Runner } from '../../emu/machine.ts';
import { TrueStack } from '../../emu/stack/true-stack.ts';

/** Runs code on a machine, interrupts it before every instruction, and follows its calls and returns. */
export class InterruptedRun implements Runner {
  readonly truth: TrueStack;
  private readonly machine: Machine;
  private readonly interrupter: Interrupter;

  /** @param look told before each instruction; the true stack is up to date then */
  constructor(machine: Machine, look: () => void) {
    this.machine = machine;
    this.truth = new TrueStack(machine.core);
    this.interrupter = new Interrupter(machine.core, { kind: 'every-instruction' }, () => {
      this.truth.observe();
      look();
    });
  }

  /** Interrupts while `body` runs. Returns or throws what it does. */
  during<T>(body: () => T): T {
    return this.machine.runUnder(this, body);
  }

  run(_core: Core): Stop {
    const stop = this.interrupter.run();
    this.truth.observe();
    if (stop.reason === 'handler') throw new TypeError('looking never ends a run');
    return stop;
  }

  entered(adapter: number): void {
    this.truth.enter(adapter, this.machine.core.exitStub);
  }

  left(stackPointer: number): void {
    this.truth.unwindTo(stackPointer);
  }
}
