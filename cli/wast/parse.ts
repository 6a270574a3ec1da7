import {
  type Action,
  type Argument,
  type Command,
  type Expected,
  type ExpectedBits,
  type LaneShape,
  laneShapes,
  type ModuleForm,
} from './script.ts';
import { parseSExpressions, type SList, type SNode, WastSyntaxError } from './sexpr.ts';
import { floatBits, integerBits } from './values.ts';

/**
 * Parses a WebAssembly script. A file of bare module fields is one module, as the spec's interpreter takes it.
 * Commands of proposals that define further ones come out as `unknown`, so that a runner can name what it skips.
 * @throws WastSyntaxError where the script itself is malformed; modules inside are not looked into
 */
export function parseScript(source: string): Command[] {
  const forms = parseSExpressions(source);
  if (forms.some((form) => moduleFields.has(keywordOf(form)))) {
    const module: ModuleForm = {
      name: undefined,
      source: { kind: 'text', text: `(module ${source})` },
      line: 1,
    };
    return [{ kind: 'module', module, line: 1 }];
  }
  return forms.map((form) => new CommandParser(source, asList(form)).command());
}

const moduleFields: ReadonlySet<string> = new Set([
  'type',
  'rec',
  'import',
  'func',
  'table',
  'memory',
  'global',
  'tag',
  'export',
  'start',
  'elem',
  'data',
]);

function keywordOf(node: SNode): string {
  if (node.kind !== 'list') return '';
  const head = node.items[0];
  return head?.kind === 'atom' ? head.text : '';
}

function asList(node: SNode | undefined, where?: SNode): SList {
  if (node?.kind === 'list') return node;
  throw new WastSyntaxError('expected a parenthesised form', (node ?? where)?.line ?? 0);
}

/** One command. Forms are consumed from left to right through `next`. */
class CommandParser {
  private readonly source: string;
  private readonly form: SList;

  constructor(source: string, form: SList) {
    this.source = source;
    this.form = form;
  }

  command(): Command {
    const { form } = this;
    const { line } = form;
    const keyword = keywordOf(form);
    const items = form.items;
    switch (keyword) {
      case 'module':
        return this.moduleCommand();
      case 'register':
        return { kind: 'register', as: utf8(items[1], form), instance: name(items[2]), line };
      case 'invoke':
      case 'get':
        return { kind: 'action', action: this.action(form), line };
      case 'assert_return':
        return {
          kind: keyword,
          action: this.action(asList(items[1], form)),
          expected: items.slice(2).map(expected),
          line,
        };
      case 'assert_trap':
      case 'assert_exhaustion':
        return { kind: keyword, of: this.actionOrModule(items[1]), message: utf8(items[2], form), line };
      case 'assert_exception':
        return { kind: keyword, action: this.action(asList(items[1], form)), line };
      case 'assert_invalid':
      case 'assert_malformed':
      case 'assert_unlinkable':
        return {
          kind: keyword,
          module: this.module(asList(items[1], form)),
          message: utf8(items[2], form),
          line,
        };
      default:
        return { kind: 'unknown', keyword: keyword || '(', line };
    }
  }

  private moduleCommand(): Command {
    const { form } = this;
    const { line } = form;
    const second = form.items[1];
    const sub = second?.kind === 'atom' ? second.text : '';
    if (sub === 'instance') {
      return { kind: 'instance', name: name(form.items[2]), module: name(form.items[3]), line };
    }
    return { kind: sub === 'definition' ? 'definition' : 'module', module: this.module(form), line };
  }

  private actionOrModule(node: SNode | undefined): Action | ModuleForm {
    const form = asList(node, this.form);
    return keywordOf(form) === 'module' ? this.module(form) : this.action(form);
  }

  private module(form: SList): ModuleForm {
    const { line } = form;
    let at = 1;
    const definition = atomAt(form, at) === 'definition';
    if (definition) at++;
    const moduleName = name(form.items[at]);
    if (moduleName !== undefined) at++;
    const format = atomAt(form, at);
    if (format === 'binary' || format === 'quote') {
      const bytes = Buffer.concat(form.items.slice(at + 1).map((item) => stringBytes(item, form)));
      if (format === 'binary') return { name: moduleName, source: { kind: 'binary', bytes }, line };
      // Latin-1 when it is not UTF-8, so that bad bytes stay visible to the assembler as characters it refuses.
      const text = decode(bytes) ?? bytes.toString('latin1');
      return { name: moduleName, source: { kind: 'quote', text: asModule(text) }, line };
    }
    const whole = this.source.slice(form.start, form.end);
    const keyword = definition ? form.items[1] : undefined;
    const text =
      keyword === undefined
        ? whole
        : whole.slice(0, keyword.start - form.start) + whole.slice(keyword.end - form.start);
    return { name: moduleName, source: { kind: 'text', text }, line };
  }

  private action(form: SList): Action {
    const keyword = keywordOf(form);
    if (keyword !== 'invoke' && keyword !== 'get') {
      throw new WastSyntaxError(`expected an action, found ${keyword}`, form.line);
    }
    const instance = name(form.items[1]);
    const at = instance === undefined ? 1 : 2;
    return {
      kind: keyword,
      instance,
      name: utf8(form.items[at], form),
      args: form.items.slice(at + 1).map(argument),
      line: form.line,
    };
  }
}

/** A quoted module may be the fields alone. */
function asModule(text: string): string {
  return /^\s*(?:\(;.*?;\)|;;[^\n]*\n|\s)*\(\s*module[\s()"]/s.test(text) ? text : `(module ${text}\n)`;
}

function atomAt(form: SList, index: number): string {
  const item = form.items[index];
  return item?.kind === 'atom' ? item.text : '';
}

function name(node: SNode | undefined): string | undefined {
  return node?.kind === 'atom' && node.text.startsWith('$') ? node.text : undefined;
}

function stringBytes(node: SNode | undefined, where: SNode): Uint8Array {
  if (node?.kind === 'string') return node.bytes;
  throw new WastSyntaxError('expected a string', (node ?? where).line);
}

function utf8(node: SNode | undefined, where: SNode): string {
  const bytes = stringBytes(node, where);
  return decode(bytes) ?? Buffer.from(bytes).toString('latin1');
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function argument(node: SNode): Argument {
  const form = asList(node);
  const keyword = keywordOf(form);
  const dot = keyword.indexOf('.');
  const type = keyword.slice(0, dot);
  if (keyword.endsWith('.const')) {
    if (type === 'v128') return { kind: 'v128', bytes: laneBytes(form) };
    if (isNumberType(type)) {
      return { kind: 'number', type, bits: numberBits(type, atomAt(form, 1), form) };
    }
  }
  if (keyword === 'ref.null') return { kind: 'null', heap: atomAt(form, 1) || undefined };
  if (keyword === 'ref.extern') return { kind: 'extern', value: Number(atomAt(form, 1)) };
  if (keyword === 'ref.host') return { kind: 'host', value: Number(atomAt(form, 1)) };
  throw new WastSyntaxError(`unknown constant ${keyword}`, form.line);
}

function expected(node: SNode): Expected {
  const form = asList(node);
  const keyword = keywordOf(form);
  if (keyword === 'either') return { kind: 'either', of: form.items.slice(1).map(expected) };
  if (keyword === 'ref.null') return { kind: 'null', heap: atomAt(form, 1) || undefined };
  if (keyword.startsWith('ref.')) {
    const value = atomAt(form, 1);
    return { kind: 'ref', heap: keyword.slice(4), value: value === '' ? undefined : Number(value) };
  }
  const type = keyword.slice(0, keyword.indexOf('.'));
  if (keyword.endsWith('.const')) {
    if (type === 'v128') {
      const shape = laneShape(form);
      const lanes = form.items.slice(2).map((item) => expectedBits(laneType(shape), item));
      return { kind: 'v128', shape, lanes };
    }
    if (isNumberType(type)) return { kind: 'number', type, bits: expectedBits(type, form.items[1]) };
  }
  throw new WastSyntaxError(`unknown result ${keyword}`, form.line);
}

type LaneType = 'i8' | 'i16' | 'i32' | 'i64' | 'f32' | 'f64';

function isNumberType(type: string): type is 'i32' | 'i64' | 'f32' | 'f64' {
  return type === 'i32' || type === 'i64' || type === 'f32' || type === 'f64';
}

function laneShape(form: SList): LaneShape {
  const text = atomAt(form, 1);
  const shape = laneShapes.find((s) => s === text);
  if (shape === undefined) throw new WastSyntaxError(`unknown lane shape ${text}`, form.line);
  return shape;
}

/** Type of one lane of a shape. */
export function laneType(shape: LaneShape): LaneType {
  switch (shape) {
    case 'i8x16':
      return 'i8';
    case 'i16x8':
      return 'i16';
    case 'i32x4':
      return 'i32';
    case 'i64x2':
      return 'i64';
    case 'f32x4':
      return 'f32';
    case 'f64x2':
      return 'f64';
  }
}

/** Width in bytes of one lane of a shape. */
export function laneWidth(shape: LaneShape): 1 | 2 | 4 | 8 {
  return laneWidths[laneType(shape)];
}

const laneWidths = { i8: 1, i16: 2, i32: 4, i64: 8, f32: 4, f64: 8 } as const;

function laneBytes(form: SList): Uint8Array {
  const shape = laneShape(form);
  const width = laneWidth(shape);
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16 / width; i++) {
    let bits = numberBits(laneType(shape), atomAt(form, 2 + i), form);
    for (let k = 0; k < width; k++) {
      bytes[i * width + k] = Number(bits & 0xffn);
      bits >>= 8n;
    }
  }
  return bytes;
}

function expectedBits(type: LaneType, node: SNode | undefined): ExpectedBits {
  if (node?.kind !== 'atom') throw new WastSyntaxError('expected a number', node?.line ?? 0);
  if (node.text === 'nan:canonical') return 'canonical';
  if (node.text === 'nan:arithmetic') return 'arithmetic';
  return numberBits(type, node.text, node);
}

function numberBits(type: LaneType, text: string, where: SNode): bigint {
  try {
    if (type === 'f32') return floatBits(text, 32);
    if (type === 'f64') return floatBits(text, 64);
    return integerBits(text, type === 'i8' ? 8 : type === 'i16' ? 16 : type === 'i32' ? 32 : 64);
  } catch (error) {
    throw new WastSyntaxError(error instanceof Error ? error.message : String(error), where.line);
  }
}
