import type { Assembler } from '../backend/assembler.ts';
import { Type, typeBytes } from '../ir/types.ts';

/**
 * What an object file needs of a target: code between C's calling convention and the 8-byte slots of entry and host
 * adapters (docs/abi.md). One for each target, `targets/<isa>/c-abi.ts`.
 */
export interface CInterface {
  /** Where C passes arguments of these types. */
  classify(types: readonly Type[]): CLayout;
  /**
   * A C function (instance, [results,] arguments...) that calls an export: stores its arguments to slots in its frame and calls
   * the entry adapter, then loads the result, or copies several to `*results`. The instance's address is its exec env's. Of
   * the assembler's relocations, all of them to functions of the image, the entry adapter is the one.
   */
  emitExport(asm: Assembler, code: ExportCode): void;
  /**
   * A C function (user, slots) that calls an import, the C function (user, [results,] arguments...), with arguments from the
   * slots, and leaves the results there. Its one relocation is the call.
   */
  emitImport(asm: Assembler, code: ImportCode): void;
}

/** Types of a function that C sees; references are words. */
export interface CSignature {
  readonly params: readonly Type[];
  readonly results: readonly Type[];
}

export interface ExportCode extends CSignature {
  /** Symbol id of the entry adapter. */
  readonly entry: number;
  /** Byte offset in the exec env of the function's descriptor, or, of an imported function, of its address. */
  readonly descriptor: number;
  readonly imported: boolean;
}

export type ImportCode = CSignature;

/** A word or less of an argument, and where it travels. */
export interface CPiece {
  readonly type: Type;
  /** Number of the argument, and the byte in its slot. */
  readonly argument: number;
  readonly part: number;
  /** The hardware's number within the type's register file (ARM's f32: of the single register); -1: on the stack. */
  readonly register: number;
  /** Byte offset from the stack pointer at the call. */
  readonly stack: number;
}

export interface CLayout {
  readonly pieces: readonly CPiece[];
  /** Bytes of stack arguments, kept to the alignment of the stack. */
  readonly stackBytes: number;
}

/** Bytes of an argument or result in the slots of adapters. */
export const slotBytes = 8;

/** Offsets in bytes of the members of a C struct, all of them aligned to their size (both conventions agree); room for it, in bytes. */
export function structLayout(types: readonly Type[]): { offsets: readonly number[]; size: number } {
  let end = 0;
  const offsets = types.map((type) => {
    const bytes = typeBytes[type];
    const offset = Math.ceil(end / bytes) * bytes;
    end = offset + bytes;
    return offset;
  });
  return { offsets, size: Math.ceil(end / 8) * 8 };
}

/** True where results go to a struct that the caller names. */
export const hasResultStruct = ({ results }: CSignature): boolean => results.length > 1;

/** Types of a C function's arguments with those that come first: a pointer, and one to the results where there are several. */
export function cParameters(signature: CSignature, word: Type): readonly Type[] {
  return [word, ...(hasResultStruct(signature) ? [word] : []), ...signature.params];
}

/** The pieces of a signature's own arguments, with the byte offset of their slots. */
export function slotPieces(signature: CSignature, layout: CLayout): readonly (CPiece & { slot: number })[] {
  const first = hasResultStruct(signature) ? 2 : 1;
  return layout.pieces
    .filter(({ argument }) => argument >= first)
    .map((piece) => ({ ...piece, slot: (piece.argument - first) * slotBytes + piece.part }));
}

/** Words of 4 bytes or less that a result is copied in: pairs of offset in the struct and offset in the slots. */
export function resultWords(results: readonly Type[]): readonly { struct: number; slot: number }[] {
  const { offsets } = structLayout(results);
  return results.flatMap((type, k) =>
    type === Type.i64 || type === Type.f64
      ? [0, 4].map((part) => ({ struct: offsets[k] + part, slot: k * slotBytes + part }))
      : [{ struct: offsets[k], slot: k * slotBytes }],
  );
}

/** Bytes of slots that a call of this signature needs: results replace arguments. */
export const slotsBytes = ({ params, results }: CSignature): number =>
  slotBytes * Math.max(params.length, results.length);
