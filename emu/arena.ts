import type { AddressSpace, Region } from './address-space.ts';
import { Window } from './window.ts';

const startBytes = 1 << 20;
const alignment = 16;

/**
 * The guest memory that exec envs, tables, descriptors and cells live in: one region, so that a single set of typed views
 * reads any of them. It grows in place; what is freed serves allocations of the same size again.
 */
export class Arena extends Window {
  private readonly region: Region;
  private next: number;
  private readonly freed = new Map<number, number[]>();

  constructor(space: AddressSpace, maximum: number) {
    const region = space.allocate({ name: 'exec envs', size: startBytes, maximum, access: 'rw' });
    super(region.address, region.buffer);
    this.region = region;
    this.next = region.address;
  }

  /**
   * Zeroed bytes, aligned to 16.
   * @throws RangeError when the arena is full
   */
  allocate(bytes: number): number {
    const size = (Math.max(bytes, 1) + alignment - 1) & -alignment;
    const reused = this.freed.get(size)?.pop();
    if (reused !== undefined) {
      this.bytes.fill(0, reused - this.address, reused - this.address + size);
      return reused;
    }
    const end = this.next + size - this.address;
    if (end > this.region.size) {
      const wanted = Math.min(Math.max(end, 2 * this.region.size), this.region.maximum);
      if (end > wanted || !this.region.grow(wanted))
        throw new RangeError('no room for more tables and instances');
      this.attach(this.region.buffer);
    }
    const at = this.next;
    this.next += size;
    return at;
  }

  /** Gives back what `allocate(bytes)` gave out. */
  free(address: number, bytes: number): void {
    const size = (Math.max(bytes, 1) + alignment - 1) & -alignment;
    const list = this.freed.get(size);
    if (list === undefined) this.freed.set(size, [address]);
    else list.push(address);
  }
}
