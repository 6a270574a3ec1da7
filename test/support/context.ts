import type { CompileContext } from '../../compiler/context.ts';
import { helperFor, helperNames, helperSignature } from '../../compiler/helpers/table.ts';
import type { Callee, Inst } from '../../compiler/ir/function.ts';
import { Type } from '../../compiler/ir/types.ts';
import { evaluate } from './interpret.ts';

const firstHelper = 1000;

/** Operations that the 32-bit test target has no instruction for, as on a Cortex-A9. */
function helperOn32(inst: Inst): string | null {
  const name = helperFor(inst);
  if (name === null) return null;
  const wide = name.includes('i64') && !name.includes('popcnt');
  return wide || /^i32_(div|rem)|ceil|floor|_trunc$|nearest/.test(name) ? name : null;
}

/**
 * A context with just what the passes ask for: a machine without divider and with 32-bit words, or one with 64-bit words.
 * @param pages that the memory has at least
 */
export function testContext(
  word: typeof Type.i32 | typeof Type.i64,
  guardBytes = 65536,
  pages = 0,
): CompileContext {
  const split = word === Type.i32;
  const context = {
    module: { memories: [{ minimum: pages, maximum: undefined, shared: false }] },
    target: {
      name: split ? 'armv7' : 'x86_64',
      word,
      memory: { checks: true, guardBytes },
      lowering: { splitWords: split, helper: split ? helperOn32 : () => null },
    },
    helper(name: string): Callee {
      const signature = helperSignature(name, word);
      if (signature === undefined) throw new Error(`no helper ${name}`);
      return { symbol: firstHelper + helperNames.indexOf(name), ...signature };
    },
  };
  return context as unknown as CompileContext;
}

/** What the helper that `callee` is computes, its signature split or not; undefined for other functions. */
export function helperResult(callee: Callee, args: readonly bigint[]): readonly bigint[] | undefined {
  if (callee.symbol < firstHelper) return undefined;
  const name = helperNames[callee.symbol - firstHelper];
  const signature = helperSignature(name, Type.i32);
  if (signature === undefined) return undefined;
  const split = callee.params.length !== signature.params.length;
  const joined = split ? signature.params.map((_, k) => args[2 * k] | (args[2 * k + 1] << 32n)) : args;
  const floats = signature.results[0] === Type.f32 || signature.results[0] === Type.f64;
  const match = /^[a-z0-9]+_(convert|trunc_sat)_[a-z0-9]+_([su])$/.exec(name);
  const plain = name.slice(4);
  const operation = match ? `${match[1]}_${match[2]}` : floats ? `f${plain}` : plain;
  const value = evaluate(operation, signature.results[0], signature.params[0], joined);
  const masked = BigInt.asUintN(64, value);
  return callee.results.length === 2 ? [masked & 0xffffffffn, masked >> 32n] : [masked];
}
