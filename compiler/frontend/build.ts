import type { CompileContext } from '../context.ts';
import { CompileError } from '../errors.ts';
import { Func } from '../ir/function.ts';
import { Type } from '../ir/types.ts';
import { ByteReader } from '../wasm/bytes.ts';
import { limits } from '../wasm/limits.ts';
import { operatorCount, prefixedBase } from '../wasm/opcodes.ts';
import { unknownOperator } from '../wasm/unsupported.ts';
import { readValueType } from '../wasm/value-types.ts';
import { Builder } from './builder.ts';
import * as calls from './call.ts';
import * as control from './control.ts';
import { Frame, FrameKind } from './frame.ts';
import { LocalTypes } from './local-types.ts';
import * as memory from './memory.ts';
import { ModuleTypes, type StackType, stackType, StackType as T } from './module-types.ts';
import { numeric } from './numeric.ts';
import { removeTrivialPhis } from './phis.ts';
import * as table from './table.ts';
import * as variables from './variables.ts';

/**
 * Decodes and validates the body of function `index` (defined, not imported) and builds its SSA form. The module has
 * passed `validateModule`. To have built every function is to have validated the module.
 * @throws CompileError `invalid` at the operator; `malformed` and `unsupported` likewise; `limit` for too many locals
 */
export function buildFunction(ctx: CompileContext, index: number): Func {
  const { bodyStart, bodyEnd, typeIndex } = ctx.module.functions[index];
  const types = ModuleTypes.of(ctx);
  const callee = ctx.function(index);
  const { params, results } = types.signatures[typeIndex];
  const input = new ByteReader(ctx.module.bytes, bodyStart, bodyEnd);
  const localTypes = readLocals(input, params);
  const origin = ctx.native ? -1 : bodyStart;
  const func = new Func(ctx.symbol(callee.symbol), callee.params, callee.results, 'wasm', origin);
  if (origin >= 0) func.firstOperator = input.pos;
  const outermost = new Frame(FrameKind.function, [], results, 0, true, bodyStart);
  const b = new Builder(ctx, func, input, outermost, localTypes);
  buildBody(b);
  b.finishPrologue();
  removeTrivialPhis(func, b.locals.phis.concat(b.labelPhis));
  return func;
}

/** Types of all locals, the parameters first (§5.5.13). */
function readLocals(r: ByteReader, params: readonly StackType[]): LocalTypes {
  const types = new LocalTypes(params);
  for (let groups = r.count('groups of locals', r.remaining, 2); groups > 0; groups--) {
    const at = r.pos;
    const count = r.u32();
    const type = stackType(readValueType(r));
    if (types.length + count > limits.locals) {
      if (types.length + count > 0xffffffff) r.fail('too many locals', at);
      throw new CompileError('limit', `too many locals, the limit is ${limits.locals}`, at);
    }
    types.add(count, type);
  }
  return types;
}

/** Decodes operators up to the function's `end`, which must be the body's last byte. */
function buildBody(b: Builder): void {
  const r = b.in;

  for (;;) {
    const at = r.pos;
    b.origin = at;
    const opcode = r.u8();
    if (numeric(b, opcode)) continue;
    switch (opcode) {
      case 0x00:
        control.trap(b);
        break;
      case 0x01: // nop
        break;
      case 0x02:
        control.block(b);
        break;
      case 0x03:
        control.loop(b);
        break;
      case 0x04:
        control.ifThen(b);
        break;
      case 0x05:
        control.elseArm(b);
        break;
      case 0x0b:
        if (!control.end(b)) break;
        if (r.pos !== r.end) r.fail('END opcode expected: operators after the end of the function', r.pos);
        return;
      case 0x0c:
        control.br(b);
        break;
      case 0x0d:
        control.brIf(b);
        break;
      case 0x0e:
        control.brTable(b);
        break;
      case 0x0f:
        control.returnFrom(b);
        break;
      case 0x10:
        calls.call(b);
        break;
      case 0x11:
        calls.callIndirect(b);
        break;
      case 0x1a:
        variables.drop(b);
        break;
      case 0x1b:
        variables.select(b);
        break;
      case 0x1c:
        variables.typedSelect(b);
        break;
      case 0x20:
        variables.localGet(b);
        break;
      case 0x21:
        variables.localSet(b);
        break;
      case 0x22:
        variables.localTee(b);
        break;
      case 0x23:
        variables.globalGet(b);
        break;
      case 0x24:
        variables.globalSet(b);
        break;
      case 0x25:
        table.tableGet(b);
        break;
      case 0x26:
        table.tableSet(b);
        break;
      case 0x3f:
        memory.memorySize(b);
        break;
      case 0x40:
        memory.memoryGrow(b);
        break;
      case 0x41: {
        const value = r.s32();
        b.push(T.i32, b.constant(Type.i32, value, 0));
        break;
      }
      case 0x42: {
        const low = r.s64();
        b.push(T.i64, b.constant(Type.i64, low, r.high));
        break;
      }
      case 0x43: {
        const bits = r.word32();
        b.push(T.f32, b.constant(Type.f32, bits, 0));
        break;
      }
      case 0x44: {
        const low = r.word64();
        b.push(T.f64, b.constant(Type.f64, low, r.high));
        break;
      }
      case 0xd0:
        table.refNull(b);
        break;
      case 0xd1:
        table.refIsNull(b);
        break;
      case 0xd2:
        table.refFunc(b);
        break;
      case 0xfc:
        prefixed(b, r.u32());
        break;
      default:
        if (opcode >= memory.firstAccess && opcode <= memory.lastAccess) memory.access(b, opcode);
        else unknownOperator(r, at);
    }
  }
}

/** Operators behind the prefix byte 0xfc. */
function prefixed(b: Builder, sub: number): void {
  const number = prefixedBase + sub;
  if (number >= operatorCount) unknownOperator(b.in, b.origin);
  if (numeric(b, number)) return;
  switch (sub) {
    case 8:
      memory.memoryInit(b);
      break;
    case 9:
      memory.dataDrop(b);
      break;
    case 10:
      memory.memoryCopy(b);
      break;
    case 11:
      memory.memoryFill(b);
      break;
    case 12:
      table.tableInit(b);
      break;
    case 13:
      table.elementDrop(b);
      break;
    case 14:
      table.tableCopy(b);
      break;
    case 15:
      table.tableGrow(b);
      break;
    case 16:
      table.tableSize(b);
      break;
    default:
      table.tableFill(b);
  }
}
