import type { ImageFunction } from '../../compiler/image/image.ts';
import { schemes } from '../../compiler/stack/index.ts';
import type { MemoryOrder, SchemeName } from '../../compiler/stack/scheme.ts';
import type { Core, Stop } from '../core.ts';
import type { Machine, Runner } from '../machine.ts';
import { ByAddress } from '../stack/by-address.ts';
import { type CodePoint, codeAt } from '../stack/code.ts';
import { compareStacks } from '../stack/compare.ts';
import { isBorder, type StackReader } from '../stack/reader.ts';
import { createReader } from '../stack/readers.ts';
import type { Kind } from '../stack/true-stack.ts';
import {
  type CheckDifference,
  type CheckedFrame,
  type CodePlace,
  registersOf,
  StackDiffers,
} from './difference.ts';
import type { Points } from './points.ts';
import { Truth } from './truth.ts';
import { WatchedMachine } from './watched.ts';

export interface HostCheckOptions {
  readonly scheme: SchemeName;
  readonly order?: MemoryOrder;
  readonly points: Points;
  /**
   * Instructions after which an entry from the host is ended by {@link CheckEnded}, so that endless loops end; a stack of many frames
   * makes one count for more.
   */
  readonly budget?: number;
  /** Whether the program runs on, unwatched and at full speed, when all interrupts are taken; otherwise {@link CheckEnded} ends it. */
  readonly runsOn?: boolean;
  /** Whether every function of a module must have a record, leaves included: then one without is a difference, though it can be read. */
  readonly leavesPublish?: boolean;
}

/** Thrown through the running program when a call has spent its budget, or the check its interrupts. */
export class CheckEnded extends Error {
  override readonly name = 'CheckEnded';
}

/** Frames beyond so many make an instruction count for more: each such stack is read, too. */
const framesPerInstruction = 32;

/** At every so many interrupts that are known to read as the last one did, the stack is read all the same. */
const rereadEvery = 61;

/** Pinned exec env and link register, as words of `Core.words`. */
const registerNames = { x86_64: { env: 'r15', link: 'r15' }, armv7: { env: 'r10', link: 'lr' } } as const;

interface Instruction {
  readonly kind: Kind;
  readonly point: CodePoint | undefined;
}

/** Of {@link CodePoint}, for code outside of functions, which is never the same twice. */
const nowhere = { cfa: 0, returnAddress: 0, published: false } as const;

/**
 * Interrupts a machine at instructions of its runs, has the stack read there by the host's reader, and compares every frame of each
 * reading with the calls and returns as executed.
 *
 * What is not done again at each interrupt is what cannot have changed. The true stack is looked at where calls and returns are. A
 * reading is a function of what the code map says of the program counter (the counter itself it only repeats), of the
 * registers, and of the words that it loads ({@link WatchedMachine}): of the registers, by `sp + cfa` and the place of the return address alone, but in adapters,
 * which look at `sp` itself. Where all of these are as they were, and the true stack is, the last reading and its
 * comparison hold. Every {@link rereadEvery}th of those is read and compared in full, whatever this paragraph says.
 */
export class HostCheck implements Runner {
  readonly points: Points;
  readonly truth: Truth;
  /** What the check ended with. Whatever the program made of the error: no run goes on behind it. */
  difference: CheckDifference | undefined;
  private readonly budget: number;
  private readonly runsOn: boolean;
  /** Of the budget of the entry at hand. */
  private work = 0;
  private readonly machine: Machine;
  private readonly watched: WatchedMachine;
  private readonly reader: StackReader;
  private readonly code: ByAddress<Instruction>;
  private readonly env: number;
  private readonly link: number;
  private readonly reads: boolean;
  private readonly leavesPublish: boolean;
  /** What the last reading was made of; it was right. */
  private known = false;
  private symbol: ImageFunction | undefined;
  private published = false;
  private base = 0;
  private place = 0;
  private pinned = 0;
  private lr = 0;
  private version = -1;
  private rereadIn = rereadEvery;

  /** @throws ImageError if the machine's code is of another ABI than `scheme` and `order` */
  constructor(
    machine: Machine,
    {
      scheme,
      order,
      points,
      budget = Number.POSITIVE_INFINITY,
      leavesPublish = false,
      runsOn = false,
    }: HostCheckOptions,
  ) {
    this.machine = machine;
    // While there is no code yet: what is translated already would have to go.
    machine.core.stepping = true;
    this.points = points;
    this.budget = budget;
    this.runsOn = runsOn;
    this.leavesPublish = leavesPublish && schemes[scheme](machine.wordBytes).functions;
    this.truth = new Truth(machine.core);
    this.watched = new WatchedMachine(machine);
    this.reader = createReader(this.watched, scheme, order);
    this.reads = scheme !== 'none';
    this.code = new ByAddress((pc) => ({
      kind: this.truth.stack.kindAt(pc),
      point: codeAt(machine, pc, true),
    }));
    const names = machine.core.registerNames;
    this.env = 2 * names.indexOf(registerNames[machine.target].env);
    this.link = 2 * names.indexOf(registerNames[machine.target].link);
  }

  /** Checks what `body` runs on the machine. Returns or throws what `body` does; {@link StackDiffers} at a difference. */
  during<T>(body: () => T): T {
    return this.machine.runUnder(this, body);
  }

  run(core: Core): Stop {
    const { points } = this;
    if (this.difference !== undefined) throw new StackDiffers(this.difference);
    if (points.areSpent) return this.leave(core);
    points.checking.start();
    let stop: Stop | undefined;
    try {
      stop = this.watch(core);
    } finally {
      points.checking.stop();
    }
    return stop ?? this.leave(core);
  }

  /** Steps to the next stop; undefined when all interrupts are taken before. */
  private watch(core: Core): Stop | undefined {
    const { truth, points, code } = this;
    for (;;) {
      const pc = core.pc;
      const here = code.at(pc);
      truth.observe(here.kind);
      if (points.take()) this.check(pc, here);
      this.work -= 1 + Math.floor(truth.depth / framesPerInstruction);
      if (this.work < 0) throw new CheckEnded('the budget of a call is spent');
      if (points.areSpent) return undefined;
      const stop = core.step();
      if (stop.reason !== 'count') {
        truth.settle();
        return stop;
      }
    }
  }

  /** There is nothing more to check. */
  private leave(core: Core): Stop {
    if (!this.runsOn) throw new CheckEnded('all interrupts are taken');
    core.stepping = false;
    return core.run();
  }

  entered(adapter: number): void {
    if (this.machine.entries.length === 1) this.work = this.budget;
    this.truth.enter(adapter, this.machine.core.exitStub);
  }

  left(stackPointer: number): void {
    this.truth.unwindTo(stackPointer);
  }

  private check(pc: number, { point }: Instruction): void {
    const { words, sp } = this.machine.core;
    const pinned = words[this.env] + words[this.env + 1] * 2 ** 32;
    const lr = words[this.link];
    const { cfa, returnAddress, published } = point ?? nowhere;
    const base = sp + cfa;
    const place = returnAddress < 0 ? -1 : sp + returnAddress;
    const same =
      this.known &&
      point !== undefined &&
      point.symbol === this.symbol &&
      published === this.published &&
      base === this.base &&
      place === this.place &&
      (place >= 0 || lr === this.lr) &&
      pinned === this.pinned &&
      this.truth.version === this.version &&
      this.watched.unchanged;
    if (same && --this.rereadIn > 0) return;
    this.rereadIn = rereadEvery;
    this.watched.begin();
    this.reader.read({ pc, sp, lr, env: pinned });
    if (!this.readsTruth(pc) || this.isSilent(point)) this.differ(pc, point, same);
    this.known = point !== undefined && !isBorder(point.symbol);
    this.symbol = point?.symbol;
    this.published = published;
    this.base = base;
    this.place = place;
    this.lr = lr;
    this.pinned = pinned;
    this.version = this.truth.version;
  }

  /** Whether the last reading has the program counter, then all return addresses, and is complete. */
  private readsTruth(pc: number): boolean {
    const { reader, truth } = this;
    if (!this.reads) return reader.failure === 'not-published' && reader.depth === 1 && reader.pcs[0] === pc;
    if (reader.failure !== null) return false;
    const { depth, pcs } = reader;
    const { returns } = truth;
    let equal = depth === truth.depth + 1 && pcs[0] === pc;
    for (let i = 1; equal && i < depth; i++) equal = pcs[i] === returns[truth.depth - i];
    // Frames of host functions are known by their function alone.
    return equal || compareStacks(this.machine, reader, truth.stack) === undefined;
  }

  /** Whether a function that must publish does not. */
  private isSilent(point: CodePoint | undefined): boolean {
    return this.leavesPublish && point?.symbol.kind === 'wasm' && point.symbol.recordOffset < 0;
  }

  private differ(pc: number, point: CodePoint | undefined, same: boolean): never {
    const { machine, reader, truth } = this;
    const difference = compareStacks(machine, reader, truth.stack);
    const reasons: string[] = [];
    if (reader.failure !== null && this.reads) reasons.push(`the reading ends with ${reader.failure}`);
    if (difference !== undefined) reasons.push(`frame ${difference.frame} differs`);
    if (this.isSilent(point)) reasons.push('the function publishes nothing, though leaves must');
    if (same)
      reasons.push('and nothing that the reading rests on changed since the last one, which was right');
    const expected = this.framesAt(pc, true);
    for (let i = truth.depth - 1; i >= 0; i--) expected.push(...this.framesAt(truth.returns[i], false));
    this.difference = {
      by: 'host',
      interrupt: this.points.due - 1,
      pc,
      registers: registersOf(machine.core),
      reason: reasons.join(', '),
      read: reader.frames().map(({ name, image, pc: at, wasmOffset }) => ({
        name,
        image: image.label,
        pc: at,
        wasmOffset,
      })),
      expected,
      place: point && placeOf(machine, pc, point),
    };
    throw new StackDiffers(this.difference);
  }

  /** The frames that a code address stands for, innermost first. */
  private framesAt(pc: number, interrupted: boolean): CheckedFrame[] {
    const point = codeAt(this.machine, pc, interrupted);
    if (point === undefined) return [{ name: '(no function)', image: '', pc, wasmOffset: -1 }];
    const image = point.image.label;
    return point.frames.map(({ symbol: { name }, wasmOffset }) => ({ name, image, pc, wasmOffset }));
  }
}

function placeOf(machine: Machine, pc: number, { image, symbol }: CodePoint): CodePlace {
  return {
    image: image.image,
    symbol,
    offset: pc - image.base,
    bytes: machine.space.readBytes(image.base + symbol.offset, symbol.size).slice(),
  };
}
