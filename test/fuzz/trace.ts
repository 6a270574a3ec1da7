import { decodeModule } from '../../compiler/wasm/reader.ts';
import { random } from './generate.ts';

/** The part of the `WebAssembly` namespace that a trace uses: the host's own, or an emulated one. */
export type Engine = Pick<typeof WebAssembly, 'Module' | 'Instance' | 'Memory' | 'Table' | 'Global'>;

/** All that a run lets one see: a line per call, import call, trap, and the state at the end. */
export interface Trace {
  readonly lines: readonly string[];
  /** Why the trace ends early for a reason that is nobody's fault (stack depth, which engines choose), or ''. */
  readonly inconclusive: string;
}

class Inconclusive extends Error {}

const edges = {
  i32: [0, 1, -1, 2, 0x7fffffff, -0x80000000, 0xff, 0x8000, 65536, 12345678],
  i64: [0n, 1n, -1n, 0x7fffffffffffffffn, -0x8000000000000000n, 0x80000000n, 0xffffffffn, 0x100000000n],
  float: [
    0,
    -0,
    1,
    -1,
    0.5,
    1e10,
    -1e19,
    2147483648,
    4294967295.5,
    5e-324,
    1.5e-45,
    Number.MAX_VALUE,
    Infinity,
    -Infinity,
  ],
};

/**
 * Instantiates a module and calls each of its exports with seeded arguments, on any engine.
 * Equal modules and seeds must give equal traces on every engine.
 */
export function traceModule(engine: Engine, bytes: Uint8Array, seed: number): Trace {
  const lines: string[] = [];
  const next = random(seed ^ 0x5eed);
  let inconclusive = '';
  try {
    const module = new engine.Module(bytes);
    const instance = attempt(
      lines,
      'instantiate',
      () => new engine.Instance(module, imports(engine, module, lines)),
    );
    if (instance) {
      const parameters = signatures(bytes);
      const exports = Object.entries(instance.exports as Record<string, unknown>);
      for (const [name, value] of exports)
        if (typeof value === 'function') {
          const args = (parameters.get(name) ?? []).map((type) => argument(type, next()));
          attempt(lines, `${name}(${args.map(show).join(', ')})`, () =>
            (value as (...a: unknown[]) => unknown)(...args),
          );
        }
      for (const [name, value] of exports) lines.push(`${name}: ${state(engine, value)}`);
    }
  } catch (error) {
    if (!(error instanceof Inconclusive)) throw error;
    inconclusive = error.message;
  }
  return { lines, inconclusive };
}

/** Runs one step and notes its result or trap. @throws Inconclusive on stack exhaustion */
function attempt<T>(lines: string[], what: string, step: () => T): T | undefined {
  try {
    const result = step();
    lines.push(`${what} = ${what === 'instantiate' ? 'ok' : show(result)}`);
    return result;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error instanceof RangeError || /call stack/.test(error.message))
      throw new Inconclusive('stack exhausted');
    lines.push(`${what} threw ${error.name}: ${trapOf(error)}`);
    return undefined;
  }
}

/** The trap's message; V8 adds positions to none of them, but names the import in link errors. */
const trapOf = (error: Error): string =>
  error.name === 'RuntimeError'
    ? error.message.replace(/^(null function).*/, '$1')
    : error.message.slice(0, 40);

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (value === null) return 'null';
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  return typeof value === 'function' ? 'function' : typeof value === 'object' ? 'object' : String(value);
}

/** Imports that log: what the generator asks for (`fuzzing-support`), by kind. */
function imports(engine: Engine, module: WebAssembly.Module, lines: string[]): WebAssembly.Imports {
  const result: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const { module: space, name, kind } of (engine.Module as typeof WebAssembly.Module).imports(module)) {
    result[space] ??= {};
    if (kind === 'function')
      result[space][name] = (...args: unknown[]) => {
        lines.push(`  ${name}(${args.map(show).join(', ')})`);
        if (lines.length > 20_000) throw new Inconclusive('too long');
        return name === 'sleep' ? (args[1] as number) : name === 'table-get' ? null : 0;
      };
    else if (kind === 'memory') result[space][name] = new engine.Memory({ initial: 16, maximum: 65536 });
    else if (kind === 'table') result[space][name] = new engine.Table({ element: 'anyfunc', initial: 100 });
    else result[space][name] = 0;
  }
  return result;
}

/** Parameter types per exported function: the JavaScript API does not tell them. */
function signatures(bytes: Uint8Array): ReadonlyMap<string, readonly string[]> {
  const module = decodeModule(bytes);
  return new Map(
    module.exports
      .filter((e) => e.kind === 'function')
      .map((e) => [e.name, module.types[module.functions[e.index].typeIndex].params]),
  );
}

function argument(type: string, pick: number): unknown {
  if (type === 'i32') return edges.i32[pick % edges.i32.length];
  if (type === 'i64') return edges.i64[pick % edges.i64.length];
  if (type === 'f32') return Math.fround(edges.float[pick % edges.float.length]);
  if (type === 'f64') return edges.float[pick % edges.float.length];
  return null;
}

/** What an export holds at the end. */
function state(engine: Engine, value: unknown): string {
  if (value instanceof engine.Memory)
    return `memory ${value.buffer.byteLength} ${hash(new Uint8Array(value.buffer))}`;
  if (value instanceof engine.Global) return `global ${show(value.value)}`;
  if (value instanceof engine.Table) {
    const elements: string[] = [];
    for (let i = 0; i < Math.min(value.length, 100); i++) elements.push(show(value.get(i)));
    return `table ${value.length} ${elements.join(' ')}`;
  }
  return typeof value;
}

/** FNV-1a over 32-bit words. */
function hash(bytes: Uint8Array): string {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  let h = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) h = Math.imul(h ^ words[i], 0x01000193);
  return (h >>> 0).toString(16);
}
