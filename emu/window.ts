/** A range of guest memory with every typed view that its users need; indices are byte offsets divided by the size. */
export class Window {
  /** Guest address of byte 0. */
  readonly address: number;
  size = 0;
  bytes: Uint8Array = new Uint8Array(0);
  u32: Uint32Array = new Uint32Array(0);
  i32: Int32Array = new Int32Array(0);
  f32: Float32Array = new Float32Array(0);
  f64: Float64Array = new Float64Array(0);
  i64: BigInt64Array = new BigInt64Array(0);

  /** @param buffer the host's view of the memory; `address` and its length are multiples of 8 */
  constructor(address: number, buffer: ArrayBufferLike) {
    this.address = address;
    this.attach(buffer);
  }

  /** Looks at another buffer from now on, because the memory grew. */
  attach(buffer: ArrayBufferLike): void {
    this.size = buffer.byteLength;
    this.bytes = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i64 = new BigInt64Array(buffer);
  }

  /** True if the `bytes` bytes at `address` all lie in here. */
  contains(address: number, bytes: number): boolean {
    return address >= this.address && address + bytes <= this.address + this.size;
  }

  readU32(address: number): number {
    return this.u32[(address - this.address) / 4];
  }

  writeU32(address: number, value: number): void {
    this.u32[(address - this.address) / 4] = value;
  }

  /** A 64-bit word that is known to be an address or small: exact below 2^53. */
  readU64(address: number): number {
    const at = (address - this.address) / 4;
    return this.u32[at] + this.u32[at + 1] * 0x1_0000_0000;
  }

  writeU64(address: number, value: number): void {
    const at = (address - this.address) / 4;
    this.u32[at] = value;
    this.u32[at + 1] = Math.floor(value / 0x1_0000_0000);
  }
}
