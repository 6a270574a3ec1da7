import type {
  External,
  FunctionInstance,
  GlobalInstance,
  MemoryInstance,
  TableInstance,
} from './externals.ts';
import type { LoadedImage } from './loaded-image.ts';
import type { Machine } from './machine.ts';

/** An instance of a module on a machine: its exec env and its index spaces (imports first). Made by `instantiate`. */
export class ModuleInstance {
  readonly machine: Machine;
  readonly loaded: LoadedImage;
  /** Guest address of the exec env. */
  readonly env: number;
  readonly memories: readonly MemoryInstance[];
  readonly tables: readonly TableInstance[];
  readonly globals: readonly GlobalInstance[];
  private readonly importedFunctions: readonly FunctionInstance[];

  constructor(
    machine: Machine,
    loaded: LoadedImage,
    env: number,
    spaces: {
      readonly memories: readonly MemoryInstance[];
      readonly tables: readonly TableInstance[];
      readonly globals: readonly GlobalInstance[];
      readonly importedFunctions: readonly FunctionInstance[];
    },
  ) {
    this.machine = machine;
    this.loaded = loaded;
    this.env = env;
    this.memories = spaces.memories;
    this.tables = spaces.tables;
    this.globals = spaces.globals;
    this.importedFunctions = spaces.importedFunctions;
  }

  /**
   * Function `index` of the index space.
   * @throws RangeError for a function that nothing outside can refer to, which has no descriptor
   */
  function(index: number): FunctionInstance {
    const imported = this.importedFunctions[index];
    if (imported !== undefined) return imported;
    const offset = this.loaded.image.env.descriptors[index] ?? -1;
    if (offset < 0) throw new RangeError(`function ${index} is not exported`);
    return this.machine.functionAt(this.env + offset);
  }

  /** What the module exports under `name`, or undefined. */
  export(name: string): External | undefined {
    const entry = this.loaded.image.module.exports.find((e) => e.name === name);
    if (entry === undefined) return undefined;
    return this.external(entry.kind, entry.index);
  }

  /** Entry `index` of one of the index spaces. */
  external(kind: 'function' | 'table' | 'memory' | 'global', index: number): External {
    switch (kind) {
      case 'function':
        return this.function(index);
      case 'table':
        return this.tables[index];
      case 'memory':
        return this.memories[index];
      case 'global':
        return this.globals[index];
    }
  }
}
