import type { ByteReader } from './bytes.ts';

/**
 * The operator table: the single source of operators' encodings, names, immediates and, where they have one, their
 * signatures (WebAssembly 3.0, §5.4 and the index of instructions).
 */

/**
 * Immediates, one letter each: `b` block type, `l` label, `L` labels of a br_table, `f` function, `t` type, `T` table, `x`
 * local, `g` global, `m` memory argument, `M` memory, `d` data segment, `e` element segment, `r` heap type, `R` value
 * types, `i` s32, `I` s64, `F` f32, `D` f64.
 *
 * Signatures: `inputs>result`, letters `i` i32, `l` i64, `f` f32, `d` f64. Undefined where the signature depends on
 * immediates or on the operand stack.
 */
export interface Operator {
  readonly name: string;
  readonly immediates: string;
  readonly signature: string | undefined;
}

type Row = readonly [opcode: number, name: string, immediates?: string, signature?: string];

const rows: readonly Row[] = [
  [0x00, 'unreachable'],
  [0x01, 'nop'],
  [0x02, 'block', 'b'],
  [0x03, 'loop', 'b'],
  [0x04, 'if', 'b'],
  [0x05, 'else'],
  [0x0b, 'end'],
  [0x0c, 'br', 'l'],
  [0x0d, 'br_if', 'l'],
  [0x0e, 'br_table', 'L'],
  [0x0f, 'return'],
  [0x10, 'call', 'f'],
  [0x11, 'call_indirect', 'tT'],
  [0x1a, 'drop'],
  [0x1b, 'select'],
  [0x1c, 'select', 'R'],
  [0x20, 'local.get', 'x'],
  [0x21, 'local.set', 'x'],
  [0x22, 'local.tee', 'x'],
  [0x23, 'global.get', 'g'],
  [0x24, 'global.set', 'g'],
  [0x25, 'table.get', 'T'],
  [0x26, 'table.set', 'T'],
  [0x28, 'i32.load', 'm', 'i>i'],
  [0x29, 'i64.load', 'm', 'i>l'],
  [0x2a, 'f32.load', 'm', 'i>f'],
  [0x2b, 'f64.load', 'm', 'i>d'],
  [0x2c, 'i32.load8_s', 'm', 'i>i'],
  [0x2d, 'i32.load8_u', 'm', 'i>i'],
  [0x2e, 'i32.load16_s', 'm', 'i>i'],
  [0x2f, 'i32.load16_u', 'm', 'i>i'],
  [0x30, 'i64.load8_s', 'm', 'i>l'],
  [0x31, 'i64.load8_u', 'm', 'i>l'],
  [0x32, 'i64.load16_s', 'm', 'i>l'],
  [0x33, 'i64.load16_u', 'm', 'i>l'],
  [0x34, 'i64.load32_s', 'm', 'i>l'],
  [0x35, 'i64.load32_u', 'm', 'i>l'],
  [0x36, 'i32.store', 'm', 'ii>'],
  [0x37, 'i64.store', 'm', 'il>'],
  [0x38, 'f32.store', 'm', 'if>'],
  [0x39, 'f64.store', 'm', 'id>'],
  [0x3a, 'i32.store8', 'm', 'ii>'],
  [0x3b, 'i32.store16', 'm', 'ii>'],
  [0x3c, 'i64.store8', 'm', 'il>'],
  [0x3d, 'i64.store16', 'm', 'il>'],
  [0x3e, 'i64.store32', 'm', 'il>'],
  [0x3f, 'memory.size', 'M', '>i'],
  [0x40, 'memory.grow', 'M', 'i>i'],
  [0x41, 'i32.const', 'i', '>i'],
  [0x42, 'i64.const', 'I', '>l'],
  [0x43, 'f32.const', 'F', '>f'],
  [0x44, 'f64.const', 'D', '>d'],
  [0x45, 'i32.eqz', '', 'i>i'],
  [0x46, 'i32.eq', '', 'ii>i'],
  [0x47, 'i32.ne', '', 'ii>i'],
  [0x48, 'i32.lt_s', '', 'ii>i'],
  [0x49, 'i32.lt_u', '', 'ii>i'],
  [0x4a, 'i32.gt_s', '', 'ii>i'],
  [0x4b, 'i32.gt_u', '', 'ii>i'],
  [0x4c, 'i32.le_s', '', 'ii>i'],
  [0x4d, 'i32.le_u', '', 'ii>i'],
  [0x4e, 'i32.ge_s', '', 'ii>i'],
  [0x4f, 'i32.ge_u', '', 'ii>i'],
  [0x50, 'i64.eqz', '', 'l>i'],
  [0x51, 'i64.eq', '', 'll>i'],
  [0x52, 'i64.ne', '', 'll>i'],
  [0x53, 'i64.lt_s', '', 'll>i'],
  [0x54, 'i64.lt_u', '', 'll>i'],
  [0x55, 'i64.gt_s', '', 'll>i'],
  [0x56, 'i64.gt_u', '', 'll>i'],
  [0x57, 'i64.le_s', '', 'll>i'],
  [0x58, 'i64.le_u', '', 'll>i'],
  [0x59, 'i64.ge_s', '', 'll>i'],
  [0x5a, 'i64.ge_u', '', 'll>i'],
  [0x5b, 'f32.eq', '', 'ff>i'],
  [0x5c, 'f32.ne', '', 'ff>i'],
  [0x5d, 'f32.lt', '', 'ff>i'],
  [0x5e, 'f32.gt', '', 'ff>i'],
  [0x5f, 'f32.le', '', 'ff>i'],
  [0x60, 'f32.ge', '', 'ff>i'],
  [0x61, 'f64.eq', '', 'dd>i'],
  [0x62, 'f64.ne', '', 'dd>i'],
  [0x63, 'f64.lt', '', 'dd>i'],
  [0x64, 'f64.gt', '', 'dd>i'],
  [0x65, 'f64.le', '', 'dd>i'],
  [0x66, 'f64.ge', '', 'dd>i'],
  [0x67, 'i32.clz', '', 'i>i'],
  [0x68, 'i32.ctz', '', 'i>i'],
  [0x69, 'i32.popcnt', '', 'i>i'],
  [0x6a, 'i32.add', '', 'ii>i'],
  [0x6b, 'i32.sub', '', 'ii>i'],
  [0x6c, 'i32.mul', '', 'ii>i'],
  [0x6d, 'i32.div_s', '', 'ii>i'],
  [0x6e, 'i32.div_u', '', 'ii>i'],
  [0x6f, 'i32.rem_s', '', 'ii>i'],
  [0x70, 'i32.rem_u', '', 'ii>i'],
  [0x71, 'i32.and', '', 'ii>i'],
  [0x72, 'i32.or', '', 'ii>i'],
  [0x73, 'i32.xor', '', 'ii>i'],
  [0x74, 'i32.shl', '', 'ii>i'],
  [0x75, 'i32.shr_s', '', 'ii>i'],
  [0x76, 'i32.shr_u', '', 'ii>i'],
  [0x77, 'i32.rotl', '', 'ii>i'],
  [0x78, 'i32.rotr', '', 'ii>i'],
  [0x79, 'i64.clz', '', 'l>l'],
  [0x7a, 'i64.ctz', '', 'l>l'],
  [0x7b, 'i64.popcnt', '', 'l>l'],
  [0x7c, 'i64.add', '', 'll>l'],
  [0x7d, 'i64.sub', '', 'll>l'],
  [0x7e, 'i64.mul', '', 'll>l'],
  [0x7f, 'i64.div_s', '', 'll>l'],
  [0x80, 'i64.div_u', '', 'll>l'],
  [0x81, 'i64.rem_s', '', 'll>l'],
  [0x82, 'i64.rem_u', '', 'll>l'],
  [0x83, 'i64.and', '', 'll>l'],
  [0x84, 'i64.or', '', 'll>l'],
  [0x85, 'i64.xor', '', 'll>l'],
  [0x86, 'i64.shl', '', 'll>l'],
  [0x87, 'i64.shr_s', '', 'll>l'],
  [0x88, 'i64.shr_u', '', 'll>l'],
  [0x89, 'i64.rotl', '', 'll>l'],
  [0x8a, 'i64.rotr', '', 'll>l'],
  [0x8b, 'f32.abs', '', 'f>f'],
  [0x8c, 'f32.neg', '', 'f>f'],
  [0x8d, 'f32.ceil', '', 'f>f'],
  [0x8e, 'f32.floor', '', 'f>f'],
  [0x8f, 'f32.trunc', '', 'f>f'],
  [0x90, 'f32.nearest', '', 'f>f'],
  [0x91, 'f32.sqrt', '', 'f>f'],
  [0x92, 'f32.add', '', 'ff>f'],
  [0x93, 'f32.sub', '', 'ff>f'],
  [0x94, 'f32.mul', '', 'ff>f'],
  [0x95, 'f32.div', '', 'ff>f'],
  [0x96, 'f32.min', '', 'ff>f'],
  [0x97, 'f32.max', '', 'ff>f'],
  [0x98, 'f32.copysign', '', 'ff>f'],
  [0x99, 'f64.abs', '', 'd>d'],
  [0x9a, 'f64.neg', '', 'd>d'],
  [0x9b, 'f64.ceil', '', 'd>d'],
  [0x9c, 'f64.floor', '', 'd>d'],
  [0x9d, 'f64.trunc', '', 'd>d'],
  [0x9e, 'f64.nearest', '', 'd>d'],
  [0x9f, 'f64.sqrt', '', 'd>d'],
  [0xa0, 'f64.add', '', 'dd>d'],
  [0xa1, 'f64.sub', '', 'dd>d'],
  [0xa2, 'f64.mul', '', 'dd>d'],
  [0xa3, 'f64.div', '', 'dd>d'],
  [0xa4, 'f64.min', '', 'dd>d'],
  [0xa5, 'f64.max', '', 'dd>d'],
  [0xa6, 'f64.copysign', '', 'dd>d'],
  [0xa7, 'i32.wrap_i64', '', 'l>i'],
  [0xa8, 'i32.trunc_f32_s', '', 'f>i'],
  [0xa9, 'i32.trunc_f32_u', '', 'f>i'],
  [0xaa, 'i32.trunc_f64_s', '', 'd>i'],
  [0xab, 'i32.trunc_f64_u', '', 'd>i'],
  [0xac, 'i64.extend_i32_s', '', 'i>l'],
  [0xad, 'i64.extend_i32_u', '', 'i>l'],
  [0xae, 'i64.trunc_f32_s', '', 'f>l'],
  [0xaf, 'i64.trunc_f32_u', '', 'f>l'],
  [0xb0, 'i64.trunc_f64_s', '', 'd>l'],
  [0xb1, 'i64.trunc_f64_u', '', 'd>l'],
  [0xb2, 'f32.convert_i32_s', '', 'i>f'],
  [0xb3, 'f32.convert_i32_u', '', 'i>f'],
  [0xb4, 'f32.convert_i64_s', '', 'l>f'],
  [0xb5, 'f32.convert_i64_u', '', 'l>f'],
  [0xb6, 'f32.demote_f64', '', 'd>f'],
  [0xb7, 'f64.convert_i32_s', '', 'i>d'],
  [0xb8, 'f64.convert_i32_u', '', 'i>d'],
  [0xb9, 'f64.convert_i64_s', '', 'l>d'],
  [0xba, 'f64.convert_i64_u', '', 'l>d'],
  [0xbb, 'f64.promote_f32', '', 'f>d'],
  [0xbc, 'i32.reinterpret_f32', '', 'f>i'],
  [0xbd, 'i64.reinterpret_f64', '', 'd>l'],
  [0xbe, 'f32.reinterpret_i32', '', 'i>f'],
  [0xbf, 'f64.reinterpret_i64', '', 'l>d'],
  [0xc0, 'i32.extend8_s', '', 'i>i'],
  [0xc1, 'i32.extend16_s', '', 'i>i'],
  [0xc2, 'i64.extend8_s', '', 'l>l'],
  [0xc3, 'i64.extend16_s', '', 'l>l'],
  [0xc4, 'i64.extend32_s', '', 'l>l'],
  [0xd0, 'ref.null', 'r'],
  [0xd1, 'ref.is_null'],
  [0xd2, 'ref.func', 'f'],
  [0xfc00, 'i32.trunc_sat_f32_s', '', 'f>i'],
  [0xfc01, 'i32.trunc_sat_f32_u', '', 'f>i'],
  [0xfc02, 'i32.trunc_sat_f64_s', '', 'd>i'],
  [0xfc03, 'i32.trunc_sat_f64_u', '', 'd>i'],
  [0xfc04, 'i64.trunc_sat_f32_s', '', 'f>l'],
  [0xfc05, 'i64.trunc_sat_f32_u', '', 'f>l'],
  [0xfc06, 'i64.trunc_sat_f64_s', '', 'd>l'],
  [0xfc07, 'i64.trunc_sat_f64_u', '', 'd>l'],
  [0xfc08, 'memory.init', 'dM', 'iii>'],
  [0xfc09, 'data.drop', 'd', '>'],
  [0xfc0a, 'memory.copy', 'MM', 'iii>'],
  [0xfc0b, 'memory.fill', 'M', 'iii>'],
  [0xfc0c, 'table.init', 'eT', 'iii>'],
  [0xfc0d, 'elem.drop', 'e', '>'],
  [0xfc0e, 'table.copy', 'TT', 'iii>'],
  [0xfc0f, 'table.grow', 'T'],
  [0xfc10, 'table.size', 'T', '>i'],
  [0xfc11, 'table.fill', 'T'],
];

/** Operators behind the prefix byte 0xfc follow the 256 one-byte ones in tables indexed by {@link operatorNumber}. */
export const prefixedBase = 0x100;

/** Length of a table indexed by operator number. */
export const operatorCount = prefixedBase + 0x12;

/** Index of an operator in tables: its byte, or {@link prefixedBase} + what follows the prefix 0xfc. */
const operatorNumber = (opcode: number): number =>
  opcode >= 0xfc00 ? prefixedBase + (opcode & 0xff) : opcode;

/** The operators that Fathom compiles, by operator number; undefined: none, or one that `unsupportedFeature` names. */
export const operators: readonly (Operator | undefined)[] = (() => {
  const table: (Operator | undefined)[] = new Array(operatorCount).fill(undefined);
  for (const [opcode, name, immediates = '', signature] of rows) {
    table[operatorNumber(opcode)] = { name, immediates, signature };
  }
  return table;
})();

/** How to step over the immediates of an operator. */
export const Skip = {
  none: 0,
  oneLeb: 1,
  twoLebs: 2,
  word32: 3,
  word64: 4,
  labels: 5,
  valueTypes: 6,
  unknown: 7,
} as const;

/** {@link Skip} by operator number. */
export const skipOf: Uint8Array = Uint8Array.from(operators, (operator) => {
  if (operator === undefined) return Skip.unknown;
  switch (operator.immediates) {
    case '':
      return Skip.none;
    case 'L':
      return Skip.labels;
    case 'R':
      return Skip.valueTypes;
    case 'F':
      return Skip.word32;
    case 'D':
      return Skip.word64;
    default:
      return operator.immediates.length === 2 || operator.immediates === 'm' ? Skip.twoLebs : Skip.oneLeb;
  }
});

/** Name of the operator at byte `offset` of a module binary, for listings; `0x..` where there is none that we know. */
export function operatorAt(bytes: Uint8Array, offset: number): string {
  const byte = bytes[offset];
  if (byte === undefined) return '?';
  if (byte !== 0xfc) return operators[byte]?.name ?? `0x${byte.toString(16)}`;
  let number = 0;
  for (let k = 1; k <= 5; k++) {
    const next = bytes[offset + k] ?? 0;
    number += (next & 0x7f) * 2 ** (7 * (k - 1));
    if (next < 0x80) break;
  }
  return operators[prefixedBase + number]?.name ?? `0xfc 0x${number.toString(16)}`;
}

/**
 * Steps over one operator and its immediates, checking no more than the encoding needs.
 * @returns the operator number, or -1 at a byte that is no operator that Fathom compiles (`r.pos` is then behind it)
 */
export function skipOperator(r: ByteReader): number {
  let number = r.u8();
  if (number === 0xfc) {
    const sub = r.u32();
    if (sub >= operatorCount - prefixedBase) return -1;
    number = prefixedBase + sub;
  }
  switch (skipOf[number]) {
    case Skip.none:
      break;
    case Skip.oneLeb:
      r.skipLeb();
      break;
    case Skip.twoLebs:
      r.skipLeb();
      r.skipLeb();
      break;
    case Skip.word32:
      r.skip(4);
      break;
    case Skip.word64:
      r.skip(8);
      break;
    case Skip.labels:
      for (let count = r.u32(); count >= 0; count--) r.skipLeb();
      break;
    case Skip.valueTypes:
      for (let count = r.u32(); count > 0; count--) r.skipLeb();
      break;
    default:
      return -1;
  }
  return number;
}
