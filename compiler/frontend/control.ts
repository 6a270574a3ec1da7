import { type Block, connect, type Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { TrapKind, Type } from '../ir/types.ts';
import { readValueType } from '../wasm/value-types.ts';
import { Budget } from './budget.ts';
import type { Builder } from './builder.ts';
import { Frame, FrameKind } from './frame.ts';
import { LoopScan } from './loop-scan.ts';
import { type Signature, type StackType, stackType, StackType as T } from './module-types.ts';

const noTypes: readonly StackType[] = [];
const emptySignature: Signature = { params: noTypes, results: noTypes };
const oneResult: readonly Signature[] = Object.values(T).map((type) => ({
  params: noTypes,
  results: [type],
}));

/** A block type (§5.4.1): nothing, a value type, or a type index. */
function blockType(b: Builder): Signature {
  const r = b.in;
  const byte = r.bytes[r.pos];
  if (r.pos < r.end && byte >= 0x40 && byte < 0x80) {
    if (byte !== 0x40) return oneResult[stackType(readValueType(r))];
    r.pos++;
    return emptySignature;
  }
  const at = r.pos;
  const index = r.s33();
  if (index < 0) r.fail('malformed block type: integer representation too long', at);
  return b.types.signatures[index] ?? b.fail(`unknown type ${index}`);
}

function openFrame(b: Builder, kind: FrameKind, { params, results }: Signature): Frame {
  b.need(params);
  const frame = new Frame(kind, params, results, b.sp - params.length, b.live, b.origin);
  if (b.live) frame.entry = b.locals.current;
  b.frames.push(frame);
  b.frame = frame;
  return frame;
}

/** `block` */
export function block(b: Builder): void {
  openFrame(b, FrameKind.block, blockType(b));
}

/** `loop` */
export function loop(b: Builder): void {
  const type = blockType(b);
  const frame = openFrame(b, FrameKind.loop, type);
  const { locals } = b;
  if (b.live && locals.scan === null) {
    locals.scan = new LoopScan(b.in.bytes, b.origin, b.in.end, b.localTypes.length);
  }
  const number = b.loopCount;
  if (locals.scan !== null) b.loopCount++;
  if (!b.live || locals.scan === null) return;
  const header = b.func.detachedBlock();
  frame.target = header;
  b.emit0(Op.jump, Type.none);
  connect(b.block, header);
  b.goOn(header);
  frame.header = locals.openLoop(header, b.origin, locals.scan.ends[number] ?? b.in.end);
  b.budget.spend(type.params.length * Budget.instruction);
  frame.phis = type.params.map((param, k) => {
    const phi = b.func.appendPhi(header, b.types.ssaType(param));
    phi.args.push(b.values[frame.height + k]);
    b.values[frame.height + k] = phi;
    b.labelPhis.push(phi);
    return phi;
  });
}

/** `if` */
export function ifThen(b: Builder): void {
  const type = blockType(b);
  const condition = b.pop(T.i32);
  const frame = openFrame(b, FrameKind.if, type);
  if (!b.live) return;
  b.budget.spend(type.params.length);
  frame.ifParams = b.values.slice(frame.height, b.sp);
  const elseBlock = b.func.detachedBlock();
  frame.elseBlock = elseBlock;
  branch(b, condition, b.func.newBlock(), elseBlock);
}

/** Ends the block at hand with a two-way branch and goes on in `next`, which has its place in the layout. */
function branch(b: Builder, condition: Inst, next: Block, other: Block, nextIfZero = false): void {
  b.emit1(Op.branch, Type.none, condition);
  connect(b.block, nextIfZero ? other : next);
  connect(b.block, nextIfZero ? next : other);
  // The same extended block: what is known of memory here stays true.
  b.block = next;
}

/** `else` */
export function elseArm(b: Builder): void {
  const { frame } = b;
  if (frame.kind !== FrameKind.if) b.fail('else without if');
  closeOperands(b, frame);
  if (b.live) jumpToLabel(b, frame);
  frame.kind = FrameKind.else;
  frame.unreachable = false;
  b.sp = frame.height;
  const { elseBlock, entry } = frame;
  if (elseBlock === null || entry === null) {
    for (const param of frame.params) b.push(param, b.dummy);
    return;
  }
  b.goOn(elseBlock);
  b.locals.enter(elseBlock, b.origin, entry, frame.entryAt);
  b.pushAll(frame.params, frame.ifParams);
}

/** The operand stack at the end of a block: its results and nothing else. */
function closeOperands(b: Builder, frame: Frame): void {
  b.need(frame.results);
  if (b.sp !== frame.height + frame.results.length)
    b.fail('type mismatch: values remain on the operand stack');
}

/** Notes the branch from the current point to the label of `frame`, with the values on the operand stack. */
function addEdge(b: Builder, frame: Frame): Block {
  const { length } = frame.label;
  b.budget.spend(length);
  return frame.addEdge(b.func, b.locals.current, b.origin, b.values, b.sp - length);
}

function jumpToLabel(b: Builder, frame: Frame): void {
  const target = addEdge(b, frame);
  b.emit0(Op.jump, Type.none);
  connect(b.block, target);
}

/** `end`; true for the function's own. */
export function end(b: Builder): boolean {
  const { frame } = b;
  closeOperands(b, frame);
  if (frame.kind === FrameKind.if) endIfWithoutElse(b, frame);
  else if (frame.kind === FrameKind.loop) {
    if (frame.header !== null) b.locals.closeLoop(frame.header);
  } else if (frame.target !== null) {
    if (b.live) jumpToLabel(b, frame);
    mergeBehind(b, frame, frame.target);
  }
  if (b.frames.length === 1) {
    if (b.live) returnValues(b, frame.results.length);
    return true;
  }
  b.frames.pop();
  b.frame = b.frames[b.frames.length - 1];
  return false;
}

/** Both ways around the missing `else`: the parameters, which must be the results. */
function endIfWithoutElse(b: Builder, frame: Frame): void {
  const { params, results, elseBlock, entry, ifParams } = frame;
  if (params.length !== results.length || params.some((type, k) => type !== results[k])) {
    b.fail('type mismatch: an if without else must have its parameters as results');
  }
  if (elseBlock === null || entry === null) return;
  if (frame.target === null && !b.live) {
    b.goOn(elseBlock);
    b.locals.enter(elseBlock, b.origin, entry, frame.entryAt);
    for (let k = 0; k < params.length; k++) b.values[frame.height + k] = ifParams[k];
    return;
  }
  const from = elseBlock.preds[0];
  b.budget.spend(params.length);
  const target = frame.addEdge(b.func, entry, frame.entryAt, ifParams, 0);
  from.succs[1] = target;
  target.preds.push(from);
  if (b.live) jumpToLabel(b, frame);
  mergeBehind(b, frame, target);
}

/** Goes on behind the `end` of `frame`, which is reached by the branches to its label. */
function mergeBehind(b: Builder, frame: Frame, target: Block): void {
  const { edges, results } = frame;
  b.goOn(target);
  if (edges === null) return;
  const { preds, predAt, values: args } = edges;
  if (preds.length === 1) b.locals.enter(target, b.origin, preds[0], predAt[0]);
  else b.locals.merge(target, b.origin, frame.entry ?? preds[0], frame.entryAt, preds, predAt);
  const count = results.length;
  b.budget.spend(count * Budget.instruction);
  for (let k = 0; k < count; k++) {
    let value = args[k];
    let same = true;
    for (let at = k + count; at < args.length; at += count) same &&= args[at] === value;
    if (!same) {
      const phi = b.func.appendPhi(target, b.types.ssaType(results[k]));
      for (let at = k; at < args.length; at += count) phi.args.push(args[at]);
      b.labelPhis.push(phi);
      value = phi;
    }
    b.values[frame.height + k] = value;
  }
}

/** The frame that label `depth` names. */
function labelled(b: Builder, depth: number): Frame {
  return b.frames[b.frames.length - 1 - depth] ?? b.fail(`unknown label ${depth}`);
}

/** `br` */
export function br(b: Builder): void {
  const frame = labelled(b, b.in.u32());
  b.need(frame.label);
  if (b.live) {
    if (frame.kind === FrameKind.function) returnValues(b, frame.results.length);
    else jumpToLabel(b, frame);
  }
  b.unreachable();
}

/** `br_if` */
export function brIf(b: Builder): void {
  const frame = labelled(b, b.in.u32());
  const condition = b.pop(T.i32);
  b.need(frame.label);
  if (b.live) branch(b, condition, b.func.newBlock(), addEdge(b, frame), true);
}

/** `br_table`: labels that appear several times become one successor. */
export function brTable(b: Builder): void {
  const r = b.in;
  const count = r.count('labels', r.remaining);
  const table = new Int32Array(count + 1);
  const targets: Frame[] = [];
  const index = b.pop(T.i32);
  let arity = -1;
  for (let k = 0; k <= count; k++) {
    const frame = labelled(b, r.u32());
    if (frame.tableMark !== b.origin) {
      frame.tableMark = b.origin;
      frame.tableSuccessor = targets.length;
      targets.push(frame);
      checkLabel(b, frame.label);
      if (arity >= 0 && arity !== frame.label.length)
        b.fail('type mismatch: br_table labels of different arity');
      arity = frame.label.length;
    }
    table[k] = frame.tableSuccessor;
  }
  if (b.live) {
    const blocks: Block[] = [];
    for (const frame of targets) blocks.push(addEdge(b, frame));
    if (blocks.length === 1) b.emit0(Op.jump, Type.none);
    else b.emit1(Op.switch, Type.none, index).table = table;
    for (const target of blocks) connect(b.block, target);
  }
  b.unreachable();
}

/** As Builder.need, but leaves the operand stack alone: each label of a br_table judges the same one. */
function checkLabel(b: Builder, label: readonly StackType[]): void {
  b.budget.spend(label.length);
  const { frame } = b;
  for (let k = label.length - 1, at = b.sp - 1; k >= 0; k--, at--) {
    if (at < frame.height) {
      if (!frame.unreachable) b.fail('type mismatch: too few values for a br_table label');
      return;
    }
    const actual = b.stackTypes[at];
    if (actual !== label[k] && actual !== T.unknown) b.fail('type mismatch: br_table');
  }
}

/** `return` */
export function returnFrom(b: Builder): void {
  const { results } = b.frames[0];
  b.need(results);
  if (b.live) returnValues(b, results.length);
  b.unreachable();
}

function returnValues(b: Builder, count: number): void {
  b.func.append(b.block, Op.return, Type.none, b.values.slice(b.sp - count, b.sp), b.origin);
}

/** `unreachable` */
export function trap(b: Builder): void {
  if (b.live) {
    b.emit0(Op.trap, Type.none).imm = TrapKind.unreachable;
    b.block.cold = true;
  }
  b.unreachable();
}
