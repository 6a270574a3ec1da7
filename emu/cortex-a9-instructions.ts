import type { TimingClass } from '../targets/armv7/cortex-a9.ts';

/**
 * A32 instructions by mnemonic, as disassemblers print them without condition, `s` and data type: what their operands are, and of
 * which timing class they are. The class of some follows from their operands, too; `cortex-a9-decode.ts` says how.
 */

/**
 * Operands: `d` the first is the result; `D` the first two are; `a` and `A` the same, and they are read as well; `n` all are read; `x`
 * the first two are both read and written.
 */
export type Roles = 'd' | 'D' | 'a' | 'A' | 'n' | 'x';

/** What the class depends on besides the mnemonic. */
export type Kind =
  | 'plain'
  /** A second operand that may be shifted. */
  | 'data'
  | 'shift'
  | 'move'
  | 'load'
  | 'store'
  | 'list'
  | 'branch'
  /** VFP, or NEON if the operands say so. */
  | 'float'
  | 'vmov'
  | 'vcvt'
  | 'vfpMemory'
  | 'vfpList'
  | 'neon'
  | 'neonMultiply'
  | 'neonMemory';

export interface Row {
  readonly kind: Kind;
  readonly roles: Roles;
  /** The class, or the one of plain, unshifted operands; of `float`, the one as NEON's integer. */
  readonly timing: TimingClass;
}

type Family = readonly [names: string, kind: Kind, roles: Roles, timing: TimingClass];

const families: readonly Family[] = [
  ['mov', 'move', 'd', 'move'],
  ['lsl lsr asr ror rrx', 'shift', 'd', 'move'],
  ['and eor sub rsb add adc sbc rsc orr bic mvn', 'data', 'd', 'alu'],
  ['tst teq cmp cmn', 'data', 'n', 'alu'],
  ['adr', 'plain', 'd', 'alu'],
  ['clz rbit rev rev16 revsh movw sel', 'plain', 'd', 'bits'],
  ['uadd8 uadd16 usub8 usub16 sadd8 sadd16 ssub8 ssub16', 'plain', 'd', 'bits'],
  ['movt', 'plain', 'a', 'bits'],
  ['ubfx sbfx uxtb uxth sxtb sxth uxtb16 sxtb16 pkhbt pkhtb', 'plain', 'd', 'field'],
  ['bfi bfc', 'plain', 'a', 'field'],
  ['uxtab uxtah sxtab sxtah uxtab16 sxtab16', 'plain', 'd', 'extendAdd'],
  ['qadd qsub ssat usat ssat16 usat16 uqadd8 uqsub8 qadd8 qsub8', 'plain', 'd', 'saturate'],
  ['qdadd qdsub', 'plain', 'd', 'saturateDouble'],

  ['mul mla mls smmul smmulr smmla smmls', 'plain', 'd', 'multiply'],
  ['umull smull', 'plain', 'D', 'multiplyLong'],
  ['umlal smlal umaal', 'plain', 'A', 'multiplyLong'],
  ['smulbb smulbt smultb smultt smulwb smulwt smlabb smlabt smlatb smlatt', 'plain', 'd', 'multiplyHalf'],
  ['smlawb smlawt smuad smusd smlad smlsd usad8 usada8', 'plain', 'd', 'multiplyHalf'],
  ['smlalbb smlalbt smlaltb smlaltt smlald smlsld', 'plain', 'A', 'multiplyHalfLong'],

  ['ldr ldrex ldrt', 'load', 'd', 'load'],
  ['ldrb ldrh ldrexb ldrexh ldrbt', 'load', 'd', 'loadNarrow'],
  ['ldrsb ldrsh', 'load', 'd', 'loadSigned'],
  ['ldrd ldrexd', 'load', 'D', 'loadMultiple'],
  ['str strt', 'store', 'n', 'store'],
  ['strb strh strbt', 'store', 'n', 'storeNarrow'],
  ['strd', 'store', 'n', 'storeMultiple'],
  ['strex', 'store', 'd', 'store'],
  ['strexb strexh', 'store', 'd', 'storeNarrow'],
  ['strexd', 'store', 'd', 'storeMultiple'],
  ['ldm ldmib ldmda ldmdb pop', 'list', 'd', 'loadMultiple'],
  ['stm stmib stmda stmdb push', 'list', 'n', 'storeMultiple'],
  ['pld pldw pli nop yield sev wfe', 'plain', 'n', 'nothing'],

  ['b bl blx bx', 'branch', 'n', 'branch'],
  ['svc dmb dsb isb udf bkpt mrc mcr mrrc mcrr mrs msr clrex trap', 'plain', 'n', 'serialising'],

  ['vadd vsub', 'float', 'd', 'neonAlu'],
  ['vmul vnmul', 'neonMultiply', 'd', 'neonMultiply'],
  ['vmla vmls vnmla vnmls', 'neonMultiply', 'a', 'neonMultiply'],
  ['vmull vqdmull vqdmulh vqrdmulh', 'neonMultiply', 'd', 'neonMultiply'],
  ['vmlal vmlsl vqdmlal vqdmlsl', 'neonMultiply', 'a', 'neonMultiply'],
  ['vdiv', 'float', 'd', 'vfpDivideDouble'],
  ['vsqrt', 'float', 'd', 'vfpRootDouble'],
  ['vneg', 'float', 'd', 'neonShift'],
  ['vabs', 'float', 'd', 'neonAluLong'],
  ['vcmp vcmpe', 'plain', 'n', 'vfpCompare'],
  ['vmov', 'vmov', 'd', 'vfpMove'],
  ['vmrs', 'plain', 'd', 'vfpToCore'],
  ['vmsr', 'plain', 'd', 'vfpFromCore'],
  ['vcvt vcvtr vcvtb vcvtt', 'vcvt', 'd', 'vfpConvert'],
  ['vldr', 'vfpMemory', 'd', 'vfpLoad'],
  ['vstr', 'vfpMemory', 'n', 'vfpStore'],
  ['vldm vldmia vldmdb vpop fldmiax fldmdbx', 'vfpList', 'd', 'vfpLoadMultiple'],
  ['vstm vstmia vstmdb vpush fstmiax fstmdbx', 'vfpList', 'n', 'vfpStoreMultiple'],

  ['vand vorr veor vbic vorn vmvn vaddl vaddw vsubl vsubw', 'neon', 'd', 'neonAlu'],
  ['vcnt vclz vcls', 'neon', 'd', 'neonAlu'],
  ['vbsl vbit vbif', 'neon', 'a', 'neonAlu'],
  [
    'vhadd vrhadd vqadd vhsub vqsub vtst vabd vabdl vaddhn vraddhn vsubhn vrsubhn',
    'neon',
    'd',
    'neonAluLong',
  ],
  ['vceq vcge vcgt vcle vclt vacge vacgt vmax vmin vpmax vpmin vqabs vqneg', 'neon', 'd', 'neonAluLong'],
  ['vshl vshr vshll vshrn vmovl vmovn vpaddl vpadd', 'neon', 'd', 'neonShift'],
  ['vsli vsri', 'neon', 'a', 'neonShift'],
  ['vqshl vrshl vqrshl vrshr vrshrn vqshlu vqmovn vqmovun', 'neon', 'd', 'neonShiftLong'],
  ['vqshrn vqshrun vqrshrn vqrshrun', 'neon', 'd', 'neonShiftLong'],
  ['vsra vrsra', 'neon', 'a', 'neonShiftLong'],
  ['vaba vabal vpadal', 'neon', 'a', 'neonAccumulate'],
  ['vrecpe vrsqrte', 'neon', 'd', 'neonFloat'],
  ['vrecps vrsqrts', 'neon', 'd', 'neonFloatMac'],
  ['vdup vrev16 vrev32 vrev64 vext', 'neon', 'd', 'neonPermute'],
  ['vtrn vswp', 'neon', 'x', 'neonPermute'],
  ['vzip vuzp', 'neon', 'x', 'neonPermute'],
  ['vtbl', 'neon', 'd', 'neonPermuteQuad'],
  ['vtbx', 'neon', 'a', 'neonPermuteQuad'],
  ['vld1', 'neonMemory', 'd', 'neonLoad'],
  ['vld2 vld3 vld4', 'neonMemory', 'd', 'neonLoadLanes'],
  ['vst1 vst2 vst3 vst4', 'neonMemory', 'n', 'neonStore'],
];

const rows = new Map<string, Row>(
  families.flatMap(([names, kind, roles, timing]) =>
    names.split(' ').map((name): [string, Row] => [name, { kind, roles, timing }]),
  ),
);

/** What a quad register makes of a NEON class. */
export const quadClass: Readonly<Partial<Record<TimingClass, TimingClass>>> = {
  neonMultiply: 'neonMultiplyQuad',
  neonMultiplyWord: 'neonMultiplyWordQuad',
  neonFloat: 'neonFloatQuad',
  neonFloatMac: 'neonFloatMacQuad',
};

/** Mnemonics whose quad form takes another class than {@link quadClass} says of their class. */
export const quadMnemonic: Readonly<Record<string, TimingClass>> = {
  vcnt: 'neonCountQuad',
  vclz: 'neonCountQuad',
  vcls: 'neonCountQuad',
  vext: 'neonPermuteQuad',
  vtrn: 'neonPermuteQuad',
  vswp: 'neonPermuteQuad',
  vzip: 'neonZipQuad',
  vuzp: 'neonZipQuad',
};

const conditions = new Set('eq ne hs cs lo cc mi pl vs vc hi ls ge lt gt le al'.split(' '));

/** Mnemonics that have a form of their own with `s`, which sets the flags. */
const settable = new Set(
  'mov lsl lsr asr ror rrx and eor sub rsb add adc sbc rsc orr bic mvn mul mla umull smull umlal smlal'.split(
    ' ',
  ),
);

/** A mnemonic taken apart. */
export interface Mnemonic {
  readonly name: string;
  readonly row: Row;
  readonly conditional: boolean;
  readonly setsFlags: boolean;
  /** Data types: `['f64']`, `['s32', 'f64']`, none. */
  readonly types: readonly string[];
}

const parsed = new Map<string, Mnemonic | undefined>();

/** Takes a printed mnemonic apart: `addseq`, `vcvtne.s32.f64`. Undefined where the table has none such. */
export function parseMnemonic(text: string): Mnemonic | undefined {
  if (!parsed.has(text)) parsed.set(text, parse(text));
  return parsed.get(text);
}

function parse(text: string): Mnemonic | undefined {
  const [stem, ...types] = text.toLowerCase().split('.');
  const end = stem.slice(-2);
  // The whole word first: `teq`, `mls` and `bls` end like conditions, and only the last of them has one.
  const forms: [name: string, conditional: boolean][] = [[stem, false]];
  if (conditions.has(end)) forms.push([stem.slice(0, -2), end !== 'al']);
  for (const [name, conditional] of forms) {
    const row = rows.get(name);
    if (row !== undefined) return { name, row, conditional, setsFlags: false, types };
    const bare = name.slice(0, -1);
    const setting = name.endsWith('s') && settable.has(bare) ? rows.get(bare) : undefined;
    if (setting !== undefined) return { name: bare, row: setting, conditional, setsFlags: true, types };
  }
  return undefined;
}

/** All mnemonics of the table. */
export const mnemonics: readonly string[] = [...rows.keys()];
