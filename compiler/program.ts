import { layoutEnv } from './abi.ts';
import type { CompileContext } from './context.ts';
import { InternalError } from './errors.ts';
import { type AdapterKind, buildAdapter, buildService, findService } from './frontend/adapters.ts';
import { buildFunction } from './frontend/build.ts';
import { buildInit } from './frontend/init.ts';
import { findIntrinsics, type Intrinsic } from './frontend/intrinsics.ts';
import { ModuleTypes } from './frontend/module-types.ts';
import { buildHelper, helperSignature } from './helpers/index.ts';
import type { Image } from './image/image.ts';
import type { Callee, Func, FunctionKind, FunctionSymbol } from './ir/function.ts';
import type { InlineTemplate } from './passes/inline.ts';
import { InlineTemplates } from './passes/inline-templates.ts';
import type { PassName } from './passes/pipeline.ts';
import type { Publication } from './stack/scheme.ts';
import type { Target } from './target.ts';
import type { Module } from './wasm/module.ts';

/** A function of the image: its symbol, how others call it, and how it comes to be. */
interface Entry {
  readonly symbol: FunctionSymbol;
  readonly callee: Callee;
  readonly build: () => Func;
}

/** `functionName` for all defined functions of a module, however many it exports. */
function functionNames(module: Module): (index: number) => string {
  const exported = new Map<number, string>();
  for (const { kind, index, name } of module.exports) {
    if (kind === 'function' && !exported.has(index)) exported.set(index, name);
  }
  return (index) => module.names.functions.get(index) ?? exported.get(index) ?? `func[${index}]`;
}

const adapterKinds = ['entry', 'cross', 'host'] as const;

/** See CompileOptions. */
export interface ProgramOptions {
  readonly intrinsics?: boolean;
  readonly without?: readonly PassName[];
}

/**
 * All functions that an image consists of: those that the module defines in index order, init, the adapters, and helpers
 * from the moment that some function asks for them. Symbol ids are places in this order.
 */
export class Program implements CompileContext {
  readonly module: Module;
  readonly env: ReturnType<typeof layoutEnv>;
  readonly target: Target;
  readonly publication: Publication;
  readonly intrinsics?: ReadonlyMap<number, Intrinsic>;
  readonly without: ReadonlySet<PassName>;
  /** The image's tables of symbols. */
  readonly symbols: Image['symbols'];
  private readonly entries: Entry[] = [];
  private readonly helpers = new Map<string, Callee>();
  private readonly templates = new InlineTemplates(this, (symbol) => this.build(symbol));

  /** @throws CompileError `invalid`, only with `intrinsics`, if the module uses them or the name `service` for what they are not */
  constructor(
    module: Module,
    target: Target,
    publication: Publication,
    { intrinsics = false, without = [] }: ProgramOptions = {},
  ) {
    this.module = module;
    this.without = new Set(without);
    this.target = target;
    this.publication = publication;
    if (intrinsics) this.intrinsics = findIntrinsics(module);
    this.env = layoutEnv(module, target.wordBytes, publication.scheme.abi);
    const types = ModuleTypes.of(this);
    const name = functionNames(module);
    const wasm = Int32Array.from(module.functions, ({ typeIndex }, index) => {
      if (index < module.importedFunctions) return -1;
      const callee = types.callees[typeIndex];
      return this.add(name(index), 'wasm', callee, () => buildFunction(this, index), index).symbol;
    });
    const nothing: Callee = { symbol: -1, params: [], results: [] };
    const init = this.add('init', 'init', nothing, (symbol) => buildInit(this, symbol)).symbol;
    const adapters = this.addAdapters(types.callees);
    const initEntry = this.addAdapter('entry', nothing);
    const service = intrinsics ? this.addService() : -1;
    this.symbols = { wasm, init, initEntry, service, ...adapters };
  }

  /** Number of functions so far. */
  get size(): number {
    return this.entries.length;
  }

  /** Builds the SSA form of the function with symbol `id`. */
  build(id: number): Func {
    return this.entries[id].build();
  }

  function(index: number): Callee {
    return this.entries[this.symbols.wasm[index]].callee;
  }

  symbol(id: number): FunctionSymbol {
    return this.entries[id].symbol;
  }

  helper(name: string): Callee {
    let callee = this.helpers.get(name);
    if (callee === undefined) {
      const signature = helperSignature(name, this.target.word);
      if (signature === undefined) throw new InternalError(`there is no helper '${name}'`);
      callee = this.add(name, 'helper', { symbol: -1, ...signature }, (symbol) =>
        buildHelper(this, name, symbol),
      );
      this.helpers.set(name, callee);
    }
    return callee;
  }

  inlinable(symbol: number): InlineTemplate | null {
    return this.templates.get(symbol);
  }

  private add(
    name: string,
    kind: FunctionKind,
    signature: Callee,
    build: (symbol: FunctionSymbol) => Func,
    wasmIndex = -1,
  ): Callee {
    const symbol = { id: this.entries.length, name, kind, wasmIndex };
    const callee = { symbol: symbol.id, params: signature.params, results: signature.results };
    this.entries.push({ symbol, callee, build: () => build(symbol) });
    return callee;
  }

  /**
   * Adapters for each type that an imported or escaping function has: these functions are what others can call, or what
   * calls others. Equal types share theirs.
   */
  private addAdapters(callees: readonly Callee[]): Record<AdapterKind, Int32Array> {
    const { functions, importedFunctions, escaping, types } = this.module;
    const tables = {
      entry: new Int32Array(types.length).fill(-1),
      cross: new Int32Array(types.length).fill(-1),
      host: new Int32Array(types.length).fill(-1),
    };
    const known = new Map<string, number>();
    functions.forEach(({ typeIndex }, index) => {
      if (tables.entry[typeIndex] >= 0 || !(index < importedFunctions || escaping.has(index))) return;
      const { params, results } = types[typeIndex];
      const key = `${params.join()}>${results.join()}`;
      const same = known.get(key);
      for (const kind of adapterKinds) {
        tables[kind][typeIndex] =
          same === undefined ? this.addAdapter(kind, callees[typeIndex]) : tables[kind][same];
      }
      known.set(key, typeIndex);
    });
    return tables;
  }

  private addAdapter(kind: AdapterKind, callee: Callee): number {
    return this.add(`${kind} adapter`, `${kind}-adapter`, callee, (symbol) =>
      buildAdapter(this, kind, callee, symbol),
    ).symbol;
  }

  /** The service adapter, if the module exports the function that it is for. */
  private addService(): number {
    const index = findService(this.module);
    if (index < 0) return -1;
    const { word } = this.target;
    const signature: Callee = { symbol: -1, params: [word, word, word, word], results: [word] };
    return this.add('service adapter', 'cross-adapter', signature, (symbol) =>
      buildService(this, index, symbol),
    ).symbol;
  }
}
