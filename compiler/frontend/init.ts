import type { CompileContext } from '../context.ts';
import { Func, type FunctionSymbol, type Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Region, Type } from '../ir/types.ts';
import { decodeConstant } from '../wasm/constant.ts';
import type { ConstExpr, ElementSegment, ValueType } from '../wasm/module.ts';
import { Budget } from './budget.ts';
import { callFunction } from './call.ts';
import { Emitter } from './emitter.ts';
import { dropData, initMemory } from './memory.ts';
import { dropElements, fillTable, initTable } from './table.ts';
import { loadGlobal, storeGlobal } from './variables.ts';

/**
 * Builds the function that a fresh instance runs first (§4.7.2, instantiation): initialises the globals in order,
 * then tables that state what with, evaluates all element segments, then copies the active element segments and the active data segments, and calls the
 * start function. The loader has placed the segments' contents before (for elements: room for `count` words) and
 * written their addresses and lengths to the exec env.
 * @throws CompileError `limit` for element segments beyond measure; the module has passed `validateModule`
 */
export function buildInit(ctx: CompileContext, symbol: FunctionSymbol): Func {
  const func = new Func(symbol, [], []);
  const e = new Emitter(ctx, func);
  const { module } = ctx;
  module.globals.forEach(({ init, type }, index) => {
    if (init !== undefined) storeGlobal(e, index, evaluate(e, init, type));
  });
  module.tables.forEach(({ init, element, minimum }, index) => {
    if (init !== undefined) fillTable(e, index, e.i32(0), evaluate(e, init, element), e.i32(minimum));
  });
  const budget = new Budget(-1);
  module.elements.forEach((segment, index) => {
    budget.spend(elementCount(segment) * instructionsPerElement * Budget.instruction);
    if (segment.mode !== 'declared') storeReferences(e, segment, index);
  });
  module.elements.forEach((segment, index) => {
    if (segment.mode === 'passive') return;
    if (segment.offset !== undefined) {
      const target = evaluate(e, segment.offset, 'i32');
      initTable(e, index, segment.table, target, e.i32(0), e.i32(elementCount(segment)));
    }
    dropElements(e, index);
  });
  module.data.forEach(({ offset, start, end }, index) => {
    if (offset === undefined) return;
    const target = evaluate(e, offset, 'i32');
    initMemory(e, index, target, e.i32(0), e.i32(end - start));
    dropData(e, index);
  });
  e.origin = -1;
  if (module.start !== undefined) callFunction(e, module.start, []);
  e.emit0(Op.return, Type.none);
  e.finishPrologue();
  return func;
}

/** A reference is an address computed and stored. */
const instructionsPerElement = 2;

const elementCount = ({ functions, expressions }: ElementSegment): number =>
  functions?.length ?? expressions?.length ?? 0;

/** Stores the references of element segment `index` to its array. */
function storeReferences(e: Emitter, segment: ElementSegment, index: number): void {
  if (elementCount(segment) === 0) return;
  const array = e.envWord(e.layout.elementSegments[index], Region.segment);
  segment.functions?.forEach((target, k) => {
    e.store(array, k * e.wordBytes, e.functionReference(target), Region.native);
  });
  segment.expressions?.forEach((expr, k) => {
    e.store(array, k * e.wordBytes, evaluate(e, expr, segment.type), Region.native);
  });
}

const arithmetic: Readonly<Record<number, number>> = {
  106: Op.add, // i32
  107: Op.sub,
  108: Op.mul,
  124: Op.add, // i64
  125: Op.sub,
  126: Op.mul,
};

/** The value of a constant expression, computed by instructions. */
function evaluate(e: Emitter, expr: ConstExpr, type: ValueType): Inst {
  const stack: Inst[] = [];
  const pop = (): Inst => stack.pop() ?? e.i32(0);
  for (const { opcode, low, high, offset } of decodeConstant(
    e.ctx.module,
    expr,
    type,
    e.ctx.module.globals.length,
  )) {
    e.origin = offset;
    switch (opcode) {
      case 0x23: // global.get
        stack.push(loadGlobal(e, low));
        break;
      case 0x41: // i32.const
        stack.push(e.constant(Type.i32, low, 0));
        break;
      case 0x42: // i64.const
        stack.push(e.constant(Type.i64, low, high));
        break;
      case 0x43: // f32.const
        stack.push(e.constant(Type.f32, low, 0));
        break;
      case 0x44: // f64.const
        stack.push(e.constant(Type.f64, low, high));
        break;
      case 0xd0: // ref.null
        stack.push(e.wordConst(0));
        break;
      case 0xd2: // ref.func
        stack.push(e.functionReference(low));
        break;
      default: {
        const right = pop();
        const left = pop();
        stack.push(e.emit2(arithmetic[opcode], left.type, left, right));
      }
    }
  }
  return pop();
}
