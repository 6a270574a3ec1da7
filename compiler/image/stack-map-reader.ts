import { ImageError } from '../errors.ts';
import { type TrapKind, trapMessages } from '../ir/types.ts';
import type { FrameAt } from './lookup.ts';
import {
  type StackMapField,
  stackMapFields,
  stackMapHeader,
  stackMapInlinedBytes,
  stackMapKinds,
  stackMapLeavesPublish,
  stackMapMagic,
  stackMapRecordBytes,
  stackMapSchemes,
  stackMapSelfInRecords,
} from './stack-map.ts';

/** A function as the map describes it: the words of its record, see {@link stackMapFields}, and where it is. */
export interface MappedFunction extends Readonly<Record<StackMapField, number>> {
  /** Number in the map: the function's symbol id in its image. */
  readonly index: number;
  /** Code offset of its first byte. */
  readonly offset: number;
}

/** A frame that a place in the code stands for. */
export interface MappedFrame {
  /** Number of the function. */
  readonly index: number;
  /** Byte offset of the operator in the module, or -1. */
  readonly wasmOffset: number;
}

/**
 * Looks code offsets up in a stack map as {@link encodeStackMap} writes it. The bytes are hostile input: reading ends, stays within
 * them, and refuses what cannot be.
 */
export class StackMapReader {
  /** Number of functions. */
  readonly count: number;
  readonly scheme: (typeof stackMapSchemes)[number];
  readonly leavesPublish: boolean;
  readonly selfInRecords: boolean;
  private readonly data: Uint8Array;
  private readonly view: DataView;
  private readonly starts: number;
  private readonly records: number;
  private readonly inlined: number;
  private readonly inlinedCount: number;
  /** Where the stream that is being read goes on. */
  private at = 0;

  /**
   * @param bytes a map, or more: its size stands in it
   * @throws ImageError where the bytes are no stack map
   */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < stackMapHeader.bytes || view.getUint32(stackMapHeader.magic, true) !== stackMapMagic)
      throw new ImageError('not a stack map');
    const word = (name: keyof typeof stackMapHeader): number => view.getUint32(stackMapHeader[name], true);
    const size = word('size');
    if (size > bytes.length) throw new ImageError('a truncated stack map');
    this.data = bytes.subarray(0, size);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, Math.min(size, bytes.length));
    this.count = word('count');
    this.starts = word('starts');
    this.records = word('functions');
    this.inlined = word('inlined');
    this.inlinedCount = word('inlinedCount');
    if (this.starts + 4 * (this.count + 1) > size || this.records + stackMapRecordBytes * this.count > size)
      throw new ImageError("the stack map's tables lie outside of it");
    if (this.inlined + stackMapInlinedBytes * this.inlinedCount > size)
      throw new ImageError("the stack map's inlined calls lie outside of it");
    const scheme = stackMapSchemes[word('scheme')];
    if (scheme === undefined) throw new ImageError('the stack map is of no known scheme');
    this.scheme = scheme;
    this.leavesPublish = (word('flags') & stackMapLeavesPublish) !== 0;
    this.selfInRecords = (word('flags') & stackMapSelfInRecords) !== 0;
    for (let i = 0; i < this.count; i++)
      if (this.start(i) > this.start(i + 1))
        throw new ImageError("the stack map's functions are out of order");
  }

  private start(index: number): number {
    return this.view.getUint32(this.starts + 4 * index, true);
  }

  /**
   * @throws RangeError if there is no function of that number
   */
  function(index: number): MappedFunction {
    if (!(index >= 0 && index < this.count)) throw new RangeError(`the stack map has no function ${index}`);
    const record = this.records + stackMapRecordBytes * index;
    const words = Object.fromEntries(
      stackMapFields.map((field, k) => [
        field,
        signedFields.has(field)
          ? this.view.getInt32(record + 4 * k, true)
          : this.view.getUint32(record + 4 * k, true),
      ]),
    ) as Record<StackMapField, number>;
    if (words.kind >= Object.keys(stackMapKinds).length)
      throw new ImageError(`function ${index} of the stack map is of no known kind`);
    return { ...words, index, offset: this.start(index) };
  }

  /** The function that the byte at `codeOffset` belongs to; undefined for padding and constants. */
  functionAt(codeOffset: number): MappedFunction | undefined {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.start(middle) <= codeOffset) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const found = this.function(low - 1);
    return codeOffset < found.offset + found.size ? found : undefined;
  }

  /**
   * @throws ImageError where the name lies outside of the map or is no UTF-8
   */
  name({ index, name }: MappedFunction): string {
    const end = this.data.indexOf(0, name);
    if (end < 0) throw new ImageError(`the name of function ${index} does not end`);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(this.data.subarray(name, end));
    } catch {
      throw new ImageError(`the name of function ${index} is no UTF-8`);
    }
  }

  /** Position of the operator that the code at `codeOffset` carries out, or -1: see {@link framesAt}. */
  positionAt(codeOffset: number): number {
    const f = this.functionAt(codeOffset);
    if (f === undefined) return -1;
    let position = 0;
    let found = -1;
    this.rows(f.positions, codeOffset - f.offset, () => {
      const here = this.unsigned();
      position = (position + this.signed()) | 0;
      return [here, () => (found = position)];
    });
    return found;
  }

  /**
   * The frames that the code at `codeOffset` stands for: inlined functions, innermost first, then the function whose code it is.
   * None outside of functions.
   */
  framesAt(codeOffset: number): MappedFrame[] {
    const f = this.functionAt(codeOffset);
    if (f === undefined) return [];
    const frames: MappedFrame[] = [];
    let position = this.positionAt(codeOffset);
    for (let row = this.inlinedRow(position, this.inlinedCount); row >= 0; ) {
      const [base, index, bodyStart, call] = [0, 1, 2, 3].map((word) => this.inlinedWord(row, word));
      if (index < 0 || index >= this.count) throw new ImageError('an inlined call is of no function');
      frames.push({ index, wasmOffset: position - base + bodyStart });
      position = call;
      // A call lies in a body before its own: so every chain ends.
      row = this.inlinedRow(position, row);
    }
    frames.push({ index: f.index, wasmOffset: position });
    return frames;
  }

  /** Number of the inlined call in whose body the code at `codeOffset` is, or -1: what its stream says. */
  inlinedAt(codeOffset: number): number {
    const f = this.functionAt(codeOffset);
    if (f === undefined) return -1;
    let row = -1;
    let found = -1;
    this.rows(f.inlined, codeOffset - f.offset, () => {
      const here = this.unsigned();
      row = (row + this.signed()) | 0;
      return [here, () => (found = row)];
    });
    return found >= 0 && found < this.inlinedCount ? found : -1;
  }

  /** Number of the inlined call, before `limit`, whose body has `position`, or -1. */
  private inlinedRow(position: number, limit: number): number {
    let low = 0;
    let high = limit;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.inlinedWord(middle, 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private inlinedWord(row: number, word: number): number {
    return this.view.getInt32(this.inlined + stackMapInlinedBytes * row + 4 * word, true);
  }

  /** The frame while the instruction at `codeOffset` is next to run; undefined outside of functions. */
  frameAt(codeOffset: number): FrameAt | undefined {
    const f = this.functionAt(codeOffset);
    if (f === undefined) return undefined;
    let found: FrameAt | undefined;
    this.rows(f.frames, codeOffset - f.offset, () => {
      const first = this.unsigned();
      const cfa = this.unsigned();
      const returnAddress = this.unsigned() - 1;
      return [first >>> 1, () => (found = { cfa, returnAddress, published: (first & 1) !== 0 })];
    });
    return found;
  }

  /** Why the instruction at exactly `codeOffset` traps, or undefined where none is expected to. */
  trapAt(codeOffset: number): TrapKind | undefined {
    const f = this.functionAt(codeOffset);
    if (f === undefined) return undefined;
    let at = 0;
    let found: number | undefined;
    this.rows(f.traps, codeOffset - f.offset, () => {
      const difference = this.unsigned();
      const kind = this.unsigned();
      at += difference;
      return [difference, () => (found = at === codeOffset - f.offset ? kind : undefined)];
    });
    if (found !== undefined && found >= trapMessages.length)
      throw new ImageError('a trap of the stack map is of no known kind');
    return found as TrapKind | undefined;
  }

  /**
   * Goes through the rows at offsets up to `target` from the function's start.
   * @param row reads one; returns its distance from the one before, and what to do if it is not behind `target`
   */
  private rows(stream: number, target: number, row: () => readonly [number, () => void]): void {
    this.at = stream;
    let at = 0;
    for (let left = this.unsigned(); left > 0; left--) {
      const [difference, take] = row();
      at += difference;
      if (at > target) return;
      take();
    }
  }

  private byte(): number {
    if (this.at >= this.data.length) throw new ImageError('a stream of the stack map lies outside of it');
    return this.data[this.at++];
  }

  /** LEB128 of 32 bits. */
  private unsigned(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new ImageError('a number of the stack map is too long');
  }

  private signed(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return shift < 28 && (byte & 0x40) !== 0 ? value | (-0x80 << shift) : value;
    }
    throw new ImageError('a number of the stack map is too long');
  }
}

const signedFields: ReadonlySet<StackMapField> = new Set(['recordOffset', 'wasmIndex']);
