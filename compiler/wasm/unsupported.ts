import { CompileError } from '../errors.ts';
import type { ByteReader } from './bytes.ts';

/** @throws CompileError always: `unsupported`, in the wording of docs/design.md */
export function unsupported(feature: string, offset: number): never {
  throw new CompileError('unsupported', `uses ${feature}, which Fathom does not compile yet`, offset);
}

/** The proposal that a type's byte belongs to when Fathom does not compile it, or undefined where it is no type at all. */
export function unsupportedType(byte: number): string | undefined {
  switch (byte) {
    case 0x7b: // v128
      return 'simd';
    case 0x63: // (ref null ht)
    case 0x64: // (ref ht)
      return 'typed function references';
    case 0x62: // exact
      return 'custom descriptors';
    case 0x65: // shared
      return 'threads';
    case 0x68: // cont
    case 0x75: // nocont
      return 'stack switching';
    case 0x69: // exn
    case 0x74: // noexn
      return 'exceptions';
    case 0x6a: // array
    case 0x6b: // struct
    case 0x6c: // i31
    case 0x6d: // eq
    case 0x6e: // any
    case 0x71: // none
    case 0x72: // noextern
    case 0x73: // nofunc
      return 'gc';
    default:
      return undefined;
  }
}

/**
 * The proposal that an operator byte belongs to when Fathom does not compile it, or undefined where the byte is no
 * operator at all.
 */
export function unsupportedFeature(byte: number): string | undefined {
  switch (byte) {
    case 0x06: // try
    case 0x07: // catch
    case 0x08: // throw
    case 0x09: // rethrow
    case 0x0a: // throw_ref
    case 0x18: // delegate
    case 0x19: // catch_all
    case 0x1f: // try_table
      return 'exceptions';
    case 0x12: // return_call
    case 0x13: // return_call_indirect
    case 0x15: // return_call_ref
      return 'tail calls';
    case 0x14: // call_ref
    case 0xd4: // ref.as_non_null
    case 0xd5: // br_on_null
    case 0xd6: // br_on_non_null
      return 'typed function references';
    case 0xd3: // ref.eq
    case 0xfb:
      return 'gc';
    case 0xfd:
      return 'simd';
    case 0xfe:
      return 'threads';
    default:
      return undefined;
  }
}

/** @throws CompileError always: `unsupported` where the bytes at `at` are a known proposal's, else `malformed` */
export function unknownOperator(r: ByteReader, at: number): never {
  const byte = r.bytes[at];
  const feature = unsupportedFeature(byte);
  if (feature !== undefined) unsupported(feature, at);
  if (byte !== 0xfc) return r.fail(`illegal opcode ${byte.toString(16).padStart(2, '0')}`, at);
  r.pos = at + 1;
  const sub = r.u32();
  // 0xfc 0x13..0x16 are wide arithmetic.
  if (sub >= 0x13 && sub <= 0x16) unsupported('wide arithmetic', at);
  return r.fail(`illegal opcode fc ${sub.toString(16).padStart(2, '0')}`, at);
}
