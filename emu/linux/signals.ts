/**
 * The signals of a process: handlers, masks, what is pending. Delivery through a frame is in `frame-*.ts`, the system calls in
 * `signal-calls.ts`. One thread, so that the process's pending signals are the thread's.
 *
 * Sets of signals are two 32-bit words: bit n - 1 for signal n, as in the kernel's sigset_t on both targets.
 */
export const SIGNAL = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
} as const;

export const MAX_SIGNAL = 64;

/** First of the signals that queue. */
const FIRST_QUEUED = 32;
const MAX_QUEUED = 1024;

/** `sa_handler` values that are no function. */
export const SIG_DFL = 0;
export const SIG_IGN = 1;

/** `sa_flags`. */
export const SA = {
  SIGINFO: 0x4,
  RESTORER: 0x0400_0000,
  ONSTACK: 0x0800_0000,
  RESTART: 0x1000_0000,
  NODEFER: 0x4000_0000,
  RESETHAND: 0x8000_0000,
} as const;

export const SS = { ONSTACK: 1, DISABLE: 2 } as const;

/** Without a handler these do nothing; stopping a process is not emulated. */
const IGNORED: ReadonlySet<number> = new Set<number>([
  SIGNAL.CHLD,
  SIGNAL.CONT,
  SIGNAL.STOP,
  SIGNAL.TSTP,
  SIGNAL.TTIN,
  SIGNAL.TTOU,
  SIGNAL.URG,
  SIGNAL.WINCH,
]);

/** What a handler learns (siginfo_t). */
export interface SignalInfo {
  readonly number: number;
  /** si_code: 0 for kill, -1 for sigqueue, positive for the kernel's own. */
  readonly code: number;
  /** si_pid and si_uid; of a timer, its number and overruns. */
  readonly sender?: [number, number];
  /** si_value, low word and high word. */
  readonly value?: readonly [number, number];
  /** si_addr. */
  readonly address?: number;
}

/** What a program installed for a signal. */
export interface SignalAction {
  readonly handler: number;
  readonly flags: number;
  readonly restorer: number;
  readonly maskLow: number;
  readonly maskHigh: number;
}

const DEFAULT_ACTION: SignalAction = { handler: SIG_DFL, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 };

/** SIGKILL and SIGSTOP cannot be blocked. */
const UNBLOCKABLE = (1 << (SIGNAL.KILL - 1)) | (1 << (SIGNAL.STOP - 1));

/** The last fault, which every later frame shows: as the kernel keeps it in `thread_struct`. */
export interface FaultState {
  trap: number;
  error: number;
  address: number;
}

export class Signals {
  readonly actions: SignalAction[] = Array.from({ length: MAX_SIGNAL + 1 }, () => DEFAULT_ACTION);
  blockedLow = 0;
  blockedHigh = 0;
  /** The mask from before a system call that changed it for itself (ppoll): what the frame shows. */
  savedLow = 0;
  savedHigh = 0;
  maskSaved = false;
  /** The alternate stack (sigaltstack). */
  stackStart = 0;
  stackBytes = 0;
  readonly fault: FaultState = { trap: 0, error: 0, address: 0 };
  #pendingLow = 0;
  #pendingHigh = 0;
  readonly #infos: SignalInfo[][] = Array.from({ length: MAX_SIGNAL + 1 }, () => []);

  /** Whether a signal waits that is not blocked. */
  get deliverable(): boolean {
    return ((this.#pendingLow & ~this.blockedLow) | (this.#pendingHigh & ~this.blockedHigh)) !== 0;
  }

  /** The set of pending signals. */
  get pending(): readonly [number, number] {
    return [this.#pendingLow >>> 0, this.#pendingHigh >>> 0];
  }

  isBlocked(number: number): boolean {
    const bit = 1 << ((number - 1) & 31);
    return ((number > 32 ? this.blockedHigh : this.blockedLow) & bit) !== 0;
  }

  /** Whether its action is to do nothing. */
  isIgnored(number: number): boolean {
    const { handler } = this.actions[number];
    return handler === SIG_IGN || (handler === SIG_DFL && IGNORED.has(number));
  }

  setBlocked(low: number, high: number): void {
    this.blockedLow = low & ~UNBLOCKABLE;
    this.blockedHigh = high | 0;
  }

  /** Sets the mask for the time of one system call: behind it, or behind the handler that ends it, the old one is back. */
  replaceMask(low: number, high: number): void {
    this.savedLow = this.blockedLow;
    this.savedHigh = this.blockedHigh;
    this.maskSaved = true;
    this.setBlocked(low, high);
  }

  /** Whether this very signal was sent and not delivered. */
  isPending(info: SignalInfo): boolean {
    return this.#infos[info.number].includes(info);
  }

  /** Makes a signal pending, unless it is ignored or, below 32, pending already. */
  send(info: SignalInfo): void {
    const { number } = info;
    if (this.isIgnored(number) && !this.isBlocked(number)) return;
    const queue = this.#infos[number];
    if (queue.length >= (number < FIRST_QUEUED ? 1 : MAX_QUEUED)) return;
    queue.push(info);
    this.#mark(number, true);
  }

  /** Takes the pending signal to deliver next: faults first, then the lowest number. */
  take(): SignalInfo | undefined {
    const low = this.#pendingLow & ~this.blockedLow;
    const high = this.#pendingHigh & ~this.blockedHigh;
    if ((low | high) === 0) return undefined;
    const number = lowest(low & SYNCHRONOUS ? low & SYNCHRONOUS : low, high);
    const queue = this.#infos[number];
    const info = queue.shift();
    if (queue.length === 0) this.#mark(number, false);
    return info;
  }

  /** Installs an action. What is pending and now ignored is forgotten. */
  setAction(number: number, action: SignalAction): void {
    this.actions[number] = action;
    if (!this.isIgnored(number)) return;
    this.#infos[number].length = 0;
    this.#mark(number, false);
  }

  /** Back to what the process began with. */
  resetAction(number: number): void {
    this.actions[number] = DEFAULT_ACTION;
  }

  /** Whether a stack pointer is on the alternate stack. */
  onStack(sp: number): boolean {
    return sp > this.stackStart && sp - this.stackStart <= this.stackBytes;
  }

  /** `ss_flags` as the program sees them. */
  stackState(sp: number): number {
    if (this.stackBytes === 0) return SS.DISABLE;
    return this.onStack(sp) ? SS.ONSTACK : 0;
  }

  /** Masks what the action says for the time the handler runs. */
  enterHandler(number: number, action: SignalAction): void {
    let low = this.blockedLow | action.maskLow;
    let high = this.blockedHigh | action.maskHigh;
    if (!(action.flags & SA.NODEFER)) {
      if (number > 32) high |= 1 << ((number - 1) & 31);
      else low |= 1 << (number - 1);
    }
    this.setBlocked(low, high);
  }

  #mark(number: number, pending: boolean): void {
    const bit = 1 << ((number - 1) & 31);
    if (number > 32) this.#pendingHigh = pending ? this.#pendingHigh | bit : this.#pendingHigh & ~bit;
    else this.#pendingLow = pending ? this.#pendingLow | bit : this.#pendingLow & ~bit;
  }
}

const SYNCHRONOUS = [SIGNAL.SEGV, SIGNAL.BUS, SIGNAL.ILL, SIGNAL.TRAP, SIGNAL.FPE, SIGNAL.SYS].reduce<number>(
  (set, number) => set | (1 << (number - 1)),
  0,
);

function lowest(low: number, high: number): number {
  if (low !== 0) return 32 - Math.clz32(low & -low);
  return 64 - Math.clz32(high & -high);
}
