import { InternalError } from '../errors.ts';

/** Addresses handed out in order from a first one on, and the bytes there, zero unless written. Little-endian. */
export class Area {
  readonly start: number;
  private readonly word: 4 | 8;
  private next: number;
  private view: DataView | undefined;

  constructor(start: number, word: 4 | 8) {
    this.start = start;
    this.word = word;
    this.next = start;
  }

  /** First address behind what has been taken. */
  get end(): number {
    return this.next;
  }

  get size(): number {
    return this.next - this.start;
  }

  /** The address of `bytes` more bytes. All of them are to be taken before the first is written. */
  take(bytes: number, alignment = 16): number {
    const at = Math.ceil(this.next / alignment) * alignment;
    this.next = at + bytes;
    return at;
  }

  private at(address: number, bytes: number): { readonly view: DataView; readonly offset: number } {
    this.view ??= new DataView(new ArrayBuffer(this.size));
    const offset = address - this.start;
    if (offset < 0 || offset + bytes > this.view.byteLength)
      throw new InternalError(`address 0x${address.toString(16)} is in another area`);
    return { view: this.view, offset };
  }

  u32(address: number, value: number): void {
    const { view, offset } = this.at(address, 4);
    view.setUint32(offset, value, true);
  }

  /** A natural number below 2^53. */
  u64(address: number, value: number): void {
    this.u32(address, value);
    this.u32(address + 4, Math.floor(value / 2 ** 32));
  }

  /** A machine word. */
  putWord(address: number, value: number): void {
    if (this.word === 8) this.u64(address, value);
    else this.u32(address, value);
  }

  set(address: number, bytes: Uint8Array): void {
    const { view, offset } = this.at(address, bytes.length);
    new Uint8Array(view.buffer).set(bytes, offset);
  }

  /** The bytes of the whole area. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.at(this.start, 0).view.buffer);
  }
}
