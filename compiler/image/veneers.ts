import { Assembler } from '../backend/assembler.ts';
import type { CompiledFunction } from '../backend/emit.ts';
import type { Target } from '../target.ts';

/** Functions in the order of the code, and who calls whom there. */
export interface Arrangement {
  /** The program's in their order, and veneers. */
  readonly functions: readonly CompiledFunction[];
  /** Place in `functions` of each of the program's. */
  readonly places: readonly number[];
  /** Place of what a call of the program's function `symbol` at place `from` is to reach: it, or a veneer. */
  callee(from: number, symbol: number): number;
}

/**
 * Veneers, where a target's calls do not reach all of the code (AAELF32, IHI 0044, 4.6.1.6: "Call and jump relocations"): functions that jump to one farther
 * away. They lie in islands every quarter of the reach, an island serving the functions before it. A call goes directly if
 * three quarters of the reach suffice, so that what the islands take up does not matter.
 *
 * To readers of the stack a veneer is a helper that has not published: its caller's frame is what they see below it.
 */
export function arrange(functions: readonly CompiledFunction[], target: Target): Arrangement {
  const { farCall } = target;
  const starts: number[] = [];
  let end = 0;
  for (const { bytes } of functions) {
    starts.push(end);
    end += bytes.length;
  }
  if (farCall === undefined || end <= farCall.reach / 2)
    return { functions, places: functions.map((_, id) => id), callee: (_, symbol) => symbol };
  const { reach, kind } = farCall;
  const arranged: CompiledFunction[] = [];
  const places: number[] = [];
  /** Per place: the veneers that its island has, by symbol. */
  const islands: Map<number, number>[] = [];
  let island = new Map<number, number>();
  let islandEnd = reach / 4;
  functions.forEach((func, id) => {
    for (const relocation of func.relocations) {
      if (relocation.to !== 'function' || relocation.kind !== kind) continue;
      const distance = Math.abs(starts[relocation.index] - (starts[id] + relocation.offset));
      if (distance > (reach * 3) / 4) island.set(relocation.index, -1);
    }
    places.push(arranged.length);
    islands[arranged.length] = island;
    arranged.push(func);
    if (starts[id] + func.bytes.length < islandEnd && id + 1 < functions.length) return;
    for (const symbol of island.keys()) {
      island.set(symbol, arranged.length);
      arranged.push(veneer(symbol, target));
    }
    island = new Map();
    islandEnd = starts[id] + func.bytes.length + reach / 4;
  });
  return {
    functions: arranged,
    places,
    callee: (from, symbol) => islands[from]?.get(symbol) ?? places[symbol],
  };
}

function veneer(symbol: number, target: Target): CompiledFunction {
  const asm = new Assembler();
  asm.position(-1);
  asm.frame(0, -1, false);
  target.farCall?.emitVeneer(asm, symbol);
  return {
    symbol: { id: -1, name: 'veneer', kind: 'helper', wasmIndex: -1 },
    bytes: asm.bytes().slice(),
    relocations: asm.relocations,
    constants: [],
    traps: [],
    positions: asm.positions,
    inlined: [],
    frameRows: asm.frameRows,
    publications: [],
    frameBytes: 0,
    recordOffset: -1,
    slotBase: 0,
    notes: [],
    instructionBytes: asm.offset,
  };
}
