import { type MBlock, Mem, MInst, type RegClass } from '../../compiler/backend/machine.ts';
import { Type } from '../../compiler/ir/types.ts';
import type { Target } from '../../compiler/target.ts';
import { locations, lowering, native } from './abi.ts';
import { emit, emitTrap } from './emit.ts';
import { patch } from './encode.ts';
import { foldReload } from './fold-reload.ts';
import { emitEpilogue, emitPrologue, layoutFrame } from './frame.ts';
import { instructions, X } from './instructions.ts';
import { linux } from './linux.ts';
import { peephole } from './peephole.ts';
import { registers } from './registers.ts';
import { rules } from './select.ts';
import { guardBytes } from './select-memory.ts';

/** Rows by register class: int, f32, f64, v128. The allocator's instructions leave the flags alone. */
const moves = [X.mov + 1, X.movaps, X.movaps, X.movaps];
const loads = [X.mov + 1, X.load_f, X.load_f + 1, X.movups];
const stores = [X.store + 3, X.store_f, X.store_f + 1, X.movups_m];

const classOf = (type: Type): number =>
  type === Type.f32 ? 1 : type === Type.f64 ? 2 : type === Type.v128 ? 3 : 0;

function withMemory(op: number, defs: number[], uses: number[], mem: Mem): MInst {
  const inst = new MInst(op, defs, uses, -1);
  inst.mem = mem;
  return inst;
}

const spillSlot = (slot: number): Mem => new Mem(-1, slot, -1, 0, 'spill');

/** x86-64 at the level x86-64-v2: SSE4.2 and POPCNT, no VEX encodings. */
export const x86_64: Target = {
  name: 'x86_64',
  word: Type.i64,
  wordBytes: 8,
  registers,
  instructions,
  memory: { checks: false, guardBytes },
  lowering,
  shortBranches: true,
  loadRelocations: [],
  rules,
  locations,
  native,
  load: (type, def, mem) => withMemory(loads[classOf(type)], [def], [], mem),
  store: (type, use, mem) => withMemory(stores[classOf(type)], [], [use], mem),
  move: (cls: RegClass, def, use) => new MInst(moves[cls], [def], [use], -1),
  spill: (cls: RegClass, use, slot) => withMemory(stores[cls], [], [use], spillSlot(slot)),
  reload: (cls: RegClass, def, slot) => withMemory(loads[cls], [def], [], spillSlot(slot)),
  foldReload,
  jump(block: MBlock): MInst {
    const inst = new MInst(X.jmp, [], [], -1);
    inst.block = block;
    return inst;
  },
  invert(branch: MInst): boolean {
    if (branch.op !== X.jcc) return false;
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
  linux,
};
