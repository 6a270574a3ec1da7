/**
 * The compiler refused its input: malformed, invalid, or a feature Fathom does not compile.
 * Carries the byte offset in the module, so that a message can name file and offset (docs/design.md).
 */
export class CompileError extends Error {
  override readonly name = 'CompileError';
  /** Byte offset in the module binary, or -1 where there is none. */
  readonly offset: number;
  /** `malformed`: not a module; `invalid`: fails validation; `unsupported`: fine, but not compiled; `limit`: too large. */
  readonly kind: CompileErrorKind;
  constructor(kind: CompileErrorKind, message: string, offset = -1) {
    super(offset >= 0 ? `${message} (at offset 0x${offset.toString(16)})` : message);
    this.kind = kind;
    this.offset = offset;
  }
}

export type CompileErrorKind = 'malformed' | 'invalid' | 'unsupported' | 'limit';

/** An image file is not one, was damaged, or is for another Fathom: the message names the difference. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
}

/** A broken invariant inside the compiler: never the user's fault, always a bug of ours. */
export class InternalError extends Error {
  override readonly name = 'InternalError';
}
