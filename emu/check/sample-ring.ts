import { ImageError } from '../../compiler/errors.ts';
import type { LinuxProcess } from '../linux/index.ts';

/**
 * A ring that an executable's profile is sampled into (runtime/assembly/profile-ring.ts), of our own and so small that clearing it before each
 * sample costs nothing: a sample is always the first entry. Indices in u32 words.
 */
export class SampleRing {
  private readonly words: Uint32Array;
  private readonly state: DataView;
  private readonly exiting: number;

  /**
   * Gives a program that has started a ring, as if it had been asked for a profile.
   * @param thread address of the program's thread block
   * @throws ImageError when the program has no such block
   */
  constructor({ mappings, space }: LinuxProcess, thread: number) {
    const ring = mappings.findRoom(ringBytes);
    mappings.add('samples', ring, ring + ringBytes, 'rw');
    const region = space.find(ring);
    const block = space.find(thread);
    if (region === undefined || block === undefined) throw new ImageError('the program has no thread block');
    const { buffer, byteOffset } = region.bytes;
    this.words = new Uint32Array(buffer, byteOffset + ring - region.address, ringBytes / 4);
    this.state = block.view;
    const field = (index: number): number => thread - block.address + stateOffset + 8 * index;
    this.state.setBigUint64(field(profileRing), BigInt(ring), true);
    this.state.setBigUint64(field(profileRingBytes), BigInt(ringBytes), true);
    this.exiting = field(exiting);
  }

  /** Whether the program takes no more samples: it has ended, and reads them. */
  get isClosed(): boolean {
    return this.state.getUint32(this.exiting, true) !== 0;
  }

  /** As if no sample had been taken. */
  clear(): void {
    this.words.fill(0, 0, this.first);
  }

  /** Whether exactly one sample was taken since `clear`. */
  get holdsOne(): boolean {
    const { words, first, count } = this;
    // Frames come in pairs.
    return (
      words[header.used] === 1 &&
      words[header.lost] === 0 &&
      words[first] === 1 &&
      words[header.end] === 4 * (first + entryWords + count + (count & 1))
    );
  }

  get count(): number {
    return this.shape & 0xffff;
  }

  get failure(): number {
    return (this.shape >>> 16) & 0xff;
  }

  get isCut(): boolean {
    return (this.shape & (1 << 24)) !== 0;
  }

  /** A frame, innermost first: `image << 28 | function`. */
  frame(index: number): number {
    return this.words[this.first + entryWords + index];
  }

  frames(): number[] {
    return Array.from({ length: Math.min(this.count, ringBytes / 4) }, (_, i) => this.frame(i));
  }

  private get shape(): number {
    return this.words[this.first + 1];
  }

  /** Of the first entry: behind the header and the hash table. */
  private get first(): number {
    return header.words + this.words[header.slots];
  }
}

/** Fields behind the thread block's start (runtime/assembly/state.ts). */
const stateOffset = 64;
const profileRing = 1;
const profileRingBytes = 2;
const exiting = 4;

/** Of the header, which ends where its table begins, and of an entry before its frames (runtime/assembly/profile-ring.ts). */
const header = { end: 0, lost: 1, slots: 2, used: 3, words: 8 } as const;
const entryWords = 2;

/** Room for the frames that a sample keeps, the header and a table. */
const ringBytes = 4096;
