import { activationWords } from '../../compiler/abi.ts';
import type { ImageFunction } from '../../compiler/image/image.ts';
import type { FunctionKind } from '../../compiler/ir/function.ts';
import type { SchemeName } from '../../compiler/stack/scheme.ts';
import type { LoadedImage } from '../loaded-image.ts';
import type { Machine } from '../machine.ts';
import { type CodePoint, CodePoints } from './code.ts';

/**
 * Why a reading ends before the outermost frame.
 *
 * - `no-image-at-pc`: the program counter is in no compiled code
 * - `no-image-at-return`: nor is the return address of the frame read last
 * - `not-published`: the scheme publishes nothing, so only the innermost frame is known
 * - `return-address-unreadable`: it would lie outside of the stack
 * - `bad-env`: the pinned register is no exec env of this machine, or not the thread's innermost
 * - `bad-record`: a record lies outside of the stack, misaligned, or not where its function keeps it
 * - `wrong-function`: a record says it is another function's than the return address
 * - `wrong-activation`: an activation record stands where none can, misses, or names another exec env
 * - `broken-chain`: a record's predecessor is not an older one
 */
export type ReadFailure =
  | 'no-image-at-pc'
  | 'no-image-at-return'
  | 'not-published'
  | 'return-address-unreadable'
  | 'bad-env'
  | 'bad-record'
  | 'wrong-function'
  | 'wrong-activation'
  | 'broken-chain';

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
 * as a signal handler in the same thread would (docs/abi.md).
 *
 * Scheme `atomic`: the innermost frame is the program counter's. Where its function has published, `top` is its own record;
 * where it has not (a leaf, a prologue, an epilogue), the frame table says where its return address is and `top` is its
 * caller's. From there on record by record: a record's place gives its function's stack pointer, and that the return address,
 * which names the caller. Activation records lead through adapters to other exec envs and, across host functions, to the
 * code that called them. Every record is checked against the function found by return address.
 *
 * Scheme `none`: the innermost frame.
 *
 * Takes anything for registers and memory: it never throws, and ends because records must ascend. One reader serves one
 * thread at a time; its results hold until the next reading.
 */
export class StackReader {
  /** Frames read; `points` and `pcs` hold so many, innermost first. */
  depth = 0;
  readonly points: CodePoint[] = [];
  readonly pcs: number[] = [];
  /** Why the reading is incomplete, or null. */
  failure: ReadFailure | null = null;

  private readonly machine: Machine;
  private readonly scheme: SchemeName;
  private readonly code: CodePoints;
  private readonly word: 4 | 8;
  private readonly topOffset: number;
  /** The record that the frame to come must have. */
  private record = 0;
  private env = 0;
  /** Records below here have been read: frames lie one above the other, so a chain that is sound only ascends. */
  private floor = 0;

  constructor(machine: Machine, scheme: SchemeName) {
    this.machine = machine;
    this.scheme = scheme;
    this.code = new CodePoints(machine);
    this.word = machine.wordBytes;
    this.topOffset = machine.header.top;
  }

  /** Reads; true if the stack was read to its end. */
  read(registers: InterruptedRegisters): boolean {
    this.depth = 0;
    this.failure = this.walk(registers);
    return this.failure === null;
  }

  /** The frames of the last reading as objects. */
  frames(): StackFrame[] {
    return this.points.slice(0, this.depth).map(({ image, symbol, wasmOffset }, i) => ({
      kind: frameKinds[symbol.kind],
      image,
      symbol,
      name: symbol.name,
      wasmIndex: symbol.wasmIndex,
      wasmOffset,
      pc: this.pcs[i],
    }));
  }

  private walk(registers: InterruptedRegisters): ReadFailure | null {
    const { pc, sp, lr } = registers;
    const innermost = this.code.at(pc);
    if (innermost === undefined) return 'no-image-at-pc';
    this.push(innermost, pc);
    this.floor = sp;
    if (this.scheme === 'none') return 'not-published';
    if (!this.findTop(innermost, registers.env)) return 'bad-env';
    const { kind } = innermost.symbol;
    if (kind === 'entry-adapter' || kind === 'cross-adapter') {
      if (this.isActivation(this.record) && this.record >= sp && this.record < sp + innermost.cfa) {
        const failure = this.leaveActivation();
        if (failure !== null) return failure;
      }
    }
    if (innermost.published) {
      const failure = this.takeRecord(innermost, sp + innermost.cfa - innermost.symbol.frameBytes);
      if (failure !== null) return failure;
    } else {
      this.floor = sp + innermost.cfa;
    }
    if (kind === 'entry-adapter') return this.acrossHost();
    if (innermost.returnAddress < 0) return this.outwards(lr);
    const place = sp + innermost.returnAddress;
    if (!this.isStackWord(place)) return 'return-address-unreadable';
    return this.outwards(this.load(place));
  }

  /** All frames from the one that `pc` returns to. */
  private outwards(pc: number): ReadFailure | null {
    let returnTo = pc;
    for (;;) {
      const point = this.code.returningTo(returnTo);
      if (point === undefined) return 'no-image-at-return';
      const { symbol } = point;
      this.push(point, returnTo);
      if (symbol.kind === 'entry-adapter' || symbol.kind === 'cross-adapter') {
        const failure = this.leaveActivation();
        if (failure !== null) return failure;
        if (symbol.kind === 'entry-adapter') return this.acrossHost();
      }
      const body = this.record - symbol.recordOffset;
      if (body < this.floor) return 'bad-record';
      const failure = this.takeRecord(point, body);
      if (failure !== null) return failure;
      const place = body + symbol.frameBytes - this.word;
      if (!this.isStackWord(place)) return 'return-address-unreadable';
      returnTo = this.load(place);
    }
  }

  /**
   * Behind an entry adapter: the end, or the host function that made the entry, known by its adapter's record.
   */
  private acrossHost(): ReadFailure | null {
    if (this.record === 0) return null;
    if (!this.isRecord(this.record)) return 'bad-record';
    const adapter = this.publisher(this.record);
    if (adapter?.symbol.kind !== 'host-adapter') return 'wrong-function';
    this.push(adapter, -1);
    const body = this.record - adapter.symbol.recordOffset;
    if (body < this.floor) return 'bad-record';
    const failure = this.takeRecord(adapter, body);
    if (failure !== null) return failure;
    const place = body + adapter.symbol.frameBytes - this.word;
    if (!this.isStackWord(place)) return 'return-address-unreadable';
    return this.outwards(this.load(place));
  }

  /**
   * Where the chain starts. Adapters change the pinned register before or after they change the thread's word; the word is the
   * one that every chain is complete for. Anywhere else both must be the same.
   */
  private findTop(innermost: CodePoint, pinned: number): boolean {
    const { machine } = this;
    const { kind } = innermost.symbol;
    const env = machine.innermostEnv;
    if (env !== pinned && kind !== 'entry-adapter' && kind !== 'cross-adapter') return false;
    this.env = env;
    if (env === 0) {
      this.record = 0;
      return kind === 'entry-adapter';
    }
    if (machine.instanceOf(env) === undefined) return false;
    this.record = machine.readWord(env + this.topOffset);
    return true;
  }

  /** Checks that the current record is the one of `point`'s function with its body's stack pointer at `body`, and goes on to the one before. */
  private takeRecord({ image, symbol }: CodePoint, body: number): ReadFailure | null {
    const { record } = this;
    if (symbol.recordOffset < 0 || !this.isRecord(record)) return 'bad-record';
    if (body + symbol.recordOffset !== record) return 'bad-record';
    if (!this.saysSelf(record, image, symbol)) return 'wrong-function';
    this.floor = body + symbol.frameBytes;
    return this.follow(record);
  }

  /**
   * Steps over the activation record at hand, into the exec env that it was entered from. A cross adapter's own record lies in
   * the same frame, below; an entry adapter has no other.
   */
  private leaveActivation(): ReadFailure | null {
    const { record } = this;
    if (!this.isActivation(record)) return 'wrong-activation';
    if (this.load(record + activationWords.env * this.word) !== this.env) return 'wrong-activation';
    const caller = this.load(record + activationWords.callerEnv * this.word);
    if (caller !== 0 && this.machine.instanceOf(caller) === undefined) return 'wrong-activation';
    this.env = caller;
    return this.follow(record);
  }

  /** To the record before, which must belong to a frame that has not been read: so every chain ends. */
  private follow(record: number): ReadFailure | null {
    this.record = this.load(record);
    return this.record === 0 || this.record >= this.floor ? null : 'broken-chain';
  }

  private saysSelf(record: number, image: LoadedImage, symbol: ImageFunction): boolean {
    const self = this.load(record + this.word);
    if (this.word === 8) return self === symbol.id;
    const offset = self - image.base;
    return offset >= symbol.offset && offset < symbol.offset + symbol.size;
  }

  /** The function that a record says published it, without a return address to know it by. */
  private publisher(record: number): CodePoint | undefined {
    const self = this.load(record + this.word);
    if (this.word === 4) return this.code.at(self);
    const loaded = this.machine.instanceOf(this.env)?.loaded;
    const symbol = loaded?.image.functions[self];
    return loaded && symbol && this.code.at(loaded.base + symbol.offset);
  }

  private isActivation(record: number): boolean {
    const { stack } = this.machine;
    if (record % this.word !== 0 || !stack.contains(record, activationWords.count * this.word)) return false;
    const self = record + this.word;
    return (
      stack.readU32(self) === 0xffff_ffff && (this.word === 4 || stack.readU32(self + 4) === 0xffff_ffff)
    );
  }

  private isRecord(record: number): boolean {
    return record % this.word === 0 && this.machine.stack.contains(record, 2 * this.word);
  }

  private isStackWord(address: number): boolean {
    return address % this.word === 0 && this.machine.stack.contains(address, this.word);
  }

  /** A word of the stack that is known to be there. */
  private load(address: number): number {
    return this.word === 8 ? this.machine.stack.readU64(address) : this.machine.stack.readU32(address);
  }

  private push(point: CodePoint, pc: number): void {
    this.points[this.depth] = point;
    this.pcs[this.depth] = pc;
    this.depth++;
  }
}
