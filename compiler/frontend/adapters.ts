import { activationMark, activationWords, HostService } from '../abi.ts';
import type { CompileContext } from '../context.ts';
import { CompileError } from '../errors.ts';
import { type Callee, connect, Func, type FunctionSymbol, type Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Region, Type } from '../ir/types.ts';
import type { Module } from '../wasm/module.ts';
import { Emitter } from './emitter.ts';

/**
 * Adapters: the borders between compiled code and what has another exec env or convention (docs/abi.md). One per
 * signature and kind. In SSA form like everything else, but their stores are what readers of the stack see between any
 * two instructions: the order in which they stand is meaning, and no pass but the lowering may touch them.
 */
export type AdapterKind = 'entry' | 'cross' | 'host';

/** Bytes of an argument or result in the slots that pass between host and compiled code. */
const slotBytes = 8;

/**
 * Builds the adapter of `kind` for functions of the signature of `callee`, a callee of `call_ptr`.
 *
 * - `entry`: native C function (env, descriptor, slots): calls descriptor's function with arguments from the slots, which its
 *   results replace.
 * - `cross`: called as the function of the descriptor, which belongs to another exec env: switches to it and back.
 * - `host`: called as the host's function of the descriptor: hands it to `env.hostCall` with arguments and results in slots.
 */
export function buildAdapter(
  ctx: CompileContext,
  kind: AdapterKind,
  callee: Callee,
  symbol: FunctionSymbol,
): Func {
  return builders[kind](ctx, callee, symbol);
}

const builders = { entry: buildEntry, cross: buildCross, host: buildHost } as const;

function buildEntry(ctx: CompileContext, callee: Callee, symbol: FunctionSymbol): Func {
  const { word } = ctx.target;
  const func = new Func(symbol, [word, word, word], [], 'entry');
  const e = new Emitter(ctx, func);
  const env = param(e, 0, word);
  const descriptor = param(e, 1, word);
  const slots = param(e, 2, word);
  const thread = e.load(env, e.layout.header.thread, word, Region.native);
  const callerEnv = e.load(thread, 0, word, Region.native);
  e.emit1(Op.set_env, Type.none, env);
  const { top } = e.ctx.publication.scheme;
  // One word for all exec envs of the thread, whether there is a caller or not.
  const previous = top.kind === 'tail' ? loadTop(e, env) : topOf(e, callerEnv);
  const activation = enterActivation(e, { env, callerEnv, thread, previous });
  const args = callee.params.map((type, k) => e.load(slots, k * slotBytes, type, Region.native));
  const results = callDescriptor(e, callee, descriptor, args);
  results.forEach((result, k) => {
    e.store(slots, k * slotBytes, result, Region.native);
  });
  leaveActivation(e, activation);
  return finish(e, []);
}

function buildCross(ctx: CompileContext, callee: Callee, symbol: FunctionSymbol): Func {
  const { word } = ctx.target;
  const func = new Func(symbol, callee.params, callee.results);
  const e = new Emitter(ctx, func);
  const args = callee.params.map((type, k) => param(e, k, type));
  const descriptor = e.emitPrologue(Op.descriptor, word);
  const callerEnv = e.env();
  const env = e.load(descriptor, e.descriptor.env, word, Region.native);
  const results = crossInto(e, env, callerEnv, () => callDescriptor(e, callee, descriptor, args));
  return finish(e, results);
}

function buildHost(ctx: CompileContext, callee: Callee, symbol: FunctionSymbol): Func {
  const { word } = ctx.target;
  const func = new Func(symbol, callee.params, callee.results);
  const e = new Emitter(ctx, func);
  const args = callee.params.map((type, k) => param(e, k, type));
  const descriptor = e.emitPrologue(Op.descriptor, word);
  // The descriptor comes first, so that a reader can name the host function.
  e.store(slot(e, 0), 0, descriptor, Region.stack);
  args.forEach((arg, k) => {
    e.store(slot(e, (k + 1) * slotBytes), 0, arg, Region.stack);
  });
  e.callHost(HostService.call, 0, descriptor, slot(e, slotBytes));
  const results = callee.results.map((type, k) =>
    e.load(slot(e, (k + 1) * slotBytes), 0, type, Region.stack),
  );
  func.slotBytes = (1 + Math.max(callee.params.length, callee.results.length)) * slotBytes;
  return finish(e, results);
}

/** Name and type of the export that a service adapter calls: (callerEnv, selector, a, b) -> result. */
const serviceName = 'service';
const serviceType = 'i64,i32,i64,i64>i64';

/**
 * Index of the function that `module` exports as its service, or -1.
 * @throws CompileError `invalid` for a function of another type, or one that is imported
 */
export function findService({ exports, functions, importedFunctions, types }: Module): number {
  const found = exports.find(({ name, kind }) => kind === 'function' && name === serviceName);
  if (found === undefined) return -1;
  const { params, results } = types[functions[found.index].typeIndex];
  if (found.index < importedFunctions || `${params.join()}>${results.join()}` !== serviceType) {
    throw new CompileError('invalid', `the export '${serviceName}' is no function of type ${serviceType}`);
  }
  return found.index;
}

/**
 * Builds the service adapter, the `hostCall` of exec envs whose `hostData` is this module's exec env: like a cross adapter of
 * function `index`, but called as hostCall(callerEnv, selector, a, b) -> word by compiled code. The wasm convention and the
 * native one agree on where four words and their result travel, and what the native one alone preserves no compiled code relies on.
 */
export function buildService(ctx: CompileContext, index: number, symbol: FunctionSymbol): Func {
  const { word } = ctx.target;
  const func = new Func(symbol, [word, word, word, word], [word]);
  const e = new Emitter(ctx, func);
  const [, selector, a, b] = func.params.map((type, k) => param(e, k, type));
  // The pinned register, not the argument, holds what the prologue published in.
  const callerEnv = e.env();
  const env = e.load(callerEnv, e.layout.header.hostData, word, Region.native);
  const callee = ctx.function(index);
  const [result] = crossInto(e, env, callerEnv, () => {
    const args = [toI64(e, callerEnv), e.truncate(selector), toI64(e, a), toI64(e, b)];
    return [e.callDirect(callee, args)];
  });
  return finish(e, [e.wordBytes === 8 ? result : e.emit1(Op.wrap, word, result)]);
}

/** A word, zero-extended. */
const toI64 = (e: Emitter, value: Inst): Inst =>
  e.wordBytes === 8 ? value : e.emit1(Op.extend_u, Type.i64, value);

/** Changes to `env`, makes a call in it, and changes back: what it returned. The adapter's own record is published on entry. */
function crossInto(e: Emitter, env: Inst, callerEnv: Inst, call: () => readonly Inst[]): readonly Inst[] {
  const thread = e.load(callerEnv, e.layout.header.thread, e.word, Region.native);
  const previous = loadTop(e, callerEnv);
  const activation = enterActivation(e, { env, callerEnv, thread, previous });
  e.emit1(Op.set_env, Type.none, env);
  const results = call();
  leaveActivation(e, activation);
  e.emit1(Op.set_env, Type.none, callerEnv);
  return results;
}

function param(e: Emitter, index: number, type: Type): Inst {
  const inst = e.emitPrologue(Op.param, type);
  inst.imm = index;
  return inst;
}

/** Address of the adapter's own frame slot at byte `offset`. */
function slot(e: Emitter, offset: number): Inst {
  const inst = e.emit0(Op.stack_slot, e.word);
  inst.offset = offset;
  return inst;
}

/** Base and offset of where `top` of exec env `env` is. */
function placeOfTop(e: Emitter, env: Inst): readonly [base: Inst, offset: number] {
  const { top } = e.ctx.publication.scheme;
  if (top.kind === 'env') return [env, top.offset];
  const limit = e.load(env, top.limit, e.word, Region.native);
  return [e.emit2(Op.sub, e.word, limit, e.wordConst(top.distance)), 0];
}

/** `top` of exec env `env`. */
function loadTop(e: Emitter, env: Inst): Inst {
  const [base, offset] = placeOfTop(e, env);
  return e.load(base, offset, e.word, Region.publication);
}

/** `top` of exec env `env`, or 0 if there is no exec env. */
function topOf(e: Emitter, env: Inst): Inst {
  const { func } = e;
  const before = e.block;
  const some = func.newBlock();
  const after = func.newBlock();
  const none = e.wordConst(0);
  e.emit1(Op.branch, Type.none, e.emit2(Op.ne, Type.i32, env, none));
  connect(before, some);
  connect(before, after);
  e.startBlock(some);
  const value = loadTop(e, env);
  e.emit0(Op.jump, Type.none);
  connect(some, after);
  e.startBlock(after);
  const phi = func.appendPhi(after, e.word);
  phi.args = [none, value];
  return phi;
}

interface Border {
  /** The exec env entered. */
  readonly env: Inst;
  /** The thread's innermost one before, or 0. */
  readonly callerEnv: Inst;
  readonly thread: Inst;
  /** `top` of `callerEnv`. */
  readonly previous: Inst;
}

interface Activation extends Border {
  /** The `top` of `env` to be restored. */
  readonly savedTop: Inst;
}

/** Links an activation record: complete first, then visible as the exec env's top, then that exec env as innermost. */
function enterActivation(e: Emitter, border: Border): Activation {
  const { env, callerEnv, thread, previous } = border;
  const savedTop = loadTop(e, env);
  const word = e.wordBytes;
  const store = (field: number, value: Inst): void => {
    e.store(slot(e, field * word), 0, value, Region.stack);
  };
  store(activationWords.prev, previous);
  store(activationWords.self, e.constant(e.word, activationMark, activationMark));
  store(activationWords.savedTop, savedTop);
  store(activationWords.env, env);
  store(activationWords.callerEnv, callerEnv);
  e.func.slotBytes = activationWords.count * word;
  publish(e, env, slot(e, 0));
  e.store(thread, 0, env, Region.native);
  return { ...border, savedTop };
}

/** The reverse: the exec env is no longer innermost before its chain is cut. */
function leaveActivation(e: Emitter, { env, callerEnv, thread, savedTop }: Activation): void {
  e.store(thread, 0, callerEnv, Region.native);
  publish(e, env, savedTop);
}

/** Stores `top` of exec env `env`; for readers on other cores after all that stands before, and before all that follows. */
function publish(e: Emitter, env: Inst, value: Inst): void {
  const { order } = e.ctx.publication;
  const [base, offset] = placeOfTop(e, env);
  const fence = (): void => {
    if (order !== 'relaxed') e.emit0(Op.fence, Type.none).imm = order === 'seq_cst' ? 1 : 0;
  };
  fence();
  e.store(base, offset, value, Region.publication);
  fence();
}

function callDescriptor(e: Emitter, callee: Callee, descriptor: Inst, args: Inst[]): Inst[] {
  const code = e.load(descriptor, e.descriptor.code, e.word, Region.native);
  const call = e.callPointer(callee, code, descriptor, args);
  if (callee.results.length > 1) return e.results(call, callee.results);
  return callee.results.length === 1 ? [call] : [];
}

function finish(e: Emitter, results: readonly Inst[]): Func {
  e.func.append(e.block, Op.return, Type.none, results.slice());
  e.finishPrologue();
  return e.func;
}
