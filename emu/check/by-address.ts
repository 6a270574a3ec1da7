/** Bytes of code that one page of the table covers, as a power of two. */
const pageBits = 12;
const pageMask = (1 << pageBits) - 1;

/**
 * What is known of code addresses, made when an address is first asked for: a look-up costs two array accesses, where a map of
 * numbers beyond 31 bits costs a hash of each.
 */
export class ByAddress<T> {
  private readonly pages = new Map<number, (T | undefined)[]>();
  private readonly make: (address: number) => T;
  private number = -1;
  private page: (T | undefined)[] = [];

  constructor(make: (address: number) => T) {
    this.make = make;
  }

  at(address: number): T {
    const number = Math.floor(address / (1 << pageBits));
    if (number !== this.number) {
      this.number = number;
      this.page = this.pageOf(number);
    }
    const found = this.page[address & pageMask];
    return found === undefined ? this.add(address) : found;
  }

  private pageOf(number: number): (T | undefined)[] {
    const known = this.pages.get(number);
    if (known !== undefined) return known;
    const made = new Array<T | undefined>(1 << pageBits).fill(undefined);
    this.pages.set(number, made);
    return made;
  }

  private add(address: number): T {
    const made = this.make(address);
    this.page[address & pageMask] = made;
    return made;
  }
}
