import { createCortexA9, estimateCycles } from './cortex-a9.ts';
import type { Machine } from './machine.ts';

/** What some work executed on an emulated core, and what came of it. */
export interface Measurement<T> {
  readonly value: T;
  /**
   * Instructions executed, exactly, and the same in every run that does the same: the module's, and the some 30 of the adapter for each
   * call from JavaScript.
   */
  readonly instructions: number;
  /**
   * On ARMv7: an estimate of cycles on a Cortex-A9 (docs/cortex-a9.md says what it leaves out). Undefined on x86-64, and where an
   * instruction was executed that the model does not know.
   */
  readonly cycles: number | undefined;
}

/**
 * Does `work` and counts what the machine's core executes until it is done.
 * @throws what `work` does; RangeError where the core is counting already
 */
export async function measure<T>(machine: Machine, work: () => T): Promise<Measurement<Awaited<T>>> {
  const { core } = machine;
  const model = machine.target === 'armv7' ? await createCortexA9() : undefined;
  if (core.counting) throw new RangeError('the machine is being measured already');
  core.counting = true;
  try {
    const value = await work();
    const estimate = model && estimateCycles(model, core);
    const cycles = estimate?.unknown.size === 0 ? estimate.cycles : undefined;
    return { value, instructions: core.instructionsExecuted(), cycles };
  } finally {
    core.counting = false;
  }
}
