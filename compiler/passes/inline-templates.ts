import type { CompileContext } from '../context.ts';
import { CompileError } from '../errors.ts';
import { type Func, inlinedBody } from '../ir/function.ts';
import { ByteReader } from '../wasm/bytes.ts';
import type { Module } from '../wasm/module.ts';
import { skipOperator } from '../wasm/opcodes.ts';
import { type InlineTemplate, inlineCost, inlining } from './inline.ts';
import { runTemplatePasses } from './pipeline.ts';

/**
 * The functions of a program that can be inlined: each is built when it is first asked for, the ones that it calls before it.
 *
 * Among functions that call each other, and in chains of calls deeper than `inlining.depth`, what is in a template depends on which one
 * was asked for first: bodies that are being built then are left out, and the template is kept as it is. So the code of an image
 * depends on the order of asking. It is the same in every compilation, as functions are compiled one after the other, by index; who
 * compiles them in another order or at the same time has to change this first. Not to keep such templates is no way: functions that
 * all call each other would be built again for each path through them.
 */
export class InlineTemplates {
  private readonly ctx: CompileContext;
  private readonly build: (symbol: number) => Func;
  private readonly known = new Map<number, InlineTemplate | null>();
  private readonly open = new Set<number>();
  /** Calls of each function of the module, counted when first asked for. */
  private calls: Uint32Array | undefined;

  /** @param build makes the SSA form of the function with this symbol */
  constructor(ctx: CompileContext, build: (symbol: number) => Func) {
    this.ctx = ctx;
    this.build = build;
  }

  /** The function with this symbol, or null if it is not inlined. */
  get(symbol: number): InlineTemplate | null {
    const { known, open, ctx } = this;
    const found = known.get(symbol);
    if (found !== undefined) return found;
    const { kind, wasmIndex } = ctx.symbol(symbol);
    if (kind !== 'wasm') return null;
    const { bodyStart, bodyEnd } = ctx.module.functions[wasmIndex];
    // A body that is being built is part of itself, and is none.
    if (bodyEnd - bodyStart > inlining.bytes || open.has(symbol) || open.size >= inlining.depth) return null;
    open.add(symbol);
    const template = this.make(symbol, wasmIndex, bodyEnd - bodyStart);
    open.delete(symbol);
    known.set(symbol, template);
    return template;
  }

  private make(symbol: number, wasmIndex: number, bodyBytes: number): InlineTemplate | null {
    const { ctx } = this;
    let func: Func;
    try {
      func = this.build(symbol);
    } catch (error) {
      // It is reported when its turn comes.
      if (error instanceof CompileError) return null;
      throw error;
    }
    runTemplatePasses(func, ctx);
    const cost = inlineCost(func);
    if (cost > Math.max(inlining.inLoop, inlining.once) || callsItself(func) || func.slotBytes > 0)
      return null;
    // Bodies that are known already count, too: those that are called may have been asked for first.
    if (bodiesDeep(func) >= inlining.depth) return null;
    const positions = func.inlined.reduce((sum, inner) => sum + inner.bodyBytes, bodyBytes);
    return { func, cost, positions, once: this.isCalledOnce(wasmIndex) };
  }

  private isCalledOnce(index: number): boolean {
    const { module } = this.ctx;
    if (module.escaping.has(index) || module.start === index) return false;
    this.calls ??= countCalls(module);
    return this.calls[index] === 1;
  }
}

const callsItself = ({ symbol, blocks }: Func): boolean =>
  blocks.some(({ insts }) => insts.some(({ callee }) => callee !== null && callee.symbol === symbol.id));

/** How many bodies stand inside of each other in a function's. */
function bodiesDeep({ inlined }: Func): number {
  const depth: number[] = [];
  for (const { call } of inlined) {
    const outer = inlinedBody(inlined, call);
    depth.push(outer < 0 ? 1 : depth[outer] + 1);
  }
  return depth.reduce((most, each) => Math.max(most, each), 0);
}

const opCall = 0x10;

/** Direct calls of each function in all bodies. Code that cannot be decoded ends its function: the front end refuses it in its turn. */
function countCalls({ bytes, functions }: Module): Uint32Array {
  const counts = new Uint32Array(functions.length);
  for (const { bodyStart, bodyEnd } of functions) {
    const r = new ByteReader(bytes, bodyStart, bodyEnd);
    try {
      for (let groups = r.u32(); groups > 0; groups--) {
        r.skipLeb();
        r.skipLeb();
      }
      while (r.pos < bodyEnd) {
        const at = r.pos;
        if (bytes[at] === opCall) {
          r.pos++;
          const callee = r.u32();
          if (callee < counts.length) counts[callee]++;
        } else if (skipOperator(r) < 0) break;
      }
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
    }
  }
  return counts;
}
