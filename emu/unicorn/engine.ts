/**
 * One Unicorn engine, set up as a user-mode core of a target, and the pool engines come from.
 *
 * Measured with libunicorn 2.1.1 (instructions/s, a loop of loads, stores and arithmetic; x86-64 / Cortex-A9):
 *
 * | set-up | speed | program counter at a fault |
 * |---|---|---|
 * | no hook | 2450 M / 2900 M | stale |
 * | dummy hook on memory accesses | 320 M / 300 M | exact / stale |
 * | code hook over everything (native `ret`) | 240 M / 770 M | exact |
 * | Unicorn's own count | 235 M / 540 M | exact |
 * | **virtual TLB with a native miss hook** | **2490 M / 2910 M** | **exact** |
 *
 * So faults come from the TLB hook, and cost the running code nothing. Stops at addresses (host calls,
 * breakpoints) come from code hooks over just those addresses: 0.25 to 0.35 us a stop, against 3 to 4 us
 * with Unicorn's exit addresses, which are retranslated on every start.
 */
import { arena, returnToArena, takeFromArena } from './arena.ts';
import {
  ARM_STARTUP,
  CONTROL,
  ERROR_NAMES,
  GENERAL_REGISTERS,
  HOOK,
  MODELS,
  OTHER_REGISTERS,
  type TargetName,
  TLB_VIRTUAL,
  X86_SYSCALL,
} from './constants.ts';
import { loadUnicorn, type Unicorn } from './library.ts';
import {
  addressOfBuffer,
  CONTROL_BLOCK,
  mallocUsableSize,
  nativeRoutines,
  REGION_TABLE,
  type Routines,
  runFunction,
  STOPPED,
  viewHostMemory,
} from './native.ts';
import {
  DESCRIPTOR_TABLE_REGISTER,
  descriptorTable,
  USER_MODE_PAGE,
  writeUserModePage,
} from './user-mode.ts';

/** A call into Unicorn failed that cannot fail for any guest program. */
export class EngineError extends Error {
  override name = 'EngineError';
}

/** A translated block: how many instructions and bytes it holds. */
export interface TranslatedBlock {
  readonly instructions: number;
  readonly size: number;
}

/** All general, vector and system registers as they were when saved. */
export interface SavedState {
  readonly context: number;
  readonly values: BigUint64Array;
  readonly held: BigUint64Array;
}

const MAX_POOLED = 16;

const MISSES = CONTROL_BLOCK.misses / 4;

/** Sixteen registers of sixteen bytes on either target. */
const VECTOR_BYTES = 256;

/** Misses before the TLB is first enlarged: eight for each entry; and how often it is, to 65,536 entries. */
const FIRST_MISSES = 2048;
const MAX_TIMES_ENLARGED = 8;
const NO_LIMIT = 2 ** 31 - 1;

/** Bytes for translated code; when it is full, Unicorn starts again. The default is 1 GiB. */
const CODE_BUFFER = 128 << 20;

const pool: Record<TargetName, Engine[]> = { x86_64: [], armv7: [] };

/** Where engines see the arena: at the bottom, see there. */
const ARENA_AT = 0;

/** Host memory that engines see where it is: V8's, which Linux on x86-64 places far above 4 GiB. */
const HOST_BEGIN = 2 ** 32;
const HOST_END = 2 ** 47 - 0x10000;

/**
 * Where engines see a byte of host memory.
 *
 * @throws {EngineError} when it is not where memory for guests comes from
 */
export function physicalAddress(host: number): number {
  const { address, size } = arena();
  if (host >= address && host < address + size) return ARENA_AT + (host - address);
  if (host >= HOST_BEGIN && host < HOST_END) return host;
  throw new EngineError(`host memory at 0x${host.toString(16)} cannot be the guest's`);
}

/** Returns an engine with no regions, all registers zero and no hooks but its own. */
export function acquireEngine(target: TargetName): Engine {
  return pool[target].pop() ?? new Engine(target);
}

/** Gives an engine back. Its owner has removed its hooks and flushed its code. */
export function releaseEngine(engine: Engine): void {
  if (pool[engine.target].length < MAX_POOLED) {
    engine.reset();
    pool[engine.target].push(engine);
  } else {
    engine.close();
  }
}

export class Engine {
  readonly target: TargetName;
  /** The general registers in the order of `GENERAL_REGISTERS`, valid while the engine is stopped. */
  readonly registers: BigUint64Array;
  /** The same as 32-bit halves, low half first: reading a number from here is the fast way. */
  readonly words: Uint32Array;
  /** The control block as 32-bit words; index = byte offset / 4. */
  readonly control: Uint32Array;

  /** Sixteen bytes of each vector register, then MXCSR or FPSCR: valid after `readVectors`, until the engine runs. */
  readonly vectors = new Uint8Array(VECTOR_BYTES + 8);

  readonly #vectorNumbers: Int32Array;
  readonly #vectorPointers: BigUint64Array;
  readonly #unicorn: Unicorn;
  readonly #routines: Routines;
  readonly #handle: number;
  readonly #controlBlock: ArrayBuffer;
  readonly #controlAddress: number;
  readonly #held: BigUint64Array;
  readonly #run: (control: number) => number;
  readonly #blockInfo = new DataView(new ArrayBuffer(16));
  /** Taken before anything ran. */
  readonly #clean: number;
  #freeContexts: SavedState[] = [];
  #timesEnlarged = 0;
  #faultAddress: BigUint64Array | undefined;

  /** @throws {UnicornMissingError} without a libunicorn that serves; {EngineError} when opening fails */
  constructor(target: TargetName) {
    this.target = target;
    this.#unicorn = loadUnicorn();
    this.#routines = nativeRoutines();
    sharedRun ??= runFunction();
    this.#run = sharedRun;
    const model = MODELS[target];
    const handle: [number] = [0];
    this.#check('open', this.#unicorn.open(model.architecture, model.mode, handle));
    this.#handle = handle[0];
    this.#control('CPU model', CONTROL.setCpuModel, 'int', model.cpu);
    this.#control('TLB type', CONTROL.setTlbType, 'int', TLB_VIRTUAL);
    this.#control('code buffer', CONTROL.setBufferSize, 'uint32_t', CODE_BUFFER);
    // With exits enabled and none set, starting does not have to invalidate the block at `until`.
    this.#control('exits', CONTROL.useExits, 'int', 1);

    this.#controlBlock = new ArrayBuffer(CONTROL_BLOCK.size);
    this.#controlAddress = addressOfBuffer(this.#controlBlock);
    this.control = new Uint32Array(this.#controlBlock);
    const numbers = Object.values(GENERAL_REGISTERS[target]);
    const { values, held } = CONTROL_BLOCK;
    this.registers = new BigUint64Array(this.#controlBlock, values, numbers.length);
    this.words = new Uint32Array(this.#controlBlock, values, numbers.length * 2);
    this.#held = new BigUint64Array(this.#controlBlock, held, numbers.length);
    const { vector, vectors, floatControl } = OTHER_REGISTERS[target];
    const indexes = Array.from({ length: vectors }, (_, index) => index);
    this.#vectorNumbers = Int32Array.from([...indexes.map((index) => vector + index), floatControl]);
    const vectorFile = addressOfBuffer(this.vectors.buffer);
    this.#vectorPointers = BigUint64Array.from([...indexes, vectors], (index) =>
      BigInt(vectorFile + index * 16),
    );
    this.#fillControlBlock(numbers);
    this.#mapHost();
    this.#addOwnHooks();
    this.#startUp();
    this.reset();
    this.#clean = this.save().context;
    invalidAddressOffset ??= findInvalidAddress(this);
    if (invalidAddressOffset >= 0) {
      this.#faultAddress = new BigUint64Array(viewHostMemory(this.#handle + invalidAddressOffset, 8));
    }
  }

  /** Where Unicorn's own structure of this engine is, and how long. */
  get structure(): { address: number; size: number } {
    return { address: this.#handle, size: mallocUsableSize(this.#handle) };
  }

  /** Makes the engine see the regions of this table (`REGION_TABLE`) and no other memory. */
  useRegions(table: number): void {
    this.#setControl(CONTROL_BLOCK.regions, table);
  }

  /** Runs from the program counter in `registers` until a hook or a fault stops it; returns a `uc_err`. */
  run(): number {
    return this.#run(this.#controlAddress);
  }

  /** Whether so many accesses missed the TLB that `enlargeTlb` is due. */
  get tlbIsSmall(): boolean {
    return (this.control[MISSES] | 0) <= 0;
  }

  /** The exact address of the last memory fault. */
  get faultAddress(): number {
    return this.#faultAddress ? Number(this.#faultAddress[0]) : this.missedPage;
  }

  /** The page of the last access that no TLB entry served. */
  get missedPage(): number {
    const at = CONTROL_BLOCK.missedPage / 4;
    return this.control[at] + this.control[at + 1] * 2 ** 32;
  }

  /**
   * Drops the code translated from `begin..end`: needed when code changes or goes, and, over all code, when
   * hooks come or go. 0.1 us a block; the range must still be mapped. (Unicorn's flush of everything
   * clears the whole translation buffer, 100 ms and more.)
   */
  flushBlocks(begin: number, end: number): void {
    this.#control('flush code', CONTROL.removeBlocks, 'uint64_t', begin, 'uint64_t', end);
  }

  /** Drops all cached translations of addresses: needed when memory goes or loses an access. */
  flushTlb(): void {
    this.#control('flush addresses', CONTROL.flushTlb);
    this.#watchMisses(0);
  }

  /**
   * Unicorn's TLB starts with 256 entries and doubles only when it is flushed while most are in use, which a
   * program alone never does. So it is to be flushed at a stop after so many misses: random accesses in 16 MiB go from
   * 4 to 100 M/s on x86-64, from 4 to 50 M/s on ARM. A run without any stop keeps the TLB it began with.
   */
  enlargeTlb(): void {
    const times = this.#timesEnlarged + 1;
    this.#control('flush addresses', CONTROL.flushTlb);
    this.#watchMisses(times);
  }

  #watchMisses(timesEnlarged: number): void {
    this.#timesEnlarged = timesEnlarged;
    const misses = timesEnlarged < MAX_TIMES_ENLARGED ? FIRST_MISSES << timesEnlarged : NO_LIMIT;
    this.control[MISSES] = misses;
  }

  /** Installs a native code or block hook for addresses `begin..last`, both included. Flush afterwards. */
  addHook(kind: 'code' | 'block', routine: keyof Routines, begin = 1, last = 0): number {
    return this.#addHook(HOOK[kind], routine, begin, last);
  }

  /** Removes a hook. Flush afterwards. */
  removeHook(hook: number): void {
    this.#check('remove hook', this.#unicorn.deleteHook(this.#handle, hook));
  }

  /** Looks up, or makes, the translation of the code at an address. */
  block(address: number): TranslatedBlock {
    const info = this.#blockInfo;
    this.#control('translate', CONTROL.requestBlock, 'uint64_t', address, 'void*', info);
    return { instructions: info.getUint16(8, true), size: info.getUint16(10, true) };
  }

  /**
   * Makes blocks that are translated from now on end in front of these addresses; a run stops there, with no error. One that begins at an
   * address of these does nothing.
   */
  endBlocksAt(addresses: BigUint64Array): void {
    this.#control('exits', CONTROL.setExits, 'void*', addresses, 'size_t', addresses.length);
  }

  /** Makes blocks end where branches are, as ever. */
  endBlocksAnywhere(): void {
    this.#control('exits', CONTROL.setExits, 'void*', new BigUint64Array(1), 'size_t', 0);
  }

  /**
   * How many instructions lie between the start of a block and an address inside it, without a decoder:
   * translates the block with an exit there. 0.1 ms.
   */
  instructionsBefore(block: number, address: number): number {
    if (this.target === 'armv7') return (address - block) / 4;
    this.endBlocksAt(new BigUint64Array([BigInt(address)]));
    this.flushBlocks(block, block + 1);
    // The exit counts as an instruction.
    const { instructions } = this.block(block);
    this.endBlocksAnywhere();
    this.flushBlocks(block, block + 1);
    return instructions - 1;
  }

  /**
   * Makes the engine forget that an exception was raised: x86 turns a second one into a double fault, and a third
   * into a reset, because only the processor's own handling of an exception, which never happens here, ends it.
   */
  forgetException(): void {
    if (this.target !== 'x86_64') return;
    const { vector, vectors, floatControl, threadPointer } = OTHER_REGISTERS.x86_64;
    const kept = [
      floatControl,
      threadPointer,
      ...Array.from({ length: vectors }, (_, index) => vector + index),
    ];
    const values = kept.map((register) => {
      const value = new Uint8Array(16);
      this.readRegister(register, value);
      return value;
    });
    this.#check('restore', this.#unicorn.restoreContext(this.#handle, this.#clean));
    for (const [index, register] of kept.entries()) this.writeRegister(register, values[index]);
    this.#held.fill(NOTHING_HELD);
  }

  /** Saves every register. 0.3 us. Each saved state is restored or discarded once. */
  save(): SavedState {
    let state = this.#freeContexts.pop();
    if (!state) {
      const context: [number] = [0];
      this.#check('context', this.#unicorn.allocateContext(this.#handle, context));
      const length = this.registers.length;
      state = { context: context[0], values: new BigUint64Array(length), held: new BigUint64Array(length) };
    }
    this.#check('save', this.#unicorn.saveContext(this.#handle, state.context));
    state.values.set(this.registers);
    state.held.set(this.#held);
    return state;
  }

  /** Restores what `save` saved; the state must not be used again. */
  restore(state: SavedState): void {
    this.#check('restore', this.#unicorn.restoreContext(this.#handle, state.context));
    this.registers.set(state.values);
    this.#held.set(state.held);
    this.discard(state);
  }

  /** Gives back a saved state that will not be restored. */
  discard(state: SavedState): void {
    this.#freeContexts.push(state);
  }

  /** Reads one register by its Unicorn number into `value`. */
  readRegister(register: number, value: ArrayBufferView): void {
    this.#check('read register', this.#unicorn.readRegister(this.#handle, register, value));
  }

  writeRegister(register: number, value: ArrayBufferView): void {
    this.#check('write register', this.#unicorn.writeRegister(this.#handle, register, value));
  }

  /** Fills `vectors`: 16 registers in one call. */
  readVectors(): void {
    const count = this.#vectorNumbers.length;
    this.#check(
      'read vectors',
      this.#unicorn.readRegisters(this.#handle, this.#vectorNumbers, this.#vectorPointers, count),
    );
  }

  /** Takes over `vectors`. */
  writeVectors(): void {
    const count = this.#vectorNumbers.length;
    this.#check(
      'write vectors',
      this.#unicorn.writeRegisters(this.#handle, this.#vectorNumbers, this.#vectorPointers, count),
    );
  }

  /** Sets all registers to their values at the start of a process. */
  reset(): void {
    this.registers.fill(0n);
    this.#held.fill(NOTHING_HELD);
    if (this.target === 'armv7') this.registers[this.registers.length - 2] = BigInt(ARM_STARTUP.cpsr.value);
    else this.registers[this.registers.length - 2] = X86_RFLAGS_AT_START;
    const { vector, vectors, floatControl, floatControlAtStart, threadPointer } =
      OTHER_REGISTERS[this.target];
    const zero = new Uint8Array(16);
    for (let index = 0; index < vectors; index++) this.writeRegister(vector + index, zero);
    this.writeRegister(threadPointer, zero);
    this.writeRegister(floatControl, new Uint32Array([floatControlAtStart, 0]));
    this.useRegions(noRegions());
    this.flushTlb();
  }

  close(): void {
    for (const { context } of this.#freeContexts) this.#unicorn.freeContext(context);
    this.#unicorn.freeContext(this.#clean);
    this.#freeContexts = [];
    this.#unicorn.close(this.#handle);
  }

  #fillControlBlock(numbers: readonly number[]): void {
    const { pointers, values, numbers: numbersOffset } = CONTROL_BLOCK;
    new Int32Array(this.#controlBlock, numbersOffset).set(numbers);
    for (let index = 0; index < numbers.length; index++) {
      this.#setControl(pointers + index * 8, this.#controlAddress + values + index * 8);
    }
    this.#setControl(CONTROL_BLOCK.engine, this.#handle);
    const programCounter = values + (numbers.length - 1) * 8;
    this.#setControl(CONTROL_BLOCK.programCounter, this.#controlAddress + programCounter);
    this.#setControl(CONTROL_BLOCK.registers, numbers.length);
    this.#setControl(CONTROL_BLOCK.writable, numbers.length - 1);
    this.#setControl(CONTROL_BLOCK.emuStart, this.#unicorn.symbol('uc_emu_start'));
    this.#setControl(CONTROL_BLOCK.emuStop, this.#unicorn.symbol('uc_emu_stop'));
    this.#setControl(CONTROL_BLOCK.readBatch, this.#unicorn.symbol('uc_reg_read_batch'));
    this.#setControl(CONTROL_BLOCK.writeBatch, this.#unicorn.symbol('uc_reg_write_batch'));
    this.control.fill(0xffff_ffff, CONTROL_BLOCK.passOver / 4, CONTROL_BLOCK.passOver / 4 + 2);
  }

  /**
   * Maps all of the process's memory, once and for good, at the physical addresses that `physicalAddress`
   * gives. Which of it the guest reaches, and where, is up to the region table. (Mapping and unmapping
   * region by region is slower, and Unicorn 2.1's bookkeeping reads freed memory after an unmap.)
   */
  #mapHost(): void {
    const { address, size } = arena();
    const map = (at: number, length: number, host: number) => {
      const all = 7;
      this.#check('map', this.#unicorn.mapPointer(this.#handle, at, length, all, host));
    };
    map(ARENA_AT, size, address);
    // Around the arena, not over it: Unicorn looks up physical addresses by host address, too.
    map(HOST_BEGIN, address - HOST_BEGIN, HOST_BEGIN);
    map(address + size, HOST_END - (address + size), address + size);
  }

  /** The hooks that never change: memory misses, and the traps of the instruction set. */
  #addOwnHooks(): void {
    this.#addHook(HOOK.tlbFill, 'tlbFill', 1, 0);
    this.#addHook(HOOK.interrupt, 'interrupt', 1, 0);
    if (this.target === 'x86_64') {
      const { systemCall } = this.#routines;
      const hook: [number] = [0];
      this.#check(
        'system call hook',
        this.#unicorn.addInstructionHook(
          this.#handle,
          hook,
          HOOK.instruction,
          systemCall,
          this.#controlAddress,
          1,
          0,
          'int',
          X86_SYSCALL,
        ),
      );
    }
  }

  #startUp(): void {
    if (this.target === 'x86_64') {
      this.#enterUserMode();
      return;
    }
    const { coprocessor, fpexc, cpsr } = ARM_STARTUP;
    // struct uc_arm_cp_reg: cp, is64, sec, crn, crm, opc1, opc2 (32 bits each), then the value (64 bits).
    const register = new DataView(new ArrayBuffer(40));
    const { number, crn, crm, opc1, opc2, value } = coprocessor;
    for (const [index, field] of [number, 0, 0, crn, crm, opc1, opc2].entries()) {
      register.setUint32(index * 4, field, true);
    }
    register.setBigUint64(32, BigInt(value), true);
    this.writeRegister(coprocessor.register, register);
    this.writeRegister(fpexc.register, new Uint32Array([fpexc.value]));
    this.writeRegister(cpsr.register, new Uint32Array([cpsr.value]));
  }

  /** Runs the few instructions that lead to privilege level 3, and leaves none of their memory behind. */
  #enterUserMode(): void {
    const { address, size, code } = USER_MODE_PAGE;
    const page = takeFromArena(size);
    writeUserModePage(new Uint8Array(page.buffer));
    this.writeRegister(DESCRIPTOR_TABLE_REGISTER, descriptorTable(true));
    const all = 7;
    const offset = physicalAddress(page.address) - address;
    const table = BigUint64Array.from(
      [1, 0, 0, 0, address, address + size, all, offset].map((word) => BigInt(word)),
    );
    this.useRegions(addressOfBuffer(table.buffer));
    this.registers[Object.keys(GENERAL_REGISTERS.x86_64).indexOf('rsp')] = BigInt(address + size);
    this.registers[this.registers.length - 1] = BigInt(address + code);
    const error = this.run();
    if (error !== 0 || this.control[CONTROL_BLOCK.stopped / 4] !== STOPPED.systemCall)
      throw new EngineError('Unicorn does not enter user mode');
    this.flushBlocks(address, address + size);
    this.writeRegister(DESCRIPTOR_TABLE_REGISTER, descriptorTable(false));
    returnToArena(page.address, size);
  }

  #addHook(type: number, routine: keyof Routines, begin: number, last: number): number {
    const hook: [number] = [0];
    const callback = this.#routines[routine];
    this.#check(
      'add hook',
      this.#unicorn.addHook(this.#handle, hook, type, callback, this.#controlAddress, begin, last),
    );
    return hook[0];
  }

  #setControl(offset: number, value: number): void {
    this.control[offset / 4] = value >>> 0;
    this.control[offset / 4 + 1] = Math.floor(value / 2 ** 32);
  }

  /** Points the block hook at its tables: of blocks entered, and of blocks left by a branch. */
  useCounts(entered: number, taken: number): void {
    this.#setControl(CONTROL_BLOCK.counts, entered);
    this.#setControl(CONTROL_BLOCK.taken, taken);
  }

  #control(what: string, request: number, ...typedArguments: unknown[]): void {
    this.#check(what, this.#unicorn.control(this.#handle, request, ...typedArguments));
  }

  #check(what: string, error: number): void {
    if (error !== 0) throw new EngineError(`Unicorn, ${what}: ${ERROR_NAMES[error] ?? `error ${error}`}`);
  }
}

/** Unlike any values that all general registers have: makes the next run write them. */
const NOTHING_HELD = 0xffff_ffff_ffff_ffffn;

/** Reserved bit 1 and the interrupt flag, as a process starts. */
const X86_RFLAGS_AT_START = 0x202n;

let sharedRun: ((control: number) => number) | undefined;
let emptyTable: { buffer: ArrayBuffer; address: number } | undefined;
let invalidAddressOffset: number | undefined;

function noRegions(): number {
  if (!emptyTable) {
    const buffer = new ArrayBuffer(REGION_TABLE.entries);
    emptyTable = { buffer, address: addressOfBuffer(buffer) };
  }
  return emptyTable.address;
}

/**
 * Unicorn tells hooks only the page of a faulting access, but keeps the exact address in its structure.
 * Finds where, by faulting at three known addresses; the answer serves all engines of the process.
 *
 * @returns the byte offset in the structure, or -1 when there is none: fault addresses are then the page's
 */
function findInvalidAddress(engine: Engine): number {
  const code = { x86_64: [0x48, 0x8b, 0x07], armv7: [0x00, 0x10, 0x90, 0xe5] }[engine.target];
  const address = 0x10000;
  const size = 0x1000;
  const memory = takeFromArena(size);
  new Uint8Array(memory.buffer).set(code);
  const readAndExecute = 5;
  const offset = physicalAddress(memory.address) - address;
  const table = new BigUint64Array(
    [1, 0, 0, 0, address, address + size, readAndExecute, offset].map((word) => BigInt(word)),
  );
  engine.useRegions(addressOfBuffer(table.buffer));
  const structure = engine.structure;
  const contents = new BigUint64Array(viewHostMemory(structure.address, structure.size & ~7));
  const pointer = engine.target === 'x86_64' ? 7 : 0;
  let candidates = [...contents.keys()];
  for (const fault of [0x5a3c_1a48n, 0x26d1_73c8n, 0x3f0e_9b54n]) {
    engine.registers[engine.registers.length - 1] = BigInt(address);
    engine.registers[pointer] = fault;
    engine.run();
    candidates = candidates.filter((index) => contents[index] === fault);
  }
  engine.flushBlocks(address, address + size);
  returnToArena(memory.address, size);
  engine.reset();
  return candidates.length > 0 ? candidates[0] * 8 : -1;
}
