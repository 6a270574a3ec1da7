/** Bytes that grow at their end, for tables of many megabytes. Little-endian. */
export class ByteWriter {
  private buffer: Uint8Array;
  private view: DataView;
  /** Bytes written so far: the offset of the next one. */
  length = 0;

  /** @param capacity bytes to make room for at once */
  constructor(capacity = 1024) {
    this.buffer = new Uint8Array(capacity);
    this.view = new DataView(this.buffer.buffer);
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const grown = new Uint8Array(this.buffer.length * 2 + bytes);
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.length++] = value;
  }

  u16(value: number): void {
    this.reserve(2);
    this.view.setUint16(this.length, value, true);
    this.length += 2;
  }

  /** A 32-bit integer, signed or not. */
  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  /** A natural number below 2^53 as 64 bits. */
  u64(value: number): void {
    this.u32(value);
    this.u32(Math.floor(value / 0x1_0000_0000));
  }

  /** Replaces 32 bits that were written before. */
  patch32(offset: number, value: number): void {
    this.view.setUint32(offset, value, true);
  }

  bytes(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** UTF-8, ended by 0. */
  string(text: string): void {
    this.bytes(encoder.encode(text));
    this.byte(0);
  }

  /** Unsigned LEB128 of a natural number below 2^32. */
  unsigned(value: number): void {
    this.reserve(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.buffer[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[this.length++] = rest;
  }

  /** Signed LEB128 of an integer of 32 bits. */
  signed(value: number): void {
    this.reserve(5);
    let rest = value | 0;
    while (rest < -0x40 || rest > 0x3f) {
      this.buffer[this.length++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    this.buffer[this.length++] = rest & 0x7f;
  }

  /** Fills up with `filler` until the length is a multiple of `alignment`. */
  align(alignment: number, filler = 0): void {
    while (this.length % alignment !== 0) this.byte(filler);
  }

  /** The bytes so far; a view, valid until the next write. */
  result(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
}

const encoder = new TextEncoder();
