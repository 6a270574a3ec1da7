/** A growing little-endian byte buffer. */
export class ByteWriter {
  private buffer: Uint8Array;
  private view: DataView;
  /** Bytes written so far, the offset of the next one. */
  offset = 0;

  constructor(capacity = 1024) {
    this.buffer = new Uint8Array(Math.max(capacity, 16));
    this.view = new DataView(this.buffer.buffer);
  }

  private room(bytes: number): number {
    const at = this.offset;
    const end = at + bytes;
    if (end > this.buffer.length) {
      const grown = new Uint8Array(Math.max(end, this.buffer.length * 2));
      grown.set(this.buffer);
      this.buffer = grown;
      this.view = new DataView(grown.buffer);
    }
    this.offset = end;
    return at;
  }

  u8(value: number): void {
    this.view.setUint8(this.room(1), value);
  }

  u16(value: number): void {
    this.view.setUint16(this.room(2), value, true);
  }

  /** Of signed numbers the two's complement. */
  u32(value: number): void {
    this.view.setUint32(this.room(4), value, true);
  }

  /** Of safe integers, signed or not. */
  u64(value: number): void {
    this.view.setBigInt64(this.room(8), BigInt(value), true);
  }

  /** A word of 4 or 8 bytes. */
  word(bytes: 4 | 8, value: number): void {
    if (bytes === 8) this.u64(value);
    else this.u32(value);
  }

  bytes(bytes: Uint8Array): void {
    this.buffer.set(bytes, this.room(bytes.length));
  }

  /** Zeros up to offset `to`. */
  padTo(to: number): void {
    if (to > this.offset) this.room(to - this.offset);
  }

  /** Zeros up to a multiple of `alignment`. */
  align(alignment: number): void {
    this.padTo(Math.ceil(this.offset / alignment) * alignment);
  }

  /** What has been written, not copied. */
  finish(): Uint8Array {
    return this.buffer.subarray(0, this.offset);
  }
}
