import type { StackType } from './module-types.ts';

/** So many locals have their places in arrays from the start. */
const denseLocals = 128;

/**
 * Types of a function's locals, the parameters first. Four bytes of code may declare tens of thousands of locals: they
 * are kept as runs, so that they cost nothing until used.
 */
export class LocalTypes {
  /** How many locals there are. */
  length: number;
  /** Types of the first ones. */
  private readonly first: StackType[];
  /** Runs that reach farther: numbers of the locals behind them, ascending, and their types. */
  private readonly ends: number[] = [];
  private readonly types: StackType[] = [];

  constructor(params: readonly StackType[]) {
    this.first = params.slice();
    this.length = params.length;
  }

  /** Declares `count` further locals. */
  add(count: number, type: StackType): void {
    const { first } = this;
    this.length += count;
    const listed = Math.min(this.length, denseLocals);
    while (first.length < listed) first.push(type);
    if (this.length <= first.length) return;
    this.ends.push(this.length);
    this.types.push(type);
  }

  /** The type of `local`, which is less than {@link length}. */
  at(local: number): StackType {
    return local < this.first.length ? this.first[local] : this.farther(local);
  }

  private farther(local: number): StackType {
    let low = 0;
    let high = this.ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ends[middle] > local) high = middle;
      else low = middle + 1;
    }
    return this.types[low];
  }
}

/** An empty array with an element for each of `count` locals; sparse where there are many. */
export function perLocal<T>(count: number): (T | undefined)[] {
  return new Array<T | undefined>(Math.min(count, denseLocals));
}
