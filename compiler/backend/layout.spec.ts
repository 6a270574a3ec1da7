import { describe, expect, it } from 'vitest';
import type { Target } from '../target.ts';
import { FakeOp, fakeTarget } from './fixtures/fake-target.ts';
import { layoutBlocks } from './layout.ts';
import { MBlock, MFunction, MInst } from './machine.ts';

const target: Target = {
  ...fakeTarget({ ints: 4, intsSaved: 0, floats: 2, floatsSaved: 0, folds: false }),
  invert(branch) {
    branch.cond ^= 1;
    return true;
  },
};

/**
 * A function whose blocks are named by letters: each is `work` instructions, then branches (`?x`), then a jump to a letter or a
 * return (`!`). A `~` before marks it cold.
 */
function build(shape: Record<string, string>): MFunction {
  const symbol = { id: 0, name: 'f', kind: 'wasm', wasmIndex: 0 } as const;
  const func = new MFunction(symbol, { symbol: 0, params: [], results: [] }, 'wasm');
  const blocks = new Map(Object.keys(shape).map((name, k) => [name, new MBlock(k)]));
  const to = (inst: MInst, name: string): MInst => Object.assign(inst, { block: blocks.get(name) });
  for (const [name, text] of Object.entries(shape)) {
    const block = blocks.get(name) as MBlock;
    const tokens = text.split(' ').filter((token) => token !== '');
    for (const token of tokens) {
      if (token === '~') block.cold = true;
      else if (token === 'work') block.insts.push(new MInst(FakeOp.store, [], [], 0));
      else if (token === '!') block.insts.push(new MInst(FakeOp.return, [], [], 0));
      else if (token.startsWith('?')) block.insts.push(to(new MInst(FakeOp.branch, [], [], 0), token[1]));
      else block.insts.push(to(new MInst(FakeOp.jump, [], [], 0), token));
    }
    func.blocks.push(block);
  }
  return func;
}

/** What is left, a block a word: its letter, then where it goes, `?` for branches, `-` for inverted ones. */
function show(shape: Record<string, string>): string {
  const func = build(shape);
  layoutBlocks(func, target);
  const letters = Object.keys(shape);
  return func.blocks
    .map(({ id, insts }) => {
      const ends = insts.map((inst) => {
        if (inst.block === null) return inst.op === FakeOp.return ? '!' : '';
        const branch = inst.op === FakeOp.branch ? (inst.cond === 0 ? '?' : '-') : '';
        return branch + letters[inst.block.id];
      });
      return letters[id] + ends.join('');
    })
    .join(' ');
}

describe('block layout', () => {
  it('drops jumps to the next block', () => {
    expect(show({ a: 'work b', b: 'work c', c: '!' })).toBe('a b c!');
  });

  it('inverts the branch to the next block', () => {
    expect(show({ a: 'work ?b c', b: 'work !', c: 'work !' })).toBe('a-c b! c!');
  });

  it('goes through blocks that only jump, and leaves them out', () => {
    expect(show({ a: 'work ?b c', b: 'd', c: 'e', d: 'e', e: 'work !' })).toBe('a e!');
  });

  it('keeps an endless loop of jumps', () => {
    expect(show({ a: 'work b', b: 'c', c: 'b' })).toMatch(/^a.* [bc]/);
  });

  it('moves cold blocks behind all others', () => {
    expect(show({ a: 'work ?b c', b: '~ work !', c: 'work !' })).toBe('a?b c! b!');
  });

  it('turns a loop that tests at its top', () => {
    expect(show({ a: 'work h', h: 'work ?x b', b: 'work c', c: 'work h', x: 'work !' })).toBe(
      'ah b c h-b x!',
    );
  });

  it('turns both of two nested loops', () => {
    const shape = { a: 'work h', h: 'work ?x i', i: 'work ?l b', b: 'work i', l: 'work h', x: 'work !' };
    expect(show(shape)).toBe('ah b i-b l h-i x!');
  });

  it('leaves a loop that tests at its bottom alone', () => {
    expect(show({ a: 'work h', h: 'work b', b: 'work ?h x', x: '!' })).toBe('a h b?h x!');
  });
});
