import type { TimingClass } from '../targets/armv7/cortex-a9.ts';
import type { PipelineInst } from '../targets/armv7/cortex-a9-pipeline.ts';
import { type Mnemonic, parseMnemonic, quadClass, quadMnemonic } from './cortex-a9-instructions.ts';

/** Register numbers of decoded instructions: core registers are 0 to 15. */
export const flagsRegister = 16;
/** The condition flags in FPSCR. */
export const floatFlagsRegister = 17;
/** d(n) is the words 2n and 2n + 1 from here on, s(n) is word n, q(n) four words. */
const firstWord = 32;

const names: Readonly<Record<string, number>> = { sb: 9, sl: 10, fp: 11, ip: 12, sp: 13, lr: 14, pc: 15 };
const pc = 15;

/** Registers that an operand names: none for constants, several for a quad register. */
function registersOf(text: string): number[] {
  const named = names[text];
  if (named !== undefined) return [named];
  const match = /^([rsdq])(\d+)(\[\d*\])?$/.exec(text);
  if (match === null) {
    if (text === 'apsr_nzcv' || text === 'apsr' || text === 'cpsr') return [flagsRegister];
    return text === 'fpscr' ? [floatFlagsRegister] : [];
  }
  const [, letter, digits] = match;
  if (letter === 'r') return [Number(digits)];
  const words = letter === 's' ? 1 : letter === 'd' ? 2 : 4;
  return Array.from({ length: words }, (_, i) => firstWord + words * Number(digits) + i);
}

/** An operand: a register, a list of them, an address, or a constant; a shift belongs to the operand before it. */
interface Operand {
  readonly text: string;
  readonly registers: readonly number[];
  readonly address: boolean;
  /** A `!` behind it. */
  readonly writeback: boolean;
}

/** `none`; by the constant 2 to the left, which addressing has for nothing; by another constant; by a register. */
type ShiftForm = 'none' | 'two' | 'constant' | 'register';

const shiftPattern = /\b(lsl|lsr|asr|ror|rrx)\b\s*(#?\w+)?/;

function shiftOf(text: string): ShiftForm {
  const match = shiftPattern.exec(text);
  if (match === null) return 'none';
  const [, kind, amount = '#1'] = match;
  if (!amount.startsWith('#')) return 'register';
  return kind === 'lsl' && amount === '#2' ? 'two' : 'constant';
}

/** Splits operands at the commas outside of brackets. */
function operandsOf(text: string): Operand[] {
  const parts = text.match(/\{[^}]*\}|\[[^\]]*\]!?|[^,\s[{][^,[{]*(?:\[\d*\])?/g) ?? [];
  return parts.map((part) => {
    const body = part.trim().replace(/[!^]$/, '');
    const address = body.startsWith('[');
    const inside = /^[[{]/.test(body) ? body.slice(1, -1).split(/[,:]\s*/) : [body];
    const registers = inside
      .flatMap((word) => word.split(/\s+/))
      .flatMap((word) => registersOf(word.replace(/^-/, '')));
    return { text: body, registers, address, writeback: part.trim().endsWith('!') };
  });
}

interface Decoding {
  readonly mnemonic: Mnemonic;
  readonly operands: readonly Operand[];
  readonly shift: ShiftForm;
  readonly quad: boolean;
}

function dataClass({ shift }: Decoding): TimingClass {
  if (shift === 'none') return 'alu';
  return shift === 'register' ? 'aluShiftRegister' : 'aluShift';
}

const shiftedAccess: Readonly<Partial<Record<TimingClass, TimingClass>>> = {
  load: 'loadShift',
  loadNarrow: 'loadNarrowShift',
  loadSigned: 'loadNarrowShift',
  store: 'storeShift',
  storeNarrow: 'storeNarrowShift',
};

/** Classes of VFP arithmetic, single and double. */
const vfpArithmetic: Readonly<Record<string, readonly [TimingClass, TimingClass]>> = {
  vadd: ['vfpAdd', 'vfpAdd'],
  vsub: ['vfpAdd', 'vfpAdd'],
  vmul: ['vfpMultiplySingle', 'vfpMultiplyDouble'],
  vnmul: ['vfpMultiplySingle', 'vfpMultiplyDouble'],
  vmla: ['vfpMacSingle', 'vfpMacDouble'],
  vmls: ['vfpMacSingle', 'vfpMacDouble'],
  vnmla: ['vfpMacSingle', 'vfpMacDouble'],
  vnmls: ['vfpMacSingle', 'vfpMacDouble'],
  vdiv: ['vfpDivideSingle', 'vfpDivideDouble'],
  vsqrt: ['vfpRootSingle', 'vfpRootDouble'],
  vabs: ['vfpMove', 'vfpMove'],
  vneg: ['vfpMove', 'vfpMove'],
};

const isSingle = (operand: Operand | undefined): boolean => /^s\d/.test(operand?.text ?? '');
const isCore = (operand: Operand): boolean => operand.registers.length === 1 && operand.registers[0] < 16;

/** The class where the floating-point unit executes it as VFP, undefined where NEON does. */
function vfpClass({ mnemonic, operands }: Decoding): TimingClass | undefined {
  const single = isSingle(operands[0]);
  if (!single && mnemonic.types[0] !== 'f64') return undefined;
  return vfpArithmetic[mnemonic.name]?.[single ? 0 : 1];
}

function neonClass({ mnemonic, quad, operands }: Decoding): TimingClass {
  const { name, row, types } = mnemonic;
  let timing = row.timing;
  if (row.kind === 'neonMultiply') {
    const accumulates = row.roles === 'a';
    if (types[0] === 'f32') timing = accumulates ? 'neonFloatMac' : 'neonFloat';
    else if (types[0]?.endsWith('32')) timing = 'neonMultiplyWord';
  } else if (types[0] === 'f32' && !name.startsWith('vrecps') && !name.startsWith('vrsqrts')) {
    timing = 'neonFloat';
  }
  if (name === 'vdup' && operands.some(isCore)) return 'neonTransfer';
  if (name.startsWith('vtb') && (operands[1]?.registers.length ?? 0) > 4) return 'neonZipQuad';
  return quad ? (quadMnemonic[name] ?? quadClass[timing] ?? timing) : timing;
}

function vmovClass({ mnemonic, operands }: Decoding): TimingClass {
  if (operands.some(isCore)) {
    return operands.some(({ text }) => text.includes('['))
      ? 'neonTransfer'
      : isCore(operands[0])
        ? 'vfpToCore'
        : 'vfpFromCore';
  }
  const vfp = isSingle(operands[0]) || mnemonic.types[0] === 'f64';
  if (vfp) return 'vfpMove';
  return operands[1]?.registers.length === 0 ? 'neonImmediate' : 'neonAlu';
}

function classOf(decoding: Decoding): TimingClass {
  const { mnemonic, operands, shift, quad } = decoding;
  const { timing, kind } = mnemonic.row;
  switch (kind) {
    case 'data':
      return dataClass(decoding);
    case 'move':
      return shift === 'register' ? 'moveShiftRegister' : 'move';
    case 'shift':
      return (operands[2]?.registers.length ?? 0) > 0 ? 'moveShiftRegister' : 'move';
    case 'load':
    case 'store':
      return shift === 'constant' || shift === 'register' ? (shiftedAccess[timing] ?? timing) : timing;
    case 'float':
    case 'neonMultiply':
      return vfpClass(decoding) ?? neonClass(decoding);
    case 'vmov':
      return vmovClass(decoding);
    case 'vcvt':
      if (operands.some(isSingle) || mnemonic.types.includes('f64')) return 'vfpConvert';
      return quad ? 'neonFloatQuad' : 'neonFloat';
    case 'neon':
      return neonClass(decoding);
    default:
      return timing;
  }
}

/** How many leading operands are results. */
function resultCount({ mnemonic, operands }: Decoding): number {
  const { roles, kind } = mnemonic.row;
  if (kind === 'vmov') {
    // Two cores or two singles at once.
    const pair = operands.length >= 3 && (isCore(operands[0]) || isSingle(operands[0]));
    return pair ? 2 : 1;
  }
  return roles === 'n' ? 0 : roles === 'd' || roles === 'a' ? 1 : 2;
}

/** Registers of the list of a load or store multiple, and its base. */
function listParts({ operands }: Decoding): { base: number; updates: boolean; list: Operand } {
  const bare = operands.length === 1;
  const list = operands[bare ? 0 : 1];
  if (bare) return { base: names.sp, updates: true, list };
  // fldmiax and vldmia print `!` behind the base.
  return { base: operands[0].registers[0], updates: operands[0].writeback, list: list ?? operands[0] };
}

/**
 * One instruction as the pipeline model sees it, from what a disassembler printed.
 * @returns undefined for an instruction that the tables do not have
 */
export function decodeInstruction(printed: string, operandText: string): PipelineInst | undefined {
  const mnemonic = parseMnemonic(printed);
  if (mnemonic === undefined || isHalf(mnemonic)) return undefined;
  const lower = operandText.toLowerCase();
  const decoding: Decoding = {
    mnemonic,
    operands: operandsOf(lower),
    shift: shiftOf(lower),
    quad: /\bq\d/.test(lower),
  };
  const timing = classOf(decoding);
  const { reads, writes, writeback, transfers } = registersUsed(decoding, timing);
  if (mnemonic.setsFlags || writesFlags.has(mnemonic.name)) writes.push(flagsRegister);
  if (readsFlags.has(mnemonic.name) || lower.endsWith('rrx')) reads.push(flagsRegister);
  if (mnemonic.conditional) reads.push(flagsRegister, ...writes);
  const used = (registers: readonly number[]): number[] => [...new Set(registers)].filter((r) => r !== pc);
  return {
    class: timing,
    reads: used(reads),
    writes: used(writes),
    ...(writeback === undefined ? {} : { writeback }),
    ...(transfers === undefined ? {} : { transfers }),
    ...(mnemonic.conditional ? { conditional: true } : {}),
  };
}

/** Half precision, of which the Cortex-A9 has conversions from and to singles alone, and registers of 16 bits, which it lacks. */
const isHalf = ({ name, types: [first, second] }: Mnemonic): boolean =>
  (first === '16' && (name === 'vldr' || name === 'vstr')) ||
  (first === 'f16' && second !== 'f32') ||
  (second === 'f16' && first !== 'f32');

const readsFlags = new Set(['adc', 'sbc', 'rsc', 'sel', 'mrs']);
const writesFlags = new Set('cmp cmn tst teq uadd8 uadd16 usub8 usub16 sadd8 sadd16 ssub8 ssub16'.split(' '));

interface Used {
  reads: number[];
  writes: number[];
  writeback?: number;
  transfers?: number;
}

function registersUsed(decoding: Decoding, timing: TimingClass): Used {
  const { mnemonic, operands } = decoding;
  const { kind, roles } = mnemonic.row;
  switch (kind) {
    case 'branch':
      return {
        reads: operands.flatMap(({ registers }) => [...registers]),
        writes: mnemonic.name.startsWith('bl') ? [names.lr] : [],
      };
    case 'list':
    case 'vfpList': {
      const { base, updates, list } = listParts(decoding);
      const words = list.registers.length;
      const loads = roles === 'd';
      return {
        reads: loads ? [base] : [base, ...list.registers],
        writes: loads ? [...list.registers] : [],
        ...(updates ? { writeback: base } : {}),
        transfers: Math.max(1, Math.ceil(words / 2)),
      };
    }
    default:
      break;
  }
  const results = resultCount(decoding);
  const first = operands.slice(0, results).flatMap(({ registers }) => [...registers]);
  const rest = operands.slice(results).flatMap(({ registers }) => [...registers]);
  const keeps =
    roles === 'a' ||
    roles === 'A' ||
    roles === 'x' ||
    // One lane of a register, or bits of it by a constant.
    (operands[0]?.text.includes('[') && !operands[0].address) ||
    ((mnemonic.name === 'vorr' || mnemonic.name === 'vbic') && rest.length === 0);
  const at = operands.findIndex(({ address }) => address);
  // Written before the access, or behind it: `[r1]!`, `[r1], r2`.
  const updates = at >= 0 && (operands[at].writeback || at < operands.length - 1);
  if (mnemonic.name === 'vcmp' || mnemonic.name === 'vcmpe') {
    return { reads: [...first, ...rest], writes: [floatFlagsRegister] };
  }
  return {
    reads: keeps ? [...first, ...rest] : rest,
    writes: first,
    ...(updates ? { writeback: operands[at].registers[0] } : {}),
    ...(isMultiple(timing) ? { transfers: transfersOf(decoding) } : {}),
  };
}

const isMultiple = (timing: TimingClass): boolean =>
  timing === 'loadMultiple' ||
  timing === 'storeMultiple' ||
  timing.startsWith('neonLoad') ||
  timing === 'neonStore';

/** What loads of three and four structures take at the least (LLVM IIC_VLD3, IIC_VLD4). */
const structureTransfers: Readonly<Record<string, number>> = { vld3: 3, vld4: 4 };

/** Transfers of doubleword accesses, one, and of NEON's: of two double registers each (LLVM IIC_VLD1x2). */
function transfersOf({ mnemonic, operands }: Decoding): number {
  if (mnemonic.row.kind !== 'neonMemory') return 1;
  return Math.max(
    1,
    Math.ceil((operands[0]?.registers.length ?? 2) / 4),
    structureTransfers[mnemonic.name] ?? 1,
  );
}
