import { HostService } from '../abi.ts';
import type { Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Access, accessBytes, Region, TrapKind, Type } from '../ir/types.ts';
import { operators } from '../wasm/opcodes.ts';
import { unsupported } from '../wasm/unsupported.ts';
import type { Builder } from './builder.ts';
import type { Emitter } from './emitter.ts';
import { StackType as T } from './module-types.ts';
import { rangeCheck } from './ranges.ts';

/** Operator bytes of the first load and the last store. */
export const firstAccess = 0x28; // i32.load
const firstStore = 0x36; // i32.store
export const lastAccess = 0x3e; // i64.store32

const letterTypes: Readonly<Record<string, Type>> = { i: Type.i32, l: Type.i64, f: Type.f32, d: Type.f64 };

/** Per load or store from {@link firstAccess} on: type of the value and width in memory. */
const accesses = operators.slice(firstAccess, lastAccess + 1).map((operator) => {
  const { name, signature } = operator as { name: string; signature: string };
  const isLoad = signature.endsWith('>i') || !signature.endsWith('>');
  const type = letterTypes[isLoad ? signature.slice(-1) : signature[1]];
  const width = /(?:load|store)(\d+)(?:_([su]))?/.exec(name);
  const key = width === null ? 'full' : `${width[2] ?? 'u'}${width[1]}`;
  const access = Access[key as keyof typeof Access];
  return { type, access, bytes: accessBytes(access, type) };
});

/** The index of a memory operator; there is no memory but 0. */
export function memoryIndex(b: Builder): void {
  const at = b.in.pos;
  const index = b.in.u32();
  if (index >= b.ctx.module.memories.length) b.fail(`unknown memory ${index}`);
  if (index > 0) unsupported('multi-memory', at);
}

/** A memory argument (§5.4.6): the offset. The alignment is a hint that nobody trusts; it is validated, no more. */
function memoryArgument(b: Builder, bytes: number): number {
  const at = b.in.pos;
  const flags = b.in.u32();
  if (flags >= 0x80) b.in.fail('malformed memop flags', at);
  if (flags >= 0x40) unsupported('multi-memory', at);
  const offset = b.in.u32();
  if (b.ctx.module.memories.length === 0) b.fail('unknown memory 0');
  if (flags >= 32 || 2 ** flags > bytes) b.fail('alignment must not be larger than natural');
  return offset;
}

/** Loads and stores (0x28 to 0x3e). */
export function access(b: Builder, opcode: number): void {
  const { type, access, bytes } = accesses[opcode - firstAccess];
  const offset = memoryArgument(b, bytes);
  if (b.ctx.native) nativeAccess(b, opcode, offset);
  else if (opcode < firstStore) {
    const index = b.pop(T.i32);
    const base = memoryBase(b);
    checkBounds(b, index, offset + bytes);
    b.push(type, describe(b.emit2(Op.load_indexed, type, base, index), offset, access));
  } else {
    const value = b.pop(type);
    const index = b.pop(T.i32);
    const base = memoryBase(b);
    checkBounds(b, index, offset + bytes);
    describe(b.emit3(Op.store_indexed, Type.none, base, index, value), offset, access);
  }
}

/** In native memory the operand is the address itself, a word. */
function nativeAccess(b: Builder, opcode: number, offset: number): void {
  const { type, access } = accesses[opcode - firstAccess];
  const word = b.word === Type.i64 ? T.i64 : T.i32;
  if (opcode < firstStore) {
    b.push(type, describe(b.emit1(Op.load, type, b.pop(word)), offset, access, Region.native));
  } else {
    const value = b.pop(type);
    describe(b.emit2(Op.store, Type.none, b.pop(word), value), offset, access, Region.native);
  }
}

function describe(inst: Inst, offset: number, access: Access, region: number = Region.memory): Inst {
  inst.offset = offset;
  inst.access = access;
  inst.region = region;
  return inst;
}

/** Checks that `end` bytes from `index` on are in memory, unless the target's guard does it or the index is constant and low. */
function checkBounds(b: Builder, index: Inst, end: number): void {
  if (!b.ctx.target.memory.checks) return;
  if (index.op === Op.const && (index.imm >>> 0) + end <= b.types.minimumBytes) return;
  b.emit2(Op.check_bounds, Type.none, index, memoryBytes(b)).offset = end;
}

/** Address of memory 0. */
export function memoryBase(e: Emitter): Inst {
  if (e.memoryBase === null) {
    const region = e.types.fixedMemory ? Region.constant : Region.memoryInfo;
    e.memoryBase = e.envWord(e.layout.memories[0] ?? 0, region);
  }
  return e.memoryBase;
}

/** The size of memory 0 in bytes. On a 32-bit target that of 4 GiB does not fit: no such memory is ever made there. */
function memoryBytes(e: Emitter): Inst {
  if (e.memorySize === null) {
    const { fixedMemory, minimumBytes } = e.types;
    if (fixedMemory && (e.wordBytes === 8 || minimumBytes < 2 ** 32)) {
      e.memorySize = e.constant(e.word, minimumBytes | 0, Math.floor(minimumBytes / 2 ** 32));
    } else {
      const region = fixedMemory ? Region.constant : Region.memoryInfo;
      e.memorySize = e.envWord((e.layout.memories[0] ?? 0) + e.wordBytes, region);
    }
  }
  return e.memorySize;
}

/** `memory.size`, in pages */
export function memorySize(b: Builder): void {
  memoryIndex(b);
  const pages = b.emit2(Op.shr_u, b.word, memoryBytes(b), b.wordConst(16));
  b.push(T.i32, b.truncate(pages));
}

/** `memory.grow` */
export function memoryGrow(b: Builder): void {
  memoryIndex(b);
  const delta = b.zeroExtend(b.pop(T.i32));
  b.push(T.i32, b.callHost(HostService.memoryGrow, 0, delta, b.wordConst(0)));
}

/** `memory.copy` */
export function memoryCopy(b: Builder): void {
  memoryIndex(b);
  memoryIndex(b);
  const count = b.zeroExtend(b.pop(T.i32));
  const source = b.zeroExtend(b.pop(T.i32));
  const target = b.zeroExtend(b.pop(T.i32));
  const size = memoryBytes(b);
  rangeCheck(b, target, count, size, TrapKind.memoryOutOfBounds);
  rangeCheck(b, source, count, size, TrapKind.memoryOutOfBounds);
  b.callHelper('memory_copy', [memoryAddress(b, target), memoryAddress(b, source), count]);
}

/** `memory.fill` */
export function memoryFill(b: Builder): void {
  memoryIndex(b);
  const count = b.zeroExtend(b.pop(T.i32));
  const value = b.pop(T.i32);
  const target = b.zeroExtend(b.pop(T.i32));
  rangeCheck(b, target, count, memoryBytes(b), TrapKind.memoryOutOfBounds);
  b.callHelper('memory_fill', [memoryAddress(b, target), value, count]);
}

/** `memory.init` */
export function memoryInit(b: Builder): void {
  const segment = dataIndex(b);
  memoryIndex(b);
  const count = b.pop(T.i32);
  const source = b.pop(T.i32);
  const target = b.pop(T.i32);
  if (b.live) initMemory(b, segment, target, source, count);
}

/** `data.drop` */
export function dataDrop(b: Builder): void {
  const segment = dataIndex(b);
  if (b.live) dropData(b, segment);
}

/** Index of a data segment. Code comes before data in a binary: without a data count section it cannot be checked. */
function dataIndex(b: Builder): number {
  const { dataCount } = b.ctx.module;
  if (dataCount === undefined) b.in.fail('data count section required', b.origin);
  const index = b.in.u32();
  if (index >= dataCount) b.fail(`unknown data segment ${index}`);
  return index;
}

/** Copies `count` bytes of data segment `segment` from `source` on to `target` in memory 0; all i32. Traps out of bounds. */
export function initMemory(e: Emitter, segment: number, target: Inst, source: Inst, count: Inst): void {
  const at = e.layout.dataSegments[segment];
  const bytes = e.zeroExtend(count);
  const from = e.zeroExtend(source);
  const to = e.zeroExtend(target);
  const length = e.envWord(at + e.wordBytes, Region.segment);
  rangeCheck(e, to, bytes, memoryBytes(e), TrapKind.memoryOutOfBounds);
  rangeCheck(e, from, bytes, length, TrapKind.memoryOutOfBounds);
  const contents = e.emit2(Op.add, e.word, e.envWord(at, Region.segment), from);
  e.callHelper('memory_copy', [memoryAddress(e, to), contents, bytes]);
}

/** Drops data segment `segment`: from now on it is empty. */
export function dropData(e: Emitter, segment: number): void {
  e.store(e.env(), e.layout.dataSegments[segment] + e.wordBytes, e.wordConst(0), Region.segment);
}

function memoryAddress(e: Emitter, index: Inst): Inst {
  return e.emit2(Op.add, e.word, memoryBase(e), index);
}
