import { describe, expect, it } from 'vitest';
import { FakeOp, fakeTarget } from './fixtures/fake-target.ts';
import { MBlock, Mem, MFunction, MInst, MPhi, Pseudo, RegClass } from './machine.ts';
import { printMachine } from './print-machine.ts';

const target = fakeTarget({ ints: 4, intsSaved: 2, floats: 4, floatsSaved: 0, folds: true });

describe('printMachine', () => {
  it('shows blocks, phis, operands of every kind and targets', () => {
    const symbol = { id: 0, name: 'example', kind: 'wasm', wasmIndex: 0 } as const;
    const func = new MFunction(symbol, { symbol: 0, params: [], results: [] }, 'wasm');
    const [a, b, t] = [0, 1, 2].map(() => func.newVirtual(RegClass.int));
    const [entry, loop] = [new MBlock(0), new MBlock(1)];
    func.blocks.push(entry, loop);
    entry.succs.push(loop);
    loop.preds.push(entry, loop);
    loop.succs.push(loop);
    loop.loopDepth = 1;
    loop.cold = true;
    loop.phis.push(new MPhi(b, [a, b]));
    const jump = new MInst(FakeOp.jump, [], [], 0);
    jump.block = loop;
    const load = new MInst(FakeOp.combine, [t], [b], 0);
    load.mem = new Mem(a, -8, 3, 2);
    load.temps = [t];
    load.imm = 7;
    load.cond = 4;
    const reload = new MInst(FakeOp.reload, [32], [], 0);
    reload.mem = new Mem(-1, 0, -1, 0, 'spill');
    const choose = new MInst(FakeOp.switch, [], [b], 0);
    choose.blocks = [loop, loop];
    entry.insts.push(new MInst(Pseudo.parallelMove, [a], [0], 0), jump);
    loop.insts.push(new MInst(Pseudo.copy, [t], [b], 0), load, reload, choose);
    expect(printMachine(func, target)).toBe(`function example
b0:
  v0 = parallel r0
  jump b1
b1: <- b0 b1 depth 1 cold
  v1 = phi v0, v1
  v2 = copy v1
  v2 = combine ?4 v1 [v0 + r3 << 2 + -8] #7 temps v2
  d0 = reload [spill + 0]
  switch v1 {b1 b1}
`);
  });
});
