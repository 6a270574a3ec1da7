import { CompileError } from '../errors.ts';
import { decodeConstant } from './constant.ts';
import { limits } from './limits.ts';
import type { ElementSegment, Module, ValueType } from './module.ts';
import { unsupported } from './unsupported.ts';

const maximumPages = 65536;

/**
 * Validates everything of a module but its function bodies (§3.4), which `buildFunction` validates as it goes.
 * @throws CompileError `invalid`, in the words of the specification's test suite; `unsupported`; `limit`
 */
export function validateModule(module: Module): void {
  for (const { typeIndex, bodyStart } of module.functions) {
    if (typeIndex >= module.types.length) fail(`unknown type ${typeIndex}`, bodyStart > 0 ? bodyStart : -1);
  }
  validateTables(module);
  validateMemories(module);
  module.globals.forEach(({ type, init }, index) => {
    if (init !== undefined) decodeConstant(module, init, type, index);
  });
  for (const segment of module.elements) validateElements(module, segment);
  for (const { mode, memory, offset } of module.data) {
    if (mode !== 'active') continue;
    if (memory >= module.memories.length) fail(`unknown memory ${memory}`);
    constant(module, offset, 'i32');
  }
  validateExports(module);
  validateStart(module);
}

function fail(message: string, offset = -1): never {
  throw new CompileError('invalid', message, offset);
}

function constant(module: Module, expr: ElementSegment['offset'], type: ValueType): void {
  if (expr !== undefined) decodeConstant(module, expr, type, module.globals.length);
}

function validateTables(module: Module): void {
  for (const { minimum, maximum, element, init } of module.tables) {
    if (maximum !== undefined && minimum > maximum) fail('size minimum must not be greater than maximum');
    if (minimum > limits.tableElements) {
      throw new CompileError('limit', `table of ${minimum} elements, the limit is ${limits.tableElements}`);
    }
    // The section of the module's own globals comes later in a binary.
    if (init !== undefined) decodeConstant(module, init, element, module.importedGlobals);
  }
}

function validateMemories(module: Module): void {
  for (const { minimum, maximum } of module.memories) {
    if (minimum > maximumPages || (maximum !== undefined && maximum > maximumPages)) {
      fail('memory size must be at most 65536 pages (4GiB)');
    }
    if (maximum !== undefined && minimum > maximum) fail('size minimum must not be greater than maximum');
  }
  if (module.memories.length > 1) unsupported('multi-memory', -1);
}

function validateElements(module: Module, segment: ElementSegment): void {
  const { mode, type, table, offset, functions, expressions } = segment;
  if (mode === 'active') {
    const target = module.tables[table];
    if (target === undefined) fail(`unknown table ${table}`);
    if (target.element !== type) fail(`type mismatch: ${type} elements for a table of ${target.element}`);
    constant(module, offset, 'i32');
  }
  for (const index of functions ?? []) {
    if (index >= module.functions.length) fail(`unknown function ${index}`);
  }
  for (const expr of expressions ?? []) constant(module, expr, type);
}

function validateExports(module: Module): void {
  const spaces = {
    function: module.functions.length,
    table: module.tables.length,
    memory: module.memories.length,
    global: module.globals.length,
  };
  const names = new Set<string>();
  for (const { name, kind, index } of module.exports) {
    if (index >= spaces[kind]) fail(`unknown ${kind} ${index}`);
    if (names.has(name)) fail(`duplicate export name "${name}"`);
    names.add(name);
  }
}

function validateStart(module: Module): void {
  if (module.start === undefined) return;
  const start = module.functions[module.start];
  if (start === undefined) fail(`unknown function ${module.start}`);
  const { params, results } = module.types[start.typeIndex];
  if (params.length > 0 || results.length > 0) fail('start function must have no parameters and no results');
}
