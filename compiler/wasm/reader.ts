import { CompileError } from '../errors.ts';
import { ByteReader } from './bytes.ts';
import { limits } from './limits.ts';
import type {
  ConstExpr,
  CustomSection,
  DataSegment,
  ElementSegment,
  Export,
  FunctionDecl,
  FunctionType,
  GlobalDecl,
  Import,
  Limits,
  MemoryDecl,
  Module,
  TableDecl,
  ValueType,
} from './module.ts';
import { readNameSection } from './names.ts';
import { operators, skipOperator } from './opcodes.ts';
import { externalKinds, Section, sectionOrder } from './sections.ts';
import { readDataSegment, readElementSegment } from './segments.ts';
import { unknownOperator, unsupported } from './unsupported.ts';
import { readRefType, readValueType } from './value-types.ts';

export interface DecodeOptions {
  /** The module is one of Fathom's own whose memory is all native memory: its addresses may be 64 bits wide. */
  readonly native?: boolean;
}

/**
 * Decodes a module binary (§5.5). Function bodies stay byte ranges: the front end decodes them. Indices are not
 * checked: `validateModule` does that.
 * @throws CompileError `malformed` with the byte offset; `unsupported` for proposals that Fathom does not compile; `limit`
 */
export function decodeModule(bytes: Uint8Array, options: DecodeOptions = {}): Module {
  return new ModuleReader(bytes, options).read();
}

/** Decoding one module: the cursor and what was found so far. */
export class ModuleReader {
  readonly in: ByteReader;
  private readonly types: FunctionType[] = [];
  private readonly imports: Import[] = [];
  private readonly exports: Export[] = [];
  private readonly functions: FunctionDecl[] = [];
  /** Type indices of the function section, whose bodies the code section brings. */
  private readonly declared: number[] = [];
  private readonly tables: TableDecl[] = [];
  private readonly memories: MemoryDecl[] = [];
  private readonly globals: GlobalDecl[] = [];
  private readonly imported = { function: 0, table: 0, memory: 0, global: 0 };
  private readonly elements: ElementSegment[] = [];
  private readonly data: DataSegment[] = [];
  private readonly customSections: CustomSection[] = [];
  private dataCount: number | undefined;
  private start: number | undefined;
  private bodies = 0;
  readonly escaping = new Set<number>();

  private readonly options: DecodeOptions;

  constructor(bytes: Uint8Array, options: DecodeOptions = {}) {
    this.in = new ByteReader(bytes);
    this.options = options;
  }

  read(): Module {
    const r = this.in;
    this.readHeader();
    let place = -1;
    while (r.pos < r.bytes.length) {
      const at = r.pos;
      const id = r.u8();
      if (id !== Section.custom && !sectionOrder.includes(id)) r.fail('malformed section id', at);
      const size = r.u32();
      if (size > r.remaining) r.fail('length out of bounds: unexpected end of section', at + 1);
      r.end = r.pos + size;
      if (id !== Section.custom) {
        if (sectionOrder.indexOf(id) <= place) {
          r.fail(
            'unexpected content after last section: junk after last section, or sections out of order',
            at,
          );
        }
        place = sectionOrder.indexOf(id);
      }
      if (id === Section.tag) unsupported('exceptions', at);
      this.readSection(id);
      if (r.pos !== r.end) r.fail('section size mismatch');
      r.end = r.bytes.length;
    }
    if (this.bodies !== this.declared.length) {
      r.fail('function and code section have inconsistent lengths');
    }
    if (this.dataCount !== undefined && this.dataCount !== this.data.length) {
      r.fail('data count and data section have inconsistent lengths');
    }
    return {
      bytes: r.bytes,
      types: this.types,
      imports: this.imports,
      exports: this.exports,
      functions: this.functions,
      tables: this.tables,
      memories: this.memories,
      globals: this.globals,
      importedFunctions: this.imported.function,
      importedTables: this.imported.table,
      importedMemories: this.imported.memory,
      importedGlobals: this.imported.global,
      elements: this.elements,
      data: this.data,
      dataCount: this.dataCount,
      start: this.start,
      customSections: this.customSections,
      escaping: this.escaping,
      names: readNameSection(r.bytes, this.customSections),
    };
  }

  private readHeader(): void {
    const r = this.in;
    if (r.bytes.length < 4) r.fail('unexpected end', r.bytes.length);
    if (r.word32() !== 0x6d736100) r.fail('magic header not detected', 0);
    if (r.bytes.length < 8) r.fail('unexpected end', r.bytes.length);
    const version = r.word32();
    if (version === 0x0001000d) unsupported('the component model', 4);
    if (version !== 1) r.fail('unknown binary version', 4);
  }

  private readSection(id: number): void {
    const r = this.in;
    switch (id) {
      case Section.custom: {
        const name = r.name();
        this.customSections.push({ name, start: r.pos, end: r.end });
        r.pos = r.end;
        return;
      }
      case Section.type:
        for (let n = r.count('types', limits.types); n > 0; n--) this.readType();
        return;
      case Section.import:
        for (let n = r.count('imports', limits.imports, 3); n > 0; n--) this.readImport();
        return;
      case Section.function:
        for (let n = r.count('functions', limits.functions); n > 0; n--) this.declared.push(r.u32());
        return;
      case Section.table:
        for (let n = r.count('tables', limits.tables); n > 0; n--)
          this.tables.push(this.readInitialisedTable());
        return;
      case Section.memory:
        for (let n = r.count('memories', limits.memories); n > 0; n--) this.memories.push(this.readMemory());
        return;
      case Section.global:
        for (let n = r.count('globals', limits.globals, 3); n > 0; n--) {
          const { type, mutable } = this.readGlobalType();
          this.globals.push({ type, mutable, init: this.readConstExpr() });
        }
        return;
      case Section.export:
        for (let n = r.count('exports', limits.exports, 3); n > 0; n--) this.readExport();
        return;
      case Section.start:
        this.start = r.u32();
        return;
      case Section.element:
        for (let n = r.count('element segments', limits.segments, 2); n > 0; n--) {
          this.elements.push(readElementSegment(this));
        }
        return;
      case Section.dataCount:
        this.dataCount = r.u32();
        return;
      case Section.code:
        this.readBodies();
        return;
      default:
        for (let n = r.count('data segments', limits.segments, 2); n > 0; n--) {
          this.data.push(readDataSegment(this));
        }
    }
  }

  private readType(): void {
    const r = this.in;
    const at = r.pos;
    const form = r.u8();
    if (form !== 0x60) {
      // rec, sub final, sub, array, struct
      if (form === 0x4e || form === 0x4f || form === 0x50 || form === 0x5e || form === 0x5f)
        unsupported('gc', at);
      r.fail('malformed functype: integer representation too long', at);
    }
    const params = this.readValueTypes('parameters', limits.params);
    const results = this.readValueTypes('results', limits.results);
    this.types.push({ params, results });
  }

  private readValueTypes(what: string, limit: number): ValueType[] {
    const list: ValueType[] = [];
    for (let n = this.in.count(what, limit); n > 0; n--) list.push(readValueType(this.in));
    return list;
  }

  private readImport(): void {
    const r = this.in;
    const module = r.name();
    const name = r.name();
    const at = r.pos;
    const code = r.u8();
    if (code === 4) unsupported('exceptions', at);
    const kind = externalKinds[code];
    if (kind === undefined) r.fail('malformed import kind', at);
    this.imports.push({ module, name, kind, index: this.imported[kind]++ });
    if (kind === 'function') this.functions.push({ typeIndex: r.u32(), bodyStart: 0, bodyEnd: 0 });
    else if (kind === 'table') this.tables.push(this.readTable());
    else if (kind === 'memory') this.memories.push(this.readMemory());
    else this.globals.push({ ...this.readGlobalType(), init: undefined });
  }

  private readLimits(): Limits & { shared: boolean } {
    const r = this.in;
    const at = r.pos;
    const flags = r.u8();
    if (flags > 7) r.fail('malformed limits flags', at);
    if ((flags & 4) !== 0 && this.options.native !== true) unsupported('memory64', at);
    const minimum = r.u32();
    const maximum = (flags & 1) !== 0 ? r.u32() : undefined;
    return { minimum, maximum, shared: (flags & 2) !== 0 };
  }

  private readTable(): TableDecl {
    const r = this.in;
    const element = readRefType(r);
    const flagsAt = r.pos;
    const { minimum, maximum, shared } = this.readLimits();
    if (shared) r.fail('malformed limits flags', flagsAt);
    return { element, minimum, maximum };
  }

  /** A table of the table section: 0x40 0x00 says that an expression for its elements follows (§5.5.7). */
  private readInitialisedTable(): TableDecl {
    const r = this.in;
    if (r.pos >= r.end || r.bytes[r.pos] !== 0x40) return this.readTable();
    r.pos++;
    const at = r.pos;
    if (r.u8() !== 0) r.fail('malformed table', at);
    const table = this.readTable();
    return { ...table, init: this.readConstExpr() };
  }

  private readMemory(): MemoryDecl {
    const at = this.in.pos;
    const { minimum, maximum, shared } = this.readLimits();
    if (shared) unsupported('threads', at);
    return { minimum, maximum, shared };
  }

  private readGlobalType(): { type: ValueType; mutable: boolean } {
    const r = this.in;
    const type = readValueType(r);
    const at = r.pos;
    const mutability = r.u8();
    if (mutability > 1) {
      if (mutability < 4) unsupported('threads', at);
      r.fail('malformed mutability', at);
    }
    return { type, mutable: mutability === 1 };
  }

  private readExport(): void {
    const r = this.in;
    const name = r.name();
    const at = r.pos;
    const code = r.u8();
    if (code === 4) unsupported('exceptions', at);
    const kind = externalKinds[code];
    if (kind === undefined) r.fail('malformed export kind', at);
    const index = r.u32();
    if (kind === 'function') this.escaping.add(index);
    this.exports.push({ name, kind, index });
  }

  private readBodies(): void {
    const r = this.in;
    const at = r.pos;
    const count = r.count('function bodies', limits.functions, 2);
    if (count !== this.declared.length) r.fail('function and code section have inconsistent lengths', at);
    for (const typeIndex of this.declared) {
      const sizeAt = r.pos;
      const size = r.u32();
      if (size > r.remaining) r.fail('unexpected end of section or function: length out of bounds', sizeAt);
      if (size > limits.bodyBytes) {
        throw new CompileError(
          'limit',
          `function body of ${size} bytes, the limit is ${limits.bodyBytes}`,
          sizeAt,
        );
      }
      this.functions.push({ typeIndex, bodyStart: r.pos, bodyEnd: r.pos + size });
      r.pos += size;
    }
    this.bodies = count;
  }

  /**
   * Finds the end of a constant expression, whose operators `decodeConstant` judges later, and notes the functions that
   * it takes references to.
   */
  readConstExpr(): ConstExpr {
    const r = this.in;
    const start = r.pos;
    for (let depth = 1; depth > 0; ) {
      const at = r.pos;
      const number = skipOperator(r);
      if (number < 0) unknownOperator(r, at);
      const operator = operators[number];
      if (operator?.immediates === 'b') depth++;
      else if (operator?.name === 'end') depth--;
      else if (operator?.name === 'ref.func') this.escaping.add(this.immediateAt(at + 1));
    }
    return { start, end: r.pos };
  }

  private immediateAt(at: number): number {
    const end = this.in.pos;
    this.in.pos = at;
    const value = this.in.u32();
    this.in.pos = end;
    return value;
  }
}
