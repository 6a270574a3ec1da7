import { Mem, RegClass } from '../../compiler/backend/machine.ts';
import type { Selector } from '../../compiler/backend/selector.ts';
import type { Inst } from '../../compiler/ir/function.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { TrapKind, Type } from '../../compiler/ir/types.ts';
import type { SelectionRule } from '../../compiler/target.ts';
import { encodeVfpConstant, encodeVfpSingle, isModified } from './encode.ts';
import { Cond, I } from './instructions.ts';
import { byType, emitConstant } from './operands.ts';
import { comparison } from './select-integer.ts';

/**
 * Rules of floating-point operations and conversions. Arithmetic is VFP's: NEON's flushes denormals. NEON serves for what
 * moves bits (DDI 0406C A2.7).
 */

/**
 * The NEON constant of 32-bit lanes with a single non-zero byte: the byte, and the field `cmode` that places it.
 * @returns null if `bits` has another shape
 */
function laneConstant(bits: number): { byte: number; cmode: number } | null {
  for (let k = 0; k < 4; k++) {
    if ((bits & ~(255 << (8 * k))) === 0) return { byte: (bits >>> (8 * k)) & 255, cmode: 2 * k };
  }
  return null;
}

function lanes(s: Selector, def: number, bits: number): boolean {
  const found = laneConstant(bits);
  if (found === null) return false;
  const made = s.emit(I.vmov_lanes, [def], []);
  made.imm = found.byte;
  made.imm2 = found.cmode;
  s.rematerialise(def, made);
  return true;
}

/** f32 and f64 constants: one instruction if there is one, else by core registers, else from memory. */
export const floatConstant: SelectionRule = (s, inst) => {
  const def = s.def(inst);
  const { imm, imm2 } = inst;
  const single = inst.type === Type.f32;
  const byte = single ? encodeVfpSingle(imm) : encodeVfpConstant(imm, imm2);
  if (byte >= 0) {
    const made = s.emit(byType(I.vmov_constant_f32, inst.type), [def], []);
    made.imm = byte;
    s.rematerialise(def, made);
    return;
  }
  if ((single || imm === imm2) && lanes(s, def, imm)) return;
  if (single) {
    s.emit(I.vmov_single_core, [def], [emitConstant(s, imm)]);
    return;
  }
  if (imm === imm2 || (isModified(imm) && isModified(imm2))) {
    const low = emitConstant(s, imm);
    const high = imm === imm2 ? low : emitConstant(s, imm2);
    s.emit(I.vmov_double_cores, [def], [low, high]);
    return;
  }
  const address = s.temp(RegClass.int);
  const made = s.emit(I.address, [address], []);
  made.mem = s.constant([imm, imm2]);
  s.emit(I.vldr_f64, [def], []).mem = new Mem(address, 0);
};

const arithmetic =
  (row: number): SelectionRule =>
  (s, inst) => {
    s.emit(
      byType(row, inst.type),
      [s.def(inst)],
      inst.args.map((arg) => s.use(arg)),
    );
  };

/** Multiply-accumulate rounds the product as vmul does (DDI 0406C A8.8.337), so it may stand for the two. */
const fadd: SelectionRule = (s, inst) => {
  for (const [sum, product] of [
    [inst.args[0], inst.args[1]],
    [inst.args[1], inst.args[0]],
  ]) {
    if (product.op === Op.fmul && s.canFold(product, inst))
      return accumulate(s, inst, I.vmla_f32, sum, product);
  }
  arithmetic(I.vadd_f32)(s, inst);
};

const fsub: SelectionRule = (s, inst) => {
  const [a, b] = inst.args;
  if (b.op === Op.fmul && s.canFold(b, inst)) return accumulate(s, inst, I.vmls_f32, a, b);
  if (a.op === Op.fmul && s.canFold(a, inst)) return accumulate(s, inst, I.vnmls_f32, b, a);
  arithmetic(I.vsub_f32)(s, inst);
};

function accumulate(s: Selector, inst: Inst, row: number, sum: Inst, product: Inst): void {
  const uses = [s.use(sum), s.use(product.args[0]), s.use(product.args[1])];
  s.emit(byType(row, inst.type), [s.def(inst)], uses);
}

/**
 * Ordered and unequal: a move. Equal: the operands differ at most in the sign of zero, and or-ing (and-ing) their bits gives the
 * smaller (larger) zero. Unordered: the sum is the quiet NaN that wasm asks for.
 */
const extremum =
  (bits: number, takeFirst: number, takeSecond: number): SelectionRule =>
  (s, inst) => {
    const a = s.use(inst.args[0]);
    const b = s.use(inst.args[1]);
    const cls = s.classOf(inst.type);
    const equal = s.temp(cls);
    const withFirst = s.temp(cls);
    const withSecond = s.temp(cls);
    s.emit(bits, [equal], [a, b]);
    s.emit(byType(I.vcmp_f32, inst.type), [], [a, b]);
    s.emit(I.vmrs, [], []);
    const move = byType(I.vmov_f32_if, inst.type);
    s.emit(move, [withFirst], [equal, a]).cond = takeFirst;
    s.emit(move, [withSecond], [withFirst, b]).cond = takeSecond;
    s.emit(byType(I.vadd_f32_if, inst.type), [s.def(inst)], [withSecond, a, b]).cond = Cond.vs;
  };

/** Selects the sign bit from one and the rest from the other; the mask of a double has it in its high word alone. */
const copysign: SelectionRule = (s, inst) => {
  const cls = s.classOf(inst.type);
  let mask = s.temp(cls);
  const made = s.emit(I.vmov_lanes, [mask], []);
  made.imm = 0x80;
  made.imm2 = 6;
  if (inst.type === Type.f64) {
    const high = s.temp(cls);
    s.emit(I.vshl_i64, [high], [mask]).imm = 32;
    mask = high;
  }
  s.emit(I.vbsl, [s.def(inst)], [mask, s.use(inst.args[1]), s.use(inst.args[0])]);
};

/** Row of a conversion by the float's type: vcvt_s32_f32 or vcvt_s32_f64, vcvt_f32_s32 or vcvt_f64_s32. */
const truncate = (s: Selector, inst: Inst, unsigned: boolean, single: number): void => {
  const row = byType(unsigned ? I.vcvt_u32_f32 : I.vcvt_s32_f32, inst.args[0].type);
  s.emit(row, [single], [s.use(inst.args[0])]);
};

/** vcvt saturates and makes 0 of NaN, as wasm's does (DDI 0406C A2.7.8, FPToFixed). */
const truncateSaturating =
  (unsigned: boolean): SelectionRule =>
  (s, inst) => {
    const t = s.temp(RegClass.f32);
    truncate(s, inst, unsigned, t);
    s.emit(I.vmov_core_single, [s.def(inst)], [t]);
  };

/**
 * Converted back and subtracted, a number in range leaves less than 1; a saturated one leaves 1 or more, and NaN leaves NaN. In
 * double precision, where every 32-bit integer and every difference of interest is exact.
 */
const truncateTrapping =
  (unsigned: boolean): SelectionRule =>
  (s, inst) => {
    const [value] = inst.args;
    const integer = s.temp(RegClass.f32);
    truncate(s, inst, unsigned, integer);
    let wide = s.use(value);
    if (value.type === Type.f32) {
      wide = s.temp(RegClass.f64);
      s.emit(I.vcvt_f64_f32, [wide], [s.use(value)]);
    }
    const [back, difference, magnitude, one] = [0, 1, 2, 3].map(() => s.temp(RegClass.f64));
    s.emit(unsigned ? I.vcvt_f64_u32 : I.vcvt_f64_s32, [back], [integer]);
    s.emit(I.vsub_f64, [difference], [wide, back]);
    s.emit(I.vabs_f64, [magnitude], [difference]);
    s.emit(I.vmov_constant_f64, [one], []).imm = encodeVfpConstant(0, 0x3ff00000);
    s.emit(I.vcmp_f64, [], [magnitude, one]);
    s.emit(I.vmrs, [], []);
    const trap = s.emit(I.trap_branch, [], []);
    trap.cond = Cond.pl;
    trap.imm = TrapKind.invalidConversion;
    s.emit(I.vmov_core_single, [s.def(inst)], [integer]);
  };

const convert =
  (unsigned: boolean): SelectionRule =>
  (s, inst) => {
    const t = s.temp(RegClass.f32);
    s.emit(I.vmov_single_core, [t], [s.use(inst.args[0])]);
    s.emit(byType(unsigned ? I.vcvt_f32_u32 : I.vcvt_f32_s32, inst.type), [s.def(inst)], [t]);
  };

const reinterpret: SelectionRule = (s, inst) => {
  const row = inst.type === Type.f32 ? I.vmov_single_core : I.vmov_core_single;
  s.emit(row, [s.def(inst)], [s.use(inst.args[0])]);
};

/** def <- the row's operation on all inputs. */
const converted =
  (row: number): SelectionRule =>
  (s, inst) => {
    const uses = inst.args.map((arg) => s.use(arg));
    s.emit(row, [s.def(inst)], uses);
  };

const word: SelectionRule = (s, inst) => {
  const uses = [s.use(inst.args[0])];
  s.emit(I.vmov_core_lane, [s.def(inst)], uses).imm = inst.imm;
};

/** The rules, by operation number. */
export const floatRules = new Map<number, SelectionRule>([
  [Op.fadd, fadd],
  [Op.fsub, fsub],
  [Op.fmul, arithmetic(I.vmul_f32)],
  [Op.fdiv, arithmetic(I.vdiv_f32)],
  [Op.fmin, extremum(I.vorr, Cond.mi, Cond.gt)],
  [Op.fmax, extremum(I.vand, Cond.gt, Cond.mi)],
  [Op.fcopysign, copysign],
  [Op.fabs, arithmetic(I.vabs_f32)],
  [Op.fneg, arithmetic(I.vneg_f32)],
  [Op.fsqrt, arithmetic(I.vsqrt_f32)],
  ...[Op.feq, Op.fne, Op.flt, Op.fgt, Op.fle, Op.fge].map((op) => [op, comparison] as const),
  [Op.trunc_s, truncateTrapping(false)],
  [Op.trunc_u, truncateTrapping(true)],
  [Op.trunc_sat_s, truncateSaturating(false)],
  [Op.trunc_sat_u, truncateSaturating(true)],
  [Op.convert_s, convert(false)],
  [Op.convert_u, convert(true)],
  [Op.promote, converted(I.vcvt_f64_f32)],
  [Op.demote, converted(I.vcvt_f32_f64)],
  [Op.reinterpret, reinterpret],
  [Op.f64_from_words, converted(I.vmov_double_cores)],
  [Op.f64_word, word],
]);
