import type { Assembler } from '../../compiler/backend/assembler.ts';
import type { MInst } from '../../compiler/backend/machine.ts';
import type { TrapKind } from '../../compiler/ir/types.ts';
import type { FrameLayout } from '../../compiler/target.ts';
import {
  Distance,
  emitImmediate,
  emitOpcode,
  encodeAdd,
  encodeAddImmediate,
  encodeConstant,
  encodeImmediate,
  encodeJcc,
  encodeJump,
  encodeMemory,
  encodePushImmediate,
  encodePushPop,
  encodeRegister,
  immediateBytes,
} from './encode.ts';
import { Form, instructions, X } from './instructions.ts';
import { emitConditionalMove, emitMacro, emitSwitch } from './macros.ts';

/** Emits one instruction of the table. Registers are physical. */
export function emit(inst: MInst, frame: FrameLayout, asm: Assembler): void {
  const row = instructions[inst.op];
  const { mem, uses, defs } = inst;
  switch (row.form) {
    case Form.plain:
      emitOpcode(asm, row, row.opcode, 0, 0, 0, 0);
      return;
    case Form.regRm:
      if (mem) encodeMemory(asm, row, defs[0], mem, frame);
      else encodeRegister(asm, row, defs[0], uses[uses.length - 1]);
      return;
    case Form.useRm:
      if (mem) encodeMemory(asm, row, uses[0], mem, frame);
      else encodeRegister(asm, row, uses[0], uses[1]);
      return;
    case Form.rmUse:
      if (mem) encodeMemory(asm, row, uses[uses.length - 1], mem, frame);
      else encodeRegister(asm, row, uses[uses.length - 1], uses[0]);
      return;
    case Form.rmDef:
      encodeRegister(asm, row, uses[0], defs[0]);
      return;
    case Form.rm:
      if (mem) encodeMemory(asm, row, row.digit, mem, frame);
      else encodeRegister(asm, row, row.digit, uses[uses.length - 1]);
      return;
    case Form.def:
      encodeRegister(asm, row, row.digit, defs[0]);
      return;
    case Form.defImm:
      encodeImmediate(asm, row, defs[0], inst.imm);
      return;
    case Form.rmImm: {
      if (!mem) {
        encodeImmediate(asm, row, uses[0], inst.imm);
        return;
      }
      const bytes = immediateBytes(row, inst.imm);
      const opcode = row.opcode === 0x83 && bytes !== 1 ? 0x81 : row.opcode;
      encodeMemory(asm, row, row.digit, mem, frame, bytes, opcode);
      emitImmediate(asm, inst.imm, bytes);
      return;
    }
    case Form.shiftImm:
      if (inst.imm === 1 && row.opcode === 0xc1) {
        encodeRegister(asm, row, row.digit, defs[0], 0xd1);
      } else {
        encodeRegister(asm, row, row.digit, defs[0]);
        asm.byte(inst.imm);
      }
      return;
    case Form.regRmImm: {
      const bytes = row.opcode === 0x69 ? immediateBytes(row, inst.imm) : 1;
      const opcode = row.opcode === 0x69 && bytes === 1 ? 0x6b : row.opcode;
      if (mem) encodeMemory(asm, row, defs[0], mem, frame, bytes, opcode);
      else encodeRegister(asm, row, defs[0], uses[uses.length - 1], opcode);
      emitImmediate(asm, inst.imm, bytes);
      return;
    }
    case Form.moveImm:
      encodeConstant(asm, row, defs[0], inst.imm, inst.imm2);
      return;
    case Form.zero:
      encodeRegister(asm, row, defs[0], defs[0]);
      return;
    case Form.add:
      encodeAdd(asm, inst, frame);
      return;
    case Form.addImm:
      encodeAddImmediate(asm, inst);
      return;
    case Form.set:
      encodeRegister(asm, row, 0, defs[0], row.opcode | inst.cond);
      return;
    case Form.move:
      emitConditionalMove(inst, frame, asm);
      return;
    case Form.jcc:
      if (inst.block) encodeJcc(asm, inst.cond, inst.block);
      return;
    case Form.jccTrap:
      encodeJcc(asm, inst.cond, asm.trapStub(inst.imm as TrapKind, inst.origin));
      return;
    case Form.jump:
      if (inst.block) encodeJump(asm, inst.block);
      return;
    case Form.switch:
      emitSwitch(inst, asm);
      return;
    case Form.call:
      asm.byte(row.opcode);
      if (inst.callee) asm.relocate(asm.offset, Distance.rel32, 'function', inst.callee.symbol);
      asm.u32(0);
      return;
    case Form.push:
    case Form.pop:
      encodePushPop(asm, inst.op, row.form === Form.push ? uses[0] : defs[0]);
      return;
    case Form.pushImm:
      encodePushImmediate(asm, inst.imm);
      return;
    case Form.macro:
      emitMacro(inst, asm);
      return;
  }
}

/** ud2: what cold trap stubs consist of. */
export function emitTrap(asm: Assembler): void {
  const row = instructions[X.ud2];
  emitOpcode(asm, row, row.opcode, 0, 0, 0, 0);
}
