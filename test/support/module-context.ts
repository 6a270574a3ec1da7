import { layoutEnv } from '../../compiler/abi.ts';
import type { CompileContext } from '../../compiler/context.ts';
import type { Callee, FunctionSymbol } from '../../compiler/ir/function.ts';
import { Type } from '../../compiler/ir/types.ts';
import { none } from '../../compiler/stack/none.ts';
import type { Target } from '../../compiler/target.ts';
import type { Module, ValueType } from '../../compiler/wasm/module.ts';

/** What the front end reads of a target. */
export const specTargets = {
  x86_64: { word: Type.i64, wordBytes: 8, memory: { checks: false, guardBytes: 2 ** 32 } },
  armv7: { word: Type.i32, wordBytes: 4, memory: { checks: true, guardBytes: 65536 } },
} as const;

/** A compile context for specs of the front end, which get by without a back end. */
export function moduleContext(module: Module, name: keyof typeof specTargets): CompileContext {
  const target = specTargets[name] as unknown as Target;
  const word = target.word;
  const ssaType = (type: ValueType): Type => (type === 'funcref' || type === 'externref' ? word : Type[type]);
  const helpers = new Map<string, Callee>();
  const parameters: Readonly<Record<string, readonly Type[]>> = {
    memory_copy: [word, word, word],
    memory_fill: [word, Type.i32, word],
    words_copy: [word, word, word],
    words_fill: [word, word, word],
  };
  return {
    module,
    env: layoutEnv(module, target.wordBytes, 1),
    target,
    publication: { scheme: none(target.wordBytes), order: 'relaxed', leaves: false },
    function(index: number): Callee {
      const { params, results } = module.types[module.functions[index].typeIndex];
      return { symbol: index, params: params.map(ssaType), results: results.map(ssaType) };
    },
    helper(helper: string): Callee {
      let callee = helpers.get(helper);
      if (callee === undefined) {
        callee = { symbol: module.functions.length + helpers.size, params: parameters[helper], results: [] };
        helpers.set(helper, callee);
      }
      return callee;
    },
    symbol(id: number): FunctionSymbol {
      const helper = [...helpers.keys()][id - module.functions.length];
      if (helper !== undefined) return { id, name: helper, kind: 'helper', wasmIndex: -1 };
      return { id, name: `f${id}`, kind: 'wasm', wasmIndex: id };
    },
  };
}
