import type { Mem, MInst } from '../../compiler/backend/machine.ts';
import { Cond, instructions, Operand } from './instructions.ts';
import { Reg, registers } from './registers.ts';

const conditionNames = new Map<number, string>(
  Object.entries(Cond).map(([name, number]) => [number, name === 'al' ? '' : name]),
);
const shiftNames = ['lsl', 'lsr', 'asr', 'ror'];

const core = (register: number): string => registers.names[register] ?? `v${register}`;
const single = (register: number): string => `s${2 * (register - Reg.d0)}`;
const shift = (kind: number, amount: number | string): string => `${shiftNames[kind]} ${amount}`;

function address(mem: Mem): string {
  const base = mem.area === 'address' ? core(mem.base) : `${mem.area}`;
  if (mem.index >= 0) {
    return `[${base}, ${core(mem.index)}${mem.scale > 0 ? `, lsl #${mem.scale}` : ''}]`;
  }
  return mem.disp === 0 ? `[${base}]` : `[${base}, #${mem.disp}]`;
}

function list(mask: number): string {
  const inside = Array.from({ length: 16 }, (_, r) => r).filter((r) => (mask >> r) & 1);
  return `{${inside.map(core).join(', ')}}`;
}

/** The value of a VFP constant's byte (DDI 0406C A7.5.1). */
const vfpConstant = (byte: number): number =>
  ((byte & 0x80) !== 0 ? -1 : 1) * (1 + (byte & 15) / 16) * 2 ** ((((byte >> 4) & 7) ^ 4) - 3);

/**
 * An instruction in UAL, the syntax of assemblers and disassemblers (DDI 0406C A8.2). Registers may be virtual, which makes it
 * a listing of selected code as well.
 */
export function printInstruction(inst: MInst): string {
  const row = instructions[inst.op];
  const condition = conditionNames.get(inst.cond) ?? '';
  // A shifted move is written as the shift.
  const isShift = row.bits >>> 21 === 0x0d && (inst.imm > 0 || (row.bits & 0x10) !== 0);
  const name = isShift ? row.mnemonic.replace('mov', shiftNames[inst.imm2] ?? '') : row.mnemonic;
  const dot = name.indexOf('.');
  const mnemonic = dot < 0 ? name + condition : name.slice(0, dot) + condition + name.slice(dot);
  if (row.macro) {
    const operands = [...inst.defs, ...inst.uses].map(core);
    return `${mnemonic} ${[...operands, ...(inst.mem === null ? [] : [address(inst.mem)]), `#${inst.imm}`].join(', ')}`;
  }
  const parts: string[] = [];
  let def = 0;
  let use = 0;
  for (const operand of row.operands) {
    const take = (): number => (operand.def ? inst.defs[def++] : inst.uses[use++]);
    switch (operand.kind) {
      case Operand.core:
      case Operand.double:
        parts.push(core(take()));
        break;
      case Operand.single:
        parts.push(single(take()));
        break;
      case Operand.tied:
        use++;
        break;
      case Operand.modified:
        parts.push(`#${inst.imm >>> 0}`);
        break;
      case Operand.shift:
        if (inst.imm > 0) parts.push(isShift ? `#${inst.imm}` : shift(inst.imm2, `#${inst.imm}`));
        break;
      case Operand.shiftRegister:
        parts.push(isShift ? core(take()) : shift(inst.imm2, core(take())));
        break;
      case Operand.field:
      case Operand.fieldInsert:
        parts.push(`#${inst.imm}`, `#${inst.imm2}`);
        break;
      case Operand.memory:
      case Operand.memoryExtra:
      case Operand.memoryVfp:
        if (inst.mem !== null) parts.push(address(inst.mem));
        break;
      case Operand.list:
        parts.push(list(inst.imm));
        break;
      case Operand.doubleList:
        parts.push(`{${Array.from({ length: inst.imm2 }, (_, i) => `d${inst.imm + i}`).join(', ')}}`);
        break;
      case Operand.vfpConstant:
        parts.push(`#${vfpConstant(inst.imm)}`);
        break;
      case Operand.neonConstant:
        parts.push(`#${(inst.imm << (4 * inst.imm2)) >>> 0}`);
        break;
      case Operand.zero:
        parts.push('#0');
        break;
      case Operand.flags:
        parts.push('APSR_nzcv', 'fpscr');
        break;
      case Operand.barrier:
        parts.push('ish');
        break;
      case Operand.lane:
        parts[parts.length - 1] += `[${inst.imm}]`;
        break;
      default:
        parts.push(`#${inst.imm}`);
    }
  }
  return `${mnemonic} ${parts.join(', ')}`;
}
