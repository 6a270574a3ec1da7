import { Assembler } from '../../compiler/backend/assembler.ts';
import { Mem } from '../../compiler/backend/machine.ts';
import { ArmFlags, ElfMachine } from '../../compiler/elf/constants.ts';
import type { EntryCall, LinuxTarget, StartCode } from '../../compiler/target.ts';
import { emitConstant, emitTrap, emitWord } from './emit.ts';
import { I } from './instructions.ts';
import { Reg } from './registers.ts';

/** rt_sigreturn (arch/arm/tools/syscall.tbl). */
const sigreturn = 173;

function store(asm: Assembler, base: number, offset: number, register: number): void {
  emitWord(asm, I.str, [], [register], { mem: new Mem(base, offset) });
}

function move(asm: Assembler, to: number, from: number): void {
  emitWord(asm, I.mov_register, [to], [from]);
}

/** Calls adapter(env, descriptor, slots) by AAPCS; the slots are at the stack pointer. */
function callEntry(asm: Assembler, { adapter, env, descriptor }: EntryCall): void {
  emitConstant(asm, Reg.r0, env);
  emitConstant(asm, Reg.r1, descriptor);
  move(asm, Reg.r2, Reg.sp);
  emitConstant(asm, Reg.ip, adapter);
  // blx ip (DDI 0406C A8.8.26)
  asm.u32(0xe12fff30 | Reg.ip);
}

/** Linux on ARM, EABI with floats in VFP registers. */
export const linux: LinuxTarget = {
  elfClass: 32,
  machine: ElfMachine.arm,
  flags: ArmFlags.eabi5 | ArmFlags.hardFloat,
  pageBytes: 4096,
  base: 0x10000,
  areas: { stack: 0, wasi: 0, handler: 0 },
  memoryGap: 2 ** 16,

  startCode({ stackEnd, inits, main }: StartCode): Assembler {
    const asm = new Assembler();
    asm.frame(0, -1, false);
    // No frame above this one.
    emitConstant(asm, Reg.r11, 0);
    emitConstant(asm, Reg.lr, 0);
    move(asm, Reg.r4, Reg.sp);
    emitConstant(asm, Reg.r0, stackEnd - 16);
    move(asm, Reg.sp, Reg.r0);
    store(asm, Reg.sp, 0, Reg.r4);
    store(asm, Reg.sp, 4, Reg.r11);
    for (const init of inits) callEntry(asm, init);
    callEntry(asm, main);
    emitTrap(asm);
    return asm;
  },

  signalTrampoline(handler: EntryCall): Assembler {
    const asm = new Assembler();
    // Two words keep the stack aligned to 8.
    const saved = { imm: (1 << Reg.r4) | (1 << Reg.lr) };
    const returned = { imm: (1 << Reg.r4) | (1 << Reg.pc) };
    asm.frame(0, -1, false);
    emitWord(asm, I.push, [], [], saved);
    asm.frame(8, 4, false);
    emitWord(asm, I.sub_immediate, [Reg.sp], [Reg.sp], { imm: 24 });
    asm.frame(32, 28, false);
    emitConstant(asm, Reg.r3, 0);
    [Reg.r0, Reg.r1, Reg.r2].forEach((register, k) => {
      store(asm, Reg.sp, 8 * k, register);
      store(asm, Reg.sp, 8 * k + 4, Reg.r3);
    });
    callEntry(asm, handler);
    emitWord(asm, I.add_immediate, [Reg.sp], [Reg.sp], { imm: 24 });
    asm.frame(8, 4, false);
    emitWord(asm, I.pop, [], [], returned);
    return asm;
  },

  /** Word for word what debuggers know signal frames by (gdb, ARM_SET_R7_RT_SIGRETURN). */
  signalRestorer(): Assembler {
    const asm = new Assembler();
    emitConstant(asm, Reg.r0 + 7, sigreturn);
    // svc #0 (DDI 0406C A8.8.228)
    asm.u32(0xef000000);
    return asm;
  },
};
