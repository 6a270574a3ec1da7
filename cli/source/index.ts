import { CompileError } from '../../compiler/errors.ts';
import { ByteReader } from '../../compiler/wasm/bytes.ts';
import { readSections } from '../../compiler/wasm/edit.ts';
import type { Module } from '../../compiler/wasm/module.ts';
import { Section } from '../../compiler/wasm/sections.ts';
import type { DwarfSections } from './dwarf-forms.ts';
import { readDwarfLines } from './dwarf-lines.ts';
import { SourceError } from './error.ts';
import { SourceFolders } from './files.ts';
import type { SourceLines } from './lines.ts';
import { readSourceMap } from './source-map.ts';

export { SourceError } from './error.ts';
export type { SourceLines, SourcePosition } from './lines.ts';

/** Maps hold all sources. */
const largestMap = 2 ** 27;

/** Where text may be read from. What a module brings along needs neither. */
export interface SourceOptions {
  /** Where the module lies, and so may the map that it names. */
  readonly moduleFolder?: string;
  /** Folders of source files. */
  readonly folders?: readonly string[];
}

/** The source that a module was compiled from, as far as it says. */
export class Source {
  readonly lines: SourceLines;
  private readonly contents: readonly (string | undefined)[];
  private readonly folders: SourceFolders;
  private readonly texts = new Map<number, readonly string[] | undefined>();

  constructor(lines: SourceLines, contents: readonly (string | undefined)[], folders: SourceFolders) {
    this.lines = lines;
    this.contents = contents;
    this.folders = folders;
  }

  /** The lines of a file, or undefined where its text is not to be had. */
  text(file: number): readonly string[] | undefined {
    let lines = this.texts.get(file);
    if (lines === undefined && !this.texts.has(file)) {
      const text = this.contents[file] ?? this.folders.text(this.lines.files[file]);
      lines = text?.split(/\r\n|[\r\n]/);
      this.texts.set(file, lines);
    }
    return lines;
  }
}

/**
 * What a module says of its source: by DWARF, else by a source map that it holds, or names and that lies beside it. Nothing is fetched.
 *
 * @returns undefined if it says nothing
 * @throws SourceError if what it says is damaged, or not to be had
 */
export function readSource(
  module: Module,
  { moduleFolder, folders = [] }: SourceOptions = {},
): Source | undefined {
  const named = new SourceFolders(folders);
  try {
    const lines = readDwarfLines(module.bytes, dwarfSections(module), codeOf(module));
    if (lines !== undefined) return new Source(lines, [], named);
  } catch (error) {
    if (error instanceof CompileError) throw new SourceError(`its DWARF is damaged: ${error.message}`);
    throw error;
  }
  const url = mapUrl(module);
  if (url === undefined) return undefined;
  const beside = moduleFolder === undefined ? folders : [moduleFolder, ...folders];
  const { lines, contents } = readSourceMap(mapText(url, new SourceFolders(beside)));
  return new Source(lines, contents, named);
}

const dwarfSections = ({ customSections }: Module): DwarfSections =>
  new Map(customSections.map(({ name, start, end }) => [name, { start, end }]));

/** The code section's contents. */
function codeOf({ bytes }: Module): { readonly start: number; readonly end: number } {
  const code = readSections(bytes).get(Section.code);
  const start = code === undefined ? 0 : code.byteOffset - bytes.byteOffset;
  return { start, end: start + (code?.length ?? 0) };
}

/** WebAssembly tool conventions, "Debugging": a custom section that holds a name. */
function mapUrl({ bytes, customSections }: Module): string | undefined {
  const found = customSections.find(({ name }) => name === 'sourceMappingURL');
  if (found === undefined) return undefined;
  const r = new ByteReader(bytes, found.start, found.end);
  try {
    return r.name();
  } catch {
    throw new SourceError('its source map has no readable name');
  }
}

function mapText(url: string, folders: SourceFolders): string {
  const [, type, data] = /^data:([^,]*),(.*)$/s.exec(url) ?? [];
  if (data !== undefined) {
    if (/;base64$/i.test(type)) return Buffer.from(data, 'base64').toString('utf8');
    try {
      return decodeURIComponent(data);
    } catch {
      throw new SourceError('the source map that it holds is damaged');
    }
  }
  const name = url.length > 80 ? `${url.slice(0, 80)}…` : url;
  if (/^[a-z][a-z\d+.-]+:/i.test(url)) throw new SourceError(`its source map, ${name}, is not fetched`);
  const text = folders.text(url, largestMap);
  if (text === undefined) throw new SourceError(`its source map, ${name}, is not there`);
  return text;
}
