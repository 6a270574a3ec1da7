import { Mem, RegClass } from '../../compiler/backend/machine.ts';
import type { Selector } from '../../compiler/backend/selector.ts';
import type { Inst } from '../../compiler/ir/function.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { Access, Type } from '../../compiler/ir/types.ts';
import type { SelectionRule } from '../../compiler/target.ts';
import { compare } from './compare.ts';
import { Cond, X } from './instructions.ts';
import {
  emitRm,
  immediate,
  inMemory,
  low,
  type Operand,
  operand,
  setMemory,
  shiftCount,
  takesSecond,
  wide,
} from './operands.ts';
import { Reg } from './registers.ts';

/**
 * Rules of integer operations. An i32 stands zero-extended in its 64-bit register, always: 32-bit instructions write it so,
 * and what comes from memory, calls and parameters does too.
 */

/** Two-address arithmetic with the second operand (or either, for what commutes) from memory, and by `op_i` with an immediate. */
function arithmetic(op: number, opImmediate: number): SelectionRule {
  return (s, inst) => {
    const [a, b] = inst.args;
    const imm = immediate(b);
    if (imm !== null && opImmediate >= 0) {
      s.emit(opImmediate + wide(inst.type), [s.def(inst)], [low(s, a)]).imm = imm;
      return;
    }
    commutative(s, inst, op, a, b);
  };
}

function commutative(s: Selector, inst: Inst, op: number, a: Inst, b: Inst): void {
  const swap = takesSecond(s, inst, a, b);
  const rm = operand(s, swap ? a : b, inst);
  emitRm(s, op + wide(inst.type), [s.def(inst)], [low(s, swap ? b : a)], rm);
}

/** What an addition of up to two registers and a constant, one register scaled, consists of. */
interface Sum {
  readonly terms: Inst[];
  scaled: Inst | null;
  scale: number;
  disp: number;
}

/** Adds `value` to `sum`, looking into it if it is computed for this sum alone. False if there is no room. */
function addTerm(s: Selector, sum: Sum, value: Inst, user: Inst, depth: number): boolean {
  const imm = immediate(value);
  if (imm !== null) {
    const disp = user.type === Type.i32 ? (sum.disp + imm) | 0 : sum.disp + imm;
    if (disp !== (disp | 0)) return false;
    sum.disp = disp;
    return true;
  }
  if (depth > 0 && s.canFold(value, user)) {
    const [a, b] = value.args;
    const count = value.op === Op.shl ? shiftCount(value) : -1;
    if (count >= 1 && count <= 3 && sum.scaled === null && sum.terms.length <= 1) {
      sum.scaled = a;
      sum.scale = count;
      return true;
    }
    if (value.op === Op.add && (immediate(b) !== null || sum.terms.length + (sum.scaled ? 1 : 0) === 0)) {
      const { scaled, scale, disp } = sum;
      const length = sum.terms.length;
      if (addTerm(s, sum, a, value, depth - 1) && addTerm(s, sum, b, value, depth - 1)) return true;
      sum.terms.length = length;
      Object.assign(sum, { scaled, scale, disp });
    }
  }
  if (sum.terms.length + (sum.scaled ? 1 : 0) >= 2) return false;
  sum.terms.push(value);
  return true;
}

const add: SelectionRule = (s, inst) => {
  const [a, b] = inst.args;
  const size = wide(inst.type);
  if (inMemory(s, b, inst) || (inMemory(s, a, inst) && immediate(b) === null)) {
    commutative(s, inst, X.add_rm, a, b);
    return;
  }
  const sum: Sum = { terms: [], scaled: null, scale: 0, disp: 0 };
  if (!addTerm(s, sum, b, inst, 2) || !addTerm(s, sum, a, inst, 2)) {
    s.emit(X.add + size, [s.def(inst)], [low(s, a), low(s, b)]);
    return;
  }
  const registers = sum.terms.reverse().map((term) => low(s, term));
  const def = s.def(inst);
  if (sum.scaled === null && registers.length === 0) {
    const made = s.emit(X.mov_i + size, [def], []);
    made.imm = sum.disp;
    made.imm2 = sum.disp >> 31;
  } else if (sum.scaled === null && registers.length === 1) {
    s.emit(X.add_i + size, [def], registers).imm = sum.disp;
  } else if (sum.scaled === null && sum.disp === 0) {
    s.emit(X.add + size, [def], registers);
  } else {
    const index = sum.scaled === null ? registers[1] : low(s, sum.scaled);
    s.emit(X.lea + size, [def], []).mem = new Mem(registers[0] ?? -1, sum.disp, index, sum.scale);
  }
};

const sub: SelectionRule = (s, inst) => {
  const [a, b] = inst.args;
  const size = wide(inst.type);
  const imm = immediate(b);
  if (imm !== null && -imm === (-imm | 0)) {
    s.emit(X.add_i + size, [s.def(inst)], [low(s, a)]).imm = -imm;
    return;
  }
  const minuend = immediate(a);
  if (minuend === 0 || minuend === -1) {
    s.emit((minuend === 0 ? X.neg : X.not) + size, [s.def(inst)], [low(s, b)]);
    return;
  }
  const rm = operand(s, b, inst);
  emitRm(s, X.sub + size, [s.def(inst)], [low(s, a)], rm);
};

const mul: SelectionRule = (s, inst) => {
  const [a, b] = inst.args;
  const imm = immediate(b);
  if (imm === null) {
    commutative(s, inst, X.imul, a, b);
    return;
  }
  const scale = imm === 3 ? 1 : imm === 5 ? 2 : imm === 9 ? 3 : 0;
  if (scale > 0) {
    const register = low(s, a);
    s.emit(X.lea + wide(inst.type), [s.def(inst)], []).mem = new Mem(register, 0, register, scale);
    return;
  }
  const rm = operand(s, a, inst);
  emitRm(s, X.imul_i + wide(inst.type), [s.def(inst)], [], rm).imm = imm;
};

/** Division: rdx:rax by the divisor, quotient in rax and remainder in rdx (SDM, DIV and IDIV). */
function divide(signed: boolean, remainder: boolean): SelectionRule {
  return (s, inst) => {
    const [a, b] = inst.args;
    const size = wide(inst.type);
    const divisor: Operand = { register: low(s, b), mem: null, load: null };
    s.copy(Reg.rax, low(s, a));
    // A divisor that may be -1 needs the guarded sequence.
    if (signed && remainder && b.op !== Op.const) {
      s.emit(X.rem_s + size, [Reg.rax, Reg.rdx], [Reg.rax, divisor.register]);
    } else {
      if (signed) s.emit(X.cdq + size, [Reg.rdx], [Reg.rax]);
      else s.emit(X.zero, [Reg.rdx], []);
      emitRm(s, (signed ? X.idiv : X.div) + size, [Reg.rax, Reg.rdx], [Reg.rax, Reg.rdx], divisor);
    }
    s.copy(s.def(inst), remainder ? Reg.rdx : Reg.rax);
  };
}

/** -1 divides everything: MIN % -1 would fault, so the constant's remainder is known to be zero here. */
const remainder: SelectionRule = (s, inst) => {
  if (immediate(inst.args[1]) === -1) s.emit(X.zero, [s.def(inst)], []);
  else signedRemainder(s, inst);
};
const signedRemainder = divide(true, true);

const and: SelectionRule = (s, inst) => {
  const [a, b] = inst.args;
  if (b.op === Op.const) {
    const isLow = b.type === Type.i32 || b.imm2 === 0;
    if (isLow && (b.imm === 0xff || b.imm === 0xffff)) {
      s.emit(b.imm === 0xff ? X.movzx8 : X.movzx16, [s.def(inst)], [low(s, a)]);
      return;
    }
    if (b.type === Type.i64 && isLow) {
      // The 32-bit forms clear the upper word.
      if (b.imm === -1) s.emit(X.mov, [s.def(inst)], [s.use(a)]);
      else s.emit(X.and_i, [s.def(inst)], [s.use(a)]).imm = b.imm;
      return;
    }
  }
  andGeneral(s, inst);
};
const andGeneral = arithmetic(X.and, X.and_i);

const xor: SelectionRule = (s, inst) => {
  if (immediate(inst.args[1]) === -1) s.emit(X.not + wide(inst.type), [s.def(inst)], [low(s, inst.args[0])]);
  else xorGeneral(s, inst);
};
const xorGeneral = arithmetic(X.xor, X.xor_i);

/** Shifts and rotates: the count is a constant or goes to cl. The hardware masks it as wasm does. */
function shift(op: number, opImmediate: number): SelectionRule {
  return (s, inst) => {
    const [value, count] = inst.args;
    const size = wide(inst.type);
    const register = low(s, value);
    const def = s.def(inst);
    const constant = shiftCount(inst);
    if (constant === 0) {
      s.emit(X.mov + size, [def], [register]);
    } else if (op === X.shl && constant === 1) {
      s.emit(X.add + size, [def], [register, register]);
    } else if (op === X.shl && constant > 0 && constant <= 3) {
      s.emit(X.lea + size, [def], []).mem = new Mem(-1, 0, register, constant);
    } else if (constant > 0) {
      s.emit(opImmediate + size, [def], [register]).imm = constant;
    } else {
      s.copy(Reg.rcx, shiftRegister(s, count));
      s.emit(op + size, [def], [register, Reg.rcx]);
    }
  };
}

/** The register of a shift's count, of which only the low bits matter. */
function shiftRegister(s: Selector, count: Inst): number {
  const bits = count.type === Type.i64 ? 63 : 31;
  let value = count;
  for (;;) {
    const [a, b]: Inst[] = value.args;
    const extends_ = value.op === Op.extend_u || value.op === Op.extend_s || value.op === Op.wrap;
    const masks = value.op === Op.and && b.op === Op.const && (b.imm & bits) === bits;
    if (!(extends_ || masks) || !s.canDuplicate(value)) return s.use(value);
    value = a;
  }
}

/** Leading and trailing zeros by bit scans, which leave nothing usable for zero: SDM, BSR and BSF. */
const clz: SelectionRule = (s, inst) => {
  const size = wide(inst.type);
  const bits = size ? 63 : 31;
  const rm = operand(s, inst.args[0], inst);
  const [found, orZero, ofZero] = [s.temp(RegClass.int), s.temp(RegClass.int), s.temp(RegClass.int)];
  // (2 * bits + 1) xor bits is bits + 1.
  s.emit(X.mov_i, [ofZero], []).imm = 2 * bits + 1;
  emitRm(s, X.bsr + size, [found], [], rm);
  s.emit(X.cmov + size, [orZero], [found, ofZero]).cond = Cond.e;
  s.emit(X.xor_i + size, [s.def(inst)], [orZero]).imm = bits;
};

const ctz: SelectionRule = (s, inst) => {
  const size = wide(inst.type);
  const rm = operand(s, inst.args[0], inst);
  const [found, ofZero] = [s.temp(RegClass.int), s.temp(RegClass.int)];
  s.emit(X.mov_i, [ofZero], []).imm = size ? 64 : 32;
  emitRm(s, X.bsf + size, [found], [], rm);
  s.emit(X.cmov + size, [s.def(inst)], [found, ofZero]).cond = Cond.e;
};

/** One operand in the r/m place. */
const unary =
  (op: number): SelectionRule =>
  (s, inst) => {
    const rm = operand(s, inst.args[0], inst);
    emitRm(s, op + wide(inst.type), [s.def(inst)], [], rm);
  };

/** Sign extension of part of a register. */
const extend =
  (op: number): SelectionRule =>
  (s, inst) =>
    void s.emit(op + wide(inst.type), [s.def(inst)], [low(s, inst.args[0])]);

const extendSigned: SelectionRule = (s, inst) => {
  const rm = operand(s, inst.args[0], inst);
  emitRm(s, X.movsxd, [s.def(inst)], [], rm);
};

/** Zero extension is there already; a load makes it anyway. */
const extendUnsigned: SelectionRule = (s, inst) => {
  const [value] = inst.args;
  const isLoad = value.op === Op.load || value.op === Op.load_indexed;
  if (isLoad && value.access === Access.full && s.canFold(value, inst)) {
    const { mem } = operand(s, value, inst);
    const made = s.emit(X.mov, [s.def(inst)], []);
    if (mem !== null) setMemory(made, mem, value);
  } else {
    s.copy(s.def(inst), s.use(value));
  }
};

/** A comparison as a value: set on a register cleared before the flags are made, so that no partial register is read. */
const setCondition: SelectionRule = (s, inst) => {
  const clear = s.temp(RegClass.int);
  s.emit(X.zero, [clear], []);
  if (inst.op !== Op.feq && inst.op !== Op.fne) {
    const cond = compare(s, inst, true);
    s.emit(X.setcc, [s.def(inst)], [clear]).cond = cond;
    return;
  }
  // Float equality is two conditions: the second one overrides the first by cmov.
  const equal = inst.op === Op.feq;
  const unequal = s.temp(RegClass.int);
  const ordered = s.temp(RegClass.int);
  s.emit(X.mov_i, [unequal], []).imm = equal ? 0 : 1;
  compare(s, inst, true);
  s.emit(X.setcc, [ordered], [clear]).cond = equal ? Cond.np : Cond.p;
  s.emit(X.cmov, [s.def(inst)], [ordered, unequal]).cond = Cond.ne;
};

/** The rules, by operation number. */
export const integerRules = new Map<number, SelectionRule>([
  [Op.add, add],
  [Op.sub, sub],
  [Op.mul, mul],
  [Op.div_s, divide(true, false)],
  [Op.div_u, divide(false, false)],
  [Op.rem_s, remainder],
  [Op.rem_u, divide(false, true)],
  [Op.and, and],
  [Op.or, arithmetic(X.or, X.or_i)],
  [Op.xor, xor],
  [Op.shl, shift(X.shl, X.shl_i)],
  [Op.shr_s, shift(X.sar, X.sar_i)],
  [Op.shr_u, shift(X.shr, X.shr_i)],
  [Op.rotl, shift(X.rol, X.rol_i)],
  [Op.rotr, shift(X.ror, X.ror_i)],
  [Op.clz, clz],
  [Op.ctz, ctz],
  [Op.popcnt, unary(X.popcnt)],
  [Op.extend8_s, extend(X.movsx8)],
  [Op.extend16_s, extend(X.movsx16)],
  [Op.extend32_s, (s, inst) => void s.emit(X.movsxd, [s.def(inst)], [s.use(inst.args[0])])],
  [Op.extend_s, extendSigned],
  [Op.extend_u, extendUnsigned],
  [Op.wrap, (s, inst) => void s.emit(X.mov, [s.def(inst)], [s.use(inst.args[0])])],
  ...[Op.eq, Op.ne, Op.lt_s, Op.lt_u, Op.gt_s, Op.gt_u, Op.le_s, Op.le_u, Op.ge_s, Op.ge_u].map(
    (op): [number, SelectionRule] => [op, setCondition],
  ),
  ...[Op.feq, Op.fne, Op.flt, Op.fgt, Op.fle, Op.fge].map((op): [number, SelectionRule] => [
    op,
    setCondition,
  ]),
]);
