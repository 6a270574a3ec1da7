/**
 * S-expressions of the WebAssembly text format (spec, "Text Format", Lexical Format), kept as loosely as a script runner
 * needs: what stands inside a module is the assembler's business, so any run of non-delimiters is an atom here.
 */

/** A malformed script: unbalanced parentheses, an unterminated string or comment. */
export class WastSyntaxError extends Error {
  override readonly name = 'WastSyntaxError';
  /** 1-based line in the script. */
  readonly line: number;
  constructor(message: string, line: number) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

/** Where a node stands: UTF-16 offsets into the source (end exclusive) and the 1-based line of its start. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly line: number;
}

export interface SAtom extends Span {
  readonly kind: 'atom';
  readonly text: string;
}

/** A string literal; its bytes need not be UTF-8. */
export interface SString extends Span {
  readonly kind: 'string';
  readonly bytes: Uint8Array;
}

export interface SList extends Span {
  readonly kind: 'list';
  readonly items: readonly SNode[];
}

export type SNode = SAtom | SString | SList;

const Char = {
  tab: 9,
  newline: 10,
  return: 13,
  space: 32,
  quote: 34,
  open: 40,
  close: 41,
  at: 64,
  semicolon: 59,
  backslash: 92,
} as const;

/**
 * Parses all top-level forms of a script. Comments and annotations vanish.
 * @throws WastSyntaxError
 */
export function parseSExpressions(source: string): SNode[] {
  return new Reader(source).forms();
}

class Reader {
  private readonly source: string;
  private at = 0;
  private line = 1;

  constructor(source: string) {
    this.source = source;
  }

  /** Iterative, so that depth of nesting costs no stack. */
  forms(): SNode[] {
    const { source } = this;
    let items: SNode[] = [];
    const outer: { items: SNode[]; start: number; line: number; annotation: boolean }[] = [];
    for (;;) {
      this.skipSpace();
      if (this.at >= source.length) break;
      const start = this.at;
      const line = this.line;
      const char = source.charCodeAt(start);
      if (char === Char.open) {
        this.at++;
        outer.push({ items, start, line, annotation: source.charCodeAt(this.at) === Char.at });
        items = [];
      } else if (char === Char.close) {
        this.at++;
        const open = outer.pop();
        if (open === undefined) throw new WastSyntaxError('unexpected )', line);
        const list: SList = { kind: 'list', items, start: open.start, end: this.at, line: open.line };
        items = open.items;
        if (!open.annotation) items.push(list);
      } else if (char === Char.quote) {
        items.push({ kind: 'string', bytes: this.string(), start, end: this.at, line });
      } else {
        items.push({ kind: 'atom', text: this.atom(), start, end: this.at, line });
      }
    }
    const open = outer.pop();
    if (open !== undefined) throw new WastSyntaxError('unclosed (', open.line);
    return items;
  }

  private skipSpace(): void {
    const { source } = this;
    for (;;) {
      const char = source.charCodeAt(this.at);
      if (char === Char.newline) {
        this.line++;
        this.at++;
      } else if (char === Char.space || char === Char.tab || char === Char.return) {
        this.at++;
      } else if (char === Char.semicolon && source.charCodeAt(this.at + 1) === Char.semicolon) {
        // A lone carriage return ends a line comment too; comments.wast depends on it.
        while (this.at < source.length && !isLineEnd(source.charCodeAt(this.at))) this.at++;
      } else if (char === Char.open && source.charCodeAt(this.at + 1) === Char.semicolon) {
        this.blockComment();
      } else {
        return;
      }
    }
  }

  private blockComment(): void {
    const { source } = this;
    const line = this.line;
    let depth = 0;
    do {
      if (this.at >= source.length) throw new WastSyntaxError('unterminated comment', line);
      const char = source.charCodeAt(this.at);
      const next = source.charCodeAt(this.at + 1);
      if (char === Char.open && next === Char.semicolon) {
        depth++;
        this.at += 2;
      } else if (char === Char.semicolon && next === Char.close) {
        depth--;
        this.at += 2;
      } else {
        if (char === Char.newline) this.line++;
        this.at++;
      }
    } while (depth > 0);
  }

  private atom(): string {
    const { source } = this;
    const start = this.at;
    while (this.at < source.length && !isDelimiter(source.charCodeAt(this.at))) {
      if (
        source.charCodeAt(this.at) === Char.semicolon &&
        source.charCodeAt(this.at + 1) === Char.semicolon
      ) {
        break;
      }
      this.at++;
    }
    return source.slice(start, this.at);
  }

  private string(): Uint8Array {
    const { source, line } = this;
    const start = ++this.at;
    let plain = true;
    for (;;) {
      const char = source.charCodeAt(this.at);
      if (this.at >= source.length || char === Char.newline) {
        throw new WastSyntaxError('unterminated string', line);
      }
      this.at++;
      if (char === Char.quote) break;
      if (char === Char.backslash) {
        plain = false;
        this.at++;
      }
    }
    const text = source.slice(start, this.at - 1);
    return plain ? new TextEncoder().encode(text) : decodeEscapes(text, line);
  }
}

function isLineEnd(char: number): boolean {
  return char === Char.newline || char === Char.return;
}

function isDelimiter(char: number): boolean {
  return char <= Char.space || char === Char.open || char === Char.close || char === Char.quote;
}

const simpleEscapes: Readonly<Record<string, number>> = {
  t: 9,
  n: 10,
  r: 13,
  '"': 34,
  "'": 39,
  '\\': 92,
};

function decodeEscapes(text: string, line: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  const encoder = new TextEncoder();
  let at = 0;
  while (at < text.length) {
    const slash = text.indexOf('\\', at);
    if (slash < 0) {
      pieces.push(encoder.encode(text.slice(at)));
      break;
    }
    if (slash > at) pieces.push(encoder.encode(text.slice(at, slash)));
    const simple = simpleEscapes[text[slash + 1]];
    const unicode = /^u\{([0-9a-fA-F_]+)\}/.exec(text.slice(slash + 1, slash + 16));
    const hex = text.slice(slash + 1, slash + 3);
    if (simple !== undefined) {
      pieces.push(Uint8Array.of(simple));
      at = slash + 2;
    } else if (unicode !== null) {
      pieces.push(encoder.encode(String.fromCodePoint(Number.parseInt(unicode[1].replaceAll('_', ''), 16))));
      at = slash + 1 + unicode[0].length;
    } else if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      pieces.push(Uint8Array.of(Number.parseInt(hex, 16)));
      at = slash + 3;
    } else {
      throw new WastSyntaxError(`bad escape \\${hex} in string`, line);
    }
  }
  return Buffer.concat(pieces);
}
