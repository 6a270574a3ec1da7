/**
 * Publication schemes (docs/abi.md): where a function that calls stores the address of its publication record, so
 * that a reader finds the wasm stack. Data; the targets' prologues and epilogues carry it out. Every scheme shares one
 * record (see abi.ts) and one order of events: the record is written whole, then `top` is stored by one aligned
 * word store; on exit `top` is restored by one store before the record's memory is given up.
 */
export interface PublicationScheme {
  readonly name: SchemeName;
  /** Where `top` lives; null: nothing is published. `offset` is the byte offset in the exec env. */
  readonly top: TopLocation | null;
}

/** Scheme names; `tail`, `field` and `unwind` take their places here beside these. */
export type SchemeName = 'none' | 'atomic';

export type TopLocation = { readonly kind: 'env'; readonly offset: number };

/**
 * Memory order of the store to `top`. relaxed: the compiler alone keeps the order (same-thread readers); release:
 * another core that sees the top sees the record (x86-64: free; ARMv7: `dmb ish` before the store); seq_cst: a full
 * fence after it as well.
 */
export type MemoryOrder = 'relaxed' | 'release' | 'seq_cst';

export interface Publication {
  readonly scheme: PublicationScheme;
  readonly order: MemoryOrder;
  /** Leaves publish too, for readers without the program counter. */
  readonly leaves: boolean;
}
