import type { Target } from '../target.ts';
import { buildIntervals } from './intervals.ts';
import { LinearScan } from './linear-scan.ts';
import { computeLiveness } from './liveness.ts';
import type { MFunction } from './machine.ts';
import { Numbering } from './numbering.ts';
import { resolve } from './resolve.ts';
import { splitTiedGroups } from './tied-groups.ts';

/**
 * Register allocation: rewrites `func` from virtual to physical registers in place. Linear scan on SSA form with splitting of
 * intervals (Wimmer and Franz, "Linear Scan Register Allocation on SSA Form", CGO 2010).
 *
 * Needs blocks in layout order (each behind its immediate dominator, loops contiguous), critical edges split, virtual
 * registers defined once, physical ones in short ranges within a block (and live into the entry). Leaves no phi, pseudo or
 * virtual register, and sets spillSlots, savedRegisters, spills and reloads.
 * @throws InternalError if the function breaks these rules, or an instruction needs more registers than there are
 */
export function allocateRegisters(func: MFunction, target: Target): void {
  const bound = splitTiedGroups(func, target.instructions);
  const numbering = new Numbering(func.blocks, target.instructions);
  const liveness = computeLiveness(func, numbering);
  const intervals = buildIntervals(func, target, numbering, liveness);
  new LinearScan(func, target, numbering, intervals, bound).run();
  resolve(func, target, numbering, liveness, intervals);
}
