import type { EnvLayout } from '../abi.ts';
import type { FunctionKind } from '../ir/function.ts';
import type { MemoryOrder, SchemeName } from '../stack/scheme.ts';
import type { TargetName } from '../target.ts';
import type { Module } from '../wasm/module.ts';

/** A function's place in the image. */
export interface ImageFunction {
  /** Symbol id: the index in Image.functions. */
  readonly id: number;
  readonly name: string;
  readonly kind: FunctionKind;
  /** Index in the module's function space, or -1. */
  readonly wasmIndex: number;
  /** Byte range in Image.code. */
  readonly offset: number;
  readonly size: number;
  /** Bytes of stack frame in the body: stack pointer to the CFA. The return address is its topmost word. */
  readonly frameBytes: number;
  /** Byte offset of the publication record from the stack pointer in the body, or -1 (FrameLayout.recordOffset). */
  readonly recordOffset: number;
  /** Byte offset of the frame slots from the stack pointer in the body, where adapters keep theirs (FrameLayout.slotBase). */
  readonly slotBase: number;
}

/** An address that the loader must write, because it depends on where the code is loaded. */
export interface LoadRelocation {
  /** Byte offset in Image.code. */
  readonly offset: number;
  /** armv7: movw or movt of the absolute address of Image.code + addend. */
  readonly kind: 'arm-movw' | 'arm-movt';
  readonly addend: number;
}

/**
 * Calls with the callee's body in their place, by ascending `base`. Positions from a row's `base` on, up to the next row's, are
 * byte `bodyStart` of the module and those behind it. They begin beyond the module's last byte, and every row has its own.
 */
export interface InlinedCalls {
  readonly base: Int32Array;
  /** The callee: index in the module's function space. */
  readonly wasmIndex: Int32Array;
  readonly bodyStart: Int32Array;
  /** Position of the call, which may lie in the body of a row before. */
  readonly call: Int32Array;
}

/**
 * Sorted tables over code offsets, for readers: typed arrays, so that a signal handler can binary-search them.
 * All `...At` arrays ascend; an entry holds until the next one.
 */
export interface StackMap {
  /** Code offset -> wasm byte offset (-1: none), or a position in {@link inlined} code. */
  readonly positionAt: Uint32Array;
  readonly position: Int32Array;
  /** Code offset -> frame: cfa and returnAddress in bytes from the stack pointer (returnAddress -1: link register), published 0/1. */
  readonly frameAt: Uint32Array;
  readonly cfa: Int32Array;
  readonly returnAddress: Int32Array;
  readonly published: Uint8Array;
  /** Exact code offsets of instructions that may trap, and the TrapKind. */
  readonly trapAt: Uint32Array;
  readonly trap: Uint8Array;
  /** Exact code offsets of the instructions that store `top`. */
  readonly publicationAt: Uint32Array;
  readonly inlined: InlinedCalls;
}

/** A compiled module, independent of any instance: code, tables, and what a loader must know to instantiate it. */
export interface Image {
  readonly abiVersion: number;
  readonly layoutHash: number;
  readonly target: TargetName;
  readonly scheme: SchemeName;
  readonly order: MemoryOrder;
  /** Whether the records of all functions have `self`, not those of adapters alone. */
  readonly selfInRecords: boolean;
  /** Code, then (16-byte aligned) the constant pool from constantsOffset on. Mapped read + execute. */
  readonly code: Uint8Array;
  readonly constantsOffset: number;
  readonly functions: readonly ImageFunction[];
  readonly relocations: readonly LoadRelocation[];
  readonly map: StackMap;
  readonly env: EnvLayout;
  readonly module: Module;
  /** Symbol ids. `wasm[i]` for function i of the index space (-1 for imports). */
  readonly symbols: {
    readonly wasm: Int32Array;
    /** Runs global initialisers, segments and the start function of a freshly made instance: wasm convention, no arguments. */
    readonly init: number;
    /** Per type index of the module: adapters, or -1 where no function of that type needs one. */
    readonly entry: Int32Array;
    readonly cross: Int32Array;
    readonly host: Int32Array;
    /** Entry adapter for the init function's signature [] -> []. */
    readonly initEntry: number;
    /**
     * Service adapter: `hostCall` of exec envs whose `hostData` is this module's exec env (docs/executables.md). -1 where
     * intrinsics are off or nothing is exported as `service`.
     */
    readonly service: number;
  };
}
