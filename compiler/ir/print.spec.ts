import { expect, test } from 'vitest';
import { connect, Func } from './function.ts';
import { Op, ops } from './ops.ts';
import { ParseError, parseFunction } from './parse.ts';
import { printFunction } from './print.ts';
import { Access, Region, TrapKind, Type } from './types.ts';
import { verify } from './verify.ts';

const example = `function @7 "mul; \\"div\\"" wasm [3] (i32, i64) -> (i32, f64) slots 16 at 77 {
block0():
  v0 = param.i32 0
  v1 = param.i64 1
  v2 = env.i32
  v3 = load.i32 v2, offset 40, region memoryInfo
  check_bounds v0, v3, offset 12
  v4 = load.i32 v2, offset 36, region memoryInfo
  v5 = load_indexed.i64 v4, v0, offset 4, access s32, region memory0
  store_indexed v4, v0, v5, access u16, region memory1
  v6 = const.i64 -9223372036854775808
  v7 = lt_s v5, v6
  trap_if integerOverflow, v7
  switch v0, [0 1 0 2], block1, block2, block3
block2(block0):
  v12 = wrap.i32 v1
  v13 = load.i32 v2, offset 100, region global4
  v14 = call_ptr @-1 (i32) -> (), v13, v13, v12
  v15 = call @2 () -> (i32)
  v16 = call_host.i32 v2, v15, v12
  jump block1
block1(block0, block2):
  v8 = phi.i32 v0, v16
  v9 = call @12 (i32) -> (i32, f64), v8
  v10 = result.i32 0, v9
  v11 = result.f64 1, v9
  return v10, v11
block3(block0) cold:
  trap unreachable
}
`;

test('a function prints as it was read', () => {
  // A call without a result needs no name, so its line loses one.
  const expected = example.replace('v14 = call_ptr', 'call_ptr');
  expect(printFunction(parseFunction(expected))).toBe(expected);
  verify(parseFunction(expected), Type.i32);
  const again = printFunction(parseFunction(example));
  expect(again).toBe(expected);
});

test('origins are printed on demand and read back', () => {
  const text = `function @0 "f" helper () -> () entry {\nblock0():\n  return at 12\n}\n`;
  const func = parseFunction(text);
  expect(func.blocks[0].terminator.origin).toBe(12);
  expect(printFunction(func, { origins: true })).toBe(text);
  expect(printFunction(func)).toContain('  return\n');
});

test.each([
  [Type.i32, -2147483648, 0, '-2147483648'],
  [Type.i64, -1, -2147483648, '-9223372032559808513'],
  [Type.f32, 0x7f800001, 0, 'nan:0x7f800001'],
  [Type.f32, -2147483648, 0, '-0'],
  [Type.f32, 1, 0, '1.401298464324817e-45'],
  [Type.f64, 1, 0x7ff00000, 'nan:0x7ff0000000000001'],
  [Type.f64, 0, -0x100000, '-inf'],
  [Type.f64, 0x9999999a | 0, 0x3fb99999, '0.1'],
  [Type.f64, -1, 0x7fefffff, '1.7976931348623157e+308'],
] as const)('constant of type %i with words %i and %i prints as %s', (type, imm, imm2, text) => {
  const func = new Func({ id: 0, name: 'c', kind: 'wasm', wasmIndex: 0 }, [], [type]);
  const block = func.newBlock();
  const inst = func.append(block, Op.const, type, []);
  inst.imm = imm;
  inst.imm2 = imm2;
  func.append(block, Op.return, Type.none, [inst]);
  const printed = printFunction(func);
  expect(printed).toContain(` ${text}\n`);
  const back = parseFunction(printed).blocks[0].insts[0];
  expect([back.imm, back.imm2]).toEqual([imm, imm2]);
});

test('every operation with every field it carries survives', () => {
  const func = new Func({ id: 1, name: 'all', kind: 'cross-adapter', wasmIndex: -1 }, [Type.i32], []);
  const block = func.newBlock();
  const next = func.newBlock();
  const x = func.append(block, Op.const, Type.i32, []);
  ops.forEach((info, op) => {
    if (op === Op.phi || op === Op.const) return;
    const inst = func.newInst(op, Type.none, [x, x], block, -1);
    if (inst.isTerminator) return;
    if (info.typing.endsWith('T')) inst.type = Type.f64;
    if (info.typing.endsWith('i')) inst.type = Type.i32;
    for (const field of info.fields) {
      if (field === 'imm' || field === 'result') inst.imm = 5;
      else if (field === 'trap') inst.imm = TrapKind.indirectCallNull;
      else if (field === 'offset') inst.offset = 2 ** 40;
      else if (field === 'access') inst.access = Access.u32;
      else if (field === 'region') inst.region = Region.global + 99;
      else if (field === 'callee') {
        inst.callee = { symbol: 4, params: [Type.f32, Type.v128], results: [Type.f32] };
        inst.type = Type.f32;
      }
    }
    block.insts.push(inst);
  });
  func.append(block, Op.jump, Type.none, []);
  connect(block, next);
  func.append(next, Op.return, Type.none, []);
  const text = printFunction(func);
  expect(printFunction(parseFunction(text))).toBe(text);
});

test.each([
  ['', 'line 1: no function'],
  ['function @0 "f" wasm () -> () {\nblock0():\n  frob\n}', "line 3: no operation 'frob'"],
  ['function @0 "f" wasm () -> () {\nblock0():\n  return v3\n}', 'line 3: v3 is not defined'],
  ['function @0 "f" wasm () -> () {\nblock0():\n  return', "missing '}'"],
])('says what is wrong with %j', (text, message) => {
  expect(() => parseFunction(text)).toThrow(ParseError);
  expect(() => parseFunction(text)).toThrow(message);
});
