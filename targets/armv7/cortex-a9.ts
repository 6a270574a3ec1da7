/**
 * Timings of the Cortex-A9, by class of instruction: what an instruction occupies, for how long, and when its results can be read.
 * `cortex-a9-pipeline.ts` simulates by these tables, `cortex-a9-classes.ts` says which class machine code of this target is of.
 *
 * Sources, as `docs/cortex-a9.md` discusses them: the technical reference manuals of the Cortex-A9 (ARM DDI 0388I, appendix B), of its
 * NEON media processing engine (DDI 0409I, chapter 3) and of its floating-point unit (DDI 0408I, section 2.3); and two public models
 * made from them by others, GCC's `cortex-a9.md` (its integer and VFP parts contributed by ARM) and LLVM's `ARMScheduleA9.td`.
 */

/**
 * What executes an instruction. Each takes one instruction a cycle, but for two ALUs. `memory` and `fp` share a port: of both
 * together one instruction a cycle (GCC `cortex_a9_ls`, `ca9_issue_vfp_neon`).
 */
export type Unit = 'alu' | 'multiply' | 'memory' | 'fp' | 'branch' | 'none';

/** The timing of a class. All numbers are cycles. */
export interface Timing {
  readonly unit: Unit;
  /** How long the unit takes no other instruction. For multiples: of each pair of registers. */
  readonly occupies: number;
  /** From issue until an instruction that reads the result can issue. */
  readonly latency: number;
  /** The same for the second result, where it comes later; further results of a load multiple come a cycle a pair. */
  readonly second?: number;
  /** Latency to a class that `takesFast`, unless the producer is conditional. */
  readonly fast?: number;
  /** Takes results by the fast path, from loads and from VFP registers. */
  readonly takesFast?: boolean;
  /** Operands are read so much later than the first stage. */
  readonly readsLate?: number;
  /** One of `occupies` a pair of core registers, or a double register, in place of one in all. */
  readonly multiple?: boolean;
  /** Waits for all before it, and all behind wait for it (DDI 0388I B.6). */
  readonly serialising?: boolean;
  /**
   * What no class of the tables does, but other models have. The first: it waits in the decoder until it issues, and all behind it
   * wait as well, so many cycles longer. The second: an access that issues as soon as its address is there, past others that wait.
   */
  readonly holdsDecoder?: number;
  readonly unordered?: boolean;
  readonly source: string;
}

const b1 = 'DDI 0388I table B-1';
const b2 = 'DDI 0388I table B-2';
const b3 = 'DDI 0388I table B-3';
const b4 = 'DDI 0388I section B.4, LLVM IIC_iMUL';
const fpu = 'DDI 0408I section 2.3, LLVM IIC_fp';
const mpe = 'DDI 0409I chapter 3, LLVM IIC_V';

/** Integer instructions. */
const integer = {
  move: { unit: 'alu', occupies: 1, latency: 1, source: `${b1}: MOV, also shifted by a constant` },
  moveShiftRegister: { unit: 'alu', occupies: 1, latency: 2, source: `${b1}: MOV shifted by a register` },
  alu: { unit: 'alu', occupies: 1, latency: 1, takesFast: true, source: `${b1}: no shift` },
  aluShift: { unit: 'alu', occupies: 1, latency: 2, source: `${b1}: shift by a constant` },
  aluShiftRegister: { unit: 'alu', occupies: 1, latency: 3, source: `${b1}: shift by a register` },
  bits: { unit: 'alu', occupies: 1, latency: 1, source: `${b1}: CLZ, RBIT, REV, MOVW, MOVT, SEL` },
  field: { unit: 'alu', occupies: 1, latency: 2, source: `${b1}: BFC, BFI, SBFX, UBFX, SXTB..UXTH, PKH` },
  extendAdd: { unit: 'alu', occupies: 1, latency: 3, source: `${b1}: SXTAB..UXTAH` },
  saturate: {
    unit: 'alu',
    occupies: 1,
    latency: 2,
    takesFast: true,
    source: `${b1}: QADD, QSUB, SSAT, USAT`,
  },
  saturateDouble: { unit: 'alu', occupies: 1, latency: 3, source: `${b1}: QDADD, QDSUB` },
  multiply: { unit: 'multiply', occupies: 2, latency: 4, source: `${b4}: MUL, MLA, MLS, SMMUL` },
  multiplyLong: {
    unit: 'multiply',
    occupies: 3,
    latency: 4,
    second: 5,
    source: `${b4}: SMULL..UMLAL, UMAAL`,
  },
  multiplyHalf: { unit: 'multiply', occupies: 1, latency: 3, source: `${b4}: SMULxy, SMLAxy, SMUAD, SMLAD` },
  multiplyHalfLong: {
    unit: 'multiply',
    occupies: 2,
    latency: 3,
    second: 4,
    source: `${b4}: SMLALxy, SMLALD`,
  },
  load: { unit: 'memory', occupies: 1, latency: 3, fast: 2, source: `${b2}: LDR, index plain or LSL #2` },
  loadShift: { unit: 'memory', occupies: 1, latency: 4, fast: 3, source: `${b2}: LDR, other shifts` },
  loadNarrow: { unit: 'memory', occupies: 2, latency: 4, fast: 3, source: `${b2}: LDRB, LDRH` },
  loadNarrowShift: { unit: 'memory', occupies: 2, latency: 5, fast: 4, source: `${b2}: LDRB, shifted index` },
  loadSigned: { unit: 'memory', occupies: 2, latency: 4, source: `${b2}: LDRSB, LDRSH, never fast` },
  loadMultiple: {
    unit: 'memory',
    occupies: 1,
    latency: 3,
    fast: 2,
    multiple: true,
    source: `${b3}: address of 64-bit alignment`,
  },
  store: { unit: 'memory', occupies: 1, latency: 1, source: `${b2}, after LLVM IIC_iStore_i` },
  storeShift: { unit: 'memory', occupies: 2, latency: 1, source: `${b2}, after LLVM IIC_iStore_si` },
  storeNarrow: { unit: 'memory', occupies: 2, latency: 1, source: `${b2}, after LLVM IIC_iStore_bh_i` },
  storeNarrowShift: { unit: 'memory', occupies: 3, latency: 1, source: `${b2}, after LLVM IIC_iStore_bh_si` },
  storeMultiple: { unit: 'memory', occupies: 1, latency: 1, multiple: true, source: 'DDI 0388I table B-4' },
  branch: { unit: 'branch', occupies: 1, latency: 1, source: 'DDI 0388I B.5: no execution unit cycles' },
  serialising: {
    unit: 'none',
    occupies: 1,
    latency: 1,
    serialising: true,
    source: 'DDI 0388I B.6: SVC, DMB, DSB, ISB, UDF, MRC, MCR',
  },
  nothing: { unit: 'none', occupies: 1, latency: 0, source: 'NOP and hints: a slot of the decoder alone' },
} as const satisfies Record<string, Timing>;

/** VFP instructions. Division and square root are not pipelined. */
const vfp = {
  vfpAdd: { unit: 'fp', occupies: 1, latency: 4, source: `${fpu}: VADD, VSUB` },
  vfpConvert: { unit: 'fp', occupies: 1, latency: 4, source: `${fpu}: VCVT` },
  vfpMultiplySingle: { unit: 'fp', occupies: 1, latency: 5, source: `${fpu}: VMUL.F32, VNMUL.F32` },
  vfpMultiplyDouble: { unit: 'fp', occupies: 2, latency: 6, source: `${fpu}: VMUL.F64, VNMUL.F64` },
  vfpMacSingle: { unit: 'fp', occupies: 1, latency: 8, source: `${fpu}: VMLA.F32 and its like` },
  vfpMacDouble: { unit: 'fp', occupies: 2, latency: 9, source: `${fpu}: VMLA.F64 and its like` },
  vfpDivideSingle: { unit: 'fp', occupies: 10, latency: 15, source: `${fpu}: VDIV.F32` },
  vfpDivideDouble: { unit: 'fp', occupies: 20, latency: 25, source: `${fpu}: VDIV.F64` },
  vfpRootSingle: { unit: 'fp', occupies: 13, latency: 17, source: `${fpu}: VSQRT.F32` },
  vfpRootDouble: { unit: 'fp', occupies: 28, latency: 32, source: `${fpu}: VSQRT.F64` },
  vfpMove: { unit: 'fp', occupies: 1, latency: 1, source: `${fpu}: VMOV, VABS, VNEG` },
  vfpCompare: { unit: 'fp', occupies: 1, latency: 1, source: `${fpu}: VCMP` },
  vfpFromCore: { unit: 'fp', occupies: 1, latency: 1, source: `${fpu}: VMOV from core registers` },
  vfpToCore: {
    unit: 'fp',
    occupies: 1,
    latency: 2,
    fast: 1,
    source: 'GCC cortex_a9_fps, LLVM IIC_fpMOVSI: VMOV to core registers, VMRS',
  },
  vfpLoad: { unit: 'memory', occupies: 1, latency: 4, source: 'GCC cortex_a9_load1_2: f_loads, f_loadd' },
  vfpLoadMultiple: {
    unit: 'memory',
    occupies: 1,
    latency: 4,
    multiple: true,
    source: 'GCC, LLVM IIC_fpLoad_m',
  },
  vfpStore: { unit: 'memory', occupies: 1, latency: 1, source: `${fpu}: VSTR` },
  vfpStoreMultiple: {
    unit: 'memory',
    occupies: 1,
    latency: 1,
    multiple: true,
    source: `${fpu}: VSTM, VPUSH`,
  },
} as const satisfies Record<string, Timing>;

/**
 * NEON instructions; `Quad` where 128 bits take longer. Latency counts from issue, and `readsLate` from the stage N1: what the
 * manual gives as "result in N3, source in N2" is a latency of 3 and a late read of 1.
 */
const neon = {
  neonAlu: {
    unit: 'fp',
    occupies: 1,
    latency: 3,
    readsLate: 1,
    source: `${mpe}: VADD, VAND, VORR, VBSL, VCNT`,
  },
  neonAluLong: {
    unit: 'fp',
    occupies: 1,
    latency: 4,
    readsLate: 1,
    source: `${mpe}: VMAX, VCEQ, VABD, VQADD`,
  },
  neonCountQuad: {
    unit: 'fp',
    occupies: 2,
    latency: 4,
    readsLate: 1,
    source: `${mpe}: VCNT, VCLZ, VCLS of Q`,
  },
  neonImmediate: { unit: 'fp', occupies: 1, latency: 3, source: `${mpe}: VMOV, VMVN of a constant` },
  neonShift: { unit: 'fp', occupies: 1, latency: 3, source: `${mpe}: VSHL, VSHR, VPADDL, VNEG, VMOVL` },
  neonShiftLong: { unit: 'fp', occupies: 1, latency: 4, source: `${mpe}: VQSHL, VRSHR, VQMOVN, VSRA` },
  neonAccumulate: { unit: 'fp', occupies: 1, latency: 6, readsLate: 1, source: `${mpe}: VABA, VPADAL` },
  neonMultiply: {
    unit: 'fp',
    occupies: 1,
    latency: 6,
    readsLate: 1,
    source: `${mpe}: VMUL, VMLA, 8 and 16 bits`,
  },
  neonMultiplyQuad: { unit: 'fp', occupies: 2, latency: 7, readsLate: 1, source: `${mpe}: the same of Q` },
  neonMultiplyWord: {
    unit: 'fp',
    occupies: 2,
    latency: 7,
    readsLate: 1,
    source: `${mpe}: VMUL, VMLA, 32 bits`,
  },
  neonMultiplyWordQuad: {
    unit: 'fp',
    occupies: 4,
    latency: 9,
    readsLate: 1,
    source: `${mpe}: the same of Q`,
  },
  neonPermute: { unit: 'fp', occupies: 1, latency: 2, source: `${mpe}: VDUP, VREV, VEXT, VTRN, VSWP` },
  neonPermuteQuad: { unit: 'fp', occupies: 2, latency: 3, source: `${mpe}: VEXT, VTRN of Q, VTBL` },
  neonZipQuad: { unit: 'fp', occupies: 3, latency: 4, source: `${mpe}: VZIP, VUZP of Q, VTBL of 3 or 4` },
  neonFloat: {
    unit: 'fp',
    occupies: 1,
    latency: 5,
    readsLate: 1,
    source: `${mpe}: VADD.F32, VMUL.F32, VCVT`,
  },
  neonFloatQuad: { unit: 'fp', occupies: 2, latency: 6, readsLate: 1, source: `${mpe}: the same of Q` },
  neonFloatMac: { unit: 'fp', occupies: 2, latency: 9, readsLate: 1, source: `${mpe}: VMLA.F32, VRECPS` },
  neonFloatMacQuad: { unit: 'fp', occupies: 4, latency: 10, readsLate: 1, source: `${mpe}: the same of Q` },
  neonTransfer: {
    unit: 'fp',
    occupies: 1,
    latency: 2,
    source: `${mpe}: VMOV of a lane, VDUP from a core register`,
  },
  neonLoad: {
    unit: 'memory',
    occupies: 1,
    latency: 4,
    multiple: true,
    source: 'GCC for the latency, LLVM IIC_VLD1',
  },
  neonLoadLanes: {
    unit: 'memory',
    occupies: 1,
    latency: 6,
    multiple: true,
    source: 'LLVM IIC_VLD2..IIC_VLD4',
  },
  neonStore: { unit: 'memory', occupies: 1, latency: 1, multiple: true, source: 'LLVM IIC_VST1..IIC_VST4' },
} as const satisfies Record<string, Timing>;

/** All classes. */
export const timings = { ...integer, ...vfp, ...neon } as const;

export type TimingClass = keyof typeof timings;

/** The timing of each class, as the interface. */
export const timingOf = (name: TimingClass): Timing => timings[name];

/** True for classes that no core register's arithmetic is in: VFP's and NEON's. */
export const isFloat = (name: TimingClass): boolean => name in vfp || name in neon;

/** What holds for the core as a whole. */
export const core = {
  /** Instructions decoded, renamed and dispatched a cycle, in order (DDI 0388I section 1.1, figure 1-1). */
  width: 2,
  /** Units of each kind (LLVM A9UnitALU; the multiplier takes the first ALU's place: GCC, M1 is multiplexed with P0). */
  alus: 2,
  /** Instructions between dispatch and retirement: by the registers to rename to (LLVM MicroOpBufferSize). */
  window: 56,
  /** From dispatch until an instruction can issue. */
  dispatchLatency: 1,
} as const;
