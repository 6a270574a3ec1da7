/**
 * One emulated processor core: its registers, and running until something of interest happens.
 *
 * Generated code calls the host like a function, at `hostCallStub`; the run stops there, JavaScript does the
 * work and `returnFromHostCall` continues behind the call. While it works it may run the same core deeper on
 * the same guest stack, between `save` and `restore`. An entry function that returns to `exitStub` ends its
 * run. Both stops cost 0.25 to 0.4 us, the registers' transfer included.
 *
 * Two ways to run: at full speed (above 2000 M instructions/s), or stepping, where an instruction budget makes
 * stops exact. The first run with `maxInstructions` switches to stepping; set `stepping` to
 * go back. Either way the program counter and all registers are exact at every stop, faults included.
 */
import type { AddressSpace, AddressSpaceObserver, Region } from './address-space.ts';
import { BlockCounter, type ExecutedBlock } from './unicorn/block-counter.ts';
import {
  ERROR,
  ERROR_NAMES,
  GENERAL_REGISTERS,
  MEMORY_ACCESS,
  OTHER_REGISTERS,
  type TargetName,
} from './unicorn/constants.ts';
import { acquireEngine, type Engine, EngineError, releaseEngine, type SavedState } from './unicorn/engine.ts';
import { CONTROL_BLOCK, STOPPED, STUB_PAGE } from './unicorn/native.ts';

export type { TargetName };

/** Names of the general registers of either target, as its manual spells them. */
export type RegisterName =
  | keyof (typeof GENERAL_REGISTERS)['x86_64']
  | keyof (typeof GENERAL_REGISTERS)['armv7'];

/** What made a core fault. `interrupt` is any exception without a name of its own here. */
export type FaultKind =
  | 'read'
  | 'write'
  | 'fetch'
  | 'invalid-instruction'
  | 'divide'
  | 'breakpoint-instruction'
  | 'halt'
  | 'interrupt';

/** The core cannot execute the instruction at `pc`. */
export interface Fault {
  readonly reason: 'fault';
  readonly kind: FaultKind;
  /**
   * The faulting instruction; x86's `int3`, `int` and `hlt` report the one behind, as the processor does. For
   * `fetch` the address execution arrived at.
   */
  readonly pc: number;
  /** The exact address whose access failed, for `read`, `write` and `fetch`; otherwise `pc`. */
  readonly address: number;
  /** The exception's number, for `interrupt`. */
  readonly number: number;
}

/** Why a run ended. The program counter is at the next instruction to execute. */
export type Stop =
  /** Execution reached `exitStub`. */
  | { readonly reason: 'exit' }
  /** The guest called `hostCallStub`; the arguments are where the target's C convention puts them. */
  | { readonly reason: 'host-call' }
  /** `maxInstructions` were executed. */
  | { readonly reason: 'count' }
  /** The instruction at one of the breakpoints comes next. */
  | { readonly reason: 'breakpoint'; readonly address: number }
  /** `syscall` or `svc` was executed. */
  | { readonly reason: 'system-call' }
  | Fault;

export interface RunOptions {
  /** Where to start; the program counter when not given. */
  readonly start?: number;
  /** Stop after exactly so many instructions. */
  readonly maxInstructions?: number;
}

const EXIT: Stop = { reason: 'exit' };
const HOST_CALL: Stop = { reason: 'host-call' };
const COUNT: Stop = { reason: 'count' };
const SYSTEM_CALL: Stop = { reason: 'system-call' };

const STUB_PAGE_SIZE = 0x1000;
const STUB_SIZE = 16;
const X86_RET = 0xc3;
const ARM_BX_LR = 0xe12fff1e;

/** More instructions than any run executes, for runs without a limit. */
const UNLIMITED = 2 ** 52;

/** Exceptions by number: Intel SDM volume 3, table 6-1; Unicorn's numbers for ARM (EXCP_SWI, EXCP_BKPT). */
const INTERRUPTS: Readonly<Record<TargetName, Readonly<Record<number, FaultKind | 'system-call'>>>> = {
  x86_64: { 0: 'divide', 3: 'breakpoint-instruction', 6: 'invalid-instruction' },
  armv7: { 1: 'invalid-instruction', 2: 'system-call', 7: 'breakpoint-instruction' },
};

const BUDGET = CONTROL_BLOCK.budget / 4;
const STOP_WORD = CONTROL_BLOCK.stopped / 4;

/** Closes the engines of cores that nobody disposed of. */
const forgotten = new FinalizationRegistry((engine: Engine) => engine.close());

export class Core implements AddressSpaceObserver {
  readonly target: TargetName;
  readonly space: AddressSpace;
  /** Guest address that generated code calls to reach the host. */
  readonly hostCallStub = STUB_PAGE + STUB_SIZE;
  /** Guest address to return to from an entry function. */
  readonly exitStub = STUB_PAGE;
  /**
   * The general registers, in the order of `registerNames`; the flags and the program counter are last. State in
   * the open: what is written here holds when the core runs on.
   */
  readonly registers: BigUint64Array;
  /** The same as 32-bit words, low word first: `words[2 * index]`. */
  readonly words: Uint32Array;

  readonly #engine: Engine;
  readonly #pc: number;
  readonly #sp: number;
  /** Index of LR, on ARM. */
  readonly #linkRegister: number;
  readonly #indexes: Readonly<Record<string, number>>;
  readonly #breakpoints = new Map<number, number>();
  #stubHook: number | undefined;
  #budgetHook: number | undefined;
  #budgetGiven = 0;
  /** Instructions that have a translation of their own. */
  readonly #single = new Set<number>();
  /** Bytes of the shortest instruction, and, for one at hand, where the next may begin: x86's have up to 15 bytes. */
  readonly #instructionBytes: number;
  readonly #ends: BigUint64Array;
  #faultedInPlace = false;
  #counter: BlockCounter | undefined;
  #disposed = false;

  /** @throws {UnicornMissingError} when no libunicorn serves, with advice for the user */
  constructor(space: AddressSpace) {
    this.target = space.target;
    this.space = space;
    this.#engine = acquireEngine(space.target);
    this.#instructionBytes = space.target === 'x86_64' ? 1 : 4;
    this.#ends = new BigUint64Array(space.target === 'x86_64' ? 15 : 1);
    this.registers = this.#engine.registers;
    this.words = this.#engine.words;
    const names = this.registerNames;
    this.#indexes = Object.fromEntries(names.map((name, index) => [name, index]));
    this.#pc = 2 * (names.length - 1);
    this.#sp = 2 * this.#index(this.target === 'x86_64' ? 'rsp' : 'sp');
    this.#linkRegister = names.indexOf('lr');
    if (!space.find(STUB_PAGE)) {
      const stubs = space.allocate({ name: 'stubs', size: STUB_PAGE_SIZE, access: 'rx', address: STUB_PAGE });
      // Never executed, but what a disassembler, or the true stack, should see there: returns.
      if (this.target === 'x86_64') stubs.bytes.fill(X86_RET);
      else new Uint32Array(stubs.buffer, stubs.bytes.byteOffset).fill(ARM_BX_LR);
    }
    space.attach(this);
    forgotten.register(this, this.#engine, this);
    this.#setStubHook(true);
  }

  /** Lets go of the space, so that the engine serves another core. This one must not be used any more. */
  dispose(): void {
    if (this.#disposed) return;
    this.counting = false;
    this.stepping = false;
    this.setBreakpoints([]);
    this.#setStubHook(false);
    this.#flushAllCode();
    this.#disposed = true;
    forgotten.unregister(this);
    this.space.detach(this);
    releaseEngine(this.#engine);
  }

  /** Names of `registers`, index by index. */
  get registerNames(): RegisterName[] {
    return Object.keys(GENERAL_REGISTERS[this.target]) as RegisterName[];
  }

  /** Where execution continues. */
  get pc(): number {
    return this.words[this.#pc] + this.words[this.#pc + 1] * 2 ** 32;
  }

  set pc(address: number) {
    this.words[this.#pc] = address >>> 0;
    this.words[this.#pc + 1] = Math.floor(address / 2 ** 32);
  }

  get sp(): number {
    return this.words[this.#sp] + this.words[this.#sp + 1] * 2 ** 32;
  }

  set sp(address: number) {
    this.words[this.#sp] = address >>> 0;
    this.words[this.#sp + 1] = Math.floor(address / 2 ** 32);
  }

  /** @throws {RangeError} when the target has no such general register */
  read(name: RegisterName): bigint {
    return this.registers[this.#index(name)];
  }

  /** Negative values are taken modulo the register's size. Numbers must be integers; they are faster than bigints. */
  write(name: RegisterName, value: bigint | number): void {
    this.#set(this.#index(name), value);
  }

  /** Sixteen bytes of xmm`index` or q`index`. */
  readVector(index: number): Uint8Array {
    const value = new Uint8Array(16);
    this.#engine.readRegister(this.#vector(index), value);
    return value;
  }

  /** @param bytes sixteen of them */
  writeVector(index: number, bytes: Uint8Array): void {
    if (bytes.length !== 16) throw new RangeError(`a vector register has 16 bytes, not ${bytes.length}`);
    this.#engine.writeRegister(this.#vector(index), bytes);
  }

  /**
   * The vector registers one after the other, sixteen bytes each, and behind them MXCSR or FPSCR: what `readVectors`
   * fills and `writeVectors` takes over, for signal frames. One call of a microsecond in place of seventeen.
   */
  get vectors(): Uint8Array {
    return this.#engine.vectors;
  }

  readVectors(): void {
    this.#engine.readVectors();
  }

  writeVectors(): void {
    this.#engine.writeVectors();
  }

  /** MXCSR or FPSCR: rounding, flush to zero, exception flags. */
  get floatControl(): number {
    const value = new Uint32Array(2);
    this.#engine.readRegister(OTHER_REGISTERS[this.target].floatControl, value);
    return value[0];
  }

  set floatControl(value: number) {
    this.#engine.writeRegister(OTHER_REGISTERS[this.target].floatControl, new Uint32Array([value, 0]));
  }

  /** Base of thread-local storage: FS.base or TPIDRURO. */
  get threadPointer(): number {
    const value = new Uint32Array(2);
    this.#engine.readRegister(OTHER_REGISTERS[this.target].threadPointer, value);
    return value[0] + value[1] * 2 ** 32;
  }

  set threadPointer(address: number) {
    const value = new Uint32Array([address >>> 0, Math.floor(address / 2 ** 32)]);
    this.#engine.writeRegister(OTHER_REGISTERS[this.target].threadPointer, value);
  }

  /**
   * Runs until something of interest happens.
   *
   * @throws {EngineError} when Unicorn fails in a way that no guest program explains
   */
  run({ start, maxInstructions }: RunOptions = {}): Stop {
    if (start !== undefined) this.pc = start;
    if (maxInstructions !== undefined) {
      if (maxInstructions <= 0) return COUNT;
      this.stepping = true;
    }
    if (this.#budgetHook !== undefined) this.#giveBudget(maxInstructions ?? UNLIMITED);
    return this.#go();
  }

  /** Executes one instruction; the fast form of `run({ maxInstructions: 1 })`. */
  step(): Stop {
    if (this.#budgetHook === undefined) this.stepping = true;
    this.#giveBudget(1);
    const { pc } = this;
    return this.#single.has(pc) || this.counting ? this.#go() : this.#goFirst(pc);
  }

  /**
   * A first step from here: the instruction gets a translation of its own. Otherwise each step into a block has the rest of the block translated, which in
   * code of a hundred instructions without a branch takes a hundred times as long.
   */
  #goFirst(pc: number): Stop {
    this.#single.add(pc);
    this.#engine.flushBlocks(pc, pc + 1);
    for (let i = 0; i < this.#ends.length; i++) this.#ends[i] = BigInt(pc + this.#instructionBytes + i);
    this.#engine.endBlocksAt(this.#ends);
    try {
      return this.#go();
    } finally {
      this.#engine.endBlocksAnywhere();
    }
  }

  /** How many instructions the last run executed. Known only while stepping. */
  get executed(): number {
    const control = this.#engine.control;
    const left = control[BUDGET] + control[BUDGET + 1] * 2 ** 32;
    return this.#budgetGiven - left - (this.#faultedInPlace ? 1 : 0);
  }

  /**
   * Sets registers and stack as a C call does that returns to `returnTo`; arguments are the caller's. The stack pointer
   * must be aligned for a call: to 16 bytes on x86-64, to 8 on ARM.
   */
  prepareCall(address: number, returnTo: number = this.exitStub): void {
    if (this.target === 'x86_64') {
      this.sp -= 8;
      this.space.writePointer(this.sp, returnTo);
    } else {
      this.#set(this.#linkRegister, returnTo);
    }
    this.pc = address;
  }

  /**
   * After a 'host-call' stop: returns from the stub to its caller. The caller then runs on.
   *
   * @param result for rax or r0, the first register of either target; a bigint fills r0 and r1 on ARM
   */
  returnFromHostCall(result: bigint | number = 0): void {
    const first = 0;
    this.#set(first, result);
    if (this.target === 'x86_64') {
      this.pc = this.space.readPointer(this.sp);
      this.sp += 8;
    } else {
      if (typeof result === 'bigint') this.#set(first + 1, result >> 32n);
      this.pc = this.words[2 * this.#linkRegister];
    }
  }

  /** Saves all registers, vectors included. Each saved state is restored, or discarded, once. */
  save(): SavedState {
    return this.#engine.save();
  }

  restore(state: SavedState): void {
    this.#engine.restore(state);
  }

  /** Gives back a saved state that will not be restored. */
  discard(state: SavedState): void {
    this.#engine.discard(state);
  }

  /**
   * Code from this address on is left out of stepping: it runs at full speed, and its instructions cost no budget. Host calls and exits
   * are then no stops while stepping. To be set before stepping begins; for code that is never to be stopped in.
   */
  freeFrom: number | undefined;

  /** Whether every instruction is counted against a budget: exact stops, at a fifth of the speed or less. */
  get stepping(): boolean {
    return this.#budgetHook !== undefined;
  }

  set stepping(on: boolean) {
    if (on === this.stepping) return;
    this.#setStubHook(!on);
    if (this.#budgetHook === undefined) {
      const last = this.freeFrom === undefined ? [] : [1, this.freeFrom - 1];
      this.#budgetHook = this.#engine.addHook('code', 'spendBudget', ...last);
    } else {
      this.#engine.removeHook(this.#budgetHook);
      this.#budgetHook = undefined;
    }
    this.#flushAllCode();
  }

  /** Makes runs stop before the instructions at these addresses, and at no others. */
  setBreakpoints(addresses: Iterable<number>): void {
    const wanted = new Set(addresses);
    for (const [address, hook] of this.#breakpoints) {
      if (wanted.delete(address)) continue;
      this.#engine.removeHook(hook);
      this.#breakpoints.delete(address);
      this.#flush(address, address + 1);
    }
    if (wanted.size === 0) return;
    // Hooks run in the order they were added: a breakpoint's stop must come before the budget is spent.
    const stepping = this.stepping;
    this.stepping = false;
    for (const address of wanted) {
      this.#breakpoints.set(address, this.#engine.addHook('code', 'stopHere', address, address));
      this.#flush(address, address + 1);
    }
    this.stepping = stepping;
  }

  /** Whether blocks are counted; turning it on starts from zero. Read the counts before turning it off. */
  get counting(): boolean {
    return this.#counter !== undefined;
  }

  set counting(on: boolean) {
    if (on === this.counting) return;
    if (on) {
      this.#counter = new BlockCounter(this.#engine);
    } else {
      this.#counter?.close();
      this.#counter = undefined;
    }
    this.#flushAllCode();
  }

  /** Exactly how many instructions were executed since `counting` was turned on. */
  instructionsExecuted(): number {
    this.#settle();
    return this.#counter?.instructions ?? 0;
  }

  /** How often each translated block was entered since `counting` was turned on, by address. */
  blockCounts(): ReadonlyMap<number, number> {
    this.#settle();
    return this.#counter?.entries ?? new Map();
  }

  /** The code executed since `counting` was turned on, block by block. See `executionCounts` for a sum over instructions. */
  executedBlocks(): readonly ExecutedBlock[] {
    this.#settle();
    return this.#counter?.blocks ?? [];
  }

  tableMoved(host: number): void {
    this.#engine.useRegions(host);
  }

  codeChanged(begin: number, end: number): void {
    this.#counter?.codeChanged(this.#countedCode());
    this.#flush(begin, end);
  }

  accessChanged(): void {
    this.#engine.flushTlb();
  }

  #set(index: number, value: bigint | number): void {
    const is64 = this.target === 'x86_64';
    if (typeof value === 'bigint') {
      this.registers[index] = BigInt.asUintN(is64 ? 64 : 32, value);
      return;
    }
    this.words[2 * index] = value;
    this.words[2 * index + 1] = is64 ? Math.floor(value / 2 ** 32) : 0;
  }

  #index(name: RegisterName): number {
    const index = this.#indexes[name];
    if (index === undefined) throw new RangeError(`${this.target} has no general register ${name}`);
    return index;
  }

  #vector(index: number): number {
    const { vector, vectors } = OTHER_REGISTERS[this.target];
    if (!(index >= 0 && index < vectors))
      throw new RangeError(`${this.target} has no vector register ${index}`);
    return vector + index;
  }

  /** The hook that ends runs at the stubs, when the budget hook does not. */
  #setStubHook(on: boolean): void {
    if (this.#stubHook !== undefined) this.#engine.removeHook(this.#stubHook);
    const last = STUB_PAGE + STUB_PAGE_SIZE - 1;
    this.#stubHook = on ? this.#engine.addHook('code', 'stopHere', STUB_PAGE, last) : undefined;
  }

  #giveBudget(instructions: number): void {
    this.#budgetGiven = instructions;
    this.#engine.control[BUDGET] = instructions >>> 0;
    this.#engine.control[BUDGET + 1] = Math.floor(instructions / 2 ** 32);
  }

  #go(): Stop {
    if (this.#breakpoints.size > 0) this.#passOverBreakpoint();
    let error = this.#engine.run();
    while (error === 0 && this.#isCutShort()) error = this.#goOn();
    if (this.#engine.tlbIsSmall) this.#engine.enlargeTlb();
    this.#faultedInPlace = false;
    const pc = this.pc;
    const intoStubs = pc - STUB_PAGE;
    if (intoStubs >= 0 && intoStubs < STUB_PAGE_SIZE) return intoStubs === 0 ? EXIT : HOST_CALL;
    switch (this.#engine.control[STOP_WORD]) {
      case STOPPED.budget:
        this.#counter?.cut(pc);
        return COUNT;
      case STOPPED.systemCall:
        return SYSTEM_CALL;
      case STOPPED.address:
        this.#counter?.cut(pc);
        return { reason: 'breakpoint', address: pc };
      case STOPPED.interrupt:
        return this.#interrupted(pc);
      default:
        return this.#faulted(error, pc);
    }
  }

  /** Whether the run is at the end of an instruction's own translation and has instructions left. */
  #isCutShort(): boolean {
    const { control } = this.#engine;
    if (control[STOP_WORD] !== 0 || this.#single.size === 0) return false;
    return control[BUDGET] !== 0 || control[BUDGET + 1] !== 0;
  }

  /** What comes next may have been translated when blocks had to end there: then it does nothing. */
  #goOn(): number {
    this.#engine.flushBlocks(this.pc, this.pc + 1);
    this.#single.delete(this.pc);
    return this.#engine.run();
  }

  /** Lets a run that resumes at a breakpoint execute the instruction there. */
  #passOverBreakpoint(): void {
    const at = CONTROL_BLOCK.passOver / 4;
    const stands = this.#breakpoints.has(this.pc);
    this.#engine.control[at] = stands ? this.words[this.#pc] : 0xffff_ffff;
    this.#engine.control[at + 1] = stands ? this.words[this.#pc + 1] : 0xffff_ffff;
  }

  #interrupted(pc: number): Stop {
    const number = this.#engine.control[CONTROL_BLOCK.interrupt / 4];
    const kind = INTERRUPTS[this.target][number] ?? 'interrupt';
    if (kind === 'system-call') return SYSTEM_CALL;
    this.#engine.forgetException();
    return this.#fault(kind, pc, pc, number);
  }

  #faulted(error: number, pc: number): Stop {
    // The end of an instruction's own translation, which was the last one of the budget.
    if (error === 0 && this.#single.size > 0) return COUNT;
    if (error === 0) return this.#fault('halt', pc, pc, 0);
    if (error === ERROR.invalidInstruction) return this.#fault('invalid-instruction', pc, pc, 0);
    const access = MEMORY_ACCESS[this.#engine.control[CONTROL_BLOCK.missedAccess / 4]];
    if (error !== ERROR.exception || !access) {
      throw new EngineError(`Unicorn stopped at 0x${pc.toString(16)}: ${ERROR_NAMES[error] ?? error}`);
    }
    return this.#fault(access, pc, access === 'fetch' ? pc : this.#engine.faultAddress, 0);
  }

  #fault(kind: FaultKind, pc: number, address: number, number: number): Fault {
    // Everything but a fetch and the traps that the processor reports behind the instruction stops inside a block.
    const behind = kind === 'fetch' || kind === 'halt' || kind === 'interrupt';
    this.#faultedInPlace = !behind && !(kind === 'breakpoint-instruction' && this.target === 'x86_64');
    if (this.#faultedInPlace) this.#counter?.cut(pc);
    return { reason: 'fault', kind, pc, address, number };
  }

  #settle(): void {
    this.#counter?.settle(this.#countedCode());
  }

  #countedCode(): Region[] {
    return this.#code().filter(({ address }) => address !== STUB_PAGE);
  }

  #code(): Region[] {
    return this.space.regions.filter(({ access }) => access.includes('x'));
  }

  #flushAllCode(): void {
    this.#settle();
    this.#single.clear();
    for (const { address, size } of this.#code()) this.#engine.flushBlocks(address, address + size);
  }

  #flush(begin: number, end: number): void {
    if (!this.space.find(begin)?.access.includes('x')) return;
    this.#single.clear();
    this.#engine.flushBlocks(begin, end);
  }
}
