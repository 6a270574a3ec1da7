import type { Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { TrapKind, Type } from '../ir/types.ts';
import { operatorCount, operators } from '../wasm/opcodes.ts';
import type { Builder } from './builder.ts';
import type { Emitter } from './emitter.ts';
import type { StackType } from './module-types.ts';

const Shape = { other: 0, unary: 1, binary: 2, eqz: 3, divide: 4 } as const;

/** Per operator number, for numeric operators: how many inputs, of which type, which result, which SSA operation. */
const shapeOf = new Uint8Array(operatorCount);
const inputOf: StackType[] = new Array<StackType>(operatorCount).fill(0);
const resultOf: StackType[] = new Array<StackType>(operatorCount).fill(0);
const opOf = new Uint8Array(operatorCount);

const letterTypes: Readonly<Record<string, StackType>> = {
  i: Type.i32,
  l: Type.i64,
  f: Type.f32,
  d: Type.f64,
};

/**
 * The SSA operation of a numeric operator: the name behind the dot without the types of a conversion (`trunc_sat_f32_s` is
 * trunc_sat_s); on floats, arithmetic and comparisons begin with f.
 */
function ssaName(name: string, signature: string): string {
  const plain = name.slice(name.indexOf('.') + 1).replace(/_[if](32|64)/, '');
  const conversion = /^(wrap|extend|trunc_|convert|demote|promote|reinterpret)/.test(plain);
  return !conversion && (signature[0] === 'f' || signature[0] === 'd') ? `f${plain}` : plain;
}

operators.forEach((operator, number) => {
  if (operator?.signature === undefined || operator.immediates !== '') return;
  const { name, signature } = operator;
  const [inputs, result] = signature.split('>');
  inputOf[number] = letterTypes[inputs[0]];
  resultOf[number] = letterTypes[result];
  const ssa = ssaName(name, signature);
  if (ssa === 'eqz') {
    shapeOf[number] = Shape.eqz;
    return;
  }
  opOf[number] = (Op as Readonly<Record<string, number>>)[ssa];
  shapeOf[number] = /^(div|rem)_/.test(ssa) ? Shape.divide : inputs.length === 2 ? Shape.binary : Shape.unary;
});

/** Numeric operators without immediates; false for any other operator number. */
export function numeric(b: Builder, number: number): boolean {
  const shape = shapeOf[number];
  if (shape === Shape.other) return false;
  const input = inputOf[number];
  const right = b.pop(input);
  const result = resultOf[number];
  if (shape === Shape.unary) {
    b.push(result, b.emit1(opOf[number], result as Type, right));
  } else if (shape === Shape.binary) {
    const left = b.pop(input);
    b.push(result, b.emit2(opOf[number], result as Type, left, right));
  } else if (shape === Shape.eqz) {
    b.push(result, b.emit2(Op.eq, Type.i32, right, b.constant(input as Type, 0, 0)));
  } else {
    const left = b.pop(input);
    b.push(result, divide(b, opOf[number], result as Type, left, right));
  }
  return true;
}

/** Division and remainder, behind the checks that a constant operand does not make superfluous. */
function divide(e: Emitter, op: number, type: Type, left: Inst, right: Inst): Inst {
  const known = right.op === Op.const;
  const isZero = right.imm === 0 && right.imm2 === 0;
  if (!known || isZero) {
    const kind = op === Op.rem_s || op === Op.rem_u ? TrapKind.remainderByZero : TrapKind.divideByZero;
    e.trapIf(e.emit2(Op.eq, Type.i32, right, e.constant(type, 0, 0)), kind);
  }
  if (
    op === Op.div_s &&
    mayBe(left, type, minimum(type)) &&
    mayBe(right, type, [-1, type === Type.i64 ? -1 : 0])
  ) {
    const isMinimum = e.emit2(Op.eq, Type.i32, left, e.constant(type, ...minimum(type)));
    const isMinusOne = e.emit2(Op.eq, Type.i32, right, e.constant(type, -1, type === Type.i64 ? -1 : 0));
    e.trapIf(e.emit2(Op.and, Type.i32, isMinimum, isMinusOne), TrapKind.integerOverflow);
  }
  return e.emit2(op, type, left, right);
}

const min32 = [-0x80000000, 0] as const;
const min64 = [0, -0x80000000] as const;
const minimum = (type: Type): readonly [low: number, high: number] => (type === Type.i64 ? min64 : min32);

/** False for a constant other than the one with these words. */
function mayBe(value: Inst, type: Type, words: readonly [low: number, high: number]): boolean {
  if (value.op !== Op.const) return true;
  return value.imm === words[0] && (type === Type.i32 || value.imm2 === words[1]);
}
