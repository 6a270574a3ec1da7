import { Mem, type MInst, RegClass } from '../../compiler/backend/machine.ts';
import type { Selector } from '../../compiler/backend/selector.ts';
import type { Inst } from '../../compiler/ir/function.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { Access, Region, TrapKind, Type } from '../../compiler/ir/types.ts';
import { noBound, upperBound } from '../../compiler/ir/upper-bound.ts';
import { fitsInt32 } from './encode.ts';
import { X } from './instructions.ts';

/** Operands of rules: registers or memory in the r/m place, immediates, and addresses. */

/** What to add to a `w` row's number for values of integer type `type`. */
export const wide = (type: Type): number => (type === Type.i64 ? 1 : 0);

/** What to add to an `f` or `p` row's number for values of float type `type`. */
export const double = (type: Type): number => (type === Type.f64 ? 1 : 0);

/** An r/m operand: a register, or memory (then `load` is the load it stands for, if it is one). */
export interface Operand {
  readonly register: number;
  readonly mem: Mem | null;
  readonly load: Inst | null;
}

/** The value of an integer constant that fits a sign-extended 32-bit immediate, else null. */
export function immediate(value: Inst): number | null {
  if (value.op !== Op.const) return null;
  if (value.type === Type.i32) return value.imm;
  return value.type === Type.i64 && value.imm2 === value.imm >> 31 ? value.imm : null;
}

/** A constant that a displacement can take up, as a number without loss; null otherwise. */
function addend(value: Inst): number | null {
  if (value.op !== Op.const) return null;
  return Math.abs(value.imm2) < 0x10000 ? value.imm2 * 2 ** 32 + (value.imm >>> 0) : null;
}

/** Count of a shift by a constant, or -1. */
export const shiftCount = (inst: Inst): number =>
  inst.args[1].op === Op.const ? inst.args[1].imm & (inst.type === Type.i64 ? 63 : 31) : -1;

/** True for a load of a whole value. */
const isFullLoad = (value: Inst): boolean =>
  (value.op === Op.load || value.op === Op.load_indexed) && value.access === Access.full;

/** True if `value` is a load, or a float literal, that `user` (if that is not null) may read from memory itself. */
export const inMemory = (s: Selector, value: Inst, user: Inst | null): boolean =>
  (user !== null && isFullLoad(value) && s.canFold(value, user)) ||
  (value.op === Op.const && (value.type === Type.f32 || value.type === Type.f64));

/** `value` for the r/m place of an instruction on its whole width that computes `user`; null: loads stay where they are. */
export function operand(s: Selector, value: Inst, user: Inst | null): Operand {
  if (value.op === Op.const && value.type === Type.f32) {
    return { register: -1, mem: s.constant([value.imm]), load: null };
  }
  if (value.op === Op.const && value.type === Type.f64) {
    return { register: -1, mem: s.constant([value.imm, value.imm2]), load: null };
  }
  if (user !== null && isFullLoad(value) && s.canFold(value, user)) return memoryOperand(s, value);
  return { register: low(s, value), mem: null, load: null };
}

/**
 * Whether the two-address form of commutative `inst` should overwrite its second operand, not its first: to read the first from
 * memory, or because the second one's register is free afterwards.
 */
export function takesSecond(s: Selector, inst: Inst, a: Inst, b: Inst): boolean {
  if (inMemory(s, b, inst)) return false;
  return inMemory(s, a, inst) || (s.dies(b) && !s.dies(a));
}

/** The memory that `load` reads, which the caller is going to read in its stead. */
export const memoryOperand = (s: Selector, load: Inst): Operand => ({
  register: -1,
  mem: address(s, load),
  load,
});

/** Emits `op` with `rm` as its last use or as memory. A folded load's trap is reported where the load stood. */
export function emitRm(s: Selector, op: number, defs: number[], uses: number[], rm: Operand): MInst {
  const made = s.emit(op, defs, rm.mem === null ? [...uses, rm.register] : uses);
  if (rm.mem !== null) setMemory(made, rm.mem, rm.load);
  return made;
}

/** Gives `made` its memory operand; `access` is the load or store it carries out, if any. */
export function setMemory(made: MInst, mem: Mem, access: Inst | null): void {
  made.mem = mem;
  if (access === null) return;
  made.origin = access.origin;
  if (access.region >= Region.memory && access.region < Region.global) {
    made.trap = TrapKind.memoryOutOfBounds;
  }
}

/** A register whose low word (or all of it, for i64) is `value`: 32-bit instructions read a wrapped i64 where it is. */
export const low = (s: Selector, value: Inst): number =>
  value.op === Op.wrap && s.canDuplicate(value) ? s.use(value.args[0]) : s.use(value);

/**
 * The operand of a load or store: base + (index << scale) + displacement. Additions of words are taken apart, since the
 * hardware adds as they do; those of a 32-bit index only where they are known not to wrap.
 */
export function address(s: Selector, access: Inst): Mem {
  const indexed = access.op === Op.load_indexed || access.op === Op.store_indexed;
  let base = access.args[0];
  let index: Inst | null = indexed ? access.args[1] : null;
  let disp = access.offset;
  let scale = 0;
  if (index !== null) {
    // The loop ends: each round takes an operation off the index.
    for (;;) {
      const bound = upperBound(index);
      if (index.op === Op.const) {
        disp += (index.imm >>> 0) * 2 ** scale;
        index = null;
        scale = 0;
        break;
      }
      const [a, b]: Inst[] = index.args;
      if (bound === noBound || scale !== 0 || !s.canDuplicate(index)) break;
      if (index.op === Op.add && b.op === Op.const && b.imm >= 0) {
        disp += b.imm;
        index = a;
      } else if (index.op === Op.shl && shiftCount(index) >= 1 && shiftCount(index) <= 3) {
        scale = shiftCount(index);
        index = a;
      } else break;
    }
  }
  // Likewise for the base.
  while ((base.op === Op.add || base.op === Op.sub) && s.canDuplicate(base)) {
    const [a, b]: Inst[] = base.args;
    const constant = addend(b);
    if (constant !== null) {
      const moved = base.op === Op.add ? disp + constant : disp - constant;
      if (!fitsInt32(moved)) break;
      disp = moved;
      base = a;
    } else if (index === null && base.op === Op.add) {
      const count = b.op === Op.shl && s.canDuplicate(b) ? shiftCount(b) : -1;
      if (count >= 1 && count <= 3) {
        index = b.args[0];
        scale = count;
      } else {
        index = b;
      }
      base = a;
    } else break;
  }
  if (base.op === Op.stack_slot && fitsInt32(disp + base.offset)) {
    return new Mem(-1, disp + base.offset, index === null ? -1 : s.use(index), scale, 'slot');
  }
  const register = s.use(base);
  if (fitsInt32(disp)) return new Mem(register, disp, index === null ? -1 : s.use(index), scale);
  return new Mem(register, 0, farIndex(s, disp, index, scale));
}

/** A register with `disp` + (index << scale), for a displacement that no instruction can hold. */
function farIndex(s: Selector, disp: number, index: Inst | null, scale: number): number {
  const constant = s.temp(RegClass.int);
  const made = s.emit(X.mov_i + 1, [constant], []);
  made.imm = disp | 0;
  made.imm2 = Math.floor(disp / 2 ** 32);
  if (index === null) return constant;
  const sum = s.temp(RegClass.int);
  s.emit(X.lea + 1, [sum], []).mem = new Mem(constant, 0, s.use(index), scale);
  return sum;
}
