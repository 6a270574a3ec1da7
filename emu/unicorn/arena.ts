/**
 * Host memory that engines see at low "physical" addresses, in page-aligned pieces.
 *
 * Unicorn finds the translations of rewritten code by physical address, which it cuts to 32 bits for ARM; so
 * everything executable must come from one block of at most 4 GiB that is the first an engine maps. The block
 * is reserved once a process and never given back, so no view of it can ever reach unmapped memory.
 */
import { mapHostMemory, viewHostMemory } from './native.ts';

const ARENA_SIZE = 2 ** 32;
const PAGE = 4096;

interface Piece {
  readonly address: number;
  readonly size: number;
}

let base = 0;
/** First byte never handed out yet; from there on the arena is zero. */
let frontier = 0;
/** Pieces given back, by address, neighbours joined. */
const free: Piece[] = [];

/** Where the arena is; reserves it on first use. */
export function arena(): Piece {
  if (base === 0) {
    base = mapHostMemory(ARENA_SIZE);
    frontier = base;
  }
  return { address: base, size: ARENA_SIZE };
}

/**
 * Takes zeroed memory from the arena.
 *
 * @param size in bytes, a multiple of the page size
 * @throws {RangeError} when the arena is used up
 */
export function takeFromArena(size: number): { address: number; buffer: ArrayBuffer } {
  const { address: begin } = arena();
  const at = free.findIndex((piece) => piece.size >= size);
  let address: number;
  if (at >= 0) {
    const piece = free[at];
    address = piece.address;
    if (piece.size === size) free.splice(at, 1);
    else free[at] = { address: address + size, size: piece.size - size };
  } else {
    if (frontier + size > begin + ARENA_SIZE) throw new RangeError('the emulated cores use 4 GiB already');
    address = frontier;
    frontier += size;
  }
  // A view of no bytes would still need an address of its own.
  const buffer = size === 0 ? new ArrayBuffer(0) : viewHostMemory(address, size);
  if (at >= 0) new Uint8Array(buffer).fill(0);
  return { address, buffer };
}

/** Gives memory back for others to take. */
export function returnToArena(address: number, size: number): void {
  if (size === 0 || size % PAGE !== 0) return;
  let at = free.findIndex((piece) => piece.address > address);
  if (at < 0) at = free.length;
  const before = free[at - 1];
  const after = free[at];
  const joinsBefore = before !== undefined && before.address + before.size === address;
  const joinsAfter = after !== undefined && address + size === after.address;
  const begin = joinsBefore ? before.address : address;
  const end = joinsAfter ? after.address + after.size : address + size;
  const from = joinsBefore ? at - 1 : at;
  free.splice(from, (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0), { address: begin, size: end - begin });
}
