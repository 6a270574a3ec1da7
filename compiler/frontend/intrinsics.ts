import { CompileError } from '../errors.ts';
import type { Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Access, Region, Type } from '../ir/types.ts';
import type { Module, ValueType } from '../wasm/module.ts';
import type { Emitter } from './emitter.ts';
import { memoryBase } from './memory.ts';

/**
 * Intrinsics: imports of Fathom's own runtime that are instructions (docs/executables.md; `runtime/assembly/fathom.ts` declares
 * them). They know nothing of sandboxes: only `CompileOptions.intrinsics` has them compiled, and it is never set for a
 * user's module, to which an import from the same module is an import like any other.
 */

/** The module that intrinsics are imported from. */
export const intrinsicModule = 'fathom';

/** One of them: its type, and how a call of it is built. */
export interface Intrinsic {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  /** Appends the instructions; the value of the one result, or null without results. */
  readonly build: (e: Emitter, args: readonly Inst[]) => Inst | null;
}

type Build = Intrinsic['build'];

/** A u64 as a word: addresses and arguments lose their upper half where words are shorter. */
const toWord = (e: Emitter, value: Inst): Inst =>
  e.wordBytes === 8 ? value : e.emit1(Op.wrap, Type.i32, value);

/** A word as a u64. */
const fromWord = (e: Emitter, value: Inst): Inst =>
  e.wordBytes === 8 ? value : e.emit1(Op.extend_u, Type.i64, value);

const load =
  (type: Type, access: Access): Build =>
  (e, [address]) => {
    const inst = e.load(toWord(e, address), 0, type, Region.native);
    inst.access = access;
    return inst;
  };

const store =
  (access: Access): Build =>
  (e, [address, value]) => {
    const inst = e.emit2(Op.store, Type.none, toWord(e, address), value);
    inst.access = access;
    inst.region = Region.native;
    return null;
  };

const loadWord: Build = (e, [address]) => fromWord(e, e.load(toWord(e, address), 0, e.word, Region.native));

const storeWord: Build = (e, [address, value]) => {
  e.store(toWord(e, address), 0, toWord(e, value), Region.native);
  return null;
};

const copy: Build = (e, args) => {
  e.callHelper(
    'memory_copy',
    args.map((arg) => toWord(e, arg)),
  );
  return null;
};

const fill: Build = (e, [target, value, bytes]) => {
  e.callHelper('memory_fill', [toWord(e, target), value, toWord(e, bytes)]);
  return null;
};

/** As an imported function is called: the descriptor says whose it is, so it is entered by way of its adapter. */
const call: Build = (e, [descriptor]) => {
  const address = toWord(e, descriptor);
  const code = e.load(address, e.descriptor.cross, e.word, Region.native);
  e.callPointer({ symbol: -1, params: [], results: [] }, code, address, []);
  return null;
};

const syscall: Build = (e, [number, ...args]) => {
  const words = [e.zeroExtend(number), ...args.map((arg) => toWord(e, arg))];
  const result = e.func.append(e.block, Op.syscall, e.word, words, e.origin);
  return e.wordBytes === 8 ? result : e.emit1(Op.extend_s, Type.i64, result);
};

const row = (params: readonly ValueType[], results: readonly ValueType[], build: Build): Intrinsic => ({
  params,
  results,
  build,
});

/** All there are, by name. */
export const intrinsics: ReadonlyMap<string, Intrinsic> = new Map([
  ['load_u8', row(['i64'], ['i32'], load(Type.i32, Access.u8))],
  ['load_u16', row(['i64'], ['i32'], load(Type.i32, Access.u16))],
  ['load_u32', row(['i64'], ['i32'], load(Type.i32, Access.full))],
  ['load_u64', row(['i64'], ['i64'], load(Type.i64, Access.full))],
  ['store_u8', row(['i64', 'i32'], [], store(Access.u8))],
  ['store_u16', row(['i64', 'i32'], [], store(Access.u16))],
  ['store_u32', row(['i64', 'i32'], [], store(Access.full))],
  ['store_u64', row(['i64', 'i64'], [], store(Access.full))],
  ['load_word', row(['i64'], ['i64'], loadWord)],
  ['store_word', row(['i64', 'i64'], [], storeWord)],
  ['copy', row(['i64', 'i64', 'i64'], [], copy)],
  ['fill', row(['i64', 'i32', 'i64'], [], fill)],
  ['word_bytes', row([], ['i32'], (e) => e.i32(e.wordBytes))],
  ['memory_base', row([], ['i64'], (e) => fromWord(e, memoryBase(e)))],
  [
    'program_info',
    row([], ['i64'], (e) => fromWord(e, e.envWord(e.layout.header.hostData, Region.constant))),
  ],
  ['this_env', row([], ['i64'], (e) => fromWord(e, e.env()))],
  ['call', row(['i64'], [], call)],
  ['syscall', row(['i32', 'i64', 'i64', 'i64', 'i64', 'i64', 'i64'], ['i64'], syscall)],
]);

/**
 * The imported functions of `module` that are intrinsics, by function index.
 * @throws CompileError `invalid` for an import from `fathom` that is no intrinsic or has another type, that something besides calls
 *   refers to, or that asks for a memory that is not there
 */
export function findIntrinsics(module: Module): ReadonlyMap<number, Intrinsic> {
  const found = new Map<number, Intrinsic>();
  for (const { module: from, name, kind, index } of module.imports) {
    if (kind !== 'function' || from !== intrinsicModule) continue;
    const intrinsic = intrinsics.get(name);
    if (intrinsic === undefined) fail(`there is no intrinsic '${name}'`);
    const { params, results } = module.types[module.functions[index].typeIndex];
    if (params.join() !== intrinsic.params.join() || results.join() !== intrinsic.results.join()) {
      const type = `(${intrinsic.params.join(', ')}) -> (${intrinsic.results.join(', ')})`;
      fail(`the intrinsic '${name}' is of type ${type}`);
    }
    if (module.escaping.has(index)) fail(`the intrinsic '${name}' is no function: it can only be called`);
    if (name === 'memory_base' && module.memories.length === 0) fail(`'${name}' in a module without memory`);
    found.set(index, intrinsic);
  }
  return found;
}

function fail(message: string): never {
  throw new CompileError('invalid', message);
}
