import { expect, test } from 'vitest';
import { Op, ops } from '../../compiler/ir/ops.ts';
import { Type, typeNames } from '../../compiler/ir/types.ts';
import { createDisassembler } from '../../emu/capstone.ts';
import { Builder, compileFunction, Runner } from './fixtures/runner.ts';

const { i32, i64 } = Type;

/** f(a, b): the operation's result, plus 1 if the comparison of the result with 0 holds. */
function build(type: Type, op: number, comparison: number): Builder {
  const b = new Builder([type, type], [type]);
  const [x, y] = b.params;
  const shifts = op === Op.shl || op === Op.shr_s || op === Op.shr_u;
  const value = b.op(op, type, x, shifts ? b.constant(type, 7n) : y);
  const otherwise = b.branch(b.op(comparison, i32, value, b.constant(type, 0n)));
  b.op(Op.return, Type.none, b.op(Op.add, type, value, b.constant(type, 1n)));
  b.block = otherwise;
  b.op(Op.return, Type.none, value);
  return b;
}

const operations: readonly (readonly [number, (a: bigint, b: bigint) => bigint])[] = [
  [Op.add, (a, b) => a + b],
  [Op.sub, (a, b) => a - b],
  [Op.and, (a, b) => a & b],
  [Op.or, (a, b) => a | b],
  [Op.xor, (a, b) => a ^ b],
  [Op.shl, (a) => a << 7n],
  [Op.shr_s, (a) => a >> 7n],
];

const comparisons: readonly (readonly [number, (signed: bigint) => boolean])[] = [
  [Op.eq, (x) => x === 0n],
  [Op.ne, (x) => x !== 0n],
  [Op.lt_s, (x) => x < 0n],
  [Op.ge_s, (x) => x >= 0n],
  [Op.gt_s, (x) => x > 0n],
  [Op.le_s, (x) => x <= 0n],
  [Op.gt_u, (x) => x !== 0n],
  [Op.le_u, (x) => x === 0n],
];

test('conditions hold whether or not their test was dropped', () => {
  const runner = new Runner();
  const wrong: string[] = [];
  for (const type of [i32, i64]) {
    const bits = type === i32 ? 32 : 64;
    const limit = 1n << BigInt(bits - 1);
    const values = [0n, 1n, -1n, 5n, -5n, limit - 1n, -limit, limit / 2n];
    for (const [op, compute] of operations) {
      for (const [comparison, holds] of comparisons) {
        const b = build(type, op, comparison);
        const address = runner.add(b.func);
        for (const x of values) {
          for (const y of values) {
            const result = BigInt.asIntN(bits, compute(x, y));
            const expected = BigInt.asUintN(bits, result + (holds(result) ? 1n : 0n));
            const outcome = runner.call(address, b.func, [x, y]);
            if (!('results' in outcome) || outcome.results[0] !== expected) {
              wrong.push(`${typeNames[type]} ${ops[op].name} ${ops[comparison].name}: ${x}, ${y}`);
            }
          }
        }
      }
    }
  }
  expect(wrong.slice(0, 5)).toEqual([]);
});

test('a test behind the arithmetic is dropped where its flags suffice', async () => {
  const disassembler = await createDisassembler('x86_64');
  const tests = (op: number, comparison: number): number => {
    const { bytes } = compileFunction(build(i32, op, comparison).func);
    return disassembler.disassemble(bytes, 0).filter(({ mnemonic }) => mnemonic === 'test').length;
  };
  expect([Op.eq, Op.ne, Op.lt_s, Op.ge_s, Op.gt_s, Op.le_s].map((op) => tests(Op.sub, op))).toEqual([
    0, 0, 0, 0, 1, 1,
  ]);
  expect([Op.eq, Op.ne, Op.lt_s, Op.ge_s, Op.gt_s, Op.gt_u].map((op) => tests(Op.xor, op))).toEqual([
    0, 0, 0, 0, 0, 0,
  ]);
});
