import { f32Bits, f64HighWord, f64LowWord } from './constants.ts';
import {
  type Block,
  type Callee,
  Func,
  type FunctionKind,
  type FunctionSymbol,
  type Inst,
} from './function.ts';
import { Op, type OpField, ops } from './ops.ts';
import { trapNames } from './print.ts';
import { type Access, accessNames, Region, Type, typeNames } from './types.ts';

/** Text that {@link parseFunction} cannot read. */
export class ParseError extends Error {
  override readonly name = 'ParseError';
  /** Line number, from 1. */
  readonly line: number;
  constructor(message: string, line: number) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

const numberByName = new Map(ops.map((op, number) => [op.name, number]));
const typeByName = new Map(typeNames.map((name, type) => [name as string, type as Type]));

const token =
  /\s*(?:("(?:[^"\\]|\\.)*")|(nan:0x[0-9a-f]+)|([A-Za-z_][\w-]*)|(-?inf\b|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(->|[^\s]))/y;

/** The tokens of one line, taken from the left. */
class Line {
  readonly number: number;
  private readonly tokens: string[] = [];
  private at = 0;

  constructor(text: string, number: number) {
    this.number = number;
    token.lastIndex = 0;
    const end = text.trimEnd().length;
    while (token.lastIndex < end) {
      const match = token.exec(text);
      if (match === null) throw new ParseError('unreadable character', number);
      const found = match[0].trim();
      if (found === ';') break;
      this.tokens.push(found);
    }
  }

  get done(): boolean {
    return this.at === this.tokens.length;
  }

  peek(): string {
    return this.tokens[this.at] ?? '';
  }

  next(): string {
    if (this.done) this.fail('the line ends too early');
    return this.tokens[this.at++];
  }

  accept(text: string): boolean {
    if (this.peek() !== text) return false;
    this.at++;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) this.fail(`expected '${text}' and found '${this.peek()}'`);
  }

  integer(): number {
    const text = this.next();
    const value = Number(text);
    if (!Number.isSafeInteger(value)) this.fail(`'${text}' is no integer`);
    return value;
  }

  /** The number in a name such as `block12` or `v7`. */
  numbered(prefix: string): number {
    const text = this.next();
    const digits = text.slice(prefix.length);
    if (!text.startsWith(prefix) || !/^\d+$/.test(digits)) this.fail(`'${text}' is no ${prefix} number`);
    return Number(digits);
  }

  fail(message: string): never {
    throw new ParseError(message, this.number);
  }
}

/** An instruction whose operands are still names. */
interface Pending {
  readonly inst: Inst;
  readonly args: readonly number[];
  readonly line: number;
}

/**
 * Reads the text form that `printFunction` writes: parse(print(f)) prints identically. Instruction and block
 * numbers are kept; `;` starts a comment; nothing beyond the syntax is checked (that is the verifier's).
 * @throws ParseError
 */
export function parseFunction(text: string): Func {
  const lines = text
    .split('\n')
    .map((line, k) => new Line(line, k + 1))
    .filter((line) => !line.done);
  const head = lines.shift();
  if (head === undefined) throw new ParseError('no function', 1);
  const func = parseHead(head);
  const names = new Names(func, text.slice(text.indexOf('{')));
  const pending: Pending[] = [];
  let block: Block | null = null;
  let closed = false;
  for (const line of lines) {
    if (closed) line.fail('text behind the function');
    if (line.accept('}')) closed = true;
    else if (/^block\d+$/.test(line.peek())) block = parseBlockHead(line, func, names);
    else if (block === null) line.fail('instruction outside a block');
    else pending.push(parseInst(line, func, block, names));
  }
  if (!closed) throw new ParseError("missing '}'", text.split('\n').length);
  for (const { inst, args, line } of pending) {
    if (args.length > 0) inst.args = args.map((id) => names.defined(id, line));
  }
  return func;
}

/** Instructions and blocks by their printed numbers, made in number order so that the function numbers them alike. */
class Names {
  private readonly insts: Inst[] = [];
  private readonly blocks: Block[] = [];
  private readonly known = new Set<number>();

  constructor(func: Func, text: string) {
    const largest = (pattern: RegExp) => {
      let most = -1;
      for (const match of text.matchAll(pattern)) most = Math.max(most, Number(match[1]));
      return most;
    };
    const blockCount = largest(/\bblock(\d+)\b/g) + 1;
    for (let k = 0; k < blockCount; k++) this.blocks.push(func.detachedBlock());
    if (blockCount === 0) throw new ParseError('no block', 1);
    const instCount = largest(/\bv(\d+) =/g) + 1;
    for (let k = 0; k < instCount; k++)
      this.insts.push(func.newInst(Op.const, Type.none, [], this.blocks[0], -1));
  }

  block(number: number): Block {
    return this.blocks[number];
  }

  define(number: number, line: Line): Inst {
    if (this.known.has(number)) line.fail(`v${number} is defined twice`);
    this.known.add(number);
    return this.insts[number];
  }

  defined(number: number, line: number): Inst {
    if (!this.known.has(number)) throw new ParseError(`v${number} is not defined`, line);
    return this.insts[number];
  }
}

function parseTypes(line: Line): Type[] {
  const types: Type[] = [];
  line.expect('(');
  while (!line.accept(')')) {
    types.push(parseType(line));
    if (line.peek() !== ')') line.expect(',');
  }
  return types;
}

function parseType(line: Line): Type {
  const name = line.next();
  return typeByName.get(name) ?? line.fail(`'${name}' is no type`);
}

function parseHead(line: Line): Func {
  line.expect('function');
  line.expect('@');
  const id = line.integer();
  const name: unknown = JSON.parse(line.next());
  const kind = line.next();
  let wasmIndex = -1;
  if (line.accept('[')) {
    wasmIndex = line.integer();
    line.expect(']');
  }
  const params = parseTypes(line);
  line.expect('->');
  const results = parseTypes(line);
  const convention = line.accept('entry') ? 'entry' : 'wasm';
  const slots = line.accept('slots') ? line.integer() : 0;
  const origin = line.accept('at') ? line.integer() : -1;
  line.expect('{');
  const symbol: FunctionSymbol = { id, name: String(name), kind: kind as FunctionKind, wasmIndex };
  const func = new Func(symbol, params, results, convention, origin);
  func.slotBytes = slots;
  return func;
}

function parseBlockHead(line: Line, func: Func, names: Names): Block {
  const block = names.block(line.numbered('block'));
  line.expect('(');
  while (!line.accept(')')) {
    block.preds.push(names.block(line.numbered('block')));
    if (line.peek() !== ')') line.expect(',');
  }
  block.cold = line.accept('cold');
  line.expect(':');
  func.blocks.push(block);
  return block;
}

function parseInst(line: Line, func: Func, block: Block, names: Names): Pending {
  let inst: Inst;
  if (/^v\d+$/.test(line.peek())) {
    inst = names.define(line.numbered('v'), line);
    inst.block = block;
    line.expect('=');
  } else inst = func.newInst(Op.const, Type.none, [], block, -1);
  const name = line.next();
  inst.op = numberByName.get(name) ?? line.fail(`no operation '${name}'`);
  const { typing, fields } = ops[inst.op];
  inst.type = typing.endsWith('i') ? Type.i32 : Type.none;
  if (line.accept('.')) inst.type = parseType(line);
  const args: number[] = [];
  const leading = fields.filter((field) => isLeading(field));
  for (let first = true; !line.done && line.peek() !== 'at'; first = false) {
    if (!first) line.expect(',');
    const field = leading.shift();
    if (field !== undefined) parseLeading(line, inst, field);
    else if (/^v\d+$/.test(line.peek())) args.push(line.numbered('v'));
    else parseTrailing(line, inst, names);
  }
  if (line.accept('at')) inst.origin = line.integer();
  if (!line.done) line.fail(`'${line.peek()}' behind the instruction`);
  if (inst.callee !== null && inst.callee.results.length === 1) inst.type = inst.callee.results[0];
  (inst.op === Op.phi ? block.phis : block.insts).push(inst);
  return { inst, args, line: line.number };
}

const isLeading = (field: OpField): boolean =>
  field === 'imm' || field === 'result' || field === 'trap' || field === 'callee';

/** Fields that stand before the inputs. */
function parseLeading(line: Line, inst: Inst, field: OpField): void {
  if (field === 'trap') {
    const name = line.next();
    inst.imm = trapNames.indexOf(name);
    if (inst.imm < 0) line.fail(`no trap '${name}'`);
  } else if (field === 'callee') inst.callee = parseCallee(line);
  else if (inst.op === Op.const) parseConstant(line, inst);
  else inst.imm = line.integer();
}

function parseCallee(line: Line): Callee {
  line.expect('@');
  const symbol = line.integer();
  const params = parseTypes(line);
  line.expect('->');
  return { symbol, params, results: parseTypes(line) };
}

/** Fields with a key word, switch tables and successors. */
function parseTrailing(line: Line, inst: Inst, names: Names): void {
  if (line.accept('[')) {
    const cases: number[] = [];
    while (!line.accept(']')) cases.push(line.integer());
    inst.table = Int32Array.from(cases);
  } else if (line.accept('offset')) inst.offset = line.integer();
  else if (line.accept('access')) inst.access = accessNames.indexOf(line.next() as 'full') as Access;
  else if (line.accept('region')) inst.region = parseRegion(line);
  else inst.block.succs.push(names.block(line.numbered('block')));
}

function parseRegion(line: Line): number {
  const name = line.next();
  const numbered = /^(memory|global)(\d+)$/.exec(name);
  if (numbered) return Region[numbered[1] as 'memory' | 'global'] + Number(numbered[2]);
  return Region[name as keyof typeof Region] ?? line.fail(`no region '${name}'`);
}

function parseConstant(line: Line, inst: Inst): void {
  if (inst.type === Type.i32) inst.imm = line.integer();
  else if (inst.type === Type.v128) {
    inst.imm = line.integer();
    inst.imm2 = line.integer();
  } else if (inst.type === Type.i64) {
    const value = BigInt(line.next());
    inst.imm = Number(BigInt.asIntN(32, value));
    inst.imm2 = Number(BigInt.asIntN(32, value >> 32n));
  } else parseFloatConstant(line, inst);
}

function parseFloatConstant(line: Line, inst: Inst): void {
  const text = line.next();
  const double = inst.type === Type.f64;
  if (text.startsWith('nan:0x')) {
    const bits = BigInt(text.slice(4));
    inst.imm = Number(BigInt.asIntN(32, bits));
    inst.imm2 = double ? Number(BigInt.asIntN(32, bits >> 32n)) : 0;
    return;
  }
  const value = Number(text.replace('inf', 'Infinity'));
  if (Number.isNaN(value)) line.fail(`'${text}' is no number`);
  inst.imm = double ? f64LowWord(value) : f32Bits(value);
  inst.imm2 = double ? f64HighWord(value) : 0;
}
