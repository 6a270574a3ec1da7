/**
 * The operation table: the single source of every operation's name, typing and effects. Builder, printer, parser,
 * verifier, passes and selectors read it; none keeps a list of its own.
 */

/** What an operation does besides computing its result. A bit set. */
export const Effect = {
  /** Result depends on the inputs alone; may be merged, moved, speculated or removed. */
  none: 0,
  /** Reads memory of the instruction's region. */
  reads: 1,
  /** Writes memory of the instruction's region. */
  writes: 2,
  /** May trap: may not be removed, nor moved across another effect. */
  traps: 4,
  /** Calls other code: reads and writes every region but `stack` and `constant`, and may trap. */
  calls: 8,
  /** Ends its block. */
  terminates: 16,
  /**
   * Pure where it stands, but guarded by a check before it: may be merged with an equal dominating one or removed,
   * never moved up (integer division after its zero check).
   */
  guarded: 32,
  /** Tied to its place for another reason (reads or sets a pinned register, marks entry state). */
  pinned: 64,
} as const;

/**
 * Typing, as `inputs>result`, one letter an input: `T` the instruction's own type, `S` the type of the first input
 * (free), `i` i32, `l` i64, `f` f32, `d` f64, `w` the target's word, `*` any number of further inputs of any
 * type; result `T`, `i`, `w` or `-` (none), `?` one value or several (see `result`).
 * `domain` restricts T (or S where the result is not T): int, float, any.
 */
export interface OpInfo {
  readonly name: string;
  readonly typing: string;
  readonly domain: 'int' | 'float' | 'any';
  readonly effects: number;
  readonly commutative: boolean;
  /** Which of the instruction's fields carry meaning (and are printed): imm, imm2, access, region, callee, slot. */
  readonly fields: readonly OpField[];
}
export type OpField =
  | 'imm'
  | 'imm2'
  | 'offset'
  | 'access'
  | 'region'
  | 'callee'
  | 'trap'
  | 'result'
  | 'table';

const E = Effect;
type Row = readonly [
  name: string,
  typing: string,
  domain: 'int' | 'float' | 'any',
  effects: number,
  fields?: readonly OpField[],
  commutative?: 'commutes',
];

const rows = [
  // Constants. i32: imm (signed 32 bits). i64: imm low word, imm2 high word (both signed). f32: imm the bits. f64: imm, imm2 the bits.
  ['const', '>T', 'any', E.none, ['imm', 'imm2']],
  // Function input number imm, in the entry block only.
  ['param', '>T', 'any', E.pinned, ['imm']],
  // One input per predecessor, in the order of Block.preds; lives in Block.phis.
  ['phi', '*>T', 'any', E.pinned],
  // Result number imm of the call or multi-result operation that is its input; follows it directly.
  ['result', 'S>T', 'any', E.pinned, ['result']],

  // Integer arithmetic, i32 and i64.
  ['add', 'TT>T', 'int', E.none, [], 'commutes'],
  ['sub', 'TT>T', 'int', E.none],
  ['mul', 'TT>T', 'int', E.none, [], 'commutes'],
  // Division: divisor zero and MIN / -1 were excluded by trap_if before (rem_s of MIN by -1 is 0 and must work).
  ['div_s', 'TT>T', 'int', E.guarded],
  ['div_u', 'TT>T', 'int', E.guarded],
  ['rem_s', 'TT>T', 'int', E.guarded],
  ['rem_u', 'TT>T', 'int', E.guarded],
  ['and', 'TT>T', 'int', E.none, [], 'commutes'],
  ['or', 'TT>T', 'int', E.none, [], 'commutes'],
  ['xor', 'TT>T', 'int', E.none, [], 'commutes'],
  // Shift and rotate counts are taken modulo the width.
  ['shl', 'TT>T', 'int', E.none],
  ['shr_s', 'TT>T', 'int', E.none],
  ['shr_u', 'TT>T', 'int', E.none],
  ['rotl', 'TT>T', 'int', E.none],
  ['rotr', 'TT>T', 'int', E.none],
  ['clz', 'T>T', 'int', E.none],
  ['ctz', 'T>T', 'int', E.none],
  ['popcnt', 'T>T', 'int', E.none],
  ['extend8_s', 'T>T', 'int', E.none],
  ['extend16_s', 'T>T', 'int', E.none],
  ['extend32_s', 'T>T', 'int', E.none], // i64 only: sign-extends its low word
  ['extend_s', 'i>T', 'int', E.none], // i32 -> i64
  ['extend_u', 'i>T', 'int', E.none],
  ['wrap', 'l>T', 'int', E.none], // i64 -> i32
  // Comparisons give i32 0 or 1. eqz is eq with 0.
  ['eq', 'SS>i', 'int', E.none, [], 'commutes'],
  ['ne', 'SS>i', 'int', E.none, [], 'commutes'],
  ['lt_s', 'SS>i', 'int', E.none],
  ['lt_u', 'SS>i', 'int', E.none],
  ['gt_s', 'SS>i', 'int', E.none],
  ['gt_u', 'SS>i', 'int', E.none],
  ['le_s', 'SS>i', 'int', E.none],
  ['le_u', 'SS>i', 'int', E.none],
  ['ge_s', 'SS>i', 'int', E.none],
  ['ge_u', 'SS>i', 'int', E.none],

  // Floating point, f32 and f64, IEEE 754 with wasm's NaN rules.
  ['fadd', 'TT>T', 'float', E.none, [], 'commutes'],
  ['fsub', 'TT>T', 'float', E.none],
  ['fmul', 'TT>T', 'float', E.none, [], 'commutes'],
  ['fdiv', 'TT>T', 'float', E.none],
  ['fmin', 'TT>T', 'float', E.none],
  ['fmax', 'TT>T', 'float', E.none],
  ['fcopysign', 'TT>T', 'float', E.none],
  ['fabs', 'T>T', 'float', E.none],
  ['fneg', 'T>T', 'float', E.none],
  ['fsqrt', 'T>T', 'float', E.none],
  ['fceil', 'T>T', 'float', E.none],
  ['ffloor', 'T>T', 'float', E.none],
  ['ftrunc', 'T>T', 'float', E.none],
  ['fnearest', 'T>T', 'float', E.none],
  ['feq', 'SS>i', 'float', E.none, [], 'commutes'],
  ['fne', 'SS>i', 'float', E.none, [], 'commutes'],
  ['flt', 'SS>i', 'float', E.none],
  ['fgt', 'SS>i', 'float', E.none],
  ['fle', 'SS>i', 'float', E.none],
  ['fge', 'SS>i', 'float', E.none],

  // Conversions. S is the source type, T the result type.
  ['trunc_s', 'S>T', 'any', E.traps], // float -> int, traps on NaN (invalidConversion) and out of range (see docs/abi: same kind)
  ['trunc_u', 'S>T', 'any', E.traps],
  ['trunc_sat_s', 'S>T', 'any', E.none],
  ['trunc_sat_u', 'S>T', 'any', E.none],
  ['convert_s', 'S>T', 'any', E.none], // int -> float
  ['convert_u', 'S>T', 'any', E.none],
  ['promote', 'f>T', 'float', E.none],
  ['demote', 'd>T', 'float', E.none],
  ['reinterpret', 'S>T', 'any', E.none], // i32 <-> f32, i64 <-> f64
  // ARMv7 only, made by lower64: f64 from its words (low, high) and back (imm 0 low word, 1 high word).
  ['f64_from_words', 'ii>T', 'float', E.none],
  ['f64_word', 'd>i', 'any', E.none, ['imm']],

  // cond, value if non-zero, value if zero.
  ['select', 'iTT>T', 'any', E.none],

  // 64-bit integers as word pairs, made by lower64: inputs (low, high[, low, high]), results low and high by `result`.
  ['pair_add', 'iiii>?', 'any', E.none],
  ['pair_sub', 'iiii>?', 'any', E.none],
  ['pair_mul', 'iiii>?', 'any', E.none],
  ['pair_shl', 'iii>?', 'any', E.none], // low, high, count (taken modulo 64)
  ['pair_shr_s', 'iii>?', 'any', E.none],
  ['pair_shr_u', 'iii>?', 'any', E.none],
  ['pair_lt_s', 'iiii>i', 'any', E.none], // signed a < b over pairs; eq and ne become xor/or/eq
  ['pair_lt_u', 'iiii>i', 'any', E.none],
  ['pair_ge_s', 'iiii>i', 'any', E.none],
  ['pair_ge_u', 'iiii>i', 'any', E.none],

  // Memory. The address is base (word) + index (i32, zero-extended) + offset.
  ['load', 'w>T', 'any', E.reads, ['offset', 'access', 'region']],
  ['store', 'wS>-', 'any', E.writes, ['offset', 'access', 'region']], // base, value
  ['load_indexed', 'wi>T', 'any', E.reads, ['offset', 'access', 'region']],
  ['store_indexed', 'wiS>-', 'any', E.writes, ['offset', 'access', 'region']], // base, index, value
  // Traps memoryOutOfBounds unless index + offset (its end: first byte after the access, at least 1) <= size (word).
  // Where end <= Target.memory.guardBytes the code may check index < size alone: the guard region catches the rest.
  ['check_bounds', 'iw>-', 'any', E.traps, ['offset']],

  // The pinned exec env pointer.
  ['env', '>T', 'int', E.pinned],
  // Adapters only: sets the pinned exec env register; the callee descriptor this function was called with; address of
  // this function's own frame slot at byte `offset` of its slot area; the incoming native argument imm (entry adapters).
  ['set_env', 'w>-', 'int', E.pinned],
  ['descriptor', '>T', 'int', E.pinned],
  ['stack_slot', '>T', 'int', E.pinned, ['offset']],
  // Adapters only: other cores see no store from behind it before those in front of it (imm 0), or no access at all (imm 1).
  ['fence', '>-', 'any', E.pinned, ['imm']],

  // Calls. `callee` gives signature and symbol. One result: the instruction's value; several: by `result`.
  ['call', '*>?', 'any', E.calls, ['callee']],
  ['call_ptr', 'ww*>?', 'any', E.calls, ['callee']], // code address, callee descriptor, then the arguments
  ['call_host', 'www>T', 'any', E.calls], // env.hostCall(env, selector, a, b) by the native C convention -> word

  // Linux system call: number, then six arguments -> word, -errno where it failed. To passes a call: it may touch all memory.
  ['syscall', 'wwwwwww>T', 'any', E.calls],

  // Traps if the input is non-zero.
  ['trap_if', 'i>-', 'any', E.traps, ['trap']],

  // Terminators. Successors in Block.succs.
  ['jump', '>-', 'any', E.terminates],
  ['branch', 'i>-', 'any', E.terminates], // succs[0] if non-zero, succs[1] otherwise
  ['switch', 'i>-', 'any', E.terminates, ['table']], // succs[table[index]], the last entry of table is the default
  ['return', '*>-', 'any', E.terminates],
  ['trap', '>-', 'any', E.terminates | E.traps, ['trap']],
] as const satisfies readonly Row[];

type OpName = (typeof rows)[number][0];

/** Operation numbers by name: `Op.add`. */
export const Op = Object.fromEntries(rows.map((row, number) => [row[0], number])) as {
  readonly [N in OpName]: number;
};

/** The table, indexed by operation number. */
export const ops: readonly OpInfo[] = rows.map((row: Row) => ({
  name: row[0],
  typing: row[1],
  domain: row[2],
  effects: row[3],
  fields: row[4] ?? [],
  commutative: row[5] === 'commutes',
}));

const effectsOf = Uint8Array.from(ops, (op) => op.effects);

/** The {@link Effect} bits of operation `op`. */
export const effects = (op: number): number => effectsOf[op];
