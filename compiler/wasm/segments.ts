import { limits } from './limits.ts';
import type { ConstExpr, DataSegment, ElementSegment, RefType } from './module.ts';
import type { ModuleReader } from './reader.ts';
import { readRefType } from './value-types.ts';

/**
 * An element segment (§5.5.12): eight flavours, told apart by three flags: 1 passive or declared, 2 explicit table
 * index (or, with 1, declared), 4 expressions in place of function indices.
 */
export function readElementSegment(reader: ModuleReader): ElementSegment {
  const r = reader.in;
  const at = r.pos;
  const flags = r.u32();
  if (flags > 7) r.fail('malformed elements segment kind', at);
  const active = (flags & 1) === 0;
  const explicit = (flags & 2) !== 0;
  const useExpressions = (flags & 4) !== 0;
  const table = active && explicit ? r.u32() : 0;
  const offset = active ? reader.readConstExpr() : undefined;
  let type: RefType = 'funcref';
  if (!active || explicit) {
    const kindAt = r.pos;
    if (useExpressions) type = readRefType(r);
    else if (r.u8() !== 0) r.fail('malformed element kind', kindAt);
  }
  const mode = active ? 'active' : explicit ? 'declared' : 'passive';
  if (useExpressions) {
    const expressions: ConstExpr[] = [];
    for (let n = r.count('elements', limits.segmentElements, 2); n > 0; n--)
      expressions.push(reader.readConstExpr());
    return { mode, type, table, offset, functions: undefined, expressions };
  }
  const functions: number[] = [];
  for (let n = r.count('elements', limits.segmentElements); n > 0; n--) {
    const index = r.u32();
    reader.escaping.add(index);
    functions.push(index);
  }
  return { mode, type, table, offset, functions, expressions: undefined };
}

/** A data segment (§5.5.14): active in memory 0, passive, or active in a memory named by index. */
export function readDataSegment(reader: ModuleReader): DataSegment {
  const r = reader.in;
  const at = r.pos;
  const flags = r.u32();
  if (flags > 2) r.fail('malformed data segment kind', at);
  const memory = flags === 2 ? r.u32() : 0;
  const offset = flags === 1 ? undefined : reader.readConstExpr();
  const sizeAt = r.pos;
  const size = r.u32();
  if (size > r.remaining) r.fail('unexpected end of section or function', sizeAt);
  const start = r.pos;
  r.pos += size;
  return { mode: flags === 1 ? 'passive' : 'active', memory, offset, start, end: r.pos };
}
