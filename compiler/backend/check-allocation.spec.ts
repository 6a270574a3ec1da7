import { describe, expect, it } from 'vitest';
import { allocateRegisters } from './allocate.ts';
import { AllocationError, checkAllocation, snapshot } from './check-allocation.ts';
import { FakeOp, fakeTarget } from './fixtures/fake-target.ts';
import { interpret } from './fixtures/interpreter.ts';
import { random, randomFunction } from './fixtures/random-function.ts';
import { firstVirtual, MInst as Instruction, MBlock, MFunction, type MInst, RegClass } from './machine.ts';

const target = fakeTarget({ ints: 4, intsSaved: 2, floats: 8, floatsSaved: 2, folds: true });

type Pick = <T>(list: readonly T[]) => T | undefined;

/** Ways to break allocated code; each returns false if it found nothing to break. */
const mutations: Record<string, (func: MFunction, pick: Pick) => boolean> = {
  'a spill is dropped': (func, pick) => drop(func, pick, FakeOp.spill),
  'a reload is dropped': (func, pick) => drop(func, pick, FakeOp.reload),
  'a move is dropped': (func, pick) => drop(func, pick, FakeOp.move),
  'a value made again is dropped': (func, pick) => drop(func, pick, FakeOp.constant),
  'two operands are swapped': (func, pick) => {
    const inst = pick(all(func, (i) => i.uses.length > 1 && i.uses[0] !== i.uses[1]));
    if (inst === undefined) return false;
    inst.uses.reverse();
    return true;
  },
  'a result goes to another register': (func, pick) => {
    const inst = pick(all(func, (i) => i.defs.length === 1 && i.defs[0] < 4 && i.op !== FakeOp.call));
    if (inst === undefined) return false;
    inst.defs[0] = (inst.defs[0] + 1) % 4;
    return true;
  },
  'a reload reads another slot': (func, pick) => {
    const inst = pick(all(func, (i) => i.op === FakeOp.reload));
    if (inst?.mem == null || func.spillSlots < 2) return false;
    inst.mem.disp = (inst.mem.disp + 1) % func.spillSlots;
    return true;
  },
  'two instructions of a gap change places': (func, pick) => {
    const isInserted = (op: number): boolean =>
      op === FakeOp.move || op === FakeOp.spill || op === FakeOp.reload;
    const places = func.blocks.flatMap((block) =>
      block.insts.flatMap((inst, i) =>
        i > 0 && isInserted(inst.op) && isInserted(block.insts[i - 1].op) ? [{ block, i }] : [],
      ),
    );
    const place = pick(places);
    if (place === undefined) return false;
    const [inst] = place.block.insts.splice(place.i, 1);
    place.block.insts.splice(place.i - 1, 0, inst);
    return true;
  },
};

function all(func: MFunction, wanted: (inst: MInst) => boolean): MInst[] {
  return func.blocks.flatMap((block) => block.insts.filter(wanted));
}

function drop(func: MFunction, pick: Pick, op: number): boolean {
  const inst = pick(all(func, (i) => i.op === op));
  for (const block of func.blocks) {
    const at = inst === undefined ? -1 : block.insts.indexOf(inst);
    if (at >= 0) block.insts.splice(at, 1);
  }
  return inst !== undefined;
}

/** What the code computes for several inputs, or that it fails to. */
function behaviour(func: MFunction): string {
  try {
    return [1, 2, 3].map((seed) => interpret(func, target, seed, 200).join()).join(';');
  } catch (error) {
    return String(error);
  }
}

describe.each(Object.entries(mutations))('when %s', (_, mutate) => {
  it('finds every change that the interpreter can see', () => {
    let visible = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const func = randomFunction({ seed, size: 30, pool: 8 }, target);
      const before = snapshot(func);
      allocateRegisters(func, target);
      const intact = behaviour(func);
      const rand = random(seed);
      if (!mutate(func, (list) => list[rand(list.length)]) || behaviour(func) === intact) continue;
      visible++;
      expect(() => checkAllocation(before, func, target), `seed ${seed}`).toThrow(AllocationError);
    }
    expect(visible).toBeGreaterThan(5);
  });
});

describe('checkAllocation', () => {
  /** One block: v0 = constant 1; v1 = constant 2; v2 = op v0, v1; return v2 in r0. */
  function small(op: number): { func: MFunction; insts: MInst[] } {
    const symbol = { id: 0, name: 'small', kind: 'wasm', wasmIndex: 0 } as const;
    const func = new MFunction(symbol, { symbol: 0, params: [], results: [] }, 'wasm');
    const [a, b, c] = [0, 1, 2].map(() => func.newVirtual(RegClass.int));
    const insts = [
      new Instruction(FakeOp.constant, [a], [], 7),
      new Instruction(FakeOp.constant, [b], [], 8),
      new Instruction(op, [c], [a, b], 9),
      new Instruction(FakeOp.store, [], [a, b, c], 10),
      new Instruction(FakeOp.return, [], [], 11),
    ];
    insts[1].imm = 1;
    const block = new MBlock(0);
    block.insts = insts.slice();
    func.blocks.push(block);
    return { func, insts };
  }

  /** Gives the virtual registers of `small` the registers in `map`, as a faulty allocator might. */
  function assign(insts: readonly MInst[], map: readonly number[]): void {
    const physical = (r: number): number => (r >= firstVirtual ? map[r - firstVirtual] : r);
    for (const inst of insts) {
      inst.defs = inst.defs.map(physical);
      inst.uses = inst.uses.map(physical);
    }
  }

  it('accepts distinct registers', () => {
    const { func, insts } = small(FakeOp.combine);
    const before = snapshot(func);
    assign(insts, [0, 1, 2]);
    func.savedRegisters = [2];
    expect(() => checkAllocation(before, func, target)).not.toThrow();
  });

  it.each([
    ['a value overwritten too early', FakeOp.combine, [0, 0, 1], 'r0 should hold v0, and holds v1'],
    ['an operand destroyed that lives on', FakeOp.combine, [0, 1, 0], 'r0 should hold v0, and holds v2'],
    ['a call-saved register that nobody saves', FakeOp.combine, [0, 1, 3], 'r3 is written but not saved'],
    ['a register of another class', FakeOp.combine, [0, 1, 33], 'd1 is not of the class of v2'],
    ['the scratch register for a value', FakeOp.combine, [0, 1, 4], 'r4 is not of the class of v2'],
    ['a two-address form with two registers', FakeOp.combineTied, [0, 1, 2], 'has two registers'],
    ['an early result over an operand', FakeOp.earlyClobber, [0, 1, 1], 'overwritten before it is read'],
    ['a virtual register left', FakeOp.combine, [0, 1, 66], 'v2 was left virtual'],
  ])('refuses %s', (_, op, map, message) => {
    const { func, insts } = small(op);
    const before = snapshot(func);
    assign(insts, map);
    if (!message.includes('not saved')) func.savedRegisters = [2, 3];
    expect(() => checkAllocation(before, func, target)).toThrow(message);
  });

  it('names function, block and instruction', () => {
    const { func, insts } = small(FakeOp.combine);
    const before = snapshot(func);
    assign(insts, [0, 0, 1]);
    try {
      checkAllocation(before, func, target);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ functionName: 'small', block: 0, instruction: 2 });
    }
  });
});
