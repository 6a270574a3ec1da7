import type { Target } from '../target.ts';
import { copyInst } from './fold.ts';
import type { MInst, RegClass } from './machine.ts';

/** A place: a physical register, or ~slot for a spill slot. */
export type Place = number;

/** Where moves get spill slots of their own from, and what they count. */
export interface MoveContext {
  readonly target: Target;
  /** Number of a spill slot that no value lives in; the same `index` gives the same slot. */
  temporarySlot(index: number): number;
  spills: number;
  reloads: number;
}

/**
 * Moves that happen at once, put into an order in which no place is overwritten before it is read. Cycles are broken
 * through the scratch register of the class, or through memory if memory takes part (Rideau, Serpette, Leroy, "Tilting at Windmills with
 * Coq", 2008). A move may also make a value anew; that comes last.
 */
export class ParallelMove {
  private readonly classes: RegClass[] = [];
  private readonly from: Place[] = [];
  private readonly to: Place[] = [];
  private readonly makers: (MInst | null)[] = [];

  /** `to` <- `from`. Every place is written at most once. */
  add(cls: RegClass, from: Place, to: Place): void {
    if (from === to) return;
    this.classes.push(cls);
    this.from.push(from);
    this.to.push(to);
    this.makers.push(null);
  }

  /** `to` <- what `inst`, which reads no register that could change, computes. */
  make(cls: RegClass, inst: MInst, to: Place): void {
    this.classes.push(cls);
    this.from.push(0);
    this.to.push(to);
    this.makers.push(inst);
  }

  /** Appends the moves to `out`; each says that it serves the wasm operator at `origin`. */
  emit(context: MoveContext, origin: number, out: MInst[]): void {
    const { classes, from, to, makers } = this;
    if (to.length === 0) return;
    if (to.length === 1) {
      if (makers[0] === null) transfer(context, classes[0], from[0], to[0], origin, out);
      else remake(context, classes[0], makers[0], to[0], origin, out);
      return;
    }
    const pending: number[] = [];
    for (let i = 0; i < to.length; i++) if (makers[i] === null) pending.push(i);
    if (pending.length > 0) this.sequence(context, pending, origin, out);
    for (let i = 0; i < to.length; i++) {
      const maker = makers[i];
      if (maker !== null) remake(context, classes[i], maker, to[i], origin, out);
    }
  }

  private sequence(context: MoveContext, pending: readonly number[], origin: number, out: MInst[]): void {
    const { classes, from, to } = this;
    const scratch = context.target.registers.scratch;
    const isScratch = (place: Place): boolean => place >= 0 && scratch.includes(place);
    const readers = new Map<Place, number>();
    const writer = new Map<Place, number>();
    for (const i of pending) {
      readers.set(from[i], (readers.get(from[i]) ?? 0) + 1);
      writer.set(to[i], i);
    }
    const done = new Set<number>();
    const ready: number[] = [];
    const release = (place: Place): void => {
      const i = writer.get(place);
      // A move to a scratch register waits until the others need it no more.
      if (i !== undefined && !done.has(i) && !isScratch(place)) ready.push(i);
    };
    const perform = (i: number): void => {
      done.add(i);
      transfer(context, classes[i], from[i], to[i], origin, out);
      const left = (readers.get(from[i]) ?? 0) - 1;
      readers.set(from[i], left);
      if (left === 0) release(from[i]);
    };
    const drain = (): void => {
      for (let i = ready.pop(); i !== undefined; i = ready.pop()) perform(i);
    };
    for (const i of pending) if ((readers.get(to[i]) ?? 0) === 0) release(to[i]);
    drain();
    // All that is left are cycles, and chains towards a scratch register. Where memory takes part the scratch registers are busy.
    const inRegisters = pending.every((i) => done.has(i) || (to[i] >= 0 && !isScratch(to[i])));
    let temporaries = 0;
    for (const i of pending) {
      if (done.has(i) || isScratch(to[i])) continue;
      for (const k of pending) {
        if (done.has(k) || from[k] !== to[i]) continue;
        const temporary = inRegisters ? scratch[classes[k]] : ~context.temporarySlot(temporaries++);
        transfer(context, classes[k], from[k], temporary, origin, out);
        from[k] = temporary;
        readers.set(temporary, 1);
      }
      readers.set(to[i], 0);
      ready.push(i);
      drain();
    }
    for (const i of pending) if (!done.has(i)) perform(i);
  }
}

function transfer(
  context: MoveContext,
  cls: RegClass,
  from: Place,
  to: Place,
  origin: number,
  out: MInst[],
): void {
  const { target } = context;
  if (from >= 0 && to >= 0) {
    push(target.move(cls, to, from), origin, out);
    return;
  }
  let register = from;
  if (from < 0) {
    register = to >= 0 ? to : target.registers.scratch[cls];
    push(target.reload(cls, register, ~from), origin, out);
    context.reloads++;
  }
  if (to < 0) {
    push(target.spill(cls, register, ~to), origin, out);
    context.spills++;
  }
}

function remake(
  context: MoveContext,
  cls: RegClass,
  maker: MInst,
  to: Place,
  origin: number,
  out: MInst[],
): void {
  const register = to >= 0 ? to : context.target.registers.scratch[cls];
  const inst = copyInst(maker);
  inst.defs[0] = register;
  push(inst, origin, out);
  if (to < 0) {
    push(context.target.spill(cls, register, ~to), origin, out);
    context.spills++;
  }
}

function push(inst: MInst, origin: number, out: MInst[]): void {
  inst.origin = origin;
  out.push(inst);
}
