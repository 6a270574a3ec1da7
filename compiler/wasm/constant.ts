import { CompileError } from '../errors.ts';
import { ByteReader } from './bytes.ts';
import type { ConstExpr, Module, RefType, ValueType } from './module.ts';
import { operators } from './opcodes.ts';
import { unknownOperator } from './unsupported.ts';
import { readNullType } from './value-types.ts';

/** One operator of a constant expression. `low` is its immediate (for i64 and f64 the low word), `high` the high word. */
export interface ConstantOperator {
  readonly opcode: number;
  readonly low: number;
  readonly high: number;
  /** Byte offset in the module binary. */
  readonly offset: number;
}

const unary = (type: ValueType): readonly [number, ValueType] => [0, type];
const binary = (type: ValueType): readonly [number, ValueType] => [2, type];

/** Number and type of the inputs and type of the result of the operators that constant expressions allow (§3.3.13). */
const constantOperators = new Map<number, readonly [inputs: number, type: ValueType]>([
  [0x41, unary('i32')],
  [0x42, unary('i64')],
  [0x43, unary('f32')],
  [0x44, unary('f64')],
  [0xd2, unary('funcref')],
  [0x6a, binary('i32')],
  [0x6b, binary('i32')],
  [0x6c, binary('i32')],
  [0x7c, binary('i64')],
  [0x7d, binary('i64')],
  [0x7e, binary('i64')],
]);

const invalid = (message: string, offset: number): never => {
  throw new CompileError('invalid', message, offset);
};

/**
 * Decodes and validates a constant expression: its operators in order, the final `end` left out. `global.get` may name
 * immutable globals below `globals`.
 * @throws CompileError `invalid` or `malformed`, at the operator
 */
export function decodeConstant(
  module: Module,
  expr: ConstExpr,
  expected: ValueType,
  globals: number,
): ConstantOperator[] {
  const r = new ByteReader(module.bytes, expr.start, expr.end);
  const list: ConstantOperator[] = [];
  const stack: ValueType[] = [];
  for (;;) {
    const offset = r.pos;
    const opcode = r.u8();
    if (opcode === 0x0b) break;
    let low = 0;
    let high = 0;
    if (opcode === 0x23) {
      low = r.u32();
      const global = low < globals ? module.globals[low] : invalid(`unknown global ${low}`, offset);
      if (global.mutable) invalid('constant expression required: the global is mutable', offset);
      stack.push(global.type);
    } else if (opcode === 0xd0) {
      const type: RefType = readNullType(r);
      stack.push(type);
    } else {
      const rule = constantOperators.get(opcode);
      if (rule === undefined) return refuse(r, opcode, offset);
      switch (opcode) {
        case 0x41:
          low = r.s32();
          break;
        case 0x42:
          low = r.s64();
          high = r.high;
          break;
        case 0x43:
          low = r.word32();
          break;
        case 0x44:
          low = r.word64();
          high = r.high;
          break;
        case 0xd2:
          low = r.u32();
          if (low >= module.functions.length) invalid(`unknown function ${low}`, offset);
          break;
      }
      const [inputs, type] = rule;
      for (let k = 0; k < inputs; k++) if (stack.pop() !== type) invalid('type mismatch', offset);
      stack.push(type);
    }
    list.push({ opcode, low, high, offset });
  }
  if (stack.length !== 1 || stack[0] !== expected) {
    invalid(`type mismatch: constant expression must give one ${expected}`, expr.start);
  }
  return list;
}

/** An operator that may not stand in a constant expression. */
function refuse(r: ByteReader, opcode: number, offset: number): never {
  if (opcode !== 0xfc && operators[opcode] === undefined) unknownOperator(r, offset);
  return invalid('constant expression required', offset);
}
