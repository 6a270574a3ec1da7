import type { Machine } from '../machine.ts';
import { Window } from '../window.ts';

/** The machine's stack as a reader sees it; which words it looked at is noted. */
class NotingWindow extends Window {
  private readonly notes: StackNotes;

  constructor(window: Window, notes: StackNotes) {
    super(window.address, window.u32.buffer);
    this.notes = notes;
  }

  override readU32(address: number): number {
    const at = (address - this.address) / 4;
    this.notes.note(at);
    return this.u32[at];
  }

  override readU64(address: number): number {
    const at = (address - this.address) / 4;
    this.notes.note(at);
    this.notes.note(at + 1);
    return this.u32[at] + this.u32[at + 1] * 0x1_0000_0000;
  }
}

/** Indices of 32-bit words of the stack, and what was there. */
class StackNotes {
  count = 0;
  private at = new Int32Array(256);
  private values = new Int32Array(256);
  private readonly words: Int32Array;

  constructor(words: Int32Array) {
    this.words = words;
  }

  note(index: number): void {
    if (this.count === this.at.length) this.grow();
    this.at[this.count] = index;
    this.values[this.count] = this.words[index];
    this.count++;
  }

  /** Whether all words are as they were. */
  get unchanged(): boolean {
    const { at, values, words, count } = this;
    for (let i = 0; i < count; i++) if (words[at[i]] !== values[i]) return false;
    return true;
  }

  private grow(): void {
    const { at, values } = this;
    this.at = new Int32Array(2 * at.length);
    this.at.set(at);
    this.values = new Int32Array(2 * values.length);
    this.values.set(values);
  }
}

/**
 * A machine that notes what a reader of its stack reads: words of the stack, `top` of exec envs, the thread's innermost exec env. A reading that
 * begins at the same registers, and finds all of it unchanged, has the same result: it is a function of these.
 */
export class WatchedMachine {
  /** To be handed to the reader. */
  readonly machine: Machine;
  private readonly actual: Machine;
  private readonly stack: StackNotes;
  private readonly envs: number[] = [];
  private readonly tops: number[] = [];
  private innermost = 0;
  private count = 0;

  constructor(actual: Machine) {
    this.actual = actual;
    this.stack = new StackNotes(actual.stack.i32);
    const watched = this;
    this.machine = Object.create(actual, {
      stack: { value: new NotingWindow(actual.stack, this.stack) },
      readTop: {
        value(env: number): number {
          const top = actual.readTop(env);
          watched.envs[watched.count] = env;
          watched.tops[watched.count++] = top;
          return top;
        },
      },
      innermostEnv: {
        get(): number {
          watched.innermost = actual.innermostEnv;
          return watched.innermost;
        },
      },
    });
  }

  /** A reading begins. */
  begin(): void {
    this.stack.count = 0;
    this.count = 0;
  }

  /** Whether everything that was read since `begin` is as it was. */
  get unchanged(): boolean {
    const { actual, envs, tops, count } = this;
    if (actual.innermostEnv !== this.innermost) return false;
    for (let i = 0; i < count; i++) if (actual.readTop(envs[i]) !== tops[i]) return false;
    return this.stack.unchanged;
  }
}
