import { describe, expect, test } from 'vitest';
import { Assembler } from '../../compiler/backend/assembler.ts';
import { MInst } from '../../compiler/backend/machine.ts';
import type { Inst } from '../../compiler/ir/function.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { Region, Type, typeBytes } from '../../compiler/ir/types.ts';
import type { FrameLayout } from '../../compiler/target.ts';
import { createDisassembler } from '../../emu/capstone.ts';
import { emit } from './emit.ts';
import { allCases, type Case } from './fixtures/operators.ts';
import { Builder, Runner } from './fixtures/runner.ts';
import { foldReload } from './fold-reload.ts';
import { X } from './instructions.ts';
import { printInstruction } from './print.ts';
import { Reg } from './registers.ts';

/** Operands read from spill slots: every operation among more values than there are registers. */

const { i32, i64, f32, f64 } = Type;

/** None of them divides by zero, overflows a division or leaves the range of an i32. */
const values: Readonly<Record<number, readonly bigint[]>> = {
  [i32]: [3n, 0x12345n, 0xfffffff0n, 7n, 0x80000001n, 100n, 0xffffff01n, 31n],
  [i64]: [5n, 0x123456789abn, 0xffffffffffffff00n, 9n, 0x8000000000000001n, 1000n, 62n, 0x7fffffff12345678n],
  [f32]: [
    0x3fc00000n,
    0x40490fdbn,
    0x42c80000n,
    0x3f000000n,
    0x461c4000n,
    0x40a66666n,
    0x3f800001n,
    0x41200000n,
  ],
  [f64]: [1.5, 3.25, 100, 0.5, 10000.25, 5.2, 1.0000001, 10].map((x) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, x);
    return view.getBigUint64(0);
  }),
};
const types = [i32, i64, f32, f64];
const copies = 3;
const stride = 8;

/** Address of value number k of a type, copy c; results stand behind all values. */
const valueOffset = (type: Type, k: number, c: number): number =>
  (((type - 1) * copies + c) * 8 + k) * stride;
const resultBase = 8 * 8 * copies * types.length;

/** Everything is loaded first and stored back last, so that it is all alive between. */
function build(cases: readonly Case[]): Builder {
  const b = new Builder([i64], []);
  const [base] = b.params;
  const access = (type: Type, k: number, c: number) => ({
    offset: valueOffset(type, k, c),
    region: Region.native,
  });
  const loaded = new Map<Type, Inst[]>();
  for (const type of types) {
    const all = Array.from({ length: 8 * copies }, (_, i) =>
      b.memory(Op.load, type, [base], access(type, i % 8, Math.floor(i / 8))),
    );
    loaded.set(type, all);
  }
  const operand = (type: Type, n: number): Inst => (loaded.get(type) ?? [])[(n * 7) % (8 * copies)];
  cases.forEach((each, n) => {
    const args = each.params.map((type, k) => operand(type, n + 5 * k));
    const result = b.op(each.op, each.result, ...args);
    const fields = { offset: resultBase + n * stride, region: Region.native };
    b.memory(Op.store, Type.none, [base, result], fields);
  });
  for (const [type, all] of loaded) {
    for (const [i, value] of all.entries()) {
      b.memory(Op.store, Type.none, [base, value], access(type, i % 8, Math.floor(i / 8)));
    }
  }
  b.op(Op.return, Type.none);
  return b;
}

describe('operations under register pressure', () => {
  const runner = new Runner();
  const safe = allCases.filter(({ op }) => op !== Op.trunc_s && op !== Op.trunc_u);

  test('compute what they do alone', () => {
    const b = build(safe);
    const { view } = runner.memory;
    for (const type of types) {
      for (let i = 0; i < 8 * copies; i++) {
        view.setBigUint64(valueOffset(type, i % 8, Math.floor(i / 8)), values[type][i % 8], true);
      }
    }
    const address = runner.add(b.func);
    expect(runner.call(address, b.func, [BigInt(runner.memory.address)])).toEqual({ results: [] });
    const wrong: string[] = [];
    safe.forEach((each, n) => {
      const alone = new Builder(each.params, [each.result]);
      alone.op(Op.return, Type.none, alone.op(each.op, each.result, ...alone.params));
      const args = each.params.map((type, k) => values[type][(((n + 5 * k) * 7) % (8 * copies)) % 8]);
      const outcome = runner.call(runner.add(alone.func), alone.func, args);
      const found = view.getBigUint64(resultBase + n * stride, true);
      const bits = BigInt.asUintN(8 * typeBytes[each.result], found);
      if (
        !('results' in outcome) ||
        BigInt.asUintN(8 * typeBytes[each.result], outcome.results[0]) !== bits
      ) {
        wrong.push(`${each.name}(${args.join(', ')}): ${bits}`);
      }
    });
    expect(wrong).toEqual([]);
  });
});

const frame: FrameLayout = {
  size: 64,
  spillBase: 16,
  slotBase: 0,
  outgoingBase: 0,
  recordOffset: -1,
  publishes: false,
};
const [a, b, c] = [Reg.rbx, Reg.rcx, Reg.rdi];
const [x, y] = [Reg.xmm0 + 3, Reg.xmm0 + 8];

test.each<[op: number, defs: number[], uses: number[], index: number, text: string | null]>([
  [X.mov, [a], [b], 0, 'mov ebx, dword ptr [rsp + 24]'],
  [X.movzx8, [a], [b], 0, 'movzx ebx, byte ptr [rsp + 24]'],
  [X.and + 1, [a], [a, b], 1, 'and rbx, qword ptr [rsp + 24]'],
  [X.and, [a], [a, b], 0, null],
  [X.imul, [a], [a, b], 1, 'imul ebx, dword ptr [rsp + 24]'],
  [X.imul_i + 1, [a], [b], 0, 'imul rbx, qword ptr [rsp + 24], 0'],
  [X.cmp, [], [a, b], 0, 'cmp dword ptr [rsp + 24], ecx'],
  [X.cmp + 1, [], [a, b], 1, 'cmp rbx, qword ptr [rsp + 24]'],
  [X.cmp_i + 2, [], [a], 0, 'cmp dword ptr [rsp + 24], 0'],
  [X.test, [], [a, b], 0, 'test dword ptr [rsp + 24], ecx'],
  [X.test, [], [a, b], 1, 'test dword ptr [rsp + 24], ebx'],
  [X.test, [], [a, a], 0, null],
  [X.test_i, [], [a], 0, 'test byte ptr [rsp + 24], 0'],
  [X.idiv, [Reg.rax, Reg.rdx], [Reg.rax, Reg.rdx, c], 2, 'idiv dword ptr [rsp + 24]'],
  [X.idiv, [Reg.rax, Reg.rdx], [Reg.rax, Reg.rdx, c], 1, null],
  [X.shl, [a], [a, Reg.rcx], 1, null],
  [X.bsr + 1, [a], [b], 0, 'bsr rbx, qword ptr [rsp + 24]'],
  [X.cmov, [a], [a, b], 1, 'cmovo ebx, dword ptr [rsp + 24]'],
  [X.to_xmm + 1, [x], [a], 0, 'movsd xmm3, qword ptr [rsp + 24]'],
  [X.from_xmm, [a], [x], 0, null],
  [X.fadd + 1, [x], [x, y], 1, 'addsd xmm3, qword ptr [rsp + 24]'],
  [X.ucomis, [], [x, y], 1, 'ucomiss xmm3, dword ptr [rsp + 24]'],
  [X.ucomis, [], [x, y], 0, null],
  [X.andps, [x], [x, y], 1, null],
  [X.roundsd, [x], [y], 0, 'roundsd xmm3, qword ptr [rsp + 24], 0'],
  [X.cvtsi2sd, [x], [x, a], 1, 'cvtsi2sd xmm3, dword ptr [rsp + 24]'],
  [X.cvtsd2ss, [x], [y], 0, 'cvtsd2ss xmm3, qword ptr [rsp + 24]'],
  [X.fmin, [x], [x, y], 1, null],
])('row %i with defs %j and uses %j, use %i in a slot: %s', (op, defs, uses, index, text) => {
  const inst = new MInst(op, defs, uses.slice(), -1);
  expect(foldReload(inst, index, 1)).toBe(text !== null);
  if (text === null) expect([inst.mem, inst.uses]).toEqual([null, uses]);
  else expect(printInstruction(inst, frame)).toBe(text);
});

test('an addition reads either operand from a slot, after a move if need be', async () => {
  const disassembler = await createDisassembler('x86_64');
  const listing = (defs: number[], uses: number[], index: number): string[] => {
    const inst = new MInst(X.add, defs, uses, -1);
    expect(foldReload(inst, index, 1)).toBe(true);
    const asm = new Assembler();
    emit(inst, frame, asm);
    return disassembler.disassemble(asm.bytes(), 0).map((row) => `${row.mnemonic} ${row.operands}`);
  };
  expect(listing([a], [a, b], 1)).toEqual(['add ebx, dword ptr [rsp + 0x18]']);
  expect(listing([a], [b, a], 0)).toEqual(['add ebx, dword ptr [rsp + 0x18]']);
  expect(listing([a], [b, c], 1)).toEqual(['mov ebx, ecx', 'add ebx, dword ptr [rsp + 0x18]']);
});
