import { descriptorLayout } from '../compiler/abi.ts';
import { signatureText } from '../compiler/wasm/function-types.ts';
import type { Import, Limits, Module } from '../compiler/wasm/module.ts';
import {
  type External,
  FunctionInstance,
  GlobalInstance,
  MemoryInstance,
  TableInstance,
} from './externals.ts';
import { ModuleInstance } from './instance.ts';
import type { LoadedImage } from './loaded-image.ts';
import type { Machine } from './machine.ts';

/** An import does not match its declaration (spec, "Modules", External Typing). */
export class ImportMismatch extends Error {
  override readonly name = 'ImportMismatch';
  /** Position in the module's imports. */
  readonly index: number;

  constructor(index: number, message: string) {
    super(message);
    this.index = index;
  }
}

/**
 * Makes an instance: exec env, memories, tables, segments; then runs global initialisers, active segments and the start
 * function in compiled code. What those trap with or throw comes out of here, and writes they made before stay, as the
 * specification has it.
 *
 * @param imports one for each of the module's imports, in their order
 * @throws ImportMismatch before anything is made
 * @throws MachineFault if the word that scheme `tail` publishes in is not free
 * @throws RangeError when the machine has no room for a memory or table
 */
export function instantiate(
  machine: Machine,
  loaded: LoadedImage,
  imports: readonly External[],
): ModuleInstance {
  const { module } = loaded.image;
  module.imports.forEach((entry, i) => {
    const problem = mismatch(module, entry, imports[i]);
    if (problem !== undefined) throw new ImportMismatch(i, problem);
  });
  const instance = new Builder(machine, loaded, imports).build();
  machine.addInstance(instance);
  machine.runInit(instance);
  return instance;
}

/** Why `external` is not what `entry` declares, in V8's words where it has some; undefined if it is. */
export function mismatch(module: Module, entry: Import, external: External): string | undefined {
  switch (entry.kind) {
    case 'function': {
      if (!(external instanceof FunctionInstance)) return 'function import requires a callable';
      const type = module.types[module.functions[entry.index].typeIndex];
      const same = signatureText(type) === signatureText(external.type);
      return same ? undefined : 'imported function does not match the expected type';
    }
    case 'table': {
      if (!(external instanceof TableInstance)) return 'table import requires a WebAssembly.Table';
      const type = module.tables[entry.index];
      if (type.element !== external.element) return 'imported table does not match the expected type';
      return limitsMismatch(type, external.length, external.maximum, 'table');
    }
    case 'memory': {
      if (!(external instanceof MemoryInstance)) return 'memory import must be a WebAssembly.Memory object';
      const type = module.memories[entry.index];
      if (type.shared !== external.shared) return 'imported memory does not match the expected sharing';
      return limitsMismatch(type, external.pages, external.maximum, 'memory');
    }
    case 'global': {
      if (!(external instanceof GlobalInstance)) return 'global import must be a WebAssembly.Global object';
      const type = module.globals[entry.index];
      if (type.mutable !== external.mutable) return 'imported global does not match the expected mutability';
      return type.type === external.type ? undefined : 'imported global does not match the expected type';
    }
  }
}

function limitsMismatch(
  declared: Limits,
  size: number,
  maximum: number | undefined,
  what: 'table' | 'memory',
): string | undefined {
  if (size < declared.minimum) {
    return `${what} import is smaller than initial ${declared.minimum}, got ${size}`;
  }
  if (declared.maximum === undefined) return undefined;
  if (maximum === undefined) {
    return `${what} import has no maximum limit, expected at most ${declared.maximum}`;
  }
  if (maximum <= declared.maximum) return undefined;
  return `${what} import has a larger maximum size ${maximum} than the module's declared maximum ${declared.maximum}`;
}

/** Lays an instance out in guest memory. */
class Builder {
  private readonly machine: Machine;
  private readonly loaded: LoadedImage;
  private readonly module: Module;
  private readonly env: number;
  private readonly functions: FunctionInstance[] = [];
  private readonly memories: MemoryInstance[] = [];
  private readonly tables: TableInstance[] = [];
  private readonly globals: GlobalInstance[] = [];

  constructor(machine: Machine, loaded: LoadedImage, imports: readonly External[]) {
    this.machine = machine;
    this.loaded = loaded;
    this.module = loaded.image.module;
    for (const external of imports) {
      if (external instanceof FunctionInstance) this.functions.push(external);
      else if (external instanceof MemoryInstance) this.memories.push(external);
      else if (external instanceof TableInstance) this.tables.push(external);
      else this.globals.push(external);
    }
    this.makeOwn();
    this.env = machine.allocate(loaded.image.env.size);
  }

  build(): ModuleInstance {
    this.writeHeader();
    const { machine, env } = this;
    const layout = this.loaded.image.env;
    for (const [i, memory] of this.memories.entries()) memory.addCopy(env + layout.memories[i]);
    for (const [i, table] of this.tables.entries()) table.addCopy(env + layout.tables[i]);
    for (const [i, f] of this.functions.entries()) {
      machine.writeWord(env + layout.functionImports[i], f.descriptor);
    }
    for (const [i, type] of this.module.types.entries()) {
      machine.arena.writeU32(env + layout.typeIds[i], machine.types.id(type));
    }
    this.placeGlobals();
    this.placeSegments();
    this.writeDescriptors();
    return new ModuleInstance(machine, this.loaded, env, {
      memories: this.memories,
      tables: this.tables,
      globals: this.globals,
      importedFunctions: this.functions,
    });
  }

  /** Memories and tables of the module's own. First of all, because these may not fit. */
  private makeOwn(): void {
    const { machine, module } = this;
    for (const type of module.tables.slice(module.importedTables)) {
      this.tables.push(new TableInstance(machine, type.element, type.minimum, type.maximum, 0));
    }
    for (const type of module.memories.slice(module.importedMemories)) {
      this.memories.push(new MemoryInstance(machine, type.minimum, type.maximum, type.shared));
    }
  }

  private writeHeader(): void {
    const { machine, env } = this;
    const { image } = this.loaded;
    const { header } = image.env;
    machine.tail?.check(machine.entries.length === 0);
    machine.arena.writeU32(env + header.abiVersion, image.abiVersion);
    machine.arena.writeU32(env + header.layoutHash, image.layoutHash);
    machine.writeWord(env + header.thread, machine.thread);
    machine.writeWord(env + header.stackLimit, machine.stackLimit);
    machine.writeWord(env + header.hostCall, machine.core.hostCallStub);
  }

  private placeGlobals(): void {
    const { machine, module, env } = this;
    const { arena } = machine;
    module.globals.forEach((type, i) => {
      const place = env + this.loaded.image.env.globals[i];
      const imported = i < module.importedGlobals ? this.globals[i] : undefined;
      if (imported === undefined)
        this.globals.push(new GlobalInstance(machine, type.type, type.mutable, place));
      else if (type.mutable) machine.writeWord(place, imported.cell);
      else {
        const from = imported.cell - arena.address;
        arena.bytes.copyWithin(place - arena.address, from, from + (type.type === 'v128' ? 16 : 8));
      }
    });
  }

  private placeSegments(): void {
    const { machine, module, env } = this;
    const layout = this.loaded.image.env;
    module.data.forEach((segment, i) => {
      machine.writeWord(env + layout.dataSegments[i], this.loaded.dataSegments[i]);
      machine.writeWord(env + layout.dataSegments[i] + layout.word, segment.end - segment.start);
    });
    module.elements.forEach((segment, i) => {
      const count = segment.functions?.length ?? segment.expressions?.length ?? 0;
      machine.writeWord(env + layout.elementSegments[i], machine.allocate(count * layout.word));
      machine.writeWord(env + layout.elementSegments[i] + layout.word, count);
    });
  }

  private writeDescriptors(): void {
    const { machine, module, loaded, env } = this;
    const { arena } = machine;
    const { symbols } = loaded.image;
    const layout = descriptorLayout(loaded.image.env.word);
    loaded.image.env.descriptors.forEach((offset, i) => {
      if (offset < 0) return;
      const { typeIndex } = module.functions[i];
      const at = env + offset;
      arena.writeU32(at + layout.typeId, machine.types.id(module.types[typeIndex]));
      arena.writeU32(at + layout.index, i);
      machine.writeWord(at + layout.code, loaded.address(symbols.wasm[i]));
      machine.writeWord(at + layout.cross, loaded.address(symbols.cross[typeIndex]));
      machine.writeWord(at + layout.env, env);
    });
  }
}
