import { describe, expect, test } from 'vitest';
import { connect, type Inst } from '../../compiler/ir/function.ts';
import { Op, ops } from '../../compiler/ir/ops.ts';
import { Access, Region, TrapKind, Type, typeNames } from '../../compiler/ir/types.ts';
import { Builder, Runner } from './fixtures/runner.ts';

/** Comparisons in every place that reads them, switches, calls and conditional traps, executed. */

const { i32, i64, f32, f64 } = Type;

const view = new DataView(new ArrayBuffer(8));
const bitsOf = (type: Type, value: number): bigint => {
  if (type === f64) view.setFloat64(0, value);
  else view.setFloat32(0, value);
  return type === f64 ? view.getBigUint64(0) : BigInt(view.getUint32(0));
};
const numberOf = (type: Type, bits: bigint): number => {
  if (type === f64) view.setBigUint64(0, bits);
  else view.setUint32(0, Number(bits));
  return type === f64 ? view.getFloat64(0) : view.getFloat32(0);
};

const operands: Readonly<Record<number, readonly bigint[]>> = {
  [i32]: [0n, 1n, 5n, 0x7fn, 0x80n, 0xffn, 0x7fffffffn, 0x80000000n, 0xffffffffn],
  [i64]: [0n, 1n, 0xffffffffn, 0x100000000n, 0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn],
  [f32]: [0, -0, 1, -1.5, Infinity, -Infinity, NaN].map((x) => bitsOf(f32, x)),
  [f64]: [0, -0, 1, -1.5, Infinity, -Infinity, NaN].map((x) => bitsOf(f64, x)),
};

type Compare = (a: bigint | number, b: bigint | number) => boolean;
const relations: Readonly<Record<string, Compare>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  gt: (a, b) => a > b,
  le: (a, b) => a <= b,
  ge: (a, b) => a >= b,
};

interface Comparison {
  readonly op: number;
  readonly type: Type;
  holds(a: bigint, b: bigint): boolean;
}

const comparisons: readonly Comparison[] = ops.flatMap(({ name }, op) => {
  const integer = op >= Op.eq && op <= Op.ge_u;
  const float = op >= Op.feq && op <= Op.fge;
  if (!integer && !float) return [];
  const relation = relations[name.replace(/^f|_.*/g, '')];
  return (integer ? [i32, i64] : [f32, f64]).map((type) => ({
    op,
    type,
    holds: (a: bigint, b: bigint) => {
      if (float) return relation(numberOf(type, a), numberOf(type, b));
      const bits = type === i32 ? 32 : 64;
      return name.endsWith('_u') || !name.includes('_')
        ? relation(a, b)
        : relation(BigInt.asIntN(bits, a), BigInt.asIntN(bits, b));
    },
  }));
});

/** Ways to use a condition; all give 1 where it holds and 2 where it does not. */
const uses: Readonly<Record<string, (b: Builder, condition: () => Inst) => void>> = {
  branch: (b, condition) => branchOn(b, condition(), 1n, 2n),
  'inverted branch': (b, condition) => {
    branchOn(b, b.op(Op.eq, i32, condition(), b.constant(i32, 0n)), 2n, 1n);
  },
  'integer select': (b, condition) => {
    const [one, two] = [b.constant(i32, 1n), b.constant(i32, 2n)];
    b.op(Op.return, Type.none, b.op(Op.select, i32, condition(), one, two));
  },
  'inverted integer select': (b, condition) => {
    const [one, two] = [b.constant(i64, 1n), b.constant(i64, 2n)];
    const inverted = b.op(Op.eq, i32, condition(), b.constant(i32, 0n));
    b.op(Op.return, Type.none, b.op(Op.wrap, i32, b.op(Op.select, i64, inverted, two, one)));
  },
  'float select': (b, condition) => {
    const [one, two] = [b.constant(f64, bitsOf(f64, 1)), b.constant(f64, bitsOf(f64, 2))];
    b.op(Op.return, Type.none, b.op(Op.trunc_s, i32, b.op(Op.select, f64, condition(), one, two)));
  },
  'inverted float select': (b, condition) => {
    const [one, two] = [b.constant(f32, bitsOf(f32, 1)), b.constant(f32, bitsOf(f32, 2))];
    const inverted = b.op(Op.eq, i32, condition(), b.constant(i32, 0n));
    b.op(Op.return, Type.none, b.op(Op.trunc_s, i32, b.op(Op.select, f32, inverted, two, one)));
  },
  'several users': (b, condition) => {
    const held = condition();
    const [one, two] = [b.constant(i32, 1n), b.constant(i32, 2n)];
    const chosen = b.op(Op.select, i32, held, one, two);
    const otherwise = b.branch(
      b.op(Op.eq, i32, b.op(Op.eq, i32, held, b.constant(i32, 0n)), b.constant(i32, 0n)),
    );
    b.op(Op.return, Type.none, chosen);
    b.block = otherwise;
    b.op(Op.return, Type.none, b.op(Op.add, i32, held, two));
  },
};

function branchOn(b: Builder, condition: Inst, then: bigint, otherwise: bigint): void {
  const other = b.branch(condition);
  b.op(Op.return, Type.none, b.constant(i32, then));
  b.block = other;
  b.op(Op.return, Type.none, b.constant(i32, otherwise));
}

const places = ['params', 'right constant', 'left constant', 'right memory', 'left memory'] as const;

describe('comparisons', () => {
  const runner = new Runner();
  const memory = BigInt(runner.memory.address);

  test.each(
    comparisons.map((each): [string, Comparison] => [
      `${ops[each.op].name} of ${typeNames[each.type]}`,
      each,
    ]),
  )('%s', (_, { op, type, holds }) => {
    const wrong: string[] = [];
    for (const [use, emit] of Object.entries(uses)) {
      for (const place of places) {
        const constants = place.endsWith('constant') ? operands[type] : [0n];
        for (const constant of constants) {
          const b = new Builder([type, i64, ...(place === 'params' ? [type] : [])], [i32]);
          const fixed = (): Inst =>
            place === 'params'
              ? b.params[2]
              : place.endsWith('constant')
                ? b.constant(type, constant)
                : b.memory(Op.load, type, [b.params[1]], { offset: 8, region: Region.native });
          const left = place.startsWith('left');
          emit(b, () => {
            const other = fixed();
            return b.op(op, i32, ...(left ? [other, b.params[0]] : [b.params[0], other]));
          });
          const address = runner.add(b.func);
          for (const x of operands[type]) {
            for (const y of place.endsWith('constant') ? [constant] : operands[type]) {
              runner.memory.view.setBigUint64(8, y, true);
              const args = place === 'params' ? [x, memory, y] : [x, memory];
              const expected = (left ? holds(y, x) : holds(x, y)) ? 1n : 2n;
              const outcome = runner.call(address, b.func, args);
              if (!('results' in outcome) || outcome.results[0] !== expected) {
                wrong.push(
                  `${use}, ${place}: ${x} ${ops[op].name} ${y} gave ${JSON.stringify(outcome, (_k, v) => `${v}`)}`,
                );
              }
            }
          }
        }
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
  });

  test('narrow loads are compared as what they extend to', () => {
    const wrong: string[] = [];
    const bytes = [0n, 1n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xff80n, 0xffffn];
    const limits = [0n, 1n, 126n, 127n, 128n, 200n, 255n, 256n, 32767n, -1n, -127n, -128n, -129n];
    for (const access of [Access.s8, Access.u8, Access.s16, Access.u16]) {
      const bits = access <= Access.u8 ? 8 : 16;
      const extend = access === Access.s8 || access === Access.s16 ? BigInt.asIntN : BigInt.asUintN;
      for (const { op, type, holds } of comparisons) {
        if (type !== i32 && type !== i64) continue;
        for (const limit of limits) {
          const b = new Builder([i64], [i32]);
          const load = b.memory(Op.load, type, [b.params[0]], { access, region: Region.native });
          branchOn(b, b.op(op, i32, load, b.constant(type, limit)), 1n, 2n);
          const address = runner.add(b.func);
          for (const byte of bytes) {
            runner.memory.view.setBigUint64(0, byte | 0xa5a50000n, true);
            const size = type === i32 ? 32 : 64;
            const expected = holds(BigInt.asUintN(size, extend(bits, byte)), BigInt.asUintN(size, limit))
              ? 1n
              : 2n;
            const outcome = runner.call(address, b.func, [memory]);
            if (!('results' in outcome) || outcome.results[0] !== expected) {
              wrong.push(`access ${access} ${typeNames[type]} of ${byte} ${ops[op].name} ${limit}`);
            }
          }
        }
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
  });

  test('conjunctions are tested for zero', () => {
    const wrong: string[] = [];
    const masks = [
      1n,
      0x7fn,
      0x80n,
      0xffn,
      0x100n,
      0x8000n,
      0x80000000n,
      0xffffffffn,
      0xffffff80n,
      0xffffffff80000000n,
      1n << 40n,
    ];
    const values = [
      0n,
      1n,
      0x80n,
      0x100n,
      0x8000n,
      0x80000000n,
      1n << 40n,
      1n << 63n,
      0x7fn,
      0xffffffffffffffffn,
    ];
    for (const type of [i32, i64]) {
      for (const source of ['param', 'memory', 'u8', 'swapped'] as const) {
        for (const mask of [...masks, null]) {
          const b = new Builder([type, i64, type], [i32]);
          const access = source === 'u8' ? Access.u8 : Access.full;
          const loaded = (): Inst =>
            b.memory(Op.load, type, [b.params[1]], { access, region: Region.native });
          const value = source === 'param' || source === 'swapped' ? b.params[0] : loaded();
          const other = source === 'swapped' ? loaded() : b.params[2];
          const and = b.op(
            Op.and,
            type,
            value,
            mask === null || source === 'swapped' ? other : b.constant(type, mask),
          );
          branchOn(b, b.op(Op.ne, i32, and, b.constant(type, 0n)), 1n, 2n);
          const address = runner.add(b.func);
          for (const x of values) {
            for (const y of values) {
              const bits = type === i32 ? 32 : 64;
              runner.memory.view.setBigUint64(0, source === 'swapped' ? y : x, true);
              const left = BigInt.asUintN(source === 'u8' ? 8 : bits, x);
              const right = BigInt.asUintN(bits, mask === null || source === 'swapped' ? y : mask);
              const outcome = runner.call(address, b.func, [x, memory, y]);
              const expected = (left & right) !== 0n ? 1n : 2n;
              if (!('results' in outcome) || outcome.results[0] !== expected)
                wrong.push(`${source} ${typeNames[type]} ${x} & ${right}`);
            }
          }
        }
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
  });

  test('trap_if traps with its kind where the condition holds', () => {
    for (const { op, type, holds } of comparisons) {
      const b = new Builder([type, type], [i32]);
      const trap = b.op(Op.trap_if, Type.none, b.op(op, i32, ...b.params));
      trap.imm = TrapKind.tableOutOfBounds;
      b.op(Op.return, Type.none, b.constant(i32, 7n));
      const address = runner.add(b.func);
      for (const x of operands[type]) {
        for (const y of operands[type]) {
          const expected = holds(x, y) ? { trap: TrapKind.tableOutOfBounds } : { results: [7n] };
          expect(runner.call(address, b.func, [x, y])).toEqual(expected);
        }
      }
    }
  });
});

describe('control', () => {
  const runner = new Runner();

  test('a switch goes to its case, and to the default for everything else', () => {
    const b = new Builder([i32], [i32]);
    const blocks = [10n, 20n, 30n].map((value) => {
      const block = b.func.newBlock();
      connect(b.block, block);
      return { block, value };
    });
    const made = b.op(Op.switch, Type.none, b.params[0]);
    made.table = Int32Array.from([2, 0, 1, 0, 2, 1]);
    for (const { block, value } of blocks) {
      b.block = block;
      b.op(Op.return, Type.none, b.constant(i32, value));
    }
    const address = runner.add(b.func);
    const found = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 0x7fffffffn, 0xffffffffn].map((x) =>
      runner.call(address, b.func, [x]),
    );
    const values = [30n, 10n, 20n, 10n, 30n, 20n, 20n, 20n, 20n];
    expect(found).toEqual(values.map((value) => ({ results: [value] })));
  });

  test('arguments and results travel in registers and on the stack', () => {
    const types = Array.from({ length: 30 }, (_, k) => [i32, f64, i64, f32][k % 4] as Type);
    // The callee returns its arguments; the caller passes its own on and returns what comes back, reversed.
    const callee = new Builder(types, types, 1);
    callee.op(Op.return, Type.none, ...callee.params);
    const caller = new Builder(types, types.toReversed(), 2);
    const call = caller.op(Op.call, Type.none, ...caller.params);
    call.callee = { symbol: 1, params: types, results: types };
    const results = types.map((type, k) => {
      const result = caller.op(Op.result, type, call);
      result.imm = k;
      return result;
    });
    caller.op(Op.return, Type.none, ...results.toReversed());
    runner.add(callee.func);
    const address = runner.add(caller.func);
    runner.bind();
    const args = types.map((type, k) =>
      type === f32 || type === i32 ? BigInt(k + 1) : BigInt(k + 1) << 33n,
    );
    expect(runner.call(address, caller.func, args)).toEqual({ results: args.toReversed() });
  });

  test('call_ptr calls an address, from a register or the descriptor, which arrives in its register', () => {
    const callee = new Builder([i32, i32], [i32], 3);
    const descriptor = callee.op(Op.descriptor, i64);
    const sum = callee.op(Op.add, i32, callee.params[0], callee.params[1]);
    const low = callee.op(Op.wrap, i32, descriptor);
    callee.op(Op.return, Type.none, callee.op(Op.add, i32, sum, low));
    const code = runner.add(callee.func);
    for (const loaded of [false, true]) {
      const b = new Builder([i64, i64], [i32], 4);
      const target = loaded
        ? b.memory(Op.load, i64, [b.params[1]], { offset: 8, region: Region.constant })
        : b.params[0];
      const call = b.op(Op.call_ptr, i32, target, b.params[1], b.constant(i32, 40n), b.constant(i32, 2n));
      call.callee = { symbol: -1, params: [i32, i32], results: [i32] };
      b.op(Op.return, Type.none, call);
      const address = runner.add(b.func);
      runner.memory.view.setBigUint64(8, BigInt(code), true);
      const where = BigInt(runner.memory.address);
      const expected = { results: [BigInt.asUintN(32, where + 42n)] };
      expect(runner.call(address, b.func, [loaded ? 0n : BigInt(code), where])).toEqual(expected);
    }
  });

  test('call_host passes the exec env and three words', () => {
    const b = new Builder([i64, i64, i64], [i64], 5);
    const call = b.op(Op.call_host, i64, ...b.params);
    b.op(Op.return, Type.none, b.op(Op.add, i64, call, b.params[2]));
    const address = runner.add(b.func);
    const { core } = runner;
    runner.env.view.setBigUint64(8 + 3 * 8, BigInt(core.hostCallStub), true);
    const outcome = runner.call(address, b.func, [1n, 2n, 3n], () => {
      expect(['rdi', 'rsi', 'rdx', 'rcx'].map((name) => core.read(name as 'rdi'))).toEqual([
        BigInt(runner.env.address),
        1n,
        2n,
        3n,
      ]);
      expect(core.sp % 16).toBe(8);
      return 100n;
    });
    expect(outcome).toEqual({ results: [103n] });
  });

  test('trap traps', () => {
    const b = new Builder([], []);
    const trap = b.op(Op.trap, Type.none);
    trap.imm = TrapKind.unreachable;
    expect(runner.call(runner.add(b.func), b.func, [])).toEqual({ trap: TrapKind.unreachable });
  });
});
