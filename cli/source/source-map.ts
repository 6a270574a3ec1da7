import { posix } from 'node:path';
import { SourceError } from './error.ts';
import { SourceLines, SourceRows } from './lines.ts';

/** What a source map says of a module: lines, and the sources that it brings along. */
export interface SourceMap {
  readonly lines: SourceLines;
  /** By file, text or undefined. */
  readonly contents: readonly (string | undefined)[];
}

/** Digits of base 64 (RFC 4648, §4), by character code; -1 for what is none. */
const digits = new Int8Array(128).fill(-1);
for (const [digit, character] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries())
  digits[character.charCodeAt(0)] = digit;

/** Bits of a digit of a VLQ: five of the number, the lowest first, and one that says that more follow. */
const continues = 32;

/**
 * Reads a source map (ECMA-426) of a module: all of the module is line 1, and columns are its bytes (WebAssembly tool conventions,
 * "Debugging").
 *
 * @param text JSON
 * @throws SourceError if it is no source map of version 3, or one of another kind of file
 */
export function readSourceMap(text: string): SourceMap {
  const map = parse(text);
  const sources = list(map.sources, 'sources');
  const root = typeof map.sourceRoot === 'string' && map.sourceRoot !== '' ? map.sourceRoot : undefined;
  const files = sources.map((source) => {
    const path = typeof source === 'string' ? source : '(unknown)';
    const whole = root === undefined ? path : `${root.replace(/\/$/, '')}/${path}`;
    return /^[a-z][a-z\d+.-]+:/i.test(whole) ? whole : posix.normalize(whole);
  });
  const contents = map.sourcesContent === undefined ? [] : list(map.sourcesContent, 'sourcesContent');
  if (typeof map.mappings !== 'string') throw new SourceError('the source map has no mappings');
  return {
    lines: new SourceLines(files, readMappings(map.mappings, files.length)),
    contents: files.map((_, file) => {
      const content = contents[file];
      return typeof content === 'string' ? content : undefined;
    }),
  };
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    // A map may begin with this line, against inclusion as a script (§9.1).
    value = JSON.parse(text.replace(/^\)\]\}'[^\n]*\n/, ''));
  } catch {
    throw new SourceError('the source map is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SourceError('the source map is no object');
  const map = value as Record<string, unknown>;
  if (map.version !== 3) throw new SourceError('the source map is not of version 3');
  if (map.sections !== undefined)
    throw new SourceError('the source map consists of several, which is not supported');
  return map;
}

function list(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new SourceError(`the source map's ${name} are no list`);
  return value;
}

/** Segments of line 1: column; or column, source, line, column there, and maybe a name; each as the difference to the one before (§9.2). */
function readMappings(mappings: string, sources: number): SourceRows {
  const rows = new SourceRows();
  const fields = [0, 0, 0, 0, 0];
  let at = 0;
  let ordered = true;
  const damaged = (): never => {
    throw new SourceError(`the source map's mappings are damaged at character ${at}`);
  };
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 5) {
      const digit = digits[mappings.charCodeAt(at)] ?? -1;
      if (digit < 0 || shift > 30) return damaged();
      at++;
      value += (digit & (continues - 1)) * 2 ** shift;
      if (digit < continues) break;
    }
    return value % 2 === 0 ? value / 2 : -(value - 1) / 2;
  };
  const ends = (): boolean => at >= mappings.length || mappings[at] === ',' || mappings[at] === ';';
  for (; at < mappings.length && mappings[at] !== ';'; at++) {
    if (mappings[at] === ',') continue;
    let count = 0;
    const before = fields[0];
    for (; !ends() && count < fields.length; count++) fields[count] += number();
    const [offset, source, line, column] = fields;
    const sound =
      ends() &&
      (count === 1 || count === 4 || count === 5) &&
      fields.every((field) => field >= 0 && field < 2 ** 31) &&
      (count === 1 || source < sources);
    if (!sound) damaged();
    if (offset < before) ordered = false;
    const added = count === 1 ? rows.add(offset, -1, 0, 0) : rows.add(offset, source, line + 1, column + 1);
    if (!added) damaged();
    // The loop steps over the comma, and looks at what ends the line.
    if (mappings[at] === ';') break;
  }
  if (ordered) return rows;
  const order = Array.from({ length: rows.length }, (_, row) => row);
  const { values } = rows.offsets;
  return rows.arranged(order.sort((a, b) => values[a] - values[b] || a - b));
}
