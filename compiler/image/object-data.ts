import { InternalError } from '../errors.ts';

/** What a word of an object's data is the address of: a place in a section of the object, or a symbol of the program's. */
export type AddressOf = { readonly section: 'text' | 'rodata' | 'data' } | { readonly symbol: string };

/** A word that the linker writes: the address of `of`, plus `addend`. */
export interface DataRelocation {
  readonly offset: number;
  readonly of: AddressOf;
  readonly addend: number;
}

/** Bytes of a section, taken piece by piece and written at any time, with the addresses in them. Little-endian. */
export class ObjectData {
  private buffer = new Uint8Array(4096);
  private end = 0;
  readonly word: 4 | 8;
  readonly relocations: DataRelocation[] = [];

  constructor(word: 4 | 8) {
    this.word = word;
  }

  get size(): number {
    return this.end;
  }

  /** Offset of `bytes` more bytes, zero at first. */
  take(bytes: number, alignment = 16): number {
    const at = Math.ceil(this.end / alignment) * alignment;
    this.end = at + bytes;
    if (this.end > this.buffer.length) {
      const grown = new Uint8Array(Math.max(this.end, 2 * this.buffer.length));
      grown.set(this.buffer);
      this.buffer = grown;
    }
    return at;
  }

  /** Offset of a copy of `bytes`. */
  add(bytes: Uint8Array, alignment = 16): number {
    const at = this.take(bytes.length, alignment);
    this.buffer.set(bytes, at);
    return at;
  }

  u32(at: number, value: number): void {
    if (at + 4 > this.end) throw new InternalError('a word behind the end of its section');
    new DataView(this.buffer.buffer).setUint32(at, value, true);
  }

  /** A machine word: a natural number below 2^53. */
  putWord(at: number, value: number): void {
    this.u32(at, value);
    if (this.word === 8) this.u32(at + 4, Math.floor(value / 2 ** 32));
  }

  /** A machine word that holds an address. On 32-bit targets the addend stands in its place (`.rel`). */
  address(at: number, of: AddressOf, addend = 0): void {
    if (this.word === 4) this.u32(at, addend);
    this.relocations.push({ offset: at, of, addend });
  }

  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.end);
  }
}
