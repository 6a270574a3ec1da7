import { ByteWriter } from '../byte-writer.ts';
import type { ExternalKind, ValueType } from './module.ts';
import { externalKinds, Section, sectionOrder } from './sections.ts';

/**
 * Changing modules in their binary form: sections that are vectors get entries at either end, and all else stays as it is. For modules that are
 * valid; nothing is checked.
 */

/** Codes of value types (WebAssembly core specification, 5.3.1 to 5.3.4). */
export const typeCodes: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
};
const op = {
  end: 0x0b,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  refNull: 0xd0,
} as const;

/** The instruction that gives a value: its bits, as wide as the type; references are null. */
export function constant(type: ValueType, bits: bigint): number[] {
  switch (type) {
    case 'i32':
      return [op.i32Const, ...signed(BigInt.asIntN(32, bits))];
    case 'i64':
      return [op.i64Const, ...signed(BigInt.asIntN(64, bits))];
    case 'f32':
      return [op.f32Const, ...littleEndian(bits, 4)];
    case 'f64':
      return [op.f64Const, ...littleEndian(bits, 8)];
    case 'v128':
      return [0xfd, 0x0c, ...littleEndian(bits, 16)];
    case 'funcref':
    case 'externref':
      return [op.refNull, typeCodes[type]];
  }
}

const littleEndian = (bits: bigint, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Number((bits >> BigInt(8 * i)) & 0xffn));

/** Unsigned LEB128. */
export function leb(value: number): number[] {
  const out = new ByteWriter(8);
  out.unsigned(value);
  return [...out.result()];
}

/** Signed LEB128 of up to 64 bits. */
export function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; ) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    const ends = (rest === 0n && byte < 0x40) || (rest === -1n && byte >= 0x40);
    bytes.push(ends ? byte : byte | 0x80);
    if (ends) return bytes;
  }
}

/** An entry of the export section. */
export const exportOf = (name: string, kind: ExternalKind, index: number): number[] => {
  const encoded = [...new TextEncoder().encode(name)];
  return [...leb(encoded.length), ...encoded, externalKinds.indexOf(kind), ...leb(index)];
};

/** Contents of a valid module's sections by number. Of the custom ones, which have one number, the last: names are. */
export function readSections(bytes: Uint8Array): Map<number, Uint8Array> {
  const sections = new Map<number, Uint8Array>();
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at];
    const { value, next } = readLeb(bytes, at + 1);
    sections.set(id, bytes.subarray(next, next + value));
    at = next + value;
  }
  return sections;
}

function readLeb(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  let next = at;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[next++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value: value >>> 0, next };
  }
}

/** Entries of a section, encoded. */
export type Entries = readonly (readonly number[] | Uint8Array)[];

/** Sections that are vectors, with entries added at either end. */
export class Sections {
  private readonly sections: Map<number, Uint8Array>;

  /** @param sections as {@link readSections} gives them, to be changed */
  constructor(sections: Map<number, Uint8Array>) {
    this.sections = sections;
  }

  /** How many entries a section has. */
  count(id: number): number {
    const content = this.sections.get(id);
    return content === undefined ? 0 : readLeb(content, 0).value;
  }

  /** Puts entries before and behind those of a section. */
  change(id: number, before: Entries, behind: Entries): void {
    if (before.length + behind.length === 0) return;
    const content = this.sections.get(id) ?? Uint8Array.of(0);
    const { value, next } = readLeb(content, 0);
    const out = new ByteWriter(content.length + 16);
    out.unsigned(value + before.length + behind.length);
    for (const entry of before) out.bytes(Uint8Array.from(entry));
    out.bytes(content.subarray(next));
    for (const entry of behind) out.bytes(Uint8Array.from(entry));
    this.sections.set(id, out.result().slice());
  }

  /** The module. */
  result(): Uint8Array {
    const out = new ByteWriter();
    out.bytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    for (const id of [...sectionOrder, Section.custom]) {
      const content = this.sections.get(id);
      if (content === undefined) continue;
      out.byte(id);
      out.unsigned(content.length);
      out.bytes(content);
    }
    return out.result().slice();
  }
}
