import type { Core } from '../core.ts';
import { type Activation, KIND, type Kind, TrueStack } from '../stack/true-stack.ts';

/**
 * The true stack, followed by looking only where calls and returns are: before one, and behind it. What lies between cannot change
 * it. Holds the return addresses as plain numbers, and a version that tells whether anything changed.
 */
export class Truth {
  /** Return addresses into code, outermost first; the first `depth` of them count. */
  readonly returns: number[] = [];
  depth = 0;
  /** Another number whenever the stack is another one. */
  version = 0;
  readonly stack: TrueStack;
  private readonly exitStub: number;
  /** The activations that `returns` were made of. */
  private seen: Activation[] = [];
  /** How many of the first activations' return addresses are in `returns`, by activation. */
  private readonly depths: number[] = [];
  private pending = false;

  constructor(core: Core) {
    this.stack = new TrueStack(core);
    this.exitStub = core.exitStub;
  }

  /** The core is about to execute an instruction of this kind. */
  observe(kind: Kind): void {
    if (!this.pending && kind === KIND.other) return;
    this.stack.observe();
    if (this.pending) this.update();
    this.pending = kind !== KIND.other;
  }

  /** The core stopped otherwise, perhaps elsewhere: what it executed last is taken into account. */
  settle(): void {
    if (!this.pending) return;
    this.stack.observe();
    this.pending = false;
    this.update();
  }

  /** {@link TrueStack.enter} */
  enter(callee: number, returnAddress: number): void {
    this.stack.enter(callee, returnAddress);
    this.pending = false;
    this.update();
  }

  /** {@link TrueStack.unwindTo} */
  unwindTo(stackPointer: number): void {
    this.stack.unwindTo(stackPointer);
    this.pending = false;
    this.update();
  }

  /** Takes over what changed at the inner end. */
  private update(): void {
    const { activations } = this.stack;
    const { seen, depths, returns } = this;
    let same = Math.min(seen.length, activations.length);
    while (same > 0 && seen[same - 1] !== activations[same - 1]) same--;
    if (same === seen.length && same === activations.length) return;
    seen.length = same;
    let depth = same === 0 ? 0 : depths[same - 1];
    for (let i = same; i < activations.length; i++) {
      const activation = activations[i];
      if (activation.returnAddress !== this.exitStub) returns[depth++] = activation.returnAddress;
      seen[i] = activation;
      depths[i] = depth;
    }
    this.depth = depth;
    this.version++;
  }
}
