import { CompileError } from '../../compiler/errors.ts';
import { floorIndex } from '../../compiler/image/lookup.ts';
import { ByteReader } from '../../compiler/wasm/bytes.ts';
import { functionName, type Module, type ValueType } from '../../compiler/wasm/module.ts';
import { operators, prefixedBase, skipOperator } from '../../compiler/wasm/opcodes.ts';
import { readValueType } from '../../compiler/wasm/value-types.ts';

/**
 * A module as text, for profiles: the text format's operators (WebAssembly 3.0, §6.5), one a line, in the order of the binary.
 * Printed from our own operator table, because that knows which byte each line comes from.
 *
 * Line 1 is the module; then come the functions, each with a line for its type and locals, and a line for each operator.
 */
export interface TextLine {
  /** Byte offset in the module binary: the operator's, or of the function's body in its first line. */
  readonly offset: number;
  /** Blocks around the operator. */
  readonly depth: number;
  readonly text: string;
}

/** Longer lists of labels, locals and types are cut. */
const listed = 16;

/** Block types that are no index: nothing, then value types by the 33-bit integer that their byte is. */
const emptyBlock = -0x40;

/** Where the functions of a module are in its text. */
export class ModuleText {
  private readonly module: Module;
  /** Line of each function's first line, counted from 1; 0 for imports. */
  private readonly starts: Uint32Array;
  /** Where bodies begin, in the order of the binary. */
  private readonly bodies: Uint32Array;
  private readonly functions = new Map<number, readonly TextLine[]>();
  private readonly offsets = new Map<number, Uint32Array>();

  constructor(module: Module) {
    this.module = module;
    this.starts = new Uint32Array(module.functions.length);
    this.bodies = Uint32Array.from(
      module.functions.slice(module.importedFunctions),
      ({ bodyStart }) => bodyStart,
    );
    let line = 2;
    module.functions.forEach(({ bodyEnd }, index) => {
      if (bodyEnd === 0) return;
      this.starts[index] = line;
      line += 1 + countOperators(module, index);
    });
  }

  /** Line of the function's first line, counted from 1; 0 for imports. */
  start(wasmIndex: number): number {
    return this.starts[wasmIndex] ?? 0;
  }

  /** The function's lines; none for imports. */
  lines(wasmIndex: number): readonly TextLine[] {
    let lines = this.functions.get(wasmIndex);
    if (lines === undefined) {
      lines = printFunction(this.module, wasmIndex);
      this.functions.set(wasmIndex, lines);
    }
    return lines;
  }

  /** Where the last body begins that begins at or before a byte of the module; -1 for none. */
  bodyAt(offset: number): number {
    const { bodies } = this;
    const found = floorIndex(bodies, offset);
    return found < 0 ? -1 : bodies[found];
  }

  /** Index, in the function's lines, of the operator at `offset`; 0, the function's first line, for what is none of its own. */
  indexOf(wasmIndex: number, offset: number): number {
    const { bodyStart, bodyEnd } = this.module.functions[wasmIndex];
    if (offset < bodyStart || offset >= bodyEnd) return 0;
    let offsets = this.offsets.get(wasmIndex);
    if (offsets === undefined) {
      offsets = Uint32Array.from(this.lines(wasmIndex), (line) => line.offset);
      this.offsets.set(wasmIndex, offsets);
    }
    return Math.max(0, floorIndex(offsets, offset));
  }
}

/** Reads a function's locals away; returns their types as text. */
function readLocals(r: ByteReader): string {
  const types: string[] = [];
  let count = 0;
  for (let groups = r.u32(); groups > 0; groups--) {
    const of = r.u32();
    const type = readValueType(r);
    for (let k = 0; k < of && types.length < listed; k++) types.push(type);
    count += of;
  }
  return list('local', types, count);
}

/** `(local i32 i32)`, or nothing. */
const list = (word: string, types: readonly string[], count = types.length): string =>
  count === 0
    ? ''
    : ` (${word} ${types.slice(0, listed).join(' ')}${count > listed ? ` … and ${count - listed} more` : ''})`;

function countOperators(module: Module, wasmIndex: number): number {
  let count = 0;
  try {
    const r = bodyReader(module, wasmIndex);
    readLocals(r);
    for (; r.pos < r.end; count++) if (skipOperator(r) < 0) break;
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
  }
  return count;
}

function bodyReader(module: Module, wasmIndex: number): ByteReader {
  const { bodyStart, bodyEnd } = module.functions[wasmIndex];
  return new ByteReader(module.bytes, bodyStart, bodyEnd);
}

/** As many lines as {@link countOperators} says, and one. Images may hold any bytes: at the first that is no operator it ends. */
function printFunction(module: Module, wasmIndex: number): TextLine[] {
  const { typeIndex, bodyStart, bodyEnd } = module.functions[wasmIndex];
  if (bodyEnd === 0) return [];
  const r = bodyReader(module, wasmIndex);
  const type = module.types[typeIndex];
  const head = `func ${identifier(functionName(module, wasmIndex))}${list('param', type.params)}${list('result', type.results)}`;
  const lines: TextLine[] = [{ offset: bodyStart, depth: 0, text: head }];
  try {
    lines[0] = { offset: bodyStart, depth: 0, text: head + readLocals(r) };
    let depth = 1;
    while (r.pos < r.end) {
      const offset = r.pos;
      const byte = r.u8();
      const operator = operators[byte === 0xfc ? prefixedBase + r.u32() : byte];
      if (operator === undefined) break;
      const { name, immediates } = operator;
      let text = name;
      for (const letter of immediates) text += immediate(r, letter, module, name);
      if (name === 'end' || name === 'else') depth = Math.max(0, depth - 1);
      lines.push({ offset, depth, text });
      if (immediates === 'b' || name === 'else') depth++;
    }
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
  }
  return lines;
}

/** An operator's immediate as the text format has it, after a space; empty where the text leaves it out. */
function immediate(r: ByteReader, letter: string, module: Module, operator: string): string {
  switch (letter) {
    case 'b':
      return blockType(r, module);
    case 'f':
      return ` ${identifier(functionName(module, r.u32()))}`;
    case 'L': {
      const count = r.u32();
      const labels: number[] = [];
      for (let k = 0; k <= count; k++) {
        const label = r.u32();
        if (k < listed || k === count) labels.push(label);
      }
      if (count > listed)
        return ` ${labels.slice(0, -1).join(' ')} … and ${count - listed} more ${labels.at(-1)}`;
      return ` ${labels.join(' ')}`;
    }
    case 't':
      return ` (type ${r.u32()})`;
    case 'm':
      return memoryArgument(r, operator);
    // Almost always the only one there is.
    case 'T':
    case 'M': {
      const index = r.u32();
      return index === 0 ? '' : ` ${index}`;
    }
    case 'r': {
      const type = r.s33();
      return type === -0x10 ? ' func' : type === -0x11 ? ' extern' : ` ${type}`;
    }
    case 'R': {
      const types: ValueType[] = [];
      for (let count = r.u32(); count > 0; count--) types.push(readValueType(r));
      return list('result', types);
    }
    case 'i':
      return ` ${r.s32()}`;
    case 'I': {
      const low = r.s64() >>> 0;
      return ` ${(BigInt(r.high) << 32n) | BigInt(low)}`;
    }
    case 'F':
      return ` ${float(r.word32(), 0, 4)}`;
    case 'D': {
      const low = r.word64();
      return ` ${float(low, r.high, 8)}`;
    }
    default:
      return ` ${r.u32()}`;
  }
}

function blockType(r: ByteReader, module: Module): string {
  const at = r.pos;
  const index = r.s33();
  if (index === emptyBlock) return '';
  if (index < 0) {
    r.pos = at;
    return ` (result ${readValueType(r)})`;
  }
  const type = module.types[index];
  return type === undefined ? ` (type ${index})` : list('param', type.params) + list('result', type.results);
}

/** Alignment is said where it is not the natural one, which is the width of the access. */
function memoryArgument(r: ByteReader, operator: string): string {
  const align = r.u32();
  const offset = r.u32();
  const width = /(?:load|store)(\d+)/.exec(operator)?.[1] ?? operator.slice(1, 3);
  const natural = Math.log2(Number(width) / 8);
  return `${offset === 0 ? '' : ` offset=${offset}`}${align === natural ? '' : ` align=${2 ** align}`}`;
}

/** A float as the text format writes it. */
function float(low: number, high: number, bytes: 4 | 8): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setInt32(0, low, true);
  view.setInt32(4, high, true);
  const value = bytes === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
  if (Number.isFinite(value))
    return Object.is(value, -0) ? '-0' : String(bytes === 4 ? shortest(value) : value);
  const sign = (bytes === 4 ? low : high) < 0 ? '-' : '';
  if (!Number.isNaN(value)) return `${sign}inf`;
  const payload = bytes === 4 ? BigInt(low & 0x7fffff) : (BigInt(high & 0xfffff) << 32n) | BigInt(low >>> 0);
  return `${sign}nan:0x${payload.toString(16)}`;
}

/** The f64 with fewest digits that rounds to an f32. */
const shortest = (value: number): number =>
  [6, 7, 8].map((digits) => Number(value.toPrecision(digits))).find((n) => Math.fround(n) === value) ?? value;

/** `$name`, quoted where it has characters that identifiers lack (§6.3.5). */
function identifier(name: string): string {
  if (/^[\w!#$%&'*+\-./:<=>?@\\^`|~]+$/.test(name)) return `$${name}`;
  return `$"${name.replace(/["\\]/g, '\\$&').replace(/\p{Cc}/gu, (c) => `\\${(c.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`)}"`;
}
