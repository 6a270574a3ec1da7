import type { OptimisationLevel } from '../../compiler/passes/pipeline.ts';
import { type MemoryOrder, type SchemeName, schemeNames } from '../../compiler/stack/scheme.ts';
import type { Target, TargetName } from '../../compiler/target.ts';
import type { SchemeCost } from '../model.ts';
import { type CountedRun, countModule } from './counts.ts';

/**
 * The memory orders that make different code on a target, each with the others that make the same. x86-64 needs no
 * instruction for `release`: it orders stores among themselves (SDM volume 3, 9.2.2).
 */
export const distinctOrders: Readonly<Record<TargetName, readonly (readonly MemoryOrder[])[]>> = {
  x86_64: [['relaxed', 'release'], ['seq_cst']],
  armv7: [['relaxed'], ['release'], ['seq_cst']],
};

export interface SchemeOptions {
  readonly target: Target;
  readonly level: OptimisationLevel;
  readonly n: number;
  /** Only the first of the orders. */
  readonly quick: boolean;
  /** Judges what each run gave; may throw. */
  readonly check: (run: CountedRun) => void;
}

/** Counts a module compiled with every scheme and order. */
export function schemeCosts(bytes: Uint8Array, options: SchemeOptions): SchemeCost[] {
  const { target, level, n, quick, check } = options;
  const costs: SchemeCost[] = [];
  for (const orders of distinctOrders[target.name].slice(0, quick ? 1 : undefined)) {
    const count = (scheme: SchemeName) => {
      const run = countModule(bytes, { target, level, scheme, order: orders[0] }, n);
      check(run);
      return { instructions: run.counted.instructions, codeBytes: run.codeBytes };
    };
    const none = count('none');
    for (const scheme of schemeNames) {
      const run = scheme === 'none' ? none : count(scheme);
      costs.push({
        scheme,
        orders,
        ...run,
        addedInstructions: run.instructions - none.instructions,
        addedCode: run.codeBytes - none.codeBytes,
      });
    }
  }
  return costs;
}
