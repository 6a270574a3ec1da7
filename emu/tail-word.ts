import { stackGuardBytes, tailDistance } from '../compiler/abi.ts';
import { type AddressSpace, PAGE_SIZE, type Region } from './address-space.ts';
import { MachineFault } from './trap.ts';
import { Window } from './window.ts';

/**
 * Scheme `tail`: the page below the native stack's guard, whose last word holds `top` for all exec envs of the thread (docs/abi.md).
 * Nothing else of the page is ever written: it is a canary.
 */
export class TailWord {
  /** Lowest address of the stack that goes with it. */
  readonly stackLimit: number;
  private readonly space: AddressSpace;
  private readonly page: Window;
  private readonly wordBytes: 4 | 8;
  private readonly address: number;

  /** @throws AddressSpaceError when there is no room */
  constructor(space: AddressSpace) {
    const region: Region = space.allocate({ name: 'stack tail', size: PAGE_SIZE, access: 'rw' });
    this.space = space;
    this.page = new Window(region.address, region.buffer);
    this.wordBytes = space.pointerSize;
    this.stackLimit = region.address + PAGE_SIZE + stackGuardBytes;
    this.address = this.stackLimit - tailDistance(this.wordBytes);
  }

  read(): number {
    return this.wordBytes === 8 ? this.page.readU64(this.address) : this.page.readU32(this.address);
  }

  write(record: number): void {
    if (this.wordBytes === 8) this.page.writeU64(this.address, record);
    else this.page.writeU32(this.address, record);
  }

  /**
   * For whoever makes an instance whose code publishes here: looks whether the word is free and the guard there.
   * @param idle nothing runs on the thread, so nothing may be published
   * @throws MachineFault if not
   */
  check(idle: boolean): void {
    const { page, address, space, stackLimit } = this;
    const used = page.bytes.subarray(0, address - page.address).some((byte) => byte !== 0);
    if (used || (idle && this.read() !== 0))
      throw new MachineFault('the word for the stack top below the guard is in use', 0, address);
    const end = address + this.wordBytes;
    if (space.regions.some((region) => region.address < stackLimit && region.address + region.size > end))
      throw new MachineFault('the guard between the stack and its last word is gone', 0, end);
  }
}
