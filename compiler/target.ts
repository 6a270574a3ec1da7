import type { Assembler } from './backend/assembler.ts';
import type { MBlock, Mem, MFunction, MInst, RegClass } from './backend/machine.ts';
import type { Selector } from './backend/selector.ts';
import type { LoadRelocation } from './image/image.ts';
import type { Callee, Inst } from './ir/function.ts';
import type { Type } from './ir/types.ts';
import type { Publication } from './stack/scheme.ts';

/**
 * A target instruction set, handed to compile() as a value: data, and a dozen functions without an order to
 * remember. All of them but `emitPrologue` and `emitEpilogue` are independent of one another.
 */
export interface Target {
  readonly name: TargetName;
  /** The machine word in SSA: addresses and references have this type. */
  readonly word: typeof Type.i32 | typeof Type.i64;
  readonly wordBytes: 4 | 8;
  readonly registers: RegisterFile;
  /** Indexed by MInst.op. Target files add columns of their own (encodings). */
  readonly instructions: readonly InstructionInfo[];
  readonly memory: MemoryModel;
  readonly lowering: Lowering;
  /** True where branches have a short form: emission runs twice, so that Assembler.isNear knows forward distances. */
  readonly shortBranches: boolean;
  /** Indexed by relocation kind: how the loader writes it, or undefined where the linker calls `patch`, the distance being fixed. */
  readonly loadRelocations: readonly (LoadRelocation['kind'] | undefined)[];
  /** Selection rules, indexed by SSA operation number; null: never reaches selection. */
  readonly rules: readonly (SelectionRule | null)[];

  /** Where arguments and results travel. `call_host` uses `nativeLocations`. */
  locations(signature: Callee): SignatureLocations;
  /** The native C convention for word arguments: System V, AAPCS. */
  readonly native: NativeConvention;

  /**
   * Loads or stores a whole value of `type` at `mem`, which is aligned to 8 bytes: stack arguments and results, which take
   * 8 bytes each (v128: 16). Registers may be virtual.
   */
  load(type: Type, def: number, mem: Mem): MInst;
  store(type: Type, use: number, mem: Mem): MInst;
  /** A register-to-register move within a class; both physical. */
  move(cls: RegClass, def: number, use: number): MInst;
  /** Stores a register to, or loads it from, spill slot `slot`. */
  spill(cls: RegClass, use: number, slot: number): MInst;
  reload(cls: RegClass, def: number, slot: number): MInst;
  /**
   * Use number `index` of `inst` (an index into `uses`) was spilled to `slot`: rewrites the instruction to read the slot
   * itself (a memory operand) and returns true, or returns false and leaves it alone. x86-64's; ARMv7 always returns false.
   */
  foldReload(inst: MInst, index: number, slot: number): boolean;
  /** An unconditional jump. */
  jump(block: MBlock): MInst;
  /** Inverts a conditional branch in place; false where the row cannot (then both jumps stay). */
  invert(branch: MInst): boolean;

  /** Improves allocated code in place, where something shows only once registers are known. No block changes its successors. */
  peephole?(func: MFunction): void;

  /** Frame offsets, after allocation: what the prologue, the epilogue and MemArea need. */
  layoutFrame(func: MFunction, publication: Publication): FrameLayout;
  /** Emits entry code, with a frame row after every instruction that changes the frame's description. */
  emitPrologue(func: MFunction, frame: FrameLayout, publication: Publication, asm: Assembler): void;
  /** Emits the exit code of a `return` up to and including the return instruction, with rows likewise. */
  emitEpilogue(func: MFunction, frame: FrameLayout, publication: Publication, asm: Assembler): void;
  /**
   * Emits one instruction (never a pseudo). Where `inst.trap` >= 0 the driver has entered the trap at the instruction's
   * first byte; a conditional trap carries its kind in `imm` instead and branches to `asm.trapStub`.
   */
  emit(inst: MInst, frame: FrameLayout, asm: Assembler): void;
  /** Emits the trapping instruction (ud2, udf) that cold stubs consist of. */
  emitTrap(asm: Assembler): void;
  /** Writes the final distance into a branch or call emitted earlier. `bytes` is the code, `at` the fixup's offset, `to` the target's offset in the same code. */
  patch(bytes: Uint8Array, at: number, kind: number, to: number): void;

  /** Where calls do not reach all of the code. */
  readonly farCall?: FarCall;

  /** What executables need. */
  readonly linux: LinuxTarget;
}

/** How far calls go, and code that goes farther (compiler/image/veneers.ts). */
export interface FarCall {
  /** Relocation kind of calls. */
  readonly kind: number;
  /** Bytes to either side. */
  readonly reach: number;
  /** Emits a jump to function `symbol`, wherever it is, that leaves alone all registers that a call keeps or passes. */
  emitVeneer(asm: Assembler, symbol: number): void;
}

/** A target as Linux runs it (docs/executables.md): numbers of its executables, and the code around the images. */
export interface LinuxTarget {
  /** ELF class, e_machine and e_flags. */
  readonly elfClass: 32 | 64;
  readonly machine: number;
  readonly flags: number;
  readonly pageBytes: number;
  /** Address of the executable's first byte. */
  readonly base: number;
  /** Where memory beyond the file's begins; 0: in turn behind .bss, with gaps between. */
  readonly areas: { readonly stack: number; readonly wasi: number; readonly handler: number };
  /** Bytes behind a memory of the runtime that a 32-bit index and an offset reach: kept without access. */
  readonly memoryGap: number;
  /** Takes the native stack, initialises `wasi` and `handler`, and calls `main` of `wasi`. The frame rows of this and the following serve debuggers. */
  startCode(start: StartCode): Assembler;
  /** What the kernel calls for signals: hands (signal, siginfo, ucontext) to a compiled function in 8-byte slots. */
  signalTrampoline(handler: EntryCall): Assembler;
  /** What the trampoline returns to: the system call rt_sigreturn. */
  signalRestorer(): Assembler;
}

/** A call of a compiled function by its entry adapter: addresses of the adapter, the exec env and the function's descriptor. */
export interface EntryCall {
  readonly adapter: number;
  readonly env: number;
  readonly descriptor: number;
}

export interface StartCode {
  /** End of the native stack, aligned to 16. */
  readonly stackEnd: number;
  /** Of type [] -> []: called before main. */
  readonly inits: readonly EntryCall[];
  /** Of type [i64] -> []: it gets the stack pointer that the kernel gave. */
  readonly main: EntryCall;
}

export type TargetName = 'x86_64' | 'armv7';

export interface RegisterFile {
  /** Printed names by physical number (below 64). */
  readonly names: readonly string[];
  /** Allocatable registers per {@link RegClass}, in order of preference (call-clobbered first). */
  readonly allocatable: readonly (readonly number[])[];
  /** One register per class kept out of allocation for breaking cycles of parallel moves and moving slot to slot. */
  readonly scratch: readonly number[];
  /** Call-saved registers, of all classes. */
  readonly callSaved: readonly number[];
  /** Registers that a wasm or native call may destroy, of all classes, scratch included. */
  readonly callClobbered: readonly number[];
  /** The pinned exec env, the stack pointer, and the register that carries a callee descriptor in `call_ptr`. */
  readonly env: number;
  readonly stackPointer: number;
  readonly descriptor: number;
}

/** Properties of a row of the instruction table that shared code needs. A bit set. */
export const InstFlag = {
  none: 0,
  /** uses[0] and defs[0] must be the same register (two-address forms). The allocator copies where they cannot be. */
  tied: 1,
  /** Defs are written before all uses are read: no use may share a register with a def. */
  earlyClobber: 2,
  call: 4,
  /** Conditional branch to `block`; falls through otherwise. */
  branch: 8,
  jump: 16,
  /** Jump table over `blocks`. */
  switch: 32,
  return: 64,
  /** No instruction may be put between this and the next one of its block (compare and branch). */
  glued: 128,
  /** With `tied`: uses[0] and uses[1] may change places, so that the one that ends here is overwritten. */
  commutative: 256,
} as const;

export interface InstructionInfo {
  readonly name: string;
  readonly flags: number;
}

export interface MemoryModel {
  /** False where a 4 GiB reservation makes every 32-bit index safe: the front end emits no check_bounds. */
  readonly checks: boolean;
  /** Bytes behind the largest size of every memory that fault when touched. */
  readonly guardBytes: number;
}

export interface Lowering {
  /** True: i64 values are split into word pairs before selection (passes/lower64). */
  readonly splitWords: boolean;
  /** Name of the helper function that carries out `inst` on this target, or null if a rule selects it. */
  helper(inst: Inst): string | null;
}

/** Selects one instruction: emits machine instructions that define s.def(inst). See {@link Selector}. */
export type SelectionRule = (s: Selector, inst: Inst) => void;

/** >= 0: a physical register; negative: byte offset ~location in the outgoing (caller) or incoming (callee) stack area. */
export type Location = number;

export interface SignatureLocations {
  readonly params: readonly Location[];
  readonly results: readonly Location[];
  /** Bytes of the outgoing area: stack arguments, then stack results, kept to the stack's alignment. */
  readonly stackBytes: number;
}

export interface NativeConvention {
  readonly params: readonly number[];
  readonly result: number;
}

/** Offsets in bytes from the stack pointer in the function's body. */
export interface FrameLayout {
  /** Stack pointer in the body to the frame's top: the stack pointer's value before the call (the CFA). */
  readonly size: number;
  readonly spillBase: number;
  readonly slotBase: number;
  readonly outgoingBase: number;
  /** Of the record, or -1 where nothing is published. */
  readonly recordOffset: number;
  /** True where this function publishes. */
  readonly publishes: boolean;
}
