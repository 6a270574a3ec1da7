import { describe, expect, it } from 'vitest';
import type { Inst } from '../ir/function.ts';
import { Op, ops } from '../ir/ops.ts';
import { parseFunction } from '../ir/parse.ts';
import { InstFlag, type SelectionRule, type Target } from '../target.ts';
import { fakeTarget } from './fixtures/fake-target.ts';
import { Mem, MInst } from './machine.ts';
import { printMachine } from './print-machine.ts';
import { selectFunction } from './select.ts';
import type { Selector } from './selector.ts';

/** A machine with one instruction per SSA operation; additions take one operand from memory. */
const load = ops.length;
const store = ops.length + 1;
const addMemory = ops.length + 2;

const plain: SelectionRule = (s, inst) => {
  const uses = inst.args.map((arg) => s.use(arg));
  const made = s.emit(inst.op, inst.type === 0 ? [] : [s.def(inst)], uses);
  made.imm = inst.imm;
};

const jumps: SelectionRule = (s, inst) => {
  inst.block.succs.forEach((_, k) => {
    s.emit(inst.op, [], k === 0 ? inst.args.map((arg) => s.use(arg)) : []).block = s.block(k);
  });
};

const add: SelectionRule = (s, inst) => {
  const [a, b] = inst.args;
  if (b.op !== Op.load || !s.canFold(b, inst)) {
    plain(s, inst);
    return;
  }
  s.emit(addMemory, [s.def(inst)], [s.use(a)]).mem = new Mem(s.use(b.args[0]), b.offset);
};

const call: SelectionRule = (s: Selector, inst: Inst) => {
  s.call(inst, inst.args, [], (uses, defs) => s.emit(Op.call, defs, uses));
};

const rules = ops.map((_, op): SelectionRule => {
  if (op === Op.jump || op === Op.branch) return jumps;
  if (op === Op.add) return add;
  if (op === Op.call) return call;
  if (op === Op.return) return (s, inst) => s.emit(op, [], s.returnValues(inst.args));
  return plain;
});

const withMem = (inst: MInst, mem: Mem): MInst => Object.assign(inst, { mem });

/** Two registers for arguments and results, the rest on the stack. */
const place = (count: number, start: number) =>
  Array.from({ length: count }, (_, k) => (k < 2 ? k : ~(start + 8 * (k - 2))));

const fake = fakeTarget({ ints: 6, intsSaved: 2, floats: 4, floatsSaved: 0, folds: false });
const target: Target = {
  ...fake,
  instructions: [
    ...ops.map(({ name }, op) => ({ name, flags: op === Op.jump ? InstFlag.jump : InstFlag.none })),
    { name: 'load.stack', flags: 0 },
    { name: 'store.stack', flags: 0 },
    { name: 'add.memory', flags: 0 },
  ],
  rules,
  locations: ({ params, results }) => {
    const behind = 8 * Math.max(0, params.length - 2);
    return {
      params: place(params.length, 0),
      results: place(results.length, behind),
      stackBytes: behind + 8 * Math.max(0, results.length - 2),
    };
  },
  native: { params: [2, 3, 4], result: 2 },
  load: (_, def, mem) => withMem(new MInst(load, [def], [], -1), mem),
  store: (_, use, mem) => withMem(new MInst(store, [], [use], -1), mem),
  jump: (block) => Object.assign(new MInst(Op.jump, [], [], -1), { block }),
};

function select(text: string): string {
  return printMachine(selectFunction(parseFunction(text), target), target);
}

/** The instructions of the only block, by name and without registers, in order. */
function names(text: string): string[] {
  const { blocks } = selectFunction(parseFunction(text), target);
  return blocks[0].insts.map(({ op }) => (op < 0 ? 'parallel' : target.instructions[op].name));
}

const body = (lines: string): string => `function @0 "f" wasm [0] (i32, i32) -> (i32) {
block0():
  v0 = param.i32 0
  v1 = param.i32 1
${lines}
}`;

describe('folding', () => {
  const load0 = 'v2 = load.i32 v0, region memory0';

  it('takes a load into its only user', () => {
    expect(names(body(`  ${load0}\n  v3 = add.i32 v1, v2\n  return v3`))).toEqual([
      'parallel',
      'add.memory',
      'parallel',
      'return',
    ]);
  });

  it.each([
    ['a second user', 'store v1, v2, region global3'],
    ['a store to the same region', 'store v1, v1, region memory0'],
    ['anything that may trap, which would come first then', 'trap_if unreachable, v1'],
    ['another access of a memory, which may fault', 'v9 = load.i32 v1, offset 8, region memory0'],
    ['a call', 'v9 = call @1 () -> (i32)'],
    ['a store elsewhere, which would be seen though the load faults', 'store v1, v1, region global3'],
  ])('keeps a load of linear memory before %s', (_, between) => {
    const found = names(body(`  ${load0}\n  ${between}\n  v3 = add.i32 v1, v2\n  return v3`));
    expect(found).not.toContain('add.memory');
    expect(found).toContain('load');
  });

  it.each([
    ['a store to another region', 'store v1, v1, region memory0'],
    ['a trap', 'trap_if unreachable, v1'],
  ])('moves a load that cannot fault over %s', (_, between) => {
    const load1 = 'v2 = load.i32 v0, region global1';
    expect(names(body(`  ${load1}\n  ${between}\n  v3 = add.i32 v1, v2\n  return v3`))).toContain(
      'add.memory',
    );
  });

  it('moves a load of what never changes even over calls', () => {
    const text = body(
      '  v2 = load.i32 v0, region constant\n  v4 = call @1 () -> (i32)\n  v3 = add.i32 v4, v2\n  return v3',
    );
    expect(names(text)).toContain('add.memory');
  });
});

describe('what is selected at all', () => {
  it('leaves out what nobody needs, but not an access that may fault', () => {
    const text = body(
      '  v2 = mul.i32 v0, v1\n  v3 = load.i32 v0, region global0\n  v4 = load.i32 v1, region memory0\n  return v0',
    );
    expect(names(text)).toEqual(['parallel', 'load', 'parallel', 'return']);
  });

  it('makes a constant where it is wanted first, in each block, but outside of loops', () => {
    expect(
      select(`function @0 "f" wasm [0] (i32, i32) -> (i32) {
block0():
  v0 = param.i32 0
  v9 = const.i32 9
  v8 = const.i32 8
  jump block1
block1(block0, block1):
  v3 = phi.i32 v8, v4
  v4 = mul.i32 v3, v9
  branch v4, block1, block2
block2(block1):
  v5 = mul.i32 v4, v9
  return v5
}`),
    ).toBe(
      `function f
b0:
  v4 = const #9
  v5 = const #8
  jump b1
b1: <- b0 b2 depth 1
  v0 = phi v5, v2
  v2 = mul v0, v4
  branch v2 b2
  branch b3
b2: <- b1 depth 1
  jump b1
b3: <- b1
  v3 = const #9
  v1 = mul v2, v3
  r0 = parallel v1
  return r0
`,
    );
  });
});

describe('calls', () => {
  it('store stack arguments, move the others at once, and fetch results likewise', () => {
    const text = body(
      `  v2 = call @1 (i32, i32, i32) -> (i32, i32, i32, i32), v1, v0, v1
  v3 = result.i32 0, v2
  v5 = result.i32 2, v2
  v6 = mul.i32 v3, v5
  return v6`,
    );
    const func = selectFunction(parseFunction(text), target);
    expect(printMachine(func, target)).toBe(
      `function f
b0:
  v4, v3 = parallel r0, r1
  store.stack v3 [outgoing]
  r0, r1 = parallel v3, v4
  r0, r1 = call r0, r1
  v1 = parallel r0
  v2 = load.stack [outgoing + 8]
  v0 = mul v1, v2
  r0 = parallel v0
  return r0
`,
    );
    expect(func.outgoingBytes).toBe(24);
    expect(func.hasCalls).toBe(true);
    const made = func.blocks[0].insts.find(({ op }) => op === Op.call);
    expect(made?.clobbers).not.toContain(0);
    expect(made?.clobbers).toContain(2);
  });

  it('take parameters and leave results on the stack', () => {
    const text = `function @0 "f" wasm [0] (i32, i32, i32) -> (i32, i32, i32) {
block0():
  v2 = param.i32 2
  return v2, v2, v2
}`;
    const func = selectFunction(parseFunction(text), target);
    expect(printMachine(func, target)).toBe(`function f
b0:
  v0 = load.stack [incoming]
  store.stack v0 [incoming + 8]
  r0, r1 = parallel v0, v0
  return r0, r1
`);
    expect(func.remat[0]).not.toBeNull();
  });
});

describe('edges', () => {
  it('splits critical ones: forward before their target, back ones behind their source', () => {
    const text = `function @0 "f" wasm [0] (i32, i32) -> (i32) {
block0():
  v0 = param.i32 0
  branch v0, block1, block3
block1(block0, block1):
  v1 = phi.i32 v0, v2
  v2 = mul.i32 v1, v1
  branch v2, block1, block2
block2(block1):
  jump block3
block3(block0, block2):
  v3 = phi.i32 v0, v2
  return v3
}`;
    const { blocks } = selectFunction(parseFunction(text), target);
    const shape = blocks.map(({ preds, succs, loopDepth }) => [
      preds.map(({ id }) => id),
      succs.map(({ id }) => id),
      loopDepth,
    ]);
    expect(shape).toEqual([
      [[], [1, 5], 0],
      [[0], [2], 0],
      [[1, 3], [3, 4], 1],
      [[2], [2], 1],
      [[2], [6], 0],
      [[0], [6], 0],
      [[5, 4], [], 0],
    ]);
    for (const block of blocks)
      for (const phi of block.phis) expect(phi.args).toHaveLength(block.preds.length);
  });
});
