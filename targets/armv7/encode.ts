import type { Mem, MInst } from '../../compiler/backend/machine.ts';
import { InternalError } from '../../compiler/errors.ts';
import type { FrameLayout } from '../../compiler/target.ts';
import { type ArmInstruction, instructions, Operand, Shift } from './instructions.ts';
import { Reg } from './registers.ts';

/**
 * The 12-bit field of a modified immediate constant: a byte rotated right by an even amount (DDI 0406C A5.2.4). Of
 * several encodings the one with the smallest rotation, as assemblers choose.
 * @returns -1 if `value` has none
 */
export function encodeModified(value: number): number {
  for (let rotation = 0; rotation < 16; rotation++) {
    const byte = rotation === 0 ? value : (value << (2 * rotation)) | (value >>> (32 - 2 * rotation));
    if (byte >>> 8 === 0) return (rotation << 8) | byte;
  }
  return -1;
}

/** True if `value` (32 bits, signed or not) is an immediate operand of data-processing instructions. */
export const isModified = (value: number): boolean => encodeModified(value) >= 0;

/**
 * The byte of a VFP constant, +-(16..31)/16 * 2^(-3..4) (DDI 0406C A7.5.1, VFPExpandImm).
 * @returns -1 if the double with these words has none
 */
export function encodeVfpConstant(low: number, high: number): number {
  if (low !== 0 || (high & 0xffff) !== 0) return -1;
  const exponent = (high >>> 22) & 0x1ff;
  if (exponent !== 0x100 && exponent !== 0x0ff) return -1;
  return ((high >>> 24) & 0x80) | ((exponent & 1) << 6) | ((high >>> 16) & 0x3f);
}

/** {@link encodeVfpConstant} of the single with these bits. */
export function encodeVfpSingle(bits: number): number {
  if ((bits & 0x7ffff) !== 0) return -1;
  const exponent = (bits >>> 25) & 0x3f;
  if (exponent !== 0x20 && exponent !== 0x1f) return -1;
  return ((bits >>> 24) & 0x80) | ((exponent & 1) << 6) | ((bits >>> 19) & 0x3f);
}

/** Offset from the stack pointer of what a frame operand names; 0 for plain addresses. */
export function frameOffset(mem: Mem, frame: FrameLayout): number {
  switch (mem.area) {
    case 'spill':
      return frame.spillBase + 8 * mem.disp;
    case 'slot':
      return frame.slotBase + mem.disp;
    case 'outgoing':
      return frame.outgoingBase + mem.disp;
    case 'incoming':
      return frame.size + mem.disp;
    default:
      throw new InternalError(`no frame offset in area ${mem.area}`);
  }
}

/** The largest offset, either sign, of a memory operand kind; VFP's are multiples of 4 besides. */
export function offsetLimit(kind: number): number {
  return kind === Operand.memory ? 4095 : kind === Operand.memoryExtra ? 255 : 1020;
}

/** VFP single s(n), split into four bits at `at` and the lowest at its field's extension bit. */
function single(register: number, at: number): number {
  const n = 2 * (register - Reg.d0);
  return ((n >> 1) << at) | ((n & 1) << extension(at));
}

function double(register: number, at: number): number {
  const n = register - Reg.d0;
  return ((n & 15) << at) | ((n >> 4) << extension(at));
}

/** Place of the fifth bit of the VFP field at `at`: D 22, N 7, M 5. */
const extension = (at: number): number => (at === 12 ? 22 : at === 16 ? 7 : 5);

function memory(row: ArmInstruction, kind: number, mem: Mem, base: number, disp: number): number {
  const up = disp >= 0 ? 1 << 23 : 0;
  const size = Math.abs(disp);
  let word = base << 16;
  if (mem.index >= 0) {
    if (disp !== 0 || (kind !== Operand.memory && mem.scale !== 0) || kind === Operand.memoryVfp) {
      throw new InternalError(`${row.name} cannot address an index like this`);
    }
    word |= up | mem.index;
    return kind === Operand.memory ? word | (1 << 25) | (mem.scale << 7) : word;
  }
  if (size > offsetLimit(kind)) throw new InternalError(`${row.name} cannot reach offset ${disp}`);
  if (kind === Operand.memory) return word | up | size;
  if (kind === Operand.memoryVfp) return word | up | (size >> 2);
  return word | up | (1 << 22) | ((size & 0xf0) << 4) | (size & 15);
}

function constantShift(kind: number, amount: number): number {
  if (amount < 0 || amount > 32 || (amount === 32 && (kind === Shift.lsl || kind === Shift.ror))) {
    throw new InternalError(`no shift by ${amount}`);
  }
  // An amount of 0 means 32 for lsr and asr, and rrx for ror: nothing is shifted by lsl 0 alone.
  return amount === 0 ? 0 : ((amount & 31) << 7) | (kind << 5);
}

/**
 * The word of a table row that is no macro. Frame operands are resolved by `frame`.
 * @throws InternalError for operands that the form cannot encode
 */
export function encode(inst: MInst, frame: FrameLayout | null = null): number {
  const row = instructions[inst.op];
  let word = row.bits;
  if (word >>> 28 !== 15) word |= (inst.cond ^ 14) << 28;
  let def = 0;
  let use = 0;
  for (const operand of row.operands) {
    const at = operand.at;
    switch (operand.kind) {
      case Operand.core:
        word |= (operand.def ? inst.defs[def++] : inst.uses[use++]) << at;
        break;
      case Operand.single:
        word |= single(operand.def ? inst.defs[def++] : inst.uses[use++], at);
        break;
      case Operand.double:
        word |= double(operand.def ? inst.defs[def++] : inst.uses[use++], at);
        break;
      case Operand.tied:
        use++;
        break;
      case Operand.modified: {
        const field = encodeModified(inst.imm);
        if (field < 0) throw new InternalError(`${row.name} cannot hold ${inst.imm}`);
        word |= field;
        break;
      }
      case Operand.shift:
        word |= constantShift(inst.imm2, inst.imm);
        break;
      case Operand.shiftRegister:
        word |= (inst.uses[use++] << 8) | (inst.imm2 << 5);
        break;
      case Operand.imm16:
        word |= ((inst.imm & 0xf000) << 4) | (inst.imm & 0xfff);
        break;
      case Operand.field:
        word |= (inst.imm << 7) | ((inst.imm2 - 1) << 16);
        break;
      case Operand.fieldInsert:
        word |= (inst.imm << 7) | ((inst.imm + inst.imm2 - 1) << 16);
        break;
      case Operand.memory:
      case Operand.memoryExtra:
      case Operand.memoryVfp: {
        const mem = inst.mem;
        if (mem === null) throw new InternalError(`${row.name} without a memory operand`);
        if (mem.area === 'address') word |= memory(row, operand.kind, mem, mem.base, mem.disp);
        else if (frame === null) throw new InternalError(`${row.name} needs a frame`);
        else word |= memory(row, operand.kind, mem, Reg.sp, frameOffset(mem, frame));
        break;
      }
      case Operand.list:
        word |= inst.imm;
        break;
      case Operand.doubleList:
        word |= double(Reg.d0 + inst.imm, 12) | (2 * inst.imm2);
        break;
      case Operand.vfpConstant:
        word |= ((inst.imm & 0xf0) << 12) | (inst.imm & 15);
        break;
      case Operand.neonConstant:
        word |= ((inst.imm & 0x80) << 17) | ((inst.imm & 0x70) << 12) | (inst.imm & 15) | (inst.imm2 << 8);
        break;
      case Operand.shift64:
        word |= inst.imm << 16;
        break;
      case Operand.barrier:
      case Operand.imm24:
        word |= inst.imm;
        break;
      case Operand.lane:
        word |= inst.imm << 21;
        break;
    }
  }
  return word >>> 0;
}
