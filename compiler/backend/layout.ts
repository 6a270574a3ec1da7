import { InstFlag, type Target } from '../target.ts';
import type { MBlock, MFunction, MInst } from './machine.ts';

/**
 * Puts the blocks of an allocated function in their final order and makes their ends fit it: jumps to blocks that only jump
 * go where those lead, cold blocks stand last, loops that test at the top are turned so that they test at the bottom,
 * and a jump to the next block is dropped, if need be by inverting the branch before it.
 *
 * Needs: every block ends in a jump, switch, return or trap, any branches before it. Leaves: blocks fall through to the
 * next one; `preds` and `succs` are no longer kept.
 */
export function layoutBlocks(func: MFunction, target: Target): void {
  threadJumps(func, target);
  removeUnreachable(func);
  const hot = func.blocks.filter((block, k) => k === 0 || !block.cold);
  const cold = func.blocks.filter((block, k) => k > 0 && block.cold);
  func.blocks = [...rotateLoops(hot, target), ...cold];
  func.blocks.forEach((block, k) => {
    fallThrough(block, func.blocks[k + 1], target);
  });
}

const flagsOf = (inst: MInst, target: Target): number =>
  inst.op < 0 ? 0 : target.instructions[inst.op].flags;

/** The jump at the end of `block`, or undefined where it ends otherwise. */
function finalJump(block: MBlock, target: Target): MInst | undefined {
  const last = block.insts[block.insts.length - 1];
  return last !== undefined && (flagsOf(last, target) & InstFlag.jump) !== 0 ? last : undefined;
}

/** Where control goes in the end after a jump to `block`. A cycle of jumps is an endless loop; it is entered anywhere. */
function destination(block: MBlock, target: Target): MBlock {
  let at = block;
  for (let steps = 0; at.insts.length === 1 && steps < 64; steps++) {
    const next = finalJump(at, target)?.block;
    if (!next) break;
    at = next;
  }
  return at;
}

function threadJumps(func: MFunction, target: Target): void {
  for (const { insts } of func.blocks) {
    for (const inst of insts) {
      if (inst.block !== null) inst.block = destination(inst.block, target);
      if (inst.blocks !== null) inst.blocks = inst.blocks.map((block) => destination(block, target));
    }
  }
}

function removeUnreachable(func: MFunction): void {
  const reached = new Set<MBlock>([func.blocks[0]]);
  for (const { insts } of reached) {
    for (const inst of insts) {
      if (inst.block !== null) reached.add(inst.block);
      if (inst.blocks !== null) for (const block of inst.blocks) reached.add(block);
    }
  }
  if (reached.size < func.blocks.length) func.blocks = func.blocks.filter((block) => reached.has(block));
}

/** True if some branch of `block` leads to one of `blocks[from..to]`, and another edge of it elsewhere. */
function leavesAndStays(block: MBlock, inside: (block: MBlock) => boolean): boolean {
  let leaves = false;
  let stays = false;
  for (const inst of block.insts) {
    if (inst.block === null) continue;
    if (inside(inst.block)) stays = true;
    else leaves = true;
  }
  return leaves && stays;
}

/** Blocks of the longest loop that is turned: a jump in a longer one's round is nothing, and moving its blocks is slow. */
const longest = 128;

/**
 * A loop whose first block decides whether to go on and whose last one jumps back to it runs one jump a round less with the
 * first block last; entering the loop costs one jump instead.
 */
function rotateLoops(blocks: MBlock[], target: Target): MBlock[] {
  const place = new Map<MBlock, number>();
  blocks.forEach((block, k) => {
    place.set(block, k);
  });
  const order = blocks.slice();
  for (let last = 0; last < blocks.length; last++) {
    const header = finalJump(blocks[last], target)?.block;
    const first = header ? (place.get(header) ?? last) : last;
    if (!header || first === 0 || first >= last || last - first > longest) continue;
    if (order[first] !== header || order[last] !== blocks[last]) continue;
    const inside = (block: MBlock): boolean => {
      const at = place.get(block);
      return at !== undefined && at >= first && at <= last;
    };
    if (!leavesAndStays(header, inside) || !finalJump(header, target)) continue;
    // Blocks of an inner loop that was turned already still stand between the same two places.
    order.copyWithin(first, first + 1, last + 1);
    order[last] = header;
  }
  return order;
}

/** Drops the jump at the end of `block` if `next`, which follows, can be fallen into. */
function fallThrough(block: MBlock, next: MBlock | undefined, target: Target): void {
  const jump = finalJump(block, target);
  if (!jump) return;
  const { insts } = block;
  const branch = insts[insts.length - 2];
  const branches = branch !== undefined && (flagsOf(branch, target) & InstFlag.branch) !== 0;
  if (branches && branch.block === jump.block) insts.splice(insts.length - 2, 1);
  if (jump.block === next) {
    insts.pop();
  } else if (branches && branch.block === next && target.invert(branch)) {
    branch.block = jump.block;
    insts.pop();
  }
}
