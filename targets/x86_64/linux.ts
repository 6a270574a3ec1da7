import { Assembler } from '../../compiler/backend/assembler.ts';
import { Mem, MInst } from '../../compiler/backend/machine.ts';
import { ElfMachine } from '../../compiler/elf/constants.ts';
import type { EntryCall, LinuxTarget, StartCode } from '../../compiler/target.ts';
import { emit, emitTrap } from './emit.ts';
import { encodeRegister } from './encode.ts';
import { noFrame } from './frame.ts';
import { instructions, X } from './instructions.ts';
import { Reg } from './registers.ts';

/** rt_sigreturn (arch/x86/entry/syscalls/syscall_64.tbl). */
const sigreturn = 15;

function put(asm: Assembler, op: number, defs: number[], uses: number[], imm = 0, imm2 = 0): void {
  emit(Object.assign(new MInst(op, defs, uses, -1), { imm, imm2 }), noFrame, asm);
}

/** register <- constant of up to 53 bits. */
function constant(asm: Assembler, register: number, value: number): void {
  put(asm, X.mov_i + 1, [register], [], value | 0, Math.floor(value / 2 ** 32));
}

function store(asm: Assembler, base: number, offset: number, register: number): void {
  emit(
    Object.assign(new MInst(X.store + 3, [], [register], -1), { mem: new Mem(base, offset) }),
    noFrame,
    asm,
  );
}

/** Calls adapter(env, descriptor, slots) by the System V convention; the slots are at the stack pointer. */
function callEntry(asm: Assembler, { adapter, env, descriptor }: EntryCall): void {
  constant(asm, Reg.rdi, env);
  constant(asm, Reg.rsi, descriptor);
  put(asm, X.mov + 1, [Reg.rdx], [Reg.rsp]);
  constant(asm, Reg.rax, adapter);
  put(asm, X.call_rm, [], [Reg.rax]);
}

/** Linux on x86-64 (System V ABI, AMD64 supplement, 3.4.1: what a process starts with). */
export const linux: LinuxTarget = {
  elfClass: 64,
  machine: ElfMachine.x86_64,
  flags: 0,
  pageBytes: 4096,
  base: 0x400000,
  areas: { stack: 0x10_0000_0000, wasi: 0x20_0000_0000, handler: 0x30_0000_0000 },
  memoryGap: 2 ** 33,

  startCode({ stackEnd, inits, main }: StartCode): Assembler {
    const asm = new Assembler();
    asm.frame(8, 0, false);
    // The outermost frame, as the ABI asks.
    put(asm, X.zero, [Reg.rbp], []);
    put(asm, X.mov + 1, [Reg.rax], [Reg.rsp]);
    constant(asm, Reg.rsp, stackEnd - 16);
    store(asm, Reg.rsp, 0, Reg.rax);
    for (const init of inits) callEntry(asm, init);
    callEntry(asm, main);
    emitTrap(asm);
    return asm;
  },

  signalTrampoline(handler: EntryCall): Assembler {
    const asm = new Assembler();
    asm.frame(8, 0, false);
    // Three slots, which align the stack, too: it holds the return address above a multiple of 16.
    put(asm, X.sub_i + 1, [Reg.rsp], [Reg.rsp], 24);
    asm.frame(32, 24, false);
    [Reg.rdi, Reg.rsi, Reg.rdx].forEach((register, k) => {
      store(asm, Reg.rsp, 8 * k, register);
    });
    callEntry(asm, handler);
    put(asm, X.add_i + 1, [Reg.rsp], [Reg.rsp], 24);
    asm.frame(8, 0, false);
    put(asm, X.ret, [], []);
    return asm;
  },

  /** Byte for byte what debuggers know signal frames by (gdb, amd64_linux_sigtramp_code). */
  signalRestorer(): Assembler {
    const asm = new Assembler();
    encodeRegister(asm, instructions[X.mov_i + 1], 0, Reg.rax, 0xc7);
    asm.u32(sigreturn);
    // syscall
    asm.byte(0x0f);
    asm.byte(0x05);
    return asm;
  },
};
