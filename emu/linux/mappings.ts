/**
 * The mappings of a process, as /proc/<pid>/maps shows them: ranges of pages with one access each.
 *
 * A mapping that was never accessible is a row of a list and costs nothing, however large; the first access
 * given to it makes the region of the address space that holds its bytes. So a reservation of 8 GiB of which the program opens
 * more and more is one region that grows in place. Cutting a mapping cuts its region.
 */
import {
  type Access,
  type AddressSpace,
  AddressSpaceError,
  PAGE_SIZE,
  type Region,
} from '../address-space.ts';
import { SystemCallError } from './errno.ts';

/** A range of pages. With a region, the region covers exactly the range. */
interface Mapping {
  begin: number;
  end: number;
  access: Access;
  region: Region | undefined;
  readonly name: string;
}

/** More bytes than this no mapping makes accessible: what a region can hold. */
const MAX_ACCESSIBLE = 2 ** 32;

/** Bytes rounded up to whole pages. */
export function wholePages(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}

export class Mappings {
  readonly space: AddressSpace;
  /** First address that a program may map, and the one behind the last. */
  readonly lowest: number;
  readonly end: number;
  /** Where to look, downwards, for room for mappings without an address of their own. */
  readonly #searchEnd: number;
  readonly #list: Mapping[] = [];
  #last: Mapping | undefined;

  constructor(space: AddressSpace, limits: { lowest: number; searchEnd: number; end: number }) {
    this.space = space;
    this.lowest = limits.lowest;
    this.end = limits.end;
    this.#searchEnd = limits.searchEnd;
  }

  /** The mapping at an address, whatever its access. */
  find(address: number): Readonly<Mapping> | undefined {
    const last = this.#last;
    if (last && address >= last.begin && address < last.end) return last;
    const mapping = this.#list[this.#firstEndingAfter(address)];
    if (!mapping || mapping.begin > address) return undefined;
    this.#last = mapping;
    return mapping;
  }

  /** Whether anything is mapped in a range. */
  overlaps(begin: number, end: number): boolean {
    const mapping = this.#list[this.#firstEndingAfter(begin)];
    return mapping !== undefined && mapping.begin < end;
  }

  /** The access of a range, if all of it is mapped with the same one. */
  accessOf(begin: number, end: number): Access | undefined {
    const access = this.find(begin)?.access;
    for (let at = begin; at < end; ) {
      const mapping = this.find(at);
      if (!mapping || mapping.access !== access) return undefined;
      at = mapping.end;
    }
    return access;
  }

  /**
   * The highest room of so many bytes below where the stack is, as the kernel looks for it.
   *
   * @throws {SystemCallError} ENOMEM
   */
  findRoom(bytes: number): number {
    let end = this.#searchEnd;
    for (let at = this.#list.length - 1; at >= 0 && end - bytes >= this.lowest; at--) {
      const mapping = this.#list[at];
      if (mapping.begin >= end) continue;
      if (mapping.end <= end - bytes) break;
      end = mapping.begin;
    }
    if (end - bytes < this.lowest) throw new SystemCallError('ENOMEM');
    return end - bytes;
  }

  /**
   * Maps zeroed pages into a range where nothing is mapped.
   *
   * @throws {SystemCallError} ENOMEM when it is too large to be accessible, or the host has no memory
   */
  add(name: string, begin: number, end: number, access: Access): void {
    const mapping: Mapping = { name, begin, end, access: '', region: undefined };
    this.#list.splice(this.#firstEndingAfter(begin), 0, mapping);
    if (access === '') return;
    try {
      this.#open(mapping, end, access);
    } catch (error) {
      this.#list.splice(this.#list.indexOf(mapping), 1);
      throw error;
    }
  }

  /** Unmaps what is mapped in a range of whole pages. */
  remove(begin: number, end: number): void {
    this.#cut(begin);
    this.#cut(end);
    const first = this.#firstEndingAfter(begin);
    let behind = first;
    while (behind < this.#list.length && this.#list[behind].begin < end) behind++;
    for (const { region } of this.#list.splice(first, behind - first)) region?.release();
    this.#last = undefined;
  }

  /**
   * Changes the access of a range of whole pages.
   *
   * @throws {SystemCallError} ENOMEM when a part of it is not mapped
   */
  protect(begin: number, end: number, access: Access): void {
    for (let at = begin; at < end; ) {
      const mapping = this.find(at);
      if (!mapping) throw new SystemCallError('ENOMEM');
      at = mapping.end;
    }
    for (let at = begin; at < end; ) {
      const mapping = this.#list[this.#firstEndingAfter(at)];
      const until = Math.min(mapping.end, end);
      this.#protectPart(mapping, at, until, access);
      at = until;
    }
  }

  #protectPart(mapping: Mapping, begin: number, end: number, access: Access): void {
    if (mapping.access === access) return;
    if (!mapping.region) {
      const before = this.#list[this.#list.indexOf(mapping) - 1];
      if (begin === mapping.begin && before?.end === begin && before.access === access) {
        if (
          before.region &&
          before.region.maximum >= end - before.begin &&
          before.region.grow(end - before.begin)
        ) {
          before.end = end;
          if (end === mapping.end) this.#list.splice(this.#list.indexOf(mapping), 1);
          else mapping.begin = end;
          this.#last = undefined;
          return;
        }
      }
      if (begin > mapping.begin) this.#cut(begin);
      this.#open(this.#list[this.#firstEndingAfter(begin)], end, access);
      return;
    }
    this.#cut(begin);
    this.#cut(end);
    const part = this.#list[this.#firstEndingAfter(begin)];
    part.region?.protect(access);
    part.access = access;
  }

  /**
   * Gives a mapping without a region one, for its first bytes up to `end`. What is behind stays a mapping of its own without
   * access, into which the region can grow.
   */
  #open(mapping: Mapping, end: number, access: Access): void {
    const { begin, name } = mapping;
    const size = end - begin;
    if (size > MAX_ACCESSIBLE) throw new SystemCallError('ENOMEM');
    // A region in front may keep these addresses for its own growth.
    for (const region of this.space.regions) {
      if (region.address < begin && region.spanEnd > begin) region.trim();
    }
    const maximum = Math.min(mapping.end - begin, MAX_ACCESSIBLE);
    try {
      mapping.region = this.space.allocate({ name, address: begin, size, maximum, access });
    } catch (error) {
      if (error instanceof AddressSpaceError || error instanceof RangeError)
        throw new SystemCallError('ENOMEM');
      throw error;
    }
    mapping.access = access;
    if (end === mapping.end) return;
    const rest: Mapping = { name, begin: end, end: mapping.end, access: '', region: undefined };
    mapping.end = end;
    this.#list.splice(this.#list.indexOf(mapping) + 1, 0, rest);
    this.#last = undefined;
  }

  /** Makes `address` a border between mappings, if it lies inside one. */
  #cut(address: number): void {
    const index = this.#firstEndingAfter(address);
    const mapping = this.#list[index];
    if (!mapping || mapping.begin >= address) return;
    const region = mapping.region?.split(address);
    this.#list.splice(index + 1, 0, { ...mapping, begin: address, region });
    mapping.end = address;
    this.#last = undefined;
  }

  /** Index of the first mapping that ends behind the address. */
  #firstEndingAfter(address: number): number {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#list[middle].end > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
