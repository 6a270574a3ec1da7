import { ImageError } from '../errors.ts';
import { type ElfClass, elfSizes, SectionType, SegmentType } from './constants.ts';

/** A program header. Addresses and sizes are below 2^53. */
export interface ElfSegmentView {
  /** {@link SegmentType}, or another number. */
  readonly type: number;
  /** {@link SegmentFlag}, a bit set. */
  readonly flags: number;
  readonly address: number;
  /** In memory, at least as many as in the file. */
  readonly memoryBytes: number;
  readonly align: number;
  /** Offset in the file. */
  readonly offset: number;
  /** Of the file, a view. */
  readonly content: Uint8Array;
}

/** A section header. */
export interface ElfSectionView {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  /** In memory; `nobits` has no content. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  /** Of the file, a view. */
  readonly content: Uint8Array;
}

export interface ElfSymbolView {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  /** {@link SymbolType}. */
  readonly type: number;
  /** {@link SymbolBinding}. */
  readonly binding: number;
  /** Section index, or one of the reserved ones. */
  readonly section: number;
}

/** What `.note.fathom` says (docs/executables.md). */
export interface FathomNote {
  readonly abiVersion: number;
  readonly layoutHash: number;
  /** 0 x86-64, 1 ARMv7. */
  readonly target: number;
  readonly scheme: number;
  readonly order: number;
  /** Number of the signal that asks for a dump; 0 for none. */
  readonly dumpSignal: number;
}

export interface ElfView {
  readonly class: ElfClass;
  readonly type: number;
  readonly machine: number;
  readonly flags: number;
  readonly entry: number;
  /** Offset in the file of the program headers. */
  readonly segmentHeaders: number;
  readonly segments: readonly ElfSegmentView[];
  readonly sections: readonly ElfSectionView[];
}

/** True for bytes that begin like an ELF file. */
export function isElf(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
  );
}

/**
 * Reads the headers, segments and sections of a little-endian ELF file from anywhere. All that it returns lies within the file.
 * @throws ImageError naming the offset of what is wrong
 */
export function readElf(bytes: Uint8Array): ElfView {
  return new Reader(bytes).read();
}

/**
 * The symbols of a file read before; none where it has no table of them.
 * @throws ImageError naming what is wrong
 */
export function readSymbols(file: ElfView): ElfSymbolView[] {
  const table = file.sections.find(({ type }) => type === SectionType.symtab);
  if (table === undefined) return [];
  const strings = file.sections[table.link - 1]?.content;
  if (strings === undefined) throw new ImageError('the symbols have no names');
  const bytes = elfSizes[file.class].symbol;
  const cursor = new Cursor(table.content, file.class);
  const symbols: ElfSymbolView[] = [];
  for (let at = bytes; at + bytes <= table.content.length; at += bytes) {
    const name = text(strings, cursor.u32(at), 'name of a symbol');
    const wide = file.class === 64;
    const info = cursor.u8(at + (wide ? 4 : 12));
    symbols.push({
      name,
      value: cursor.word(at + (wide ? 8 : 4)),
      size: cursor.word(at + (wide ? 16 : 8)),
      type: info & 15,
      binding: info >> 4,
      section: cursor.u16(at + (wide ? 6 : 14)),
    });
  }
  return symbols;
}

/**
 * Fathom's note in an executable, or undefined where there is none.
 * @throws ImageError if the file is no ELF file, or damaged
 */
export function readFathomNote(bytes: Uint8Array): FathomNote | undefined {
  const file = readElf(bytes);
  for (const { type, content } of file.segments) {
    if (type !== SegmentType.note) continue;
    const cursor = new Cursor(content, file.class);
    for (let at = 0; at + 12 <= content.length; ) {
      const [nameBytes, descBytes, kind] = [cursor.u32(at), cursor.u32(at + 4), cursor.u32(at + 8)];
      const desc = at + 12 + align4(nameBytes);
      if (desc + descBytes > content.length) throw new ImageError('a note runs over its end');
      if (kind === 1 && nameBytes === 7 && descBytes >= 24 && text(content, at + 12, 'note') === 'Fathom')
        return {
          abiVersion: cursor.u32(desc),
          layoutHash: cursor.u32(desc + 4),
          target: cursor.u32(desc + 8),
          scheme: cursor.u32(desc + 12),
          order: cursor.u32(desc + 16),
          dumpSignal: cursor.u32(desc + 20),
        };
      at = desc + align4(descBytes);
    }
  }
  return undefined;
}

const align4 = (n: number): number => Math.ceil(n / 4) * 4;

/** The string at `at`, ended by a NUL. */
function text(table: Uint8Array, at: number, what: string): string {
  const end = at < table.length ? table.indexOf(0, at) : -1;
  if (end < 0) throw new ImageError(`the ${what} lies outside its table (offset 0x${at.toString(16)})`);
  return decoder.decode(table.subarray(at, end));
}

const decoder = new TextDecoder();

/** Reads numbers, and nothing outside the bytes. */
class Cursor {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly wide: boolean;

  constructor(bytes: Uint8Array, elfClass: ElfClass) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.wide = elfClass === 64;
  }

  private check(at: number, size: number): number {
    if (at + size > this.bytes.length) throw new ImageError(`truncated at offset 0x${at.toString(16)}`);
    return at;
  }

  u8(at: number): number {
    return this.view.getUint8(this.check(at, 1));
  }

  u16(at: number): number {
    return this.view.getUint16(this.check(at, 2), true);
  }

  u32(at: number): number {
    return this.view.getUint32(this.check(at, 4), true);
  }

  /** A word of the file's class, exact. */
  word(at: number): number {
    if (!this.wide) return this.u32(at);
    const value = this.view.getBigUint64(this.check(at, 8), true);
    if (value > Number.MAX_SAFE_INTEGER)
      throw new ImageError(`0x${value.toString(16)} at offset 0x${at.toString(16)} is out of range`);
    return Number(value);
  }

  /** Bytes of the file. */
  range(offset: number, size: number, what: string): Uint8Array {
    if (offset + size > this.bytes.length)
      throw new ImageError(`${what} lies outside the file (offset 0x${offset.toString(16)}, ${size} bytes)`);
    return this.bytes.subarray(offset, offset + size);
  }
}

/** Where the fields of headers are, by class (gABI, figures 4-3, 4-8 and 5-1). */
const layouts = {
  32: {
    header: { entry: 24, segments: 28, sections: 32, flags: 36, segmentSize: 42 },
    segment: { flags: 24, offset: 4, address: 8, fileBytes: 16, memoryBytes: 20, align: 28 },
    section: { flags: 8, address: 12, offset: 16, size: 20, link: 24, info: 28 },
  },
  64: {
    header: { entry: 24, segments: 32, sections: 40, flags: 48, segmentSize: 54 },
    segment: { flags: 4, offset: 8, address: 16, fileBytes: 32, memoryBytes: 40, align: 48 },
    section: { flags: 8, address: 16, offset: 24, size: 32, link: 40, info: 44 },
  },
} as const;

class Reader {
  private readonly in: Cursor;
  private readonly class: ElfClass;

  constructor(file: Uint8Array) {
    if (!isElf(file)) throw new ImageError('not an ELF file');
    // Not a Buffer, whose slice() would be a view of the same memory.
    const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
    const identification = new Cursor(bytes, 32);
    const elfClass = identification.u8(4);
    if (elfClass !== 1 && elfClass !== 2) throw new ImageError('an ELF file of no known class (offset 0x4)');
    if (identification.u8(5) !== 1) throw new ImageError('not a little-endian ELF file (offset 0x5)');
    if (identification.u8(6) !== 1) throw new ImageError('of no known version of ELF (offset 0x6)');
    this.class = elfClass === 2 ? 64 : 32;
    this.in = new Cursor(bytes, this.class);
  }

  read(): ElfView {
    const { in: file, class: elfClass } = this;
    const at = layouts[elfClass].header;
    const segmentHeaders = file.word(at.segments);
    return {
      class: elfClass,
      type: file.u16(16),
      machine: file.u16(18),
      flags: file.u32(at.flags),
      entry: file.word(at.entry),
      segmentHeaders,
      segments: this.entries(segmentHeaders, at.segmentSize, elfSizes[elfClass].segment).map((offset) =>
        this.segment(offset),
      ),
      sections: this.sections(),
    };
  }

  /** Offsets of a table's entries, whose size and count stand at `sizeAt`. */
  private entries(table: number, sizeAt: number, size: number): number[] {
    const file = this.in;
    const count = file.u16(sizeAt + 2);
    if (count === 0) return [];
    if (file.u16(sizeAt) !== size)
      throw new ImageError(`entries of ${file.u16(sizeAt)} bytes (offset 0x${sizeAt.toString(16)})`);
    file.range(table, count * size, 'a table of headers');
    return Array.from({ length: count }, (_, i) => table + i * size);
  }

  private segment(at: number): ElfSegmentView {
    const file = this.in;
    const fields = layouts[this.class].segment;
    const offset = file.word(at + fields.offset);
    const fileBytes = file.word(at + fields.fileBytes);
    const memoryBytes = file.word(at + fields.memoryBytes);
    const type = file.u32(at);
    if (type === SegmentType.load && memoryBytes < fileBytes)
      throw new ImageError(`a segment larger in the file than in memory (offset 0x${at.toString(16)})`);
    return {
      type,
      flags: file.u32(at + fields.flags),
      address: file.word(at + fields.address),
      memoryBytes,
      align: file.word(at + fields.align),
      offset,
      content: file.range(offset, fileBytes, `the segment at offset 0x${at.toString(16)}`),
    };
  }

  /** All but the first, which is none. */
  private sections(): ElfSectionView[] {
    const file = this.in;
    const header = layouts[this.class].header;
    const sizeAt = header.segmentSize + 4;
    const offsets = this.entries(file.word(header.sections), sizeAt, elfSizes[this.class].section);
    const fields = layouts[this.class].section;
    const contentOf = (at: number): Uint8Array => {
      if (file.u32(at + 4) === SectionType.nobits) return new Uint8Array(0);
      const what = `the section at offset 0x${at.toString(16)}`;
      return file.range(file.word(at + fields.offset), file.word(at + fields.size), what);
    };
    const namesAt = offsets[file.u16(sizeAt + 4)];
    const names = namesAt === undefined ? new Uint8Array(1) : contentOf(namesAt);
    return offsets.slice(1).map((at) => ({
      name: namesAt === undefined ? '' : text(names, file.u32(at), 'name of a section'),
      type: file.u32(at + 4),
      flags: file.word(at + fields.flags),
      address: file.word(at + fields.address),
      size: file.word(at + fields.size),
      link: file.u32(at + fields.link),
      info: file.u32(at + fields.info),
      content: contentOf(at),
    }));
  }
}
