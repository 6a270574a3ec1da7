import { load_u32, load_word, store_word, word_bytes } from './fathom';

/**
 * What the kernel tells a signal handler, by offsets of both targets. `ucontext`: arch/x86/include/uapi/asm/sigcontext.h (gregs at 40) and
 * arch/arm/include/uapi/asm/sigcontext.h (mcontext at 20). `siginfo`: include/uapi/asm-generic/siginfo.h; its union begins at
 * 16 where pointers have 8 bytes, at 12 where they have 4.
 */

/** Address of the interrupted instruction. */
export function programCounter(context: u64): u64 {
  return load_word(context + (word_bytes() === 8 ? 168 : 92));
}

/** Makes the interrupted code go on elsewhere. */
export function setProgramCounter(context: u64, pc: u64): void {
  store_word(context + (word_bytes() === 8 ? 168 : 92), pc);
}

/** rsp, sp. */
export function stackPointer(context: u64): u64 {
  return load_word(context + (word_bytes() === 8 ? 160 : 84));
}

/** ARM's lr; 0 on x86-64, which has none. */
export function linkRegister(context: u64): u64 {
  return word_bytes() === 8 ? 0 : load_word(context + 88);
}

/** The exec env register: r15, r10. */
export function pinnedRegister(context: u64): u64 {
  return load_word(context + (word_bytes() === 8 ? 96 : 72));
}

/** One of ARM's r0 to r15. */
export function armRegister(context: u64, register: u32): u64 {
  return load_u32(context + 32 + (register << 2));
}

/** `si_code`: positive from the kernel for what the code did, else how it was sent. */
export function signalCode(information: u64): i32 {
  return <i32>load_u32(information + 8);
}

/** `si_addr` of a fault. */
export function faultAddress(information: u64): u64 {
  return load_word(information + (word_bytes() === 8 ? 16 : 12));
}

/** `si_pid` of a signal that was sent. */
export function senderProcess(information: u64): u32 {
  return load_u32(information + (word_bytes() === 8 ? 16 : 12));
}

/** `si_uid` of a signal that was sent. */
export function senderUser(information: u64): u32 {
  return load_u32(information + (word_bytes() === 8 ? 20 : 16));
}

/** `si_code` of the signals of timer_create's timers. */
const SI_TIMER = -2;

/** `si_overrun`: times that a timer expired since its signal was sent and before it arrived; 0 for what is no timer's. */
export function timerOverruns(information: u64): u32 {
  if (signalCode(information) !== SI_TIMER) return 0;
  return load_u32(information + (word_bytes() === 8 ? 20 : 16));
}

/** `si_value` of a signal sent by `sigqueue`, as an integer. */
export function signalValue(information: u64): i32 {
  return <i32>load_u32(information + (word_bytes() === 8 ? 24 : 20));
}
