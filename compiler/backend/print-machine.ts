import type { Target } from '../target.ts';
import { firstVirtual, type Mem, type MFunction, type MInst, Pseudo } from './machine.ts';

/**
 * Machine code as text, before or after register allocation: one instruction a line, `defs = name uses [memory] #imm`, physical registers by
 * the target's names, virtual ones as v0, v1...
 */
export function printMachine(func: MFunction, target: Target): string {
  const lines = [`function ${func.symbol.name}`];
  const register = (r: number): string => registerName(r, target);
  for (const block of func.blocks) {
    const preds = block.preds.map((pred) => `b${pred.id}`).join(' ');
    const notes = `${block.loopDepth > 0 ? ` depth ${block.loopDepth}` : ''}${block.cold ? ' cold' : ''}`;
    lines.push(`b${block.id}:${preds === '' ? '' : ` <- ${preds}`}${notes}`);
    for (const phi of block.phis) {
      lines.push(`  ${register(phi.def)} = phi ${phi.args.map(register).join(', ')}`);
    }
    for (const inst of block.insts) lines.push(`  ${printInst(inst, target)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** One instruction as text, as in {@link printMachine}. */
export function printInst(inst: MInst, target: Target): string {
  const register = (r: number): string => registerName(r, target);
  const parts: string[] = [];
  if (inst.defs.length > 0) parts.push(inst.defs.map(register).join(', '), '=');
  parts.push(operationName(inst.op, target));
  if (inst.cond !== 0) parts.push(`?${inst.cond}`);
  if (inst.uses.length > 0) parts.push(inst.uses.map(register).join(', '));
  if (inst.mem !== null) parts.push(printMem(inst.mem, register));
  if (inst.imm !== 0) parts.push(`#${inst.imm}`);
  if (inst.imm2 !== 0) parts.push(`#${inst.imm2}`);
  if (inst.temps.length > 0) parts.push(`temps ${inst.temps.map(register).join(', ')}`);
  if (inst.callee !== null && inst.callee.symbol >= 0) parts.push(`@${inst.callee.symbol}`);
  if (inst.block !== null) parts.push(`b${inst.block.id}`);
  if (inst.blocks !== null) parts.push(`{${inst.blocks.map((block) => `b${block.id}`).join(' ')}}`);
  return parts.join(' ');
}

function operationName(op: number, target: Target): string {
  if (op === Pseudo.copy) return 'copy';
  if (op === Pseudo.parallelMove) return 'parallel';
  return target.instructions[op].name;
}

function registerName(register: number, target: Target): string {
  if (register >= firstVirtual) return `v${register - firstVirtual}`;
  return target.registers.names[register] ?? `r${register}`;
}

function printMem(mem: Mem, register: (r: number) => string): string {
  const terms: string[] = [];
  if (mem.area !== 'address') terms.push(mem.area);
  if (mem.base >= 0) terms.push(register(mem.base));
  if (mem.index >= 0)
    terms.push(mem.scale > 0 ? `${register(mem.index)} << ${mem.scale}` : register(mem.index));
  if (mem.constant >= 0) terms.push(`constant ${mem.constant}`);
  if (mem.disp !== 0 || terms.length === 0 || mem.area === 'spill') terms.push(`${mem.disp}`);
  return `[${terms.join(' + ')}]`;
}
