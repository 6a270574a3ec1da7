import { canTrap, isRoot } from '../ir/effects.ts';
import type { Func, Inst } from '../ir/function.ts';
import { Effect, effects } from '../ir/ops.ts';
import { Region } from '../ir/types.ts';

/** Distance in instructions over which a load may sink to its user; bounds the walk over what lies between. */
const reach = 64;

const isLinear = (region: number): boolean => region >= Region.memory && region < Region.global;

/** True if executing `load` after `between` instead of before it would change what the program does. */
function conflicts(load: Inst, loadTraps: boolean, between: Inst): boolean {
  const bits = effects(between.op);
  if (loadTraps && (isRoot(between) || canTrap(between))) return true;
  if ((bits & Effect.pinned) !== 0 && isRoot(between)) return true;
  if (load.region === Region.constant) return false;
  if ((bits & Effect.calls) !== 0) return load.region !== Region.stack;
  if ((bits & Effect.writes) === 0) return false;
  return between.region === load.region || between.region === Region.native || load.region === Region.native;
}

/**
 * What selection needs to know before it starts: which instructions are needed at all, how often each value is used, and
 * whether a value may be computed later than where it stands. (Cranelift numbers the stretches between effects,
 * "colours", and compares; walking the few instructions between tells regions apart as well.)
 */
export class Colours {
  /** Users of each value among the needed instructions, phis included; indexed by instruction number. */
  readonly users: Uint32Array;
  /** 1 for needed instructions. */
  readonly needed: Uint8Array;
  /** Index of each instruction in its block's list. */
  private readonly position: Int32Array;

  constructor(func: Func) {
    const count = func.instCount;
    this.users = new Uint32Array(count);
    this.needed = new Uint8Array(count);
    this.position = new Int32Array(count);
    const work: Inst[] = [];
    for (const { insts } of func.blocks) {
      for (let k = 0; k < insts.length; k++) {
        this.position[insts[k].id] = k;
        if (isRoot(insts[k])) {
          this.needed[insts[k].id] = 1;
          work.push(insts[k]);
        }
      }
    }
    for (let inst = work.pop(); inst !== undefined; inst = work.pop()) {
      for (const arg of inst.args) {
        this.users[arg.id]++;
        if (this.needed[arg.id] !== 0) continue;
        this.needed[arg.id] = 1;
        work.push(arg);
      }
    }
  }

  /** True if `value` may be computed where `at`, a later instruction of its block, stands. */
  canSink(value: Inst, at: Inst): boolean {
    const bits = effects(value.op);
    if ((bits & ~(Effect.reads | Effect.guarded)) !== 0) return false;
    if ((bits & Effect.reads) === 0) return true;
    const from = this.position[value.id];
    const to = this.position[at.id];
    if (to - from > reach) return false;
    const traps = isLinear(value.region);
    const { insts } = value.block;
    for (let k = from + 1; k < to; k++) {
      if (conflicts(value, traps, insts[k])) return false;
    }
    return true;
  }
}
