import type { MFunction } from './machine.ts';

/**
 * Gives the instructions that come from no operator (moves, spills, constants) the position of the one before them in their block, at
 * its start of the first one behind. They serve the code around them, which may be an inlined body: without a position they
 * would count as the caller's. In the entry block, those at the start belong to the prologue and stay without.
 *
 * Needs: an allocated function whose blocks still end in their jumps. A jump can be the only instruction of its block that has a
 * position, and what layout puts before that block may be another body. For functions of the module only: no other code has operators.
 */
export function fillPositions({ symbol, blocks }: MFunction): void {
  if (symbol.kind !== 'wasm') return;
  for (const { insts } of blocks) {
    const atEntry = insts === blocks[0].insts;
    let position = atEntry ? -1 : (insts.find(({ origin }) => origin >= 0)?.origin ?? -1);
    for (const inst of insts) {
      if (inst.origin >= 0) position = inst.origin;
      else inst.origin = position;
    }
  }
}
