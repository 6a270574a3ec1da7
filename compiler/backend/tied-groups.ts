import { InstFlag, type InstructionInfo } from '../target.ts';
import { firstVirtual, Mem, type MFunction, MInst, Pseudo } from './machine.ts';

/**
 * Two-address forms glued behind another instruction (a conditional move behind its compare) leave no place for the copy of
 * uses[0] that they may need. So a copy of their own is made before the whole group, where it can be coalesced away. Returns,
 * by the register that such a form defines, the one that it reads there and must share its register with.
 */
export function splitTiedGroups(
  func: MFunction,
  instructions: readonly InstructionInfo[],
): ReadonlyMap<number, number> {
  const bound = new Map<number, number>();
  for (const block of func.blocks) {
    const { insts } = block;
    let head = 0;
    for (let i = 0; i < insts.length; i++) {
      const inst = insts[i];
      const flags = inst.op < 0 ? 0 : instructions[inst.op].flags;
      if ((flags & InstFlag.tied) !== 0 && i > head && inst.defs[0] >= firstVirtual) {
        if (!isMadeInside(insts, head, i)) {
          const copy = func.newVirtual(func.classes[inst.defs[0] - firstVirtual]);
          insts.splice(head, 0, new MInst(Pseudo.copy, [copy], [inst.uses[0]], inst.origin));
          i++;
          head++;
          renameTied(insts, head, i, copy);
        }
        bound.set(inst.defs[0] - firstVirtual, inst.uses[0] - firstVirtual);
      }
      if ((flags & InstFlag.glued) === 0) head = i + 1;
    }
  }
  return bound;
}

/** Whether uses[0] of instruction `at` is written in [head, at) itself. */
function isMadeInside(insts: readonly MInst[], head: number, at: number): boolean {
  for (let k = head; k < at; k++) if (insts[k].defs.includes(insts[at].uses[0])) return true;
  return false;
}

/** Lets all of [head, at] read `copy` in place of uses[0] of `at`, which can thus end before the group. */
function renameTied(insts: readonly MInst[], head: number, at: number, copy: number): void {
  const [use] = insts[at].uses;
  for (let k = head; k < at; k++) {
    const { uses, mem } = insts[k];
    for (let i = 0; i < uses.length; i++) if (uses[i] === use) uses[i] = copy;
    if (mem === null || (mem.base !== use && mem.index !== use)) continue;
    const base = mem.base === use ? copy : mem.base;
    const index = mem.index === use ? copy : mem.index;
    insts[k].mem = new Mem(base, mem.disp, index, mem.scale, mem.area, mem.constant);
  }
  insts[at].uses[0] = copy;
}
