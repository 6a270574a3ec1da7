import { posix } from 'node:path';
import { ByteReader } from '../../compiler/wasm/bytes.ts';
import { compilationFolders } from './dwarf-folders.ts';
import {
  type DwarfSections,
  half,
  offsetOf,
  readForm,
  stringAt,
  type UnitFormat,
  unitLength,
} from './dwarf-forms.ts';
import { SourceLines, SourceRows } from './lines.ts';

/** Standard opcodes of line-number programs (DWARF 5, §6.2.5.2). */
const standard = {
  copy: 1,
  advancePc: 2,
  advanceLine: 3,
  setFile: 4,
  setColumn: 5,
  constAddPc: 8,
  fixedAdvancePc: 9,
} as const;

/** Extended opcodes (§6.2.5.3). */
const extended = { endSequence: 1, setAddress: 2, defineFile: 3 } as const;

/** Content types of a DWARF 5 file entry (§6.2.4.1). */
const content = { path: 1, directory: 2 } as const;

/** Parts of a DWARF 5 file entry at most, of which the standard has five. Some take no byte, and there are as many entries as bytes. */
const mostParts = 16;

/** Bytes of an address at most. */
const widestAddress = 8;

/** So many files are told apart. */
const fileLimit = 2 ** 16;

/**
 * Reads the line-number tables of DWARF 2 to 5 (DWARF 5, §6.2), as `.debug_line` of a linked module has them.
 *
 * Addresses are bytes of the code section's contents (WebAssembly tool conventions, "DWARF for WebAssembly"). Functions that the linker
 * dropped have addresses outside of it, and no lines. Time and memory grow with the section's length only, whatever stands in it.
 *
 * @param code the code section's contents
 * @throws CompileError naming the byte at which the tables are damaged
 */
export function readDwarfLines(
  bytes: Uint8Array,
  sections: DwarfSections,
  code: { readonly start: number; readonly end: number },
): SourceLines | undefined {
  const section = sections.get('.debug_line');
  if (section === undefined) return undefined;
  const folders = compilationFolders(bytes, sections);
  const table = new Table(code);
  const r = new ByteReader(bytes, section.start, section.end);
  while (r.pos < section.end) {
    r.end = section.end;
    const folder = folders.get(r.pos - section.start) ?? -1;
    const { end, offsetBytes } = unitLength(r);
    r.end = end;
    const version = half(r);
    // Units say how long they are, so what another version has can be passed over.
    if (version >= 2 && version <= 5)
      runProgram(r, readHeader(r, version, offsetBytes, folder, sections), table);
    r.pos = end;
  }
  return table.lines();
}

/** All that is read, of all units. */
class Table {
  readonly files: string[] = [];
  private readonly byPath = new Map<string, number>();
  private readonly rows = new SourceRows();
  /** First row, and the row behind the last, which is where the sequence ends. */
  private readonly sequences: { readonly first: number; readonly behind: number }[] = [];
  private readonly code: { readonly start: number; readonly end: number };
  private first = 0;
  private ascending = true;

  constructor(code: { readonly start: number; readonly end: number }) {
    this.code = code;
  }

  file(r: ByteReader, path: string): number {
    let file = this.byPath.get(path);
    if (file === undefined) {
      if (this.files.length >= fileLimit) r.fail('too many files');
      file = this.files.push(path) - 1;
      this.byPath.set(path, file);
    }
    return file;
  }

  /** A row of the running sequence. Lines of 0 are nobody's. */
  add(r: ByteReader, address: number, file: number, line: number, column: number): void {
    const offset = this.code.start + address;
    const { rows, first } = this;
    if (offset > this.code.end) {
      this.ascending = false;
      return;
    }
    if (rows.length > first) {
      const before = rows.offsets.values[rows.length - 1];
      if (before > offset) this.ascending = false;
      // So there are no more of them than the code has bytes.
      if (before === offset) rows.cut(rows.length - 1);
    }
    if (!rows.add(offset, line === 0 ? -1 : file, line, column)) r.fail('too many rows');
  }

  endSequence(r: ByteReader, address: number): void {
    this.add(r, address, -1, 0, 0);
    const { rows, first } = this;
    const { values } = rows.offsets;
    // Byte 0 is the number of functions: what was dropped is there or at the end of the address space.
    if (this.ascending && rows.length - first > 1 && values[first] > this.code.start)
      this.sequences.push({ first, behind: rows.length });
    else rows.cut(first);
    this.first = rows.length;
    this.ascending = true;
  }

  /** Sequences in order; of those that overlap, which they do in no sound table, the first. */
  lines(): SourceLines | undefined {
    this.rows.cut(this.first);
    const { values } = this.rows.offsets;
    this.sequences.sort((a, b) => values[a.first] - values[b.first] || a.first - b.first);
    const { sequences } = this;
    function* order(): Generator<number> {
      let end = 0;
      for (const { first, behind } of sequences) {
        if (values[first] < end) continue;
        for (let row = first; row < behind; row++) yield row;
        end = values[behind - 1];
      }
    }
    return sequences.length === 0 ? undefined : new SourceLines(this.files, this.rows.arranged(order()));
  }
}

/** What a unit's header says of its program. */
interface Header {
  readonly offsetBytes: 4 | 8;
  readonly version: number;
  readonly leastBytes: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** Operands of the standard opcodes, which are LEB128. */
  readonly operands: readonly number[];
  /** Where the program begins. */
  readonly start: number;
  readonly names: FileNames;
}

function readHeader(
  r: ByteReader,
  version: number,
  offsetBytes: 4 | 8,
  folder: number,
  sections: DwarfSections,
): Header {
  let addressBytes = 4;
  if (version >= 5) {
    addressBytes = r.u8();
    r.skip(1);
  }
  const length = offsetOf(r, offsetBytes);
  if (length > r.remaining) r.fail('a header that is longer than its unit');
  const start = r.pos + length;
  const leastBytes = r.u8();
  // Instructions of several operations at one address are another machine's.
  if (version >= 4) r.skip(1);
  r.skip(1);
  const lineBase = (r.u8() << 24) >> 24;
  const lineRange = r.u8();
  if (lineRange === 0) r.fail('a line range of 0', r.pos - 1);
  const opcodeBase = r.u8();
  const operands = [0];
  for (let opcode = 1; opcode < opcodeBase; opcode++) operands.push(r.u8());
  const names = new FileNames(r, version, folder);
  if (version >= 5) readEntries(r, { version, offsetBytes, addressBytes }, sections, names);
  else readLists(r, names);
  return { offsetBytes, version, leastBytes, lineBase, lineRange, opcodeBase, operands, start, names };
}

/** The files of a unit: strings by where they stand, which are read when a row names them. */
class FileNames {
  private readonly r: ByteReader;
  private readonly version: number;
  /** Where its name stands, or -1. */
  private readonly folder: number;
  readonly directories: number[] = [];
  private readonly names: number[] = [];
  private readonly directoryOf: number[] = [];
  private readonly known = new Map<number, number>();

  constructor(r: ByteReader, version: number, folder: number) {
    this.r = r;
    this.version = version;
    this.folder = folder;
  }

  add(name: number, directory: number): void {
    this.names.push(name);
    this.directoryOf.push(directory);
  }

  /** The file of a number that the program uses, or -1. Up to DWARF 4 they count from 1, and directory 0 is the compilation's. */
  at(number: number, table: Table): number {
    let file = this.known.get(number);
    if (file === undefined) {
      const index = this.version >= 5 ? number : number - 1;
      file = this.names[index] === undefined ? -1 : table.file(this.r, this.path(index));
      this.known.set(number, file);
    }
    return file;
  }

  private path(index: number): string {
    const name = stringAt(this.r, this.names[index]);
    const of = this.directoryOf[index];
    const own = this.directories[this.version >= 5 ? of : of - 1];
    // Directory 0 is the compilation's, from which the others are seen; up to DWARF 4 it is not in the list.
    const root = this.version >= 5 && of !== 0 ? this.directories[0] : undefined;
    const outer = this.folder < 0 ? undefined : this.folder;
    const parts = [outer, root, own].map((start) => (start === undefined ? '' : stringAt(this.r, start)));
    return joined(...parts, name);
  }
}

/** Each seen from the one before. */
const joined = (...parts: readonly string[]): string =>
  posix.normalize(
    parts.reduce((path, part) =>
      part === '' || part === path
        ? path
        : path === '' || /^(?:[\\/]|[a-z]:[\\/])/i.test(part)
          ? part
          : `${path}/${part}`,
    ),
  );

/** Up to DWARF 4: strings in place, each list ended by an empty one. */
function readLists(r: ByteReader, names: FileNames): void {
  for (let start = nextString(r); r.pos > start + 1; start = nextString(r)) names.directories.push(start);
  for (let start = nextString(r); r.pos > start + 1; start = nextString(r)) {
    names.add(start, r.u32());
    r.skipLeb();
    r.skipLeb();
  }
}

/** Passes over a string; returns where it began. */
function nextString(r: ByteReader): number {
  const start = r.pos;
  while (r.u8() !== 0);
  return start;
}

/** DWARF 5: each list says of what its entries consist. */
function readEntries(r: ByteReader, format: UnitFormat, sections: DwarfSections, names: FileNames): void {
  for (const list of ['directories', 'files']) {
    const formats: { readonly type: number; readonly form: number }[] = [];
    const parts = r.u8();
    if (parts > mostParts) r.fail('an entry of too many parts', r.pos - 1);
    for (let n = parts; n > 0; n--) formats.push({ type: r.u32(), form: r.u32() });
    const count = r.u32();
    for (let n = 0; n < count; n++) {
      const start = r.pos;
      let path = -1;
      let directory = 0;
      for (const { type, form } of formats) {
        const value = readForm(r, form, format, sections);
        if (value === undefined) continue;
        if (type === content.path && 'string' in value) path = value.string;
        if (type === content.directory && 'number' in value) directory = value.number;
      }
      // Entries of nothing would be without end.
      if (path < 0 || r.pos === start) r.fail('a file without a name', start);
      if (list === 'files') names.add(path, directory);
      else names.directories.push(path);
    }
  }
}

function runProgram(r: ByteReader, header: Header, table: Table): void {
  const { leastBytes, lineBase, lineRange, opcodeBase, operands, names } = header;
  r.pos = header.start;
  let address = 0;
  let file = 1;
  let line = 1;
  let column = 0;
  const restart = (): void => {
    address = 0;
    file = 1;
    line = 1;
    column = 0;
  };
  const emit = (): void => table.add(r, address, names.at(file, table), line, column);
  while (r.pos < r.end) {
    const opcode = r.u8();
    if (opcode >= opcodeBase) {
      const adjusted = opcode - opcodeBase;
      address += leastBytes * Math.floor(adjusted / lineRange);
      line = (line + lineBase + (adjusted % lineRange)) >>> 0;
      emit();
      continue;
    }
    switch (opcode) {
      case 0: {
        const length = r.u32();
        if (length === 0 || length > r.remaining) r.fail('an extended opcode of a wrong length');
        const end = r.pos + length;
        const code = r.u8();
        if (code === extended.endSequence) {
          table.endSequence(r, address);
          restart();
        } else if (code === extended.setAddress) {
          if (end - r.pos > widestAddress) r.fail('an address that is too wide');
          address = 0;
          // Little-endian.
          for (let weight = 1; r.pos < end; weight *= 256) address += weight * r.u8();
        } else if (code === extended.defineFile && header.version < 5) {
          names.add(nextString(r), r.u32());
        }
        r.pos = end;
        break;
      }
      case standard.copy:
        emit();
        break;
      case standard.advancePc:
        address += leastBytes * r.u32();
        break;
      case standard.advanceLine:
        line = (line + r.s32()) >>> 0;
        break;
      case standard.setFile:
        file = r.u32();
        break;
      case standard.setColumn:
        column = r.u32();
        break;
      case standard.constAddPc:
        address += leastBytes * Math.floor((255 - opcodeBase) / lineRange);
        break;
      case standard.fixedAdvancePc:
        address += half(r);
        break;
      default:
        for (let n = operands[opcode]; n > 0; n--) r.skipLeb();
    }
  }
}
