import fc from 'fast-check';
import { expect, test } from 'vitest';
import { computeDominators } from './dominators.ts';
import { type Block, connect, Func } from './function.ts';
import { computeLoops } from './loops.ts';

/** A graph of `size` blocks; edges as pairs of numbers, duplicates and edges to the entry dropped. */
function graph(size: number, edges: readonly (readonly [number, number])[]): Func {
  const func = new Func({ id: 0, name: 'g', kind: 'wasm', wasmIndex: 0 }, [], []);
  const blocks = Array.from({ length: size }, () => func.newBlock());
  for (const [from, to] of edges) {
    if (to > 0 && !blocks[from].succs.includes(blocks[to])) connect(blocks[from], blocks[to]);
  }
  return func;
}

function reachable(func: Func, without: Block | null): Set<Block> {
  const seen = new Set<Block>();
  const work = [func.blocks[0]];
  for (let block = work.pop(); block !== undefined; block = work.pop()) {
    if (block === without || seen.has(block)) continue;
    seen.add(block);
    work.push(...block.succs);
  }
  return seen;
}

const anyGraph = fc
  .integer({ min: 1, max: 12 })
  .chain((size) =>
    fc
      .array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 30 })
      .map((edges) => graph(size, edges)),
  );

test('dominance is what removing a block cuts off', () => {
  fc.assert(
    fc.property(anyGraph, (func) => {
      const dominators = computeDominators(func);
      const all = reachable(func, null);
      for (const a of func.blocks) {
        const left = reachable(func, a);
        expect(dominators.isReachable(a)).toBe(all.has(a));
        for (const b of func.blocks) {
          expect(dominators.dominates(a, b)).toBe(all.has(a) && all.has(b) && !left.has(b));
        }
      }
      expect(dominators.preorder().length).toBe(all.size);
    }),
  );
});

test('natural loops are what reaches the back edge without leaving through the header', () => {
  fc.assert(
    fc.property(anyGraph, (func) => {
      const dominators = computeDominators(func);
      const loops = computeLoops(func, dominators);
      const depth = new Map(func.blocks.map((block) => [block, 0]));
      for (const head of dominators.order) {
        const back = head.preds.filter((pred) => dominators.dominates(head, pred));
        expect(loops.headers.includes(head)).toBe(back.length > 0);
        if (back.length === 0) continue;
        const body = new Set([head]);
        for (let block = back.pop(); block !== undefined; block = back.pop()) {
          if (body.has(block)) continue;
          body.add(block);
          back.push(...block.preds.filter((pred) => dominators.isReachable(pred)));
        }
        // An irreducible region can flow into a loop from the side; then bodies are not nested.
        fc.pre([...body].every((block) => dominators.dominates(head, block)));
        for (const block of body) depth.set(block, (depth.get(block) ?? 0) + 1);
      }
      for (const block of dominators.order) expect(loops.depth[block.id]).toBe(depth.get(block));
    }),
  );
});

test('nested loops know their parents', () => {
  const func = graph(5, [
    [0, 1],
    [1, 2],
    [2, 2],
    [2, 3],
    [3, 1],
    [3, 4],
  ]);
  const loops = computeLoops(func, computeDominators(func));
  expect(loops.headers.map((block) => block.id)).toEqual([2, 1]);
  expect([...loops.header]).toEqual([-1, 1, 2, 1, -1]);
  expect(loops.parent[2]).toBe(1);
  expect([...loops.depth]).toEqual([0, 1, 2, 1, 0]);
});
