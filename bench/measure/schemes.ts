import type { OptimisationLevel } from '../../compiler/passes/pipeline.ts';
import { memoryOrders, type SchemeName, schemeNames } from '../../compiler/stack/scheme.ts';
import type { Target } from '../../compiler/target.ts';
import type { SchemeCost } from '../model.ts';
import { type CountedRun, countModule } from './counts.ts';

export interface SchemeOptions {
  readonly target: Target;
  readonly level: OptimisationLevel;
  readonly n: number;
  /** The first of the orders alone. */
  readonly quick: boolean;
  /** Judges what each run gave; may throw. */
  readonly check: (run: CountedRun) => void;
}

/** Counts a module compiled with every scheme and order. */
export function schemeCosts(bytes: Uint8Array, options: SchemeOptions): SchemeCost[] {
  const { target, level, n, quick, check } = options;
  const costs: SchemeCost[] = [];
  for (const order of quick ? memoryOrders.slice(0, 1) : memoryOrders) {
    const count = (scheme: SchemeName) => {
      const run = countModule(bytes, { target, level, scheme, order }, n);
      check(run);
      return { instructions: run.counted.instructions, codeBytes: run.codeBytes };
    };
    const none = count('none');
    for (const scheme of schemeNames) {
      const run = scheme === 'none' ? none : count(scheme);
      costs.push({
        scheme,
        order,
        ...run,
        addedInstructions: run.instructions - none.instructions,
        addedCode: run.codeBytes - none.codeBytes,
      });
    }
  }
  return costs;
}
