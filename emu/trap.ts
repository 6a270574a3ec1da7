import { TrapKind, trapMessages } from '../compiler/ir/types.ts';
import type { TraceFrame } from './trace.ts';

const kindNames = new Map<number, keyof typeof TrapKind>(
  Object.entries(TrapKind).map(([name, kind]) => [kind, name as keyof typeof TrapKind]),
);

/** Compiled code trapped: why and where. What the machine throws; the JavaScript interface makes its errors of it. */
export class Trap extends Error {
  override readonly name = 'Trap';
  readonly kind: TrapKind;
  /** The wasm frames at the trap, innermost first. */
  readonly frames: readonly TraceFrame[];

  constructor(kind: TrapKind, frames: readonly TraceFrame[]) {
    super(trapMessages[kind]);
    this.kind = kind;
    this.frames = frames;
  }

  get kindName(): keyof typeof TrapKind {
    return kindNames.get(this.kind) ?? 'unreachable';
  }
}

/**
 * Compiled code did what compiled code never does: a fault outside of the trap map. A bug of the compiler or the loader,
 * or an image that was tampered with.
 */
export class MachineFault extends Error {
  override readonly name = 'MachineFault';
  /** Guest address of the instruction. */
  readonly pc: number;
  /** The address it accessed, or -1. */
  readonly address: number;

  constructor(message: string, pc: number, address = -1) {
    super(message);
    this.pc = pc;
    this.address = address;
  }
}
