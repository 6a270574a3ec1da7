import { HostService } from '../abi.ts';
import type { Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Access, Region, TrapKind, Type } from '../ir/types.ts';
import { readNullType } from '../wasm/value-types.ts';
import type { Builder } from './builder.ts';
import type { Emitter } from './emitter.ts';
import { type StackType, StackType as T } from './module-types.ts';
import { rangeCheck } from './ranges.ts';

/** Index of a table. */
export function tableIndex(b: Builder): number {
  const index = b.in.u32();
  if (index >= b.ctx.module.tables.length) b.fail(`unknown table ${index}`);
  return index;
}

/** True if table `table` can never grow: its base and size are constants of the instance. */
function isFixed(e: Emitter, table: number): boolean {
  const { minimum, maximum } = e.ctx.module.tables[table];
  return minimum === maximum;
}

function tableBase(e: Emitter, table: number): Inst {
  return e.envWord(e.layout.tables[table], isFixed(e, table) ? Region.constant : Region.tableInfo);
}

/** Number of elements, a word. */
function tableCount(e: Emitter, table: number): Inst {
  if (isFixed(e, table)) return e.wordConst(e.ctx.module.tables[table].minimum);
  return e.envWord(e.layout.tables[table] + e.wordBytes, Region.tableInfo);
}

/** Checks `index`, an i32, and returns the byte offset of its element, which fits 32 bits as tables have at most 10,000,000. */
function elementOffset(e: Emitter, table: number, index: Inst, kind: TrapKind): Inst {
  e.trapIf(e.emit2(Op.ge_u, Type.i32, e.zeroExtend(index), tableCount(e, table)), kind);
  return e.emit2(Op.shl, Type.i32, index, e.i32(e.wordShift));
}

/** The element at `index` (i32) of a table. */
export function loadElement(e: Emitter, table: number, index: Inst, kind: TrapKind): Inst {
  const offset = elementOffset(e, table, index, kind);
  const inst = e.emit2(Op.load_indexed, e.word, tableBase(e, table), offset);
  inst.access = Access.full;
  inst.region = Region.tableElement;
  return inst;
}

/** `table.get` */
export function tableGet(b: Builder): void {
  const table = tableIndex(b);
  const index = b.pop(T.i32);
  b.push(b.types.tables[table], loadElement(b, table, index, TrapKind.tableOutOfBounds));
}

/** `table.set` */
export function tableSet(b: Builder): void {
  const table = tableIndex(b);
  const value = b.pop(b.types.tables[table]);
  const index = b.pop(T.i32);
  const offset = elementOffset(b, table, index, TrapKind.tableOutOfBounds);
  const inst = b.emit3(Op.store_indexed, Type.none, tableBase(b, table), offset, value);
  inst.access = Access.full;
  inst.region = Region.tableElement;
}

/** `table.size` */
export function tableSize(b: Builder): void {
  b.push(T.i32, b.truncate(tableCount(b, tableIndex(b))));
}

/** `table.grow` */
export function tableGrow(b: Builder): void {
  const table = tableIndex(b);
  const delta = b.zeroExtend(b.pop(T.i32));
  const value = b.pop(b.types.tables[table]);
  b.push(T.i32, b.callHost(HostService.tableGrow, table, delta, value));
}

/** `table.fill` */
export function tableFill(b: Builder): void {
  const table = tableIndex(b);
  const count = b.pop(T.i32);
  const value = b.pop(b.types.tables[table]);
  fillTable(b, table, b.pop(T.i32), value, count);
}

/** Sets `count` elements from `target` on to `value`; indices are i32. Traps out of bounds. */
export function fillTable(e: Emitter, table: number, target: Inst, value: Inst, count: Inst): void {
  const words = e.zeroExtend(count);
  const to = e.zeroExtend(target);
  rangeCheck(e, to, words, tableCount(e, table), TrapKind.tableOutOfBounds);
  e.callHelper('words_fill', [wordAddress(e, tableBase(e, table), to), value, words]);
}

/** `table.copy` */
export function tableCopy(b: Builder): void {
  const to = tableIndex(b);
  const from = tableIndex(b);
  if (b.types.tables[to] !== b.types.tables[from]) b.fail('type mismatch: tables of different element types');
  const count = b.zeroExtend(b.pop(T.i32));
  const source = b.zeroExtend(b.pop(T.i32));
  const target = b.zeroExtend(b.pop(T.i32));
  rangeCheck(b, target, count, tableCount(b, to), TrapKind.tableOutOfBounds);
  rangeCheck(b, source, count, tableCount(b, from), TrapKind.tableOutOfBounds);
  const targetAddress = wordAddress(b, tableBase(b, to), target);
  b.callHelper('words_copy', [targetAddress, wordAddress(b, tableBase(b, from), source), count]);
}

/** `table.init` */
export function tableInit(b: Builder): void {
  const segment = b.in.u32();
  const table = tableIndex(b);
  checkSegment(b, segment);
  if (T[b.ctx.module.elements[segment].type] !== b.types.tables[table]) {
    b.fail('type mismatch: segment and table have different element types');
  }
  const count = b.pop(T.i32);
  const source = b.pop(T.i32);
  const target = b.pop(T.i32);
  initTable(b, segment, table, target, source, count);
}

/** `elem.drop` */
export function elementDrop(b: Builder): void {
  dropElements(b, elementIndex(b));
}

function checkSegment(b: Builder, index: number): void {
  if (index >= b.ctx.module.elements.length) b.fail(`unknown elem segment ${index}`);
}

function elementIndex(b: Builder): number {
  const index = b.in.u32();
  checkSegment(b, index);
  return index;
}

/** Copies `count` references of element segment `segment` from `source` on to `target` in `table`; all i32. Traps out of bounds. */
export function initTable(
  e: Emitter,
  segment: number,
  table: number,
  target: Inst,
  source: Inst,
  count: Inst,
): void {
  const at = e.layout.elementSegments[segment];
  const words = e.zeroExtend(count);
  const from = e.zeroExtend(source);
  const to = e.zeroExtend(target);
  const length = e.envWord(at + e.wordBytes, Region.segment);
  rangeCheck(e, to, words, tableCount(e, table), TrapKind.tableOutOfBounds);
  rangeCheck(e, from, words, length, TrapKind.elementSegmentOutOfBounds);
  const contents = wordAddress(e, e.envWord(at, Region.segment), from);
  e.callHelper('words_copy', [wordAddress(e, tableBase(e, table), to), contents, words]);
}

/** Drops element segment `segment`: from now on it is empty. */
export function dropElements(e: Emitter, segment: number): void {
  e.store(e.env(), e.layout.elementSegments[segment] + e.wordBytes, e.wordConst(0), Region.segment);
}

/** Address of word number `index` (a word) from `base` on. */
function wordAddress(e: Emitter, base: Inst, index: Inst): Inst {
  return e.emit2(Op.add, e.word, base, e.emit2(Op.shl, e.word, index, e.wordConst(e.wordShift)));
}

/** `ref.null` */
export function refNull(b: Builder): void {
  const type: StackType = T[readNullType(b.in)];
  b.push(type, b.wordConst(0));
}

/** `ref.is_null` */
export function refIsNull(b: Builder): void {
  const type = b.topType();
  if (type !== T.unknown && type < T.funcref) b.fail('type mismatch: expected a reference');
  const value = b.pop(type);
  b.push(T.i32, b.emit2(Op.eq, Type.i32, value, b.wordConst(0)));
}

/** `ref.func` */
export function refFunc(b: Builder): void {
  const index = b.in.u32();
  const { module } = b.ctx;
  if (index >= module.functions.length) b.fail(`unknown function ${index}`);
  if (!module.escaping.has(index)) b.fail(`undeclared function reference ${index}`);
  b.push(T.funcref, b.functionReference(index));
}
