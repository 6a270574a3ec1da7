import type { RegisterFile } from '../../compiler/target.ts';

/**
 * Registers by physical number: 0 to 15 the general ones, 16 to 31 the xmm ones, both in hardware order, so that
 * `register & 15` is what an encoding wants (Intel SDM volume 2, 2.2.1.2 and table 2-4).
 */
export const Reg = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
  xmm0: 16,
  xmm15: 31,
} as const;

/** The pinned exec env. */
export const envRegister = Reg.r15;
/** Kept out of allocation: macros and the parallel moves' cycles use them. */
export const scratch = Reg.r11;
export const floatScratch = Reg.xmm15;

const xmm = Array.from({ length: 16 }, (_, i) => Reg.xmm0 + i);
const allocatableFloat = xmm.filter((register) => register !== floatScratch);

const callSaved = [Reg.rbx, Reg.rbp, Reg.r12, Reg.r13, Reg.r14];
const callClobbered = [Reg.rax, Reg.rcx, Reg.rdx, Reg.rsi, Reg.rdi, Reg.r8, Reg.r9, Reg.r10, Reg.r11, ...xmm];

/** Those that need no REX prefix come first; of each kind, the call-clobbered ones. */
const allocatableInt = [
  Reg.rax,
  Reg.rcx,
  Reg.rdx,
  Reg.rsi,
  Reg.rdi,
  Reg.r8,
  Reg.r9,
  Reg.r10,
  Reg.rbx,
  Reg.rbp,
  Reg.r12,
  Reg.r13,
  Reg.r14,
];

/** 64-bit names of the general registers, then those of the vector registers. */
const names = [
  ...['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
  ...xmm.map((_, i) => `xmm${i}`),
];

/** The register file, per {@link RegClass}: int, then f32, f64 and v128, which share the xmm registers. */
export const registers: RegisterFile = {
  names,
  allocatable: [allocatableInt, allocatableFloat, allocatableFloat, allocatableFloat],
  scratch: [scratch, floatScratch, floatScratch, floatScratch],
  callSaved,
  callClobbered,
  env: envRegister,
  stackPointer: Reg.rsp,
  descriptor: Reg.r10,
};

const low = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const lowByte = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'];

/** Assembler name of the low `bytes` bytes (1, 2, 4, 8) of a general register; vector registers have one name. Virtual: v64 and up. */
export function registerName(register: number, bytes: number): string {
  if (register >= 64) return `v${register}`;
  if (register >= Reg.xmm0 || bytes >= 8) return names[register];
  if (register >= 8) return `r${register}${bytes === 4 ? 'd' : bytes === 2 ? 'w' : 'b'}`;
  return bytes === 4 ? `e${low[register]}` : bytes === 2 ? low[register] : lowByte[register];
}
