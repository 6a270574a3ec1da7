import { InstFlag, type Target } from '../target.ts';
import { Mem, MInst } from './machine.ts';

/** Index of the use of `register` in `inst` if it is its only operand there, else -1. */
export function onlyUse(inst: MInst, register: number): number {
  if (inst.op < 0 || inst.defs.includes(register)) return -1;
  if (inst.mem !== null && (inst.mem.base === register || inst.mem.index === register)) return -1;
  const index = inst.uses.indexOf(register);
  return inst.uses.indexOf(register, index + 1) < 0 ? index : -1;
}

/** Whether `inst` could read its operand `register` from a spill slot: asks the target, on a copy. */
export function canFold(target: Target, inst: MInst, register: number): boolean {
  const index = onlyUse(inst, register);
  if (index < 0) return false;
  if (index === 0 && (target.instructions[inst.op].flags & InstFlag.tied) !== 0) return false;
  const trial = copyInst(inst);
  trial.block = inst.block;
  trial.blocks = inst.blocks;
  return target.foldReload(trial, index, 0);
}

/** A fresh copy of an instruction that is no branch. */
export function copyInst(inst: MInst): MInst {
  const copy = new MInst(inst.op, inst.defs.slice(), inst.uses.slice(), inst.origin);
  copy.temps = inst.temps;
  const mem = inst.mem;
  if (mem !== null) copy.mem = new Mem(mem.base, mem.disp, mem.index, mem.scale, mem.area, mem.constant);
  copy.imm = inst.imm;
  copy.imm2 = inst.imm2;
  copy.cond = inst.cond;
  copy.callee = inst.callee;
  copy.clobbers = inst.clobbers;
  copy.trap = inst.trap;
  return copy;
}
