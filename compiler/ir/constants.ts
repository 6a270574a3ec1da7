import type { Inst } from './function.ts';
import { Op } from './ops.ts';
import { Type } from './types.ts';

const view = new DataView(new ArrayBuffer(8));

/** The f32 whose bits are `bits`. A NaN's payload does not survive; compare bits where that matters. */
export function f32FromBits(bits: number): number {
  view.setInt32(0, bits);
  return view.getFloat32(0);
}

/** The bits of `value` rounded to f32, signed 32 bits. */
export function f32Bits(value: number): number {
  view.setFloat32(0, value);
  return view.getInt32(0);
}

/** The f64 of two words. */
export function f64FromWords(low: number, high: number): number {
  view.setInt32(0, high);
  view.setInt32(4, low);
  return view.getFloat64(0);
}

/** Low word of the bits of `value`, signed. */
export function f64LowWord(value: number): number {
  view.setFloat64(0, value);
  return view.getInt32(4);
}

/** High word of the bits of `value`, signed. */
export function f64HighWord(value: number): number {
  view.setFloat64(0, value);
  return view.getInt32(0);
}

/** The signed 64-bit integer of two words. */
export function i64FromWords(low: number, high: number): bigint {
  return (BigInt(high | 0) << 32n) | BigInt(low >>> 0);
}

/** True for a `const`. */
export const isConst = (inst: Inst): boolean => inst.op === Op.const;

/** True for the i32 constant `value`, or the i64 constant that is `value` sign-extended. */
export function isInt(inst: Inst, value: number): boolean {
  return (
    inst.op === Op.const &&
    inst.imm === value &&
    (inst.type === Type.i32 || (inst.type === Type.i64 && inst.imm2 === value >> 31))
  );
}

/** The numeric value of an f32 or f64 constant. */
export function floatValue(inst: Inst): number {
  return inst.type === Type.f32 ? f32FromBits(inst.imm) : f64FromWords(inst.imm, inst.imm2);
}
