import { ByteReader } from '../compiler/wasm/bytes.ts';
import { type FunctionType, functionName, type Module } from '../compiler/wasm/module.ts';
import { operators, skipOperator } from '../compiler/wasm/opcodes.ts';

/** Who may call whom in a module: what a sampled stack is checked against. */

const opcodeOf = (name: string): number => operators.findIndex((operator) => operator?.name === name);

const CALL = opcodeOf('call');
const CALL_INDIRECT = opcodeOf('call_indirect');
const REF_FUNC = opcodeOf('ref.func');
const MEMORY_GROW = opcodeOf('memory.grow');
const TABLE_GROW = opcodeOf('table.grow');

/** Names of the functions that code of each function may call, by the caller's name. Functions of one name count as one. */
export type CallGraph = ReadonlyMap<string, ReadonlySet<string>>;

/** What a graph needs to know besides the module. */
export interface CallGraphOptions {
  /** Name of the function of an index; that of the module, unless another is given. */
  readonly nameOf?: (index: number) => string;
  /** Name of a function that growing memories and tables calls, if there is one. */
  readonly grow?: string;
}

/**
 * The call graph of a module that nothing but its own code and element segments fills the tables of: direct calls as its code has them,
 * and from an indirect call all functions of its type that a table may hold. Imported functions call nothing.
 * @throws CompileError `malformed` for a body that cannot be decoded
 */
export function callGraph(
  module: Module,
  { nameOf = (index) => functionName(module, index), grow }: CallGraphOptions = {},
): CallGraph {
  const bodies = module.functions.map(({ bodyStart, bodyEnd }) => referencesOf(module, bodyStart, bodyEnd));
  const tabled = new Set(bodies.flatMap(({ functions }) => functions));
  for (const { functions = [], expressions = [] } of module.elements) {
    for (const index of functions) tabled.add(index);
    for (const { start, end } of expressions)
      for (const index of operatorsIn(new ByteReader(module.bytes, start, end)).functions) tabled.add(index);
  }
  const byType = new Map<string, string[]>();
  for (const index of tabled) {
    const type = typeText(module.types[module.functions[index].typeIndex]);
    byType.set(type, [...(byType.get(type) ?? []), nameOf(index)]);
  }
  const graph = new Map<string, Set<string>>();
  bodies.forEach(({ called, types, grows }, index) => {
    if (index < module.importedFunctions) return;
    const caller = nameOf(index);
    const callees = graph.get(caller) ?? new Set<string>();
    for (const callee of called) callees.add(nameOf(callee));
    for (const type of types)
      for (const name of byType.get(typeText(module.types[type])) ?? []) callees.add(name);
    if (grows && grow !== undefined) callees.add(grow);
    graph.set(caller, callees);
  });
  return graph;
}

/**
 * The first two frames of a stack, given from the outermost inwards, of which the outer one calls the inner one nowhere; undefined
 * where there are none.
 */
export function impossibleCall(
  frames: readonly string[],
  graph: CallGraph,
): readonly [caller: string, callee: string] | undefined {
  for (let k = 1; k < frames.length; k++)
    if (!graph.get(frames[k - 1])?.has(frames[k])) return [frames[k - 1], frames[k]];
  return undefined;
}

/** Types are equal by what they say, not by their index. */
const typeText = ({ params, results }: FunctionType): string => `${params.join()} -> ${results.join()}`;

/** What code refers to: functions that it calls, types of its indirect calls, functions that it takes references to; whether it grows anything. */
interface References {
  readonly called: number[];
  readonly types: number[];
  readonly functions: number[];
  grows: boolean;
}

function referencesOf(module: Module, start: number, end: number): References {
  const reader = new ByteReader(module.bytes, start, end);
  for (let groups = end > start ? reader.u32() : 0; groups > 0; groups--) {
    reader.u32();
    reader.u8();
  }
  return operatorsIn(reader);
}

function operatorsIn(reader: ByteReader): References {
  const found: References = { called: [], types: [], functions: [], grows: false };
  while (reader.remaining > 0) {
    const at = reader.pos;
    const operator = skipOperator(reader);
    if (operator < 0) reader.fail('operator that is not known', at);
    // The three that have one are a byte, then the index.
    const index = () => new ByteReader(reader.bytes, at + 1, reader.pos).u32();
    if (operator === CALL) found.called.push(index());
    else if (operator === CALL_INDIRECT) found.types.push(index());
    else if (operator === REF_FUNC) found.functions.push(index());
    else if (operator === MEMORY_GROW || operator === TABLE_GROW) found.grows = true;
  }
  return found;
}
