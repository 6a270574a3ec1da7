import { InstFlag, type InstructionInfo } from '../target.ts';
import { firstVirtual, type MFunction, MInst, Pseudo } from './machine.ts';

/**
 * Two-address forms glued behind another instruction (a conditional move behind its compare) leave no place for the copy of
 * uses[0] that they may need. So the copy is made before the whole group, where it can be coalesced away, and the
 * two-address form goes on with that register.
 */
export function splitTiedGroups(func: MFunction, instructions: readonly InstructionInfo[]): void {
  for (const block of func.blocks) {
    const { insts } = block;
    let head = 0;
    for (let i = 0; i < insts.length; i++) {
      const inst = insts[i];
      const flags = inst.op < 0 ? 0 : instructions[inst.op].flags;
      if ((flags & InstFlag.tied) !== 0 && i > head && renameTied(insts, head, i)) {
        insts.splice(head, 0, new MInst(Pseudo.copy, [inst.defs[0]], [inst.uses[0]], inst.origin));
        inst.uses[0] = inst.defs[0];
        i++;
        head++;
      }
      if ((flags & InstFlag.glued) === 0) head = i + 1;
    }
  }
}

/** Renames uses of the tied value in [head, at) so that it can end at the copy; false if the group itself makes the value. */
function renameTied(insts: readonly MInst[], head: number, at: number): boolean {
  const [def] = insts[at].defs;
  const [use] = insts[at].uses;
  if (def < firstVirtual || use < firstVirtual) return false;
  for (let k = head; k < at; k++) if (insts[k].defs.includes(use)) return false;
  for (let k = head; k < at; k++) {
    const { uses, mem } = insts[k];
    for (let i = 0; i < uses.length; i++) if (uses[i] === use) uses[i] = def;
    if (mem === null) continue;
    if (mem.base === use) mem.base = def;
    if (mem.index === use) mem.index = def;
  }
  return true;
}
