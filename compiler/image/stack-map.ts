import { ByteWriter } from '../byte-writer.ts';
import { InternalError } from '../errors.ts';
import type { FunctionKind } from '../ir/function.ts';
import { schemes } from '../stack/index.ts';
import type { Image, ImageFunction } from './image.ts';
import { inlinedRow } from './inlined.ts';

/**
 * The stack map as bytes (docs/executables.md, Stack map): what a signal handler looks up, where it lies. Function by function, so that a
 * look-up decodes only the rows of one: some four bytes for each row of `Image.map`, which takes nine.
 */
export const stackMapMagic = 0x324d5346; // 'FSM2'

/** Offsets of the header's words in bytes. */
export const stackMapHeader = {
  magic: 0,
  count: 4,
  starts: 8,
  functions: 12,
  names: 16,
  scheme: 20,
  flags: 24,
  size: 28,
  inlined: 32,
  inlinedCount: 36,
  bytes: 40,
} as const;

/** Words of a function's record, in order. */
export const stackMapFields = [
  'size',
  'name',
  'positions',
  'frames',
  'traps',
  'frameBytes',
  'recordOffset',
  'slotBase',
  'kind',
  'wasmIndex',
  'inlined',
] as const;
export type StackMapField = (typeof stackMapFields)[number];
export const stackMapRecordBytes = stackMapFields.length * 4;

/** Bytes of a row of the table of inlined calls: its words are `base`, function, `bodyStart`, `call` (InlinedCalls). */
export const stackMapInlinedBytes = 16;

/** Publication schemes by their number in the map. */
export const stackMapSchemes = ['none', 'atomic', 'tail', 'field', 'unwind'] as const;

/** Numbers of the function kinds; adapters in front of the runtime's services read like cross adapters. */
export const stackMapKinds: Readonly<Record<FunctionKind, number>> = {
  wasm: 0,
  helper: 1,
  init: 2,
  'entry-adapter': 3,
  'cross-adapter': 4,
  'host-adapter': 5,
};

/** Bits of `flags`. Every function of the module has a publication record, so leaves publish, too. */
export const stackMapLeavesPublish = 1;
/** The records of all functions have `self`, not those of adapters alone. */
export const stackMapSelfInRecords = 2;

/**
 * The stack map of an image. Control characters in names become U+FFFD, so that a name is one line and cannot end early.
 * @throws InternalError if the image's functions are not in order
 */
export function encodeStackMap(image: Image): Uint8Array {
  const { functions, map } = image;
  const n = functions.length;
  const starts = stackMapHeader.bytes;
  const records = starts + 4 * (n + 1);
  const names = records + stackMapRecordBytes * n;
  // Most rows are positions, of some three bytes.
  const out = new ByteWriter(names + 32 * n + 4 * map.positionAt.length);
  const header: Record<Exclude<keyof typeof stackMapHeader, 'bytes'>, number> = {
    magic: stackMapMagic,
    count: n,
    starts,
    functions: records,
    names,
    scheme: stackMapSchemes.indexOf(image.scheme),
    flags:
      (leavesPublish(image) ? stackMapLeavesPublish : 0) | (image.selfInRecords ? stackMapSelfInRecords : 0),
    size: 0,
    inlined: 0,
    inlinedCount: map.inlined.base.length,
  };
  for (const word of Object.values(header)) out.u32(word);
  for (const { offset } of functions) out.u32(offset);
  out.u32(image.constantsOffset);
  for (let k = 0; k < n * stackMapFields.length; k++) out.u32(0);
  const nameOffsets = functions.map(({ name }) => {
    const at = out.length;
    out.string(name.replace(/\p{Cc}/gu, '\ufffd'));
    return at;
  });
  const streams = new Streams(image, out);
  functions.forEach((f, i) => {
    const next = functions[i + 1]?.offset ?? image.constantsOffset;
    const record: Record<StackMapField, number> = {
      size: f.size,
      name: nameOffsets[i],
      ...streams.write(f, next),
      frameBytes: f.frameBytes,
      recordOffset: f.recordOffset,
      slotBase: f.slotBase,
      kind: stackMapKinds[f.kind],
      wasmIndex: f.wasmIndex,
    };
    stackMapFields.forEach((field, k) => {
      out.patch32(records + stackMapRecordBytes * i + 4 * k, record[field]);
    });
  });
  out.patch32(stackMapHeader.inlined, writeInlined(image, out));
  out.patch32(stackMapHeader.size, out.length);
  return out.result();
}

/** Writes the table of inlined calls, which name functions by their number in the map; returns where. */
function writeInlined({ map, symbols }: Image, out: ByteWriter): number {
  const { base, wasmIndex, bodyStart, call } = map.inlined;
  const at = out.length;
  for (let i = 0; i < base.length; i++)
    for (const word of [base[i], symbols.wasm[wasmIndex[i]], bodyStart[i], call[i]]) out.u32(word);
  return at;
}

/** Derived, as an image does not say it: no function of the module goes without a record. */
const leavesPublish = ({ target, scheme, functions }: Image): boolean =>
  schemes[scheme](target === 'x86_64' ? 8 : 4).functions &&
  functions.every(({ kind, recordOffset }) => kind !== 'wasm' || recordOffset >= 0);

/** Cuts the image's tables into the functions' streams; keeps its place in each table from function to function. */
class Streams {
  private readonly image: Image;
  private readonly out: ByteWriter;
  private position = 0;
  private frame = 0;
  private trap = 0;

  constructor(image: Image, out: ByteWriter) {
    this.image = image;
    this.out = out;
  }

  /** Writes the four streams of a function, whose rows lie before code offset `next`; returns where. */
  write(
    f: ImageFunction,
    next: number,
  ): Pick<Record<StackMapField, number>, 'positions' | 'frames' | 'traps' | 'inlined'> {
    if (next < f.offset + f.size) throw new InternalError(`${f.name} overlaps the function behind it`);
    const end = f.offset + f.size;
    const firstPosition = this.position;
    return {
      positions: this.positions(f.offset, end, next),
      frames: this.frames(f.offset, end, next),
      traps: this.traps(f.offset, end, next),
      inlined: this.inlined(f.offset, end, firstPosition),
    };
  }

  private positions(start: number, end: number, next: number): number {
    const { positionAt, position } = this.image.map;
    const first = this.position;
    const last = behind(positionAt, first, next);
    this.position = last;
    return this.stream(positionAt, first, last, end, start, (out, i, difference, before) => {
      out.unsigned(difference);
      out.signed(position[i] - (before < 0 ? 0 : position[before]));
    });
  }

  private frames(start: number, end: number, next: number): number {
    const { frameAt, cfa, returnAddress, published } = this.image.map;
    const first = this.frame;
    const last = behind(frameAt, first, next);
    this.frame = last;
    return this.stream(frameAt, first, last, end, start, (out, i, difference) => {
      out.unsigned(difference * 2 + published[i]);
      out.unsigned(cfa[i]);
      out.unsigned(returnAddress[i] + 1);
    });
  }

  private traps(start: number, end: number, next: number): number {
    const { trapAt, trap } = this.image.map;
    const first = this.trap;
    const last = behind(trapAt, first, next);
    this.trap = last;
    return this.stream(trapAt, first, last, end, start, (out, i, difference) => {
      out.unsigned(difference);
      out.byte(trap[i]);
    });
  }

  /** Where which inlined body is, as the positions from row `first` on say it: for who needs no operators, in far fewer rows. */
  private inlined(start: number, end: number, first: number): number {
    const { positionAt, position, inlined } = this.image.map;
    const rows: { at: number; body: number }[] = [];
    for (let i = first; i < this.position; i++) {
      if (positionAt[i] >= end) break;
      const body = inlinedRow(inlined, position[i]);
      if (body === (rows.at(-1)?.body ?? -1)) continue;
      if (rows.at(-1)?.at === positionAt[i]) rows.pop();
      rows.push({ at: positionAt[i], body });
    }
    const { out } = this;
    const offset = out.length;
    out.unsigned(rows.length);
    rows.forEach(({ at, body }, i) => {
      out.unsigned(at - (i === 0 ? start : rows[i - 1].at));
      out.signed(body - (i === 0 ? -1 : rows[i - 1].body));
    });
    return offset;
  }

  /**
   * Rows `first` to `last` of a table as a stream. Left out are rows that the next one replaces at the same place, and rows
   * behind the function's last byte, which describe nothing.
   * @param row writes row `i`, `difference` bytes behind row `before` (-1: behind the start)
   */
  private stream(
    at: Uint32Array,
    first: number,
    last: number,
    end: number,
    start: number,
    row: (out: ByteWriter, i: number, difference: number, before: number) => void,
  ): number {
    const { out } = this;
    const counts = (i: number): boolean => at[i] < end && (i + 1 === last || at[i + 1] !== at[i]);
    let count = 0;
    for (let i = first; i < last; i++) if (counts(i)) count++;
    const offset = out.length;
    out.unsigned(count);
    let before = -1;
    for (let i = first; i < last; i++) {
      if (!counts(i)) continue;
      row(out, i, at[i] - (before < 0 ? start : at[before]), before);
      before = i;
    }
    return offset;
  }
}

/** Index of the first row, from `from` on, at or behind code offset `limit`. */
function behind(at: Uint32Array, from: number, limit: number): number {
  let i = from;
  while (i < at.length && at[i] < limit) i++;
  return i;
}
