import { type MBlock, Mem, MInst, type RegClass } from '../../compiler/backend/machine.ts';
import { Type } from '../../compiler/ir/types.ts';
import type { Target } from '../../compiler/target.ts';
import { locations, lowering, native } from './abi.ts';
import { emit, emitTrap, farCall, loadRelocations, patch } from './emit.ts';
import { emitEpilogue, emitPrologue, layoutFrame } from './frame.ts';
import { Cond, I, instructions } from './instructions.ts';
import { linux } from './linux.ts';
import { peephole } from './peephole.ts';
import { registers } from './registers.ts';
import { rules } from './select.ts';
import { guardBytes } from './select-memory.ts';

/** Rows by register class: int, f32, f64. The allocator's instructions leave the flags alone. */
const moves = [I.mov_register, I.vmov_f32, I.vmov_f64];
const loads = [I.ldr, I.vldr_f32, I.vldr_f64];
const stores = [I.str, I.vstr_f32, I.vstr_f64];
const classOf = (type: Type): number => (type === Type.f32 ? 1 : type === Type.f64 ? 2 : 0);

function withMemory(op: number, defs: number[], uses: number[], mem: Mem): MInst {
  const inst = new MInst(op, defs, uses, -1);
  inst.mem = mem;
  return inst;
}

const spillSlot = (slot: number): Mem => new Mem(-1, slot, -1, 0, 'spill');

/** ARMv7-A, the A32 instruction set as the Cortex-A9 has it: VFPv3-D32 and NEON, no division, no fused multiply-add. */
export const armv7: Target = {
  name: 'armv7',
  word: Type.i32,
  wordBytes: 4,
  registers,
  instructions,
  memory: { checks: true, guardBytes },
  lowering,
  shortBranches: false,
  loadRelocations,
  rules,
  locations,
  native,
  load: (type, def, mem) => withMemory(loads[classOf(type)], [def], [], mem),
  store: (type, use, mem) => withMemory(stores[classOf(type)], [], [use], mem),
  move: (cls: RegClass, def, use) => new MInst(moves[cls], [def], [use], -1),
  spill: (cls: RegClass, use, slot) => withMemory(stores[cls], [], [use], spillSlot(slot)),
  reload: (cls: RegClass, def, slot) => withMemory(loads[cls], [def], [], spillSlot(slot)),
  foldReload: () => false,
  jump(block: MBlock): MInst {
    const inst = new MInst(I.jump, [], [], -1);
    inst.block = block;
    return inst;
  },
  invert(branch: MInst): boolean {
    if (branch.op !== I.branch || branch.cond === Cond.al) return false;
    branch.cond ^= 1;
    return true;
  },
  peephole,
  layoutFrame,
  emitPrologue,
  emitEpilogue,
  emit,
  emitTrap,
  patch,
  farCall,
  linux,
};
