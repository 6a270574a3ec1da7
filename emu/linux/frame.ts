/**
 * Signal frames: what both targets share. A frame is written and read through one view of the region that holds it; nothing
 * is allocated for a signal.
 */
import type { Core } from '../core.ts';
import { LAYOUTS, type Layout } from './layouts.ts';
import type { Mappings } from './mappings.ts';
import type { SignalAction, SignalInfo, Signals } from './signals.ts';
import { SA, SS } from './signals.ts';

/** Bytes of siginfo_t, on every architecture. */
export const SIGINFO_SIZE = 128;

export abstract class SignalFrames {
  protected readonly core: Core;
  protected readonly signals: Signals;
  protected readonly layout: Layout;
  readonly #mappings: Mappings;
  #alternate = false;
  /** View of the region that the frame at hand lies in, and the region's address. */
  protected view: DataView = new DataView(new ArrayBuffer(0));
  protected bytes: Uint8Array = new Uint8Array(0);
  protected base = 0;

  constructor(core: Core, mappings: Mappings, signals: Signals) {
    this.core = core;
    this.signals = signals;
    this.layout = LAYOUTS[core.target];
    this.#mappings = mappings;
  }

  /**
   * Pushes the frame of a signal and makes the core continue at its handler.
   *
   * @returns false when the frame cannot be written: the kernel then forces a SIGSEGV
   */
  abstract enter(info: SignalInfo, action: SignalAction): boolean;

  /**
   * rt_sigreturn: takes registers, mask and alternate stack from the frame that the stack pointer is at.
   *
   * @returns false when there is no good frame there
   */
  abstract leave(): boolean;

  /** Makes `view` and `base` those of a range. False when not all of it has the access. */
  protected reach(address: number, size: number, access: 'r' | 'w'): boolean {
    const mapping = this.#mappings.find(address);
    if (!mapping?.region || !mapping.access.includes(access) || address + size > mapping.end) return false;
    this.view = mapping.region.view;
    this.bytes = mapping.region.bytes;
    this.base = mapping.begin;
    return true;
  }

  protected put(address: number, value: number): void {
    this.view.setUint32(address - this.base, value, true);
  }

  protected putWord(address: number, value: number): void {
    this.view.setUint32(address - this.base, value, true);
    if (this.layout.word === 8)
      this.view.setUint32(address - this.base + 4, Math.floor(value / 2 ** 32), true);
  }

  protected get(address: number): number {
    return this.view.getUint32(address - this.base, true);
  }

  protected getWord(address: number): number {
    const low = this.get(address);
    return this.layout.word === 8 ? low + this.get(address + 4) * 2 ** 32 : low;
  }

  /** Where the frame goes: below the stack pointer, or on the alternate stack. */
  protected stackFor(action: SignalAction, redZone: number): number {
    const { core, signals } = this;
    const sp = core.sp - redZone;
    const { stackStart, stackBytes } = signals;
    if ((action.flags & SA.ONSTACK) === 0 || stackBytes === 0 || signals.onStack(sp)) {
      this.#alternate = stackBytes > 0 && signals.onStack(core.sp);
      return sp;
    }
    this.#alternate = true;
    return stackStart + stackBytes;
  }

  /** Whether a frame for the alternate stack would reach below it. */
  protected overflows(frame: number): boolean {
    return this.#alternate && frame <= this.signals.stackStart;
  }

  protected putInfo(at: number, info: SignalInfo): void {
    const { fields, value } = this.layout.siginfo;
    this.bytes.fill(0, at - this.base, at - this.base + SIGINFO_SIZE);
    this.put(at, info.number);
    this.put(at + 8, info.code);
    if (info.sender) {
      this.put(at + fields, info.sender[0]);
      this.put(at + fields + 4, info.sender[1]);
    }
    if (info.value) {
      this.put(at + value, info.value[0]);
      if (this.layout.word === 8) this.put(at + value + 4, info.value[1]);
    }
    if (info.address !== undefined) this.putWord(at + fields, info.address);
  }

  protected putStack(at: number): void {
    const { signals, layout } = this;
    this.putWord(at + layout.stack.sp, signals.stackStart);
    this.put(at + layout.stack.flags, signals.stackState(this.core.sp));
    this.putWord(at + layout.stack.bytes, signals.stackBytes);
  }

  protected getStack(at: number): void {
    const { signals, layout } = this;
    if (this.get(at + layout.stack.flags) & SS.DISABLE) {
      signals.stackStart = 0;
      signals.stackBytes = 0;
    } else {
      signals.stackStart = this.getWord(at + layout.stack.sp);
      signals.stackBytes = this.getWord(at + layout.stack.bytes);
    }
  }

  /** The mask that returning from the handler restores. */
  protected putMask(at: number): void {
    const { signals } = this;
    this.put(at, signals.maskSaved ? signals.savedLow : signals.blockedLow);
    this.put(at + 4, signals.maskSaved ? signals.savedHigh : signals.blockedHigh);
    signals.maskSaved = false;
  }

  protected getMask(at: number): void {
    this.signals.setBlocked(this.get(at), this.get(at + 4));
  }
}
