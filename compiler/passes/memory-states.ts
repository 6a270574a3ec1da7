import type { Dominators } from '../ir/dominators.ts';
import type { Block, Func, Inst } from '../ir/function.ts';
import { computeLoops } from '../ir/loops.ts';
import { Effect, effects } from '../ir/ops.ts';
import { Region } from '../ir/types.ts';

/**
 * Numbers for the contents of memory, by class of regions: two loads of a region with the same number, one dominating the
 * other, read the same. A block begins with the numbers that its immediate dominator ended with, renewed for the classes
 * that may be written on some path in between.
 */

/** Bits of region classes; the last are shared by the globals, by number. */
const Class = { memoryInfo: 0, tableInfo: 1, tableElement: 2, segment: 3, stack: 4, native: 5, memory: 6 };
const firstGlobal = 8;
const classCount = 32;
const globalClasses = classCount - firstGlobal;

const fixedClasses: ReadonlyMap<number, number> = new Map([
  [Region.memoryInfo, Class.memoryInfo],
  [Region.tableInfo, Class.tableInfo],
  [Region.tableElement, Class.tableElement],
  [Region.segment, Class.segment],
  [Region.stack, Class.stack],
  [Region.native, Class.native],
]);

/** The class of a region; -1 where nothing ever writes. */
function classOf(region: number): number {
  if (region >= Region.global) return firstGlobal + ((region - Region.global) % globalClasses);
  if (region >= Region.memory) return region === Region.memory ? Class.memory : Class.memory + 1;
  if (region === Region.constant) return -1;
  return fixedClasses.get(region) ?? Class.native;
}

const everything = -1;
/** Calls write all but the caller's own frame. */
const calls = ~(1 << Class.stack);

/** Classes that `inst` may write, as a bit set. */
function writtenBy(inst: Inst): number {
  const bits = effects(inst.op);
  if ((bits & Effect.calls) !== 0) return calls;
  if ((bits & Effect.writes) === 0) return 0;
  const written = classOf(inst.region);
  // Native memory may be any memory.
  return written === Class.native ? everything : (written < 0 ? 0 : 1 << written) | (1 << Class.native);
}

export class MemoryStates {
  private readonly dominators: Dominators;
  /** Per block: classes written between the end of its immediate dominator and its start. */
  private readonly between: Int32Array;
  /** Numbers at the end of each block, classCount apiece. */
  private readonly atEnd: Int32Array;
  private readonly current = new Int32Array(classCount);
  private nextState = 1;

  constructor(func: Func, dominators: Dominators) {
    this.dominators = dominators;
    this.atEnd = new Int32Array(func.blockCount * classCount);
    this.between = writesBetween(func, dominators);
  }

  enter(block: Block): void {
    const { current, atEnd } = this;
    const idom = this.dominators.idom[block.id];
    if (idom < 0) current.fill(0);
    else for (let k = 0; k < classCount; k++) current[k] = atEnd[idom * classCount + k];
    this.renew(this.between[block.id]);
  }

  leave(block: Block): void {
    this.atEnd.set(this.current, block.id * classCount);
  }

  /** Number of the contents of `region` here. */
  state(region: number): number {
    const k = classOf(region);
    return k < 0 ? 0 : this.current[k];
  }

  /** Takes note of what `inst` writes. */
  write(inst: Inst): void {
    this.renew(writtenBy(inst));
  }

  private renew(classes: number): void {
    for (let rest = classes; rest !== 0; rest &= rest - 1) {
      this.current[31 - Math.clz32(rest & -rest)] = this.nextState++;
    }
  }
}

/**
 * Per block, the classes written on paths from its immediate dominator, exclusive, to its start. Each such path ends in a
 * predecessor, all of whose dominators below that immediate dominator it passes; what is written between those was
 * found before. Loops add what their bodies write.
 */
function writesBetween(func: Func, dominators: Dominators): Int32Array {
  const own = new Int32Array(func.blockCount);
  for (const block of func.blocks) {
    let written = 0;
    for (const inst of block.insts) written |= writtenBy(inst);
    own[block.id] = written;
  }
  const loops = computeLoops(func, dominators);
  const body = new Int32Array(func.blockCount);
  for (const block of func.blocks) {
    const header = loops.header[block.id];
    if (header >= 0) body[header] |= own[block.id];
  }
  for (const { id } of loops.headers) if (loops.parent[id] >= 0) body[loops.parent[id]] |= body[id];

  const between = new Int32Array(func.blockCount);
  const seenFor = new Int32Array(func.blockCount).fill(-1);
  for (const block of dominators.order) {
    const idom = dominators.idom[block.id];
    let written = loops.header[block.id] === block.id ? body[block.id] : 0;
    for (const pred of block.preds) {
      if (dominators.dominates(block, pred)) continue;
      for (let at = pred.id; at !== idom && seenFor[at] !== block.id; at = dominators.idom[at]) {
        seenFor[at] = block.id;
        written |= own[at] | between[at];
      }
    }
    between[block.id] = written;
  }
  return between;
}
