import { ByteWriter } from '../byte-writer.ts';
import { InternalError } from '../errors.ts';
import {
  type ElfClass,
  ElfType,
  elfSizes,
  reservedIndices,
  SectionFlag,
  SectionIndex,
  SectionType,
  SymbolBinding,
} from './constants.ts';

/**
 * Writes ELF files (System V gABI, chapters 4 and 5), little-endian: executables, whose sections have addresses and lie in
 * segments, and relocatable objects, whose sections have relocations. Knows no instruction set.
 */
export interface ElfFile {
  readonly class: ElfClass;
  /** {@link ElfType}. */
  readonly type: number;
  readonly machine: number;
  /** e_flags. */
  readonly flags: number;
  readonly entry: number;
  /** In the order of the file; those of a segment side by side, by ascending address. Tables of symbols, strings and relocations come by themselves. */
  readonly sections: readonly ElfSection[];
  readonly segments: readonly ElfSegment[];
  readonly symbols: readonly ElfSymbol[];
}

export interface ElfSection {
  readonly name: string;
  /** {@link SectionType}. */
  readonly type: number;
  /** {@link SectionFlag}, a bit set. */
  readonly flags: number;
  /** In memory; 0 in relocatable files and where nothing is loaded. */
  readonly address: number;
  /** A power of two. */
  readonly align: number;
  /** Contents; for `nobits` the number of bytes. */
  readonly content: Uint8Array | number;
  /** Bytes of an entry of a table, else 0. */
  readonly entrySize?: number;
  readonly relocations?: readonly ElfRelocation[];
}

/** A hole in a section. The same object as in {@link ElfFile.symbols} names its symbol. */
export interface ElfRelocation {
  readonly offset: number;
  readonly symbol: ElfSymbol;
  readonly type: number;
  /** Written for x86-64 (`.rela`); on 32-bit targets (`.rel`) it stands in the section's bytes already. */
  readonly addend: number;
}

export interface ElfSymbol {
  readonly name: string;
  /** Address; in relocatable files the offset in the section. */
  readonly value: number;
  readonly size: number;
  /** {@link SymbolType}. */
  readonly type: number;
  /** {@link SymbolBinding}. */
  readonly binding: number;
  /** Where it lies: a section of {@link ElfFile.sections}, or one of the reserved indices. */
  readonly section: ElfSection | number;
}

export interface ElfSegment {
  /** {@link SegmentType}. */
  readonly type: number;
  /** {@link SegmentFlag}, a bit set. */
  readonly flags: number;
  readonly align: number;
  /** What it spans, in order; empty: nothing of the file, see `address` and `memoryBytes`. */
  readonly sections: readonly ElfSection[];
  /** Begins with the file's headers, {@link headerBytes} before its first section. */
  readonly headers?: boolean;
  /** Of a segment without sections. */
  readonly address?: number;
  readonly memoryBytes?: number;
}

/** Bytes of ELF header and program headers: what a first segment with `headers` begins with. */
export function headerBytes(elfClass: ElfClass, segments: number): number {
  return elfSizes[elfClass].header + segments * elfSizes[elfClass].segment;
}

/** @throws InternalError for what the format cannot hold: too many sections, a section out of its segment's order */
export function writeElf(file: ElfFile): Uint8Array {
  return new Writer(file).write();
}

/** A section as it goes to the file: the caller's and those made here. */
interface Placed {
  readonly section: ElfSection;
  readonly name: number;
  readonly link: number;
  readonly info: number;
  /** Number of its header. */
  readonly index: number;
  offset: number;
}

const encoder = new TextEncoder();

/** Zeros up to length `to`. */
function pad(out: ByteWriter, to: number): void {
  out.bytes(new Uint8Array(to - out.length));
}

/** A string table: offset 0 is the empty string, each string once. */
class Strings {
  private readonly out = new ByteWriter();
  private readonly known = new Map<string, number>();

  constructor() {
    this.out.byte(0);
    this.known.set('', 0);
  }

  add(text: string): number {
    const known = this.known.get(text);
    if (known !== undefined) return known;
    const at = this.out.length;
    this.known.set(text, at);
    // A NUL would end the name early.
    this.out.bytes(encoder.encode(text.replaceAll('\0', '�')));
    this.out.byte(0);
    return at;
  }

  finish(): Uint8Array {
    return this.out.result();
  }
}

const table = (
  name: string,
  type: number,
  content: Uint8Array,
  align: number,
  entrySize = 0,
): ElfSection => ({
  name,
  type,
  flags: type === SectionType.rel || type === SectionType.rela ? SectionFlag.infoLink : 0,
  address: 0,
  align,
  content,
  entrySize,
});

const sizeOf = ({ content }: ElfSection): number => (typeof content === 'number' ? content : content.length);

class Writer {
  private readonly file: ElfFile;
  private readonly wordBytes: 4 | 8;
  private readonly names = new Strings();
  private readonly placed: Placed[] = [];
  private readonly places = new Map<ElfSection, Placed>();
  /** Local ones first, as the format asks for. */
  private readonly symbols: readonly ElfSymbol[];

  constructor(file: ElfFile) {
    this.file = file;
    this.wordBytes = file.class === 64 ? 8 : 4;
    const isLocal = ({ binding }: ElfSymbol): boolean => binding === SymbolBinding.local;
    this.symbols = [...file.symbols.filter(isLocal), ...file.symbols.filter((s) => !isLocal(s))];
    for (const section of file.sections) this.place(section, 0, 0);
    if (this.placed.length >= reservedIndices / 2) throw new InternalError('too many sections');
  }

  write(): Uint8Array {
    const { file, wordBytes, placed } = this;
    this.placeTables();
    const sizes = elfSizes[file.class];
    let bytes = 0;
    for (const { section } of placed) bytes += sizeOf(section) + section.align;
    const out = new ByteWriter(bytes + headerBytes(file.class, file.segments.length) + 2 ** 16);
    pad(out, headerBytes(file.class, file.segments.length));
    for (const place of placed) {
      const { section } = place;
      this.alignFor(out, section);
      place.offset = out.length;
      if (typeof section.content !== 'number') out.bytes(section.content);
    }
    out.align(wordBytes);
    const sectionHeaders = out.length;
    pad(out, out.length + sizes.section);
    for (const place of placed) this.sectionHeader(out, place);
    const contents = out.result();
    const head = new ByteWriter(headerBytes(file.class, file.segments.length));
    this.header(head, sectionHeaders);
    for (const segment of file.segments) this.segmentHeader(head, segment);
    contents.set(head.result());
    return contents;
  }

  private word(out: ByteWriter, value: number): void {
    if (this.wordBytes === 8) out.u64(value);
    else out.u32(value);
  }

  private place(section: ElfSection, link: number, info: number): number {
    const index = this.placed.length + 1;
    const place = { section, name: this.names.add(section.name), link, info, index, offset: 0 };
    this.placed.push(place);
    this.places.set(section, place);
    return index;
  }

  /** Symbols, their names, relocations, and last the names of all sections. */
  private placeTables(): void {
    const { file, symbols } = this;
    const strings = new Strings();
    const sizes = elfSizes[file.class];
    const out = new ByteWriter((symbols.length + 1) * sizes.symbol);
    pad(out, sizes.symbol);
    const numbers = new Map<ElfSymbol, number>();
    for (const symbol of symbols) {
      numbers.set(symbol, numbers.size + 1);
      this.symbol(out, symbol, strings.add(symbol.name));
    }
    const locals = symbols.filter(({ binding }) => binding === SymbolBinding.local).length;
    const link = this.placed.length + 2;
    const symtab = table('.symtab', SectionType.symtab, out.result(), this.wordBytes, sizes.symbol);
    const symbolTable = this.place(symtab, link, locals + 1);
    this.place(table('.strtab', SectionType.strtab, strings.finish(), 1), 0, 0);
    file.sections.forEach((section, k) => {
      if (section.relocations === undefined || section.relocations.length === 0) return;
      this.place(this.relocationTable(section, section.relocations, numbers), symbolTable, k + 1);
    });
    this.names.add('.shstrtab');
    this.place(table('.shstrtab', SectionType.strtab, this.names.finish(), 1), 0, 0);
  }

  private symbol(out: ByteWriter, symbol: ElfSymbol, name: number): void {
    const info = (symbol.binding << 4) | symbol.type;
    const section = typeof symbol.section === 'number' ? symbol.section : this.indexOf(symbol.section);
    out.u32(name);
    if (this.wordBytes === 8) {
      out.byte(info);
      out.byte(0);
      out.u16(section);
      out.u64(symbol.value);
      out.u64(symbol.size);
    } else {
      out.u32(symbol.value);
      out.u32(symbol.size);
      out.byte(info);
      out.byte(0);
      out.u16(section);
    }
  }

  private relocationTable(
    section: ElfSection,
    relocations: readonly ElfRelocation[],
    numbers: ReadonlyMap<ElfSymbol, number>,
  ): ElfSection {
    const wide = this.wordBytes === 8;
    const entry = wide ? elfSizes[64].rela : elfSizes[32].rel;
    const out = new ByteWriter(relocations.length * entry);
    for (const { offset, symbol, type, addend } of relocations) {
      const number = numbers.get(symbol);
      if (number === undefined) throw new InternalError(`relocation to unlisted symbol ${symbol.name}`);
      this.word(out, offset);
      if (wide) {
        out.u32(type);
        out.u32(number);
        out.u64(addend);
      } else {
        out.u32(number * 256 + type);
      }
    }
    const type = wide ? SectionType.rela : SectionType.rel;
    return table(`${wide ? '.rela' : '.rel'}${section.name}`, type, out.result(), this.wordBytes, entry);
  }

  /** What is mapped from the file lies at an offset that equals its address modulo its segment's alignment. */
  private alignFor(out: ByteWriter, section: ElfSection): void {
    if (section.type === SectionType.nobits) return;
    const page = this.segmentOf(section)?.align ?? 0;
    if (page === 0) {
      out.align(section.align);
      return;
    }
    const distance = (((section.address - out.length) % page) + page) % page;
    pad(out, out.length + distance);
  }

  private segmentOf(section: ElfSection): ElfSegment | undefined {
    if ((section.flags & SectionFlag.alloc) === 0) return undefined;
    // The segment with the coarsest alignment is the one that is mapped; notes lie within it.
    let found: ElfSegment | undefined;
    for (const segment of this.file.segments)
      if (segment.sections.includes(section) && segment.align > (found?.align ?? 0)) found = segment;
    return found;
  }

  private indexOf(section: ElfSection): number {
    const place = this.places.get(section);
    if (place === undefined) throw new InternalError(`symbol in unlisted section ${section.name}`);
    return place.index;
  }

  private sectionHeader(out: ByteWriter, { section, name, link, info, offset }: Placed): void {
    out.u32(name);
    out.u32(section.type);
    this.word(out, section.flags);
    this.word(out, section.address);
    this.word(out, offset);
    this.word(out, sizeOf(section));
    out.u32(link);
    out.u32(info);
    this.word(out, section.align);
    this.word(out, section.entrySize ?? 0);
  }

  private header(out: ByteWriter, sectionHeaders: number): void {
    const { file, wordBytes } = this;
    const sizes = elfSizes[file.class];
    out.bytes(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, wordBytes === 8 ? 2 : 1, 1, 1));
    pad(out, 16);
    out.u16(file.type);
    out.u16(file.machine);
    out.u32(1);
    this.word(out, file.entry);
    this.word(out, file.segments.length > 0 ? sizes.header : 0);
    this.word(out, sectionHeaders);
    out.u32(file.flags);
    out.u16(sizes.header);
    out.u16(file.type === ElfType.rel ? 0 : sizes.segment);
    out.u16(file.segments.length);
    out.u16(sizes.section);
    out.u16(this.placed.length + 1);
    out.u16(this.placed.length);
  }

  private segmentHeader(out: ByteWriter, segment: ElfSegment): void {
    const { wordBytes } = this;
    const { offset, address, fileBytes, memoryBytes } = this.extent(segment);
    out.u32(segment.type);
    if (wordBytes === 8) out.u32(segment.flags);
    for (const field of [offset, address, address, fileBytes, memoryBytes]) this.word(out, field);
    if (wordBytes === 4) out.u32(segment.flags);
    this.word(out, segment.align);
  }

  private extent(segment: ElfSegment): {
    readonly offset: number;
    readonly address: number;
    readonly fileBytes: number;
    readonly memoryBytes: number;
  } {
    const { sections } = segment;
    if (sections.length === 0)
      return {
        offset: 0,
        address: segment.address ?? 0,
        fileBytes: 0,
        memoryBytes: segment.memoryBytes ?? 0,
      };
    const first = this.offsetOf(sections[0]);
    const offset = segment.headers === true ? 0 : first;
    const address = sections[0].address - (first - offset);
    let fileEnd = offset;
    let memoryEnd = address;
    for (const section of sections) {
      if (section.address < memoryEnd) throw new InternalError(`section ${section.name} is out of order`);
      memoryEnd = section.address + sizeOf(section);
      if (section.type === SectionType.nobits) continue;
      const at = this.offsetOf(section);
      if (at - offset !== section.address - address)
        throw new InternalError(`section ${section.name} is not where its segment maps it`);
      fileEnd = at + sizeOf(section);
    }
    return { offset, address, fileBytes: fileEnd - offset, memoryBytes: memoryEnd - address };
  }

  private offsetOf(section: ElfSection): number {
    const place = this.places.get(section);
    if (place === undefined) throw new InternalError(`segment with unlisted section ${section.name}`);
    return place.offset;
  }
}

/** A symbol that another file defines. */
export function undefinedSymbol(name: string): ElfSymbol {
  return { name, value: 0, size: 0, type: 0, binding: SymbolBinding.global, section: SectionIndex.undefined };
}
