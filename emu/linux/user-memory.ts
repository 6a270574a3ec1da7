/**
 * The program's memory as system calls reach it: what the program itself could not read or write is EFAULT.
 */

import { SystemCallError } from './errno.ts';
import type { Mappings } from './mappings.ts';

/** PATH_MAX, with the terminating zero. */
const MAX_PATH = 4096;

export class UserMemory {
  readonly #mappings: Mappings;
  readonly #words: boolean;

  constructor(mappings: Mappings) {
    this.#mappings = mappings;
    this.#words = mappings.space.pointerSize === 8;
  }

  /**
   * Views of a range, piece by piece, without copies, as far as it is accessible. Valid until the next system call.
   *
   * @returns pieces that together are shorter than `length` when the range's end is not accessible
   * @throws {SystemCallError} EFAULT when not even its first byte is
   */
  pieces(address: number, length: number, access: 'r' | 'w'): Uint8Array[] {
    const found: Uint8Array[] = [];
    for (let at = address; at < address + length; ) {
      const mapping = this.#mappings.find(at);
      if (!mapping?.region || !mapping.access.includes(access)) break;
      const end = Math.min(mapping.end, address + length);
      found.push(mapping.region.bytes.subarray(at - mapping.begin, end - mapping.begin));
      at = end;
    }
    if (length > 0 && found.length === 0) throw new SystemCallError('EFAULT');
    return found;
  }

  /**
   * A view of a range if all of it lies in one mapping, else a copy: for reading.
   *
   * @throws {SystemCallError} EFAULT here and in all that follow
   */
  bytes(address: number, length: number): Uint8Array {
    const pieces = this.pieces(address, length, 'r');
    if (pieces.length === 1 && pieces[0].length === length) return pieces[0];
    const joined = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    if (at !== length) throw new SystemCallError('EFAULT');
    return joined;
  }

  write(address: number, bytes: Uint8Array): void {
    const pieces = this.pieces(address, bytes.length, 'w');
    if (pieces.reduce((sum, { length }) => sum + length, 0) !== bytes.length)
      throw new SystemCallError('EFAULT');
    let at = 0;
    for (const piece of pieces) {
      piece.set(bytes.subarray(at, at + piece.length));
      at += piece.length;
    }
  }

  readU32(address: number): number {
    const bytes = this.bytes(address, 4);
    return (bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24)) >>> 0;
  }

  writeU32(address: number, value: number): void {
    this.write(address, new Uint8Array(Uint32Array.of(value).buffer));
  }

  /** A signed 64-bit word as a number; beyond 2^53 inexact, which no valid value is. */
  readI64(address: number): number {
    return (this.readU32(address + 4) | 0) * 2 ** 32 + this.readU32(address);
  }

  writeI64(address: number, value: number): void {
    this.write(address, new Uint8Array(BigInt64Array.of(BigInt(value)).buffer));
  }

  /** A pointer-sized word. */
  readWord(address: number): number {
    const low = this.readU32(address);
    return this.#words ? low + this.readU32(address + 4) * 2 ** 32 : low;
  }

  writeWord(address: number, value: number): void {
    if (this.#words) this.writeI64(address, value);
    else this.writeU32(address, value);
  }

  /**
   * A path as the program passes it, without its terminating zero; a copy.
   *
   * @throws {SystemCallError} EFAULT; ENAMETOOLONG beyond 4095 bytes
   */
  path(address: number): Uint8Array {
    const parts: number[] = [];
    for (let at = address; parts.length < MAX_PATH; ) {
      for (const piece of this.pieces(at, Math.min(256, MAX_PATH - parts.length), 'r')) {
        const end = piece.indexOf(0);
        parts.push(...(end < 0 ? piece : piece.subarray(0, end)));
        if (end >= 0) return Uint8Array.from(parts);
        at += piece.length;
      }
    }
    throw new SystemCallError('ENAMETOOLONG');
  }
}
