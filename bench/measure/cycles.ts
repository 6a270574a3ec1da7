import type { Core } from '../../emu/core.ts';
import { type CortexA9, createCortexA9 } from '../../emu/cortex-a9.ts';

let model: CortexA9 | undefined;

/** Makes the cycle model ready, which loads a disassembler. */
export async function loadCycleModel(): Promise<CortexA9> {
  model ??= await createCortexA9();
  return model;
}

/** Estimated cycles of all that an ARMv7 core executed since its counting was turned on. */
export function estimateCycles(model: CortexA9, core: Core): number {
  const read = (address: number, size: number): Uint8Array => core.space.readBytes(address, size);
  return model.programCycles(core.executedBlocks(), read).cycles;
}
