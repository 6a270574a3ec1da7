import { descriptorLayout } from '../abi.ts';
import { FunctionTypes } from '../wasm/function-types.ts';
import { elementCount } from './exec-env.ts';
import type { Image } from './image.ts';
import { type AddressOf, ObjectData } from './object-data.ts';
import type { ObjectPlan } from './object-plan.ts';
import { encodeStackMap } from './stack-map.ts';

/** Version of what `runtime/include/fathom.h` declares: FATHOM_OBJECT_VERSION. */
export const objectVersion = 1;

/** Where code lies in `.text`: the image's first, then what goes between it and C. */
export interface TextPlaces {
  readonly bytes: number;
  /** Offset of each imported function's code. */
  readonly imports: readonly number[];
}

/** The sections of an object that C reads by way of `fathom_module`. */
export interface ModuleData {
  readonly rodata: ObjectData;
  /** Read-only once the addresses in it are written: `.data.rel.ro`. */
  readonly data: ObjectData;
  /** Offset in `data` of the `fathom_module`, and its size. */
  readonly module: number;
  readonly moduleBytes: number;
}

const text: AddressOf = { section: 'text' };
const rodata: AddressOf = { section: 'rodata' };
const relro: AddressOf = { section: 'data' };

/** Pages of a memory, elements of a table without a maximum. */
const unlimited = { memory: 65536, table: 0xffffffff } as const;

/** Lays out the module's description, its exec env before anything is known, its segments and its stack map. */
export function describeModule(image: Image, plan: ObjectPlan, places: TextPlaces): ModuleData {
  return new Description(image, plan, places).describe();
}

class Description {
  private readonly image: Image;
  private readonly plan: ObjectPlan;
  private readonly places: TextPlaces;
  private readonly word: 4 | 8;
  private readonly rodata: ObjectData;
  private readonly data: ObjectData;
  private readonly types = new FunctionTypes();
  /** Offsets in the exec env of the words that are relative to its address. */
  private readonly self: number[] = [];

  constructor(image: Image, plan: ObjectPlan, places: TextPlaces) {
    this.image = image;
    this.plan = plan;
    this.places = places;
    this.word = image.env.word;
    this.rodata = new ObjectData(this.word);
    this.data = new ObjectData(this.word);
  }

  describe(): ModuleData {
    const { image, plan, rodata: read, data, word } = this;
    const { module, symbols } = image;
    const env = this.execEnv();
    const init = this.descriptor(0, 0, symbols.init, symbols.init);
    const self = read.take(4 * this.self.length, 4);
    this.self.forEach((offset, k) => {
      read.u32(self + 4 * k, offset);
    });
    const memories = this.records(module.memories, 4, (at, memory, index) => {
      const imported = plan.memoryImports[index];
      data.putWord(at, image.env.memories[index]);
      data.putWord(at + word, memory.minimum);
      data.putWord(at + 2 * word, memory.maximum ?? unlimited.memory);
      if (imported !== undefined) data.address(at + 3 * word, { symbol: imported.symbol });
    });
    const tables = this.records(module.tables, 3, (at, table, index) => {
      data.putWord(at, image.env.tables[index]);
      data.putWord(at + word, table.minimum);
      data.putWord(at + 2 * word, table.maximum ?? unlimited.table);
    });
    const constants = plan.globalImports.filter(({ entry }) => !module.globals[entry.index].mutable);
    const copied = this.records(constants, 3, (at, { symbol, entry }) => {
      data.putWord(at, image.env.globals[entry.index]);
      data.address(at + word, { symbol });
      data.putWord(at + 2 * word, this.globalBytes(entry.index));
    });
    const imports = this.records(this.places.imports, 1, (at, offset) => data.address(at, text, offset));
    const name = read.add(new TextEncoder().encode(`${plan.prefix}\0`), 1);
    const map = read.add(encodeStackMap(image));
    /** The members of `fathom_module`: numbers, or addresses. */
    const members: readonly (number | readonly [AddressOf, number])[] = [
      objectVersion,
      [rodata, name],
      [text, 0],
      this.places.bytes,
      image.code.length,
      [rodata, map],
      [relro, env],
      image.env.size,
      plan.envBytes,
      [rodata, self],
      this.self.length,
      [relro, memories],
      module.memories.length,
      [relro, tables],
      module.tables.length,
      [relro, copied],
      constants.length,
      [relro, imports],
      this.places.imports.length,
      [text, image.functions[symbols.initEntry].offset],
      [relro, init],
    ];
    const at = data.take(members.length * word);
    members.forEach((member, k) => {
      if (typeof member === 'number') data.putWord(at + k * word, member);
      else data.address(at + k * word, member[0], member[1]);
    });
    return { rodata: read, data, module: at, moduleBytes: members.length * word };
  }

  /** An array of records of `words` words. */
  private records<T>(
    items: readonly T[],
    words: number,
    write: (at: number, item: T, index: number) => void,
  ): number {
    const size = words * this.word;
    const start = this.data.take(items.length * size);
    items.forEach((item, k) => {
      write(start + k * size, item, k);
    });
    return start;
  }

  private globalBytes(index: number): number {
    const { type } = this.image.module.globals[index];
    if (type === 'i32' || type === 'f32') return 4;
    return type === 'i64' || type === 'f64' ? 8 : this.word;
  }

  /** A descriptor without an exec env, whose code is symbol `code`. */
  private descriptor(typeId: number, index: number, code: number, cross: number): number {
    const layout = descriptorLayout(this.word);
    const at = this.data.take(layout.size);
    this.writeDescriptor(at, typeId, index, code, cross);
    return at;
  }

  private writeDescriptor(at: number, typeId: number, index: number, code: number, cross: number): void {
    const { data, image } = this;
    const layout = descriptorLayout(this.word);
    data.u32(at + layout.typeId, typeId);
    data.u32(at + layout.index, index);
    data.address(at + layout.code, text, image.functions[code].offset);
    data.address(at + layout.cross, text, image.functions[cross].offset);
  }

  /** The exec env of an instance that has no memories, tables and thread yet. */
  private execEnv(): number {
    const { image, plan, data, word, types, self } = this;
    const { module, symbols, env: layout } = image;
    const imports = plan.functionImports.map(({ index }) => {
      const { typeIndex } = module.functions[index];
      // Callers take it for another exec env's; the entry adapter of an export takes the other address.
      const host = symbols.host[typeIndex];
      return this.descriptor(types.id(module.types[typeIndex]), index, host, host);
    });
    const env = data.take(layout.size);
    data.u32(env + layout.header.abiVersion, image.abiVersion);
    data.u32(env + layout.header.layoutHash, image.layoutHash);
    layout.functionImports.forEach((at, i) => {
      data.address(env + at, relro, imports[i]);
    });
    for (const { symbol, entry } of plan.globalImports)
      if (module.globals[entry.index].mutable) data.address(env + layout.globals[entry.index], { symbol });
    layout.typeIds.forEach((at, i) => {
      data.u32(env + at, types.id(module.types[i]));
    });
    layout.dataSegments.forEach((at, i) => {
      const { start, end } = module.data[i];
      data.address(env + at, rodata, this.rodata.add(module.bytes.subarray(start, end)));
      data.putWord(env + at + word, end - start);
    });
    layout.elementSegments.forEach((at, i) => {
      data.putWord(env + at, plan.elementSegments[i]);
      data.putWord(env + at + word, elementCount(image, i));
      self.push(at);
    });
    layout.descriptors.forEach((offset, index) => {
      if (offset < 0) return;
      const { typeIndex } = module.functions[index];
      const id = types.id(module.types[typeIndex]);
      this.writeDescriptor(env + offset, id, index, symbols.wasm[index], symbols.cross[typeIndex]);
      self.push(offset + descriptorLayout(word).env);
    });
    return env;
  }
}
