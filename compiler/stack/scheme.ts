import { type AbiVersion, envHeader } from '../abi.ts';
import type { MFunction } from '../backend/machine.ts';

/**
 * Publication schemes (docs/abi.md): which functions store the address of their publication record, and where, so that a
 * reader finds the wasm stack. Data; the targets' prologues and epilogues carry it out. All schemes share the
 * records (see abi.ts) and one order of events: the record is written whole, then `top` is stored by one aligned
 * word store; on exit `top` is restored by one store before the record's memory is given up.
 *
 * Cross and host adapters publish under every scheme, and entry and cross adapters link their activations: so a reader
 * finds, across the host, where compiled code was left, and a trap finds what it must restore.
 */
export interface PublicationScheme {
  readonly name: SchemeName;
  /** Version of the exec env that holds it. */
  readonly abi: AbiVersion;
  readonly top: TopLocation;
  /** True: every function that calls publishes; false: adapters alone. */
  readonly functions: boolean;
}

export const schemeNames = ['none', 'atomic', 'tail', 'field', 'unwind'] as const;
export type SchemeName = (typeof schemeNames)[number];

/**
 * Where `top` lives. `env`: at byte `offset` of the exec env. `tail`: `distance` bytes below the address that the exec env holds at
 * byte `limit`.
 */
export type TopLocation =
  | { readonly kind: 'env'; readonly offset: number }
  | { readonly kind: 'tail'; readonly limit: number; readonly distance: number };

/** The exec env of that version and its field for `top`. */
export const topInEnv = (word: 4 | 8, abi: AbiVersion): Pick<PublicationScheme, 'abi' | 'top'> => ({
  abi,
  top: { kind: 'env', offset: envHeader(word, abi).top },
});

/**
 * Memory order of the store to `top`. relaxed: the compiler alone keeps the order (same-thread readers); release:
 * another core that sees the top sees the record (x86-64: free; ARMv7: `dmb ish` before the store); seq_cst: a full
 * fence after it as well.
 */
export const memoryOrders = ['relaxed', 'release', 'seq_cst'] as const;
export type MemoryOrder = (typeof memoryOrders)[number];

export interface Publication {
  readonly scheme: PublicationScheme;
  readonly order: MemoryOrder;
  /** Leaves publish too, for readers without the program counter. */
  readonly leaves: boolean;
}

/** Words of a function's publication record: none, `prev` alone, or `prev` and `self`. */
export type RecordWords = 0 | 1 | 2;

/**
 * The record that a function keeps. Who reads in the interrupted thread knows its program counter, and from there on return
 * addresses name all functions: `prev` is enough. It is not for readers of another thread, which the order or the leaves are for.
 * They are not named by a return address, either, who host functions are called by: so adapters always say who they are. Entry adapters
 * have their activation record alone.
 */
export function recordWords(publication: Publication, func: MFunction): RecordWords {
  const { kind } = func.symbol;
  if (func.convention === 'entry') return 0;
  if (kind === 'cross-adapter' || kind === 'host-adapter') return 2;
  if (!publication.scheme.functions || !(func.hasCalls || publication.leaves)) return 0;
  return functionsSaySelf(publication) ? 2 : 1;
}

/** True if the records of all functions have `self`; otherwise those of adapters alone. */
export const functionsSaySelf = ({ order, leaves }: Publication): boolean => order !== 'relaxed' || leaves;
