import { core, type Timing, type TimingClass, timingOf } from './cortex-a9.ts';

/**
 * An instruction as the pipeline sees it. Whoever makes these numbers the registers: the simulation only asks which are the same.
 * Condition flags are registers, too.
 */
export interface PipelineInst {
  readonly class: TimingClass;
  /** Registers read, among them flags, and the old value of a result that is kept where a condition fails. */
  readonly reads: readonly number[];
  /** Results, in the order of their encoding. */
  readonly writes: readonly number[];
  /** The base register that an addressing mode updates: it is there a cycle after issue, before what is loaded. */
  readonly writeback?: number;
  /** 64-bit transfers of a `multiple` class: pairs of core registers, or double registers. */
  readonly transfers?: number;
  /** Executed under a condition: a load's result then does not go by the fast path (DDI 0388I B.3). */
  readonly conditional?: boolean;
}

/** Where an instruction was in the simulation; cycles count from 0. */
export interface PipelineStep {
  readonly dispatch: number;
  readonly issue: number;
  /** When its last result is there. */
  readonly done: number;
}

/** The timing of an instruction. */
export type Timer = (inst: PipelineInst) => Timing;

const tables: Timer = (inst) => timingOf(inst.class);

interface Result {
  readonly ready: number;
  /** When it is there for classes that take the fast path. */
  readonly fast: number;
}

/** How often a unit is taken in each cycle. Cycles that all later instructions have left behind are forgotten. */
class Occupancy {
  readonly #capacity: number;
  #base = 0;
  #taken: number[] = [];
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The first cycle from `from` on in which the unit is free for `cycles` on end. */
  find(from: number, cycles: number): number {
    let at = from;
    for (let i = 0; i < cycles; i++) {
      if ((this.#taken[at + i - this.#base] ?? 0) >= this.#capacity) {
        at += i + 1;
        i = -1;
      }
    }
    return at;
  }

  take(at: number, cycles: number): void {
    for (let i = at - this.#base; i < at - this.#base + cycles; i++) {
      while (this.#taken.length <= i) this.#taken.push(0);
      this.#taken[i]++;
    }
  }

  forget(before: number): void {
    if (before - this.#base < 1024) return;
    this.#taken = this.#taken.slice(before - this.#base);
    this.#base = before;
  }
}

/**
 * The pipeline: instructions enter in order, two a cycle, as long as fewer than `core.window` are under way; each issues as
 * soon as its operands and its unit are there, older ones first; they retire in order. Accesses to memory issue in order among
 * themselves, and so do VFP and NEON instructions, which wait in a queue of their own: their port is taken for a cycle, then
 * they execute when their operands come, while younger integer instructions go on. Every access hits the first-level cache and
 * every branch is foreseen.
 */
export class Pipeline {
  readonly #alus = new Occupancy(core.alus);
  readonly #multiplier = new Occupancy(1);
  readonly #port = new Occupancy(1);
  readonly #branches = new Occupancy(1);
  readonly #units = [this.#alus, this.#multiplier, this.#port, this.#branches];
  readonly #results = new Map<number, Result>();
  /** The retirement cycles of the last `core.window` instructions, a ring. */
  readonly #retired: number[] = new Array(core.window).fill(0);
  #count = 0;
  #dispatched = 0;
  #slot = 0;
  #memoryFree = 0;
  #fpFree = 0;
  #barrier = 0;
  #lastRetired = 0;
  #lastDone = 0;
  readonly #time: Timer;

  /** @param time other timings than the tables', to see what one of them does */
  constructor(time: Timer = tables) {
    this.#time = time;
  }

  /** When the last instruction retired. */
  get cycles(): number {
    return this.#lastRetired;
  }

  /** Takes the next instruction in program order. */
  add(inst: PipelineInst): PipelineStep {
    const timing = this.#time(inst);
    const dispatch = this.#dispatch(timing);
    const earliest = dispatch + core.dispatchLatency;
    const cycles = timing.multiple === true ? timing.occupies * (inst.transfers ?? 1) : timing.occupies;
    const issue = this.#issue(timing, earliest, this.#operands(inst, timing), cycles);
    const done = this.#write(inst, timing, issue, cycles);
    this.#lastDone = Math.max(this.#lastDone, done);
    if (timing.serialising === true) this.#barrier = done;
    if (timing.holdsDecoder !== undefined) {
      this.#barrier = Math.max(this.#barrier, issue - core.dispatchLatency + timing.holdsDecoder);
    }
    this.#lastRetired = Math.max(this.#lastRetired, done);
    this.#retired[this.#count++ % core.window] = this.#lastRetired;
    return { dispatch, issue, done };
  }

  #dispatch(timing: Timing): number {
    // The place in the window that becomes free is the one of the instruction `window` before.
    const place = this.#retired[this.#count % core.window];
    const from = Math.max(place, this.#barrier, timing.serialising === true ? this.#lastDone : 0);
    if (from > this.#dispatched) {
      this.#dispatched = from;
      this.#slot = 0;
    } else if (this.#slot === core.width) {
      this.#dispatched++;
      this.#slot = 0;
    }
    this.#slot++;
    for (const unit of this.#units) unit.forget(this.#dispatched);
    return this.#dispatched;
  }

  /** When all operands are there for this class. */
  #operands(inst: PipelineInst, timing: Timing): number {
    let ready = 0;
    for (const register of inst.reads) {
      const result = this.#results.get(register);
      if (result === undefined) continue;
      ready = Math.max(ready, timing.takesFast === true ? result.fast : result.ready);
    }
    return ready - (timing.readsLate ?? 0);
  }

  #issue(timing: Timing, earliest: number, operands: number, cycles: number): number {
    const from = Math.max(earliest, operands);
    switch (timing.unit) {
      case 'none':
        return from;
      case 'branch': {
        const at = this.#branches.find(from, 1);
        this.#branches.take(at, 1);
        return at;
      }
      case 'alu': {
        const at = this.#alus.find(from, 1);
        this.#alus.take(at, 1);
        return at;
      }
      case 'multiply': {
        // It takes one of the two ALUs' places while its first stages are busy.
        let at = this.#multiplier.find(from, cycles);
        for (let free = this.#alus.find(at, cycles); free !== at; free = this.#alus.find(at, cycles))
          at = this.#multiplier.find(free, cycles);
        this.#multiplier.take(at, cycles);
        this.#alus.take(at, cycles);
        return at;
      }
      case 'memory': {
        const ordered = timing.unordered !== true;
        const at = this.#port.find(ordered ? Math.max(from, this.#memoryFree) : from, cycles);
        this.#port.take(at, cycles);
        if (ordered) this.#memoryFree = at + cycles;
        return at;
      }
      case 'fp': {
        const port = this.#port.find(earliest, 1);
        this.#port.take(port, 1);
        const at = Math.max(port, operands, this.#fpFree);
        this.#fpFree = at + cycles;
        return at;
      }
    }
  }

  #write(inst: PipelineInst, timing: Timing, issue: number, cycles: number): number {
    const gain = timing.fast === undefined || inst.conditional === true ? 0 : timing.latency - timing.fast;
    let done = issue + (inst.writes.length > 0 ? 0 : Math.max(1, cycles));
    inst.writes.forEach((register, index) => {
      let ready = issue + timing.latency;
      if (index === 1 && timing.second !== undefined) ready = issue + timing.second;
      // Two core registers, or a double's halves, a cycle.
      if (timing.multiple === true) ready += index >> 1;
      this.#results.set(register, { ready, fast: ready - gain });
      done = Math.max(done, ready);
    });
    if (inst.writeback !== undefined) {
      this.#results.set(inst.writeback, { ready: issue + 1, fast: issue + 1 });
    }
    return done;
  }
}

/** Instructions that are simulated, at the least, before cycles are counted, and while they are. */
const settling = 4 * core.window;

/** Executions are counted in so many at once, so that patterns that repeat every second, third or fourth one come out even. */
const executions = 12;

/**
 * Cycles of one execution of a block that follows itself over and over: what it costs where its neighbours keep the pipeline as
 * busy as it does. A fraction where executions overlap; 0 for no instructions.
 */
export function steadyCycles(insts: readonly PipelineInst[], time: Timer = tables): number {
  if (insts.length === 0) return 0;
  const pipeline = new Pipeline(time);
  const times = executions * Math.ceil(settling / insts.length / executions);
  const run = (): number => {
    for (let i = 0; i < times; i++) for (const inst of insts) pipeline.add(inst);
    return pipeline.cycles;
  };
  const settled = run();
  return (run() - settled) / times;
}
