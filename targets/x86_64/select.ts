import { ops } from '../../compiler/ir/ops.ts';
import type { SelectionRule } from '../../compiler/target.ts';
import { controlRules } from './select-control.ts';
import { floatRules } from './select-float.ts';
import { integerRules } from './select-integer.ts';
import { memoryRules } from './select-memory.ts';

/**
 * All selection rules, indexed by SSA operation number. Without one: word pairs, which this target never has, and entry
 * state and results, which the selection driver places.
 */
export const rules: readonly (SelectionRule | null)[] = ops.map(
  (_, op) =>
    integerRules.get(op) ?? floatRules.get(op) ?? memoryRules.get(op) ?? controlRules.get(op) ?? null,
);
