import { describe, expect, test } from 'vitest';
import wabt from 'wabt';
import { parseFunction } from '../../compiler/ir/parse.ts';
import { TrapKind, Type } from '../../compiler/ir/types.ts';
import { publications, Runner } from './fixtures/runner.ts';

/** Conditions in every place that reads them, switches, calls and conditional traps, executed. */

const { i32, i64, f32, f64 } = Type;
const { parseWat } = await wabt();
const runner = new Runner();
const results = (...values: (number | bigint)[]) => ({
  results: values.map((v) => BigInt.asUintN(32, BigInt(v))),
});

const operands = [0n, 1n, 2n, 255n, 256n, 0x7fffffffn, 0x80000000n, 0xffffff00n, 0xffffffffn];
const constants = [0, 1, 2, 255, 257, -1, -2, -256, 0x7fffffff, -0x80000000, 0x12345];
const relations: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt_s: (a, b) => a < b,
  lt_u: (a, b) => a >>> 0 < b >>> 0,
  gt_s: (a, b) => a > b,
  gt_u: (a, b) => a >>> 0 > b >>> 0,
  le_s: (a, b) => a <= b,
  le_u: (a, b) => a >>> 0 <= b >>> 0,
  ge_s: (a, b) => a >= b,
  ge_u: (a, b) => a >>> 0 >= b >>> 0,
};

/** Left operands that fold into the comparison or set the flags themselves: text over $x, and what it computes. */
const lefts: readonly (readonly [string, (x: number) => number])[] = [
  ['(local.get $x)', (x) => x],
  ['(i32.and (local.get $x) (i32.const 0xff))', (x) => x & 0xff],
  ['(i32.xor (local.get $x) (i32.const 255))', (x) => x ^ 255],
  ['(i32.add (local.get $x) (i32.const -1))', (x) => (x - 1) | 0],
  ['(i32.sub (i32.const 255) (local.get $x))', (x) => (255 - x) | 0],
  ['(i32.shl (local.get $x) (i32.const 3))', (x) => x << 3],
  ['(i32.or (local.get $x) (i32.shr_u (local.get $x) (i32.const 4)))', (x) => x | (x >>> 4)],
  ['(local.tee $y (i32.sub (local.get $x) (i32.const 1)))', (x) => (x - 1) | 0],
  ['(local.tee $y (i32.and (local.get $x) (i32.const -256)))', (x) => x & -256],
  ['(local.tee $y (i32.or (local.get $x) (i32.const 1)))', (x) => x | 1],
];

/** Ways to use a condition; all give 1 where it holds and 2 where it does not, plus 16 times the local $y. */
const uses: Readonly<Record<string, (condition: string) => string>> = {
  branch: (c) => `(if (result i32) ${c} (then (i32.const 1)) (else (i32.const 2)))`,
  'inverted branch': (c) => `(if (result i32) (i32.eqz ${c}) (then (i32.const 2)) (else (i32.const 1)))`,
  'branch of a value': (c) =>
    `(if (result i32) (i32.sub (i32.const 1) ${c}) (then (i32.const 2)) (else (i32.const 1)))`,
  select: (c) => `(select (i32.const 1) (i32.const 2) ${c})`,
  'select of registers': (c) => `(select (i32.load (i32.const 4)) (i32.load (i32.const 8)) ${c})`,
  'float select': (c) => `(i32.trunc_f64_s (select (f64.const 1) (f64.const 2) ${c}))`,
  value: (c) => `(i32.sub (i32.const 2) ${c})`,
  'several users': (c) => `(local.set $z ${c})
    (if (result i32) (local.get $z) (then (local.get $z)) (else (i32.add (local.get $z) (i32.const 2))))`,
};

describe.each(Object.keys(relations))('i32.%s', (name) => {
  const holds = relations[name];
  test.each(Object.keys(uses))('as %s', (use) => {
    const cases: { text: string; expect: (x: number) => number; label: string }[] = [];
    for (const [left, compute] of lefts) {
      for (const k of constants) {
        const y = (x: number) => (left.includes('$y') ? compute(x) << 4 : 0);
        cases.push({
          text: `(i32.${name} ${left} (i32.const ${k}))`,
          expect: (x) => ((holds(compute(x), k) ? 1 : 2) + y(x)) | 0,
          label: `${left} ${k}`,
        });
        cases.push({
          text: `(i32.${name} (i32.const ${k}) ${left})`,
          expect: (x) => ((holds(k, compute(x)) ? 1 : 2) + y(x)) | 0,
          label: `${k} ${left}`,
        });
      }
    }
    const functions = cases.map(
      ({ text }) => `(func (param $x i32) (result i32) (local $y i32) (local $z i32)
        ${uses[use](text)} (i32.add (i32.shl (local.get $y) (i32.const 4))))`,
    );
    const module = `(module (memory 1) ${functions.join('\n')})`;
    runner.reset();
    runner.addModule(parseWat('conditions.wat', module).toBinary({}).buffer, 0);
    runner.memory.view.setUint32(4, 1, true);
    runner.memory.view.setUint32(8, 2, true);
    const wrong: string[] = [];
    cases.forEach((each, index) => {
      for (const x of operands) {
        const outcome = runner.call(runner.address(index), { params: [i32], results: [i32] }, [x]);
        const expected = BigInt.asUintN(32, BigInt(each.expect(Number(BigInt.asIntN(32, x)))));
        if ('results' in outcome && outcome.results[0] === expected) continue;
        wrong.push(`${each.label} of ${x}: ${JSON.stringify(outcome, (_k, v) => `${v}`)}, not ${expected}`);
      }
    });
    expect(wrong.slice(0, 5)).toEqual([]);
  });
});

test('comparisons joined by and, by or', () => {
  const names = Object.keys(relations);
  const functions: string[] = [];
  const meant: ((x: number, y: number) => boolean)[] = [];
  for (const join of ['and', 'or']) {
    for (const first of names) {
      for (const second of names) {
        const condition = `(i32.${join} (i32.${first} (local.get 0) (i32.const 2)) (i32.${second} (local.get 1) (local.get 0)))`;
        for (const body of [
          `(if (result i32) ${condition} (then (i32.const 1)) (else (i32.const 0)))`,
          `(if (result i32) (i32.eqz ${condition}) (then (i32.const 0)) (else (i32.const 1)))`,
          condition,
        ]) {
          functions.push(`(func (param i32 i32) (result i32) ${body})`);
          meant.push((x, y) => {
            const [a, b] = [relations[first](x, 2), relations[second](y, x)];
            return join === 'and' ? a && b : a || b;
          });
        }
      }
    }
  }
  runner.reset();
  runner.addModule(parseWat('joined.wat', `(module ${functions.join('\n')})`).toBinary({}).buffer, 0);
  const wrong: string[] = [];
  meant.forEach((holds, index) => {
    for (const x of operands) {
      for (const y of [0n, 2n, 0x80000000n, 0xffffffffn]) {
        const outcome = runner.call(runner.address(index), { params: [i32, i32], results: [i32] }, [x, y]);
        const expected = holds(Number(BigInt.asIntN(32, x)), Number(BigInt.asIntN(32, y))) ? 1n : 0n;
        if (!('results' in outcome) || outcome.results[0] !== expected)
          wrong.push(`${functions[index]} ${x} ${y}`);
      }
    }
  });
  expect(wrong.slice(0, 5)).toEqual([]);
});

/** Compiles SSA text and calls it with words. */
function run(text: string, args: readonly bigint[], types: Type[] = [i32]): ReturnType<Runner['call']> {
  const func = parseFunction(text);
  const address = runner.add(func, publications.atomic);
  runner.bind();
  return runner.call(address, { params: func.params, results: types }, args);
}

test('a switch goes to its case, and to the default for everything else', () => {
  const text = `function @0 "switch" wasm (i32) -> (i32) {
block0():
  v0 = param.i32 0
  switch v0, [2 0 1 0 2 1], block1, block2, block3
block1(block0):
  v1 = const.i32 10
  return v1
block2(block0):
  v2 = const.i32 20
  return v2
block3(block0):
  v3 = const.i32 30
  return v3
}
`;
  runner.reset();
  const found = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 0x7fffffffn, 0xffffffffn].map((x) => run(text, [x]));
  expect(found).toEqual([30, 10, 20, 10, 30, 20, 20, 20, 20].map((value) => results(value)));
});

test('arguments and results travel in registers and on the stack', () => {
  const types = Array.from({ length: 30 }, (_, k) => [i32, f64, f32][k % 3] as Type);
  const names = types.map((type) => (type === i32 ? 'i32' : type === f64 ? 'f64' : 'f32'));
  const signature = `(${names.join(', ')}) -> `;
  const params = names.map((type, k) => `  v${k} = param.${type} ${k}`).join('\n');
  const values = names.map((_, k) => `v${k}`);
  const callee = `function @1 "callee" wasm ${signature}(${names.join(', ')}) {
block0():
${params}
  return ${values.join(', ')}
}
`;
  // The caller passes its own arguments on and returns what comes back, reversed.
  const caller = `function @2 "caller" wasm ${signature}(${names.toReversed().join(', ')}) {
block0():
${params}
  v40 = call @1 ${signature}(${names.join(', ')}), ${values.join(', ')}
${names.map((type, k) => `  v${50 + k} = result.${type} ${k}, v40`).join('\n')}
  return ${names
    .map((_, k) => `v${50 + k}`)
    .toReversed()
    .join(', ')}
}
`;
  runner.reset();
  runner.add(parseFunction(callee));
  const address = runner.add(parseFunction(caller), publications.atomic);
  runner.bind();
  const args = types.map((type, k) => (type === f64 ? BigInt(k + 1) << 33n : BigInt(k + 1)));
  expect(runner.call(address, { params: types, results: types.toReversed() }, args)).toEqual({
    results: args.toReversed(),
  });
});

test('call_ptr calls an address, with the descriptor in its register', () => {
  runner.reset();
  const callee = runner.add(
    parseFunction(`function @3 "callee" cross-adapter (i32, i32) -> (i32) {
block0():
  v0 = param.i32 0
  v1 = param.i32 1
  v2 = descriptor.i32
  v3 = sub.i32 v0, v1
  v4 = add.i32 v3, v2
  return v4
}
`),
  );
  const text = `function @4 "caller" wasm (i32, i32) -> (i32) {
block0():
  v0 = param.i32 0
  v1 = param.i32 1
  v2 = const.i32 100
  v3 = const.i32 58
  v4 = call_ptr @-1 (i32, i32) -> (i32), v0, v1, v2, v3
  v5 = add.i32 v4, v1
  return v5
}
`;
  expect(run(text, [BigInt(callee), 0x1000n])).toEqual(results(0x2000 + 42));
});

test('call_host passes the exec env and three words', () => {
  runner.reset();
  const func = parseFunction(`function @5 "host" wasm (i32, i32, i32) -> (i32) {
block0():
  v0 = param.i32 0
  v1 = param.i32 1
  v2 = param.i32 2
  v3 = call_host.i32 v0, v1, v2
  v4 = add.i32 v3, v2
  return v4
}
`);
  const address = runner.add(func, publications.atomic);
  const { core, env } = runner;
  env.view.setUint32(8 + 3 * 4, core.hostCallStub, true);
  const host = (): bigint => {
    const seen = (['r0', 'r1', 'r2', 'r3'] as const).map((name) => Number(core.read(name)));
    expect(seen).toEqual([env.address, 1, 2, 3]);
    expect(core.sp % 8).toBe(0);
    return 100n;
  };
  const outcome = runner.call(address, { params: [i32, i32, i32], results: [i32] }, [1n, 2n, 3n], { host });
  expect(outcome).toEqual(results(103));
});

test('set_env changes the exec env that later fields are read from', () => {
  runner.reset();
  runner.env.view.setUint32(64, 11, true);
  runner.env.view.setUint32(64 + 256, 22, true);
  const text = `function @6 "adapter" cross-adapter (i32) -> (i32) slots 16 {
block0():
  v0 = param.i32 0
  v1 = env.i32
  v2 = stack_slot.i32 offset 8
  store v2, v1, region stack
  v3 = load.i32 v1, offset 64, region native
  set_env v0
  v4 = env.i32
  v5 = load.i32 v4, offset 64, region native
  v6 = load.i32 v2, region stack
  set_env v6
  v7 = load.i32 v1, offset 64, region native
  v8 = add.i32 v3, v5
  v9 = add.i32 v8, v7
  return v9
}
`;
  expect(run(text, [BigInt(runner.env.address + 256)])).toEqual(results(44));
});

test('trap traps', () => {
  runner.reset();
  const text = 'function @7 "trap" wasm () -> () {\nblock0():\n  trap unreachable\n}\n';
  expect(run(text, [], [])).toEqual({ trap: TrapKind.unreachable });
});

test('floats and words of 64 bits are chosen by all four words', () => {
  runner.reset();
  const module = `(module
    (func (param i64 i64 i64 i64) (result i64)
      (select (local.get 0) (local.get 1) (i64.lt_s (local.get 2) (local.get 3))))
    (func (param f32 f32 f64 f64) (result f32)
      (select (local.get 0) (local.get 1) (f64.le (local.get 2) (local.get 3)))))`;
  runner.addModule(parseWat('select.wat', module).toBinary({}).buffer, 0);
  const wide = { params: [i64, i64, i64, i64], results: [i64] };
  const choose = (a: bigint, b: bigint) =>
    runner.call(runner.address(0), wide, [0x1_0000_0002n, 0x3_0000_0004n, a, b]);
  expect(choose(-1n, 0n)).toEqual({ results: [0x1_0000_0002n] });
  expect(choose(0x1_0000_0000n, 0xffff_ffffn)).toEqual({ results: [0x3_0000_0004n] });
  const floats = { params: [f32, f32, f64, f64], results: [f32] };
  const nan = 0x7ff8000000000000n;
  expect(runner.call(runner.address(1), floats, [5n, 6n, 0n, 0n])).toEqual({ results: [5n] });
  expect(runner.call(runner.address(1), floats, [5n, 6n, nan, 0n])).toEqual({ results: [6n] });
});
