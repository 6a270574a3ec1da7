import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Assembler } from '../../cli/wast/assemble.ts';
import { parseScript } from '../../cli/wast/parse.ts';
import type { Action, Command } from '../../cli/wast/script.ts';
import { findTestsuite } from '../../cli/wast/testsuite.ts';
import { interpret, type Outcome, type World } from '../../test/support/interpret.ts';
import { moduleContext } from '../../test/support/module-context.ts';
import type { CompileContext } from '../context.ts';
import type { Callee, Func } from '../ir/function.ts';
import { Type, trapMessages } from '../ir/types.ts';
import { decodeModule } from '../wasm/reader.ts';
import { validateModule } from '../wasm/validate.ts';
import { buildFunction } from './build.ts';
import { buildInit } from './init.ts';

/** Scripts that need neither a host nor indirect calls, which the SSA interpreter leaves to the emulated cores. */
const scripts = [
  'address br_if conversions endianness f32 f64_cmp fac forward i32 i64 if int_exprs labels',
  'local_get local_set local_tee loop memory memory_copy memory_fill memory_init memory_redundancy nop',
  'return select stack store switch traps unreachable unwind block br call left-to-right align',
]
  .join(' ')
  .split(' ');

const envAt = 64;

class Depth extends Error {}
const suite = findTestsuite();

/** An instance whose functions are interpreted as SSA, in one array: exec env, segments, then the memory. */
class Instance {
  private readonly ctx: CompileContext;
  private readonly world: World;
  private readonly built = new Map<number, Func>();
  private depth = 0;

  constructor(ctx: CompileContext) {
    this.ctx = ctx;
    const { module, env } = ctx;
    const view: { bytes: Uint8Array; at: number } = { bytes: new Uint8Array(1 << 20), at: 65536 };
    const word = (at: number, value: number) => {
      new DataView(view.bytes.buffer).setUint32(envAt + at, value, true);
    };
    /** Reserves `bytes` bytes and writes address and count to the pair of words at `pair` of the exec env. */
    const reserve = (pair: number, bytes: number, count: number): number => {
      const { at } = view;
      word(pair, at);
      word(pair + env.word, count);
      view.at += bytes;
      return at;
    };
    module.data.forEach(({ start, end }, k) => {
      view.bytes.set(
        module.bytes.subarray(start, end),
        reserve(env.dataSegments[k], end - start, end - start),
      );
    });
    module.elements.forEach(({ functions, expressions }, k) => {
      const count = functions?.length ?? expressions?.length ?? 0;
      reserve(env.elementSegments[k], count * env.word, count);
    });
    module.tables.forEach(({ minimum }, k) => {
      reserve(env.tables[k], minimum * env.word, minimum);
    });
    // The memory ends where the interpreter's world ends, so that it sees accesses beyond.
    const memoryBytes = (module.memories[0]?.minimum ?? 0) * 65536;
    if (module.memories.length > 0) reserve(env.memories[0], memoryBytes, memoryBytes);
    const bytes = new Uint8Array(view.at);
    bytes.set(view.bytes.subarray(0, view.at - memoryBytes));
    this.world = { bytes, env: envAt, call: (callee, args) => this.call(callee, args) };
    const init = buildInit(ctx, { id: -1, name: 'init', kind: 'init', wasmIndex: -1 });
    const outcome = interpret(init, [], this.world);
    if (outcome.trap !== undefined) throw new Error(trapMessages[outcome.trap]);
  }

  run(index: number, args: readonly bigint[]): Outcome {
    let func = this.built.get(index);
    if (func === undefined) {
      func = buildFunction(this.ctx, index);
      this.built.set(index, func);
    }
    return interpret(func, args, this.world, 1_000_000);
  }

  private call({ symbol }: Callee, args: readonly bigint[]): readonly bigint[] {
    const { bytes } = this.world;
    const { functions } = this.ctx.module;
    if (symbol >= functions.length) {
      const [target, source, count] = args.map(Number);
      const { name } = this.ctx.symbol(symbol);
      const size = name === 'words_copy' ? count * this.ctx.env.word : count;
      if (name === 'memory_fill') bytes.fill(source & 255, target, target + count);
      else bytes.copyWithin(target, source, source + size);
      return [];
    }
    if (++this.depth > 200) throw new Depth('calls too deep to interpret');
    try {
      const outcome = this.run(symbol, args);
      if (outcome.results === undefined) throw new TrapInCallee(outcome);
      return outcome.results;
    } finally {
      this.depth--;
    }
  }
}

class TrapInCallee {
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    this.outcome = outcome;
  }
}

function invoke(instance: Instance, ctx: CompileContext, action: Action): Outcome {
  const entry = ctx.module.exports.find((e) => e.kind === 'function' && e.name === action.name);
  if (entry === undefined) throw new Error(`no export ${action.name}`);
  const args = action.args.map((arg) => (arg.kind === 'number' ? BigInt.asUintN(64, arg.bits) : 0n));
  const widths: Record<string, number> = { i32: 32, f32: 32, i64: 64, f64: 64 };
  const masked = args.map((arg, k) => {
    const given = action.args[k];
    return given.kind === 'number' ? BigInt.asUintN(widths[given.type], arg) : arg;
  });
  try {
    return instance.run(entry.index, masked);
  } catch (error) {
    if (error instanceof TrapInCallee) return error.outcome;
    throw error;
  }
}

const isNan = (bits: bigint, type: Type): boolean =>
  type === Type.f32 ? (bits & 0x7fffffffn) > 0x7f800000n : (bits & 0x7fffffffffffffffn) > 0x7ff0000000000000n;

function same(
  actual: bigint,
  expected: Extract<Command, { kind: 'assert_return' }>['expected'][number],
): boolean {
  if (expected.kind === 'either') return expected.of.some((one) => same(actual, one));
  if (expected.kind !== 'number') return true;
  const type = Type[expected.type];
  const float = type === Type.f32 || type === Type.f64;
  if (typeof expected.bits !== 'bigint') return isNan(actual, type);
  const bits = BigInt.asUintN(type === Type.i32 || type === Type.f32 ? 32 : 64, expected.bits);
  return actual === bits || (float && isNan(actual, type) && isNan(bits, type));
}

describe.skipIf(suite === undefined)('SSA means what the specification says', () => {
  it.each(scripts)('%s.wast', async (name) => {
    const assembler = await Assembler.load();
    const commands = parseScript(readFileSync(join(suite ?? '', `${name}.wast`), 'utf8'));
    const failures: string[] = [];
    let checked = 0;
    for (const target of ['x86_64', 'armv7'] as const) {
      let ctx: CompileContext | undefined;
      let instance: Instance | undefined;
      for (const command of commands) {
        if (command.kind === 'module') {
          ctx = undefined;
          instance = undefined;
          const { source } = command.module;
          const bytes = source.kind === 'binary' ? source.bytes : await assembler.assemble(source.text);
          try {
            const module = decodeModule(bytes);
            validateModule(module);
            if (module.imports.length > 0) continue;
            ctx = moduleContext(module, target);
            instance = new Instance(ctx);
          } catch (error) {
            if (!/no rule|does not compile yet/.test(String(error))) throw error;
          }
        }
        const of =
          command.kind === 'assert_trap'
            ? command.of
            : command.kind === 'assert_return'
              ? command.action
              : null;
        const action = command.kind === 'action' ? command.action : of;
        if (action === null || !('args' in action) || action.kind !== 'invoke') continue;
        if (ctx === undefined || instance === undefined) continue;
        try {
          const outcome = invoke(instance, ctx, action);
          if (command.kind === 'assert_return') {
            const right = command.expected.every((e, k) => same((outcome.results ?? [])[k], e));
            if (!right || outcome.results === undefined)
              failures.push(`${target} line ${command.line}: ${outcome.results} ${outcome.trap}`);
          } else if (command.kind === 'assert_trap' && outcome.trap === undefined) {
            failures.push(`${target} line ${command.line}: no trap, but ${outcome.results}`);
          }
          checked++;
        } catch (error) {
          if (!(error instanceof Depth) && !/no rule|fuel|does not compile yet/.test(String(error)))
            throw error;
        }
      }
    }
    expect(failures).toEqual([]);
    expect(checked).toBeGreaterThan(0);
  });
});
