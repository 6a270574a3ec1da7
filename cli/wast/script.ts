/** The commands of a WebAssembly script (`.wast`), as the spec's interpreter defines them (its README, "Scripts"). */

/** Lane shapes of v128 constants. */
export const laneShapes = ['i8x16', 'i16x8', 'i32x4', 'i64x2', 'f32x4', 'f64x2'] as const;
export type LaneShape = (typeof laneShapes)[number];

/** Heap types of reference constants, as written (`func`, `extern`, `any`, `$t`...). */
export type HeapName = string;

/** An argument. Numbers are bit patterns; `v128` is sixteen bytes, little-endian. */
export type Argument =
  | { readonly kind: 'number'; readonly type: 'i32' | 'i64' | 'f32' | 'f64'; readonly bits: bigint }
  | { readonly kind: 'v128'; readonly bytes: Uint8Array }
  | { readonly kind: 'null'; readonly heap: HeapName | undefined }
  | { readonly kind: 'extern'; readonly value: number }
  /** A host reference (`ref.host n`), which only proposals beyond Fathom's use. */
  | { readonly kind: 'host'; readonly value: number };

/** Which NaNs a result may be: `canonical` has only the quiet bit set in its payload, `arithmetic` at least that. */
export type NanClass = 'canonical' | 'arithmetic';

/** A lane or number expected: its bits, or a class of NaN. */
export type ExpectedBits = bigint | NanClass;

export type Expected =
  | { readonly kind: 'number'; readonly type: 'i32' | 'i64' | 'f32' | 'f64'; readonly bits: ExpectedBits }
  | { readonly kind: 'v128'; readonly shape: LaneShape; readonly lanes: readonly ExpectedBits[] }
  | { readonly kind: 'null'; readonly heap: HeapName | undefined }
  /** A non-null reference of a kind; `value` where the script states which external one. */
  | { readonly kind: 'ref'; readonly heap: HeapName; readonly value: number | undefined }
  | { readonly kind: 'either'; readonly of: readonly Expected[] };

export interface Action {
  readonly kind: 'invoke' | 'get';
  /** Name of the instance (`$M`), or undefined for the latest. */
  readonly instance: string | undefined;
  readonly name: string;
  readonly args: readonly Argument[];
  readonly line: number;
}

/** A module as it stands in a script. */
export interface ModuleForm {
  readonly name: string | undefined;
  /** `text` is the whole `(module ...)` form, ready for an assembler, or what a `quote` form quotes, made one. */
  readonly source:
    | { readonly kind: 'text'; readonly text: string }
    | { readonly kind: 'quote'; readonly text: string }
    | { readonly kind: 'binary'; readonly bytes: Uint8Array };
  readonly line: number;
}

export type Command = { readonly line: number } & (
  | { readonly kind: 'module'; readonly module: ModuleForm }
  /** `(module definition ...)`: defines without instantiating. */
  | { readonly kind: 'definition'; readonly module: ModuleForm }
  /** `(module instance $I $M)`. */
  | { readonly kind: 'instance'; readonly name: string | undefined; readonly module: string | undefined }
  | { readonly kind: 'register'; readonly as: string; readonly instance: string | undefined }
  | { readonly kind: 'action'; readonly action: Action }
  | { readonly kind: 'assert_return'; readonly action: Action; readonly expected: readonly Expected[] }
  | {
      readonly kind: 'assert_trap' | 'assert_exhaustion';
      readonly of: Action | ModuleForm;
      readonly message: string;
    }
  | { readonly kind: 'assert_exception'; readonly action: Action }
  | {
      readonly kind: 'assert_invalid' | 'assert_malformed' | 'assert_unlinkable';
      readonly module: ModuleForm;
      readonly message: string;
    }
  /** A command of a later proposal (threads of control, custom-section assertions). */
  | { readonly kind: 'unknown'; readonly keyword: string }
);
