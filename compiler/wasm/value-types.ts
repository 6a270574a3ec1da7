import type { ByteReader } from './bytes.ts';
import type { RefType, ValueType } from './module.ts';
import { unsupported, unsupportedType } from './unsupported.ts';

function knownType(byte: number): ValueType | undefined {
  switch (byte) {
    case 0x7f:
      return 'i32';
    case 0x7e:
      return 'i64';
    case 0x7d:
      return 'f32';
    case 0x7c:
      return 'f64';
    case 0x70:
      return 'funcref';
    case 0x6f:
      return 'externref';
    default:
      return undefined;
  }
}

const nullableReference = 0x63;

/**
 * A value type (§5.3.3).
 * @throws CompileError `unsupported` for v128 and reference types beyond funcref and externref
 */
export function readValueType(r: ByteReader): ValueType {
  const at = r.pos;
  const byte = r.u8();
  const type = knownType(byte);
  if (type !== undefined) return type;
  if (byte === nullableReference) return readHeapType(r);
  const feature = unsupportedType(byte);
  return feature === undefined ? r.fail('malformed value type', at) : unsupported(feature, at);
}

/** A reference type: of a table, an element segment. `(ref null func)` is funcref, written at length. */
export function readRefType(r: ByteReader): RefType {
  const at = r.pos;
  const byte = r.u8();
  if (byte === 0x70) return 'funcref';
  if (byte === 0x6f) return 'externref';
  if (byte === nullableReference) return readHeapType(r);
  const feature = byte === 0x7b ? undefined : unsupportedType(byte);
  return feature === undefined ? r.fail('malformed reference type', at) : unsupported(feature, at);
}

/** A heap type, by the nullable reference type to it. Type indices and the heap types of gc are not compiled. */
export function readHeapType(r: ByteReader): RefType {
  const at = r.pos;
  const value = r.s33();
  if (value === -0x10) return 'funcref';
  if (value === -0x11) return 'externref';
  if (value >= 0) return unsupported('typed function references', at);
  const feature = unsupportedType(value & 0x7f);
  return feature === undefined ? r.fail('malformed heap type', at) : unsupported(feature, at);
}

/** The immediate of `ref.null`: as {@link readHeapType}, or the type of null alone, which belongs to every type above it. */
export function readNullType(r: ByteReader): RefType {
  const byte = r.bytes[r.pos];
  if (r.pos < r.end && (byte === 0x73 || byte === 0x72)) {
    r.pos++;
    return byte === 0x73 ? 'funcref' : 'externref';
  }
  return readHeapType(r);
}
