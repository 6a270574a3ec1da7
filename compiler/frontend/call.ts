import type { Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Region, TrapKind, Type } from '../ir/types.ts';
import type { Builder } from './builder.ts';
import type { Emitter } from './emitter.ts';
import { type Signature, StackType as T } from './module-types.ts';
import { loadElement, tableIndex } from './table.ts';

/** `call` */
export function call(b: Builder): void {
  const index = b.in.u32();
  const { module } = b.ctx;
  if (index >= module.functions.length) b.fail(`unknown function ${index}`);
  const signature = b.types.signatures[module.functions[index].typeIndex];
  const args = b.popAll(signature.params);
  const intrinsic = b.ctx.intrinsics?.get(index);
  if (intrinsic === undefined) pushResults(b, signature, callFunction(b, index, args));
  else {
    const value = intrinsic.build(b, args);
    if (value !== null) b.push(signature.results[0], value);
  }
}

function pushResults(b: Builder, { results }: Signature, inst: Inst): void {
  if (results.length === 1) b.push(results[0], inst);
  else if (results.length > 1) {
    b.pushAll(
      results,
      b.results(
        inst,
        results.map((type) => b.types.ssaType(type)),
      ),
    );
  }
}

/** Calls function `index` of the index space: directly, or through the import's descriptor as from another instance. */
export function callFunction(e: Emitter, index: number, args: Inst[]): Inst {
  const { module } = e.ctx;
  if (index >= module.importedFunctions) return e.callDirect(e.ctx.function(index), args);
  const descriptor = e.functionReference(index);
  const code = e.load(descriptor, e.descriptor.cross, e.word, Region.constant);
  return e.callPointer(e.types.callees[module.functions[index].typeIndex], code, descriptor, args);
}

/** `call_indirect`: a callee of this instance is entered as by a direct call, any other by its cross entry. */
export function callIndirect(b: Builder): void {
  const type = b.in.u32();
  const table = tableIndex(b);
  const signature = b.types.signatures[type];
  if (signature === undefined) b.fail(`unknown type ${type}`);
  if (b.types.tables[table] !== T.funcref) b.fail('type mismatch: call_indirect needs a table of funcref');
  const index = b.pop(T.i32);
  const args = b.popAll(signature.params);
  const callee = loadElement(b, table, index, TrapKind.indirectCallOutOfBounds);
  b.trapIf(b.emit2(Op.eq, Type.i32, callee, b.wordConst(0)), TrapKind.indirectCallNull);
  const actual = b.load(callee, b.descriptor.typeId, Type.i32, Region.constant);
  const expected = b.load(b.env(), b.layout.typeIds[type], Type.i32, Region.constant);
  b.trapIf(b.emit2(Op.ne, Type.i32, actual, expected), TrapKind.indirectCallSignature);
  const owner = b.load(callee, b.descriptor.env, b.word, Region.constant);
  const isOwn = b.emit2(Op.eq, Type.i32, owner, b.env());
  const direct = b.load(callee, b.descriptor.code, b.word, Region.constant);
  const cross = b.load(callee, b.descriptor.cross, b.word, Region.constant);
  const code = b.emit3(Op.select, b.word, isOwn, direct, cross);
  pushResults(b, signature, b.callPointer(b.types.callees[type], code, callee, args));
}
