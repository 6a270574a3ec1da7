import { Forwarding } from '../ir/edit.ts';
import type { Func, Inst } from '../ir/function.ts';

/**
 * Removes phis whose inputs are all one value, or that value and the phi itself. Removing one can make another trivial, at
 * most once around each loop, so that a few sweeps in layout order find all.
 *
 * Needs: nothing. Leaves: no trivial phi.
 */
export function copies(func: Func): void {
  const forwarding = new Forwarding(func);
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of func.blocks) {
      if (block.phis.length === 0) continue;
      for (const phi of block.phis) {
        if (forwarding.isReplaced(phi)) continue;
        const value = onlyInput(phi, forwarding);
        if (value === null) continue;
        forwarding.replace(phi, value);
        changed = true;
      }
    }
  }
  if (!forwarding.any) return;
  for (const block of func.blocks) {
    if (block.phis.length > 0) block.phis = block.phis.filter((phi) => !forwarding.isReplaced(phi));
  }
  forwarding.updateAll(func);
}

/** The one value besides itself that reaches `phi`, or null if there are several (or none). */
export function onlyInput(phi: Inst, forwarding: Forwarding): Inst | null {
  let only: Inst | null = null;
  for (const arg of phi.args) {
    const value = forwarding.find(arg);
    if (value === phi || value === only) continue;
    if (only !== null) return null;
    only = value;
  }
  return only;
}
