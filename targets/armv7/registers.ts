import type { RegisterFile } from '../../compiler/target.ts';

/**
 * Physical registers: r0..pc are 0..15, the VFP/NEON double registers d0..d31 are 16..47 (DDI 0406C A2.3, A2.6.1). The d
 * register is the unit of allocation: an f32 in d(n), n < 16, occupies the whole of it and is read as s(2n).
 */
export const Reg = {
  r0: 0,
  r1: 1,
  r2: 2,
  r3: 3,
  r4: 4,
  r5: 5,
  r6: 6,
  r7: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  ip: 12,
  sp: 13,
  lr: 14,
  pc: 15,
  d0: 16,
  d8: 24,
  d15: 31,
  d31: 47,
} as const;

/** The pinned exec env. */
export const envRegister = Reg.r10;

/** d(first)..d(last). */
const doubles = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => Reg.d0 + first + i);

const names = [
  ...Array.from({ length: 12 }, (_, i) => `r${i}`),
  ...['ip', 'sp', 'lr', 'pc'],
  ...Array.from({ length: 32 }, (_, i) => `d${i}`),
];

/**
 * The wasm convention's sets. They are not AAPCS's: r9 is call-clobbered, which gives indirect calls a register for the
 * callee's descriptor that is neither an argument nor one that the caller would have to save; d15 is the f32 scratch. Entry
 * adapters save both for their native callers. lr is a plain register once the frame has saved it, so it comes after those
 * that are free in leaves and before those that always cost a save.
 */
export const registers: RegisterFile = {
  names,
  allocatable: [
    [3, 2, 1, 0, 9, 14, 4, 5, 6, 7, 8, 11],
    [...doubles(0, 7).reverse(), ...doubles(8, 14)],
    [...doubles(16, 30), ...doubles(0, 7).reverse(), ...doubles(8, 14)],
    [],
  ],
  scratch: [Reg.ip, Reg.d15, Reg.d31, -1],
  callSaved: [4, 5, 6, 7, 8, 11, ...doubles(8, 14)],
  callClobbered: [0, 1, 2, 3, 9, 12, 14, ...doubles(0, 7), ...doubles(15, 31)],
  env: envRegister,
  stackPointer: Reg.sp,
  descriptor: Reg.r9,
};
