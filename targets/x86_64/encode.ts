import type { Assembler } from '../../compiler/backend/assembler.ts';
import type { MBlock, Mem, MInst } from '../../compiler/backend/machine.ts';
import { InternalError } from '../../compiler/errors.ts';
import type { FrameLayout } from '../../compiler/target.ts';
import { Cond, Form, type Instruction, instructions, X } from './instructions.ts';
import { Reg } from './registers.ts';

/**
 * Distances in the code, as fixups and as relocations. All are relative to the end of the instruction; the names say how
 * many bytes of immediate follow the field. `tableEntry`: a jump table's, whose bytes hold the entry's own distance from the
 * table's start until the target's is added.
 */
export const Distance = { rel32: 0, rel8: 1, rel32Imm8: 2, rel32Imm32: 3, tableEntry: 4 } as const;

/** Writes the distance from the field at `at` to `to`. See {@link Distance}. */
export function patch(bytes: Uint8Array, at: number, kind: number, to: number): void {
  if (kind === Distance.rel8) {
    const distance = to - at - 1;
    if (distance < -128 || distance > 127) throw new InternalError(`a short branch spans ${distance} bytes`);
    bytes[at] = distance;
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const trailing = kind === Distance.rel32Imm8 ? 1 : kind === Distance.rel32Imm32 ? 4 : 0;
  const distance = kind === Distance.tableEntry ? to - at + view.getInt32(at, true) : to - at - 4 - trailing;
  view.setInt32(at, distance, true);
}

const fitsByte = (value: number): boolean => value >= -128 && value <= 127;

/** True if `value` survives as a sign-extended 32-bit immediate or displacement. */
export const fitsInt32 = (value: number): boolean => value >= -0x80000000 && value <= 0x7fffffff;

/** Registers spl to dil (4 to 7) exist as bytes only with a REX prefix; without it the numbers mean ah to bh. */
const needsRex = (register: number, bytes: number): boolean => bytes === 1 && register >= 4 && register < 8;

/** Prefixes and opcode (SDM volume 2, 2.2.1). Register numbers count with their fourth bit. */
export function emitOpcode(
  asm: Assembler,
  row: Instruction,
  opcode: number,
  rex: number,
  reg: number,
  index: number,
  base: number,
): void {
  if (row.prefix !== 0) asm.byte(row.prefix);
  const bits = rex | (row.wide ? 0x48 : 0) | ((reg & 8) >> 1) | ((index & 8) >> 2) | ((base & 8) >> 3);
  if (bits !== 0) asm.byte(bits | 0x40);
  if (opcode > 0xffff) asm.byte(opcode >> 16);
  if (opcode > 0xff) asm.byte((opcode >> 8) & 0xff);
  asm.byte(opcode & 0xff);
}

/** `row` on the register operands `reg` (or an opcode extension) and `rm`. */
export function encodeRegister(
  asm: Assembler,
  row: Instruction,
  reg: number,
  rm: number,
  opcode = row.opcode,
): void {
  const rex = needsRex(rm, row.rmBytes) ? 0x40 : 0;
  emitOpcode(asm, row, opcode, rex, reg, 0, rm);
  asm.byte(0xc0 | ((reg & 7) << 3) | (rm & 7));
}

/** `row` on the register operand `reg` (or an opcode extension) and memory. `trailing` bytes of immediate follow. */
export function encodeMemory(
  asm: Assembler,
  row: Instruction,
  reg: number,
  mem: Mem,
  frame: FrameLayout,
  trailing = 0,
  opcode = row.opcode,
): void {
  const rex = row.form === Form.rmUse && needsRex(reg, row.bytes) ? 0x40 : 0;
  const field = (reg & 7) << 3;
  if (mem.area === 'constant') {
    emitOpcode(asm, row, opcode, rex, reg, 0, 0);
    asm.byte(field | 5);
    const kind = trailing === 0 ? Distance.rel32 : trailing === 1 ? Distance.rel32Imm8 : Distance.rel32Imm32;
    asm.relocate(asm.offset, kind, 'constant', mem.constant);
    asm.u32(0);
    return;
  }
  const base = mem.area === 'address' ? mem.base : Reg.rsp;
  emitOpcode(asm, row, opcode, rex, reg, Math.max(mem.index, 0), Math.max(base, 0));
  emitAddress(asm, field, base, mem.index, mem.scale, displacement(mem, frame));
}

/** Displacement of a memory operand from its base; areas of the frame count from the stack pointer. */
export function displacement(mem: Mem, frame: FrameLayout): number {
  switch (mem.area) {
    case 'spill':
      return frame.spillBase + mem.disp * 8;
    case 'slot':
      return frame.slotBase + mem.disp;
    case 'outgoing':
      return frame.outgoingBase + mem.disp;
    case 'incoming':
      return frame.size + mem.disp;
    default:
      return mem.disp;
  }
}

/** ModRM, SIB and displacement of base + (index << scale) + disp; -1 for no register. `field` is the ModRM reg field in place. */
function emitAddress(
  asm: Assembler,
  field: number,
  base: number,
  index: number,
  scale: number,
  disp: number,
): void {
  if (base < 0) {
    // Index alone: a SIB byte without base, always with 32 bits of displacement (SDM table 2-3).
    asm.byte(field | 4);
    asm.byte((scale << 6) | ((index & 7) << 3) | 5);
    asm.u32(disp);
    return;
  }
  // rbp and r13 as base without displacement mean something else (SDM table 2-2, note 2).
  const size = disp === 0 && (base & 7) !== 5 ? 0 : fitsByte(disp) ? 1 : 2;
  if (index >= 0 || (base & 7) === 4) {
    asm.byte((size << 6) | field | 4);
    asm.byte((scale << 6) | ((index >= 0 ? index & 7 : 4) << 3) | (base & 7));
  } else {
    asm.byte((size << 6) | field | (base & 7));
  }
  if (size === 1) asm.byte(disp & 0xff);
  else if (size === 2) asm.u32(disp);
}

/** Bytes that the immediate `imm` takes: one where it is sign-extended from that. */
export function immediateBytes(row: Instruction, imm: number): number {
  if (row.bytes === 1) return 1;
  if ((row.opcode === 0x83 || row.opcode === 0x69) && fitsByte(imm)) return 1;
  return row.bytes === 2 ? 2 : 4;
}

/** An immediate of `bytes` bytes. */
export function emitImmediate(asm: Assembler, imm: number, bytes: number): void {
  if (bytes === 1) asm.byte(imm & 0xff);
  else if (bytes === 2) asm.u16(imm & 0xffff);
  else asm.u32(imm);
}

/** `row` with opcode extension on a register and an immediate; rax has shorter forms. */
export function encodeImmediate(asm: Assembler, row: Instruction, rm: number, imm: number): void {
  const bytes = immediateBytes(row, imm);
  // 83 is the form with a sign-extended byte, 81 with 32 bits, 80 on bytes; likewise 6b and 69.
  const opcode = row.opcode === 0x83 && bytes !== 1 ? 0x81 : row.opcode;
  const short = row.opcode === 0x83 ? (row.digit << 3) | 5 : row.opcode === 0xf7 ? 0xa9 : 0;
  const shortByte = row.opcode === 0x80 ? (row.digit << 3) | 4 : row.opcode === 0xf6 ? 0xa8 : 0;
  if (rm === Reg.rax && row.bytes === 1 && shortByte !== 0) emitOpcode(asm, row, shortByte, 0, 0, 0, 0);
  else if (rm === Reg.rax && bytes !== 1 && short !== 0) emitOpcode(asm, row, short, 0, 0, 0, 0);
  else encodeRegister(asm, row, row.digit, rm, opcode);
  emitImmediate(asm, imm, bytes);
}

/** Register <- constant of two signed words (a 32-bit row: of the low one), without touching the flags. */
export function encodeConstant(
  asm: Assembler,
  row: Instruction,
  register: number,
  low: number,
  high: number,
): void {
  const narrow = instructions[X.mov_i];
  if (!row.wide || high === 0) {
    emitOpcode(asm, narrow, 0xb8 | (register & 7), 0, 0, 0, register);
    asm.u32(low);
  } else if (high === low >> 31) {
    encodeRegister(asm, row, 0, register, 0xc7);
    asm.u32(low);
  } else {
    emitOpcode(asm, row, 0xb8 | (register & 7), 0, 0, 0, register);
    asm.u32(low);
    asm.u32(high);
  }
}

/** `add`, or `lea` where neither operand is the result's register. With a spilled operand it is a move first. */
export function encodeAdd(asm: Assembler, inst: MInst, frame: FrameLayout): void {
  const wide = instructions[inst.op].wide ? 1 : 0;
  const sum = instructions[X.add_rm + wide];
  const [def] = inst.defs;
  const [a, b] = inst.uses;
  if (inst.mem) {
    if (def !== a) encodeRegister(asm, instructions[X.mov + wide], def, a);
    encodeMemory(asm, sum, def, inst.mem, frame);
  } else if (def === a) encodeRegister(asm, sum, def, b);
  else if (def === b) encodeRegister(asm, sum, def, a);
  else encodeLea(asm, instructions[X.lea + wide], def, a, b, 0);
}

/** `add` or `sub` of a constant, or `lea` to another register. */
export function encodeAddImmediate(asm: Assembler, inst: MInst): void {
  const row = instructions[inst.op];
  const [def] = inst.defs;
  const [use] = inst.uses;
  // 128 is a byte when subtracted.
  if (def !== use) encodeLea(asm, instructions[X.lea + (row.wide ? 1 : 0)], def, use, -1, inst.imm);
  else if (inst.imm === 128) encodeImmediate(asm, instructions[X.sub_i + (row.wide ? 1 : 0)], def, -128);
  else encodeImmediate(asm, row, def, inst.imm);
}

/** lea def, [base + index + disp]. */
function encodeLea(
  asm: Assembler,
  row: Instruction,
  def: number,
  base: number,
  index: number,
  disp: number,
): void {
  emitOpcode(asm, row, row.opcode, 0, def, Math.max(index, 0), base);
  emitAddress(asm, (def & 7) << 3, base, index, 0, disp);
}

function encodeBranch(asm: Assembler, cond: number, block: MBlock): void {
  if (asm.isNear(block)) {
    asm.byte(0x70 | cond);
    asm.fixup(asm.offset, Distance.rel8, block);
    asm.byte(0);
  } else {
    asm.byte(0x0f);
    asm.byte(0x80 | cond);
    asm.fixup(asm.offset, Distance.rel32, block);
    asm.u32(0);
  }
}

/** Conditional branch to `block`; the two float conditions take two branches. */
export function encodeJcc(asm: Assembler, cond: number, block: MBlock): void {
  if (cond === Cond.floatUnequal) {
    encodeBranch(asm, Cond.ne, block);
    encodeBranch(asm, Cond.p, block);
  } else if (cond === Cond.floatEqual) {
    const unordered = jumpForward(asm, Cond.p);
    encodeBranch(asm, Cond.e, block);
    landHere(asm, unordered);
  } else {
    encodeBranch(asm, cond, block);
  }
}

/** A short jump within a sequence (always if `cond` is -1); {@link landHere} says where to. */
export function jumpForward(asm: Assembler, cond: number): number {
  asm.byte(cond < 0 ? 0xeb : 0x70 | cond);
  asm.byte(0);
  return asm.offset;
}

/** The jump made as `from` lands here. */
export function landHere(asm: Assembler, from: number): void {
  asm.bytes()[from - 1] = asm.offset - from;
}

/** An unconditional jump. */
export function encodeJump(asm: Assembler, block: MBlock): void {
  if (asm.isNear(block)) {
    asm.byte(0xeb);
    asm.fixup(asm.offset, Distance.rel8, block);
    asm.byte(0);
  } else {
    asm.byte(0xe9);
    asm.fixup(asm.offset, Distance.rel32, block);
    asm.u32(0);
  }
}

/** push and pop of a register. */
export function encodePushPop(asm: Assembler, op: number, register: number): void {
  const row = instructions[op];
  emitOpcode(asm, row, row.opcode | (register & 7), 0, 0, 0, register);
}

/** push of a sign-extended constant. */
export function encodePushImmediate(asm: Assembler, imm: number): void {
  const short = fitsByte(imm);
  asm.byte(short ? 0x6a : 0x68);
  emitImmediate(asm, imm, short ? 1 : 4);
}
