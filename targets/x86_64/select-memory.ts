import { Mem, RegClass } from '../../compiler/backend/machine.ts';
import type { Selector } from '../../compiler/backend/selector.ts';
import type { Inst } from '../../compiler/ir/function.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { Access, Region, TrapKind, Type } from '../../compiler/ir/types.ts';
import type { SelectionRule } from '../../compiler/target.ts';
import { fitsInt32 } from './encode.ts';
import { Cond, Size, X } from './instructions.ts';
import { address, emitRm, operand, setMemory, wide } from './operands.ts';
import { envRegister } from './registers.ts';

/** Rules of memory operations. No check guards a linear memory: all that 32-bit indices reach is reserved. */

/** Bytes behind every memory that fault: an index below 2^32 and an offset below 2^32 stay within the reservation. */
export const guardBytes = 2 ** 32;

/** Load instructions of integers by {@link Access}: for i32, for i64. The 32-bit ones extend with zeros. */
const integerLoads: readonly (readonly [number, number])[] = [
  [X.mov, X.mov + 1],
  [X.movsx8, X.movsx8 + 1],
  [X.movzx8, X.movzx8],
  [X.movsx16, X.movsx16 + 1],
  [X.movzx16, X.movzx16],
  [X.mov, X.movsxd],
  [X.mov, X.mov],
];

const load: SelectionRule = (s, inst) => {
  const mem = address(s, inst);
  const def = s.def(inst);
  const op =
    inst.type === Type.f32 || inst.type === Type.f64
      ? X.load_f + (inst.type === Type.f64 ? 1 : 0)
      : integerLoads[inst.access][wide(inst.type)];
  const made = s.emit(op, [def], []);
  setMemory(made, mem, inst);
  const isEnvField = inst.region === Region.constant && mem.base === envRegister && mem.index < 0;
  if (isEnvField) s.rematerialise(def, made);
};

/** The {@link Size} of what a store writes. */
const storeSize = (store: Inst, value: Inst): number => {
  if (store.access === Access.full) {
    return value.type === Type.i64 || value.type === Type.f64 ? Size.qword : Size.dword;
  }
  return store.access <= Access.u8 ? Size.byte : store.access <= Access.u16 ? Size.word : Size.dword;
};

const store: SelectionRule = (s, inst) => {
  const value = inst.args[inst.args.length - 1];
  const size = storeSize(inst, value);
  if (updateMemory(s, inst, value, size)) return;
  const mem = address(s, inst);
  const imm = storedConstant(value, size);
  if (imm !== null) {
    const made = s.emit(X.store_i + size, [], []);
    made.imm = imm;
    setMemory(made, mem, inst);
    return;
  }
  const isFloat = value.type === Type.f32 || value.type === Type.f64;
  const made = isFloat
    ? s.emit(X.store_f + (value.type === Type.f64 ? 1 : 0), [], [s.use(value)])
    : s.emit(X.store + size, [], [storedRegister(s, value, size)]);
  setMemory(made, mem, inst);
};

/** The immediate that stores a constant: integers and the bits of floats alike, if 32 bits with sign extension hold them. */
function storedConstant(value: Inst, size: number): number | null {
  if (value.op !== Op.const) return null;
  const fits = size < Size.qword || value.imm2 === value.imm >> 31;
  if (!fits) return null;
  if (size === Size.byte) return (value.imm << 24) >> 24;
  return size === Size.word ? (value.imm << 16) >> 16 : value.imm;
}

/** The register whose low bytes are stored: what only clears or extends the bytes above is passed over. */
function storedRegister(s: Selector, stored: Inst, size: number): number {
  let value = stored;
  for (;;) {
    const [a, b]: Inst[] = value.args;
    const narrow =
      (value.op === Op.wrap && size <= Size.dword) ||
      ((value.op === Op.extend_u || value.op === Op.extend_s || value.op === Op.extend32_s) &&
        size <= Size.dword) ||
      (value.op === Op.extend16_s && size <= Size.word) ||
      (value.op === Op.extend8_s && size === Size.byte) ||
      (value.op === Op.and &&
        b.op === Op.const &&
        size <= Size.word &&
        (b.imm & lowMask[size]) === lowMask[size]);
    if (!narrow || !s.canDuplicate(value)) return s.use(value);
    value = a;
  }
}
const lowMask = [0xff, 0xffff];

const updates = new Map<number, readonly [register: number, immediate: number]>([
  [Op.add, [X.add_m, X.add_mi]],
  [Op.sub, [X.sub_m, -1]],
  [Op.and, [X.and_m, X.and_mi]],
  [Op.or, [X.or_m, X.or_mi]],
  [Op.xor, [X.xor_m, X.xor_mi]],
]);

/** `op [mem], value` for a store of an operation on what was loaded from the same place. The fault is the load's. */
function updateMemory(s: Selector, inst: Inst, value: Inst, size: number): boolean {
  const ops = updates.get(value.op);
  if (ops === undefined || !s.canFold(value, inst)) return false;
  const commutes = value.op !== Op.sub;
  const [a, b] = value.args;
  const swap = commutes && !reads(s, a, value, inst) && reads(s, b, value, inst);
  const [loaded, other] = swap ? [b, a] : [a, b];
  if (!reads(s, loaded, value, inst)) return false;
  const imm = storedConstant(other, size);
  const negated = imm === null ? 0 : size === Size.byte ? (-imm << 24) >> 24 : -imm;
  const mem = address(s, inst);
  if (imm !== null && ops[1] >= 0) {
    const made = s.emit(ops[1] + size, [], []);
    made.imm = imm;
    setMemory(made, mem, loaded);
  } else if (imm !== null && fitsInt32(negated)) {
    const made = s.emit(X.add_mi + size, [], []);
    made.imm = negated;
    setMemory(made, mem, loaded);
  } else {
    const register = storedRegister(s, other, size);
    setMemory(s.emit(ops[0] + size, [], [register]), mem, loaded);
  }
  return true;
}

/** True if `value` is a load of exactly what `store` writes, and nothing but `user` needs it. */
function reads(s: Selector, value: Inst, user: Inst, store: Inst): boolean {
  const op = store.op === Op.store ? Op.load : Op.load_indexed;
  return (
    value.op === op &&
    value.args[0] === store.args[0] &&
    (op === Op.load || value.args[1] === store.args[1]) &&
    value.offset === store.offset &&
    value.region === store.region &&
    storeSize(value, value) === storeSize(store, store.args[store.args.length - 1]) &&
    s.canFold(value, user)
  );
}

/** Traps unless index + extent <= size; within the guard only the index counts. */
const checkBounds: SelectionRule = (s, inst) => {
  const [index, size] = inst.args;
  const extent = inst.offset;
  const limit = operand(s, size, inst);
  let register = s.use(index);
  let cond: number = Cond.ae;
  if (extent > guardBytes) {
    const [constant, end] = [s.temp(RegClass.int), s.temp(RegClass.int)];
    const made = s.emit(X.mov_i + 1, [constant], []);
    made.imm = extent | 0;
    made.imm2 = Math.floor(extent / 2 ** 32);
    s.emit(X.add + 1, [end], [constant, register]);
    register = end;
    cond = Cond.a;
  }
  emitRm(s, X.cmp + 1, [], [register], limit);
  trapIf(s, cond, TrapKind.memoryOutOfBounds);
};

/** Emits a branch to a cold trap under `cond`, right behind what sets the flags. */
export function trapIf(s: Selector, cond: number, kind: TrapKind): void {
  const made = s.emit(X.jcc_trap, [], []);
  made.cond = cond;
  made.imm = kind;
}

const stackSlot: SelectionRule = (s, inst) => {
  const def = s.def(inst);
  const made = s.emit(X.lea + 1, [def], []);
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
  [Op.env, (s, inst) => void s.emit(X.mov + 1, [s.def(inst)], [envRegister])],
  [Op.stack_slot, stackSlot],
]);
