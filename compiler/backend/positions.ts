import type { MFunction } from './machine.ts';

/**
 * Gives the instructions that come from no operator (moves, spills, jumps) the position of the one before them in their block, at its
 * start of the first one behind. They serve the code around them, which may be an inlined body: without a position they
 * would count as the caller's. In the entry block, those at the start belong to the prologue and stay without.
 *
 * Needs: final instructions; the blocks in their final order. For functions of the module only: no other code has operators.
 */
export function fillPositions({ symbol, blocks }: MFunction): void {
  if (symbol.kind !== 'wasm') return;
  let position = -1;
  for (const { insts } of blocks) {
    if (insts !== blocks[0].insts) position = insts.find(({ origin }) => origin >= 0)?.origin ?? position;
    for (const inst of insts) {
      if (inst.origin >= 0) position = inst.origin;
      else inst.origin = position;
    }
  }
}
