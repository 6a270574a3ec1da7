import { beforeAll, describe, expect, it } from 'vitest';
import { Assembler } from '../../cli/wast/assemble.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';
import type { Func } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { printFunction } from '../ir/print.ts';
import { verify } from '../ir/verify.ts';
import { Program } from '../program.ts';
import { none } from '../stack/none.ts';
import { operatorAt } from '../wasm/opcodes.ts';
import { decodeModule } from '../wasm/reader.ts';
import { validateModule } from '../wasm/validate.ts';
import { dce } from './dce.ts';
import { inline, inlining, positionsFor } from './inline.ts';

let assembler: Assembler;
beforeAll(async () => {
  assembler = await Assembler.load();
});

function programOf(text: string, target = x86_64): Program {
  const module = decodeModule(assembler.assembleStrictly(`(module ${text})`));
  validateModule(module);
  return new Program(module, target, { scheme: none(target.wordBytes), order: 'relaxed', leaves: false });
}

/** Function `index` after the pass, verified. */
function inlined(text: string, index: number, target = x86_64): Func {
  const program = programOf(text, target);
  const func = program.build(program.symbols.wasm[index]);
  inline(func, program);
  verify(func, target.word);
  return func;
}

const count = (func: Func, op: number): number =>
  func.blocks.reduce((sum, { insts }) => sum + insts.filter((inst) => inst.op === op).length, 0);
const callees = (func: Func): number[] => func.inlined.map(({ wasmIndex }) => wasmIndex);

/** So many operations on local 0, none of which goes with the next. */
const work = (n: number): string =>
  Array.from({ length: n }, (_, k) =>
    k % 2 === 0
      ? `(local.set 0 (i32.xor (local.get 0) (i32.const ${k + 1})))`
      : `(local.set 0 (i32.mul (local.get 0) (i32.const ${2 * k + 77})))`,
  ).join(' ');

describe('the body of a small function', () => {
  it('stands in place of the call', () => {
    const text = `(func (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
      (func (param i32) (result i32) (i32.add (call 0 (i32.const 3)) (call 0 (local.get 0))))`;
    const func = inlined(text, 1);
    dce(func);
    expect(printFunction(func)).toBe(
      `function @1 "func[1]" wasm [1] (i32) -> (i32) at ${func.origin} {
block0():
  v0 = param.i32 0
  v1 = const.i32 3
  v6 = mul.i32 v1, v1
  v7 = mul.i32 v0, v0
  v4 = add.i32 v6, v7
  return v4
}
`,
    );
  });

  it.each([x86_64, armv7])('gives several results from several returns: $name', (target) => {
    const func = inlined(
      `(func (param i32) (result i32 i64)
        (if (local.get 0) (then (return (i32.const 1) (i64.const 2))))
        (local.get 0) (i64.const 4))
      (func (param i32) (result i64) (local i64)
        (call 0 (local.get 0)) (local.set 1) (i64.extend_i32_u) (local.get 1) (i64.add))`,
      1,
      target,
    );
    expect(count(func, Op.call)).toBe(0);
    expect(count(func, Op.result)).toBe(0);
    const phis = func.blocks.flatMap((block) => block.phis);
    expect(phis.map(({ args }) => args.length)).toEqual([2, 2]);
  });

  it('that never returns ends the code behind the call', () => {
    const func = inlined(
      `(func (unreachable))
      (func (param i32) (result i32) (loop $again (result i32)
        (call 0) (br_if $again (local.get 0)) (i32.const 1)))`,
      1,
    );
    expect(func.blocks.map(({ terminator }) => terminator.op)).toEqual([Op.jump, Op.trap]);
  });

  it('brings its loops into the loop around the call', () => {
    const func = inlined(
      `(func (param i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
      (func (param i32) (loop (call 0 (local.get 0)) (br_if 0 (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1))))))`,
      1,
    );
    expect(callees(func)).toEqual([0]);
    expect(count(func, Op.branch)).toBe(2);
  });

  it('uses the exec env of the caller, which may have had no use for it', () => {
    const func = inlined(
      '(global (mut i32) (i32.const 1)) (func (global.set 0 (i32.const 2))) (func (call 0) (call 0))',
      1,
    );
    expect(count(func, Op.env)).toBe(1);
    expect(count(func, Op.store)).toBe(2);
  });
});

describe('what is inlined', () => {
  it('depends on the size, and on whether the call is in a loop', () => {
    const { anywhere, inLoop } = inlining;
    const caller = (call: string): string => `(func (param i32) (result i32) ${call})`;
    const once = '(call 0 (local.get 0)) (call 0) ';
    const loop = '(loop (result i32) (call 0 (local.get 0)) (local.tee 0) (br_if 0 (local.get 0)))';
    const size = (n: number, calls: string): number[] =>
      callees(
        inlined(
          `(func (param i32) (result i32) ${work(n)} (local.get 0)) ${caller(calls)} (export "f" (func 0))`,
          1,
        ),
      );
    expect(size(anywhere, once)).toEqual([0, 0]);
    expect(size(anywhere + 1, once)).toEqual([]);
    expect(size(inLoop, loop)).toEqual([0]);
    expect(size(inLoop + 1, loop)).toEqual([]);
  });

  it('is larger where it is the only call of a function that nothing else names', () => {
    const text = (more: string): string =>
      `(func (param i32) (result i32) ${work(inlining.once)} (local.get 0))
      (func (param i32) (result i32) (call 0 (local.get 0))) ${more}`;
    expect(callees(inlined(text(''), 1))).toEqual([0]);
    for (const more of [
      '(export "f" (func 0))',
      '(table 1 funcref) (elem (i32.const 0) func 0)',
      '(elem declare func 0) (func (drop (ref.func 0)))',
      '(func (drop (call 0 (i32.const 1))))',
    ])
      expect(callees(inlined(text(more), 1)), more).toEqual([]);
  });

  it('is no function that calls itself, at once or by way of another', () => {
    const self =
      '(func (param i32) (if (local.get 0) (then (call 0 (i32.sub (local.get 0) (i32.const 1))))))';
    expect(callees(inlined(`${self} (func (call 0 (i32.const 1)))`, 1))).toEqual([]);
    expect(callees(inlined(self, 0))).toEqual([]);
    const mutual = `(func $a (param i32) (if (local.get 0) (then (call $b (i32.sub (local.get 0) (i32.const 1))))))
      (func $b (param i32) (if (local.get 0) (then (call $a (i32.sub (local.get 0) (i32.const 2))))))
      (func (call $a (i32.const 1)))`;
    const all = programOf(mutual);
    for (const index of [0, 1, 2]) {
      const func = all.build(all.symbols.wasm[index]);
      inline(func, all);
      verify(func, x86_64.word);
      expect(callees(func)).not.toContain(index);
      expect(count(func, Op.call)).toBe(1);
    }
  });

  it('is nothing in code that is hardly ever reached, and no import', () => {
    const func = inlined(
      `(import "a" "b" (func (param i32)))
      (func (param i32) (call 0 (local.get 0)))
      (func (call 1 (i32.const 1)))`,
      2,
    );
    expect(callees(func)).toEqual([1]);
    expect(count(func, Op.call_ptr)).toBe(1);
    const program = programOf('(func (nop)) (func (call 0))');
    const cold = program.build(program.symbols.wasm[1]);
    for (const block of cold.blocks) block.cold = true;
    inline(cold, program);
    expect(callees(cold)).toEqual([]);
  });

  it('ends where a function has grown enough', () => {
    const calls = 400;
    const body = `(func (param i32) (result i32) ${work(inlining.anywhere)} (local.get 0)) (export "f" (func 0))`;
    const func = inlined(
      `${body} (func (param i32) (result i32) (local.get 0) ${'(call 0) '.repeat(calls)})`,
      1,
    );
    const most = Math.floor((inlining.growth + inlining.growthShare * calls) / inlining.anywhere);
    expect(callees(func)).toHaveLength(most);
  });

  it('is no invalid function, which is refused in its turn', () => {
    const bytes = assembler.assembleStrictly('(module (func (param i32) (call 1)) (func (nop) (nop)))');
    const module = decodeModule(bytes);
    // The second body's first operator becomes i32.add.
    bytes[module.functions[1].bodyStart + 1] = 0x6a;
    const program = new Program(module, x86_64, { scheme: none(8), order: 'relaxed', leaves: false });
    const func = program.build(program.symbols.wasm[0]);
    inline(func, program);
    expect(callees(func)).toEqual([]);
    expect(() => program.build(program.symbols.wasm[1])).toThrow('type mismatch');
  });

  it('goes no deeper than it says, however long the chain', () => {
    const chain = 5000;
    const text = Array.from({ length: chain }, (_, k) => `(func (call ${k + 1}))`).join(' ');
    const func = inlined(`${text} (func (nop))`, 0);
    expect(func.inlined.length).toBeGreaterThan(0);
    expect(func.inlined.length).toBeLessThanOrEqual(inlining.depth);
  });

  it('goes no deeper where the callees came first', () => {
    const chain = 40;
    const callers = Array.from({ length: chain }, (_, k) => `(func (call ${k}))`).join(' ');
    const program = programOf(`(func (nop)) ${callers}`);
    const deep = program.symbols.wasm.map((symbol) => {
      const func = program.build(symbol);
      inline(func, program);
      return func.inlined.length;
    });
    expect(Math.max(...deep)).toBe(inlining.depth);
  });
});

describe('positions of inlined code', () => {
  const text = `(func $inner (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))
    (func $outer (param i32) (result i32) (i32.rem_s (call $inner (i32.const 7) (local.get 0)) (local.get 0)))
    (func (param i32) (result i32) (i32.xor (call $outer (local.get 0)) (call $inner (local.get 0) (i32.const 9))))`;

  it('lie beyond the module, body by body, and say where each call was', () => {
    const program = programOf(text);
    const { module } = program;
    const { bytes, functions } = module;
    const func = program.build(program.symbols.wasm[2]);
    inline(func, program);
    expect(callees(func)).toEqual([1, 0, 0]);
    let next = bytes.length;
    for (const { base, wasmIndex, bodyStart, bodyBytes } of func.inlined) {
      const { bodyStart: start, bodyEnd } = functions[wasmIndex];
      expect([base, bodyStart, bodyBytes]).toEqual([next, start, bodyEnd - start]);
      next += bodyBytes;
    }
    /** The operator at a position, and those that have called, by name. */
    const chain = (position: number): string[] => {
      const row = func.inlined.findLast(({ base }) => base <= position);
      if (row === undefined) return [operatorAt(bytes, position)];
      return [operatorAt(bytes, position - row.base + row.bodyStart), ...chain(row.call)];
    };
    const insts = func.blocks.flatMap((block) => block.insts);
    const chains = (op: number): string[][] =>
      insts.filter((inst) => inst.op === op).map(({ origin }) => chain(origin));
    expect(chains(Op.div_u)).toEqual([
      ['i32.div_u', 'call', 'call'],
      ['i32.div_u', 'call'],
    ]);
    expect(chains(Op.rem_s)).toEqual([['i32.rem_s', 'call']]);
    expect(chains(Op.xor)).toEqual([['i32.xor']]);
    for (const { origin } of insts) expect(origin).toBeLessThan(next);
  });

  it('are never more than fit', () => {
    const bytes = new Uint8Array(1000);
    const { module } = programOf(text);
    const share = positionsFor({ ...module, bytes }, 400);
    expect(share).toBeGreaterThan(1e8);
    expect(bytes.length + share + positionsFor({ ...module, bytes }, 600)).toBeLessThan(2 ** 31);
    // A module that is almost as large as a position: nothing is inlined.
    const program = programOf(text);
    const func = program.build(program.symbols.wasm[2]);
    const large = Object.create(program.module.bytes, { length: { value: 2 ** 31 - 2 } }) as Uint8Array;
    inline(func, {
      ...program,
      module: { ...program.module, bytes: large },
      inlinable: (symbol: number) => program.inlinable(symbol),
    } as unknown as Program);
    expect(func.inlined).toEqual([]);
  });
});
