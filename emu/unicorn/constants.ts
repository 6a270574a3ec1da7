/**
 * Numbers of Unicorn's C interface (unicorn.h, arm.h and x86.h of release 2.1), as data.
 */

/** The instruction sets with emulated cores, named as the compiler's targets are. */
export type TargetName = 'x86_64' | 'armv7';

/** `uc_arch`, `uc_mode` and the CPU model (`uc_cpu_x86`, `uc_cpu_arm`) an engine is opened with. */
export const MODELS = {
  /** Haswell: the first model with SSE4.2, POPCNT and BMI. Fathom's code stays within x86-64-v2. */
  x86_64: { architecture: 4, mode: 8, cpu: 19 },
  /** Cortex-A9, A32 instructions. */
  armv7: { architecture: 1, mode: 0, cpu: 16 },
} as const satisfies Record<TargetName, { architecture: number; mode: number; cpu: number }>;

/** `uc_control_type`, with the direction and argument count that `uc_ctl` wants in the upper bits. */
export const CONTROL = {
  useExits: 0x44000004,
  setExits: 0x48000006,
  setCpuModel: 0x44000007,
  requestBlock: 0xc8000008,
  removeBlocks: 0x48000009,
  flushTlb: 0x4000000b,
  setTlbType: 0x4400000c,
  setBufferSize: 0x4400000d,
} as const;

/** `uc_tlb_type`: addresses are translated by our own hook, which knows every region's size and access. */
export const TLB_VIRTUAL = 1;

/** `uc_hook_type` bits. */
export const HOOK = {
  interrupt: 1 << 0,
  instruction: 1 << 1,
  code: 1 << 2,
  block: 1 << 3,
  tlbFill: 1 << 17,
} as const;

/** `UC_X86_INS_SYSCALL`, the instruction that `HOOK.instruction` is asked for. */
export const X86_SYSCALL = 699;

/** `uc_mem_type` as the TLB hook reports it, to the kind of access. */
export const MEMORY_ACCESS: Readonly<Record<number, 'read' | 'write' | 'fetch'>> = {
  16: 'read',
  17: 'write',
  18: 'fetch',
};

/** `uc_err` values with a meaning of their own here. */
export const ERROR = { invalidInstruction: 10, exception: 21 } as const;

/** Names of `uc_err`, for messages. */
export const ERROR_NAMES = [
  'no error',
  'out of memory',
  'unsupported architecture',
  'invalid handle',
  'unsupported mode',
  'wrong version',
  'read from unmapped memory',
  'write to unmapped memory',
  'fetch from unmapped memory',
  'invalid hook',
  'invalid instruction',
  'invalid memory mapping',
  'write to protected memory',
  'read from protected memory',
  'fetch from protected memory',
  'invalid argument',
  'unaligned read',
  'unaligned write',
  'unaligned fetch',
  'hook exists',
  'insufficient resources',
  'unhandled exception',
  'buffer too small',
] as const;

/**
 * The general registers in the order a `Core` keeps them, with Unicorn's number of each. The program
 * counter is last: starting sets it, so it is never among those written.
 */
export const GENERAL_REGISTERS = {
  x86_64: {
    rax: 35,
    rcx: 38,
    rdx: 40,
    rbx: 37,
    rsp: 44,
    rbp: 36,
    rsi: 43,
    rdi: 39,
    r8: 106,
    r9: 107,
    r10: 108,
    r11: 109,
    r12: 110,
    r13: 111,
    r14: 112,
    r15: 113,
    rflags: 253,
    rip: 41,
  },
  armv7: {
    r0: 66,
    r1: 67,
    r2: 68,
    r3: 69,
    r4: 70,
    r5: 71,
    r6: 72,
    r7: 73,
    r8: 74,
    r9: 75,
    r10: 76,
    r11: 77,
    r12: 78,
    sp: 12,
    lr: 10,
    cpsr: 3,
    pc: 11,
  },
} as const satisfies Record<TargetName, Record<string, number>>;

/**
 * Registers read and written one at a time: vectors (xmm0.. and q0.., sixteen bytes each), MXCSR or FPSCR with
 * its value when a process starts, FS.base or TPIDRURO.
 */
export const OTHER_REGISTERS = {
  x86_64: { vector: 122, vectors: 16, floatControl: 249, floatControlAtStart: 0x1f80, threadPointer: 250 },
  armv7: { vector: 50, vectors: 16, floatControl: 6, floatControlAtStart: 0, threadPointer: 113 },
} as const;

/** What makes the Cortex-A9 model ready for user code with VFP and NEON (ARM ARM B1.3, B1.11, B4.1.40). */
export const ARM_STARTUP = {
  /** `UC_ARM_REG_CP_REG` with CPACR (coprocessor 15, c1, c0, opc2 2): full access to CP10 and CP11. */
  coprocessor: { register: 139, number: 15, crn: 1, crm: 0, opc1: 0, opc2: 2, value: 0xf00000 },
  /** FPEXC.EN. */
  fpexc: { register: 4, value: 0x40000000 },
  /** User mode, A32, interrupts enabled. */
  cpsr: { register: 3, value: 0x10 },
} as const;
