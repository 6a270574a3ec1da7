import type { FunctionType, ValueType } from './module.ts';

/** Structural numbering of function types: one number for equal signatures, within one machine or executable. 0 is never given. */
export class FunctionTypes {
  private readonly ids = new Map<string, number>();

  /** The canonical id that descriptors and exec envs carry for `type`. */
  id(type: FunctionType): number {
    const key = signatureText(type);
    let id = this.ids.get(key);
    if (id === undefined) {
      id = this.ids.size + 1;
      this.ids.set(key, id);
    }
    return id;
  }
}

/** `(i32, f64) -> (i64)`: equal exactly for equal signatures. */
export function signatureText(type: FunctionType): string {
  return `(${type.params.join(', ')}) -> (${type.results.join(', ')})`;
}

/** Bytes that `types` take as argument or result slots: 8 each, 16 for v128. */
export function slotBytes(types: readonly ValueType[]): number {
  let bytes = 0;
  for (const type of types) bytes += type === 'v128' ? 16 : 8;
  return bytes;
}
