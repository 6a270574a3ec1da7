import { load_u32, store_u32 } from './fathom';

/**
 * The samples: made in `profile.ts` on the signal stack, read in `profile-report.ts` at exit. Native memory that begins as zeros, in u32 words:
 * a header, a hash table of offsets in bytes (0: free), then an entry for each stack that was seen, in the order
 * in which they were first seen. Equal stacks share one, so that it is the number of different ones that the ring limits.
 */
export enum Header {
  /** Offset behind the last entry; 0 before the first sample. */
  end = 0,
  /** Samples that found no room. */
  lost = 4,
  /** Slots of the hash table (a power of two), and those in use. */
  slots = 8,
  used = 12,
  /** Samples that the timer could not ask for. */
  missed = 16,
}
/** Offset of the hash table. */
export const tableOffset: u32 = 32;

/** An entry: samples, {@link Entry.shape}, then for each frame its image and function (`placeFrame` of code-point.ts), the innermost first. */
export enum Entry {
  samples = 0,
  shape = 4,
  frames = 8,
}

/** Of `shape`: frames in bits 0 to 15, Failure in bits 16 to 23, bit 24 set if frames were left out at the outer end. */
export const shapeFrames: u32 = 0xffff;
export const shapeFailure: u32 = 16;
export const shapeCut: u32 = 1 << 24;

/** Makes `bytes` of zeros at `ring` an empty ring; a slot for each 32 bytes, of which half stay free. */
export function openRing(ring: u64, bytes: u32): void {
  let slots: u32 = 64;
  while (slots <= bytes >>> 6) slots <<= 1;
  store_u32(ring + Header.slots, slots);
  store_u32(ring + Header.end, tableOffset + slots * 4);
}

/** Offset of the first entry. */
export function firstEntry(ring: u64): u32 {
  return tableOffset + load_u32(ring + Header.slots) * 4;
}

/** Bytes of an entry of so many frames: an odd number of them is followed by a 0, so that they can be taken in pairs. */
export function entryBytes(frames: u32): u32 {
  return Entry.frames + ((frames + 1) & ~1) * 4;
}
