import type { ByteReader } from '../../compiler/wasm/bytes.ts';

/** Bytes of a section within the module. */
export interface Section {
  readonly start: number;
  readonly end: number;
}

/** The sections that positions are read from, by name; each may be missing. */
export type DwarfSections = ReadonlyMap<string, Section>;

/** How the values of a unit are written. */
export interface UnitFormat {
  readonly version: number;
  /** Bytes of an offset in a section: 4, or 8 in 64-bit DWARF. */
  readonly offsetBytes: 4 | 8;
  readonly addressBytes: number;
}

/** Paths longer than this are damage, or meant to do some. */
const longestString = 1024;

/** Attribute forms (DWARF 5, §7.5.6, table 7.6, and DWARF 4's, which it keeps): their codes. */
const form = {
  addr: 0x01,
  block2: 0x03,
  block4: 0x04,
  data2: 0x05,
  data4: 0x06,
  data8: 0x07,
  string: 0x08,
  block: 0x09,
  block1: 0x0a,
  data1: 0x0b,
  flag: 0x0c,
  sdata: 0x0d,
  strp: 0x0e,
  udata: 0x0f,
  refAddr: 0x10,
  ref1: 0x11,
  ref2: 0x12,
  ref4: 0x13,
  ref8: 0x14,
  refUdata: 0x15,
  indirect: 0x16,
  secOffset: 0x17,
  exprloc: 0x18,
  flagPresent: 0x19,
  strx: 0x1a,
  addrx: 0x1b,
  refSup4: 0x1c,
  strpSup: 0x1d,
  data16: 0x1e,
  lineStrp: 0x1f,
  refSig8: 0x20,
  implicitConst: 0x21,
  loclistx: 0x22,
  rnglistx: 0x23,
  refSup8: 0x24,
  strx1: 0x25,
  strx2: 0x26,
  strx3: 0x27,
  strx4: 0x28,
  addrx1: 0x29,
  addrx2: 0x2a,
  addrx3: 0x2b,
  addrx4: 0x2c,
} as const;

/** Forms whose values are so many bytes, which are passed over. */
const fixedBytes = new Map<number, number>([
  [form.data2, 2],
  [form.data1, 1],
  [form.data8, 8],
  [form.data16, 16],
  [form.flag, 1],
  [form.ref1, 1],
  [form.ref2, 2],
  [form.ref4, 4],
  [form.ref8, 8],
  [form.refSup4, 4],
  [form.refSup8, 8],
  [form.refSig8, 8],
  [form.strx1, 1],
  [form.strx2, 2],
  [form.strx3, 3],
  [form.strx4, 4],
  [form.addrx1, 1],
  [form.addrx2, 2],
  [form.addrx3, 3],
  [form.addrx4, 4],
  [form.flagPresent, 0],
  [form.implicitConst, 0],
]);

/** Forms whose values are LEB128. */
const lebForms = new Set<number>([
  form.sdata,
  form.strx,
  form.addrx,
  form.refUdata,
  form.loclistx,
  form.rnglistx,
]);

/** A value: a number; a string, as the place of its first byte in the module; or something that nobody here asks for. */
export type FormValue = { readonly number: number } | { readonly string: number } | undefined;

/** A half word, little-endian. */
export function half(r: ByteReader): number {
  const low = r.u8();
  return low | (r.u8() << 8);
}

/** An offset in a section, or a length. */
export function offsetOf(r: ByteReader, bytes: 4 | 8): number {
  const low = r.word32() >>> 0;
  if (bytes === 8 && r.word32() !== 0) r.fail('an offset beyond 4 GiB', r.pos - 4);
  return low;
}

/**
 * The length at the start of a unit, and with it the format (DWARF 5, §7.4).
 * @returns the unit's end in the module
 */
export function unitLength(r: ByteReader): { readonly end: number; readonly offsetBytes: 4 | 8 } {
  const first = r.word32() >>> 0;
  if (first >= 0xfffffff0 && first !== 0xffffffff) r.fail('a reserved unit length', r.pos - 4);
  const offsetBytes = first === 0xffffffff ? 8 : 4;
  const length = offsetBytes === 8 ? offsetOf(r, 8) : first;
  if (length > r.remaining) r.fail('a unit that is longer than its section');
  return { end: r.pos + length, offsetBytes };
}

/**
 * Reads one value, or passes over it. Of what lies elsewhere, as strings by index do, nothing is looked up.
 * @throws CompileError for a form that DWARF 5 does not know, or a value that does not fit
 */
export function readForm(
  r: ByteReader,
  code: number,
  { version, offsetBytes, addressBytes }: UnitFormat,
  sections: DwarfSections,
): FormValue {
  const bytes = fixedBytes.get(code);
  if (bytes !== undefined) {
    if (code === form.data1) return { number: r.u8() };
    if (code === form.data2) return { number: half(r) };
    r.skip(bytes);
    return undefined;
  }
  if (lebForms.has(code)) {
    r.skipLeb();
    return undefined;
  }
  switch (code) {
    case form.string: {
      const string = r.pos;
      while (r.u8() !== 0);
      return { string };
    }
    case form.strp:
    case form.lineStrp: {
      const name = code === form.strp ? '.debug_str' : '.debug_line_str';
      const at = r.pos;
      const offset = offsetOf(r, offsetBytes);
      const section = sections.get(name);
      if (section === undefined || offset >= section.end - section.start)
        return r.fail(`a string outside of ${name}`, at);
      return { string: section.start + offset };
    }
    case form.udata:
      return { number: r.u32() };
    case form.data4:
      return { number: r.word32() >>> 0 };
    case form.secOffset:
      return { number: offsetOf(r, offsetBytes) };
    case form.strpSup:
      r.skip(offsetBytes);
      return undefined;
    case form.refAddr:
      r.skip(version <= 2 ? addressBytes : offsetBytes);
      return undefined;
    case form.addr:
      r.skip(addressBytes);
      return undefined;
    case form.block:
    case form.exprloc:
      r.skip(r.u32());
      return undefined;
    case form.block1:
      r.skip(r.u8());
      return undefined;
    case form.block2:
      r.skip(half(r));
      return undefined;
    case form.block4:
      r.skip(r.word32() >>> 0);
      return undefined;
    case form.indirect: {
      const of = r.u32();
      if (of === form.indirect || of === form.implicitConst) r.fail('a form within a form');
      return readForm(r, of, { version, offsetBytes, addressBytes }, sections);
    }
    default:
      return r.fail(`unknown form 0x${code.toString(16)}`);
  }
}

const utf8 = new TextDecoder();

/** The string that begins at a byte of the module. */
export function stringAt(r: ByteReader, start: number): string {
  const end = r.bytes.subarray(start, start + longestString).indexOf(0);
  if (end < 0) r.fail('a path without an end', start);
  return utf8.decode(r.bytes.subarray(start, start + end));
}

/** The code of {@link form.implicitConst}, whose value stands in the abbreviation. */
export const implicitConst = form.implicitConst;
