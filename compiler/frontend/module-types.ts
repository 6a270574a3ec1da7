import type { CompileContext } from '../context.ts';
import type { Callee } from '../ir/function.ts';
import { Region, type Type } from '../ir/types.ts';
import { ByteReader } from '../wasm/bytes.ts';
import type { GlobalDecl, Module, RefType, ValueType } from '../wasm/module.ts';

/**
 * Types of the operand stack while validating, as small numbers. Numeric types equal {@link Type}; `unknown` is the
 * bottom type that unreachable code has on its stack.
 */
export const StackType = {
  unknown: 0,
  i32: 1,
  i64: 2,
  f32: 3,
  f64: 4,
  v128: 5,
  funcref: 6,
  externref: 7,
} as const;
export type StackType = (typeof StackType)[keyof typeof StackType];

/** Names for messages, indexed by {@link StackType}. */
export const stackTypeNames = [
  'unknown',
  'i32',
  'i64',
  'f32',
  'f64',
  'v128',
  'funcref',
  'externref',
] as const;

/** A function or block type in stack types. */
export interface Signature {
  readonly params: readonly StackType[];
  readonly results: readonly StackType[];
}

/** A global whose value every function knows: immutable, initialised by one constant. Words as in Inst.imm, imm2. */
export interface GlobalConstant {
  readonly low: number;
  readonly high: number;
}

const perContext = new WeakMap<CompileContext, ModuleTypes>();

export const stackType = (type: ValueType): StackType => StackType[type];

/** What the front end asks of a module again and again, in numbers instead of names. One for all functions of a context. */
export class ModuleTypes {
  readonly signatures: readonly Signature[];
  /** Per type of the module: the callee of `call_ptr`. */
  readonly callees: readonly Callee[];
  readonly globals: readonly StackType[];
  /** Alias class per global: one for all imported mutable globals, which may be the same cell. */
  readonly globalRegions: readonly number[];
  readonly globalConstants: readonly (GlobalConstant | null)[];
  readonly tables: readonly (typeof StackType.funcref | typeof StackType.externref)[];
  /** True if memory 0 can never grow: its base and size are constants of the instance. */
  readonly fixedMemory: boolean;
  /** Bytes that memory 0 has at least, ever. */
  readonly minimumBytes: number;
  private readonly word: Type;

  private constructor({ module, target }: CompileContext) {
    this.word = target.word;
    this.signatures = module.types.map(({ params, results }) => ({
      params: params.map(stackType),
      results: results.map(stackType),
    }));
    this.callees = this.signatures.map(({ params, results }) => ({
      symbol: -1,
      params: params.map((type) => this.ssaType(type)),
      results: results.map((type) => this.ssaType(type)),
    }));
    this.globals = module.globals.map(({ type }) => stackType(type));
    const sharedCell = module.globals.findIndex((g, i) => i < module.importedGlobals && g.mutable);
    this.globalRegions = module.globals.map(
      (g, i) => Region.global + (i < module.importedGlobals && g.mutable ? sharedCell : i),
    );
    this.globalConstants = module.globals.map((global) => globalConstant(module, global));
    this.tables = module.tables.map(({ element }: { element: RefType }) => StackType[element]);
    const memory = module.memories[0];
    this.fixedMemory = memory !== undefined && memory.maximum === memory.minimum;
    this.minimumBytes = memory === undefined ? 0 : memory.minimum * 65536;
  }

  /** The types of `ctx.module` for `ctx.target`. */
  static of(ctx: CompileContext): ModuleTypes {
    let types = perContext.get(ctx);
    if (types === undefined) {
      types = new ModuleTypes(ctx);
      perContext.set(ctx, types);
    }
    return types;
  }

  /** The SSA type of a value: references are words. */
  ssaType(type: StackType): Type {
    return type >= StackType.funcref ? this.word : (type as Type);
  }
}

function globalConstant(module: Module, { mutable, init }: GlobalDecl): GlobalConstant | null {
  if (mutable || init === undefined) return null;
  const r = new ByteReader(module.bytes, init.start, init.end);
  let low: number;
  switch (r.u8()) {
    case 0x41: // i32.const
      low = r.s32();
      break;
    case 0x42: // i64.const
      low = r.s64();
      break;
    case 0x43: // f32.const
      low = r.word32();
      break;
    case 0x44: // f64.const
      low = r.word64();
      break;
    default:
      return null;
  }
  return r.pos === init.end - 1 ? { low, high: r.high } : null;
}
