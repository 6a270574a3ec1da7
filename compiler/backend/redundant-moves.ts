import type { Target } from '../target.ts';
import { firstVirtual, type MBlock, type MFunction, type MInst, RegClass } from './machine.ts';

/**
 * Leaves out moves, spills and reloads of allocated code whose destination holds the value already, as where a parameter goes to
 * a call-saved register and is the first call's argument as well.
 *
 * Follows, through each block and on into the next one if that has no other way in, which places hold the same value:
 * value numbering of registers and spill slots.
 */
export function dropRedundantMoves(func: MFunction, target: Target): void {
  // A vector can share its register with two scalars.
  if (func.classes.includes(RegClass.v128)) return;
  const places = new Places(target);
  let previous: MBlock | null = null;
  for (const block of func.blocks) {
    if (block.preds.length !== 1 || block.preds[0] !== previous) places.forget();
    const { insts } = block;
    let kept = 0;
    for (const inst of insts) {
      if (places.follow(inst)) insts[kept++] = inst;
    }
    insts.length = kept;
    previous = block;
  }
}

const classes = [RegClass.int, RegClass.f32, RegClass.f64] as const;

/** What an operation of the target's moves, spills and reloads moves. */
interface Transfer {
  readonly kind: 'move' | 'spill' | 'reload';
  readonly cls: RegClass;
  readonly model: MInst;
}

class Places {
  private readonly target: Target;
  /** Between registers, and between a register and a spill slot, by row of the instruction table: a row may be both. */
  private readonly moves: (Transfer | undefined)[] = [];
  private readonly slotTransfers: (Transfer | undefined)[] = [];
  /** Value numbers by register; the low half, which is all that f32 moves carry over, has one of its own. */
  private readonly whole = new Int32Array(firstVirtual);
  private readonly low = new Int32Array(firstVirtual);
  /** Value number by spill slot, with the class it was spilled as. */
  private readonly slots = new Map<number, { readonly value: number; readonly cls: RegClass }>();
  private next = 1;

  constructor(target: Target) {
    this.target = target;
    for (const cls of classes) {
      const [r] = target.registers.allocatable[cls] ?? [];
      if (r === undefined) continue;
      // A row that several classes share moves what the widest of them needs.
      const move = target.move(cls, r, r);
      this.moves[move.op] = { kind: 'move', cls, model: move };
      const spill = target.spill(cls, r, 0);
      this.slotTransfers[spill.op] = { kind: 'spill', cls, model: spill };
      const reload = target.reload(cls, r, 0);
      this.slotTransfers[reload.op] = { kind: 'reload', cls, model: reload };
    }
    this.forget();
  }

  /** From here on nothing is known. */
  forget(): void {
    for (let r = 0; r < firstVirtual; r++) this.define(r);
    this.slots.clear();
  }

  private define(register: number): void {
    this.whole[register] = this.next++;
    this.low[register] = this.next++;
  }

  /** Takes note of what `inst` does; false if it does nothing. */
  follow(inst: MInst): boolean {
    const transfer = this.transferOf(inst);
    if (transfer !== undefined) return this.transfer(inst, transfer);
    for (const def of inst.defs) this.define(def);
    for (const temp of inst.temps) this.define(temp);
    if (inst.clobbers !== null) for (const register of inst.clobbers) this.define(register);
    if (inst.mem !== null && inst.mem.area === 'spill') this.slots.delete(inst.mem.disp);
    return true;
  }

  private transferOf(inst: MInst): Transfer | undefined {
    const { mem } = inst;
    if (inst.op < 0 || (mem !== null && mem.area !== 'spill') || inst.temps.length > 0) return undefined;
    const transfer = (mem === null ? this.moves : this.slotTransfers)[inst.op];
    if (transfer === undefined) return undefined;
    const { cond, imm, imm2, defs, uses } = transfer.model;
    if (inst.cond !== cond || inst.imm !== imm || inst.imm2 !== imm2) return undefined;
    return inst.defs.length === defs.length && inst.uses.length === uses.length ? transfer : undefined;
  }

  private transfer(inst: MInst, { kind, cls }: Transfer): boolean {
    // Instructions of several machine instructions use the scratch registers without saying so.
    for (const scratch of this.target.registers.scratch) if (scratch >= 0) this.define(scratch);
    const values = cls === RegClass.f32 ? this.low : this.whole;
    if (kind === 'move') {
      const [def] = inst.defs;
      const [use] = inst.uses;
      if (values[def] === values[use]) return false;
      this.copy(cls, def, values[use], this.low[use]);
      return true;
    }
    const slot = inst.mem === null ? -1 : inst.mem.disp;
    const held = this.slots.get(slot);
    if (kind === 'spill') {
      const value = values[inst.uses[0]];
      if (held?.value === value && held.cls === cls) return false;
      this.slots.set(slot, { value, cls });
      return true;
    }
    const [def] = inst.defs;
    if (held === undefined || held.cls !== cls) {
      this.define(def);
      this.slots.set(slot, { value: values[def], cls });
      return true;
    }
    if (values[def] === held.value) return false;
    this.copy(cls, def, held.value, this.next++);
    return true;
  }

  private copy(cls: RegClass, def: number, value: number, low: number): void {
    this.define(def);
    if (cls === RegClass.f32) this.low[def] = value;
    else {
      this.whole[def] = value;
      this.low[def] = low;
    }
  }
}
