import { describe, expect, it } from 'vitest';
import { TrapKind } from '../ir/types.ts';
import { Assembler } from './assembler.ts';
import { MBlock } from './machine.ts';

describe('frame rows', () => {
  it('keep the last of several at one place, and none that changes nothing', () => {
    const asm = new Assembler();
    asm.frame(8, 0, false);
    asm.byte(0);
    asm.frame(16, 8, false);
    asm.frame(16, 8, true);
    asm.byte(0);
    asm.frame(8, 0, false);
    asm.frame(16, 8, true);
    asm.byte(0);
    expect(asm.frameRows).toEqual([
      { offset: 0, cfa: 8, returnAddress: 0, published: false },
      { offset: 1, cfa: 16, returnAddress: 8, published: true },
    ]);
  });
});

describe('near branches', () => {
  /** A branch over `gap` bytes to a block and to a trap stub behind it; what isNear says to each. */
  function emit(estimate: Assembler | null, gap: number): [Assembler, boolean[]] {
    const asm = new Assembler(estimate);
    const block = blocks[gap];
    const stub = asm.trapStub(TrapKind.unreachable, 7);
    const near = [asm.isNear(block), asm.isNear(stub)];
    asm.u32(0);
    for (let k = 0; k < gap; k++) asm.byte(0);
    asm.bind(block);
    asm.flushStubs((into) => into.u16(0x0b0f));
    return [asm, near];
  }
  const blocks: Record<number, MBlock> = { 10: new MBlock(0), 200: new MBlock(0) };

  it.each([
    [10, true],
    [200, false],
  ])('are known in the second emission: %i bytes on', (gap, expected) => {
    const [first, unknown] = emit(null, gap);
    expect(unknown).toEqual([false, false]);
    const [, near] = emit(first, gap);
    expect(near).toEqual([expected, expected]);
  });

  it('are known at once to what was emitted before', () => {
    const asm = new Assembler();
    const block = new MBlock(0);
    asm.bind(block);
    asm.u32(0);
    expect(asm.isNear(block)).toBe(true);
    for (let k = 0; k < 40; k++) asm.u32(0);
    expect(asm.isNear(block)).toBe(false);
  });
});

describe('tables', () => {
  it('hold positions where they change, traps and stubs with their operators', () => {
    const asm = new Assembler();
    asm.position(-1);
    asm.position(5);
    asm.byte(0);
    asm.position(5);
    asm.trap(TrapKind.divideByZero);
    asm.byte(0);
    asm.trapStub(TrapKind.unreachable, 9);
    asm.flushStubs((into) => into.byte(0xcc));
    expect(asm.positions).toEqual([0, 5, 2, 9]);
    expect(asm.traps).toEqual([1, TrapKind.divideByZero, 2, TrapKind.unreachable]);
  });

  it('hold each literal once, those of the operands first', () => {
    const asm = new Assembler(null, [{ words: [1, 2] }]);
    expect(asm.constant([3])).toBe(1);
    expect(asm.constant([1, 2])).toBe(0);
    expect(asm.constants).toEqual([{ words: [1, 2] }, { words: [3] }]);
  });
});
