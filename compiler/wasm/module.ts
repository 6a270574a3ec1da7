/** A decoded module: what the binary says, with indices resolved to index spaces (imports first), nothing compiled yet. */

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'funcref' | 'externref';
export type RefType = 'funcref' | 'externref';

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface Limits {
  readonly minimum: number;
  /** Undefined where the module states none. */
  readonly maximum: number | undefined;
}

export interface FunctionDecl {
  /** Index into {@link Module.types}. */
  readonly typeIndex: number;
  /** Byte range of the body's code entry (locals and expression) in the binary; 0, 0 for imports. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

export interface TableDecl extends Limits {
  readonly element: RefType;
  /** What every element is at first; without it, null. */
  readonly init?: ConstExpr;
}

/** Limits in pages of 64 KiB. */
export interface MemoryDecl extends Limits {
  readonly shared: boolean;
}

export interface GlobalDecl {
  readonly type: ValueType;
  readonly mutable: boolean;
  /** Undefined for imports. */
  readonly init: ConstExpr | undefined;
}

/** A constant expression, kept as its byte range; the front end decodes and validates it like any code. */
export interface ConstExpr {
  readonly start: number;
  readonly end: number;
}

export type ExternalKind = 'function' | 'table' | 'memory' | 'global';

export interface Import {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  /** Index in the index space of `kind`. */
  readonly index: number;
}

export interface Export {
  readonly name: string;
  readonly kind: ExternalKind;
  readonly index: number;
}

export interface ElementSegment {
  readonly mode: 'active' | 'passive' | 'declared';
  readonly type: RefType;
  readonly table: number;
  /** Active segments: where it goes. */
  readonly offset: ConstExpr | undefined;
  /** Either function indices or expressions. */
  readonly functions: readonly number[] | undefined;
  readonly expressions: readonly ConstExpr[] | undefined;
}

export interface DataSegment {
  readonly mode: 'active' | 'passive';
  readonly memory: number;
  readonly offset: ConstExpr | undefined;
  /** Byte range of its contents in the binary. */
  readonly start: number;
  readonly end: number;
}

export interface CustomSection {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

export interface Module {
  readonly bytes: Uint8Array;
  readonly types: readonly FunctionType[];
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  /** Index spaces, imports first. */
  readonly functions: readonly FunctionDecl[];
  readonly tables: readonly TableDecl[];
  readonly memories: readonly MemoryDecl[];
  readonly globals: readonly GlobalDecl[];
  readonly importedFunctions: number;
  readonly importedTables: number;
  readonly importedMemories: number;
  readonly importedGlobals: number;
  readonly elements: readonly ElementSegment[];
  readonly data: readonly DataSegment[];
  /** From the data count section; undefined where there is none. */
  readonly dataCount: number | undefined;
  /** Function index of the start function, or undefined. */
  readonly start: number | undefined;
  readonly customSections: readonly CustomSection[];
  /**
   * Functions that something besides direct calls can refer to: exported, in element segments, in global
   * initialisers' or (as declared) any `ref.func`. These have descriptors.
   */
  readonly escaping: ReadonlySet<number>;
  /** From the name section (invalid or missing: empty): module name, function names by index, locals are not kept. */
  readonly names: { readonly module: string | undefined; readonly functions: ReadonlyMap<number, string> };
}

/** Names per function from imports and exports; the first export counts. */
const linkNames = new WeakMap<Module, ReadonlyMap<number, string>>();

function namesByLinking(module: Module): ReadonlyMap<number, string> {
  let names = linkNames.get(module);
  if (names === undefined) {
    const found = new Map<number, string>();
    for (const entry of module.imports) {
      if (entry.kind === 'function') found.set(entry.index, `${entry.module}.${entry.name}`);
    }
    for (const entry of module.exports) {
      if (entry.kind === 'function' && !found.has(entry.index)) found.set(entry.index, entry.name);
    }
    names = found;
    linkNames.set(module, names);
  }
  return names;
}

/** Name of function `index` for people: the name section's, an export's or import's, else `func[index]`. */
export function functionName(module: Module, index: number): string {
  return module.names.functions.get(index) ?? namesByLinking(module).get(index) ?? `func[${index}]`;
}
