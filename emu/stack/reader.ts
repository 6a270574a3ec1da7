import { activationWords } from '../../compiler/abi.ts';
import type { ImageFunction } from '../../compiler/image/image.ts';
import type { FunctionKind } from '../../compiler/ir/function.ts';
import type { LoadedImage } from '../loaded-image.ts';
import type { Window } from '../window.ts';
import { type CodePoint, CodePoints, type StackSource } from './code.ts';

/**
 * Why a reading ends before the outermost frame.
 *
 * - `no-image-at-pc`: the program counter is in no compiled code
 * - `no-image-at-return`: nor is the return address of the frame read last
 * - `not-published`: the scheme publishes nothing, so only the innermost frame is known
 * - `return-address-unreadable`: it would lie outside of the stack or of its frame
 * - `bad-env`: the pinned register is no exec env of this machine, or not the thread's innermost
 * - `bad-record`: a record lies outside of the stack, misaligned, or not where its function keeps it
 * - `wrong-function`: a record says it is another function's than the return address
 * - `wrong-activation`: an activation record stands where none can, misses, or names another exec env
 * - `broken-chain`: a record's predecessor is not an older one
 */
export const readFailures = [
  'no-image-at-pc',
  'no-image-at-return',
  'not-published',
  'return-address-unreadable',
  'bad-env',
  'bad-record',
  'wrong-function',
  'wrong-activation',
  'broken-chain',
] as const;
export type ReadFailure = (typeof readFailures)[number];

/** What interrupted code leaves a signal handler: the registers that reading starts from. */
export interface InterruptedRegisters {
  readonly pc: number;
  readonly sp: number;
  /** ARM's link register; not looked at on x86-64. */
  readonly lr: number;
  /** The pinned exec env register. */
  readonly env: number;
}

/** What a frame is: a wasm function, a running host function (its adapter's frame), or code that goes with them. */
export type FrameKind = 'wasm' | 'host' | 'helper' | 'init' | 'adapter';

export interface StackFrame {
  readonly kind: FrameKind;
  readonly image: LoadedImage;
  readonly symbol: ImageFunction;
  readonly name: string;
  readonly wasmIndex: number;
  /** Byte offset of the operator in the module binary, or -1. */
  readonly wasmOffset: number;
  /** The interrupted instruction, then return addresses; -1 in frames of host functions, which keep theirs to themselves. */
  readonly pc: number;
}

const frameKinds: Readonly<Record<FunctionKind, FrameKind>> = {
  wasm: 'wasm',
  helper: 'helper',
  init: 'init',
  'entry-adapter': 'adapter',
  'cross-adapter': 'adapter',
  'host-adapter': 'host',
};

/**
 * Reads the stack of an interrupted machine, at any instruction, from the registers, guest memory and the image's tables alone,
 * as a signal handler in the same thread would (docs/abi.md). What the publication schemes share: frames, exec envs, activation
 * records, and the way across host functions. {@link createReader} makes the one of a scheme.
 *
 * Takes anything for registers and memory: it never throws, and ends because frames must ascend. One reader serves one
 * thread at a time; its results hold until the next reading.
 */
export abstract class StackReader {
  /** Frames read; `points` and `pcs` hold so many, innermost first. */
  depth = 0;
  readonly points: CodePoint[] = [];
  readonly pcs: number[] = [];
  /** Why the reading is incomplete, or null. */
  failure: ReadFailure | null = null;

  protected readonly machine: StackSource;
  private readonly stack: Window;
  protected readonly code: CodePoints;
  protected readonly word: 4 | 8;
  /** Exec env of the frame at hand. */
  protected env = 0;
  /** The record that the frame to come must have, where it has one. */
  protected record = 0;
  /** Below here all has been read: frames lie one above the other, so a chain that is sound only ascends. */
  protected floor = 0;
  /** Where the frame read last returns to. */
  protected returnTo = 0;

  constructor(machine: StackSource) {
    this.machine = machine;
    this.stack = machine.stack;
    this.code = new CodePoints(machine);
    this.word = machine.wordBytes;
  }

  /** Reads; true if the stack was read to its end. */
  read(registers: InterruptedRegisters): boolean {
    this.depth = 0;
    const innermost = this.code.at(registers.pc);
    if (innermost === undefined) this.failure = 'no-image-at-pc';
    else {
      this.push(innermost, registers.pc);
      this.floor = registers.sp;
      this.failure = this.walk(innermost, registers);
    }
    return this.failure === null;
  }

  /** The frames of the last reading as objects; inlined functions have frames of their own, at their caller's address. */
  frames(): StackFrame[] {
    return this.points.slice(0, this.depth).flatMap(({ image, frames }, i) =>
      frames.map(({ symbol, wasmOffset }) => ({
        kind: frameKinds[symbol.kind],
        image,
        symbol,
        name: symbol.name,
        wasmIndex: symbol.wasmIndex,
        wasmOffset,
        pc: this.pcs[i],
      })),
    );
  }

  /** Reads all frames from the innermost outwards, which is known already. */
  protected abstract walk(innermost: CodePoint, registers: InterruptedRegisters): ReadFailure | null;

  /**
   * Where the innermost frame's chain starts. Adapters change the pinned register before or after they change the thread's word;
   * the word is the one that every chain is complete for. Anywhere else both must be the same. An adapter's own activation is
   * left behind.
   */
  protected start({ symbol, cfa }: CodePoint, { sp, env: pinned }: InterruptedRegisters): ReadFailure | null {
    const { machine } = this;
    const adapter = isBorder(symbol);
    const env = machine.innermostEnv;
    if (env !== pinned && !adapter) return 'bad-env';
    this.env = env;
    this.record = 0;
    if (env === 0) return symbol.kind === 'entry-adapter' ? null : 'bad-env';
    if (machine.instanceOf(env) === undefined) return 'bad-env';
    this.record = machine.readTop(env);
    const own = adapter && this.isActivation(this.record) && this.record >= sp && this.record < sp + cfa;
    if (!own) return null;
    // A word for all exec envs shows the activation before the thread's word does, and for longer.
    if (machine.tail !== undefined) this.env = this.load(this.record + activationWords.env * this.word);
    return machine.instanceOf(this.env) === undefined ? 'wrong-activation' : this.leaveActivation();
  }

  /** Where the innermost frame returns to: in a word of its frame, or still in the link register. */
  protected leaveInnermost(
    { returnAddress }: CodePoint,
    { sp, lr }: InterruptedRegisters,
  ): ReadFailure | null {
    if (returnAddress >= 0) return this.takeReturnAddress(sp + returnAddress);
    this.returnTo = lr;
    return null;
  }

  /** The frame that the one read last returns to, or undefined outside of functions. */
  protected nextFrame(): CodePoint | undefined {
    const point = this.code.returningTo(this.returnTo);
    if (point !== undefined) this.push(point, this.returnTo);
    return point;
  }

  /**
   * Steps over the activation record at hand, into the exec env that it was entered from. A cross adapter's own record lies in
   * the same frame, below; an entry adapter has no other.
   */
  protected leaveActivation(): ReadFailure | null {
    const { record } = this;
    if (!this.isActivation(record)) return 'wrong-activation';
    if (this.load(record + activationWords.env * this.word) !== this.env) return 'wrong-activation';
    const caller = this.load(record + activationWords.callerEnv * this.word);
    if (caller !== 0 && this.machine.instanceOf(caller) === undefined) return 'wrong-activation';
    this.env = caller;
    return this.follow(record);
  }

  /** To the record before, which must belong to a frame that has not been read: so every chain ends. */
  protected follow(record: number): ReadFailure | null {
    this.record = this.load(record);
    return this.record === 0 || this.record >= this.floor ? null : 'broken-chain';
  }

  /**
   * Behind an entry adapter that the host function of the record at hand made: its adapter's frame, known by that record, and where
   * it returns to.
   */
  protected crossHost(): ReadFailure | null {
    const { record } = this;
    if (!this.isRecord(record)) return 'bad-record';
    const adapter = this.publisher(record);
    if (adapter?.symbol.kind !== 'host-adapter') return 'wrong-function';
    this.push(adapter, -1);
    const { recordOffset, frameBytes } = adapter.symbol;
    const body = record - recordOffset;
    if (recordOffset < 0 || body < this.floor) return 'bad-record';
    this.floor = body + frameBytes;
    return this.follow(record) ?? this.takeReturnAddress(this.floor - this.word);
  }

  /** The function that a record says published it, without a return address to know it by. */
  private publisher(record: number): CodePoint | undefined {
    const self = this.load(record + this.word);
    if (this.word === 4) return this.code.at(self);
    const loaded = this.machine.instanceOf(this.env)?.loaded;
    const symbol = loaded?.image.functions[self];
    return loaded && symbol && this.code.at(loaded.base + symbol.offset);
  }

  protected takeReturnAddress(place: number): ReadFailure | null {
    if (!this.isStackWord(place)) return 'return-address-unreadable';
    this.returnTo = this.load(place);
    return null;
  }

  protected isActivation(record: number): boolean {
    const { stack } = this;
    if (!this.isAligned(record) || !stack.contains(record, activationWords.count * this.word)) return false;
    const self = record + this.word;
    return (
      stack.readU32(self) === 0xffff_ffff && (this.word === 4 || stack.readU32(self + 4) === 0xffff_ffff)
    );
  }

  protected isRecord(record: number): boolean {
    return this.isAligned(record) && this.stack.contains(record, 2 * this.word);
  }

  private isStackWord(address: number): boolean {
    return this.isAligned(address) && this.stack.contains(address, this.word);
  }

  /** To a word. By bits: a remainder of numbers beyond 31 bits would cost as much as all else of a frame. */
  private isAligned(address: number): boolean {
    return (address & (this.word - 1)) === 0;
  }

  /** A word of the stack that is known to be there. */
  protected load(address: number): number {
    return this.word === 8 ? this.stack.readU64(address) : this.stack.readU32(address);
  }

  private push(point: CodePoint, pc: number): void {
    this.points[this.depth] = point;
    this.pcs[this.depth] = pc;
    this.depth++;
  }
}

/** Entry and cross adapters: where frames of one exec env end and those of another begin. */
export const isBorder = ({ kind }: ImageFunction): boolean =>
  kind === 'entry-adapter' || kind === 'cross-adapter';
