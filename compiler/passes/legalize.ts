import type { CompileContext } from '../context.ts';
import { f32Bits, f64HighWord, f64LowWord } from '../ir/constants.ts';
import type { Func, Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { TrapKind, Type } from '../ir/types.ts';

/**
 * Mandatory lowering: operations that the target has no instructions for become calls of helper functions
 * (compiler/helpers). A truncation that traps becomes a check of its range and a call of the saturating helper, so that
 * the trap happens here, at the operator, and not in the helper. Division of i32 needs no call.
 *
 * Needs: `target.lowering.helper`. Leaves: only operations that the target selects, except for i64 ones where words
 * are split afterwards; splitting can make new ones, so that it runs again after that.
 */
export function legalize(func: Func, ctx: CompileContext): void {
  const { lowering } = ctx.target;
  for (const block of func.blocks) {
    const { insts } = block;
    let out: Inst[] | null = null;
    for (let k = 0; k < insts.length; k++) {
      const inst = insts[k];
      const name = lowering.helper(inst);
      if (name !== null) {
        out ??= insts.slice(0, k);
        lower(func, inst, name, ctx, out);
      }
      out?.push(inst);
    }
    if (out !== null) block.insts = out;
  }
}

function lower(func: Func, inst: Inst, name: string, ctx: CompileContext, out: Inst[]): void {
  if (inst.type === Type.i32 && division.has(inst.op)) {
    divideInFloat(func, inst, out);
    return;
  }
  let helper = name;
  if (inst.op === Op.trunc_s || inst.op === Op.trunc_u) {
    checkRange(func, inst, out);
    helper = name.replace(/_trunc_(?!sat_)/, '_trunc_sat_');
  }
  inst.op = Op.call;
  inst.callee = ctx.helper(helper);
}

const division: ReadonlySet<number> = new Set([Op.div_s, Op.div_u, Op.rem_s, Op.rem_u]);

/**
 * i32 division by the floating-point divider, in place: f64 holds both sides exactly, and a quotient that is no integer is
 * at least 2^-32 of itself away from one, more than the division's error. Equal divisions and remainders of the same
 * values share it.
 */
function divideInFloat(func: Func, inst: Inst, out: Inst[]): void {
  const [a, b] = inst.args;
  const signed = inst.op === Op.div_s || inst.op === Op.rem_s;
  const make = (op: number, type: Type, args: Inst[]) => {
    const made = func.newInst(op, type, args, inst.block, inst.origin);
    out.push(made);
    return made;
  };
  const convert = signed ? Op.convert_s : Op.convert_u;
  const quotient = make(Op.fdiv, Type.f64, [make(convert, Type.f64, [a]), make(convert, Type.f64, [b])]);
  const truncate = signed ? Op.trunc_sat_s : Op.trunc_sat_u;
  if (inst.op === Op.div_s || inst.op === Op.div_u) {
    inst.op = truncate;
    inst.args = [quotient];
    return;
  }
  const product = make(Op.mul, Type.i32, [make(truncate, Type.i32, [quotient]), b]);
  if (inst.op === Op.rem_u || (b.op === Op.const && b.imm !== -1)) {
    inst.op = Op.sub;
    inst.args = [a, product];
    return;
  }
  // MIN / -1 saturates instead of wrapping, and nothing remains of a division by -1.
  const rest = make(Op.sub, Type.i32, [a, product]);
  const minusOne = make(Op.const, Type.i32, []);
  minusOne.imm = -1;
  inst.op = Op.select;
  inst.args = [make(Op.eq, Type.i32, [b, minusOne]), make(Op.const, Type.i32, []), rest];
}

/** Traps unless the float input, truncated, is in the integer result's range. Comparisons with NaN are false. */
function checkRange(func: Func, inst: Inst, out: Inst[]): void {
  const value = inst.args[0];
  const double = value.type === Type.f64;
  const bits = inst.type === Type.i64 ? 64 : 32;
  const signed = inst.op === Op.trunc_s;
  const { block, origin } = inst;
  const make = (op: number, type: Type, args: Inst[]) => {
    const made = func.newInst(op, type, args, block, origin);
    out.push(made);
    return made;
  };
  const bound = (limit: number) => {
    const made = make(Op.const, value.type, []);
    made.imm = double ? f64LowWord(limit) : f32Bits(limit);
    made.imm2 = double ? f64HighWord(limit) : 0;
    return made;
  };
  const least = signed ? -(2 ** (bits - 1)) : 0;
  // Where the source type has a number between least - 1 and least, everything above least - 1 truncates into range.
  const open = !signed || (double && bits === 32);
  const low = make(open ? Op.fgt : Op.fge, Type.i32, [value, bound(open ? least - 1 : least)]);
  const high = make(Op.flt, Type.i32, [value, bound(2 ** (signed ? bits - 1 : bits))]);
  const zero = make(Op.const, Type.i32, []);
  const valid = make(Op.and, Type.i32, [low, high]);
  const invalid = make(Op.eq, Type.i32, [valid, zero]);
  make(Op.trap_if, Type.none, [invalid]).imm = TrapKind.invalidConversion;
}
