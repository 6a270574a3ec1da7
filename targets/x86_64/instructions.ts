import { InstFlag, type InstructionInfo } from '../../compiler/target.ts';

/**
 * The instruction table: one row an encoding, and nothing else knows opcodes. A row of several operand sizes makes as
 * many consecutive entries (32-bit then 64-bit, f32 then f64, 8-bit to 64-bit), so that a rule adds 0 or 1 to the
 * number of the first: `X.add + wide(type)`. Opcodes are those of the Intel SDM volume 2, chapters 3 to 5.
 */

/**
 * Where the operands of an MInst go. `rm` is the ModRM r/m operand: `mem` where the instruction has one, else the register
 * that the form names; so a memory operand takes the place of a use by leaving it out.
 */
export const Form = {
  /** No operands but fixed ones. */
  plain: 0,
  /** reg = defs[0], rm = mem or the last use. */
  regRm: 1,
  /** reg = uses[0], rm = mem or uses[1]: what sets only flags. */
  useRm: 2,
  /** rm = mem or uses[0], reg = the last use: the same in the other direction, and stores. */
  rmUse: 3,
  /** rm = defs[0], reg = uses[0]: from a vector register to a general one. */
  rmDef: 4,
  /** rm = mem or the last use; opcode extension. Division, indirect calls. */
  rm: 5,
  /** rm = defs[0]; opcode extension. One-operand arithmetic, shifts by cl. */
  def: 6,
  /** rm = defs[0], immediate of 8 or 32 bits. */
  defImm: 7,
  /** rm = mem or uses[0], immediate: compares, and stores of constants. */
  rmImm: 8,
  /** rm = defs[0], 8-bit count; the count 1 has an opcode of its own. */
  shiftImm: 9,
  /** reg = defs[0], rm = mem or the last use, immediate. */
  regRmImm: 10,
  /** defs[0] <- imm (and imm2, the high word), in the shortest encoding that leaves the flags alone. */
  moveImm: 11,
  /** defs[0] xor itself. */
  zero: 12,
  /** defs[0] <- uses[0] + uses[1], and defs[0] <- uses[0] + imm: `add` where the registers allow, else `lea`. */
  add: 13,
  addImm: 14,
  /** setcc and cmovcc by `cond`. */
  set: 15,
  move: 16,
  jcc: 17,
  /** Branches to a cold trap of kind `imm`. */
  jccTrap: 18,
  jump: 19,
  switch: 20,
  call: 21,
  /** push and pop of a register, push of an immediate: in prologues and epilogues. */
  push: 22,
  pop: 23,
  pushImm: 24,
  /** Several machine instructions; see macros.ts. */
  macro: 25,
} as const;
export type Form = (typeof Form)[keyof typeof Form];

/** What the encoder adds to the shared columns. */
export interface Instruction extends InstructionInfo {
  /** Assembler mnemonic; `cc` stands for the condition. */
  readonly name: string;
  readonly form: Form;
  /** Up to three opcode bytes, first byte highest. */
  readonly opcode: number;
  /** Mandatory or operand-size prefix, or 0. */
  readonly prefix: number;
  /** REX.W. */
  readonly wide: boolean;
  /** ModRM opcode extension, or 0. */
  readonly digit: number;
  /** Bytes of the reg operand and of the r/m operand (16: a vector in memory). */
  readonly bytes: number;
  readonly rmBytes: number;
}

/**
 * Operand sizes of a row. `-`: none; `d`: 32-bit; `q`: 64-bit with REX.W; `w`: both; `a`: 8, 16, 32 and 64 bits;
 * `f`: f32 (prefix F3, mnemonic + `ss`) and f64 (F2, `sd`); `p`: f32 without prefix and f64 with 66, `ss` and `sd`;
 * `x`: a 16-byte vector.
 */
type Sizes = '-' | 'd' | 'q' | 'w' | 'a' | 'f' | 'p' | 'x';

interface Extra {
  readonly name?: string;
  readonly flags?: number;
  readonly digit?: number;
  readonly prefix?: number;
  /** Bytes of the r/m operand where they differ from the reg operand's. */
  readonly rm?: number;
}

type Row = readonly [key: string, sizes: Sizes, form: Form, opcode: number, extra?: Extra];

const tied = InstFlag.tied;
const F = Form;

const rows = [
  // Moves. SDM: MOV, MOVZX, MOVSX, LEA.
  ['mov', 'w', F.regRm, 0x8b],
  ['mov_i', 'w', F.moveImm, 0xb8, { name: 'mov' }],
  ['zero', 'd', F.zero, 0x33, { name: 'xor' }],
  ['store', 'a', F.rmUse, 0x89, { name: 'mov' }],
  ['store_i', 'a', F.rmImm, 0xc7, { name: 'mov' }],
  ['movzx8', 'd', F.regRm, 0x0fb6, { name: 'movzx', rm: 1 }],
  ['movzx16', 'd', F.regRm, 0x0fb7, { name: 'movzx', rm: 2 }],
  ['movsx8', 'w', F.regRm, 0x0fbe, { name: 'movsx', rm: 1 }],
  ['movsx16', 'w', F.regRm, 0x0fbf, { name: 'movsx', rm: 2 }],
  ['movsxd', 'q', F.regRm, 0x63, { rm: 4 }],
  ['lea', 'w', F.regRm, 0x8d],

  // Arithmetic on register and r/m. `add` and `add_i` choose between add and lea once the registers are known.
  ['add', 'w', F.add, 0x03],
  ['add_i', 'w', F.addImm, 0x83, { name: 'add' }],
  ['add_rm', 'w', F.regRm, 0x03, { name: 'add', flags: tied }],
  ['or', 'w', F.regRm, 0x0b, { flags: tied }],
  ['and', 'w', F.regRm, 0x23, { flags: tied }],
  ['sub', 'w', F.regRm, 0x2b, { flags: tied }],
  ['xor', 'w', F.regRm, 0x33, { flags: tied }],
  ['imul', 'w', F.regRm, 0x0faf, { flags: tied }],
  ['or_i', 'w', F.defImm, 0x83, { name: 'or', digit: 1, flags: tied }],
  ['and_i', 'w', F.defImm, 0x83, { name: 'and', digit: 4, flags: tied }],
  ['sub_i', 'w', F.defImm, 0x83, { name: 'sub', digit: 5, flags: tied }],
  ['xor_i', 'w', F.defImm, 0x83, { name: 'xor', digit: 6, flags: tied }],
  ['imul_i', 'w', F.regRmImm, 0x69, { name: 'imul' }],
  ['neg', 'w', F.def, 0xf7, { digit: 3, flags: tied }],
  ['not', 'w', F.def, 0xf7, { digit: 2, flags: tied }],
  // Arithmetic on memory.
  ['add_m', 'a', F.rmUse, 0x01, { name: 'add' }],
  ['or_m', 'a', F.rmUse, 0x09, { name: 'or' }],
  ['and_m', 'a', F.rmUse, 0x21, { name: 'and' }],
  ['sub_m', 'a', F.rmUse, 0x29, { name: 'sub' }],
  ['xor_m', 'a', F.rmUse, 0x31, { name: 'xor' }],
  ['add_mi', 'a', F.rmImm, 0x83, { name: 'add', digit: 0 }],
  ['or_mi', 'a', F.rmImm, 0x83, { name: 'or', digit: 1 }],
  ['and_mi', 'a', F.rmImm, 0x83, { name: 'and', digit: 4 }],
  ['xor_mi', 'a', F.rmImm, 0x83, { name: 'xor', digit: 6 }],
  // Flags only.
  ['cmp', 'w', F.useRm, 0x3b],
  ['cmp_m', 'w', F.rmUse, 0x39, { name: 'cmp' }],
  ['cmp_i', 'a', F.rmImm, 0x83, { name: 'cmp', digit: 7 }],
  ['test', 'w', F.rmUse, 0x85],
  ['test_i', 'a', F.rmImm, 0xf7, { name: 'test', digit: 0 }],
  // Division of rdx:rax. uses: rax, rdx, divisor; defs: rax, rdx. The remainder macro makes MIN % -1 zero.
  ['cdq', 'w', F.plain, 0x99],
  ['div', 'w', F.rm, 0xf7, { digit: 6 }],
  ['idiv', 'w', F.rm, 0xf7, { digit: 7 }],
  ['rem_s', 'w', F.macro, 0, { flags: tied | InstFlag.earlyClobber }],
  // Shifts and rotates, by a constant and by cl (uses[1]).
  ['rol_i', 'w', F.shiftImm, 0xc1, { name: 'rol', digit: 0, flags: tied }],
  ['ror_i', 'w', F.shiftImm, 0xc1, { name: 'ror', digit: 1, flags: tied }],
  ['shl_i', 'w', F.shiftImm, 0xc1, { name: 'shl', digit: 4, flags: tied }],
  ['shr_i', 'w', F.shiftImm, 0xc1, { name: 'shr', digit: 5, flags: tied }],
  ['sar_i', 'w', F.shiftImm, 0xc1, { name: 'sar', digit: 7, flags: tied }],
  ['rol', 'w', F.def, 0xd3, { digit: 0, flags: tied }],
  ['ror', 'w', F.def, 0xd3, { digit: 1, flags: tied }],
  ['shl', 'w', F.def, 0xd3, { digit: 4, flags: tied }],
  ['shr', 'w', F.def, 0xd3, { digit: 5, flags: tied }],
  ['sar', 'w', F.def, 0xd3, { digit: 7, flags: tied }],
  // Bits.
  ['bsf', 'w', F.regRm, 0x0fbc],
  ['bsr', 'w', F.regRm, 0x0fbd],
  ['popcnt', 'w', F.regRm, 0x0fb8, { prefix: 0xf3 }],
  ['bts_i', 'q', F.shiftImm, 0x0fba, { name: 'bts', digit: 5, flags: tied }],
  ['setcc', 'd', F.set, 0x0f90, { rm: 1, flags: tied }],
  ['cmov', 'w', F.move, 0x0f40, { name: 'cmovcc', flags: tied }],

  // Vector registers: moves. SDM: MOVAPS, MOVSS, MOVSD, MOVUPS, MOVD/MOVQ.
  ['movaps', 'x', F.regRm, 0x0f28],
  ['load_f', 'f', F.regRm, 0x0f10, { name: 'mov' }],
  ['store_f', 'f', F.rmUse, 0x0f11, { name: 'mov' }],
  ['movups', 'x', F.regRm, 0x0f10],
  ['movups_m', 'x', F.rmUse, 0x0f11, { name: 'movups' }],
  ['zero_f', 'x', F.zero, 0x0f57, { name: 'xorps' }],
  ['to_xmm', 'w', F.regRm, 0x0f6e, { prefix: 0x66, name: 'mov' }],
  ['from_xmm', 'w', F.rmDef, 0x0f7e, { prefix: 0x66, name: 'mov' }],
  // Arithmetic. SDM: ADDSS, ADDSD and their like.
  ['fadd', 'f', F.regRm, 0x0f58, { name: 'add', flags: tied }],
  ['fmul', 'f', F.regRm, 0x0f59, { name: 'mul', flags: tied }],
  ['fsub', 'f', F.regRm, 0x0f5c, { name: 'sub', flags: tied }],
  ['fdiv', 'f', F.regRm, 0x0f5e, { name: 'div', flags: tied }],
  ['fminimum', 'f', F.regRm, 0x0f5d, { name: 'min', flags: tied }],
  ['fmaximum', 'f', F.regRm, 0x0f5f, { name: 'max', flags: tied }],
  ['fsqrt', 'f', F.regRm, 0x0f51, { name: 'sqrt' }],
  ['andps', 'x', F.regRm, 0x0f54, { flags: tied }],
  ['orps', 'x', F.regRm, 0x0f56, { flags: tied }],
  ['xorps', 'x', F.regRm, 0x0f57, { flags: tied }],
  ['ucomis', 'p', F.useRm, 0x0f2e, { name: 'ucomi' }],
  ['roundss', 'x', F.regRmImm, 0x0f3a0a, { prefix: 0x66, rm: 4 }],
  ['roundsd', 'x', F.regRmImm, 0x0f3a0b, { prefix: 0x66, rm: 8 }],
  // Conversions. cvtsi2s* keep the upper lanes, so they are tied to a zeroed register: no false dependency.
  ['cvtsi2ss', 'w', F.regRm, 0x0f2a, { prefix: 0xf3, flags: tied }],
  ['cvtsi2sd', 'w', F.regRm, 0x0f2a, { prefix: 0xf2, flags: tied }],
  ['cvttss2si', 'w', F.regRm, 0x0f2c, { prefix: 0xf3, rm: 4 }],
  ['cvttsd2si', 'w', F.regRm, 0x0f2c, { prefix: 0xf2, rm: 8 }],
  ['cvtss2sd', 'x', F.regRm, 0x0f5a, { prefix: 0xf3, rm: 4 }],
  ['cvtsd2ss', 'x', F.regRm, 0x0f5a, { prefix: 0xf2, rm: 8 }],
  // Sequences with internal jumps (macros.ts). The last letters of the truncations name the source.
  ['fmin', 'f', F.macro, 0, { flags: tied }],
  ['fmax', 'f', F.macro, 0, { flags: tied }],
  ['fselect', 'x', F.macro, 0, { flags: tied }],
  ['convert_u64', 'f', F.macro, 0],
  ['trunc_s_f32', 'w', F.macro, 0],
  ['trunc_s_f64', 'w', F.macro, 0],
  ['trunc_u_f32', 'w', F.macro, 0],
  ['trunc_u_f64', 'w', F.macro, 0],
  ['trunc_sat_s_f32', 'w', F.macro, 0],
  ['trunc_sat_s_f64', 'w', F.macro, 0],
  ['trunc_sat_u_f32', 'w', F.macro, 0],
  ['trunc_sat_u_f64', 'w', F.macro, 0],

  // Control. No row is glued: nothing that the allocator inserts (moves, constants) touches the flags.
  ['jcc', '-', F.jcc, 0x70, { flags: InstFlag.branch }],
  ['jcc_trap', '-', F.jccTrap, 0x0f80, { name: 'jcc' }],
  ['jmp', '-', F.jump, 0xeb, { flags: InstFlag.jump }],
  ['switch', 'q', F.switch, 0xff, { flags: InstFlag.switch }],
  ['call', '-', F.call, 0xe8, { flags: InstFlag.call }],
  // The code address is uses[0] or mem; the other uses are arguments.
  ['call_rm', '-', F.rm, 0xff, { name: 'call', digit: 2, rm: 8, flags: InstFlag.call }],
  ['ret', '-', F.plain, 0xc3, { flags: InstFlag.return }],
  ['ud2', '-', F.plain, 0x0f0b],
  ['syscall', '-', F.plain, 0x0f05],

  // Prologues, epilogues and macros only.
  ['push', '-', F.push, 0x50],
  ['push_i', '-', F.pushImm, 0x68, { name: 'push' }],
  ['push_m', '-', F.rm, 0xff, { name: 'push', digit: 6, rm: 8 }],
  ['pop', '-', F.pop, 0x58],
  ['pop_m', '-', F.rm, 0x8f, { name: 'pop', digit: 0, rm: 8 }],
  ['mfence', '-', F.plain, 0x0faef0],
  ['jmp_rm', '-', F.rm, 0xff, { name: 'jmp', digit: 4, rm: 8 }],
] as const satisfies readonly Row[];

type Key = (typeof rows)[number][0];

function entry(row: Row, name: string, bytes: number, prefix: number, opcode = row[3]): Instruction {
  const extra = row[4] ?? {};
  return {
    name,
    flags: extra.flags ?? InstFlag.none,
    form: row[2],
    opcode,
    prefix: extra.prefix ?? prefix,
    // Calls, pushes and pops are 64 bits wide by themselves.
    wide: bytes === 8 && row[1] !== 'f' && row[1] !== 'p',
    digit: extra.digit ?? 0,
    bytes,
    rmBytes: extra.rm ?? bytes,
  };
}

/** Mnemonic of a move between register files: movd and movq. */
const vectorMove = (row: Row, suffix: string): string =>
  row[0] === 'to_xmm' || row[0] === 'from_xmm' ? `mov${suffix}` : (row[4]?.name ?? row[0]);

function expand(row: Row): Instruction[] {
  const name = row[4]?.name ?? row[0];
  const byteOpcode = row[3] === 0x83 ? 0x80 : row[3] - 1;
  switch (row[1]) {
    case '-':
      return [entry(row, name, 0, 0)];
    case 'd':
      return [entry(row, name, 4, 0)];
    case 'q':
      return [entry(row, name, 8, 0)];
    case 'w':
      if (row[0] === 'cdq') return [entry(row, 'cdq', 4, 0), entry(row, 'cqo', 8, 0)];
      return [entry(row, vectorMove(row, 'd'), 4, 0), entry(row, vectorMove(row, 'q'), 8, 0)];
    case 'a':
      return [
        entry(row, name, 1, 0, byteOpcode),
        entry(row, name, 2, 0x66),
        entry(row, name, 4, 0),
        entry(row, name, 8, 0),
      ];
    case 'f':
      return [entry(row, `${name}ss`, 4, 0xf3), entry(row, `${name}sd`, 8, 0xf2)];
    case 'p':
      return [entry(row, `${name}ss`, 4, 0), entry(row, `${name}sd`, 8, 0x66)];
    case 'x':
      return [entry(row, name, 16, 0)];
  }
}

const expanded = rows.map((row: Row) => expand(row));

/** The table, indexed by MInst.op. */
export const instructions: readonly Instruction[] = expanded.flat();

let next = 0;
/** Number of the first entry of every row: `X.add` is the 32-bit form, `X.add + 1` the 64-bit one. */
export const X = Object.fromEntries(
  rows.map((row, i) => {
    const first = next;
    next += expanded[i].length;
    return [row[0], first];
  }),
) as { readonly [K in Key]: number };

/** Unique name of table entry `op`, for tests and messages: the row's key, and which of its sizes. */
export function rowName(op: number): string {
  let row = 0;
  while (row + 1 < rows.length && X[rows[row + 1][0]] <= op) row++;
  return `${rows[row][0]}+${op - X[rows[row][0]]}`;
}

/** Operand sizes of an `a` row, from its first entry. */
export const Size = { byte: 0, word: 1, dword: 2, qword: 3 } as const;

/**
 * Condition codes as the hardware numbers them (SDM volume 1, appendix B), and two of our own for floats, whose equality is
 * "ZF and not PF": branches, fselect and cmov make two instructions of them. `cond ^ 1` is the opposite.
 */
export const Cond = {
  o: 0,
  no: 1,
  b: 2,
  ae: 3,
  e: 4,
  ne: 5,
  be: 6,
  a: 7,
  s: 8,
  ns: 9,
  p: 10,
  np: 11,
  l: 12,
  ge: 13,
  le: 14,
  g: 15,
  floatEqual: 16,
  floatUnequal: 17,
} as const;

/** Mnemonic suffixes, indexed by {@link Cond}. */
export const condNames = [
  ...['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'],
  ...['fe', 'fne'],
];
