import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { beforeAll, describe, expect, it } from 'vitest';
import { Assembler } from '../../cli/wast/assemble.ts';
import { moduleContext, type specTargets } from '../../test/support/module-context.ts';
import type { Func, Inst } from '../ir/function.ts';
import { Op, ops } from '../ir/ops.ts';
import { printFunction } from '../ir/print.ts';
import { Region, TrapKind } from '../ir/types.ts';
import { verify } from '../ir/verify.ts';
import { decodeModule } from '../wasm/reader.ts';
import { validateModule } from '../wasm/validate.ts';
import { buildFunction } from './build.ts';
import { buildInit } from './init.ts';
import { LocalTypes } from './local-types.ts';
import { LoopScan } from './loop-scan.ts';
import { StackType } from './module-types.ts';

type TargetName = keyof typeof specTargets;

const sqlite = createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm');

let assembler: Assembler;
beforeAll(async () => {
  assembler = await Assembler.load();
});

function contextOf(text: string, target: TargetName) {
  const module = decodeModule(assembler.assembleStrictly(`(module ${text})`));
  validateModule(module);
  return moduleContext(module, target);
}

/** The first function that the module defines. */
function build(text: string, target: TargetName = 'x86_64'): Func {
  const ctx = contextOf(text, target);
  const func = buildFunction(ctx, ctx.module.importedFunctions);
  verify(func, ctx.target.word);
  return func;
}

const insts = (func: Func): Inst[] => func.blocks.flatMap((block) => block.insts);
const names = (func: Func): string[] => insts(func).map((inst) => ops[inst.op].name);
const count = (func: Func, op: number): number => insts(func).filter((inst) => inst.op === op).length;
const phis = (func: Func): number => func.blocks.reduce((sum, block) => sum + block.phis.length, 0);

describe('control', () => {
  it('gives loops phis for what they assign alone, and none where nothing differs', () => {
    const func = build(`(func (param $n i32) (param $k i32) (result i32) (local $i i32) (local $same i32)
      (loop $next
        (local.set $same (local.get $same))
        (local.set $i (i32.add (local.get $i) (local.get $k)))
        (br_if $next (i32.lt_s (local.get $i) (local.get $n))))
      (i32.add (local.get $i) (local.get $same)))`);
    expect(phis(func)).toBe(1);
    expect(func.blocks[1].phis).toHaveLength(1);
  });

  it('joins locals and results of both arms', () => {
    const func = build(`(func (param i32) (result i32) (local i32)
      (if (result i32) (local.get 0)
        (then (local.set 1 (i32.const 1)) (i32.const 2))
        (else (local.set 1 (i32.const 3)) (i32.const 4)))
      (i32.add (local.get 1)))`);
    expect(func.blocks).toHaveLength(4);
    expect(func.blocks[3].phis.map((phi) => phi.args.map((arg) => arg.imm))).toEqual([
      [2, 4],
      [1, 3],
    ]);
  });

  it('makes no block for a missing else', () => {
    const func = build('(func (param i32) (if (local.get 0) (then (drop (i32.const 1)))))');
    expect(func.blocks).toHaveLength(3);
    expect(func.blocks[0].succs).toEqual([func.blocks[1], func.blocks[2]]);
  });

  it('gives br_table one successor a label', () => {
    const func = build(`(func (param i32) (result i32)
      (block $a (block $b (br_table $a $b $a $b $b (local.get 0))) (return (i32.const 1)))
      (i32.const 2))`);
    const inst = func.blocks[0].terminator;
    expect(inst.op).toBe(Op.switch);
    expect([...(inst.table ?? [])]).toEqual([0, 1, 0, 1, 1]);
    expect(func.blocks[0].succs).toHaveLength(2);
    const one = build('(func (param i32) (block (block (br_table 0 0 0 (local.get 0)))))');
    expect(one.blocks[0].terminator.op).toBe(Op.jump);
  });

  it('passes block parameters around a loop', () => {
    const func = build(`(func (param i32) (result i64)
      (i64.const 1)
      (loop $l (param i64) (result i64)
        (i64.add (i64.const 1))
        (br_if $l (i32.eqz (local.get 0)))))`);
    expect(func.blocks[1].phis).toHaveLength(1);
    expect(func.blocks[1].phis[0].args).toHaveLength(2);
  });

  it('validates unreachable code and generates nothing for it', () => {
    const func = build(
      '(func (result i32) (unreachable) (i32.add) (drop) (block (loop (br 1))) (i32.const 1))',
    );
    expect(names(func)).toEqual(['trap']);
    expect(func.blocks[0].cold).toBe(true);
    expect(() => build('(func (unreachable) (i32.add (f32.const 0)) (drop))')).toThrow('type mismatch');
  });
});

describe('numbers', () => {
  it('checks divisions as far as the operands leave it open', () => {
    const traps = (text: string) =>
      insts(build(`(func (param i32 i32) (result i32) ${text})`))
        .filter((inst) => inst.op === Op.trap_if)
        .map((inst) => inst.imm);
    expect(traps('(i32.div_s (local.get 0) (local.get 1))')).toEqual([
      TrapKind.divideByZero,
      TrapKind.integerOverflow,
    ]);
    expect(traps('(i32.rem_s (local.get 0) (local.get 1))')).toEqual([TrapKind.remainderByZero]);
    expect(traps('(i32.div_s (local.get 0) (i32.const 3))')).toEqual([]);
    expect(traps('(i32.div_s (local.get 0) (i32.const -1))')).toEqual([TrapKind.integerOverflow]);
    expect(traps('(i32.div_s (i32.const 7) (local.get 1))')).toEqual([TrapKind.divideByZero]);
    expect(traps('(i32.div_u (local.get 0) (i32.const 0))')).toEqual([TrapKind.divideByZero]);
  });
});

describe('memory', () => {
  const body = (text: string) => `(memory 1 2) (func (param i32) (result i32) ${text})`;

  it('checks bounds on targets without the reservation for it', () => {
    const load = body('(i32.load offset=8 (local.get 0))');
    expect(names(build(load))).toEqual(['param', 'env', 'load', 'load_indexed', 'return']);
    const func = build(load, 'armv7');
    expect(names(func)).toEqual(['param', 'env', 'load', 'load', 'check_bounds', 'load_indexed', 'return']);
    expect(insts(func)[4].offset).toBe(12);
  });

  it('knows that low constant addresses are in bounds', () => {
    expect(count(build(body('(i32.load (i32.const 65532))'), 'armv7'), Op.check_bounds)).toBe(0);
    expect(count(build(body('(i32.load (i32.const 65533))'), 'armv7'), Op.check_bounds)).toBe(1);
  });

  it('loads base and size again behind a call, unless the memory cannot grow', () => {
    const bases = (limits: string) =>
      insts(
        build(`(import "m" "f" (func $f)) (memory ${limits})
          (func (param i32) (call $f) (i32.store (local.get 0) (i32.load (local.get 0))) (call $f)
            (i32.store8 (local.get 0) (i32.const 1)))`),
      ).filter((inst) => inst.op === Op.load && inst.region === Region.memoryInfo).length;
    expect(bases('1 2')).toBe(2);
    expect(bases('1 1')).toBe(0);
  });
});

describe('globals', () => {
  it('knows constants, and gives imported mutable ones one alias class', () => {
    const func = build(`(import "m" "a" (global i32)) (import "m" "b" (global (mut i32)))
      (import "m" "c" (global (mut i32))) (global $k i32 (i32.const 5)) (global $own (mut i32) (i32.const 0))
      (func (global.set 1 (global.get 0)) (global.set 2 (global.get $k)) (global.set $own (global.get 1)))`);
    const stores = insts(func).filter((inst) => inst.op === Op.store);
    expect(stores.map((inst) => inst.region - Region.global)).toEqual([1, 1, 4]);
    expect(stores[1].args[1]).toMatchObject({ op: Op.const, imm: 5 });
  });
});

describe('calls', () => {
  it('reaches imports through their descriptor', () => {
    const func = build(
      '(import "m" "f" (func $f (param i32) (result i32 i64))) (func (drop (drop (call $f (i32.const 1)))))',
    );
    expect(names(func)).toEqual(['env', 'const', 'load', 'load', 'call_ptr', 'result', 'result', 'return']);
  });

  it('checks indirect calls: index, null, signature', () => {
    const func = build(`(type $t (func (param i32) (result i32))) (table 3 funcref)
      (func (param i32) (result i32) (call_indirect (type $t) (i32.const 9) (local.get 0)))`);
    const traps = insts(func).filter((inst) => inst.op === Op.trap_if);
    expect(traps.map((inst) => inst.imm)).toEqual([
      TrapKind.indirectCallOutOfBounds,
      TrapKind.indirectCallNull,
      TrapKind.indirectCallSignature,
    ]);
    expect(count(func, Op.select)).toBe(1);
    expect(count(func, Op.call_ptr)).toBe(1);
  });
});

describe('buildInit', () => {
  it('initialises in the order of the specification, in one block', () => {
    const ctx = contextOf(
      `(table 4 funcref) (memory 1) (global $g (mut i32) (i32.mul (i32.const 6) (i32.const 7)))
       (elem (i32.const 1) $s $s) (data (i32.const 3) "abc") (func $s) (start $s)`,
      'armv7',
    );
    const func = buildInit(ctx, { id: 9, name: 'init', kind: 'init', wasmIndex: -1 });
    verify(func, ctx.target.word);
    expect(func.blocks).toHaveLength(1);
    const steps = insts(func).flatMap((inst) =>
      inst.op === Op.call
        ? [inst.callee?.symbol === 0 ? 'start' : 'copy']
        : inst.op === Op.store
          ? [inst.region >= Region.global ? 'global' : inst.region === Region.native ? 'element' : 'drop']
          : [],
    );
    expect(steps).toEqual(['global', 'element', 'element', 'copy', 'drop', 'copy', 'drop', 'start']);
  });
});

describe('real programs', () => {
  it.each(['x86_64', 'armv7'] as const)('builds verifiable SSA of all of SQLite for %s', (target) => {
    const module = decodeModule(readFileSync(sqlite));
    validateModule(module);
    const ctx = moduleContext(module, target);
    for (let index = module.importedFunctions; index < module.functions.length; index++) {
      verify(buildFunction(ctx, index), ctx.target.word);
    }
  });

  it('gives every instruction of a body the offset of its operator', () => {
    const func = build('(func (param i32) (result i32) (i32.add (local.get 0) (i32.const 7)))');
    const { origin } = func;
    expect(printFunction(func, { origins: true })).toContain(`add.i32 v0, v1 at ${origin + 5}`);
  });
});

describe('hostile functions', () => {
  const leb = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
  const repeat = (times: number, bytes: readonly number[]): number[] =>
    Array.from({ length: times * bytes.length }, (_, k) => bytes[k % bytes.length]);

  /** A module of one function [i32] -> [] with `locals` further i32 locals. */
  function moduleOf(locals: number, code: readonly number[]): Uint8Array {
    const body = [1, ...leb(locals), 0x7f].concat(code);
    const content = [1, ...leb(body.length)].concat(body);
    return Uint8Array.from(
      [
        0,
        0x61,
        0x73,
        0x6d,
        1,
        0,
        0,
        0,
        1,
        5,
        1,
        0x60,
        1,
        0x7f,
        0,
        3,
        2,
        1,
        0,
        10,
        ...leb(content.length),
      ].concat(content),
    );
  }

  const buildBytes = (bytes: Uint8Array): Func =>
    buildFunction(moduleContext(decodeModule(bytes), 'armv7'), 0);

  it.each([
    ['blocks', [0x02, 0x40], []],
    ['loops that assign', [0x03, 0x40], [0x20, 0, 0x41, 1, 0x6a, 0x21, 0]],
    ['ifs', [0x20, 0, 0x04, 0x40], [0x41, 1, 0x21, 0]],
  ])('nested as 100,000 %s', (_, open, inner) => {
    const code = repeat(100_000, open).concat(inner, repeat(100_001, [0x0b]));
    expect(buildBytes(moduleOf(0, code)).instCount).toBeGreaterThan(0);
  });

  it('of 100,000 merges in a row, with a local that all of them join', () => {
    const code = repeat(100_000, [0x20, 0, 0x04, 0x40, 0x41, 1, 0x21, 1, 0x0b]).concat([0x20, 1, 0x1a, 0x0b]);
    expect(buildBytes(moduleOf(1, code)).blocks).toHaveLength(200_001);
  });

  it('with 49,000 locals each, used and not', () => {
    const far = leb(48_000);
    const code = [0x03, 0x40, 0x41, 7, 0x21, ...far, 0x20, ...far, 0x1a, 0x0b, 0x20, ...far, 0x21, 0, 0x0b];
    for (const body of [[0x0b], code]) {
      const ctx = moduleContext(decodeModule(moduleOf(49_000, body)), 'armv7');
      // Tens of seconds, were the work in proportion to the locals declared.
      for (let k = 0; k < 10_000; k++) buildFunction(ctx, 0);
    }
  });

  it('with more locals than could be listed', () => {
    const all = 0xffffffff;
    const types = new LocalTypes([StackType.f32]);
    types.add(0, StackType.v128);
    types.add(3000, StackType.i64);
    types.add(0, StackType.v128);
    types.add(all - 3002, StackType.i32);
    types.add(1, StackType.f64);
    expect(types.length).toBe(all);
    const at = [0, 1, 127, 128, 3000, 3001, all - 2, all - 1].map((local) => types.at(local));
    const { i32, i64, f32, f64 } = StackType;
    expect(at).toEqual([f32, i64, i64, i64, i64, i32, i32, f64]);
    // loop, i32.const 7, local.set 4294967293, end
    const code = [0x03, 0x40, 0x41, 7, 0x21, ...leb(all - 2), 0x0b];
    const scan = new LoopScan(Uint8Array.from(code), 0, code.length, all);
    expect(scan.ends).toEqual([code.length - 1]);
    expect([0, 2000, all - 3, all - 2].map((local) => scan.next(local, 0))).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      4,
    ]);
    expect(scan.next(all - 2, 4)).toBe(Number.POSITIVE_INFINITY);
  });

  it('whose SSA form would be out of proportion', () => {
    const assign = Array.from({ length: 20_000 }, (_, k) => [
      0x41,
      1,
      0x21,
      ...leb(k + 1),
      0x20,
      0,
      0x0d,
      0,
    ]).flat();
    const read = Array.from({ length: 20_000 }, (_, k) => [0x20, ...leb(k + 1), 0x1a]).flat();
    const code = [0x02, 0x40].concat(assign, [0x0b], read, [0x0b]);
    expect(() => buildBytes(moduleOf(20_000, code))).toThrow('more than 16000000 SSA inputs');
  });
});
