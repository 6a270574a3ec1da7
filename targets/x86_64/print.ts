import type { Mem, MInst } from '../../compiler/backend/machine.ts';
import { InternalError } from '../../compiler/errors.ts';
import type { FrameLayout } from '../../compiler/target.ts';
import { displacement } from './encode.ts';
import { condNames, Form, type Instruction, instructions, rowName, X } from './instructions.ts';
import { Reg, registerName } from './registers.ts';

/** Machine instructions in the assembler's Intel syntax, as Capstone and GNU as write and read it. */

const sizes = new Map([
  [1, 'byte'],
  [2, 'word'],
  [4, 'dword'],
  [8, 'qword'],
  [16, 'xmmword'],
]);

const signed = (value: number): string => (value < 0 ? ` - ${-value}` : ` + ${value}`);

function printMemory(mem: Mem, frame: FrameLayout): string {
  if (mem.area === 'constant') return '[rip]';
  const base = mem.area === 'address' ? mem.base : Reg.rsp;
  const disp = displacement(mem, frame);
  const index = mem.index < 0 ? '' : `${registerName(mem.index, 8)}*${1 << mem.scale}`;
  const registers = [base < 0 ? '' : registerName(base, 8), index].filter((part) => part !== '').join(' + ');
  return `[${registers}${disp === 0 ? '' : signed(disp)}]`;
}

/** Prints `inst` of physical registers; frame areas are resolved as in the encoding. Sequences (form `macro`) have no text. */
export function printInstruction(inst: MInst, frame: FrameLayout): string {
  const row = instructions[inst.op];
  const { defs, uses, mem } = inst;
  const register = (r: number): string => registerName(r, row.bytes);
  const rm = (r: number): string => {
    if (!mem) return registerName(r, row.rmBytes);
    const prefix = inst.op === X.lea || inst.op === X.lea + 1 ? '' : `${sizes.get(row.rmBytes)} ptr `;
    return `${prefix}${printMemory(mem, frame)}`;
  };
  const last = uses[uses.length - 1];
  const line = (...operands: string[]): string =>
    `${row.name.replace('cc', condNames[inst.cond])} ${operands.join(', ')}`.trim();
  switch (row.form) {
    case Form.plain:
      return line();
    case Form.regRm:
    case Form.move:
      return line(register(defs[0]), rm(last));
    case Form.useRm:
      return line(register(uses[0]), rm(uses[1]));
    case Form.rmUse:
      return line(rm(uses[0]), register(last));
    case Form.rmDef:
      return line(registerName(defs[0], row.rmBytes), register(uses[0]));
    case Form.rm:
      return line(rm(last));
    case Form.def:
      return row.opcode === 0xd3 ? line(register(defs[0]), 'cl') : line(register(defs[0]));
    case Form.defImm:
    case Form.shiftImm:
      return line(register(defs[0]), `${inst.imm}`);
    case Form.rmImm:
      return line(rm(uses[0]), `${inst.imm}`);
    case Form.regRmImm:
      return line(register(defs[0]), rm(last), `${inst.imm}`);
    case Form.moveImm:
      return printConstant(inst, row);
    case Form.zero:
      return line(register(defs[0]), register(defs[0]));
    case Form.add:
      return inst.mem && defs[0] === uses[0] ? line(register(defs[0]), rm(last)) : printAdd(inst, row);
    case Form.addImm:
      if (defs[0] !== uses[0])
        return `lea ${register(defs[0])}, [${registerName(uses[0], 8)}${signed(inst.imm)}]`;
      return inst.imm === 128 ? `sub ${register(defs[0])}, -128` : line(register(defs[0]), `${inst.imm}`);
    case Form.set:
      return line(registerName(defs[0], row.rmBytes));
    case Form.push:
      return line(registerName(uses[0], 8));
    case Form.pop:
      return line(registerName(defs[0], 8));
    case Form.pushImm:
      return line(`${inst.imm}`);
    default:
      throw new InternalError(`${rowName(inst.op)} has no text`);
  }
}

function printConstant(inst: MInst, row: Instruction): string {
  const [def] = inst.defs;
  if (!row.wide || inst.imm2 === 0) return `mov ${registerName(def, 4)}, ${inst.imm >>> 0}`;
  if (inst.imm2 === inst.imm >> 31) return `mov ${registerName(def, 8)}, ${inst.imm}`;
  return `movabs ${registerName(def, 8)}, ${(BigInt(inst.imm2) << 32n) | BigInt(inst.imm >>> 0)}`;
}

function printAdd(inst: MInst, row: Instruction): string {
  if (inst.mem) throw new InternalError(`${rowName(inst.op)} is two instructions here`);
  const [def] = inst.defs;
  const [a, b] = inst.uses;
  const name = (r: number): string => registerName(r, row.bytes);
  if (def === a) return `add ${name(def)}, ${name(b)}`;
  if (def === b) return `add ${name(def)}, ${name(a)}`;
  return `lea ${name(def)}, [${registerName(a, 8)} + ${registerName(b, 8)}*1]`;
}
