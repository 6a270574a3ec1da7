import type { Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { type TrapKind, Type } from '../ir/types.ts';
import type { Emitter } from './emitter.ts';

/**
 * Traps with `kind` unless start + count <= size; all of them words, `start` and `count` zero-extended from i32. A 64-bit word
 * holds the sum; in 32 bits it could wrap, hence the comparison in two steps.
 */
export function rangeCheck(e: Emitter, start: Inst, count: Inst, size: Inst, kind: TrapKind): void {
  if (e.wordBytes === 8) {
    const end = e.emit2(Op.add, e.word, start, count);
    e.trapIf(e.emit2(Op.gt_u, Type.i32, end, size), kind);
    return;
  }
  e.trapIf(e.emit2(Op.gt_u, Type.i32, count, size), kind);
  const last = e.emit2(Op.sub, e.word, size, count);
  e.trapIf(e.emit2(Op.gt_u, Type.i32, start, last), kind);
}
