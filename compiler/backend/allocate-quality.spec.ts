import { describe, expect, it } from 'vitest';
import { allocateRegisters } from './allocate.ts';
import { checkAllocation, snapshot } from './check-allocation.ts';
import { FakeOp, fakeTarget } from './fixtures/fake-target.ts';
import { firstVirtual, MBlock, MFunction, MInst, MPhi, Pseudo, RegClass } from './machine.ts';
import { printMachine } from './print-machine.ts';

const target = fakeTarget({ ints: 6, intsSaved: 3, floats: 4, floatsSaved: 0, folds: true });

/** A function made of blocks by name; registers are made on first mention. */
class Sketch {
  readonly func: MFunction;
  private readonly names = new Map<string, number>();

  constructor(blocks: number) {
    const symbol = { id: 0, name: 'sketch', kind: 'wasm', wasmIndex: 0 } as const;
    this.func = new MFunction(symbol, { symbol: 0, params: [], results: [] }, 'wasm');
    for (let b = 0; b < blocks; b++) this.func.blocks.push(new MBlock(b));
  }

  /** r0, r1... are physical, all else is virtual. */
  register(name: string): number {
    if (/^r\d$/.test(name)) return Number(name.slice(1));
    let v = this.names.get(name);
    if (v === undefined) {
      v = this.func.newVirtual(RegClass.int);
      this.names.set(name, v);
    }
    return v;
  }

  add(block: number, op: number, defs = '', uses = ''): MInst {
    const list = (text: string): number[] =>
      text === '' ? [] : text.split(' ').map((name) => this.register(name));
    const inst = new MInst(op, list(defs), list(uses), 1);
    if (op === FakeOp.call) inst.clobbers = target.registers.callClobbered;
    this.func.blocks[block].insts.push(inst);
    return inst;
  }

  phi(block: number, def: string, args: string): void {
    this.func.blocks[block].phis.push(
      new MPhi(
        this.register(def),
        args.split(' ').map((name) => this.register(name)),
      ),
    );
  }

  jump(from: number, to: number): void {
    this.add(from, FakeOp.jump).block = this.func.blocks[to];
    this.connect(from, to);
  }

  branch(from: number, taken: number, other: number): void {
    this.add(from, FakeOp.branch).block = this.func.blocks[taken];
    this.connect(from, taken);
    this.jump(from, other);
  }

  private connect(from: number, to: number): void {
    this.func.blocks[from].succs.push(this.func.blocks[to]);
    this.func.blocks[to].preds.push(this.func.blocks[from]);
  }

  /** The allocated code of each block, without its branches. */
  allocate(): string[][] {
    const before = snapshot(this.func);
    allocateRegisters(this.func, target);
    checkAllocation(before, this.func, target);
    return printMachine(this.func, target)
      .split(/^b\d.*\n/m)
      .slice(1)
      .map((text) =>
        text
          .trim()
          .split(/\n\s*/)
          .filter((line) => !/^(jump|branch)/.test(line)),
      );
  }
}

/** entry b0, loop header b1, body b2, back edge b3, exit b4: for (i = n, s = 0; i; i--) s += i, with `body` in b2. */
function loop(body: (sketch: Sketch) => void): Sketch {
  const sketch = new Sketch(5);
  for (const b of [1, 2, 3]) sketch.func.blocks[b].loopDepth = 1;
  sketch.add(0, Pseudo.parallelMove, 'n x', 'r0 r1');
  sketch.add(0, FakeOp.constant, 'zero');
  sketch.jump(0, 1);
  sketch.phi(1, 'i', 'n i2');
  sketch.phi(1, 's', 'zero s2');
  sketch.add(1, FakeOp.compare, '', 'i i');
  sketch.branch(1, 4, 2);
  sketch.add(2, FakeOp.combineTied, 's2', 's i');
  body(sketch);
  sketch.add(2, FakeOp.combineTied, 'i2', 'i');
  sketch.jump(2, 3);
  sketch.jump(3, 1);
  sketch.add(4, FakeOp.store, '', 'x');
  sketch.add(4, Pseudo.parallelMove, 'r0', 's');
  sketch.add(4, FakeOp.return, '', 'r0');
  return sketch;
}

describe('the allocator', () => {
  it('inserts nothing into a simple loop', () => {
    const code = loop(() => undefined).allocate();
    expect(code.slice(1, 4)).toEqual([
      ['compare r0, r0'],
      ['r2 = combine.tied r2, r0', 'r0 = combine.tied r0'],
      [],
    ]);
  });

  it('keeps values that cross calls in a loop in call-saved registers', () => {
    const code = loop((sketch) => sketch.add(2, FakeOp.call)).allocate();
    expect(code[1]).toEqual(['compare r5, r5']);
    expect(code[2]).toEqual(['r4 = combine.tied r4, r5', 'call', 'r5 = combine.tied r5']);
    expect(code[3]).toEqual([]);
  });

  it('spills around a call that is hardly ever reached, where it is', () => {
    const sketch = new Sketch(4);
    sketch.func.blocks[1].cold = true;
    sketch.add(0, Pseudo.parallelMove, 'a b', 'r0 r1');
    sketch.add(0, FakeOp.compare, '', 'a b');
    sketch.branch(0, 1, 2);
    sketch.add(1, FakeOp.call);
    sketch.jump(1, 3);
    sketch.jump(2, 3);
    sketch.add(3, FakeOp.store, '', 'a b');
    sketch.add(3, FakeOp.return);
    const code = sketch.allocate();
    expect(code[0]).toEqual(['compare r0, r1']);
    expect(code[1]).toEqual([
      'spill r1 [spill + 1]',
      'spill r0 [spill + 0]',
      'call',
      'r1 = reload [spill + 1]',
      'r0 = reload [spill + 0]',
    ]);
    expect(code[2]).toEqual([]);
    expect(code[3]).toEqual(['store r0, r1', 'return']);
    expect(sketch.func.savedRegisters).toEqual([]);
  });

  it('spills what a crowded loop does not use, outside the loop', () => {
    const names = ['p', 'q', 't', 'u'];
    const sketch = loop((inner) => {
      for (const name of names) inner.add(2, FakeOp.combine, `${name}1`, name);
      for (const name of names) inner.add(2, FakeOp.store, '', `${name}1 ${name}`);
    });
    const entry = sketch.func.blocks[0].insts;
    const jump = entry.splice(-1);
    for (const name of names) sketch.add(0, FakeOp.combine, name, 'n');
    entry.push(...jump);
    const code = sketch.allocate();
    const slot = '[spill + 0]';
    expect(code[0][0]).toBe(`spill r1 ${slot}`);
    expect(
      code
        .slice(1, 4)
        .flat()
        .filter((line) => line.includes(slot)),
    ).toEqual([]);
    expect(code[4][0]).toBe(`r1 = reload ${slot}`);
  });

  it('makes constants again instead of keeping them across calls', () => {
    const sketch = new Sketch(1);
    const make = sketch.add(0, FakeOp.constant, 'c');
    make.imm = 5;
    const again = new MInst(FakeOp.constant, make.defs.slice(), [], 1);
    again.imm = 5;
    sketch.func.remat[make.defs[0] - firstVirtual] = { inst: again };
    sketch.add(0, FakeOp.store, '', 'c');
    sketch.add(0, FakeOp.call);
    sketch.add(0, FakeOp.store, '', 'c');
    sketch.add(0, FakeOp.return);
    expect(sketch.allocate()[0]).toEqual([
      'r0 = constant #5',
      'store r0',
      'call',
      'r0 = constant #5',
      'store r0',
      'return',
    ]);
  });

  it('overwrites the operand of a commutative form that is not needed any more', () => {
    const sketch = new Sketch(1);
    sketch.add(0, Pseudo.parallelMove, 'a b', 'r0 r1');
    sketch.add(0, FakeOp.add, 'c', 'a b');
    sketch.add(0, FakeOp.store, '', 'a c');
    sketch.add(0, FakeOp.return);
    expect(sketch.allocate()[0]).toEqual(['r1 = add r1, r0', 'store r0, r1', 'return']);
  });

  it('says which function has more operands than registers', () => {
    const sketch = new Sketch(1);
    const names = Array.from({ length: 7 }, (_, i) => `v${i}`);
    for (const name of names) sketch.add(0, FakeOp.constant, name);
    sketch.add(0, FakeOp.store, '', names.join(' '));
    expect(() => allocateRegisters(sketch.func, target)).toThrow(/^sketch: no register for v/);
  });
});
