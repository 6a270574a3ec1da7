import type { MInst } from '../../compiler/backend/machine.ts';
import { InternalError } from '../../compiler/errors.ts';
import { isFloat, type TimingClass, timingOf } from './cortex-a9.ts';
import type { PipelineInst } from './cortex-a9-pipeline.ts';
import { Cond, I, instructions, Operand } from './instructions.ts';
import { Reg } from './registers.ts';

/** Register numbers of instructions are MInst's; these are the condition flags, of the core and of the floating-point unit. */
export const flags = -1;
export const floatFlags = -2;

/**
 * The class of each row: of data processing, the one without a shift; of accesses, the one of plain addresses. Macros have that of the
 * instruction that their result comes from, or that they end with.
 */
const families: readonly (readonly [timing: TimingClass, rows: string])[] = [
  ['move', 'mov_immediate mov_register mov_shifted movs_register mov_immediate_if mov_register_if'],
  ['alu', 'mvn_immediate mvn_register mvn_immediate_if orr_shifted_if address'],
  ['alu', 'tst_immediate tst_register tst_shifted teq_immediate teq_register teq_shifted'],
  ['alu', 'cmp_immediate cmp_register cmp_shifted cmn_immediate cmn_register cmn_shifted'],
  ['bits', 'movw movt clz rbit constant'],
  ['field', 'ubfx sbfx bfi sxtb sxth uxtb uxth'],
  ['multiply', 'mul mla mls'],
  ['multiplyLong', 'umull smull'],
  ['load', 'ldr'],
  ['loadNarrow', 'ldrb ldrh'],
  ['loadSigned', 'ldrsb ldrsh'],
  ['store', 'str'],
  ['storeNarrow', 'strb strh'],
  ['loadMultiple', 'pop ldm'],
  ['storeMultiple', 'push'],
  ['branch', 'bx branch jump trap_branch switch call call_register return'],
  ['serialising', 'dmb svc trap'],
  ['vfpLoad', 'vldr_f32 vldr_f64'],
  ['vfpStore', 'vstr_f32 vstr_f64'],
  ['vfpLoadMultiple', 'vpop'],
  ['vfpStoreMultiple', 'vpush'],
  ['vfpAdd', 'vadd_f32 vadd_f64 vadd_f32_if vadd_f64_if vsub_f32 vsub_f64'],
  ['vfpMultiplySingle', 'vmul_f32'],
  ['vfpMultiplyDouble', 'vmul_f64'],
  ['vfpMacSingle', 'vmla_f32 vmls_f32 vnmls_f32'],
  ['vfpMacDouble', 'vmla_f64 vmls_f64 vnmls_f64'],
  ['vfpDivideSingle', 'vdiv_f32'],
  ['vfpDivideDouble', 'vdiv_f64'],
  ['vfpRootSingle', 'vsqrt_f32'],
  ['vfpRootDouble', 'vsqrt_f64'],
  ['vfpMove', 'vabs_f32 vabs_f64 vneg_f32 vneg_f64 vmov_constant_f32 vmov_constant_f64'],
  ['vfpMove', 'vmov_f32 vmov_f64 vmov_f32_if vmov_f64_if'],
  ['vfpCompare', 'vcmp_f32 vcmp_f64 vcmp_zero_f32 vcmp_zero_f64'],
  ['vfpFromCore', 'vmov_single_core vmov_double_cores'],
  ['vfpToCore', 'vmrs vmov_core_single vmov_cores_double'],
  ['vfpConvert', 'vcvt_s32_f32 vcvt_s32_f64 vcvt_u32_f32 vcvt_u32_f64 vcvt_f32_s32 vcvt_f64_s32'],
  ['vfpConvert', 'vcvt_f32_u32 vcvt_f64_u32 vcvt_f64_f32 vcvt_f32_f64'],
  ['neonTransfer', 'vmov_core_lane'],
  ['neonImmediate', 'vmov_lanes'],
  ['neonAlu', 'vorr vand vbsl vcnt'],
  ['neonShift', 'vshl_i64 vpaddl_u8 vpaddl_u16'],
];

const dataProcessing = /^(?:and|eor|sub|rsb|add|adc|sbc|rsc|orr|bic)s?_(?:immediate|register|shifted)$/;

const byRow = new Map(families.flatMap(([timing, names]) => names.split(' ').map((name) => [name, timing])));

/** By MInst.op; undefined for a row that somebody added and forgot here, which a spec finds. */
const classes: readonly (TimingClass | undefined)[] = instructions.map(
  ({ name }) => byRow.get(name) ?? (dataProcessing.test(name) ? 'alu' : undefined),
);

const shiftedAccess: Readonly<Partial<Record<TimingClass, TimingClass>>> = {
  load: 'loadShift',
  loadNarrow: 'loadNarrowShift',
  loadSigned: 'loadNarrowShift',
  store: 'storeShift',
  storeNarrow: 'storeNarrowShift',
};

/**
 * The timing class of an instruction of the table.
 * @throws InternalError for pseudos, which are no instructions yet
 */
export function timingClassOf(inst: MInst): TimingClass {
  const name = classes[inst.op];
  if (name === undefined) throw new InternalError(`no timing class for operation ${inst.op}`);
  const { operands } = instructions[inst.op];
  const byRegister = operands.some(({ kind }) => kind === Operand.shiftRegister);
  const byConstant = inst.imm > 0 && operands.some(({ kind }) => kind === Operand.shift);
  switch (name) {
    case 'alu':
      return byRegister ? 'aluShiftRegister' : byConstant ? 'aluShift' : 'alu';
    case 'move':
      return byRegister ? 'moveShiftRegister' : 'move';
    default:
      // An index shifted by 2 is as fast as a plain one (DDI 0388I table B-2).
      return inst.mem !== null && inst.mem.scale > 0 && inst.mem.scale !== 2
        ? (shiftedAccess[name] ?? name)
        : name;
  }
}

const rowsNamed = (pattern: RegExp): ReadonlySet<number> =>
  new Set(instructions.flatMap(({ name }, op) => (pattern.test(name) ? [op] : [])));

const readsFlags = rowsNamed(/^(?:adc|sbc|rsc)s?_/);
const writesFlags = rowsNamed(/^(?:tst|teq|cmp|cmn|movs)_|^(?:and|eor|sub|rsb|add|adc|sbc|rsc|orr|bic)s_/);
const comparesFloats = rowsNamed(/^vcmp_/);

/** Registers of the lists that `push` and its like have in their constants. */
function listed(inst: MInst): number[] {
  if (inst.op === I.vpush || inst.op === I.vpop) {
    return Array.from({ length: inst.imm2 }, (_, i) => Reg.d0 + inst.imm + i);
  }
  if (inst.op !== I.push && inst.op !== I.pop && inst.op !== I.ldm) return [];
  return Array.from({ length: 16 }, (_, register) => register).filter((r) => (inst.imm >> r) & 1);
}

/**
 * An instruction of the table as the pipeline sees it, before allocation or after it. A double register is one register, as it is to the
 * allocator.
 * @throws InternalError for pseudos
 */
export function pipelineInst(inst: MInst): PipelineInst {
  const name = timingClassOf(inst);
  const conditional = inst.cond !== Cond.al && instructions[inst.op].bits >>> 28 !== 15;
  const { multiple } = timingOf(name);
  // push, pop and their like move the stack pointer; ldm has a base, and leaves it as it is.
  const onStack = multiple === true && inst.op !== I.ldm;
  const list = listed(inst);
  const loads = inst.op === I.pop || inst.op === I.ldm || inst.op === I.vpop;
  const memory = inst.mem === null ? [] : [inst.mem.base, inst.mem.index].filter((register) => register >= 0);
  const reads = [...inst.uses, ...memory, ...(loads ? [] : list), ...(onStack ? [Reg.sp] : [])];
  const writes = [...inst.defs, ...inst.temps, ...(inst.clobbers ?? []), ...(loads ? list : [])];
  if (writesFlags.has(inst.op)) writes.push(flags);
  if (comparesFloats.has(inst.op)) writes.push(floatFlags);
  if (inst.op === I.vmrs) {
    reads.push(floatFlags);
    writes.push(flags);
  }
  if (conditional || readsFlags.has(inst.op)) reads.push(flags);
  if (conditional) reads.push(...writes);
  const used = (registers: readonly number[]): number[] =>
    [...new Set(registers)].filter((register) => register !== Reg.pc);
  return {
    class: name,
    reads: used(reads),
    writes: used(writes),
    ...(onStack ? { writeback: Reg.sp } : {}),
    ...(multiple === true ? { transfers: isFloat(name) ? list.length : Math.ceil(list.length / 2) } : {}),
    ...(conditional ? { conditional } : {}),
  };
}
