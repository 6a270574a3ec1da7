/**
 * The signal frame of x86-64 (arch/x86/kernel/signal_64.c, arch/x86/include/uapi/asm/sigcontext.h), of a kernel without XSAVE:
 * the floating-point state is the 512 bytes of FXSAVE. The x87 registers are shown empty and not restored: generated code has no
 * use for them.
 *
 * struct rt_sigframe { pretcode, ucontext { flags, link, stack, sigcontext, sigmask }, siginfo }
 */
import { SIGINFO_SIZE, SignalFrames } from './frame.ts';
import { SA, type SignalAction, type SignalInfo } from './signals.ts';

const RED_ZONE = 128;

/** Offsets in the frame. */
const FRAME = { flags: 8, stack: 24, context: 48, mask: 304, info: 312, size: 312 + SIGINFO_SIZE };

/** Offsets in struct sigcontext_64 behind the registers. */
const CONTEXT = {
  segments: 144,
  error: 152,
  trap: 160,
  oldMask: 168,
  address: 176,
  fpstate: 184,
  reserved: 192,
};

/** The registers of struct sigcontext_64, eight bytes each. */
const CONTEXT_REGISTERS = [
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
  'rdi',
  'rsi',
  'rbp',
  'rbx',
  'rdx',
  'rax',
  'rcx',
  'rsp',
  'rip',
  'rflags',
] as const;

/** UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS, without UC_FP_XSTATE. */
const UC_FLAGS = 6;
/** Selectors of user code and stack: cs, gs, fs, ss, 16 bits each. */
const SEGMENTS_LOW = 0x33;
const SEGMENTS_HIGH = 0x2b_0000;

/** FXSAVE's area: control word, MXCSR and its mask, xmm registers (Intel SDM volume 1, table 10-2). */
const FXSAVE = {
  control: 0,
  mxcsr: 24,
  mxcsrMask: 28,
  x87: 32,
  xmm: 160,
  behindXmm: 416,
  size: 512,
  alignment: 64,
};
const X87_CONTROL = 0x37f;
const MXCSR_MASK = 0xffff;

/** Flags that a handler begins without: trap, direction, resume. */
const CLEARED_FLAGS = 0x10500;
/** Flags that a frame may set: FIX_EFLAGS without trap and resume; and those that always are: reserved bit 1, interrupts. */
const RESTORED_FLAGS = 0x40cd5;
const FIXED_FLAGS = 0x202;

const VECTOR_BYTES = 256;

export class SignalFramesX86 extends SignalFrames {
  readonly #order: readonly number[] = CONTEXT_REGISTERS.map((name) => this.core.registerNames.indexOf(name));
  readonly #at = Object.fromEntries(this.core.registerNames.map((name, index) => [name, 2 * index]));
  readonly #xmm = this.core.vectors.subarray(0, VECTOR_BYTES);
  readonly #mxcsr = new DataView(this.core.vectors.buffer, VECTOR_BYTES, 4);

  override enter(info: SignalInfo, action: SignalAction): boolean {
    const { core } = this;
    const top = this.stackFor(action, RED_ZONE);
    const area = Math.floor((top - FXSAVE.size) / FXSAVE.alignment) * FXSAVE.alignment;
    const frame = Math.floor((area - FRAME.size) / 16) * 16 - 8;
    if (this.overflows(frame) || !(action.flags & SA.RESTORER)) return false;
    if (!this.reach(frame, area + FXSAVE.size - frame, 'w')) return false;
    this.#putVectors(area);
    this.putWord(frame, action.restorer);
    this.putWord(frame + FRAME.flags, UC_FLAGS);
    this.putWord(frame + FRAME.flags + 8, 0);
    this.putStack(frame + FRAME.stack);
    this.#putContext(frame + FRAME.context, area);
    this.putMask(frame + FRAME.mask);
    this.putInfo(frame + FRAME.info, info);

    core.sp = frame;
    core.pc = action.handler;
    core.write('rdi', info.number);
    core.write('rsi', frame + FRAME.info);
    core.write('rdx', frame + FRAME.flags);
    core.write('rax', 0);
    core.words[this.#at.rflags] &= ~CLEARED_FLAGS;
    return true;
  }

  override leave(): boolean {
    const { core } = this;
    const frame = core.sp - 8;
    if (!this.reach(frame, FRAME.size, 'r')) return false;
    this.getMask(frame + FRAME.mask);
    const context = frame + FRAME.context;
    const { words } = core;
    let at = context;
    for (const index of this.#order) {
      words[2 * index] = this.get(at);
      words[2 * index + 1] = this.get(at + 4);
      at += 8;
    }
    words[this.#at.rflags] = (words[this.#at.rflags] & RESTORED_FLAGS) | FIXED_FLAGS;
    words[this.#at.rflags + 1] = 0;
    const area = this.getWord(context + CONTEXT.fpstate);
    this.getStack(frame + FRAME.stack);
    return area === 0 || this.#getVectors(area);
  }

  #putContext(at: number, area: number): void {
    const { words } = this.core;
    const { fault, blockedLow, blockedHigh } = this.signals;
    let slot = at;
    for (const index of this.#order) {
      this.put(slot, words[2 * index]);
      this.put(slot + 4, words[2 * index + 1]);
      slot += 8;
    }
    this.put(at + CONTEXT.segments, SEGMENTS_LOW);
    this.put(at + CONTEXT.segments + 4, SEGMENTS_HIGH);
    this.putWord(at + CONTEXT.error, fault.error);
    this.putWord(at + CONTEXT.trap, fault.trap);
    this.put(at + CONTEXT.oldMask, blockedLow);
    this.put(at + CONTEXT.oldMask + 4, blockedHigh);
    this.putWord(at + CONTEXT.address, fault.address);
    this.putWord(at + CONTEXT.fpstate, area);
    const reserved = at + CONTEXT.reserved - this.base;
    this.bytes.fill(0, reserved, at + FRAME.mask - FRAME.context - this.base);
  }

  #putVectors(area: number): void {
    this.core.readVectors();
    const at = area - this.base;
    this.bytes.fill(0, at, at + FXSAVE.xmm);
    this.bytes.set(this.#xmm, at + FXSAVE.xmm);
    this.bytes.fill(0, at + FXSAVE.behindXmm, at + FXSAVE.size);
    this.put(area + FXSAVE.control, X87_CONTROL);
    this.put(area + FXSAVE.mxcsr, this.#mxcsr.getUint32(0, true));
    this.put(area + FXSAVE.mxcsrMask, MXCSR_MASK);
  }

  #getVectors(area: number): boolean {
    if (!this.reach(area, FXSAVE.size, 'r')) return false;
    const at = area - this.base + FXSAVE.xmm;
    this.#xmm.set(this.bytes.subarray(at, at + VECTOR_BYTES));
    this.#mxcsr.setUint32(0, this.get(area + FXSAVE.mxcsr) & MXCSR_MASK, true);
    this.core.writeVectors();
    return true;
  }
}
