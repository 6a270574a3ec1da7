import { InternalError } from '../../compiler/errors.ts';
import type { Callee, Inst } from '../../compiler/ir/function.ts';
import { Op } from '../../compiler/ir/ops.ts';
import { Type, typeNames } from '../../compiler/ir/types.ts';
import type { Location, Lowering, NativeConvention, SignatureLocations } from '../../compiler/target.ts';
import { Reg } from './registers.ts';

/** Registers of arguments and of results: r0..r3 for words, d0..d7 for floats (an f32 in s(2n) of its d(n)). */
const argumentWords = 4;
const argumentFloats = 8;

function place(types: readonly Type[], stack: number): { at: Location[]; stack: number } {
  let words = 0;
  let floats = 0;
  let end = stack;
  const at = types.map((type): Location => {
    if (type === Type.i32 && words < argumentWords) return Reg.r0 + words++;
    if ((type === Type.f32 || type === Type.f64) && floats < argumentFloats) return Reg.d0 + floats++;
    if (type !== Type.i32 && type !== Type.f32 && type !== Type.f64) {
      throw new InternalError(`${typeNames[type]} in an ARMv7 signature`);
    }
    const slot = end;
    end += 8;
    return ~slot;
  });
  return { at, stack: end };
}

/** The wasm convention: registers first, then slots of 8 bytes, those of the results behind those of the arguments. */
export function locations(signature: Callee): SignatureLocations {
  const params = place(signature.params, 0);
  const results = place(signature.results, params.stack);
  return { params: params.at, results: results.at, stackBytes: results.stack };
}

/** AAPCS for word arguments (IHI 0042, 5.5). */
export const native: NativeConvention = { params: [Reg.r0, 1, 2, 3], result: Reg.r0 };

const rounding = new Map<number, string>([
  [Op.fceil, 'ceil'],
  [Op.ffloor, 'floor'],
  [Op.ftrunc, 'trunc'],
  [Op.fnearest, 'nearest'],
]);
const division = new Map<number, string>([
  [Op.div_s, 'div_s'],
  [Op.div_u, 'div_u'],
  [Op.rem_s, 'rem_s'],
  [Op.rem_u, 'rem_u'],
]);
const toWord64 = new Map<number, string>([
  [Op.trunc_s, 'trunc_sat_#_s'],
  [Op.trunc_u, 'trunc_sat_#_u'],
  [Op.trunc_sat_s, 'trunc_sat_#_s'],
  [Op.trunc_sat_u, 'trunc_sat_#_u'],
]);
const fromWord64 = new Map<number, string>([
  [Op.convert_s, 'convert_i64_s'],
  [Op.convert_u, 'convert_i64_u'],
]);

/**
 * The Cortex-A9 has no integer division and no rounding of floats to integral floats (Cortex-A9 TRM 1.3, 2.2); conversions
 * between 64-bit integers and floats are no ARM instruction either.
 */
export const lowering: Lowering = {
  splitWords: true,
  helper(inst: Inst): string | null {
    const name = rounding.get(inst.op) ?? division.get(inst.op);
    if (name !== undefined) return `${typeNames[inst.type]}_${name}`;
    const [value] = inst.args;
    if (inst.type === Type.i64) {
      const to = toWord64.get(inst.op);
      return to === undefined ? null : `i64_${to.replace('#', typeNames[value.type])}`;
    }
    const from = value?.type === Type.i64 ? fromWord64.get(inst.op) : undefined;
    return from === undefined ? null : `${typeNames[inst.type]}_${from}`;
  },
};
