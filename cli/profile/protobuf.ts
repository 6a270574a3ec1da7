const encoder = new TextEncoder();

/** Wire types (https://protobuf.dev/programming-guides/encoding). */
const wireTypes = { varint: 0, bytes: 2 } as const;

/** One message of the Protocol Buffers' wire format. Fields that have their default are left out, as proto3 does. */
export class ProtobufMessage {
  private readonly out: number[] = [];

  /** A field of an integer type without zigzag: a natural number below 2^53. */
  integer(field: number, value: number): this {
    if (value !== 0) {
      this.varint(field * 8 + wireTypes.varint);
      this.varint(value);
    }
    return this;
  }

  boolean(field: number, value: boolean): this {
    return this.integer(field, value ? 1 : 0);
  }

  /** A repeated integer field, packed. */
  integers(field: number, values: readonly number[]): this {
    if (values.length === 0) return this;
    const packed = new ProtobufMessage();
    for (const value of values) packed.varint(value);
    return this.message(field, packed);
  }

  /** An element of a repeated string field; those are there even where they are empty. */
  string(field: number, text: string): this {
    return this.lengthDelimited(field, encoder.encode(text));
  }

  message(field: number, message: ProtobufMessage): this {
    return this.lengthDelimited(field, message.out);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.out);
  }

  private lengthDelimited(field: number, bytes: ArrayLike<number>): this {
    this.varint(field * 8 + wireTypes.bytes);
    this.varint(bytes.length);
    for (let k = 0; k < bytes.length; k++) this.out.push(bytes[k]);
    return this;
  }

  private varint(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) this.out.push((rest % 0x80) | 0x80);
    this.out.push(rest);
  }
}
