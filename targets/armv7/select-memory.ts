import { Mem, RegClass } from '../../compiler/backend/machine.ts';
import type { Selector } from '../../compiler/backend/selector.ts';
import type { Inst } from '../../compiler/ir/function.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { Access, accessBytes, Region, TrapKind, Type } from '../../compiler/ir/types.ts';
import type { SelectionRule } from '../../compiler/target.ts';
import { isModified, offsetLimit } from './encode.ts';
import { Cond, I, instructions, Operand } from './instructions.ts';
import {
  byType,
  constantOf,
  constantOrRegister,
  emitConstant,
  emitGroup,
  isSecondOperand,
  secondOperand,
} from './operands.ts';
import { envRegister } from './registers.ts';

/**
 * Rules of loads, stores and bounds checks. Linear memory may be unaligned: words and halfwords go anywhere on this core, but
 * VLDR and VSTR fault off a word boundary (DDI 0406C A3.2.1), so floats travel through core registers there. All other regions
 * are aligned by construction.
 */

/** Bytes behind every memory that fault: an access that ends within them needs its index checked alone. */
export const guardBytes = 65536;

const isLinear = (region: number): boolean => region >= Region.memory && region < Region.global;

/** A float whose address may be off a word boundary. */
const isUnalignedFloat = (type: Type, region: number): boolean =>
  (type === Type.f32 || type === Type.f64) && (isLinear(region) || region === Region.native);

/** A register + an offset so that offsets up to `span` beyond it stay within `limit`, of address + offset modulo 2^32. */
function withOffset(s: Selector, register: number, offset: number, limit: number, span: number): Mem {
  const disp = offset | 0;
  if (disp >= -limit && disp + span <= limit) return new Mem(register, disp);
  const near = (disp & limit) + span <= limit ? disp & limit : 0;
  const far = (disp - near) | 0;
  const t = s.temp(RegClass.int);
  if (isModified(far)) s.emit(I.add_immediate, [t], [register]).imm = far;
  else if (isModified(-far)) s.emit(I.sub_immediate, [t], [register]).imm = -far;
  else s.emit(I.add_register, [t], [register, emitConstant(s, far)]);
  return new Mem(t, near);
}

/** The address as an operand of kind `kind` ({@link Operand}); `span`: a further word is accessed that many bytes on. */
function address(s: Selector, inst: Inst, kind: number, span = 0): Mem {
  const indexed = inst.op === Op.load_indexed || inst.op === Op.store_indexed;
  const limit = offsetLimit(kind);
  const [base] = inst.args;
  const plain = inst.offset === 0 && span === 0;
  if (indexed) return sum(s, inst, base, inst.args[1], inst, kind, span);
  if (base.op === Op.stack_slot) return new Mem(-1, base.offset + inst.offset, -1, 0, 'slot');
  if (base.op === Op.add) {
    const [first, second] = base.args;
    const direct = plain || second.op === Op.const;
    if (direct ? s.canDuplicate(base) : s.canFold(base, inst)) {
      return sum(s, inst, first, second, base, kind, span);
    }
  }
  return withOffset(s, s.use(base), inst.offset, limit, span);
}

/** The address base + index + the offset of `inst`. `user` is what reads the index. */
function sum(s: Selector, inst: Inst, base: Inst, index: Inst, user: Inst, kind: number, span: number): Mem {
  const register = s.use(base);
  const c = constantOf(index);
  if (c !== null) return withOffset(s, register, c + inst.offset, offsetLimit(kind), span);
  if (inst.offset === 0 && span === 0 && kind !== Operand.memoryVfp) {
    const scale = kind === Operand.memory ? scaleOf(s, index) : 0;
    return scale > 0 ? new Mem(register, 0, s.use(index.args[0]), scale) : new Mem(register, 0, s.use(index));
  }
  const t = s.temp(RegClass.int);
  const scale = scaleOf(s, index);
  if (scale > 0) {
    const made = s.emit(I.add_register, [t], [register, s.use(index.args[0])]);
    made.imm = scale;
  } else emitGroup(s, I.add_immediate, [t], [register], secondOperand(s, index, user));
  return withOffset(s, t, inst.offset, offsetLimit(kind), span);
}

/** The constant by which an index that need not be in a register is shifted left; 0 for other indices. */
function scaleOf(s: Selector, index: Inst): number {
  if (index.op !== Op.shl || !s.canDuplicate(index)) return 0;
  return (constantOf(index.args[1]) ?? 0) & 31;
}

const loadRows = new Map<number, number>([
  [Access.full, I.ldr],
  [Access.s8, I.ldrsb],
  [Access.u8, I.ldrb],
  [Access.s16, I.ldrsh],
  [Access.u16, I.ldrh],
]);
const storeRows = [I.strb, I.strh, I.str];

/** The kind of the memory operand of a row. */
function memoryKind(row: number): number {
  const operand = instructions[row].operands.find(
    ({ kind }) => kind === Operand.memory || kind === Operand.memoryExtra || kind === Operand.memoryVfp,
  );
  return operand === undefined ? Operand.memory : operand.kind;
}

function access(s: Selector, inst: Inst, row: number, defs: number[], uses: number[], mem: Mem): void {
  const made = s.emit(row, defs, uses);
  made.mem = mem;
  if (isLinear(inst.region)) made.trap = TrapKind.memoryOutOfBounds;
}

const next = (mem: Mem): Mem => new Mem(mem.base, mem.disp + 4, -1, 0, mem.area);

const load: SelectionRule = (s, inst) => {
  const def = s.def(inst);
  const { type } = inst;
  if (isUnalignedFloat(type, inst.region)) {
    const low = s.temp(RegClass.int);
    if (type === Type.f32) {
      access(s, inst, I.ldr, [low], [], address(s, inst, Operand.memory));
      s.emit(I.vmov_single_core, [def], [low]);
      return;
    }
    const high = s.temp(RegClass.int);
    const mem = address(s, inst, Operand.memory, 4);
    access(s, inst, I.ldr, [low], [], mem);
    access(s, inst, I.ldr, [high], [], next(mem));
    s.emit(I.vmov_double_cores, [def], [low, high]);
    return;
  }
  const float = type === Type.f32 || type === Type.f64;
  const row = float ? byType(I.vldr_f32, type) : (loadRows.get(inst.access) ?? I.ldr);
  access(s, inst, row, [def], [], address(s, inst, memoryKind(row)));
};

/** The words of a stored float: of its bits where they are at hand, else moved to core registers. */
function words(s: Selector, value: Inst, user: Inst): number[] {
  if (value.op === Op.f64_from_words && s.canFold(value, user)) return value.args.map((arg) => s.use(arg));
  if (value.op === Op.const) {
    return (value.type === Type.f64 ? [value.imm, value.imm2] : [value.imm]).map((bits) =>
      emitConstant(s, bits),
    );
  }
  const low = s.temp(RegClass.int);
  if (value.type === Type.f32) {
    s.emit(I.vmov_core_single, [low], [s.use(value)]);
    return [low];
  }
  const high = s.temp(RegClass.int);
  s.emit(I.vmov_cores_double, [low, high], [s.use(value)]);
  return [low, high];
}

const store: SelectionRule = (s, inst) => {
  const value = inst.args[inst.args.length - 1];
  const { type } = value;
  if (isUnalignedFloat(type, inst.region)) {
    const [low, high] = words(s, value, inst);
    if (type === Type.f32) {
      access(s, inst, I.str, [], [low], address(s, inst, Operand.memory));
      return;
    }
    // The higher word first: where it faults in the guard region, nothing was written.
    const mem = address(s, inst, Operand.memory, 4);
    access(s, inst, I.str, [], [high], next(mem));
    access(s, inst, I.str, [], [low], mem);
    return;
  }
  const float = type === Type.f32 || type === Type.f64;
  const row = float ? byType(I.vstr_f32, type) : storeRows[accessBytes(inst.access, type) >> 1];
  const register = s.use(value);
  access(s, inst, row, [], [register], address(s, inst, memoryKind(row)));
};

/** Branches to a trap stub if `cond` holds. */
export function trapIf(s: Selector, cond: number, kind: TrapKind): void {
  const made = s.emit(I.trap_branch, [], []);
  made.cond = cond;
  made.imm = kind;
}

/** Sizes are below 2^32, so that an extent of 2^32 and more is never within one. */
const checkBounds: SelectionRule = (s, inst) => {
  const [index, size] = inst.args;
  const kind = TrapKind.memoryOutOfBounds;
  if (inst.offset >= 2 ** 32) return trapIf(s, Cond.al, kind);
  if (inst.offset <= guardBytes) {
    const scale = scaleOf(s, index);
    if (scale > 0) {
      s.emit(I.cmp_register, [], [s.use(size), s.use(index.args[0])]).imm = scale;
      return trapIf(s, Cond.ls, kind);
    }
    if (isSecondOperand(s, index, inst)) {
      const first = s.use(size);
      emitGroup(s, I.cmp_immediate, [], [first], secondOperand(s, index, inst));
      return trapIf(s, Cond.ls, kind);
    }
    const first = s.use(index);
    emitGroup(s, I.cmp_immediate, [], [first], constantOrRegister(s, size));
    return trapIf(s, Cond.hs, kind);
  }
  // size < extent borrows and skips the comparison; else index must not exceed what is left.
  const left = s.temp(RegClass.int);
  const extent = inst.offset | 0;
  if (isModified(extent)) s.emit(I.subs_immediate, [left], [s.use(size)]).imm = extent;
  else s.emit(I.subs_register, [left], [s.use(size), emitConstant(s, extent)]);
  s.emit(I.cmp_register, [], [left, s.use(index)]).cond = Cond.hs;
  trapIf(s, Cond.lo, kind);
};

/** Only in functions that set the pinned register: elsewhere the driver names the register itself. */
const env: SelectionRule = (s, inst) => {
  const def = s.def(inst);
  s.emit(I.mov_register, [def], [envRegister]);
};

const stackSlot: SelectionRule = (s, inst) => {
  const def = s.def(inst);
  const made = s.emit(I.address, [def], []);
  made.mem = new Mem(-1, inst.offset, -1, 0, 'slot');
  s.rematerialise(def, made);
};

/** The rules, by operation number. */
export const memoryRules = new Map<number, SelectionRule>([
  [Op.load, load],
  [Op.store, store],
  [Op.load_indexed, load],
  [Op.store_indexed, store],
  [Op.check_bounds, checkBounds],
  [Op.env, env],
  [Op.stack_slot, stackSlot],
]);
