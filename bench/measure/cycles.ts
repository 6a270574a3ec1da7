import { type CortexA9, createCortexA9 } from '../../emu/cortex-a9.ts';

let model: CortexA9 | undefined;

/** Makes the cycle model ready, which loads a disassembler. */
export async function loadCycleModel(): Promise<CortexA9> {
  model ??= await createCortexA9();
  return model;
}
