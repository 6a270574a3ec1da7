import type { EnvLayout } from './abi.ts';
import type { Intrinsic } from './frontend/intrinsics.ts';
import type { Callee, FunctionSymbol } from './ir/function.ts';
import type { InlineTemplate } from './passes/inline.ts';
import type { PassName } from './passes/pipeline.ts';
import type { Publication } from './stack/scheme.ts';
import type { Target } from './target.ts';
import type { Module } from './wasm/module.ts';

/** What the stages that build or lower SSA know about the program around the function at hand. */
export interface CompileContext {
  readonly module: Module;
  readonly env: EnvLayout;
  readonly target: Target;
  readonly publication: Publication;
  /** The module's memory is native memory (compiler/helpers): addresses are words, and nothing is checked. */
  readonly native?: boolean;
  /** Imported functions that are instructions, by index in the function index space (CompileOptions.intrinsics). */
  readonly intrinsics?: ReadonlyMap<number, Intrinsic>;
  /** Passes that are switched off (CompileOptions.without). */
  readonly without?: ReadonlySet<PassName>;
  /** SSA signature and symbol of function `index` of the index space; only defined (not imported) functions. */
  function(index: number): Callee;
  /**
   * Symbol and signature of a helper (compiler/helpers), which becomes part of the image when first asked for.
   * @throws InternalError for a name that no helper has
   */
  helper(name: string): Callee;
  /** The body to put in place of calls of this symbol, or null where these stay calls; undefined where nothing is inlined. */
  inlinable?(symbol: number): InlineTemplate | null;
  /** The symbol that calls of `callee.symbol` refer to. */
  symbol(id: number): FunctionSymbol;
}
