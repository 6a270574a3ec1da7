import { InstFlag, type InstructionInfo } from '../../compiler/target.ts';

/**
 * Condition codes as MInst.cond holds them: the architecture's number (DDI 0406C A8.3) exclusive-or 14, so that 0, what
 * an MInst starts with, means "always". Exclusive-or 1 inverts every condition but `al`.
 */
export const Cond = {
  al: 0,
  eq: 14,
  ne: 15,
  hs: 12,
  lo: 13,
  mi: 10,
  pl: 11,
  vs: 8,
  vc: 9,
  hi: 6,
  ls: 7,
  ge: 4,
  lt: 5,
  gt: 2,
  le: 3,
} as const;

/** Shift kinds as MInst.imm2 holds them, with the amount in imm (DDI 0406C A8.4). lsr and asr go to 32, lsl and ror to 31. */
export const Shift = { lsl: 0, lsr: 1, asr: 2, ror: 3 } as const;
export type Shift = (typeof Shift)[keyof typeof Shift];

/** What an operand is and which bits of the word it goes to. */
export const Operand = {
  /** Core register at bit `at`. */
  core: 0,
  /** Single or double register whose number is split over two fields: `at` is the four-bit field's place. */
  single: 1,
  double: 2,
  /** A use that its def repeats: not encoded. */
  tied: 3,
  /** MInst.imm as a rotated byte (DDI 0406C A5.2.4). */
  modified: 4,
  /** Constant shift of the operand before it: imm2 the kind, imm the amount. */
  shift: 5,
  /** Shift of the operand before it by a core register: imm2 the kind. */
  shiftRegister: 6,
  imm16: 7,
  /** Lowest bit (imm) and width (imm2) of a bit field; for bfi the highest bit is encoded in place of the width. */
  field: 8,
  fieldInsert: 9,
  /** Addressing modes of words and bytes, of halfwords and signed loads, of VFP registers. */
  memory: 10,
  memoryExtra: 11,
  memoryVfp: 12,
  /** Core registers as a bit set in imm; imm2 double registers from number imm on. */
  list: 13,
  doubleList: 14,
  /** imm is the byte of a VFP constant (DDI 0406C A7.5.1). */
  vfpConstant: 15,
  /** imm is the byte, imm2 the `cmode` of a NEON constant of 32-bit lanes (DDI 0406C A7.4.6). */
  neonConstant: 16,
  /** imm is the left shift of 64-bit lanes. */
  shift64: 17,
  /** The literal 0 that vcmp compares with, or the flags that vmrs writes: printed, not encoded. */
  zero: 18,
  flags: 19,
  /** Barrier domain: imm. */
  barrier: 20,
  /** imm is the lane of a double register. */
  lane: 21,
  /** imm, for whom the instruction calls. */
  imm24: 22,
} as const;

export interface OperandInfo {
  readonly kind: number;
  readonly at: number;
  readonly def: boolean;
}

/** A row of the ARMv7 table: one A32 instruction form, or a macro (no operands, encoded by emit.ts's expansions). */
export interface ArmInstruction extends InstructionInfo {
  /** UAL name without condition. */
  readonly mnemonic: string;
  /** The word without condition and operands. A top nibble of 15 means: unconditional encoding. */
  readonly bits: number;
  readonly operands: readonly OperandInfo[];
  readonly macro: boolean;
}

type Row = readonly [mnemonic: string, operands: string, bits: number, flags?: number];

const F = InstFlag;

/**
 * Operands in printed order, `>` before a def. Core registers are named by the place of their field (0, 8, 12, 16), VFP
 * registers by the letter of theirs (D, N, M) behind s or d; `=` is a tied use; the rest names itself.
 */
const rows = {
  // Moves. The `_if` rows keep the old value where the condition fails.
  mov_immediate: ['mov', '>12 modified', 0x03a00000],
  mov_register: ['mov', '>12 0 shift', 0x01a00000],
  mov_shifted: ['mov', '>12 0 shiftRegister', 0x01a00010],
  movs_register: ['movs', '>12 0 shift', 0x01b00000],
  mvn_immediate: ['mvn', '>12 modified', 0x03e00000],
  mvn_register: ['mvn', '>12 0 shift', 0x01e00000],
  mov_immediate_if: ['mov', '>12 = modified', 0x03a00000, F.tied],
  mov_register_if: ['mov', '>12 = 0 shift', 0x01a00000, F.tied],
  mvn_immediate_if: ['mvn', '>12 = modified', 0x03e00000, F.tied],
  orr_shifted_if: ['orr', '>12 = 16 0 shiftRegister', 0x01800010, F.tied],
  movw: ['movw', '>12 imm16', 0x03000000],
  movt: ['movt', '>12 = imm16', 0x03400000, F.tied],

  // Compares.
  tst_immediate: ['tst', '16 modified', 0x03100000],
  tst_register: ['tst', '16 0 shift', 0x01100000],
  tst_shifted: ['tst', '16 0 shiftRegister', 0x01100010],
  teq_immediate: ['teq', '16 modified', 0x03300000],
  teq_register: ['teq', '16 0 shift', 0x01300000],
  teq_shifted: ['teq', '16 0 shiftRegister', 0x01300010],
  cmp_immediate: ['cmp', '16 modified', 0x03500000],
  cmp_register: ['cmp', '16 0 shift', 0x01500000],
  cmp_shifted: ['cmp', '16 0 shiftRegister', 0x01500010],
  cmn_immediate: ['cmn', '16 modified', 0x03700000],
  cmn_register: ['cmn', '16 0 shift', 0x01700000],
  cmn_shifted: ['cmn', '16 0 shiftRegister', 0x01700010],

  // Multiplication, bit fields, extension, counting.
  mul: ['mul', '>16 0 8', 0x00000090],
  mla: ['mla', '>16 0 8 12', 0x00200090],
  mls: ['mls', '>16 0 8 12', 0x00600090],
  umull: ['umull', '>12 >16 0 8', 0x00800090],
  smull: ['smull', '>12 >16 0 8', 0x00c00090],
  ubfx: ['ubfx', '>12 0 field', 0x07e00050],
  sbfx: ['sbfx', '>12 0 field', 0x07a00050],
  bfi: ['bfi', '>12 = 0 fieldInsert', 0x07c00010, F.tied],
  sxtb: ['sxtb', '>12 0', 0x06af0070],
  sxth: ['sxth', '>12 0', 0x06bf0070],
  uxtb: ['uxtb', '>12 0', 0x06ef0070],
  uxth: ['uxth', '>12 0', 0x06ff0070],
  clz: ['clz', '>12 0', 0x016f0f10],
  rbit: ['rbit', '>12 0', 0x06ff0f30],

  // Loads and stores.
  ldr: ['ldr', '>12 memory', 0x05100000],
  ldrb: ['ldrb', '>12 memory', 0x05500000],
  ldrh: ['ldrh', '>12 memoryExtra', 0x011000b0],
  ldrsb: ['ldrsb', '>12 memoryExtra', 0x011000d0],
  ldrsh: ['ldrsh', '>12 memoryExtra', 0x011000f0],
  str: ['str', '12 memory', 0x05000000],
  strb: ['strb', '12 memory', 0x05400000],
  strh: ['strh', '12 memoryExtra', 0x010000b0],
  vldr_f32: ['vldr', '>sD memoryVfp', 0x0d100a00],
  vldr_f64: ['vldr', '>dD memoryVfp', 0x0d100b00],
  vstr_f32: ['vstr', 'sD memoryVfp', 0x0d000a00],
  vstr_f64: ['vstr', 'dD memoryVfp', 0x0d000b00],
  push: ['push', 'list', 0x092d0000],
  pop: ['pop', 'list', 0x08bd0000],
  ldm: ['ldm', '16 list', 0x08900000],
  vpush: ['vpush', 'doubleList', 0x0d2d0b00],
  vpop: ['vpop', 'doubleList', 0x0cbd0b00],

  // VFP arithmetic.
  vadd_f32: ['vadd.f32', '>sD sN sM', 0x0e300a00],
  vadd_f64: ['vadd.f64', '>dD dN dM', 0x0e300b00],
  vadd_f32_if: ['vadd.f32', '>sD = sN sM', 0x0e300a00, F.tied],
  vadd_f64_if: ['vadd.f64', '>dD = dN dM', 0x0e300b00, F.tied],
  vsub_f32: ['vsub.f32', '>sD sN sM', 0x0e300a40],
  vsub_f64: ['vsub.f64', '>dD dN dM', 0x0e300b40],
  vmul_f32: ['vmul.f32', '>sD sN sM', 0x0e200a00],
  vmul_f64: ['vmul.f64', '>dD dN dM', 0x0e200b00],
  vmla_f32: ['vmla.f32', '>sD = sN sM', 0x0e000a00, F.tied],
  vmla_f64: ['vmla.f64', '>dD = dN dM', 0x0e000b00, F.tied],
  vmls_f32: ['vmls.f32', '>sD = sN sM', 0x0e000a40, F.tied],
  vmls_f64: ['vmls.f64', '>dD = dN dM', 0x0e000b40, F.tied],
  vnmls_f32: ['vnmls.f32', '>sD = sN sM', 0x0e100a00, F.tied],
  vnmls_f64: ['vnmls.f64', '>dD = dN dM', 0x0e100b00, F.tied],
  vdiv_f32: ['vdiv.f32', '>sD sN sM', 0x0e800a00],
  vdiv_f64: ['vdiv.f64', '>dD dN dM', 0x0e800b00],
  vabs_f32: ['vabs.f32', '>sD sM', 0x0eb00ac0],
  vabs_f64: ['vabs.f64', '>dD dM', 0x0eb00bc0],
  vneg_f32: ['vneg.f32', '>sD sM', 0x0eb10a40],
  vneg_f64: ['vneg.f64', '>dD dM', 0x0eb10b40],
  vsqrt_f32: ['vsqrt.f32', '>sD sM', 0x0eb10ac0],
  vsqrt_f64: ['vsqrt.f64', '>dD dM', 0x0eb10bc0],
  vcmp_f32: ['vcmp.f32', 'sD sM', 0x0eb40a40],
  vcmp_f64: ['vcmp.f64', 'dD dM', 0x0eb40b40],
  vcmp_zero_f32: ['vcmp.f32', 'sD zero', 0x0eb50a40],
  vcmp_zero_f64: ['vcmp.f64', 'dD zero', 0x0eb50b40],
  vmrs: ['vmrs', 'flags', 0x0ef1fa10],

  // Conversions.
  vcvt_s32_f32: ['vcvt.s32.f32', '>sD sM', 0x0ebd0ac0],
  vcvt_s32_f64: ['vcvt.s32.f64', '>sD dM', 0x0ebd0bc0],
  vcvt_u32_f32: ['vcvt.u32.f32', '>sD sM', 0x0ebc0ac0],
  vcvt_u32_f64: ['vcvt.u32.f64', '>sD dM', 0x0ebc0bc0],
  vcvt_f32_s32: ['vcvt.f32.s32', '>sD sM', 0x0eb80ac0],
  vcvt_f64_s32: ['vcvt.f64.s32', '>dD sM', 0x0eb80bc0],
  vcvt_f32_u32: ['vcvt.f32.u32', '>sD sM', 0x0eb80a40],
  vcvt_f64_u32: ['vcvt.f64.u32', '>dD sM', 0x0eb80b40],
  vcvt_f64_f32: ['vcvt.f64.f32', '>dD sM', 0x0eb70ac0],
  vcvt_f32_f64: ['vcvt.f32.f64', '>sD dM', 0x0eb70bc0],

  // Moves of VFP registers, and between them and core registers.
  vmov_f32: ['vmov.f32', '>sD sM', 0x0eb00a40],
  vmov_f64: ['vmov.f64', '>dD dM', 0x0eb00b40],
  vmov_f32_if: ['vmov.f32', '>sD = sM', 0x0eb00a40, F.tied],
  vmov_f64_if: ['vmov.f64', '>dD = dM', 0x0eb00b40, F.tied],
  vmov_constant_f32: ['vmov.f32', '>sD vfpConstant', 0x0eb00a00],
  vmov_constant_f64: ['vmov.f64', '>dD vfpConstant', 0x0eb00b00],
  vmov_single_core: ['vmov', '>sN 12', 0x0e000a10],
  vmov_core_single: ['vmov', '>12 sN', 0x0e100a10],
  vmov_double_cores: ['vmov', '>dM 12 16', 0x0c400b10],
  vmov_cores_double: ['vmov', '>12 >16 dM', 0x0c500b10],
  vmov_core_lane: ['vmov.32', '>12 dN lane', 0x0e100b10],

  // NEON on whole double registers, bitwise only: its arithmetic would flush denormals.
  vmov_lanes: ['vmov.i32', '>dD neonConstant', 0xf2800010],
  vorr: ['vorr', '>dD dN dM', 0xf2200110],
  vand: ['vand', '>dD dN dM', 0xf2000110],
  vbsl: ['vbsl', '>dD = dN dM', 0xf3100110, F.tied],
  vshl_i64: ['vshl.i64', '>dD dM shift64', 0xf2800590],
  vcnt: ['vcnt.8', '>dD dM', 0xf3b00500],
  vpaddl_u8: ['vpaddl.u8', '>dD dM', 0xf3b00280],
  vpaddl_u16: ['vpaddl.u16', '>dD dM', 0xf3b40280],

  dmb: ['dmb', 'barrier', 0xf57ff050],
  bx: ['bx', '0', 0x012fff10],
  svc: ['svc', 'imm24', 0x0f000000],

  // Macros: fixups, relocations, or more than one word.
  /** defs[0] <- imm, in the fewest words. */
  constant: ['mov', 'macro', 0],
  /** defs[0] <- address of mem, a frame area or a literal. */
  address: ['adr', 'macro', 0],
  branch: ['b', 'macro', 0, F.branch],
  jump: ['b', 'macro', 0, F.jump],
  /** imm: the trap kind; branches to the stub under the condition. */
  trap_branch: ['b', 'macro', 0],
  /** uses[0]: the index. */
  switch: ['switch', 'macro', 0, F.switch],
  call: ['bl', 'macro', 0, F.call],
  /** uses[0]: the code address. */
  call_register: ['blx', 'macro', 0, F.call],
  return: ['return', 'macro', 0, F.return],
  /** Traps for good: ends its block. */
  trap: ['udf', 'macro', 0],
} as const satisfies Record<string, Row>;

/** The data-processing instructions (DDI 0406C A5.2.1, A5.2.2, A5.2.3): number and whether a flag-setting form is used. */
const dataProcessing = {
  and: 0,
  eor: 1,
  sub: 2,
  rsb: 3,
  add: 4,
  adc: 5,
  sbc: 6,
  rsc: 7,
  orr: 12,
  bic: 14,
} as const;

type DataName = keyof typeof dataProcessing;
type DataKey = `${DataName | `${DataName}s`}_${'immediate' | 'register' | 'shifted'}`;
type Key = keyof typeof rows | DataKey;

function parseOperand(text: string): OperandInfo {
  const def = text.startsWith('>');
  const name = def ? text.slice(1) : text;
  const fields: Record<string, number> = { D: 12, N: 16, M: 0 };
  if (/^\d+$/.test(name)) return { kind: Operand.core, at: Number(name), def };
  if (/^[sd][DNM]$/.test(name)) {
    return { kind: name[0] === 's' ? Operand.single : Operand.double, at: fields[name[1] ?? ''] ?? 0, def };
  }
  if (name === '=') return { kind: Operand.tied, at: 0, def };
  return { kind: Operand[name as keyof typeof Operand], at: 0, def };
}

function buildRow(key: string, [mnemonic, operands, bits, flags = 0]: Row): ArmInstruction {
  const macro = operands === 'macro';
  return {
    name: key,
    mnemonic,
    bits,
    flags,
    macro,
    operands: macro ? [] : operands.split(' ').map(parseOperand),
  };
}

function buildTable(): ArmInstruction[] {
  const table = Object.entries(rows).map(([key, row]) => buildRow(key, row));
  for (const [name, number] of Object.entries(dataProcessing)) {
    for (const s of [0, 1]) {
      const bits = (number << 21) | (s << 20);
      const mnemonic = s === 1 ? `${name}s` : name;
      table.push(buildRow(`${mnemonic}_immediate`, [mnemonic, '>12 16 modified', bits | 0x02000000]));
      table.push(buildRow(`${mnemonic}_register`, [mnemonic, '>12 16 0 shift', bits]));
      table.push(buildRow(`${mnemonic}_shifted`, [mnemonic, '>12 16 0 shiftRegister', bits | 0x10]));
    }
  }
  return table;
}

/** The instruction table, indexed by MInst.op. */
export const instructions: readonly ArmInstruction[] = buildTable();

/** Row numbers by key: `I.add_register`. */
export const I = Object.fromEntries(instructions.map((row, op) => [row.name, op])) as Readonly<
  Record<Key, number>
>;
