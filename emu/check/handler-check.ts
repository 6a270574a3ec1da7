import { readElf, readSymbols } from '../../compiler/elf/reader.ts';
import { ImageError } from '../../compiler/errors.ts';
import type { Image, ImageFunction } from '../../compiler/image/image.ts';
import { framesAt } from '../../compiler/image/inlined.ts';
import { functionAt } from '../../compiler/image/lookup.ts';
import {
  type ImageRecordField,
  imageRecordFields,
  type ProgramInfoField,
  programInfoFields,
} from '../../compiler/image/program-info.ts';
import { LinuxProcess, SIGNAL } from '../linux/index.ts';
import { SIG_IGN } from '../linux/signals.ts';
import { ByAddress } from '../stack/by-address.ts';
import { readFailures } from '../stack/reader.ts';
import type { Kind } from '../stack/true-stack.ts';
import { type CheckedFrame, registersOf, StackDiffers } from './difference.ts';
import type { Points } from './points.ts';
import { SampleRing } from './sample-ring.ts';
import { Truth } from './truth.ts';

/** A dump of a stack as the handler writes it (docs/executables.md), parsed. */
export interface ParsedDump {
  readonly leftOut: number;
  readonly frames: readonly { readonly name: string; readonly image: string; readonly wasmOffset: number }[];
  /** `complete`, or why not. */
  readonly end: string;
}

export interface HandlerCheckOptions {
  /** What the executable was linked of. */
  readonly images: Readonly<Record<'app' | 'wasi' | 'handler', Image>>;
  readonly points: Points;
  /** Instructions, from when signals are handled, after which the run ends; a stack of many frames makes one count for more. */
  readonly budget?: number;
  readonly argv: readonly string[];
  readonly parseDump: (text: string) => ParsedDump;
  /** Called when the program's `_start` comes next. */
  readonly onStart?: (check: HandlerCheck) => void;
}

/** At every so many interrupts, the handler is asked for a dump, too. */
const dumpEvery = 499;

/** As HostCheck's. */
const framesPerInstruction = 32;

/** Frames that a sample keeps (`mostFrames` of runtime/assembly/profile.ts, which a spec compares with this). */
export const sampledFrames = 128;
/** Frames that a dump shows at either end. */
const dumpedFrames = 64;

/** Reasons by the numbers that samples carry (runtime/assembly/failure.ts, which a spec compares with these). */
const failures: readonly string[] = ['complete', ...readFailures];

/** Exit code of a program that trapped (docs/executables.md). */
const trapped = 134;

const partNames = ['app', 'wasi', 'handler'] as const;

/** A code address as the handler names it. */
interface Place {
  readonly kind: Kind;
  readonly part: (typeof partNames)[number] | undefined;
  readonly symbol: ImageFunction | undefined;
  /** The words of a sample, innermost first: one for a function of wasm, one more for each that is inlined there; others are no frames. */
  readonly words: readonly number[];
  readonly base: number;
}

/**
 * Interrupts a program on the emulated kernel by signals: at chosen instructions a frame is pushed, the executable's own handler
 * runs, reads the stack and returns. What it read is compared with the calls and returns as executed. Mostly SIGPROF is sent, whose
 * handler leaves the functions of all frames in the profile's ring; now and then the dump's signal, whose handler writes operators, too.
 */
export class HandlerCheck {
  readonly points: Points;
  readonly process: LinuxProcess;
  private readonly truth: Truth;
  private readonly options: HandlerCheckOptions;
  private readonly publishes: boolean;
  private readonly bases: Readonly<Record<(typeof partNames)[number], number>>;
  private readonly interrupted: ByAddress<Place>;
  private readonly returned: ByAddress<Place>;
  private readonly infoTable: number;
  private readonly dumpSignal: number;
  private ring: SampleRing | undefined;
  private errors = '';
  private version = -1;
  /** Words of the frames that are returned to, outermost first. */
  private readonly outer: number[] = [];
  private outerDepth = 0;
  private readonly expected: number[] = [];

  /** @throws ImageError when the file cannot be loaded or is no executable of Fathom's */
  constructor(file: Uint8Array, options: HandlerCheckOptions) {
    this.options = options;
    this.points = options.points;
    const { images } = options;
    this.publishes = images.app.scheme !== 'none';
    const info = readSymbols(readElf(file)).find(({ name }) => name === 'fathom_info');
    if (info === undefined) throw new ImageError('the executable has no program info');
    this.infoTable = info.value;
    const decoder = new TextDecoder();
    this.process = new LinuxProcess(file, {
      argv: options.argv,
      env: [],
      stdin: new Uint8Array(0),
      stdout() {},
      stderr: (bytes) => {
        this.errors += decoder.decode(bytes);
      },
    });
    this.truth = new Truth(this.process.core);
    this.dumpSignal = this.info('dumpSignal');
    this.bases = { app: this.codeStart(0), wasi: this.codeStart(1), handler: this.codeStart(2) };
    // Behind the program and its runtime. Thousands of its instructions go with each interrupt, none of which is looked at.
    this.process.core.freeFrom = this.bases.handler;
    this.interrupted = new ByAddress((pc) => this.placeAt(pc, true));
    this.returned = new ByAddress((pc) => this.placeAt(pc, false));
  }

  /** Runs the program until it exits, or to the end of its interrupts or budget. Throws {@link StackDiffers} at the first difference. */
  run(): void {
    try {
      this.watch();
    } finally {
      this.points.checking.stop();
    }
  }

  private watch(): void {
    const { process, truth, points, options } = this;
    const { core } = process;
    let budget = options.budget ?? Number.POSITIVE_INFINITY;
    const start = this.functionAddress('_start');
    while (process.exitStatus === undefined && budget > 0 && !points.areSpent && !this.ring?.isClosed) {
      if (process.signals.isBlocked(this.dumpSignal)) {
        // A trap's handler, which no other interrupts.
        process.runHandler(this.dumpSignal);
        continue;
      }
      const { pc } = core;
      const here = this.interrupted.at(pc);
      truth.observe(here.kind);
      if (pc === start) options.onStart?.(this);
      if (this.isReady()) {
        if (points.take()) this.check(pc, here);
        budget -= 1 + Math.floor(truth.depth / framesPerInstruction);
      }
      process.step();
    }
  }

  /** Whether the program ended by itself, and not by a trap. */
  get hasExited(): boolean {
    const { exitStatus } = this.process;
    return this.ring?.isClosed === true || (exitStatus !== undefined && exitStatus.exitCode !== trapped);
  }

  dispose(): void {
    this.process.dispose();
  }

  /** The value of a global of type i32 of the program. */
  global(index: number): number {
    return this.process.memory.readU32(this.globalAddress(index));
  }

  setGlobal(index: number, value: number): void {
    this.process.memory.writeU32(this.globalAddress(index), value);
  }

  private globalAddress(index: number): number {
    return this.info('appEnv') + this.options.images.app.env.globals[index];
  }

  private info(field: ProgramInfoField): number {
    return this.process.memory.readI64(this.infoTable + 8 * programInfoFields.indexOf(field));
  }

  private codeStart(image: number): number {
    const field: ImageRecordField = 'codeStart';
    const at = image * imageRecordFields.length + imageRecordFields.indexOf(field);
    return this.process.memory.readI64(this.info('images') + 8 * at);
  }

  /** Address of a function that the program exports. */
  private functionAddress(name: string): number {
    const { module, symbols, functions } = this.options.images.app;
    const index = module.exports.find((entry) => entry.kind === 'function' && entry.name === name)?.index;
    return index === undefined ? -1 : this.bases.app + functions[symbols.wasm[index]].offset;
  }

  private placeAt(pc: number, interrupted: boolean): Place {
    const kind = this.truth.stack.kindAt(pc);
    const at = interrupted ? pc : pc - 1;
    for (const [i, part] of partNames.entries()) {
      const image = this.options.images[part];
      const base = this.bases[part];
      if (at < base || at >= base + image.code.length) continue;
      const symbol = functionAt(image, at - base);
      const frames = symbol?.kind === 'wasm' ? framesAt(image, at - base) : [];
      const words = frames.map((frame) => ((i << 28) | frame.symbol.id) >>> 0);
      return { kind, part, symbol, words, base };
    }
    return { kind, part: undefined, symbol: undefined, words: [], base: 0 };
  }

  /** Whether the handlers stand. The one of dumps serves samples as well: it is one function, which asks for the signal's number. */
  private isReady(): boolean {
    if (this.ring !== undefined) return true;
    const { signals } = this.process;
    const action = signals.actions[this.dumpSignal];
    if (action.handler <= SIG_IGN) return false;
    signals.setAction(SIGNAL.PROF, action);
    this.ring = new SampleRing(this.process, this.info('thread'));
    this.points.checking.start();
    return true;
  }

  private check(pc: number, here: Place): void {
    const { ring } = this;
    if (ring === undefined) return;
    this.expect(here);
    ring.clear();
    this.interrupt(SIGNAL.PROF, pc);
    const problem = this.sampleProblem(ring);
    if (problem !== undefined) this.differ(pc, here, problem, ring.frames());
    if (this.points.taken % dumpEvery === 1) this.checkDump(pc, here);
  }

  /** Has the program handle a signal, and go on where it was. */
  private interrupt(number: number, pc: number): void {
    const { process } = this;
    const { core } = process;
    const { sp } = core;
    process.signal(number);
    process.runHandler(number);
    if (core.pc === pc && core.sp === sp && process.exitStatus === undefined) return;
    this.differ(
      pc,
      this.interrupted.at(pc),
      'the program does not go on where the signal interrupted it',
      [],
    );
  }

  /** The words of the true stack, innermost first. */
  private expect(here: Place): void {
    const { truth, outer, expected } = this;
    if (truth.version !== this.version) {
      this.version = truth.version;
      let depth = 0;
      for (let i = 0; i < truth.depth; i++) {
        const { words } = this.returned.at(truth.returns[i]);
        for (let k = words.length - 1; k >= 0; k--) outer[depth++] = words[k];
      }
      this.outerDepth = depth;
    }
    let count = 0;
    for (const word of here.words) expected[count++] = word;
    if (this.publishes && here.symbol !== undefined)
      for (let i = this.outerDepth - 1; i >= 0; i--) expected[count++] = outer[i];
    expected.length = count;
  }

  /** How a complete reading of what is interrupted here ends. */
  private end(here: Place): string {
    if (here.symbol === undefined) return 'no-image-at-pc';
    return this.publishes ? 'complete' : 'not-published';
  }

  private sampleProblem(ring: SampleRing): string | undefined {
    const { expected } = this;
    if (!ring.holdsOne) return 'the handler left no sample';
    const here = this.interrupted.at(this.process.core.pc);
    const isCut = expected.length > sampledFrames;
    const end = failures[ring.failure] ?? `failure ${ring.failure}`;
    if (!isCut && end !== this.end(here)) return `the reading ends with ${end}, not ${this.end(here)}`;
    if (ring.isCut !== isCut) return `the sample is ${ring.isCut ? '' : 'not '}cut`;
    const count = Math.min(expected.length, sampledFrames);
    if (ring.count !== count) return `${ring.count} frames in place of ${count}`;
    for (let i = 0; i < count; i++)
      if (ring.frame(i) !== expected[i]) return `frame ${i} is another function's`;
    return undefined;
  }

  private checkDump(pc: number, here: Place): void {
    this.errors = '';
    this.interrupt(this.dumpSignal, pc);
    const dump = this.options.parseDump(this.errors);
    const frames = this.expectedFrames(pc, here, true);
    const shown =
      frames.length > 2 * dumpedFrames
        ? [...frames.slice(0, dumpedFrames), ...frames.slice(-dumpedFrames)]
        : frames;
    const differs = (reason: string): never =>
      this.differ(
        pc,
        here,
        `the dump: ${reason}`,
        dump.frames.map((frame) => ({ ...frame, pc: -1 })),
      );
    if (dump.end !== this.end(here)) differs(`it ends with ${dump.end}, not ${this.end(here)}`);
    if (dump.frames.length !== shown.length || dump.leftOut !== frames.length - shown.length)
      differs(`${dump.frames.length} frames in place of ${shown.length}`);
    for (const [i, { name, image, wasmOffset }] of dump.frames.entries()) {
      const right = shown[i];
      // Very long names are cut.
      if (image !== right.image || wasmOffset !== right.wasmOffset || !right.name.startsWith(name))
        differs(`frame ${i} is ${name} (${image}+0x${wasmOffset.toString(16)})`);
    }
  }

  /** The frames that the handler should find, or with adapters and all. */
  private expectedFrames(pc: number, here: Place, wasmOnly = false): CheckedFrame[] {
    const frames: CheckedFrame[] = [];
    const add = (at: number, place: Place, interrupted: boolean): void => {
      if (!wasmOnly || place.words.length > 0) frames.push(...this.framesOf(at, place, interrupted));
    };
    add(pc, here, true);
    if (this.publishes && here.symbol !== undefined)
      for (let i = this.truth.depth - 1; i >= 0; i--) {
        const at = this.truth.returns[i];
        add(at, this.returned.at(at), false);
      }
    return frames;
  }

  private framesOf(pc: number, { part, symbol, base }: Place, interrupted: boolean): CheckedFrame[] {
    if (part === undefined || symbol === undefined)
      return [{ name: '(no function)', image: '', pc, wasmOffset: -1 }];
    const offset = (interrupted ? pc : pc - 1) - base;
    return framesAt(this.options.images[part], offset).map(({ symbol: { name }, wasmOffset }) => ({
      name: name.replace(/\p{Cc}/gu, '\ufffd'),
      image: part,
      pc,
      wasmOffset,
    }));
  }

  private differ(pc: number, here: Place, reason: string, read: readonly (number | CheckedFrame)[]): never {
    const { process, options } = this;
    const named = (word: number): CheckedFrame => {
      const image = partNames[word >>> 28];
      const name = options.images[image]?.functions[word & 0xfff_ffff]?.name ?? '(no function)';
      return { name, image: image ?? '', pc: -1, wasmOffset: -1 };
    };
    const { part, symbol, base } = here;
    throw new StackDiffers({
      by: 'handler',
      interrupt: this.points.due - 1,
      pc,
      registers: registersOf(process.core),
      reason,
      read: read.map((frame) => (typeof frame === 'number' ? named(frame) : frame)),
      expected: this.expectedFrames(pc, here),
      place:
        part === undefined || symbol === undefined
          ? undefined
          : {
              image: options.images[part],
              symbol,
              offset: pc - base,
              bytes: process.memory.bytes(base + symbol.offset, symbol.size).slice(),
            },
    });
  }
}
