import { InternalError } from '../errors.ts';
import { firstVirtual, type MFunction, type MInst } from './machine.ts';
import type { Numbering } from './numbering.ts';

/** Which virtual registers are live at the start of which block. Virtual registers are indexed by number - firstVirtual. */
export interface Liveness {
  /** Layout index of the block that defines each virtual register; -1 for none. */
  readonly defBlock: Int32Array;
  /** Registers live into block b (its phis not among them): liveIn[offset[b]] to liveIn[offset[b + 1] - 1]. */
  readonly offset: Int32Array;
  readonly liveIn: Int32Array;
}

/** Growable list of pairs of integers. */
class Pairs {
  length = 0;
  a = new Int32Array(256);
  b = new Int32Array(256);

  push(a: number, b: number): void {
    if (this.length === this.a.length) {
      this.a = grow(this.a);
      this.b = grow(this.b);
    }
    this.a[this.length] = a;
    this.b[this.length++] = b;
  }
}

function grow(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** Sorts pairs by `keys` (below `count`), keeping order among equals: the values, and where each key's values begin. */
function bucket(
  keys: Int32Array,
  values: Int32Array,
  length: number,
  count: number,
): [Int32Array, Int32Array] {
  const offset = new Int32Array(count + 1);
  for (let i = 0; i < length; i++) offset[keys[i] + 1]++;
  for (let k = 0; k < count; k++) offset[k + 1] += offset[k];
  const next = offset.slice(0, count);
  const sorted = new Int32Array(length);
  for (let i = 0; i < length; i++) sorted[next[keys[i]]++] = values[i];
  return [offset, sorted];
}

/**
 * Liveness of SSA values by walking from each use up to the definition (Boissinot, Brandner, Rastello et al., "Computing
 * Liveness Sets for SSA-Form Programs", 2011): the time is that of writing the result down, without bit sets of all
 * values per block.
 * @throws InternalError if a register is defined twice, or not on every path to a use
 */
export function computeLiveness(func: MFunction, numbering: Numbering): Liveness {
  const { blocks, predOffset, preds } = numbering;
  const count = func.classes.length;
  const defBlock = new Int32Array(count).fill(-1);
  for (let b = 0; b < blocks.length; b++) {
    for (const phi of blocks[b].phis) define(func, defBlock, phi.def, b);
    for (const inst of blocks[b].insts) {
      const defs = inst.defs;
      for (let i = 0; i < defs.length; i++) {
        if (defs[i] >= firstVirtual) define(func, defBlock, defs[i], b);
      }
      for (const temp of inst.temps) if (temp >= firstVirtual) define(func, defBlock, temp, b);
    }
  }

  const exposed = new Pairs();
  const seen = new Int32Array(count).fill(-1);
  const use = (register: number, b: number): void => {
    const v = register - firstVirtual;
    if (v < 0 || defBlock[v] === b || seen[v] === b) return;
    seen[v] = b;
    exposed.push(v, b);
  };
  for (let b = 0; b < blocks.length; b++) {
    for (const inst of blocks[b].insts) forEachUse(inst, b, use);
    for (const succ of blocks[b].succs) {
      const phis = succ.phis;
      if (phis.length === 0) continue;
      const index = succ.preds.indexOf(blocks[b]);
      for (let p = 0; p < phis.length; p++) use(phis[p].args[index], b);
    }
  }

  const [offset, sorted] = bucket(exposed.a, exposed.b, exposed.length, count);
  const live = new Pairs();
  const visited = new Int32Array(blocks.length).fill(-1);
  const stack: number[] = [];
  for (let v = 0; v < count; v++) {
    for (let i = offset[v]; i < offset[v + 1]; i++) {
      if (visited[sorted[i]] === v) continue;
      visited[sorted[i]] = v;
      stack.push(sorted[i]);
      for (let b = stack.pop(); b !== undefined; b = stack.pop()) {
        live.push(b, v);
        const end = predOffset[b + 1];
        if (predOffset[b] === end) {
          throw new InternalError(
            `${func.symbol.name}: v${v} is used in block ${blocks[sorted[i]].id} but not defined on every path to it`,
          );
        }
        for (let e = predOffset[b]; e < end; e++) {
          const p = preds[e];
          if (defBlock[v] === p || visited[p] === v) continue;
          visited[p] = v;
          stack.push(p);
        }
      }
    }
  }
  const [liveOffset, liveIn] = bucket(live.a, live.b, live.length, blocks.length);
  return { defBlock, offset: liveOffset, liveIn };
}

function define(func: MFunction, defBlock: Int32Array, register: number, block: number): void {
  const v = register - firstVirtual;
  if (defBlock[v] >= 0) throw new InternalError(`${func.symbol.name}: v${v} is defined twice`);
  defBlock[v] = block;
}

function forEachUse(inst: MInst, block: number, use: (register: number, block: number) => void): void {
  const uses = inst.uses;
  for (let i = 0; i < uses.length; i++) use(uses[i], block);
  const mem = inst.mem;
  if (mem !== null) {
    use(mem.base, block);
    use(mem.index, block);
  }
}
