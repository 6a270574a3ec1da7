import { Forwarding } from '../ir/edit.ts';
import type { Func, Inst } from '../ir/function.ts';

/**
 * Removes the phis among `phis` (all of the function's) whose inputs are one value and themselves, and whatever becomes
 * such by that (Braun et al., algorithm 3), then updates every instruction that refers to them. As wasm's control flow
 * is reducible, what remains is minimal.
 */
export function removeTrivialPhis(func: Func, phis: readonly Inst[]): void {
  if (phis.length === 0) return;
  const forwarding = new Forwarding(func);
  const users = phiUsers(func, phis);
  const worklist = phis.slice();
  for (let phi = worklist.pop(); phi !== undefined; phi = worklist.pop()) {
    if (forwarding.isReplaced(phi)) continue;
    const value = onlyInput(phi, forwarding);
    if (value === null) continue;
    forwarding.replace(phi, value);
    // Users of the phi now use the value: if that is a phi as well, its removal concerns them too.
    const own = users[phi.id];
    if (own === undefined) continue;
    for (const user of own) worklist.push(user);
    const others = users[value.id];
    if (others !== undefined) for (const user of own) others.push(user);
  }
  if (!forwarding.any) return;
  for (const block of func.blocks) {
    if (block.phis.length > 0) block.phis = block.phis.filter((phi) => !forwarding.isReplaced(phi));
  }
  forwarding.updateAll(func);
}

/** The phis that use each phi, by its number. */
function phiUsers(func: Func, phis: readonly Inst[]): (Inst[] | undefined)[] {
  const users = new Array<Inst[] | undefined>(func.instCount);
  for (const phi of phis) users[phi.id] = [];
  for (const phi of phis) {
    for (const arg of phi.args) {
      const list = users[arg.id];
      if (list !== undefined && list[list.length - 1] !== phi) list.push(phi);
    }
  }
  return users;
}

/** The one value that reaches `phi` besides itself, or null where there are several. */
function onlyInput(phi: Inst, forwarding: Forwarding): Inst | null {
  let only: Inst | null = null;
  for (const arg of phi.args) {
    const value = forwarding.find(arg);
    if (value === only || value === phi) continue;
    if (only !== null) return null;
    only = value;
  }
  return only;
}
