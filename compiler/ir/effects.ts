import type { Inst } from './function.ts';
import { Effect, effects } from './ops.ts';
import { Region, Type } from './types.ts';

/** True for accesses of linear memory: the guard region, or on some targets nothing else, checks their bounds. */
function isLinear(inst: Inst): boolean {
  return inst.region >= Region.memory && inst.region < Region.global;
}

/** True if executing `inst` may trap. Beyond what the table says, accesses of linear memory may, by faulting. */
export function canTrap(inst: Inst): boolean {
  const bits = effects(inst.op);
  if ((bits & (Effect.traps | Effect.calls)) !== 0) return true;
  return (bits & (Effect.reads | Effect.writes)) !== 0 && isLinear(inst);
}

/** True if `inst` has to be executed even if nothing uses its value. */
export function isRoot(inst: Inst): boolean {
  const bits = effects(inst.op);
  if ((bits & (Effect.writes | Effect.traps | Effect.calls | Effect.terminates)) !== 0) return true;
  if ((bits & Effect.reads) !== 0) return isLinear(inst);
  return (bits & Effect.pinned) !== 0 && inst.type === Type.none;
}
