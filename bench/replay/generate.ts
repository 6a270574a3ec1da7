import { ByteWriter } from '../../compiler/byte-writer.ts';
import {
  constant,
  exportOf,
  leb,
  readSections,
  Sections,
  signed,
  typeCodes,
} from '../../compiler/wasm/edit.ts';
import type { FunctionType, ValueType } from '../../compiler/wasm/module.ts';
import { decodeModule } from '../../compiler/wasm/reader.ts';
import { Section } from '../../compiler/wasm/sections.ts';
import { type HostCall, type Recording, RecordingError, type Step } from './recording.ts';

/** Codes of instructions (WebAssembly core specification, 5.4). */
const op = {
  unreachable: 0x00,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  brIf: 0x0d,
  call: 0x10,
  drop: 0x1a,
  localGet: 0x20,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Load: 0x28,
  i32Store: 0x36,
  i32Store8: 0x3a,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  i32LtU: 0x49,
  i32Add: 0x6a,
  i32Mul: 0x6c,
  i32Xor: 0x73,
  i32Shl: 0x74,
  i32Rotl: 0x77,
  i64ShrU: 0x88,
  i32WrapI64: 0xa7,
  i32ReinterpretF32: 0xbc,
  i64ReinterpretF64: 0xbd,
} as const;
const memoryInit = [0xfc, 8];
const emptyBlock = 0x40;

/** Steps in one function: many more make functions as no program has. */
const stepsInFunction = 100;
/** The checksum's look at memory in the end takes one word of so many bytes, at every alignment. */
const sampling = 509;

type Code = number[];

const i32 = (value: number): Code => [op.i32Const, ...signed(BigInt(value | 0))];
const zero: Code = [typeCodes.i32, 1, ...i32(0), op.end];

/** Indices of what a replay has besides its module. */
interface Added {
  /** Functions that put a word, or two, into the checksum. */
  readonly fold: { readonly i32: number; readonly i64: number };
  /** Globals: the checksum, and the number of the next call of the host's. */
  readonly sum: number;
  readonly next: number;
  /** The data segment with what the host wrote. */
  readonly data: number;
}

/**
 * Makes a module of a recording that does all of it again, without a host: it has no imports, and `run(n)` replays the session and returns
 * a checksum of all arguments that went out, of all results, and of memory at the end. Once for each instance, whatever n is. In
 * place of imported functions stand functions that do what the host did at that call, by the number of the call.
 *
 * What replays is measured with the rest. It is small: it writes bytes and calls.
 *
 * @throws RecordingError if the module exports `run`, or has several memories, or what went to and fro were references
 */
export function replayModule({ module: bytes, steps, hostCalls }: Recording): Uint8Array {
  const module = decodeModule(bytes);
  if (module.exports.some(({ name }) => name === 'run')) throw new RecordingError("exports 'run'");
  if (module.memories.length > 1) throw new RecordingError('has several memories');
  const sections = readSections(bytes);
  const edit = new Sections(sections);
  const types = edit.count(Section.type);
  const [fold32Type, fold64Type, partType, runType] = [types, types + 1, types + 2, types + 3];
  const { i32: word, i64: words } = typeCodes;
  edit.change(
    Section.type,
    [],
    [
      [0x60, 1, word, 0],
      [0x60, 1, words, 0],
      [0x60, 0, 0],
      [0x60, 1, word, 1, word],
    ],
  );
  const functions = module.functions.length;
  const globals = module.globals.length;
  const added: Added = {
    fold: { i32: functions, i64: functions + 1 },
    sum: globals,
    next: globals + 1,
    data: module.data.length,
  };
  const typeAt = (index: number): FunctionType => module.types[module.functions[index].typeIndex];
  const writer = new StepWriter(added, typeAt);
  const parts: Code[] = [];
  for (let at = 0; at < steps.length; at += stepsInFunction)
    parts.push([0, ...writer.steps(steps.slice(at, at + stepsInFunction)), op.end]);
  const imported = module.functions.slice(0, module.importedFunctions);
  const hostBodies = imported.map((_, index) => hostBody(index, typeAt(index), hostCalls, writer, added));
  const firstPart = functions + 2;
  const run = runBody(firstPart, parts.length, added, module.memories.length > 0);
  const bodies = [foldBody(added), foldWideBody(added), ...parts, run];

  sections.delete(Section.import);
  edit.change(Section.global, [], [zero, zero]);
  edit.change(
    Section.function,
    imported.map(({ typeIndex }) => leb(typeIndex)),
    [fold32Type, fold64Type, ...parts.map(() => partType), runType].map(leb),
  );
  edit.change(Section.export, [], [exportOf('run', 'function', firstPart + parts.length)]);
  edit.change(Section.code, hostBodies.map(sized), bodies.map(sized));
  const pool = writer.pool();
  if (pool.length > 0) {
    edit.change(Section.data, [], [Uint8Array.from([1, ...leb(pool.length), ...pool])]);
    sections.set(Section.dataCount, Uint8Array.from(leb(module.data.length + 1)));
  }
  return edit.result();
}

function sized(body: Code): Uint8Array {
  const out = new ByteWriter(body.length + 5);
  out.unsigned(body.length);
  out.bytes(Uint8Array.from(body));
  return out.result().slice();
}

/** Code that takes a value of this type from the stack and puts it into the checksum. */
function folded(type: ValueType, { fold }: Added): Code {
  switch (type) {
    case 'i32':
      return [op.call, ...leb(fold.i32)];
    case 'i64':
      return [op.call, ...leb(fold.i64)];
    case 'f32':
      return [op.i32ReinterpretF32, op.call, ...leb(fold.i32)];
    case 'f64':
      return [op.i64ReinterpretF64, op.call, ...leb(fold.i64)];
    default:
      throw new RecordingError(`a ${type} between the instance and its host`);
  }
}

/** `sum = rotl(sum ^ word, 13) * odd`. */
const foldBody = ({ sum }: Added): Code => [
  ...[0, op.globalGet, ...leb(sum), op.localGet, 0, op.i32Xor, ...i32(13), op.i32Rotl],
  ...[...i32(0x9e3779b1), op.i32Mul, op.globalSet, ...leb(sum), op.end],
];

const foldWideBody = ({ fold }: Added): Code => [
  ...[0, op.localGet, 0, op.i32WrapI64, op.call, ...leb(fold.i32)],
  ...[op.localGet, 0, op.i64Const, 32, op.i64ShrU, op.i32WrapI64, op.call, ...leb(fold.i32), op.end],
];

/** Calls all parts, then folds words of memory from its begin to its end, and returns the checksum. */
function runBody(first: number, parts: number, { fold, sum }: Added, hasMemory: boolean): Code {
  const calls = Array.from({ length: parts }, (_, i) => [op.call, ...leb(first + i)]).flat();
  // A local begins at 0.
  const at = 1;
  const sample = [
    ...[op.loop, emptyBlock],
    ...[op.localGet, at, op.i32Load, 0, 0, op.call, ...leb(fold.i32)],
    ...[op.localGet, at, ...i32(sampling), op.i32Add, op.localTee, at],
    // Up to 4 GiB less a page: the last page is not looked at, so that nothing wraps.
    ...[op.memorySize, 0, ...i32(-1), op.i32Add, ...i32(16), op.i32Shl, op.i32LtU, op.brIf, 0, op.end],
  ];
  return [1, 1, typeCodes.i32, ...calls, ...(hasMemory ? sample : []), op.globalGet, ...leb(sum), op.end];
}

/** Calls of one imported function that do the same, one directly after the other among its own calls. */
interface Run {
  readonly first: number;
  readonly call: HostCall;
  /** Whether there are several; then they are plain: a result and no steps. */
  many: boolean;
}

/** What stands in place of an imported function: a search for the number of the call, and what the host did then. */
function hostBody(
  index: number,
  { params, results }: FunctionType,
  hostCalls: readonly HostCall[],
  writer: StepWriter,
  added: Added,
): Code {
  const runs: Run[] = [];
  for (const [number, call] of hostCalls.entries()) {
    if (call.index !== index) continue;
    const last = runs.at(-1);
    const plain = (one: HostCall): boolean => one.steps.length === 0;
    const same = (one: HostCall): boolean =>
      one.results.every(({ bits }, i) => bits === call.results[i].bits);
    if (last && plain(last.call) && plain(call) && same(last.call)) last.many = true;
    else runs.push({ first: number, call, many: false });
  }
  if (runs.length === 0) return [0, op.unreachable, op.end];
  const args = params.flatMap((type, i) => [op.localGet, ...leb(i), ...folded(type, added)]);
  const next = leb(added.next);
  const leaf = ({ first, call, many }: Run): Code => [
    ...(many ? [op.globalGet, ...next, ...i32(1), op.i32Add] : i32(first + 1)),
    ...[op.globalSet, ...next, ...writer.steps(call.steps)],
    ...call.results.flatMap(({ type, bits }) => constant(type, bits)),
  ];
  const block = results.length === 0 ? emptyBlock : typeCodes[results[0]];
  const search = (from: number, to: number): Code => {
    if (to - from === 1) return leaf(runs[from]);
    const middle = (from + to) >> 1;
    return [
      ...[op.globalGet, ...next, ...i32(runs[middle].first), op.i32LtU, op.if, block],
      ...[...search(from, middle), op.else, ...search(middle, to), op.end],
    ];
  };
  return [0, ...args, ...search(0, runs.length), op.end];
}

/** Writes code for steps, and keeps the bytes that they write to memory. */
class StepWriter {
  private readonly added: Added;
  private readonly typeAt: (index: number) => FunctionType;
  private readonly data = new ByteWriter();

  constructor(added: Added, typeAt: (index: number) => FunctionType) {
    this.added = added;
    this.typeAt = typeAt;
  }

  steps(steps: readonly Step[]): Code {
    return steps.flatMap((step) => this.step(step));
  }

  /** All bytes that were too many for a store. */
  pool(): Uint8Array {
    return this.data.result().slice();
  }

  private step(step: Step): Code {
    switch (step.kind) {
      case 'grow':
        return [...i32(step.pages), op.memoryGrow, 0, op.drop];
      case 'call': {
        const { results } = this.typeAt(step.index);
        const args = step.args.flatMap(({ type, bits }) => constant(type, bits));
        // The last result is on top.
        const sums = [...results].reverse().flatMap((type) => folded(type, this.added));
        return [...args, op.call, ...leb(step.index), ...sums];
      }
      case 'write':
        return this.write(step.at, step.bytes);
    }
  }

  private write(at: number, bytes: Uint8Array): Code {
    if (bytes.length === 1) return [...i32(at), ...i32(bytes[0]), op.i32Store8, 0, 0];
    if (bytes.length === 4) {
      const word = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
      return [...i32(at), ...i32(word), op.i32Store, 0, 0];
    }
    const from = this.data.length;
    this.data.bytes(bytes);
    return [...i32(at), ...i32(from), ...i32(bytes.length), ...memoryInit, ...leb(this.added.data), 0];
  }
}
