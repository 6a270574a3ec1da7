import { Mem, type MInst } from '../../compiler/backend/machine.ts';
import { Form, instructions, X } from './instructions.ts';

/**
 * Lets `inst` read its use number `index` from spill slot `slot`; false where the encoding has no memory operand there.
 * A slot holds 8 bytes of an integer and the value's own bytes of a float; reading fewer reads the low ones.
 */
export function foldReload(inst: MInst, index: number, slot: number): boolean {
  if (inst.mem !== null) return false;
  const row = instructions[inst.op];
  const last = inst.uses.length - 1;
  switch (row.form) {
    case Form.regRm:
    case Form.regRmImm:
    case Form.rm:
      // A tied first operand stays a register, and the slot has no sixteen bytes.
      if (index !== last || row.rmBytes === 16) return false;
      if (inst.op === X.to_xmm || inst.op === X.to_xmm + 1) inst.op += X.load_f - X.to_xmm;
      break;
    case Form.move:
      if (index !== last) return false;
      break;
    case Form.useRm:
      if (index === 0) {
        // cmp has the other direction, too; ucomis has not.
        if (inst.op !== X.cmp && inst.op !== X.cmp + 1) return false;
        inst.op += X.cmp_m - X.cmp;
      }
      break;
    case Form.rmUse:
      // `test a, a` is not folded: it would read its register once and the slot once.
      if (inst.uses.length !== 2 || inst.uses[0] === inst.uses[1]) return false;
      break;
    case Form.rmImm:
      break;
    case Form.add:
      break;
    default:
      return false;
  }
  inst.uses.splice(index, 1);
  inst.mem = new Mem(-1, slot, -1, 0, 'spill');
  return true;
}
