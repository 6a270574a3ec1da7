import type { Assembler } from '../../compiler/backend/assembler.ts';
import { type MBlock, Mem, MInst } from '../../compiler/backend/machine.ts';
import { CompileError, InternalError } from '../../compiler/errors.ts';
import type { TrapKind } from '../../compiler/ir/types.ts';
import type { FarCall, FrameLayout } from '../../compiler/target.ts';
import { encode, encodeModified, frameOffset, isModified, offsetLimit } from './encode.ts';
import { I, instructions, Operand } from './instructions.ts';
import { Reg } from './registers.ts';

/** Fixups and relocations: a branch distance of 24 bits of words, and the halves of an absolute address. */
export const RelocationKind = { branch: 0, movw: 1, movt: 2 } as const;

/** How the loader writes relocations, by kind; branches within an image are fixed by {@link patch}. */
export const loadRelocations = [undefined, 'arm-movw', 'arm-movt'] as const;

/** What `emitWord` takes besides registers. */
type Fields = Partial<Pick<MInst, 'imm' | 'imm2' | 'cond' | 'mem'>>;

/** Emits one row built in place. */
export function emitWord(
  asm: Assembler,
  op: number,
  defs: number[],
  uses: number[],
  fields: Fields = {},
): void {
  asm.u32(encode(Object.assign(new MInst(op, defs, uses, -1), fields)));
}

/** def <- imm: a rotated byte, the complement of one, or 16 bits at a time (DDI 0406C A8.8.102, A8.8.106). */
export function emitConstant(asm: Assembler, def: number, imm: number, cond = 0): void {
  if (isModified(imm)) {
    emitWord(asm, I.mov_immediate, [def], [], { imm, cond });
    return;
  }
  if (isModified(~imm)) {
    emitWord(asm, I.mvn_immediate, [def], [], { imm: ~imm, cond });
    return;
  }
  emitWord(asm, I.movw, [def], [], { imm: imm & 0xffff, cond });
  if (imm >>> 16 !== 0) emitWord(asm, I.movt, [def], [def], { imm: imm >>> 16, cond });
}

/** The largest part of `amount` that an instruction can add: its eight highest bits, at an even place. */
export function immediatePart(amount: number): number {
  const shift = Math.max(0, (31 - Math.clz32(amount) - 6) & ~1);
  return amount & (255 << shift);
}

/** def <- base + amount, amount positive; as many additions as it takes, and no other register. */
function emitAdd(asm: Assembler, def: number, base: number, amount: number, cond = 0): void {
  let from = base;
  let rest = amount;
  do {
    const imm = encodeModified(rest) >= 0 ? rest : immediatePart(rest);
    emitWord(asm, I.add_immediate, [def], [from], { imm, cond });
    from = def;
    rest -= imm;
  } while (rest !== 0);
}

/** A branch or call, its distance to be patched. */
function emitBranch(asm: Assembler, cond: number, to: MBlock): void {
  asm.fixup(asm.offset, RelocationKind.branch, to);
  asm.u32(((cond ^ 14) << 28) | 0x0a000000);
}

/**
 * cmp, then a branch from a table behind it: pc reads as the address of the addition + 8, where the first entry stands. Of equal
 * size as a table of addresses, and position-independent.
 */
function emitSwitch(asm: Assembler, index: number, blocks: readonly MBlock[]): void {
  const cases = blocks.length - 1;
  if (isModified(cases)) emitWord(asm, I.cmp_immediate, [], [index], { imm: cases });
  else {
    emitConstant(asm, Reg.ip, cases);
    emitWord(asm, I.cmp_register, [], [index, Reg.ip]);
  }
  const scaled = { imm: 2, imm2: 0, cond: 13 };
  emitWord(asm, I.add_register, [Reg.pc], [Reg.pc, index], scaled);
  emitBranch(asm, 0, blocks[cases]);
  for (let k = 0; k < cases; k++) emitBranch(asm, 0, blocks[k]);
}

function emitAddress(inst: MInst, frame: FrameLayout, asm: Assembler): void {
  const [def] = inst.defs;
  const { mem } = inst;
  if (mem === null) throw new InternalError('address of nothing');
  if (mem.area !== 'constant') {
    emitAdd(asm, def, Reg.sp, frameOffset(mem, frame));
    return;
  }
  asm.relocate(asm.offset, RelocationKind.movw, 'constant', mem.constant);
  emitWord(asm, I.movw, [def], []);
  asm.relocate(asm.offset, RelocationKind.movt, 'constant', mem.constant);
  emitWord(asm, I.movt, [def], [def]);
}

/** The kind of the row's memory operand, -1 without one. */
const memoryKinds = instructions.map(
  ({ operands }) =>
    operands.find(
      ({ kind }) => kind === Operand.memory || kind === Operand.memoryExtra || kind === Operand.memoryVfp,
    )?.kind ?? -1,
);

/**
 * A frame operand out of the row's reach: its address is built first, in the loaded core register itself, else in ip. Only
 * the second half of a move between spill slots stores ip itself, which then goes by way of the single scratch register.
 */
function emitFar(inst: MInst, offset: number, limit: number, asm: Assembler): void {
  const scratch = inst.uses[0] === Reg.ip;
  if (scratch) emitWord(asm, I.vmov_single_core, [Reg.d15], [Reg.ip], { cond: inst.cond });
  const near = offset & (scratch ? offsetLimit(Operand.memoryVfp) : limit);
  const register = inst.op === I.ldr ? inst.defs[0] : Reg.ip;
  emitAdd(asm, register, Reg.sp, offset - near, inst.cond);
  const mem = new Mem(register, near);
  if (scratch) emitWord(asm, I.vstr_f32, [], [Reg.d15], { mem, cond: inst.cond });
  else emitWord(asm, inst.op, inst.defs, inst.uses, { mem, cond: inst.cond });
}

/** Emits one instruction: a word of the table, or a macro's words. ip is free within it. */
export function emit(inst: MInst, frame: FrameLayout, asm: Assembler): void {
  const kind = memoryKinds[inst.op];
  const { mem } = inst;
  if (kind >= 0 && mem !== null && mem.area !== 'address') {
    const offset = frameOffset(mem, frame);
    const limit = offsetLimit(kind);
    if (offset > limit) {
      emitFar(inst, offset, limit, asm);
      return;
    }
  }
  switch (inst.op) {
    case I.constant:
      emitConstant(asm, inst.defs[0], inst.imm, inst.cond);
      return;
    case I.address:
      emitAddress(inst, frame, asm);
      return;
    case I.branch:
    case I.jump:
      if (inst.block === null) throw new InternalError('branch to nowhere');
      emitBranch(asm, inst.cond, inst.block);
      return;
    case I.trap_branch:
      emitBranch(asm, inst.cond, asm.trapStub(inst.imm as TrapKind, inst.origin));
      return;
    case I.switch:
      emitSwitch(asm, inst.uses[0], inst.blocks ?? []);
      return;
    case I.call:
      if (inst.callee === null) throw new InternalError('call of nothing');
      asm.relocate(asm.offset, RelocationKind.branch, 'function', inst.callee.symbol);
      asm.u32(0xeb000000);
      return;
    case I.call_register:
      asm.u32(0xe12fff30 | inst.uses[0]);
      return;
    case I.trap:
      emitTrap(asm);
      return;
    default:
      asm.u32(encode(inst, frame));
      return;
  }
}

/** What branches and calls reach (DDI 0406C A8.8.18, A8.8.25): 24 bits of words, signed. */
const branchReach = 1 << 25;

/** Calls beyond that go by way of ip, which AAPCS gives to veneers, too (IHI 0042, 5.3.1.1). */
export const farCall: FarCall = {
  kind: RelocationKind.branch,
  reach: branchReach,
  emitVeneer(asm, symbol) {
    asm.relocate(asm.offset, RelocationKind.movw, 'function', symbol);
    emitWord(asm, I.movw, [Reg.ip], []);
    asm.relocate(asm.offset, RelocationKind.movt, 'function', symbol);
    emitWord(asm, I.movt, [Reg.ip], [Reg.ip]);
    emitWord(asm, I.bx, [], [Reg.ip]);
  },
};

/** `udf #0`, permanently undefined (DDI 0406C A8.8.247). */
export function emitTrap(asm: Assembler): void {
  asm.u32(0xe7f000f0);
}

/**
 * Writes the distance of a branch or call: in words from its address + 8, in 24 bits (DDI 0406C A8.8.18).
 * @throws CompileError if the code is larger than a branch reaches
 */
export function patch(bytes: Uint8Array, at: number, kind: number, to: number): void {
  if (kind !== RelocationKind.branch) throw new InternalError(`relocation kind ${kind} is the loader's`);
  const distance = to - at - 8;
  if (Math.abs(distance) >= branchReach)
    throw new CompileError('limit', 'a function too large for branches, which reach 32 MiB');
  const words = distance >> 2;
  bytes[at] = words;
  bytes[at + 1] = words >> 8;
  bytes[at + 2] = words >> 16;
}
