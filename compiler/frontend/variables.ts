import type { Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Region } from '../ir/types.ts';
import { readValueType } from '../wasm/value-types.ts';
import type { Builder } from './builder.ts';
import type { Emitter } from './emitter.ts';
import { stackType, StackType as T } from './module-types.ts';

function localIndex(b: Builder): number {
  const index = b.in.u32();
  if (index >= b.localTypes.length) b.fail(`unknown local ${index}`);
  return index;
}

/** `local.get` */
export function localGet(b: Builder): void {
  const index = localIndex(b);
  b.push(b.localTypes.at(index), b.live ? b.locals.get(index, b.origin) : b.dummy);
}

/** `local.set` */
export function localSet(b: Builder): void {
  const index = localIndex(b);
  const value = b.pop(b.localTypes.at(index));
  if (b.live) b.locals.set(index, value, b.origin);
}

/** `local.tee` */
export function localTee(b: Builder): void {
  const index = localIndex(b);
  const type = b.localTypes.at(index);
  const value = b.pop(type);
  if (b.live) b.locals.set(index, value, b.origin);
  b.push(type, value);
}

function globalIndex(b: Builder): number {
  const index = b.in.u32();
  if (index >= b.types.globals.length) b.fail(`unknown global ${index}`);
  return index;
}

/** `global.get` */
export function globalGet(b: Builder): void {
  const index = globalIndex(b);
  b.push(b.types.globals[index], loadGlobal(b, index));
}

/** `global.set` */
export function globalSet(b: Builder): void {
  const index = globalIndex(b);
  if (!b.ctx.module.globals[index].mutable) b.fail('immutable global: global is immutable');
  storeGlobal(b, index, b.pop(b.types.globals[index]));
}

/** The value of global `index`: its cell is in the exec env, or, for imported mutable ones, where that points. */
export function loadGlobal(e: Emitter, index: number): Inst {
  const type = e.types.ssaType(e.types.globals[index]);
  const known = e.types.globalConstants[index];
  if (known !== null) return e.constant(type, known.low, known.high);
  const { module } = e.ctx;
  const at = e.layout.globals[index];
  if (index >= module.importedGlobals) return e.load(e.env(), at, type, e.types.globalRegions[index]);
  if (!module.globals[index].mutable) return e.load(e.env(), at, type, Region.constant);
  return e.load(e.envWord(at, Region.constant), 0, type, e.types.globalRegions[index]);
}

/** Stores to global `index`. */
export function storeGlobal(e: Emitter, index: number, value: Inst): void {
  const { module } = e.ctx;
  const at = e.layout.globals[index];
  const region = e.types.globalRegions[index];
  if (index >= module.importedGlobals) e.store(e.env(), at, value, region);
  else e.store(e.envWord(at, Region.constant), 0, value, region);
}

/** `drop` */
export function drop(b: Builder): void {
  b.pop(b.topType());
}

/** `select` without a type: numbers only, both of one type. */
export function select(b: Builder): void {
  const condition = b.pop(T.i32);
  const second = b.topType();
  const ifZero = b.pop(second);
  const first = b.topType();
  const ifNonZero = b.pop(first);
  if (first > T.v128 || second > T.v128) b.fail('type mismatch: select of references needs a type');
  if (first !== second && first !== T.unknown && second !== T.unknown) b.fail('type mismatch: select');
  const type = first === T.unknown ? second : first;
  b.push(type, b.emit3(Op.select, b.types.ssaType(type), condition, ifNonZero, ifZero));
}

/** `select` with a type. */
export function typedSelect(b: Builder): void {
  const count = b.in.count('select types', 1000);
  if (count !== 1) b.fail('invalid result arity');
  const type = stackType(readValueType(b.in));
  const condition = b.pop(T.i32);
  const ifZero = b.pop(type);
  const ifNonZero = b.pop(type);
  b.push(type, b.emit3(Op.select, b.types.ssaType(type), condition, ifNonZero, ifZero));
}
