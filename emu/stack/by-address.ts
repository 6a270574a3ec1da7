/** Bytes of code that one page of the table covers, as a power of two. */
const pageBits = 10;
const pageMask = (1 << pageBits) - 1;

/**
 * What is known of code addresses, made when an address is first asked for: a look-up costs two array accesses, where a map of
 * numbers beyond 31 bits costs a hash of each. Nothing is kept for addresses of which nothing is known, however many are asked for.
 */
export class ByAddress<T> {
  private readonly pages = new Map<number, (T | undefined)[]>();
  private readonly make: (address: number) => T;
  private number = -1;
  private page: (T | undefined)[] | undefined;

  /** @param make undefined where nothing is known, or not yet */
  constructor(make: (address: number) => T) {
    this.make = make;
  }

  at(address: number): T {
    const number = Math.floor(address / (1 << pageBits));
    if (number !== this.number) {
      this.number = number;
      this.page = this.pages.get(number);
    }
    return this.page?.[address & pageMask] ?? this.add(address);
  }

  private add(address: number): T {
    const made = this.make(address);
    if (made === undefined) return made;
    if (this.page === undefined) {
      this.page = new Array<T | undefined>(1 << pageBits).fill(undefined);
      this.pages.set(this.number, this.page);
    }
    this.page[address & pageMask] = made;
    return made;
  }
}
