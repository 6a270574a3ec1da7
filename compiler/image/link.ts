import { layoutHash } from '../abi.ts';
import type { CompiledFunction } from '../backend/emit.ts';
import type { InlinedCall } from '../ir/function.ts';
import type { Program } from '../program.ts';
import { functionsSaySelf } from '../stack/scheme.ts';
import type { Target } from '../target.ts';
import type { Image, ImageFunction, LoadRelocation, StackMap } from './image.ts';
import { type Arrangement, arrange } from './veneers.ts';

/** Alignment of functions and of the constant pool, in bytes. */
const alignment = 16;
const align = (n: number): number => (n + alignment - 1) & -alignment;

/**
 * Puts the functions of a program, in symbol order (with veneers between them where calls need some), behind one another and their literals, each once, behind them; writes
 * what depends on these places, and joins the functions' tables.
 */
export function link(program: Program, compiled: readonly CompiledFunction[]): Image {
  const { target, publication, module, env } = program;
  const { name: scheme, abi } = publication.scheme;
  const arrangement = arrange(compiled, target);
  const { functions, places } = arrangement;
  const offsets: number[] = [];
  let end = 0;
  for (const { bytes } of functions) {
    offsets.push(end);
    end = align(end + bytes.length);
  }
  const pool = new ConstantPool(functions, end);
  const code = new Uint8Array(pool.end);
  functions.forEach(({ bytes }, id) => {
    code.set(bytes, offsets[id]);
  });
  pool.write(code);
  return {
    abiVersion: abi,
    layoutHash: layoutHash(target.wordBytes, abi),
    target: target.name,
    scheme,
    order: publication.order,
    selfInRecords: functionsSaySelf(publication),
    code,
    constantsOffset: pool.start,
    functions: functions.map((f, id) => place(f, id, offsets[id])),
    relocations: relocate(code, arrangement, offsets, pool, target),
    map: joinTables(functions, offsets, module.bytes.length),
    env,
    module,
    symbols: renumber(program.symbols, places),
  };
}

/** Symbols by their places in the code. */
function renumber(symbols: Image['symbols'], places: readonly number[]): Image['symbols'] {
  const place = (id: number): number => places[id] ?? -1;
  return {
    wasm: symbols.wasm.map(place),
    init: place(symbols.init),
    initEntry: place(symbols.initEntry),
    service: place(symbols.service),
    entry: symbols.entry.map(place),
    cross: symbols.cross.map(place),
    host: symbols.host.map(place),
  };
}

function place(compiled: CompiledFunction, id: number, offset: number): ImageFunction {
  const { symbol, bytes, frameBytes, recordOffset, slotBase } = compiled;
  return { ...symbol, id, offset, size: bytes.length, frameBytes, recordOffset, slotBase };
}

/** The literals of all functions, the largest first, so that each is aligned to its size. */
class ConstantPool {
  readonly start: number;
  readonly end: number;
  private readonly places = new Map<string, number>();
  private readonly order: (readonly number[])[];

  constructor(functions: readonly CompiledFunction[], start: number) {
    const found = new Map<string, readonly number[]>();
    for (const { constants } of functions) {
      for (const { words } of constants) found.set(words.join(), words);
    }
    this.order = [...found.values()].sort((a, b) => b.length - a.length);
    this.start = start;
    let at = start;
    for (const words of this.order) {
      this.places.set(words.join(), at);
      at += words.length * 4;
    }
    this.end = at;
  }

  place(words: readonly number[]): number {
    return this.places.get(words.join()) ?? this.end;
  }

  write(code: Uint8Array): void {
    const view = new DataView(code.buffer);
    let at = this.start;
    for (const word of this.order.flat()) {
      view.setInt32(at, word, true);
      at += 4;
    }
  }
}

/** Writes distances; what is left to the loader is returned. */
function relocate(
  code: Uint8Array,
  { functions, places, callee }: Arrangement,
  offsets: readonly number[],
  pool: ConstantPool,
  target: Target,
): LoadRelocation[] {
  const atLoad: LoadRelocation[] = [];
  functions.forEach(({ relocations, constants }, id) => {
    for (const { offset, kind, to, index } of relocations) {
      const at = offsets[id] + offset;
      const loadKind = target.loadRelocations[kind];
      // Only distances may be too far: an address is the function's own.
      const reached = (): number => (loadKind === undefined ? callee(id, index) : places[index]);
      const addend = to === 'function' ? offsets[reached()] : pool.place(constants[index].words);
      if (loadKind === undefined) target.patch(code, at, kind, addend);
      else atLoad.push({ offset: at, kind: loadKind, addend });
    }
  });
  return atLoad;
}

function joinTables(
  functions: readonly CompiledFunction[],
  offsets: readonly number[],
  moduleBytes: number,
): StackMap {
  const positionAt: number[] = [];
  const position: number[] = [];
  const frameAt: number[] = [];
  const cfa: number[] = [];
  const returnAddress: number[] = [];
  const published: number[] = [];
  const trapAt: number[] = [];
  const trap: number[] = [];
  const publicationAt: number[] = [];
  const inlined: InlinedCall[] = [];
  /** The first position that no inlined body has taken. */
  let free = moduleBytes;
  functions.forEach((f, id) => {
    const start = offsets[id];
    // Each function counts its inlined positions from the module's end on.
    const shift = free - moduleBytes;
    const moved = (at: number): number => (at < moduleBytes ? at : at + shift);
    for (const row of f.inlined) {
      inlined.push({ ...row, base: moved(row.base), call: moved(row.call) });
      free += row.bodyBytes;
    }
    for (let k = 0; k < f.positions.length; k += 2) {
      positionAt.push(start + f.positions[k]);
      position.push(moved(f.positions[k + 1]));
    }
    for (const row of f.frameRows) {
      // A row behind the last byte describes nothing.
      if (row.offset >= f.bytes.length) continue;
      frameAt.push(start + row.offset);
      cfa.push(row.cfa);
      returnAddress.push(row.returnAddress);
      published.push(row.published ? 1 : 0);
    }
    for (let k = 0; k < f.traps.length; k += 2) {
      trapAt.push(start + f.traps[k]);
      trap.push(f.traps[k + 1]);
    }
    for (const offset of f.publications) publicationAt.push(start + offset);
  });
  return {
    positionAt: Uint32Array.from(positionAt),
    position: Int32Array.from(position),
    frameAt: Uint32Array.from(frameAt),
    cfa: Int32Array.from(cfa),
    returnAddress: Int32Array.from(returnAddress),
    published: Uint8Array.from(published),
    trapAt: Uint32Array.from(trapAt),
    trap: Uint8Array.from(trap),
    publicationAt: Uint32Array.from(publicationAt),
    inlined: {
      base: Int32Array.from(inlined, ({ base }) => base),
      wasmIndex: Int32Array.from(inlined, ({ wasmIndex }) => wasmIndex),
      bodyStart: Int32Array.from(inlined, ({ bodyStart }) => bodyStart),
      call: Int32Array.from(inlined, ({ call }) => call),
    },
  };
}
