import { floorIndex } from '../../compiler/image/lookup.ts';

/** A place in a program's source. */
export interface SourcePosition {
  /** Index in {@link SourceLines.files}. */
  readonly file: number;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1; 0 where only the line is known. */
  readonly column: number;
}

/** Which place in the source each operator of a module comes from. */
export class SourceLines {
  /** Paths and URLs as the module gives them: text that anyone can have written. */
  readonly files: readonly string[];
  private readonly offsets: Uint32Array;
  private readonly file: Int32Array;
  private readonly line: Uint32Array;
  private readonly column: Uint32Array;

  constructor(files: readonly string[], rows: SourceRows) {
    this.files = files;
    this.offsets = rows.offsets.taken();
    this.file = Int32Array.from(rows.file.taken());
    this.line = rows.line.taken();
    this.column = rows.column.taken();
  }

  /** How many ranges of bytes are told apart. */
  get size(): number {
    return this.offsets.length;
  }

  /**
   * Where the operator at a byte of the module comes from; undefined where nobody wrote it, or nothing is known.
   * @param from first byte of the function's body: what is known of a function before it says nothing of this one
   */
  at(offset: number, from = 0): SourcePosition | undefined {
    const row = floorIndex(this.offsets, offset);
    if (row < 0 || this.offsets[row] < from || this.file[row] < 0) return undefined;
    return { file: this.file[row], line: this.line[row], column: this.column[row] };
  }
}

/** So many rows are read at most, more than the largest modules have: each takes 16 bytes. */
const rowLimit = 2 ** 24;

/** Rows of {@link SourceLines} in the making; each holds up to the next, and of those with one offset the last counts. */
export class SourceRows {
  offsets = new Column();
  file = new Column();
  line = new Column();
  column = new Column();

  get length(): number {
    return this.offsets.length;
  }

  /**
   * @param file -1 where no source is known from here on
   * @returns false where there are too many
   */
  add(offset: number, file: number, line: number, column: number): boolean {
    if (this.length >= rowLimit) return false;
    this.offsets.push(offset);
    this.file.push(file);
    this.line.push(line);
    this.column.push(column);
    return true;
  }

  /** Takes back the rows from `length` on. */
  cut(length: number): void {
    for (const each of [this.offsets, this.file, this.line, this.column]) each.length = length;
  }

  /** The rows of `order`, in that order. */
  arranged(order: Iterable<number>): SourceRows {
    const rows = new SourceRows();
    for (const row of order)
      rows.add(
        this.offsets.values[row],
        this.file.values[row] | 0,
        this.line.values[row],
        this.column.values[row],
      );
    return rows;
  }
}

/** Words in a buffer that grows. */
class Column {
  values = new Uint32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Uint32Array(2 * this.length);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }

  taken(): Uint32Array {
    return this.values.slice(0, this.length);
  }
}
