import { ByteReader } from '../../compiler/wasm/bytes.ts';
import {
  type DwarfSections,
  half,
  implicitConst,
  offsetOf,
  readForm,
  type UnitFormat,
  unitLength,
} from './dwarf-forms.ts';

/** Attributes (DWARF 5, table 7.5). */
const statementList = 0x10;
const compilationFolder = 0x1b;

/** Types of units whose first entry is a compilation unit's (DWARF 5, §7.5.1): compile, partial. */
const compileUnits = new Set([1, 3]);

/** An entry has so many attributes at most. */
const attributeLimit = 256;

/**
 * In which folder each compilation unit was compiled: what DWARF 4's file names are relative to, and only `.debug_info` says. By where
 * the unit's lines begin in `.debug_line`.
 *
 * @returns where the folder's name stands in the module: names are many, and few are asked for
 * @throws CompileError if the tables are damaged
 */
export function compilationFolders(bytes: Uint8Array, sections: DwarfSections): Map<number, number> {
  const folders = new Map<number, number>();
  const [info, abbreviations] = ['.debug_info', '.debug_abbrev'].map((name) => sections.get(name));
  if (info === undefined || abbreviations === undefined) return folders;
  const r = new ByteReader(bytes, info.start, info.end);
  while (r.pos < info.end) {
    r.end = info.end;
    const { end, offsetBytes } = unitLength(r);
    r.end = end;
    const version = half(r);
    if (version >= 2 && version <= 5) {
      const type = version === 5 ? r.u8() : 1;
      const early = version === 5 ? r.u8() : 0;
      const table = offsetOf(r, offsetBytes);
      const addressBytes = version === 5 ? early : r.u8();
      const format = { version, offsetBytes, addressBytes };
      if (compileUnits.has(type) && r.pos < end && table < abbreviations.end - abbreviations.start)
        readUnit(
          r,
          new ByteReader(bytes, abbreviations.start + table, abbreviations.end),
          format,
          sections,
          folders,
        );
    }
    r.pos = end;
  }
  return folders;
}

/** The first entry of a unit, which is the compilation unit's; its abbreviation is the first of its table, or nothing is read. */
function readUnit(
  r: ByteReader,
  abbreviation: ByteReader,
  format: UnitFormat,
  sections: DwarfSections,
  folders: Map<number, number>,
): void {
  // Every producer numbers from the first entry on. A search would let many small units read one large table again and again.
  if (r.u32() !== abbreviation.u32()) return;
  abbreviation.skipLeb();
  abbreviation.u8();
  let lines = -1;
  let folder = -1;
  for (let n = 0; n < attributeLimit; n++) {
    const attribute = abbreviation.u32();
    const code = abbreviation.u32();
    if (code === implicitConst) abbreviation.skipLeb();
    if (attribute === 0 && code === 0) break;
    const value = readForm(r, code, format, sections);
    if (value === undefined) continue;
    if (attribute === statementList && 'number' in value) lines = value.number;
    if (attribute === compilationFolder && 'string' in value) folder = value.string;
  }
  if (lines >= 0 && folder >= 0) folders.set(lines, folder);
}
