/**
 * Value types of the SSA form. References and addresses are machine words: `i64` on x86-64 and `i32` on ARMv7
 * (`Target.word`), so that no pass or allocator needs a pointer type of its own.
 */
export const Type = { none: 0, i32: 1, i64: 2, f32: 3, f64: 4, v128: 5 } as const;
export type Type = (typeof Type)[keyof typeof Type];

/** Printed names, indexed by {@link Type}. */
export const typeNames = ['none', 'i32', 'i64', 'f32', 'f64', 'v128'] as const;

/** Sizes in bytes, indexed by {@link Type}. */
export const typeBytes = [0, 4, 8, 4, 8, 16] as const;

export const isInteger = (type: Type): boolean => type === Type.i32 || type === Type.i64;
export const isFloat = (type: Type): boolean => type === Type.f32 || type === Type.f64;

/**
 * How a load or store touches memory: the width in memory and, for loads narrower than the value, the extension.
 * `full` moves the whole value type (4 or 8 bytes).
 */
export const Access = { full: 0, s8: 1, u8: 2, s16: 3, u16: 4, s32: 5, u32: 6 } as const;
export type Access = (typeof Access)[keyof typeof Access];
export const accessNames = ['full', 's8', 'u8', 's16', 'u16', 's32', 'u32'] as const;

/** Bytes touched in memory by an access of value type `type`. */
export function accessBytes(access: Access, type: Type): number {
  return access === Access.full ? typeBytes[type] : access <= Access.u8 ? 1 : access <= Access.u16 ? 2 : 4;
}

/**
 * Alias classes of memory. Two accesses of different regions never touch the same bytes, except that `native` may be
 * anything. `constant` regions never change while an activation runs.
 */
export const Region = {
  none: 0,
  /** Exec-env fields that never change after instantiation (host entry, import slots, type ids, descriptors). */
  constant: 1,
  /** Base and size of memories: changed by `memory.grow`, so by any call. */
  memoryInfo: 2,
  /** Base and size of tables: changed by `table.grow`, so by any call. */
  tableInfo: 3,
  /** Elements of tables. */
  tableElement: 4,
  /** Address and remaining length of data and element segments: changed by `data.drop`, `elem.drop`. */
  segment: 5,
  /** Slots in the native frame of this function (adapters' argument buffers, activation records). */
  stack: 6,
  /** Arbitrary native memory (helpers, runtime). Aliases everything. */
  native: 7,
  /** `top` of an exec env, as adapters store it. */
  publication: 8,
  /** `memory + k` is linear memory k (k < 512). */
  memory: 16,
  /** `global + k` is the wasm global k. */
  global: 1024,
} as const;

/** Why generated code traps; the text is V8's wording of the same trap. */
export const TrapKind = {
  unreachable: 0,
  memoryOutOfBounds: 1,
  tableOutOfBounds: 2,
  indirectCallNull: 3,
  indirectCallSignature: 4,
  divideByZero: 5,
  integerOverflow: 6,
  invalidConversion: 7,
  stackOverflow: 8,
  indirectCallOutOfBounds: 9,
  elementSegmentOutOfBounds: 10,
  remainderByZero: 11,
} as const;
export type TrapKind = (typeof TrapKind)[keyof typeof TrapKind];

/** V8's message of each trap, indexed by {@link TrapKind} (src/common/message-template.h). */
export const trapMessages = [
  'unreachable',
  'memory access out of bounds',
  'table index is out of bounds',
  'null function or function signature mismatch',
  'null function or function signature mismatch',
  'divide by zero',
  'divide result unrepresentable',
  'float unrepresentable in integer range',
  'Maximum call stack size exceeded',
  'table index is out of bounds',
  'element segment out of bounds',
  'remainder by zero',
] as const;
