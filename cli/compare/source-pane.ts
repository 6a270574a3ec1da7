import { shown } from '../shown.ts';
import type { Source, SourcePosition } from '../source/index.ts';

/** The source of a function, as rows that stand in place of its WebAssembly. Lists rather than objects, as in FunctionCode. */
export interface SourcePane {
  /** Lines, counted from 1; 0 for the name of a file, -1 where lines are left out. */
  readonly numbers: readonly number[];
  /** Of each row, joined by line feeds. */
  readonly text: string;
  /** For each line of WebAssembly the row that it comes from, or -1; and the column there, counted from 1, or 0. */
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  /** The same for each inlined operator, by configuration and index in CodeList.origins. */
  readonly origins: readonly (readonly number[])[];
}

/** Lines of which no code came are shown where there are so few of them between others. */
const between = 6;
/** Longer lines are cut: nobody wrote them. */
const longestLine = 400;
/** Of longer paths the end is shown. */
const longestPath = 200;
/** Rows of one function; more of them are not what a person reads. */
const mostRows = 20_000;
/** Characters of source in all of a page. Functions bring their own, so lines that are inlined everywhere are there many times. */
const mostCharacters = 2 ** 26;

/** Makes the source rows of functions, one after the other. */
export class SourcePanes {
  private readonly source: Source;
  private characters = 0;
  /** True where a function has lines whose text is there. */
  hasText = false;
  /** True where a function has lines at all. */
  hasLines = false;

  constructor(source: Source) {
    this.source = source;
  }

  /** A place for people: `main.c:12:5`. */
  name({ file, line, column }: SourcePosition): string {
    const name = this.path(file);
    return column === 0 ? `${name}:${line}` : `${name}:${line}:${column}`;
  }

  /**
   * Rows of the lines that a function comes from, by file: that of its first operator first.
   *
   * @param own of its lines of WebAssembly
   * @param inlined by configuration
   * @returns null where no line is known
   */
  pane(
    own: readonly (SourcePosition | undefined)[],
    inlined: readonly (readonly (SourcePosition | undefined)[])[],
  ): SourcePane | null {
    const byFile = new Map<number, Set<number>>();
    for (const position of [...own, ...inlined.flat()]) {
      if (position === undefined) continue;
      const lines = byFile.get(position.file) ?? new Set<number>();
      byFile.set(position.file, lines.add(position.line));
    }
    if (byFile.size === 0) return null;
    this.hasLines = true;
    const numbers: number[] = [];
    const texts: string[] = [];
    const rowOf = new Map<number, Map<number, number>>();
    const add = (number: number, text: string): number => {
      texts.push(text);
      return numbers.push(number) - 1;
    };
    for (const [file, lines] of byFile) {
      if (numbers.length >= mostRows) break;
      const text = this.source.text(file);
      const rows = new Map<number, number>();
      rowOf.set(file, rows);
      add(0, this.path(file));
      let last = 0;
      for (const line of [...lines].sort((a, b) => a - b)) {
        if (numbers.length >= mostRows) break;
        if (last > 0 && line > last + 1) {
          if (text !== undefined && line - last - 1 <= between)
            for (let skipped = last + 1; skipped < line; skipped++) add(skipped, this.lineOf(text, skipped));
          else add(-1, '');
        }
        rows.set(line, add(line, this.lineOf(text, line)));
        last = line;
      }
    }
    const rowAt = (position: SourcePosition | undefined): number =>
      (position && rowOf.get(position.file)?.get(position.line)) ?? -1;
    return {
      numbers,
      text: texts.join('\n'),
      rows: own.map(rowAt),
      columns: own.map((position) => position?.column ?? 0),
      origins: inlined.map((each) => each.map(rowAt)),
    };
  }

  private path(file: number): string {
    const path = this.source.lines.files[file];
    return shown(path.length > longestPath ? `…${path.slice(-longestPath)}` : path);
  }

  /** One line; empty where it is not to be had, as for lines behind a file's last. */
  private lineOf(text: readonly string[] | undefined, line: number): string {
    const found = text?.[line - 1];
    if (found === undefined) return '';
    const cut = found.length > longestLine ? `${found.slice(0, longestLine)}…` : found;
    this.characters += cut.length;
    if (this.characters > mostCharacters) return '';
    this.hasText = true;
    // A tab is no control character of ours; a browser would show it as it likes.
    return shown(cut.replaceAll('\t', '    '));
  }
}
