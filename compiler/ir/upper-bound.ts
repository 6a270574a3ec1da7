import type { Inst } from './function.ts';
import { Op } from './ops.ts';
import { Access, Type } from './types.ts';

/** The largest i32 as an unsigned number: the bound of a value of which nothing is known. */
export const noBound = 0xffff_ffff;

/** How many operations deep a bound is looked for: enough for an index into a table, and little for one of which nothing is known. */
const deepest = 5;

/** Bounds of loads narrower than their value, by how they extend it. */
const ofAccess = new Map<number, number>([
  [Access.u8, 0xff],
  [Access.u16, 0xffff],
]);

/** All bits up to the highest one of either: what `or` and `xor` cannot exceed. */
const allBits = (a: number, b: number): number => {
  const wider = Math.max(a, b);
  return wider === 0 ? 0 : 2 ** (32 - Math.clz32(wider)) - 1;
};

/**
 * An i32 value, as an unsigned number, is never greater than this: from the operations that make it, within one
 * execution. {@link noBound} where nothing is known.
 */
export function upperBound(value: Inst, depth = deepest): number {
  if (value.type !== Type.i32) return noBound;
  const { op, args } = value;
  if (op === Op.const) return value.imm >>> 0;
  if (op === Op.load || op === Op.load_indexed) return ofAccess.get(value.access) ?? noBound;
  if (op >= Op.eq && op <= Op.ge_u) return 1;
  if (depth === 0) return noBound;
  const bound = (input: number): number => upperBound(args[input], depth - 1);
  /** The second input, where it is constant; counts of shifts are taken modulo 32. */
  const constant = args.length > 1 && args[1].op === Op.const ? args[1].imm >>> 0 : -1;
  switch (op) {
    case Op.and:
      return Math.min(bound(0), bound(1));
    case Op.or:
    case Op.xor:
      return allBits(bound(0), bound(1));
    case Op.add:
      return Math.min(bound(0) + bound(1), noBound);
    case Op.mul:
      return constant < 0 ? noBound : Math.min(bound(0) * constant, noBound);
    case Op.shl:
      return constant < 0 ? noBound : Math.min(bound(0) * 2 ** (constant & 31), noBound);
    case Op.shr_u:
      return constant < 0 ? bound(0) : Math.floor(bound(0) / 2 ** (constant & 31));
    case Op.div_u:
      return constant <= 0 ? bound(0) : Math.floor(bound(0) / constant);
    case Op.rem_u:
      return constant <= 0 ? bound(0) : Math.min(bound(0), constant - 1);
    case Op.clz:
    case Op.ctz:
    case Op.popcnt:
      return 32;
    case Op.select:
      return Math.max(bound(1), bound(2));
    default:
      return noBound;
  }
}
