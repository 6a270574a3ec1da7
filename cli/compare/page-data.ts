import { deflateRawSync } from 'node:zlib';
import { CodeNote } from '../../compiler/backend/assembler.ts';
import type { ImageFunction } from '../../compiler/image/image.ts';
import { functionAt } from '../../compiler/image/lookup.ts';
import type { FunctionKind } from '../../compiler/ir/function.ts';
import { effectsOf } from '../../emu/instruction-effects.ts';
import { ModuleText } from '../profile/wasm-text.ts';
import { shown } from '../shown.ts';
import type { Source, SourcePosition } from '../source/index.ts';
import { type Column, columns } from './columns.ts';
import { shortNames } from './configuration.ts';
import type { BuildReader, CodeRow } from './figures.ts';
import type { CompareReport } from './report.ts';
import { type SourcePane, SourcePanes } from './source-pane.ts';

/** What the page of a comparison is made of, as JSON: all figures. The code of functions comes apart ({@link FunctionCode}). */
export interface PageData {
  readonly title: string;
  /** What was run, or null. */
  readonly run: string | null;
  /** What is known of the source: `lines` where no text is to be had. */
  readonly source: 'none' | 'lines' | 'text';
  readonly sampled: boolean;
  readonly columns: readonly Pick<Column, 'key' | 'title' | 'description'>[];
  readonly configurations: readonly {
    readonly name: string;
    readonly target: string;
    /** In the order of `columns`; null where there is no such figure. */
    readonly total: readonly (number | null)[];
  }[];
  readonly functions: readonly PageFunction[];
}

export interface PageFunction {
  readonly name: string;
  readonly kind: FunctionKind;
  /** In the module's function space, or -1. */
  readonly index: number;
  /** Per configuration, in the order of `columns`; null where the configuration has no such function. */
  readonly figures: readonly (readonly (number | null)[] | null)[];
}

/** The text and the code of one function. Lists rather than objects: there are a million rows in a page. */
export interface FunctionCode {
  /** Lines of WebAssembly, of which the first is the function's head: byte offsets, depths, text joined by line feeds. */
  readonly offsets: readonly number[];
  readonly depths: readonly number[];
  readonly text: string;
  /** Null where no source is known. */
  readonly source: SourcePane | null;
  /** Per configuration; null where it has no such function. */
  readonly code: readonly (CodeList | null)[];
}

/** Machine code, an instruction at each index. */
export interface CodeList {
  /** Offset of the first in the image's code, and the bytes of each. */
  readonly start: number;
  readonly sizes: readonly number[];
  /** Joined by line feeds. */
  readonly text: string;
  /** The line of WebAssembly that it comes from; 0, the head, for entry and exit; of what was inlined, that of the call. */
  readonly lines: readonly number[];
  /** What was inlined: functions and operators, and for each instruction the index there, or -1; empty where nothing was. */
  readonly origins: readonly string[];
  readonly origin: readonly number[];
  /** Letters of {@link marks}, a space for none. */
  readonly marks: string;
  /** What a fault of it means, by the instruction's index. */
  readonly traps: Readonly<Record<number, string>>;
  /** How often each was executed, and its branch taken; null without a run. */
  readonly executed: readonly number[] | null;
  readonly taken: Readonly<Record<number, number>> | null;
  /** Samples by the instruction's index, of those that have any; null where the run was not sampled. */
  readonly samples: Readonly<Record<number, number>> | null;
}

/** How the page marks what an instruction is there for. */
export const marks = {
  [CodeNote.publication]: 'P',
  [CodeNote.spill]: 'S',
  [CodeNote.reload]: 'R',
  [CodeNote.boundsCheck]: 'B',
} as const;

/** Makes the page's data: figures, and for each function its code, packed ({@link packed}). */
export function pageData(
  report: CompareReport,
  readers: readonly BuildReader[],
  source: Source | undefined,
): { readonly figures: PageData; readonly code: readonly string[] } {
  const { configurations } = report;
  const names = shortNames(configurations);
  const used = columns.filter(({ of }) => configurations.some(({ total }) => of(total) !== undefined));
  const byKey = configurations.map(({ functions }) => new Map(functions.map((f) => [f.key, f])));
  const symbols = readers.map(({ functions }) => new Map(functions.map(({ key, f }) => [key, f])));
  const keys = [...new Set(byKey.flatMap((functions) => [...functions.keys()]))];
  const texts = new Texts(readers, source);
  const code: string[] = [];
  const functions = keys.map((key): PageFunction => {
    const reports = byKey.map((each) => each.get(key));
    const { kind, index } = reports.find((each) => each !== undefined) ?? { kind: 'helper', index: -1 };
    const fs = symbols.map((each) => each.get(key));
    code.push(packed(texts.codeOf(index, fs)));
    return {
      name: shown(key),
      kind,
      index,
      figures: reports.map((each) => (each && used.map(({ of }) => rounded(of(each)))) || null),
    };
  });
  return {
    figures: {
      title: shown(report.module.name),
      run: report.run === null ? null : shown(report.run),
      source: texts.source,
      sampled: report.sampling !== null,
      columns: used.map(({ key, title, description }) => ({ key, title, description })),
      configurations: configurations.map(({ target, total }, k) => ({
        name: names[k],
        target,
        total: used.map(({ of }) => rounded(of(total))),
      })),
      functions,
    },
    code,
  };
}

const rounded = (value: number | undefined): number | null =>
  value === undefined ? null : Math.round(value);

/** JSON that the page unpacks when a function is looked at: deflated (RFC 1951), in base64. */
const packed = (code: FunctionCode): string => deflateRawSync(JSON.stringify(code)).toString('base64');

/** Text and code of functions. */
class Texts {
  private readonly readers: readonly BuildReader[];
  private readonly texts: ModuleText;
  private readonly lines: Source['lines'] | undefined;
  private readonly panes: SourcePanes | undefined;

  constructor(readers: readonly BuildReader[], source: Source | undefined) {
    this.readers = readers;
    this.texts = new ModuleText(readers[0].build.image.module);
    this.lines = source?.lines;
    this.panes = source && new SourcePanes(source);
  }

  /** What was found of the source in the functions so far. */
  get source(): PageData['source'] {
    return this.panes?.hasText ? 'text' : this.panes?.hasLines ? 'lines' : 'none';
  }

  codeOf(wasmIndex: number, symbols: readonly (ImageFunction | undefined)[]): FunctionCode {
    const lines = wasmIndex < 0 ? [] : this.texts.lines(wasmIndex);
    const lineOf = (offset: number): number =>
      lines.length === 0 ? 0 : this.texts.indexOf(wasmIndex, offset);
    const code = symbols.map((f, k) => (f === undefined ? null : this.listOf(f, this.readers[k], lineOf)));
    const first = lines[0]?.offset;
    return {
      offsets: lines.map(({ offset }) => offset),
      depths: lines.map(({ depth }) => depth),
      text: lines.map(({ text }) => shown(text)).join('\n'),
      source:
        this.panes?.pane(
          lines.map(({ offset }) => this.lines?.at(offset, first)),
          code.map((each) => each?.positions ?? []),
        ) ?? null,
      code: code.map((each) => (each === null ? null : each.list)),
    };
  }

  private listOf(
    f: ImageFunction,
    reader: BuildReader,
    lineOf: (offset: number) => number,
  ): { readonly list: CodeList; readonly positions: readonly (SourcePosition | undefined)[] } {
    const rows = reader.rows(f);
    const { run } = reader.build;
    const byIndex = (of: (row: CodeRow) => number): Record<number, number> =>
      Object.fromEntries(rows.flatMap((row, k) => (of(row) === 0 ? [] : [[k, of(row)]])));
    // Inlined operators by their names, each once.
    const origins = new Map<
      string,
      { readonly index: number; readonly position: SourcePosition | undefined }
    >();
    const origin = rows.map((row) => {
      if (row.inlined.length === 0) return -1;
      const position = this.positionOf(row);
      const place = position && this.panes && ` (${this.panes.name(position)})`;
      const operator = `0x${row.wasmOffset.toString(16)} ${row.operator}${place ?? ''}`;
      const name = shown([...row.inlined, operator].join(' > '));
      const known = origins.get(name) ?? { index: origins.size, position };
      origins.set(name, known);
      return known.index;
    });
    const list = {
      start: f.offset,
      sizes: rows.map(({ bytes }) => bytes.length),
      text: rows.map((row) => textOf(row, f, reader)).join('\n'),
      lines: rows.map(({ ownOffset }) => lineOf(ownOffset)),
      origins: [...origins.keys()],
      origin: origins.size === 0 ? [] : origin,
      marks: rows.map(markOf).join(''),
      traps: Object.fromEntries(rows.flatMap(({ trap }, k) => (trap === '' ? [] : [[k, trap]]))),
      executed: run === undefined ? null : rows.map(({ executed }) => executed),
      taken: run === undefined ? null : byIndex(({ taken }) => taken),
      samples: run?.samples === undefined ? null : byIndex(({ samples }) => samples),
    };
    return { list, positions: [...origins.values()].map(({ position }) => position) };
  }

  /** Of an inlined operator, in its own function. */
  private positionOf({ wasmOffset }: CodeRow): SourcePosition | undefined {
    return wasmOffset < 0 ? undefined : this.lines?.at(wasmOffset, this.texts.bodyAt(wasmOffset));
  }
}

/** An adapter notes only its stores of `top`. */
function markOf({ note, publishes }: CodeRow): string {
  return note < 0 ? (publishes ? marks[CodeNote.publication] : ' ') : marks[note as CodeNote];
}

/** Calls name what they call. */
function textOf({ text, mnemonic, operands }: CodeRow, f: ImageFunction, { build }: BuildReader): string {
  const [, digits] = /^#?(?:0x)?([\da-f]+)$/.exec(operands) ?? [];
  if (digits === undefined || !effectsOf(build.configuration.target, { mnemonic, operands }).branches)
    return text;
  const to = functionAt(build.image, Number.parseInt(digits, 16));
  return to === undefined || (to.offset === f.offset && !/^(call|blx?)$/.test(mnemonic))
    ? text
    : `${mnemonic} ${shown(to.name)}`;
}
