/**
 * A Linux process on one emulated core: runs a static executable until it exits or a signal ends it.
 *
 * The core runs at full speed from system call to system call. While a timer is armed in virtual time it counts instructions,
 * so that the timer fires between the same two instructions in every run.
 */
import { AddressSpace } from '../address-space.ts';
import { Core, type Fault, type Stop } from '../core.ts';
import { Interrupter, type InterruptHandler, type Schedule, seededRandom } from '../interrupts.ts';
import type { TargetName } from '../unicorn/constants.ts';
import { SystemCallTable } from './call.ts';
import { Clock, type ClockOptions } from './clock.ts';
import { type ByteSource, Description, HostStream, SinkFile, SourceFile } from './descriptions.ts';
import { Descriptors } from './descriptors.ts';
import { ERRNO, RESTART, SystemCallError } from './errno.ts';
import { signalOfFault } from './faults.ts';
import { O } from './flags.ts';
import type { SignalFrames } from './frame.ts';
import { SignalFramesArm } from './frame-armv7.ts';
import { SignalFramesX86 } from './frame-x86_64.ts';
import { host } from './host.ts';
import { LAYOUTS, type Layout } from './layouts.ts';
import { loadExecutable } from './load.ts';
import { Mappings } from './mappings.ts';
import { SA, SIG_DFL, SIG_IGN, SIGNAL, type SignalInfo, Signals } from './signals.ts';
import { SYSTEM_CALLS } from './system-calls.ts';
import { Timers } from './timers.ts';
import { USER_ID } from './user.ts';
import { UserMemory } from './user-memory.ts';
import { Roots } from './walk.ts';

/** Standard input: a host file descriptor, bytes, or a source that is asked. */
export type Input = number | Uint8Array | ByteSource;

/** Standard output and error: a host file descriptor, or a function that gets a copy of each write. */
export type Output = number | ((bytes: Uint8Array) => void);

export interface ProcessOptions extends ClockOptions {
  /** The program's arguments, its name first. */
  readonly argv: readonly string[];
  /** Environment, `NAME=value` each. */
  readonly env?: readonly string[];
  /** Host directories that the program may use, and nothing beside them. */
  readonly directories?: readonly string[];
  /** What relative paths start at; the host's working directory when not given. */
  readonly cwd?: string;
  /** The host's own, when not given. */
  readonly stdin?: Input;
  readonly stdout?: Output;
  readonly stderr?: Output;
  /** Of all random numbers that the program asks for. */
  readonly seed?: number;
  readonly pid?: number;
  /** Whether there is an openat2; without it programs have to walk through paths themselves. */
  readonly openat2?: boolean;
  /**
   * Called when a system call is about to wait. It may send a signal, or make more input available; a program that then still
   * waits for nothing that can come is ended by an error.
   */
  readonly onBlock?: (process: LinuxProcess, systemCall: string) => void;
}

/** How a process ended. */
export interface ExitStatus {
  /** As a shell shows it: 128 and the signal's number for a process that a signal ended. */
  readonly exitCode: number;
  readonly signal?: number;
}

/** The program waits for something that can never come. */
export class DeadlockError extends Error {
  override name = 'DeadlockError';
}

/** What a waiting system call waits for besides time and signals. */
export interface WaitCondition {
  /** Whether it is there. @param timeout real milliseconds to wait for it, -1 for ever; only if `outside` */
  ready(timeout: number): boolean;
  /** Whether something outside the emulator can bring it. */
  readonly outside: boolean;
}

/** Virtual nanoseconds of one instruction while a timer is armed, and of one system call. */
const INSTRUCTION_TIME = 1;
const SYSTEM_CALL_TIME = 1000;

/** Instructions between looks at the host's clock, while a timer is armed in real time: a few tenths of a millisecond. */
const REAL_TIME_SLICE = 1 << 16;

/** Highest addresses that a program maps, and where its stack ends: those of a kernel without randomisation. */
const LIMITS: Readonly<Record<TargetName, { lowest: number; searchEnd: number; end: number }>> = {
  x86_64: { lowest: 0x10000, searchEnd: 0x7fff_f7ff_f000, end: 0x7fff_ffff_f000 },
  armv7: { lowest: 0x10000, searchEnd: 0xb6ff_f000, end: 0xbf00_0000 },
};

const DEFAULT_PID = 4711;

export class LinuxProcess {
  readonly target: TargetName;
  readonly core: Core;
  readonly space: AddressSpace;
  readonly mappings: Mappings;
  readonly memory: UserMemory;
  readonly layout: Layout;
  readonly descriptors = new Descriptors();
  readonly roots: Roots;
  readonly signals: Signals;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly pid: number;
  readonly hasOpenat2: boolean;
  /** Gives integers from 0 to `below - 1`. */
  readonly random: (below: number) => number;
  readonly #calls: SystemCallTable;
  readonly #frames: SignalFrames;
  readonly #onBlock: ProcessOptions['onBlock'];
  #exit: ExitStatus | undefined;
  /** The call at hand; -1 between calls. */
  #callNumber = -1;
  /** Instructions until the host's clock is looked at. */
  #untilLook = REAL_TIME_SLICE;

  /**
   * @param file a static executable of either target
   * @throws {ImageError} when it cannot be loaded
   * @throws {UnicornMissingError} when no libunicorn serves
   */
  constructor(file: Uint8Array, options: ProcessOptions) {
    const { target, ...image } = loadExecutable(file);
    this.target = target;
    this.pid = options.pid ?? DEFAULT_PID;
    this.hasOpenat2 = options.openat2 ?? false;
    this.random = seededRandom(options.seed ?? 1);
    this.#onBlock = options.onBlock;
    this.layout = LAYOUTS[target];
    this.clock = new Clock(options);
    this.timers = new Timers(this.clock);
    this.signals = new Signals();
    this.space = new AddressSpace(target);
    this.mappings = new Mappings(this.space, LIMITS[target]);
    this.memory = new UserMemory(this.mappings);
    const { entry, stack } = image.place(this.mappings, this.memory, options, (count) =>
      this.randomBytes(count),
    );
    this.roots = new Roots(options.directories ?? [], options.cwd ?? process.cwd());
    for (const [fd, description] of standardFiles(options).entries())
      this.descriptors.set(fd, description, false);
    this.core = new Core(this.space);
    const Frames = target === 'x86_64' ? SignalFramesX86 : SignalFramesArm;
    this.#frames = new Frames(this.core, this.mappings, this.signals);
    this.#calls = new SystemCallTable(this.core, SYSTEM_CALLS);
    this.core.pc = entry;
    this.core.sp = stack;
  }

  /** How the process ended; undefined while it has not. */
  get exitStatus(): ExitStatus | undefined {
    return this.#exit;
  }

  /**
   * Runs until the process ends.
   *
   * @throws {DeadlockError} when it waits for something that can never come
   * @throws {EngineError} when Unicorn fails in a way that no guest program explains
   */
  run(): ExitStatus {
    for (;;) {
      const ended = this.runToBreakpoint();
      if (ended) return ended;
    }
  }

  /**
   * The same, but also ends in front of instructions at which the caller has set breakpoints on the core.
   *
   * @returns undefined at a breakpoint
   */
  runToBreakpoint(): ExitStatus | undefined {
    while (!this.#exit) {
      const stop = this.#runToStop();
      if (stop.reason === 'breakpoint') return undefined;
      this.#handle(stop);
    }
    return this.#exit;
  }

  /**
   * Runs with interrupts between chosen instructions (../interrupts.ts). The handler may call `signal`; when it returns false, the run
   * ends, and another can follow. Virtual time does not move with instructions here.
   *
   * @returns undefined when the handler ended the run
   */
  runInterrupted(schedule: Schedule, handler: InterruptHandler): ExitStatus | undefined {
    let ended = false;
    const interrupter = new Interrupter(this.core, schedule, (core) => {
      ended = handler(core) === false;
      return !ended && !this.#exit;
    });
    while (!this.#exit && !ended) {
      const stop = interrupter.run();
      if (stop.reason !== 'handler') this.#handle(stop);
    }
    return this.#exit;
  }

  /**
   * Carries out one instruction, with what the kernel does for it. Virtual time does not move with it.
   *
   * @returns how the process ended, or undefined
   */
  step(): ExitStatus | undefined {
    if (this.#exit) return this.#exit;
    const stop = this.core.step();
    if (stop.reason !== 'count') this.#handle(stop);
    return this.#exit;
  }

  /**
   * Runs on until a signal is not blocked, so behind the return of its handler if that just began. Like `step` it leaves the core
   * ready for single instructions: changing that costs more than handlers do.
   */
  runHandler(number: number): ExitStatus | undefined {
    while (!this.#exit && this.signals.isBlocked(number)) this.#handle(this.core.run());
    return this.#exit;
  }

  /**
   * Sends a signal. Between instructions it is delivered at once, in front of the next one, unless it is blocked; during a system
   * call, when that ends.
   */
  signal(number: number, info: SignalInfo = { number, code: 0, sender: [this.pid, USER_ID] }): void {
    this.signals.send(info);
    if (this.#callNumber < 0) this.#deliver();
  }

  /** Ends the process. */
  exit(status: ExitStatus): void {
    this.#exit ??= status;
  }

  /** Frees what the process holds: files, memory, core. */
  dispose(): void {
    this.descriptors.closeAll();
    this.roots.close();
    this.core.dispose();
  }

  /** Bytes that look random and depend on the seed. */
  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.random(256));
  }

  /**
   * Waits in a system call: for a condition, for a time, for a signal.
   *
   * @param deadline of `clock.now`
   */
  wait(condition: WaitCondition | undefined, deadline?: number): 'ready' | 'timeout' | 'signal' {
    if (condition?.ready(0)) return 'ready';
    this.#onBlock?.(this, this.#calls.name(this.#callNumber) ?? '');
    for (;;) {
      if (this.signals.deliverable) return 'signal';
      if (condition?.ready(0)) return 'ready';
      if (deadline !== undefined && this.clock.now >= deadline) return 'timeout';
      this.#waitOnce(condition, deadline);
      this.#fireTimers();
    }
  }

  /** rt_sigreturn: registers and masks from the frame. */
  returnFromSignal(): void {
    this.#callNumber = -1;
    if (!this.#frames.leave()) this.#force({ number: SIGNAL.SEGV, code: 0x80, address: 0 });
  }

  #waitOnce(condition: WaitCondition | undefined, deadline: number | undefined): void {
    const { clock } = this;
    const outside = condition?.outside ?? false;
    const untilTimer = this.timers.untilNext(true);
    const untilDeadline = deadline === undefined ? Infinity : deadline - clock.now;
    const nanoseconds = Math.min(untilTimer ?? Infinity, untilDeadline);
    // In virtual time nothing tells how long the host takes: what has no deadline waits for it, and no time passes.
    if (outside && (clock.realTime || deadline === undefined)) {
      const timeout = clock.realTime && nanoseconds < Infinity ? Math.ceil(nanoseconds / 1e6) : -1;
      condition?.ready(timeout);
    } else if (nanoseconds < Infinity) {
      clock.sleepUntil(clock.now + nanoseconds);
    } else {
      throw new DeadlockError('the program waits, and no input, timer or signal can come');
    }
  }

  #runToStop(): Stop {
    const { core, clock } = this;
    const next = this.timers.untilNext(false);
    if (next === undefined) {
      core.stepping = false;
      return core.run();
    }
    const budget = clock.realTime ? this.#untilLook : Math.max(1, Math.ceil(next / INSTRUCTION_TIME));
    const stop = core.run({ maxInstructions: budget });
    this.#untilLook = stop.reason === 'count' ? REAL_TIME_SLICE : Math.max(1, budget - core.executed);
    clock.ran(core.executed * INSTRUCTION_TIME);
    return stop;
  }

  #handle(stop: Stop): void {
    switch (stop.reason) {
      case 'system-call':
        this.#systemCall();
        return;
      case 'fault':
        this.#fault(stop);
        return;
      case 'count':
        this.#fireTimers();
        this.#deliver();
        return;
      case 'breakpoint':
        return;
      default:
        // The stubs' page is none of the program's.
        this.#fault({ reason: 'fault', kind: 'fetch', pc: this.core.pc, address: this.core.pc, number: 0 });
    }
  }

  #fault(fault: Fault): void {
    const { info, state } = signalOfFault(this.mappings, fault);
    Object.assign(this.signals.fault, state);
    this.#force(info);
  }

  /** A signal that cannot wait: if it is blocked or ignored, the process dies of it (force_sig in the kernel). */
  #force(info: SignalInfo): void {
    const { signals } = this;
    const blocked = signals.isBlocked(info.number);
    if (blocked || signals.actions[info.number].handler === SIG_IGN) signals.resetAction(info.number);
    this.#act(info);
  }

  #systemCall(): void {
    const { core, clock } = this;
    clock.ran(SYSTEM_CALL_TIME);
    const number = this.#calls.number;
    this.#callNumber = number;
    if (this.target === 'x86_64') {
      // What the instruction leaves in rcx and r11 (Intel SDM volume 2, SYSCALL).
      core.write('rcx', core.pc);
      core.write('r11', core.read('rflags'));
    }
    let result: number;
    try {
      result = this.#calls.call(number, this) ?? -ERRNO.ENOSYS;
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      result = -error.errno;
    }
    // A return from a signal sets all registers itself.
    const returned = this.#callNumber < 0;
    this.#callNumber = -1;
    // In real time that would find most of a profile's samples behind system calls, which are slow here.
    if (this.timers.armed && !clock.realTime) this.#fireTimers();
    if (!returned) this.#finish(result);
    this.#deliver();
    if (this.signals.maskSaved && !this.#exit) this.#restoreMask();
  }

  /** Sets the result, or goes back to call again after a signal (arch_do_signal_or_restart in the kernel). */
  #finish(result: number): void {
    if (result !== RESTART.ifAsked && result !== RESTART.withoutHandler) {
      this.#calls.setResult(result);
      return;
    }
    const info = this.signals.take();
    const action = info && this.signals.actions[info.number];
    if (action && action.handler > SIG_IGN && !(result === RESTART.ifAsked && action.flags & SA.RESTART)) {
      this.#calls.setResult(-ERRNO.EINTR);
    } else {
      // The registers still hold the number and the arguments.
      this.core.pc -= this.#calls.instruction;
    }
    if (info) this.#act(info);
  }

  #deliver(): void {
    while (!this.#exit) {
      const info = this.signals.take();
      if (!info) return;
      this.#act(info);
    }
  }

  /** Does what the program asked for on a signal. */
  #act(info: SignalInfo): void {
    const { signals } = this;
    const { number } = info;
    const action = signals.actions[number];
    if (action.handler === SIG_DFL && !signals.isIgnored(number)) {
      this.exit({ exitCode: 128 + number, signal: number });
      return;
    }
    if (signals.isIgnored(number)) return;
    if (!this.#frames.enter(info, action)) {
      // No room for the frame: a SIGSEGV in place of the signal, which kills if it was one itself.
      if (number === SIGNAL.SEGV) signals.resetAction(SIGNAL.SEGV);
      this.#force({ number: SIGNAL.SEGV, code: 0x80, address: 0 });
      return;
    }
    if (action.flags & SA.RESETHAND) signals.resetAction(number);
    signals.enterHandler(number, action);
  }

  #fireTimers(): void {
    this.timers.fire(this.signals);
  }

  #restoreMask(): void {
    const { signals } = this;
    signals.maskSaved = false;
    signals.setBlocked(signals.savedLow, signals.savedHigh);
    this.#deliver();
  }
}

function standardFiles({ stdin = 0, stdout = 1, stderr = 2 }: ProcessOptions): Description[] {
  const output = (to: Output) => (typeof to === 'number' ? stream(to, O.WRONLY) : new SinkFile(to));
  return [inputFile(stdin), output(stdout), output(stderr)];
}

function inputFile(input: Input): Description {
  if (typeof input === 'number') return stream(input, O.RDONLY);
  if (typeof input === 'function') return new SourceFile(input);
  let rest: Uint8Array | null = input;
  return new SourceFile(() => {
    const all = rest;
    rest = null;
    return all;
  });
}

/** A stream of the host; one that is closed stays closed for the program, where every use is EBADF. */
function stream(fd: number, access: number): Description {
  const flags = host.getFlags(fd);
  return flags < 0 ? new Description(access) : new HostStream(fd, flags & ~O.NONBLOCK);
}
