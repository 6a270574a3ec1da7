import { armRegister, programCounter, setProgramCounter } from './context';
import { load_u32, load_word, store_u32 } from './fathom';
import { Info, info } from './program-info';

/**
 * VLDR and VSTR of an unaligned address, which a Cortex-A9 refuses (ARM DDI 0406C, A3.2.1) and Linux does not carry out: SIGBUS,
 * BUS_ADRALN. Done here on the registers that the kernel saved, which it loads when the handler returns.
 */

/** Offset of `uc_regspace` in a ucontext and its size: blocks of (magic, size in bytes, data) (arch/arm/include/asm/ucontext.h). */
const regspaceOffset: u64 = 232;
const regspaceBytes: u32 = 512;
/** Block of d0 to d31, then fpscr. */
const vfpMagic: u32 = 0x56465001;
const vfpBytes: u32 = 8 + 32 * 8 + 4;

/** VLDR and VSTR, encodings A1 and A2 (A8.8.333, A8.8.413): cond 1101 U D 0 L Rn Vd 101 size imm8. */
const accessMask: u32 = 0x0f20_0e00;
const accessBits: u32 = 0x0d00_0a00;

/**
 * Carries the instruction at the program counter out and steps over it, if it is such an access within the app's memory.
 * Otherwise false, and nothing has changed.
 */
export function carryOutVfpAccess(context: u64): bool {
  const pc = programCounter(context);
  const instruction = load_u32(pc);
  if ((instruction & accessMask) !== accessBits) return false;
  const isDouble = (instruction & 0x100) !== 0;
  const isLoad = (instruction & 0x10_0000) !== 0;
  const base = (instruction >>> 16) & 15;
  if (base === 15) return false;
  const offset = (instruction & 0xff) << 2;
  const from = <u32>armRegister(context, base);
  const address = (instruction & 0x80_0000) !== 0 ? from + offset : from - offset;
  if (!isAppMemory(address, isDouble ? 8 : 4)) return false;
  const registers = vfpRegisters(context);
  if (registers === 0) return false;
  const vd = (instruction >>> 12) & 15;
  const d = (instruction >>> 22) & 1;
  // In words: single register n is word n, double register n words 2n and 2n + 1.
  const register = registers + ((isDouble ? (d << 5) | (vd << 1) : (vd << 1) | d) << 2);
  move(register, address, isLoad);
  if (isDouble) move(register + 4, address + 4, isLoad);
  setProgramCounter(context, pc + 4);
  return true;
}

/** A word between a saved register and memory, at any alignment. */
function move(register: u64, address: u32, isLoad: bool): void {
  if (isLoad) store_u32(register, load_u32(address));
  else store_u32(address, load_u32(register));
}

/** Whether bytes lie in the app's memory as large as it is now: nothing else is ever touched for an instruction. */
function isAppMemory(address: u32, bytes: u32): bool {
  const offset = info(Info.memoryOffset);
  if (offset === 0) return false;
  const cell = info(Info.appEnv) + offset;
  const start = <u32>load_word(cell);
  const size = <u32>load_word(cell + 4);
  return address >= start && size >= bytes && address - start <= size - bytes;
}

/** Address of the saved d0, or 0. Other units' blocks may stand before (iWMMXt, or its placeholder). */
function vfpRegisters(context: u64): u64 {
  for (let at: u32 = 0; at + vfpBytes <= regspaceBytes; ) {
    const block = context + regspaceOffset + at;
    const magic = load_u32(block);
    const size = load_u32(block + 4);
    if (magic === vfpMagic) return size >= vfpBytes ? block + 8 : 0;
    if (magic === 0 || size < 8 || size > regspaceBytes) return 0;
    at += size;
  }
  return 0;
}
