/**
 * Guest memory, shared without copies between JavaScript and every core attached to it.
 *
 * A region is a range of guest addresses of which the first `size` bytes exist; around it and between its
 * size and its reserve nothing does, so an access there faults: guard pages cost nothing.
 *
 * A region's bytes are a JavaScript buffer that the cores use where it is. Most come from one arena. What
 * grows, is shared or is large lives in a `WebAssembly.Memory` of the host: V8 reserves its whole range, so
 * growing does not move it, and detaches the buffer of before exactly as the WebAssembly JavaScript API
 * demands; a shared one gives a `SharedArrayBuffer`. Memory of either kind is never given back to the system
 * while a view of it exists, so no view can crash the process.
 *
 * Every access of a core that misses its TLB is checked against one table of regions, which all cores of the
 * space share: growing a region is one store into it.
 */

import { returnToArena, takeFromArena } from './unicorn/arena.ts';
import type { TargetName } from './unicorn/constants.ts';
import { physicalAddress } from './unicorn/engine.ts';
import { addressOfBuffer, REGION_TABLE, viewHostMemory } from './unicorn/native.ts';

/** Granularity of sizes and addresses, in bytes. */
export const PAGE_SIZE = 4096;

/** What cores may do in a region: any of r, w, x, in this order. */
export type Access = 'r' | 'rw' | 'rx' | 'rwx' | 'x' | '';

export interface RegionOptions {
  /** For messages. */
  readonly name: string;
  /** Bytes that exist from the start; rounded up to whole pages. */
  readonly size: number;
  readonly access: Access;
  /** Bytes it may grow to; `size` when not given. At most 4 GiB. */
  readonly maximum?: number;
  /** Bytes of guest addresses kept for it; `maximum` when not given. What is beyond `size` faults. */
  readonly reserve?: number;
  /** Bytes of guest addresses kept free in front and behind. */
  readonly guardBefore?: number;
  readonly guardAfter?: number;
  /** Where it must be; otherwise the first free range. */
  readonly address?: number;
  /** What a chosen address is a multiple of; 64 KiB when not given. */
  readonly align?: number;
  /** Whether `buffer` is to be a `SharedArrayBuffer`. */
  readonly shared?: boolean;
}

/** Told of what invalidates a core's caches. Cores are observers. */
export interface AddressSpaceObserver {
  /** The table of regions, which a core's TLB hook searches, is at this host address. */
  tableMoved(host: number): void;
  /** Code in `begin..end` is about to go or has been rewritten: translations of it are stale. */
  codeChanged(begin: number, end: number): void;
  /** Some access was taken away: remembered translations of addresses are stale. */
  accessChanged(): void;
}

/** No room, or a range that overlaps another region or lies outside the space. */
export class AddressSpaceError extends Error {
  override name = 'AddressSpaceError';
}

/** JavaScript reached for guest memory that does not exist. */
export class GuestAddressError extends Error {
  override name = 'GuestAddressError';
  readonly address: number;

  constructor(address: number, size: number) {
    super(`${size} bytes at ${hex(address)} are not guest memory`);
    this.address = address;
  }
}

/** The host's `WebAssembly.Memory`, of which TypeScript's libraries outside the browser know nothing. */
interface HostMemory {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

const HostMemory = (
  globalThis as unknown as {
    WebAssembly: {
      Memory: new (type: { initial: number; maximum: number; shared: boolean }) => HostMemory;
    };
  }
).WebAssembly.Memory;

const WASM_PAGE_SIZE = 65536;
const MAX_HOST_MEMORY = 2 ** 32;

/** From here on, allocating through the host's WebAssembly is faster: its pages arrive when touched. */
const LARGE = 1 << 20;

/** Guest addresses to allocate from. Code stays below 4 GiB, where 32-bit displacements reach all of it. */
const RANGES: Readonly<Record<TargetName, { code: [number, number]; data: [number, number] }>> = {
  x86_64: { code: [0x1000_0000, 0xf000_0000], data: [0x10_0000_0000, 0x7fff_0000_0000] },
  armv7: { code: [0x10000, 0xf000_0000], data: [0x10000, 0xf000_0000] },
};

const END_OF_CODE = 2 ** 32;

/** Where the upper part of a region that is cut in two finds its bytes. */
interface Cut {
  readonly memory: HostMemory | undefined;
  readonly bytes: Uint8Array;
}

/** A range of guest memory. Made by `AddressSpace.allocate`. */
export class Region {
  readonly name: string;
  readonly address: number;
  readonly spanBegin: number;
  readonly shared: boolean;
  #reserve: number;
  #maximum: number;
  #spanEnd: number;
  readonly #space: AddressSpace;
  readonly #memory: HostMemory | undefined;
  #size: number;
  #access: Access;
  #buffer: ArrayBufferLike;
  #bytes: Uint8Array;
  #view: DataView;
  #host: number;
  #released = false;

  /** @param cut the bytes, when they exist already; otherwise the region takes new ones */
  constructor(space: AddressSpace, options: RegionOptions, address: number, cut?: Cut) {
    this.#space = space;
    this.name = options.name;
    this.address = address;
    this.#size = wholePages(options.size);
    this.#maximum = Math.max(this.#size, wholePages(options.maximum ?? 0));
    this.#reserve = Math.max(this.maximum, options.reserve ?? 0, PAGE_SIZE);
    this.spanBegin = address - (options.guardBefore ?? 0);
    this.#spanEnd = address + this.reserve + (options.guardAfter ?? 0);
    this.shared = options.shared ?? false;
    this.#access = options.access;
    if (cut) {
      this.#memory = cut.memory;
      this.#buffer = cut.bytes.buffer;
      this.#bytes = cut.bytes;
      this.#view = new DataView(cut.bytes.buffer, cut.bytes.byteOffset, cut.bytes.length);
      this.#host = addressOfBuffer(this.#buffer) + cut.bytes.byteOffset;
      if (!cut.memory) forgotten.register(this.#buffer, { host: this.#host, size: this.#size }, this);
      return;
    }
    const executable = this.#access.includes('x');
    if (this.maximum > this.#size || this.shared || (this.#size >= LARGE && !executable)) {
      const pages = (bytes: number) => Math.ceil(bytes / WASM_PAGE_SIZE);
      const type = { initial: pages(this.#size), maximum: pages(this.maximum), shared: this.shared };
      this.#memory = new HostMemory(type);
      this.#buffer = this.#memory.buffer;
      this.#host = addressOfBuffer(this.#buffer);
    } else {
      const { address: host, buffer } = takeFromArena(this.#size);
      this.#buffer = buffer;
      this.#host = host;
      forgotten.register(buffer, { host, size: this.#size }, this);
    }
    this.#bytes = new Uint8Array(this.#buffer);
    this.#view = new DataView(this.#buffer);
  }

  /** Bytes that exist. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that `size` may reach. */
  get maximum(): number {
    return this.#maximum;
  }

  /** Bytes of guest addresses kept for the region, starting at `address`. */
  get reserve(): number {
    return this.#reserve;
  }

  /** End of the kept range with its guards, which begins at `spanBegin`. */
  get spanEnd(): number {
    return this.#spanEnd;
  }

  get access(): Access {
    return this.#access;
  }

  /**
   * The region's bytes; may be longer than `size` when that is no multiple of 64 KiB. Growing detaches it
   * (a shared one stays, at its old length) and makes another.
   */
  get buffer(): ArrayBufferLike {
    return this.#buffer;
  }

  /** All of `buffer`; of a region that was cut in two, its own part. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The same as a view. */
  get view(): DataView {
    return this.#view;
  }

  /** Where the bytes are in this process. */
  get host(): number {
    return this.#host;
  }

  /**
   * Makes the region larger, in place. The new bytes are zero.
   *
   * @param size in bytes; rounded up to whole pages
   * @returns whether there was room: false when `size` exceeds `maximum` or the host has no memory left
   */
  grow(size: number): boolean {
    const wanted = wholePages(size);
    if (wanted < this.#size || wanted > this.maximum || this.#released) return false;
    const pages = Math.ceil(wanted / WASM_PAGE_SIZE) - this.#buffer.byteLength / WASM_PAGE_SIZE;
    if (this.#memory && pages >= 0) {
      try {
        this.#memory.grow(pages);
      } catch {
        return false;
      }
      this.#buffer = this.#memory.buffer;
      this.#bytes = new Uint8Array(this.#buffer);
      this.#view = new DataView(this.#buffer);
    }
    this.#size = wanted;
    const moved = addressOfBuffer(this.#buffer) !== this.#host;
    this.#host = addressOfBuffer(this.#buffer);
    this.#space.regionChanged(moved);
    return true;
  }

  /**
   * Changes what cores may do here.
   *
   * @throws {AddressSpaceError} when the region is to become code but was made to grow, shared or large
   */
  protect(access: Access): void {
    if (access === this.#access) return;
    requireCodeAddress(this.address + this.reserve, access);
    if (this.#memory && access.includes('x')) {
      throw new AddressSpaceError(`${this.name}: this region cannot become code`);
    }
    if (this.#access.includes('x')) this.#space.codeChanged(this.address, this.address + this.#size);
    this.#access = access;
    this.#space.regionChanged(true);
  }

  /** Gives up what is kept beyond the region's size, guards included: it does not grow any more. */
  trim(): void {
    this.#maximum = this.#size;
    this.#reserve = Math.max(this.#size, PAGE_SIZE);
    this.#spanEnd = this.address + this.#reserve;
  }

  /**
   * Cuts the region in two, of which neither grows any more. The bytes stay where they are, and what views of them
   * exist stay valid; this one keeps the lower part.
   *
   * @param address of the upper part: a whole page inside the region
   * @returns the upper part
   * @throws {AddressSpaceError} when the address is no page inside
   */
  split(address: number): Region {
    const offset = address - this.address;
    if (!(offset > 0 && offset < this.#size) || offset % PAGE_SIZE !== 0 || this.#released) {
      throw new AddressSpaceError(`${this.name}: cannot be cut at ${hex(address)}`);
    }
    const length = this.#size - offset;
    let lower = this.#bytes.subarray(0, offset);
    let upper = this.#bytes.subarray(offset, this.#size);
    if (!this.#memory) {
      // Each part has a buffer of its own, with which its memory goes back to the arena.
      forgotten.unregister(this);
      lower = new Uint8Array(viewHostMemory(this.#host, offset));
      upper = new Uint8Array(viewHostMemory(this.#host + offset, length));
      this.#buffer = lower.buffer;
      forgotten.register(this.#buffer, { host: this.#host, size: offset }, this);
    }
    this.#bytes = lower;
    this.#view = new DataView(lower.buffer, lower.byteOffset, lower.length);
    this.#size = offset;
    this.trim();
    const options = { name: this.name, size: length, access: this.#access, shared: this.shared };
    const part = new Region(this.#space, options, address, { memory: this.#memory, bytes: upper });
    this.#space.insert(part);
    return part;
  }

  /** Takes the region out of the space. Its buffer must not be used any more: others may get the memory. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#access.includes('x')) this.#space.codeChanged(this.address, this.address + this.#size);
    this.#space.remove(this);
    if (!this.#memory) {
      forgotten.unregister(this);
      returnToArena(this.#host, this.#size);
    }
  }
}

/** Gives back the memory of regions that nobody released, once nobody has a view of it. */
const forgotten = new FinalizationRegistry(({ host, size }: { host: number; size: number }) => {
  returnToArena(host, size);
});

/** The guest addresses of one program, and the regions in them. */
export class AddressSpace {
  readonly target: TargetName;
  /** Bytes of a pointer. */
  readonly pointerSize: 4 | 8;
  readonly #regions: Region[] = [];
  readonly #observers = new Set<AddressSpaceObserver>();
  readonly #ranges: { code: [number, number]; data: [number, number] };
  #table = new ArrayBuffer(64 * REGION_TABLE.entrySize);
  #tableAddress = 0;
  #last: Region | undefined;

  constructor(target: TargetName) {
    this.target = target;
    this.pointerSize = target === 'x86_64' ? 8 : 4;
    this.#ranges = RANGES[target];
    this.#tableAddress = addressOfBuffer(this.#table);
  }

  /** The regions in order of their addresses. */
  get regions(): readonly Region[] {
    return this.#regions;
  }

  /**
   * Makes a region of zeroed memory.
   *
   * @throws {AddressSpaceError} when there is no room, or not at the address asked for
   * @throws {RangeError} when the host has no memory for it
   */
  allocate(options: RegionOptions): Region {
    const maximum = Math.max(wholePages(options.size), wholePages(options.maximum ?? 0));
    if (maximum > MAX_HOST_MEMORY) {
      throw new AddressSpaceError(`${options.name}: a region holds at most 4 GiB, not ${maximum} bytes`);
    }
    const reserve = Math.max(maximum, options.reserve ?? 0, PAGE_SIZE);
    const before = options.guardBefore ?? 0;
    const after = options.guardAfter ?? 0;
    const address = options.address ?? this.#findRoom(options, before + reserve + after) + before;
    this.#requireFree(options, address - before, address + reserve + after);
    const region = new Region(this, options, address);
    this.insert(region);
    return region;
  }

  /** The region whose existing bytes include this address. */
  find(address: number): Region | undefined {
    const last = this.#last;
    if (last && address >= last.address && address < last.address + last.size) return last;
    const region = this.#regions[this.#indexAfter(address) - 1];
    if (!region || address >= region.address + region.size) return undefined;
    this.#last = region;
    return region;
  }

  /** Tells an observer where the table of regions is, and of all that changes from now on. */
  attach(observer: AddressSpaceObserver): void {
    this.#observers.add(observer);
    observer.tableMoved(this.#tableAddress);
  }

  /** Stops telling it. */
  detach(observer: AddressSpaceObserver): void {
    this.#observers.delete(observer);
  }

  /** @throws {GuestAddressError} here and in all that follow, when the bytes do not exist */
  readU8(address: number): number {
    const region = this.#at(address, 1);
    return region.bytes[address - region.address];
  }

  /** Little-endian, as everything here; the address need not be aligned. */
  readU32(address: number): number {
    const region = this.#at(address, 4);
    return region.view.getUint32(address - region.address, true);
  }

  readU64(address: number): bigint {
    const region = this.#at(address, 8);
    return region.view.getBigUint64(address - region.address, true);
  }

  /** A pointer-sized word as a number; exact up to 2^53, which every address is. */
  readPointer(address: number): number {
    if (this.pointerSize === 4) return this.readU32(address);
    const region = this.#at(address, 8);
    const offset = address - region.address;
    return region.view.getUint32(offset, true) + region.view.getUint32(offset + 4, true) * 2 ** 32;
  }

  writeU8(address: number, value: number): void {
    const region = this.#at(address, 1);
    region.bytes[address - region.address] = value;
    this.#written(region, address, 1);
  }

  writeU32(address: number, value: number): void {
    const region = this.#at(address, 4);
    region.view.setUint32(address - region.address, value, true);
    this.#written(region, address, 4);
  }

  writeU64(address: number, value: bigint): void {
    const region = this.#at(address, 8);
    region.view.setBigUint64(address - region.address, value, true);
    this.#written(region, address, 8);
  }

  writePointer(address: number, value: number): void {
    if (this.pointerSize === 4) {
      this.writeU32(address, value);
      return;
    }
    const region = this.#at(address, 8);
    region.view.setUint32(address - region.address, value >>> 0, true);
    region.view.setUint32(address - region.address + 4, Math.floor(value / 2 ** 32), true);
    this.#written(region, address, 8);
  }

  /** A view of guest bytes, without a copy; valid until the region grows. */
  bytes(address: number, length: number): Uint8Array {
    const region = this.#at(address, length);
    return region.bytes.subarray(address - region.address, address - region.address + length);
  }

  /** A copy of guest bytes. */
  readBytes(address: number, length: number): Uint8Array {
    return this.bytes(address, length).slice();
  }

  writeBytes(address: number, bytes: Uint8Array): void {
    const region = this.#at(address, bytes.length);
    region.bytes.set(bytes, address - region.address);
    this.#written(region, address, bytes.length);
  }

  /**
   * Says that code was rewritten through a view. The `write` methods do it by themselves.
   *
   * @param begin address of the first byte
   * @param end address behind the last
   */
  codeChanged(begin: number, end: number): void {
    for (const observer of this.#observers) observer.codeChanged(begin, end);
  }

  /** For `Region`: sizes or accesses changed; `less` when something became unreachable. */
  regionChanged(less: boolean): void {
    this.#writeTable();
    if (less) for (const observer of this.#observers) observer.accessChanged();
  }

  /** For `Region`: a part of one that was cut in two. */
  insert(region: Region): void {
    this.#regions.splice(this.#indexAfter(region.address), 0, region);
    this.regionChanged(false);
  }

  /** For `Region`: it leaves. */
  remove(region: Region): void {
    this.#regions.splice(this.#regions.indexOf(region), 1);
    if (this.#last === region) this.#last = undefined;
    this.regionChanged(true);
  }

  #at(address: number, size: number): Region {
    const region = this.find(address);
    if (!region || address + size > region.address + region.size) throw new GuestAddressError(address, size);
    return region;
  }

  #written(region: Region, address: number, size: number): void {
    if (region.access.includes('x')) this.codeChanged(address, address + size);
  }

  /** How many regions start at or below the address. */
  #indexAfter(address: number): number {
    let low = 0;
    let high = this.#regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#regions[middle].address <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #findRoom(options: RegionOptions, length: number): number {
    const [begin, end] = options.access.includes('x') ? this.#ranges.code : this.#ranges.data;
    const align = options.align ?? WASM_PAGE_SIZE;
    const before = options.guardBefore ?? 0;
    const candidate = (from: number) => Math.ceil((from + before) / align) * align - before;
    let at = candidate(begin);
    for (const region of this.#regions) {
      if (region.spanEnd <= at) continue;
      if (region.spanBegin >= at + length) break;
      at = candidate(region.spanEnd);
    }
    if (at + length > end) {
      throw new AddressSpaceError(`${options.name}: no ${length} bytes of guest addresses are free`);
    }
    return at;
  }

  #requireFree(options: RegionOptions, begin: number, end: number): void {
    const limit = this.target === 'armv7' ? 2 ** 32 : 2 ** 47;
    requireCodeAddress(end, options.access);
    if (begin < 0 || end > limit || (options.address ?? 0) % PAGE_SIZE !== 0) {
      throw new AddressSpaceError(`${options.name}: ${hex(begin)} to ${hex(end)} cannot be a region`);
    }
    const other = this.#regions.find(({ spanBegin, spanEnd }) => spanBegin < end && begin < spanEnd);
    if (other) {
      throw new AddressSpaceError(`${options.name}: ${hex(begin)} to ${hex(end)} overlaps ${other.name}`);
    }
  }

  #writeTable(): void {
    const { entries, entrySize } = REGION_TABLE;
    const needed = entries + this.#regions.length * entrySize;
    if (needed > this.#table.byteLength) {
      this.#table = new ArrayBuffer(2 * needed);
      this.#tableAddress = addressOfBuffer(this.#table);
      for (const observer of this.#observers) observer.tableMoved(this.#tableAddress);
    }
    const words = new Uint32Array(this.#table);
    const put = (index: number, value: number) => {
      words[index * 2] = value >>> 0;
      words[index * 2 + 1] = Math.floor(value / 2 ** 32);
    };
    for (const [index, region] of this.#regions.entries()) {
      const at = (entries + index * entrySize) / 8;
      put(at, region.address);
      put(at + 1, region.address + region.size);
      put(at + 2, protection(region.access));
      put(at + 3, physicalAddress(region.host) - region.address);
    }
    put(0, this.#regions.length);
  }
}

/** As `uc_prot` numbers them: 1 read, 2 write, 4 execute. */
function protection(access: Access): number {
  return (access.includes('r') ? 1 : 0) | (access.includes('w') ? 2 : 0) | (access.includes('x') ? 4 : 0);
}

function requireCodeAddress(end: number, access: Access): void {
  if (access.includes('x') && end > END_OF_CODE) {
    throw new AddressSpaceError(`code must end below 4 GiB, not at ${hex(end)}`);
  }
}

function wholePages(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
