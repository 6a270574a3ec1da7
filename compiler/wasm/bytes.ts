import { CompileError } from '../errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A cursor over a module binary that reads the binary format's primitives (WebAssembly 3.0, §5.2) and never leaves
 * `[pos, end)`. `end` is moved by whoever enters and leaves a section or a function body.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  pos: number;
  end: number;
  /** High word of the integer that {@link s64} or {@link word64} read last. */
  high = 0;

  constructor(bytes: Uint8Array, pos = 0, end = bytes.length) {
    this.bytes = bytes;
    this.pos = pos;
    this.end = end;
  }

  /** Bytes left before `end`. */
  get remaining(): number {
    return this.end - this.pos;
  }

  /** @throws CompileError always: `malformed`, at `at` */
  fail(message: string, at = this.pos): never {
    throw new CompileError('malformed', message, at);
  }

  private endReached(): never {
    return this.fail('unexpected end of section or function', this.end);
  }

  /** One byte. */
  u8(): number {
    if (this.pos >= this.end) this.endReached();
    return this.bytes[this.pos++];
  }

  /** An unsigned 32-bit integer in LEB128. */
  u32(): number {
    if (this.pos < this.end) {
      const byte = this.bytes[this.pos];
      if (byte < 0x80) {
        this.pos++;
        return byte;
      }
    }
    return this.longU32();
  }

  private longU32(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    const byte = this.u8();
    if (byte >= 0x80) this.fail('integer representation too long', this.pos - 1);
    if (byte > 0x0f) this.fail('integer too large', this.pos - 1);
    return (value | (byte << 28)) >>> 0;
  }

  /** A signed 32-bit integer in LEB128. */
  s32(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value << (25 - shift)) >> (25 - shift);
    }
    const byte = this.u8();
    if (byte >= 0x80) this.fail('integer representation too long', this.pos - 1);
    const unused = byte & 0x78;
    if (unused !== 0 && unused !== 0x78) this.fail('integer too large', this.pos - 1);
    return value | (byte << 28);
  }

  /** A signed 33-bit integer in LEB128: a block type, exact as a number. */
  s33(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value << (25 - shift)) >> (25 - shift);
    }
    const byte = this.u8();
    if (byte >= 0x80) this.fail('integer representation too long', this.pos - 1);
    const unused = byte & 0x70;
    if (unused !== 0 && unused !== 0x70) this.fail('integer too large', this.pos - 1);
    const low = (value | (byte << 28)) >>> 0;
    return unused === 0 ? low : low - 2 ** 32;
  }

  /** A signed 64-bit integer in LEB128: returns its low word, signed, and leaves the high word in {@link high}. */
  s64(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      const byte = this.u8();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (shift - 32);
      if (byte >= 0x80) continue;
      if ((byte & 0x40) !== 0) {
        if (shift < 28) {
          low |= -1 << (shift + 7);
          high = -1;
        } else high |= -1 << (shift - 25);
      }
      this.high = high;
      return low;
    }
    const byte = this.u8();
    if (byte >= 0x80) this.fail('integer representation too long', this.pos - 1);
    if (byte !== 0 && byte !== 0x7f) this.fail('integer too large', this.pos - 1);
    this.high = high | (byte << 31);
    return low;
  }

  /** Four bytes as a signed little-endian word: the bits of an f32. */
  word32(): number {
    if (this.remaining < 4) this.endReached();
    const { bytes, pos } = this;
    this.pos = pos + 4;
    return bytes[pos] | (bytes[pos + 1] << 8) | (bytes[pos + 2] << 16) | (bytes[pos + 3] << 24);
  }

  /** Eight bytes, the bits of an f64: returns the low word and leaves the high word in {@link high}. */
  word64(): number {
    const low = this.word32();
    this.high = this.word32();
    return low;
  }

  /** Skips `count` bytes. */
  skip(count: number): void {
    if (this.remaining < count) this.endReached();
    this.pos += count;
  }

  /** Skips an integer in LEB128 of any width up to 64 bits, without checking its unused bits. */
  skipLeb(): void {
    for (let length = 0; length < 10; length++) if (this.u8() < 0x80) return;
    this.fail('integer representation too long', this.pos - 1);
  }

  /**
   * The length of a vector whose items take at least `itemBytes` bytes each, so that no one allocates for items that
   * cannot be there.
   * @throws CompileError `limit` above `limit` items, `malformed` where the bytes left are too few
   */
  count(what: string, limit: number, itemBytes = 1): number {
    const at = this.pos;
    const count = this.u32();
    if (count > this.remaining / itemBytes) this.fail('unexpected end of section or function', at);
    if (count > limit) throw new CompileError('limit', `${count} ${what}, the limit is ${limit}`, at);
    return count;
  }

  /** A name (§5.2.4): length and UTF-8. */
  name(): string {
    const at = this.pos;
    const length = this.u32();
    if (length > this.remaining) this.fail('length out of bounds: unexpected end', at);
    const start = this.pos;
    this.pos = start + length;
    try {
      return utf8.decode(this.bytes.subarray(start, this.pos));
    } catch {
      return this.fail('malformed UTF-8 encoding', start);
    }
  }
}
