import type { StackAbi } from '../../compiler/stack/compatibility.ts';
import type { ModuleInstance } from '../instance.ts';
import type { LoadedImage } from '../loaded-image.ts';
import type { Machine } from '../machine.ts';
import type { StackSource } from '../stack/code.ts';
import type { TailWord } from '../tail-word.ts';
import { Window } from '../window.ts';

/** The machine's stack as a reader sees it; which 32-bit words it looked at is noted, and what was there. */
class NotingWindow extends Window {
  count = 0;
  private at = new Int32Array(1024);
  private values = new Int32Array(1024);

  constructor({ address, u32 }: Window) {
    super(address, u32.buffer);
  }

  override readU32(address: number): number {
    const at = (address - this.address) / 4;
    if (this.count + 2 > this.at.length) this.grow();
    this.note(at);
    return this.u32[at];
  }

  override readU64(address: number): number {
    const at = (address - this.address) / 4;
    if (this.count + 2 > this.at.length) this.grow();
    this.note(at);
    this.note(at + 1);
    return this.u32[at] + this.u32[at + 1] * 0x1_0000_0000;
  }

  /** Whether all words are as they were. */
  get unchanged(): boolean {
    const { at, values, i32, count } = this;
    for (let i = 0; i < count; i++) if (i32[at[i]] !== values[i]) return false;
    return true;
  }

  private note(index: number): void {
    this.at[this.count] = index;
    this.values[this.count++] = this.i32[index];
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
 *
 * A class, not an object made of the machine: so that one form of it is known to all readers' code, whatever machine it is.
 */
export class WatchedMachine implements StackSource {
  readonly wordBytes: 4 | 8;
  readonly abi: StackAbi;
  readonly tail: TailWord | undefined;
  readonly stack: NotingWindow;
  private readonly actual: Machine;
  private readonly envs: number[] = [];
  private readonly tops: number[] = [];
  private innermost = 0;
  private count = 0;

  constructor(actual: Machine) {
    this.actual = actual;
    this.wordBytes = actual.wordBytes;
    this.abi = actual.abi;
    this.tail = actual.tail;
    this.stack = new NotingWindow(actual.stack);
  }

  get innermostEnv(): number {
    this.innermost = this.actual.innermostEnv;
    return this.innermost;
  }

  readTop(env: number): number {
    const top = this.actual.readTop(env);
    this.envs[this.count] = env;
    this.tops[this.count++] = top;
    return top;
  }

  instanceOf(env: number): ModuleInstance | undefined {
    return this.actual.instanceOf(env);
  }

  imageAt(address: number): LoadedImage | undefined {
    return this.actual.imageAt(address);
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
