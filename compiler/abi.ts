import type { Module } from './wasm/module.ts';

/**
 * The exec env and the records that generated code and its readers agree on (docs/abi.md). One exec env per thread and
 * instance, addressed by the pinned register. All offsets in bytes; `w` is the target's word, 4 or 8 bytes.
 *
 * | offset | field      | meaning                                                                        |
 * |--------|------------|--------------------------------------------------------------------------------|
 * | 0      | abiVersion | u32                                                                            |
 * | 4      | layoutHash | u32 of this table and the variable part's rules                                |
 * | 8      | top        | w, address of the innermost publication record, 0 for none                     |
 * | 8+w    | thread     | w, address of the thread's block; its first word is the innermost exec env     |
 * | 8+2w   | stackLimit | w, lowest usable address of the native stack                                   |
 * | 8+3w   | hostCall   | w, C function (env, selector, a, b) -> word                                    |
 * | 8+4w   | hostData   | w, for the host                                                                |
 *
 * The variable part follows, aligned to 16: see {@link EnvLayout}. Version 2, which scheme `field` needs, has `top` in a word of
 * its own behind `hostData`, at 8+5w; the word at 8 stays 0. Code and readers of different versions do not go together.
 */
export type AbiVersion = 1 | 2;

export interface EnvHeader {
  readonly abiVersion: number;
  readonly layoutHash: number;
  readonly top: number;
  readonly thread: number;
  readonly stackLimit: number;
  readonly hostCall: number;
  readonly hostData: number;
  readonly size: number;
}

export function envHeader(word: 4 | 8, version: AbiVersion): EnvHeader {
  const at = (k: number) => 8 + k * word;
  return {
    abiVersion: 0,
    layoutHash: 4,
    top: at(version === 2 ? 5 : 0),
    thread: at(1),
    stackLimit: at(2),
    hostCall: at(3),
    hostData: at(4),
    size: (at(version === 2 ? 6 : 5) + 15) & ~15,
  };
}

/**
 * FNV-1a over where everything of the exec env's header and of the records lies: equal exactly for code that can share a host's and a
 * reader's view of them.
 */
export function layoutHash(word: 4 | 8, version: AbiVersion): number {
  let hash = 0x811c9dc5;
  const text = `${word}:${JSON.stringify([envHeader(word, version), recordLayout, activationWords])}`;
  for (let k = 0; k < text.length; k++) hash = Math.imul(hash ^ text.charCodeAt(k), 0x01000193);
  return hash >>> 0;
}

/** Bytes without access below the native stack, more than any frame skips, that all stacks have. */
export const stackGuardBytes = 65536;

/**
 * Scheme `tail`: bytes from `stackLimit` down to the word that holds `top`, the highest one below the guard. Who makes exec envs
 * for such code provides it: zero at first, and nobody else's.
 */
export const tailDistance = (word: 4 | 8): number => stackGuardBytes + word;

/**
 * Selectors of `env.hostCall(env, selector, a, b)`; index in the upper bits: selector = service | index << 8.
 * `call`: a = address of the callee descriptor, b = address of 8-byte argument slots, replaced by the results.
 * `memoryGrow`: index = memory, a = pages to add; returns the old size in pages or -1 (as i32).
 * `tableGrow`: index = table, a = elements to add, b = initial reference; returns the old size or -1 (as i32).
 */
export const HostService = { call: 0, memoryGrow: 1, tableGrow: 2 } as const;

/** A function reference is the address of such a descriptor; null is 0. Offsets in bytes. */
export interface DescriptorLayout {
  /** u32: canonical type id, equal exactly for equal signatures within one machine. */
  readonly typeId: number;
  /** u32: index in the owner's function space, or the host's number of the function. */
  readonly index: number;
  /** w: entry for callers with the same exec env. */
  readonly code: number;
  /** w: entry for callers with another exec env: a cross adapter, or for host functions the host adapter. */
  readonly cross: number;
  /** w: the owner's exec env; 0 for host functions. */
  readonly env: number;
  readonly size: number;
}

export function descriptorLayout(word: 4 | 8): DescriptorLayout {
  return { typeId: 0, index: 4, code: 8, cross: 8 + word, env: 8 + 2 * word, size: word === 8 ? 32 : 24 };
}

/**
 * A publication record, in the frame of a function that publishes: in words, what it always has and what some have (docs/abi.md).
 * prev: the `top` before (0 ends the chain). self: who publishes: on x86-64 the function's symbol id, on ARMv7 a code
 * address in its prologue (what `push {pc}` stores). {@link activationMark} in `self` makes it an activation record; so where
 * `self` would be, a record without it has a word that is never the mark: on x86-64 the frame's return address, on ARMv7 that, or
 * the base of where scheme `tail` has `top`.
 */
export const recordLayout = { always: { prev: 0 }, some: { self: 1 } } as const;

/**
 * `self` of an activation record: the border of a chain of frames of one exec env, kept in an adapter's frame slots.
 * Words: prev = top of the calling exec env (continue there), self = activationMark, savedTop = this exec env's
 * `top` before the activation (restored when it is left, however), env = this exec env, callerEnv = the exec env that
 * was the thread's innermost before, 0 at the outermost entry.
 */
export const activationMark = -1;
export const activationWords = { prev: 0, self: 1, savedTop: 2, env: 3, callerEnv: 4, count: 5 } as const;

/** Where everything of an instance lies in its exec env. Offsets in bytes from its start. */
export interface EnvLayout {
  readonly word: 4 | 8;
  readonly header: EnvHeader;
  /** Per memory: base (w), then size in bytes (w). */
  readonly memories: readonly number[];
  /** Per table: base (w), then number of elements (w). Elements are words. */
  readonly tables: readonly number[];
  /** Per imported function: w, address of its descriptor. */
  readonly functionImports: readonly number[];
  /** u32 per type of the module: canonical type id. */
  readonly typeIds: readonly number[];
  /** Per data segment: address (w), then length (w), 0 once dropped. */
  readonly dataSegments: readonly number[];
  /** Per element segment: address of its references (w), then count (w), 0 once dropped. */
  readonly elementSegments: readonly number[];
  /** Per global: its cell (8 bytes, 16 for v128), or, for imported mutable ones, w: the address of the cell. */
  readonly globals: readonly number[];
  /** Per function of the index space: its descriptor, or -1 where nothing can refer to it (and for imports). */
  readonly descriptors: readonly number[];
  readonly size: number;
}

/** Lays out the exec env of a module's instances. Deterministic in the module and the ABI alone. */
export function layoutEnv(module: Module, word: 4 | 8, version: AbiVersion): EnvLayout {
  const header = envHeader(word, version);
  let at = header.size;
  const take = (bytes: number): number => {
    at = (at + Math.min(bytes, 16) - 1) & -Math.min(bytes, 16);
    const offset = at;
    at += bytes;
    return offset;
  };
  const memories = module.memories.map(() => take(2 * word));
  const tables = module.tables.map(() => take(2 * word));
  const globals = module.globals.map((g, i) =>
    i < module.importedGlobals && g.mutable ? take(word) : take(g.type === 'v128' ? 16 : 8),
  );
  const functionImports = Array.from({ length: module.importedFunctions }, () => take(word));
  const dataSegments = module.data.map(() => take(2 * word));
  const elementSegments = module.elements.map(() => take(2 * word));
  const typeIds = module.types.map(() => take(4));
  at = (at + 15) & ~15;
  const descriptorSize = descriptorLayout(word).size;
  const descriptors = module.functions.map((_, i) => {
    if (i < module.importedFunctions || !module.escaping.has(i)) return -1;
    const offset = at;
    at += descriptorSize;
    return offset;
  });
  return {
    word,
    header,
    memories,
    tables,
    functionImports,
    typeIds,
    dataSegments,
    elementSegments,
    globals,
    descriptors,
    size: (at + 15) & ~15,
  };
}
