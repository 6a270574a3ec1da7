import { f32FromBits, f64FromWords, i64FromWords } from './constants.ts';
import type { Block, Callee, Func, Inst } from './function.ts';
import { Op, ops } from './ops.ts';
import { Access, accessNames, Region, TrapKind, Type, typeNames } from './types.ts';

export interface PrintOptions {
  /** Also print where in the module each instruction comes from. */
  readonly origins?: boolean;
}

/** Names of {@link TrapKind}, by number. */
export const trapNames = Object.keys(TrapKind);

/** Fixed region names, by number; linear memories and globals are numbered behind their class's name. */
const regionNames = new Map<number, string>(
  Object.entries(Region)
    .filter(([name]) => name !== 'memory' && name !== 'global')
    .map(([name, number]) => [number, name]),
);

export function regionName(region: number): string {
  const fixed = regionNames.get(region);
  if (fixed !== undefined) return fixed;
  return region >= Region.global ? `global${region - Region.global}` : `memory${region - Region.memory}`;
}

/** A signature as text: `(i32, i64) -> (f64)`. */
export function printSignature(params: readonly Type[], results: readonly Type[]): string {
  const list = (types: readonly Type[]) => types.map((type) => typeNames[type]).join(', ');
  return `(${list(params)}) -> (${list(results)})`;
}

/**
 * The text form of a function, which {@link parseFunction} reads back exactly: one instruction a line, as
 * `v7 = load_indexed.i32 v1, v2, offset 8, access u8, region memory0`. Results are named by instruction number;
 * instructions that nothing can refer to have no name. A block's header lists its predecessors, in phi order.
 */
export function printFunction(func: Func, options: PrintOptions = {}): string {
  const { symbol } = func;
  let head = `function @${symbol.id} ${JSON.stringify(symbol.name)} ${symbol.kind}`;
  if (symbol.wasmIndex >= 0) head += ` [${symbol.wasmIndex}]`;
  head += ` ${printSignature(func.params, func.results)}`;
  if (func.convention === 'entry') head += ' entry';
  if (func.slotBytes > 0) head += ` slots ${func.slotBytes}`;
  if (func.origin >= 0) head += ` at ${func.origin}`;
  const lines = [`${head} {`];
  for (const block of func.blocks) {
    const preds = block.preds.map((pred) => `block${pred.id}`).join(', ');
    lines.push(`block${block.id}(${preds})${block.cold ? ' cold' : ''}:`);
    for (const inst of block.phis) lines.push(`  ${printInst(inst, options)}`);
    for (const inst of block.insts) lines.push(`  ${printInst(inst, options)}`);
  }
  lines.push('}', '');
  return lines.join('\n');
}

/** One instruction as {@link printFunction} prints it. */
export function printInst(inst: Inst, options: PrintOptions = {}): string {
  const info = ops[inst.op];
  const typed = info.typing.endsWith('T') ? `.${typeNames[inst.type]}` : '';
  const named = inst.type !== Type.none || hasResults(inst);
  const operands: string[] = [];
  for (const field of info.fields) {
    if (field === 'imm' && inst.op === Op.const) operands.push(constantText(inst));
    else if (field === 'imm' || field === 'result') operands.push(String(inst.imm));
    else if (field === 'trap') operands.push(trapNames[inst.imm]);
    else if (field === 'callee' && inst.callee) operands.push(calleeText(inst.callee));
  }
  for (const arg of inst.args) operands.push(`v${arg.id}`);
  for (const field of info.fields) {
    if (field === 'table' && inst.table) operands.push(`[${inst.table.join(' ')}]`);
    else if (field === 'offset' && inst.offset !== 0) operands.push(`offset ${inst.offset}`);
    else if (field === 'access' && inst.access !== Access.full)
      operands.push(`access ${accessNames[inst.access]}`);
    else if (field === 'region' && inst.region !== Region.none)
      operands.push(`region ${regionName(inst.region)}`);
  }
  if (inst.isTerminator) for (const succ of inst.block.succs) operands.push(blockName(succ));
  const origin = options.origins && inst.origin >= 0 ? ` at ${inst.origin}` : '';
  const tail = operands.length > 0 ? ` ${operands.join(', ')}` : '';
  return `${named ? `v${inst.id} = ` : ''}${info.name}${typed}${tail}${origin}`;
}

/** True for an instruction whose values are `result` instructions behind it. */
export function hasResults(inst: Inst): boolean {
  if (!ops[inst.op].typing.endsWith('?')) return false;
  return inst.callee === null || inst.callee.results.length > 1;
}

const blockName = (block: Block): string => `block${block.id}`;

const calleeText = (callee: Callee): string =>
  `@${callee.symbol} ${printSignature(callee.params, callee.results)}`;

function constantText(inst: Inst): string {
  switch (inst.type) {
    case Type.i32:
      return String(inst.imm);
    case Type.i64:
      return String(i64FromWords(inst.imm, inst.imm2));
    case Type.f32:
      return floatText(f32FromBits(inst.imm), () => hex(inst.imm));
    case Type.f64:
      return floatText(f64FromWords(inst.imm, inst.imm2), () => hex(inst.imm2) + hex(inst.imm));
    default:
      return `${inst.imm} ${inst.imm2}`;
  }
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');

/** The shortest decimal that reads back exactly; NaNs by their bits, which decimals would lose. */
function floatText(value: number, bits: () => string): string {
  if (Number.isNaN(value)) return `nan:0x${bits()}`;
  if (Object.is(value, -0)) return '-0';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return String(value);
}
