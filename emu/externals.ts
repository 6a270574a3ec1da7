import type { FunctionType, RefType, ValueType } from '../compiler/wasm/module.ts';
import { AddressSpaceError, type Region } from './address-space.ts';
import type { ModuleInstance } from './instance.ts';
import type { Machine } from './machine.ts';

/** Bytes of a WebAssembly page. */
export const pageBytes = 65536;

/** Most pages of a memory, whatever its maximum: the address space on x86-64; on ARMv7 the guard needs a page of it. */
export const pageLimit = { x86_64: 65536, armv7: 65535 } as const;

/** Bytes behind every memory that fault when touched. At least the targets' `memory.guardBytes`. */
const memoryGuard = 1 << 20;

/** Most elements of a table: V8's limit. */
export const tableLimit = 10_000_000;

/**
 * Guest addresses first kept for a memory on ARMv7, whatever its maximum: four gigabytes are shared by everything there. A
 * memory that outgrows it moves.
 */
const armReserve = 256 << 20;

/** A linear memory, which any number of instances may share. Each keeps base and size in its exec env. */
export class MemoryInstance {
  readonly machine: Machine;
  readonly shared: boolean;
  /** The declared maximum in pages, if any. */
  readonly maximum: number | undefined;
  /** Current size in pages. */
  pages: number;
  private region: Region;
  /** Addresses in exec envs that repeat base and size. */
  private readonly copies: number[] = [];

  /** @throws RangeError when the machine has no room for it */
  constructor(machine: Machine, minimum: number, maximum: number | undefined, shared: boolean) {
    this.machine = machine;
    this.maximum = maximum;
    this.shared = shared;
    this.pages = minimum;
    if (minimum > this.limit) {
      throw new RangeError(`a memory of ${minimum} pages does not fit on ${machine.target}`);
    }
    this.region = this.allocate(minimum * pageBytes);
  }

  get byteLength(): number {
    return this.pages * pageBytes;
  }

  /** Guest address of byte 0. */
  get base(): number {
    return this.region.address;
  }

  /** The bytes, as JavaScript sees them: the same object until the memory grows, which detaches it. */
  get buffer(): ArrayBufferLike {
    return this.region.buffer;
  }

  /** Grows by `delta` pages; the old size in pages, or -1. The old buffer is detached even when `delta` is 0. */
  grow(delta: number): number {
    const old = this.pages;
    const bytes = (old + delta) * pageBytes;
    if (old + delta > this.limit) return -1;
    if (!this.region.grow(bytes) && !this.move(bytes)) return -1;
    this.pages = old + delta;
    for (const address of this.copies) this.writeCopy(address);
    return old;
  }

  /** From now on keeps the words at `address` (base, size in bytes) up to date. */
  addCopy(address: number): void {
    this.copies.push(address);
    this.writeCopy(address);
  }

  /** Gives its guest addresses back; nothing may use it any more. */
  release(): void {
    this.region.release();
  }

  /** Most pages it can ever have. */
  private get limit(): number {
    return Math.min(this.maximum ?? 65536, pageLimit[this.machine.target]);
  }

  /**
   * On x86-64 any index plus any 32-bit offset must land in the reservation, for nothing is checked. On ARMv7 checks are
   * on the index alone, and the guard catches the rest.
   */
  private allocate(bytes: number): Region {
    const { machine } = this;
    const limit = this.limit * pageBytes;
    const options = { name: 'memory', size: bytes, access: 'rw', shared: this.shared } as const;
    // One page more than it may have makes it a region that could grow, whose buffer nobody else can detach.
    const growable = (maximum: number) => Math.min(Math.max(maximum, bytes + pageBytes), 65536 * pageBytes);
    if (machine.target === 'x86_64') {
      const maximum = growable(limit);
      return machine.space.allocate({ ...options, maximum, reserve: 2 ** 33 + memoryGuard });
    }
    const maximum = growable(Math.min(limit, Math.max(armReserve, bytes)));
    try {
      return machine.space.allocate({ ...options, maximum, guardAfter: memoryGuard });
    } catch (error) {
      if (!(error instanceof AddressSpaceError) || maximum <= bytes) throw error;
      return machine.space.allocate({ ...options, guardAfter: memoryGuard });
    }
  }

  private move(bytes: number): boolean {
    if (this.machine.target === 'x86_64' || this.shared) return false;
    const old = this.region;
    try {
      this.region = this.allocate(bytes);
    } catch (error) {
      if (error instanceof AddressSpaceError || error instanceof RangeError) return false;
      throw error;
    }
    this.region.bytes.set(old.bytes.subarray(0, this.byteLength));
    // Growing by nothing detaches the buffer that JavaScript has seen.
    old.grow(old.size);
    old.release();
    return true;
  }

  private writeCopy(address: number): void {
    this.machine.writeWord(address, this.base);
    this.machine.writeWord(address + this.machine.wordBytes, this.byteLength);
  }
}

/** A table of references: words in guest memory, descriptor addresses or numbers of host values. */
export class TableInstance {
  readonly machine: Machine;
  readonly element: RefType;
  readonly maximum: number | undefined;
  length: number;
  private capacity: number;
  private base: number;
  private readonly copies: number[] = [];

  /** @throws RangeError beyond {@link tableLimit} */
  constructor(
    machine: Machine,
    element: RefType,
    minimum: number,
    maximum: number | undefined,
    initial: number,
  ) {
    if (minimum > tableLimit) throw new RangeError(`a table of ${minimum} elements is too large`);
    this.machine = machine;
    this.element = element;
    this.maximum = maximum;
    this.length = minimum;
    this.capacity = Math.max(minimum, 4);
    this.base = machine.allocate(this.capacity * machine.wordBytes);
    this.fill(0, minimum, initial);
  }

  /** The word of element `index`, which must be below `length`. */
  get(index: number): number {
    return this.machine.readWord(this.base + index * this.machine.wordBytes);
  }

  set(index: number, word: number): void {
    this.machine.writeWord(this.base + index * this.machine.wordBytes, word);
  }

  /** Grows by `delta` elements set to `word`; the old length, or -1. */
  grow(delta: number, word: number): number {
    const old = this.length;
    const length = old + delta;
    if (length > Math.min(this.maximum ?? tableLimit, tableLimit)) return -1;
    if (length > this.capacity) this.move(Math.max(length, Math.min(2 * this.capacity, tableLimit)));
    this.length = length;
    this.fill(old, length, word);
    for (const address of this.copies) this.writeCopy(address);
    return old;
  }

  /** From now on keeps the words at `address` (base, number of elements) up to date. */
  addCopy(address: number): void {
    this.copies.push(address);
    this.writeCopy(address);
  }

  private fill(from: number, to: number, word: number): void {
    for (let index = from; index < to; index++) this.set(index, word);
  }

  private move(capacity: number): void {
    const { machine } = this;
    const bytes = this.length * machine.wordBytes;
    const base = machine.allocate(capacity * machine.wordBytes);
    machine.arena.bytes.copyWithin(
      base - machine.arena.address,
      this.base - machine.arena.address,
      this.base - machine.arena.address + bytes,
    );
    machine.free(this.base, this.capacity * machine.wordBytes);
    this.base = base;
    this.capacity = capacity;
  }

  private writeCopy(address: number): void {
    this.machine.writeWord(address, this.base);
    this.machine.writeWord(address + this.machine.wordBytes, this.length);
  }
}

/** A global's cell: of an instance's exec env, or allocated for a global that JavaScript made. */
export class GlobalInstance {
  readonly machine: Machine;
  readonly type: ValueType;
  readonly mutable: boolean;
  /** Guest address of the cell. */
  readonly cell: number;

  constructor(machine: Machine, type: ValueType, mutable: boolean, cell?: number) {
    this.machine = machine;
    this.type = type;
    this.mutable = mutable;
    this.cell = cell ?? machine.allocate(type === 'v128' ? 16 : 8);
  }
}

/**
 * What a host function does when compiled code calls it: takes arguments from the slots at `slots` and leaves results
 * there. What it throws goes through the compiled frames to whoever called them.
 */
export type HostCode = (slots: number) => void;

/** A function that a descriptor stands for. One object per descriptor, so object identity is function identity. */
export class FunctionInstance {
  readonly machine: Machine;
  /** Guest address of the descriptor. */
  readonly descriptor: number;
  readonly type: FunctionType;
  /** The instance that defines it; null for host functions. */
  readonly owner: ModuleInstance | null;
  /** Index in the owner's function space, or the host function's number. */
  readonly index: number;
  readonly host: HostCode | null;

  constructor(
    machine: Machine,
    descriptor: number,
    type: FunctionType,
    owner: ModuleInstance | null,
    index: number,
    host: HostCode | null,
  ) {
    this.machine = machine;
    this.descriptor = descriptor;
    this.type = type;
    this.owner = owner;
    this.index = index;
    this.host = host;
  }
}

/** What modules import and export. */
export type External = FunctionInstance | TableInstance | MemoryInstance | GlobalInstance;
