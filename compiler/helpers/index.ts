import type { CompileContext } from '../context.ts';
import { InternalError } from '../errors.ts';
import { buildFunction } from '../frontend/build.ts';
import type { Callee, Func, FunctionSymbol } from '../ir/function.ts';
import { Type } from '../ir/types.ts';
import type { Module } from '../wasm/module.ts';
import { decodeModule } from '../wasm/reader.ts';
import { helperBinaries } from './binary.generated.ts';

export { helperFor, helperNames, helperSignature } from './table.ts';

/** The decoded helper module of an address width, and where each helper is in it. */
interface Library {
  readonly module: Module;
  readonly indices: ReadonlyMap<string, number>;
  readonly names: ReadonlyMap<number, string>;
}

const libraries = new Map<Type, Library>();

function libraryOf(word: Type): Library {
  let library = libraries.get(word);
  if (library === undefined) {
    const bytes = Buffer.from(word === Type.i64 ? helperBinaries.i64 : helperBinaries.i32, 'base64');
    const module = decodeModule(bytes, { native: true });
    const functions = module.exports.filter((entry) => entry.kind === 'function');
    library = {
      module,
      indices: new Map(functions.map(({ name, index }) => [name, index])),
      names: new Map(functions.map(({ name, index }) => [index, name])),
    };
    libraries.set(word, library);
  }
  return library;
}

/**
 * Builds helper `name` in SSA form, as the front end builds any function. The helpers it calls are asked of
 * `ctx.helper`. Its instructions come from no operator of the user's module: every origin is -1.
 * @param symbol the function's own, as `ctx.helper(name)` refers to it
 * @throws InternalError for a name that no helper has
 */
export function buildHelper(ctx: CompileContext, name: string, symbol: FunctionSymbol): Func {
  const { module, indices, names } = libraryOf(ctx.target.word);
  const own = indices.get(name);
  if (own === undefined) throw new InternalError(`there is no helper '${name}'`);
  const native: CompileContext = {
    module,
    env: ctx.env,
    target: ctx.target,
    publication: ctx.publication,
    native: true,
    function: (index: number): Callee => ctx.helper(names.get(index) ?? ''),
    helper: (other: string) => ctx.helper(other),
    symbol: (id: number) => (id === symbol.id ? symbol : ctx.symbol(id)),
  };
  const func = buildFunction(native, own);
  for (const block of func.blocks) {
    for (const phi of block.phis) phi.origin = -1;
    for (const inst of block.insts) inst.origin = -1;
  }
  return func;
}
