/**
 * The true call stack of a core, from the calls and returns it executes and nothing else: what generated code
 * publishes, and what tables say about its frames, is checked against this.
 *
 * It watches every instruction (`observe`, before each). A call that was executed adds an activation; a return
 * that arrives at an activation's return address, with the stack pointer where that activation's caller had it or
 * above, removes it and all inside it. Jumps, tail calls included, change nothing. A host call is an activation,
 * too, of the core's stub.
 *
 * Encodings: Intel SDM volume 2 (CALL, RET); ARM DDI 0406C A8.8.25 (BL), A8.8.26 (BLX), A8.8.27 (BX), A8.8.58 (LDM),
 * A8.8.63 (LDR), A8.8.104 (MOV).
 */
import type { Core } from '../core.ts';

/** One call that has not returned. */
export interface Activation {
  /** The call instruction; -1 for an entry from the host. */
  readonly callSite: number;
  /** Where the call went. */
  readonly callee: number;
  readonly returnAddress: number;
  /** The stack pointer in the caller, before the call. */
  readonly callerSp: number;
}

/** What an instruction does to the stack of calls. */
export const KIND = { other: 0, call: 1, return: 2 } as const;

export type Kind = (typeof KIND)[keyof typeof KIND];

/** `callSite` of an activation that the host made. */
export const FROM_HOST = -1;

export class TrueStack {
  readonly #core: Core;
  readonly #kinds = new Map<number, Kind>();
  readonly #classify: (core: Core, pc: number) => Kind;
  readonly #pushesReturnAddress: boolean;
  readonly #activations: Activation[] = [];
  #previousPc = -1;
  #previousKind: Kind = KIND.other;
  #previousSp = 0;

  constructor(core: Core) {
    this.#core = core;
    this.#pushesReturnAddress = core.target === 'x86_64';
    this.#classify = this.#pushesReturnAddress ? classifyX86 : classifyArm;
  }

  /** The activations, outermost first. The innermost one's function contains the program counter. */
  get activations(): readonly Activation[] {
    return this.#activations;
  }

  /**
   * The host is about to enter at `callee`, as `Core.prepareCall` sets it up: x86-64's return address is on the stack, ARM's in
   * LR. Forgets the instruction observed last: it does not lead here.
   */
  enter(callee: number, returnAddress: number): void {
    const sp = this.#core.sp + (this.#pushesReturnAddress ? this.#core.space.pointerSize : 0);
    this.#activations.push({ callSite: FROM_HOST, callee, returnAddress, callerSp: sp });
    this.#previousKind = KIND.other;
  }

  /**
   * The host takes the core elsewhere, as after a trap or an exception: activations whose caller had its stack
   * pointer at or below `sp` are gone.
   */
  unwindTo(sp: number): void {
    while (this.#activations.length > 0 && this.#innermost().callerSp <= sp) this.#activations.pop();
    this.#previousKind = KIND.other;
  }

  /** Says that code was replaced: classifications of instructions are forgotten. */
  codeChanged(): void {
    this.#kinds.clear();
  }

  /** What the instruction at `pc` is. Between two that are `other`, `observe` learns nothing that it must know. */
  kindAt(pc: number): Kind {
    return this.#core.space.find(pc) ? this.#classify(this.#core, pc) : KIND.other;
  }

  /** Looks at the core before it executes its next instruction, and after every run that ends otherwise. */
  observe(): void {
    const core = this.#core;
    const pc = core.pc;
    const sp = core.sp;
    if (this.#previousKind === KIND.call) this.#called(pc, sp);
    else if (this.#previousKind === KIND.return) this.#returned(pc, sp);
    let kind = this.#kinds.get(pc);
    if (kind === undefined) {
      kind = this.kindAt(pc);
      this.#kinds.set(pc, kind);
    }
    this.#previousPc = pc;
    this.#previousKind = kind;
    this.#previousSp = sp;
  }

  #called(pc: number, sp: number): void {
    const core = this.#core;
    let returnAddress: number;
    if (this.#pushesReturnAddress) {
      // A call that faulted pushed nothing.
      if (sp !== this.#previousSp - 8) return;
      returnAddress = core.space.readPointer(sp);
    } else {
      // A conditional call that was not taken goes on behind itself.
      returnAddress = this.#previousPc + 4;
      if (pc === returnAddress || pc === this.#previousPc) return;
    }
    this.#activations.push({
      callSite: this.#previousPc,
      callee: pc,
      returnAddress,
      callerSp: this.#previousSp,
    });
  }

  #returned(pc: number, sp: number): void {
    for (let index = this.#activations.length - 1; index >= 0; index--) {
      const { returnAddress, callerSp } = this.#activations[index];
      if (sp < callerSp) return;
      if (pc === returnAddress) {
        this.#activations.length = index;
        return;
      }
    }
  }

  #innermost(): Activation {
    return this.#activations[this.#activations.length - 1];
  }
}

/** CALL rel32, CALL r/m64; RET, RET imm16; any prefixes before. */
function classifyX86(core: Core, pc: number): Kind {
  const { space } = core;
  let at = pc;
  let byte = space.readU8(at);
  while (isX86Prefix(byte)) byte = space.readU8(++at);
  if (byte === 0xe8) return KIND.call;
  if (byte === 0xff) return ((space.readU8(at + 1) >> 3) & 7) === 2 ? KIND.call : KIND.other;
  return byte === 0xc3 || byte === 0xc2 ? KIND.return : KIND.other;
}

/** REX, operand size, segment overrides (CET's NOTRACK is one), REP and BND. */
function isX86Prefix(byte: number): boolean {
  return (
    (byte & 0xf0) === 0x40 ||
    byte === 0x66 ||
    byte === 0xf2 ||
    byte === 0xf3 ||
    (byte & 0xe7) === 0x26 ||
    byte === 0x64 ||
    byte === 0x65
  );
}

/** A32 patterns, without their condition: {mask, bits, kind}. */
const ARM_PATTERNS: readonly (readonly [mask: number, bits: number, kind: Kind])[] = [
  /** BL label. */
  [0x0f000000, 0x0b000000, KIND.call],
  /** BLX register. */
  [0x0ffffff0, 0x012fff30, KIND.call],
  /** BX lr. */
  [0x0fffffff, 0x012fff1e, KIND.return],
  /** MOV pc, lr. */
  [0x0fffffff, 0x01a0f00e, KIND.return],
  /** LDM with pc in its list, POP included. */
  [0x0e108000, 0x08108000, KIND.return],
  /** LDR pc, [sp], #n: POP {pc}. */
  [0x0ffff000, 0x049df000, KIND.return],
];

function classifyArm(core: Core, pc: number): Kind {
  const word = core.space.readU32(pc);
  if (word >>> 28 === 15) return KIND.other;
  for (const [mask, bits, kind] of ARM_PATTERNS) if ((word & mask) === bits) return kind;
  return KIND.other;
}
