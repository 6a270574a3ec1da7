import type { FunctionType, Module, ValueType } from '../../compiler/wasm/module.ts';
import { decodeModule } from '../../compiler/wasm/reader.ts';
import { type HostCall, type Recording, RecordingError, type Step, type Value } from './recording.ts';

type Callable = (...args: unknown[]) => unknown;

const pageBytes = 65_536;
/** Memory is compared in pieces of this size. */
const chunkBytes = 65_536;
/** Two changes with fewer equal bytes between them are one. */
const gap = 16;

/**
 * A `WebAssembly` namespace that runs modules on V8 and keeps a record of all that goes to and fro, of one instance. What a host did to memory is
 * found by comparing it before and after; what it did to tables and globals is not seen.
 */
export class Recorder {
  /** To be given to a package's glue in place of `WebAssembly`. */
  readonly webAssembly: object;
  private module: Uint8Array | undefined;
  private decoded: Module | undefined;
  private memory: WebAssembly.Memory | undefined;
  /** Memory as compiled code left it. */
  private shadow = Buffer.alloc(0);
  private readonly steps: Step[] = [];
  private readonly hostCalls: HostCall[] = [];
  /** Where the host's steps go: of the innermost call out, or of none. */
  private readonly open: Step[][] = [this.steps];

  constructor() {
    const sources = new WeakMap<object, Uint8Array>();
    class Module extends WebAssembly.Module {
      constructor(source: BufferSource) {
        super(source);
        sources.set(this, bytesOf(source));
      }
    }
    const instantiate = (
      module: WebAssembly.Module,
      imports: Record<string, Record<string, unknown>> = {},
    ) => {
      const bytes = sources.get(module);
      if (bytes === undefined) throw new RecordingError('a module from elsewhere');
      return this.instantiate(bytes, module, imports);
    };
    class Instance {
      readonly exports: object;
      constructor(module: WebAssembly.Module, imports?: Record<string, Record<string, unknown>>) {
        this.exports = instantiate(module, imports);
      }
    }
    const { Memory, Table, Global, CompileError, LinkError, RuntimeError, validate } = WebAssembly;
    this.webAssembly = {
      ...{ Module, Instance, Memory, Table, Global, CompileError, LinkError, RuntimeError, validate },
      compile: async (source: BufferSource) => new Module(source),
      instantiate: async (source: object, imports?: Record<string, Record<string, unknown>>) => {
        if (source instanceof WebAssembly.Module) return new Instance(source, imports);
        const module = new Module(source as BufferSource);
        return { module, instance: new Instance(module, imports) };
      },
    };
  }

  /** @throws RecordingError if there was no instance */
  recording(): Recording {
    const { module, steps, hostCalls } = this;
    if (module === undefined) throw new RecordingError('no module was instantiated');
    return { module, steps, hostCalls };
  }

  private instantiate(
    bytes: Uint8Array,
    module: WebAssembly.Module,
    imports: Record<string, Record<string, unknown>>,
  ): object {
    if (this.module !== undefined) throw new RecordingError('more than one instance');
    const decoded = decodeModule(bytes);
    const { importedFunctions, imports: wanted } = decoded;
    if (wanted.length !== importedFunctions)
      throw new RecordingError('imports something else than functions');
    this.module = bytes;
    this.decoded = decoded;
    const given: Record<string, Record<string, Callable>> = {};
    for (const { module: from, name, index } of wanted) {
      given[from] ??= {};
      given[from][name] = this.hostFunction(index, imports[from]?.[name] as Callable);
    }
    const { exports } = new WebAssembly.Instance(module, given);
    this.memory = Object.values(exports).find((entry) => entry instanceof WebAssembly.Memory);
    this.leave();
    const wrapped = new Map<number, Callable>();
    return Object.fromEntries(
      decoded.exports.map(({ name, kind, index }) => {
        if (kind !== 'function') return [name, exports[name]];
        const known = wrapped.get(index) ?? this.ownFunction(index, exports[name] as Callable);
        wrapped.set(index, known);
        return [name, known];
      }),
    );
  }

  private typeOf(index: number): FunctionType {
    const { decoded } = this;
    if (decoded === undefined) throw new RecordingError('no module was instantiated');
    return decoded.types[decoded.functions[index].typeIndex];
  }

  /** A function of the host's, as the instance calls it. */
  private hostFunction(index: number, host: Callable): Callable {
    return (...args) => {
      if (this.shadow.length === 0) throw new RecordingError('calls its host while it is instantiated');
      this.leave();
      const steps: Step[] = [];
      const results: Value[] = [];
      // Before the host runs: calls are numbered as they begin.
      this.hostCalls.push({ index, steps, results });
      this.open.push(steps);
      const result = host(...args);
      const types = this.typeOf(index).results;
      if (types.length > 1) throw new RecordingError('a host function with several results');
      for (const type of types) results.push(valueFrom(type, result));
      this.enter();
      this.open.pop();
      return result;
    };
  }

  /** A function of the instance's, as the host calls it. */
  private ownFunction(index: number, own: Callable): Callable {
    return (...args) => {
      this.enter();
      const { params } = this.typeOf(index);
      const values = params.map((type, i) => valueFrom(type, args[i]));
      this.open.at(-1)?.push({ kind: 'call', index, args: values });
      const result = own(...args);
      this.leave();
      return result;
    };
  }

  /** Compiled code runs on: what the host did to memory becomes steps. */
  private enter(): void {
    if (this.memory === undefined) return;
    const now = Buffer.from(this.memory.buffer);
    const steps = this.open.at(-1) ?? this.steps;
    if (now.length > this.shadow.length) {
      steps.push({ kind: 'grow', pages: (now.length - this.shadow.length) / pageBytes });
      this.shadow = Buffer.concat([this.shadow], now.length);
    }
    for (const [at, end] of this.changed(now)) changes(now, this.shadow, at, end, steps);
  }

  /** Compiled code stops for the host: from here on it is the host that changes memory. */
  private leave(): void {
    const now = this.memory === undefined ? Buffer.alloc(1) : Buffer.from(this.memory.buffer);
    if (now.length !== this.shadow.length) {
      this.shadow = Buffer.from(now);
      return;
    }
    for (const [at, end] of this.changed(now)) now.copy(this.shadow, at, at, end);
  }

  /** Chunks that differ from what compiled code left. */
  private *changed(now: Buffer): Generator<readonly [at: number, end: number]> {
    for (let at = 0; at < now.length; at += chunkBytes) {
      const end = Math.min(now.length, at + chunkBytes);
      if (now.compare(this.shadow, at, end, at, end) !== 0) yield [at, end];
    }
  }
}

/** Adds what differs between `begin` and `end`, which may reach over the end of neither. */
function changes(now: Buffer, before: Buffer, begin: number, end: number, steps: Step[]): void {
  for (let at = begin; at < end; at++) {
    if (now[at] === before[at]) continue;
    let last = at;
    for (let next = at + 1; next < end && next - last <= gap; next++)
      if (now[next] !== before[next]) last = next;
    steps.push({ kind: 'write', at, bytes: Uint8Array.from(now.subarray(at, last + 1)) });
    at = last;
  }
}

function bytesOf(source: BufferSource): Uint8Array {
  const view = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  return Uint8Array.from(view);
}

type BufferSource = ArrayBufferView<ArrayBuffer> | ArrayBuffer;

const word = new DataView(new ArrayBuffer(8));

/** The bits that the JavaScript interface makes of a value (ToWebAssemblyValue). */
function valueFrom(type: ValueType, value: unknown): Value {
  switch (type) {
    case 'i32':
      return { type, bits: BigInt.asUintN(32, BigInt(Number(value ?? 0) | 0)) };
    case 'i64':
      return { type, bits: BigInt.asUintN(64, BigInt(value as bigint)) };
    case 'f32':
      word.setFloat32(0, Number(value));
      return { type, bits: BigInt(word.getUint32(0)) };
    case 'f64':
      word.setFloat64(0, Number(value));
      return { type, bits: word.getBigUint64(0) };
    default:
      throw new RecordingError(`a ${type} between the instance and its host`);
  }
}
