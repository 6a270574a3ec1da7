/**
 * The signal frame of ARM (arch/arm/kernel/signal.c, arch/arm/include/asm/ucontext.h), with the VFP registers.
 *
 * struct rt_sigframe { siginfo, ucontext { flags, link, stack, sigcontext, sigmask, unused, regspace }, retcode[4] }
 */
import { SIGINFO_SIZE, SignalFrames } from './frame.ts';
import { SA, type SignalAction, type SignalInfo } from './signals.ts';

/** Offsets in the frame; `regspace` holds records of further registers. */
const FRAME = {
  flags: SIGINFO_SIZE,
  stack: SIGINFO_SIZE + 8,
  context: SIGINFO_SIZE + 20,
  mask: SIGINFO_SIZE + 104,
  regspace: SIGINFO_SIZE + 232,
  retcode: SIGINFO_SIZE + 744,
  size: SIGINFO_SIZE + 760,
};

/** Offsets in struct sigcontext; r0 to r15, cpsr are 17 words. */
const CONTEXT = { trap: 0, error: 4, oldMask: 8, registers: 12, address: 80 };

/** struct vfp_sigframe: magic, size, d0 to d31, fpscr, fpexc, fpinst, fpinst2. The word behind it ends the records. */
const VFP = { magic: 0, size: 4, registers: 8, fpscr: 264, exceptions: 272, end: 288 };
const VFP_MAGIC = 0x5646_5001;
const FPEXC_ENABLED = 0x4000_0000;

/** In the order of the core's registers: r0 to r12, sp, lr, then cpsr, pc. */
const CPSR = 15;
const PC = 16;

/** Flags, IT bits and E bit, which a handler begins without; T, which its address decides. */
const CLEARED_CPSR = 0xff00_fe20;
const THUMB = 0x20;
/** Mode and interrupt masks; user code has mode 0x10 and no mask. */
const MODE_BITS = 0x1df;
const USER_MODE = 0x10;

const VECTOR_BYTES = 256;

export class SignalFramesArm extends SignalFrames {
  readonly #d = this.core.vectors.subarray(0, VECTOR_BYTES);
  readonly #fpscr = new DataView(this.core.vectors.buffer, VECTOR_BYTES, 4);

  override enter(info: SignalInfo, action: SignalAction): boolean {
    const { core } = this;
    const { words } = core;
    const frame = Math.floor((this.stackFor(action, 0) - FRAME.size) / 8) * 8;
    if (this.overflows(frame) || !(action.flags & SA.RESTORER)) return false;
    if (!this.reach(frame, FRAME.size, 'w')) return false;
    this.putInfo(frame, info);
    this.put(frame + FRAME.flags, 0);
    this.put(frame + FRAME.flags + 4, 0);
    this.putStack(frame + FRAME.stack);
    this.#putContext(frame + FRAME.context);
    this.putMask(frame + FRAME.mask);
    const unused = frame + FRAME.mask + 8 - this.base;
    this.bytes.fill(0, unused, frame + FRAME.regspace - this.base);
    this.#putVectors(frame + FRAME.regspace);

    const thumb = action.handler & 1;
    words[CPSR * 2] = (words[CPSR * 2] & ~CLEARED_CPSR) | (thumb ? THUMB : 0);
    words[0] = info.number;
    words[2] = frame;
    words[4] = frame + FRAME.flags;
    core.sp = frame;
    core.write('lr', action.restorer);
    core.pc = action.handler - thumb;
    return true;
  }

  override leave(): boolean {
    const { core } = this;
    const { words } = core;
    const frame = core.sp;
    if (frame % 8 !== 0 || !this.reach(frame, FRAME.size, 'r')) return false;
    const context = frame + FRAME.context;
    const cpsr = this.get(context + CONTEXT.registers + 64);
    if ((cpsr & MODE_BITS) !== USER_MODE) return false;
    const regspace = frame + FRAME.regspace;
    if (this.get(regspace + VFP.magic) !== VFP_MAGIC || this.get(regspace + VFP.size) !== VFP.end)
      return false;
    this.getMask(frame + FRAME.mask);
    for (let index = 0; index < 15; index++)
      words[2 * index] = this.get(context + CONTEXT.registers + 4 * index);
    words[2 * PC] = this.get(context + CONTEXT.registers + 60);
    words[2 * CPSR] = cpsr;
    const at = regspace - this.base + VFP.registers;
    this.#d.set(this.bytes.subarray(at, at + VECTOR_BYTES));
    this.#fpscr.setUint32(0, this.get(regspace + VFP.fpscr), true);
    core.writeVectors();
    this.getStack(frame + FRAME.stack);
    return true;
  }

  #putContext(at: number): void {
    const { words } = this.core;
    const { fault, blockedLow } = this.signals;
    this.put(at + CONTEXT.trap, fault.trap);
    this.put(at + CONTEXT.error, fault.error);
    this.put(at + CONTEXT.oldMask, blockedLow);
    for (let index = 0; index < 15; index++) this.put(at + CONTEXT.registers + 4 * index, words[2 * index]);
    this.put(at + CONTEXT.registers + 60, words[2 * PC]);
    this.put(at + CONTEXT.registers + 64, words[2 * CPSR]);
    this.put(at + CONTEXT.address, fault.address);
  }

  #putVectors(at: number): void {
    this.core.readVectors();
    this.put(at + VFP.magic, VFP_MAGIC);
    this.put(at + VFP.size, VFP.end);
    this.bytes.set(this.#d, at + VFP.registers - this.base);
    this.put(at + VFP.fpscr, this.#fpscr.getUint32(0, true));
    this.put(at + VFP.fpscr + 4, 0);
    this.put(at + VFP.exceptions, FPEXC_ENABLED);
    this.put(at + VFP.exceptions + 4, 0);
    this.put(at + VFP.exceptions + 8, 0);
    this.put(at + VFP.end - 4, 0);
    this.put(at + VFP.end, 0);
  }
}
