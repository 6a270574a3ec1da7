/**
 * The intrinsics: imports that Fathom compiles to instructions (compiler/frontend/intrinsics.ts, docs/executables.md).
 * Native addresses and words are `u64` on both targets; on ARMv7 their upper half is ignored, and 0 in results.
 */

/** Loads from, and stores to, native memory, at any alignment. */
export declare function load_u8(address: u64): u32;
export declare function load_u16(address: u64): u32;
export declare function load_u32(address: u64): u32;
export declare function load_u64(address: u64): u64;
export declare function store_u8(address: u64, value: u32): void;
export declare function store_u16(address: u64, value: u32): void;
export declare function store_u32(address: u64, value: u32): void;
export declare function store_u64(address: u64, value: u64): void;

/** A machine word: 8 or 4 bytes, zero-extended. */
export declare function load_word(address: u64): u64;
export declare function store_word(address: u64, value: u64): void;

/** Copies bytes in native memory, whatever the overlap; sets them. */
export declare function copy(target: u64, source: u64, bytes: u64): void;
export declare function fill(target: u64, value: u32, bytes: u64): void;

/** 8 on x86-64, 4 on ARMv7: a constant, which tells the targets apart. */
export declare function word_bytes(): u32;

/** Address of this instance's linear memory. */
export declare function memory_base(): u64;

/** Address of the program info: this exec env's `hostData`. */
export declare function program_info(): u64;

/** Address of this exec env. */
export declare function this_env(): u64;

/** Calls the function without parameters and results that a descriptor belongs to, of whatever instance. */
export declare function call(descriptor: u64): void;

/** Linux system call by the target's own number; the result sign-extended, -errno where it failed. */
export declare function syscall(number: u32, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64): i64;
