import { descriptorLayout, type EnvLayout } from '../abi.ts';
import type { CompileContext } from '../context.ts';
import type { Block, Callee, Func, Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { Access, Region, type TrapKind, Type } from '../ir/types.ts';
import { ModuleTypes } from './module-types.ts';

/**
 * Appends SSA instructions to the current block: what function bodies and the init function share. Each instruction
 * gets `origin`, the byte offset of the operator at hand.
 */
export class Emitter {
  readonly ctx: CompileContext;
  readonly layout: EnvLayout;
  readonly types: ModuleTypes;
  readonly func: Func;
  /** Type of addresses and references, and its size: 1 << wordShift bytes. */
  readonly word: Type;
  readonly wordBytes: 4 | 8;
  readonly wordShift: number;
  readonly descriptor: ReturnType<typeof descriptorLayout>;
  block: Block;
  origin: number;
  /** Instructions that stand before everything else in the entry block: parameters, the exec env, zeros of locals. */
  readonly prologue: Inst[] = [];
  private readonly entry: Block;
  private envInst: Inst | null = null;
  /** Base and size of memory 0 as loaded before in the same extended block and since the last call; null: unknown. */
  memoryBase: Inst | null = null;
  memorySize: Inst | null = null;

  constructor(ctx: CompileContext, func: Func) {
    this.ctx = ctx;
    this.layout = ctx.env;
    this.types = ModuleTypes.of(ctx);
    this.func = func;
    this.word = ctx.target.word;
    this.wordBytes = ctx.target.wordBytes;
    this.wordShift = ctx.target.wordBytes === 8 ? 3 : 2;
    this.descriptor = descriptorLayout(ctx.target.wordBytes);
    this.entry = func.newBlock();
    this.block = this.entry;
    this.origin = func.origin;
  }

  /** Makes `block` the current one. Nothing remembered of the one before is known to hold in it. */
  startBlock(block: Block): void {
    this.block = block;
    this.memoryBase = null;
    this.memorySize = null;
  }

  /** Puts the prologue in its place. Nothing may be emitted to the entry block afterwards. */
  finishPrologue(): void {
    this.entry.insts = this.prologue.concat(this.entry.insts);
  }

  /** Adds an instruction to the prologue. */
  emitPrologue(op: number, type: Type): Inst {
    const inst = this.func.newInst(op, type, [], this.entry, -1);
    this.prologue.push(inst);
    return inst;
  }

  emit0(op: number, type: Type): Inst {
    return this.func.append(this.block, op, type, [], this.origin);
  }

  emit1(op: number, type: Type, a: Inst): Inst {
    return this.func.append(this.block, op, type, [a], this.origin);
  }

  emit2(op: number, type: Type, a: Inst, b: Inst): Inst {
    return this.func.append(this.block, op, type, [a, b], this.origin);
  }

  emit3(op: number, type: Type, a: Inst, b: Inst, c: Inst): Inst {
    return this.func.append(this.block, op, type, [a, b, c], this.origin);
  }

  /** The constant whose words are `low` and, for 64-bit types, `high`. */
  constant(type: Type, low: number, high: number): Inst {
    const inst = this.func.append(this.block, Op.const, type, [], this.origin);
    inst.imm = low;
    inst.imm2 = high;
    return inst;
  }

  i32(value: number): Inst {
    return this.constant(Type.i32, value | 0, 0);
  }

  /** A word constant, of an unsigned value below 2^32. */
  wordConst(value: number): Inst {
    return this.constant(this.word, value | 0, 0);
  }

  /** The exec env pointer: one instruction in the whole function. */
  env(): Inst {
    this.envInst ??= this.emitPrologue(Op.env, this.word);
    return this.envInst;
  }

  load(base: Inst, offset: number, type: Type, region: number): Inst {
    const inst = this.emit1(Op.load, type, base);
    inst.offset = offset;
    inst.access = Access.full;
    inst.region = region;
    return inst;
  }

  store(base: Inst, offset: number, value: Inst, region: number): void {
    const inst = this.emit2(Op.store, Type.none, base, value);
    inst.offset = offset;
    inst.access = Access.full;
    inst.region = region;
  }

  /** A word of the exec env. */
  envWord(offset: number, region: number): Inst {
    return this.load(this.env(), offset, this.word, region);
  }

  trapIf(condition: Inst, kind: TrapKind): void {
    this.emit1(Op.trap_if, Type.none, condition).imm = kind;
  }

  /** An i32 taken as unsigned, as a word. */
  zeroExtend(value: Inst): Inst {
    return this.wordBytes === 4 ? value : this.emit1(Op.extend_u, this.word, value);
  }

  /** The low 32 bits of a word. */
  truncate(value: Inst): Inst {
    return this.wordBytes === 4 ? value : this.emit1(Op.wrap, Type.i32, value);
  }

  /** Appends a call; its value where it has one result. */
  private call(op: number, callee: Callee, args: Inst[]): Inst {
    this.forgetMemory();
    const type = callee.results.length === 1 ? callee.results[0] : Type.none;
    const inst = this.func.append(this.block, op, type, args, this.origin);
    inst.callee = callee;
    return inst;
  }

  /** Calls a function of this image. */
  callDirect(callee: Callee, args: Inst[]): Inst {
    return this.call(Op.call, callee, args);
  }

  /** Calls a helper, which grows no memory. */
  callHelper(name: string, args: Inst[]): void {
    this.func.append(this.block, Op.call, Type.none, args, this.origin).callee = this.ctx.helper(name);
  }

  /** Calls by code address; `descriptor` says to the callee whom it is called as. */
  callPointer(callee: Callee, code: Inst, descriptor: Inst, args: Inst[]): Inst {
    return this.call(Op.call_ptr, callee, [code, descriptor, ...args]);
  }

  /** Calls host service `service` for entity `index`; the resulting word as an i32. */
  callHost(service: number, index: number, a: Inst, b: Inst): Inst {
    this.forgetMemory();
    const selector = this.wordConst(service | (index << 8));
    return this.truncate(this.emit3(Op.call_host, this.word, selector, a, b));
  }

  /** The values of a call of several results. */
  results(call: Inst, types: readonly Type[]): Inst[] {
    return types.map((type, index) => {
      const inst = this.emit1(Op.result, type, call);
      inst.imm = index;
      return inst;
    });
  }

  /** A call may have grown a memory; one of fixed size it cannot have moved. */
  private forgetMemory(): void {
    if (this.types.fixedMemory) return;
    this.memoryBase = null;
    this.memorySize = null;
  }

  /** A reference to function `index`: the address of its descriptor. */
  functionReference(index: number): Inst {
    if (index < this.ctx.module.importedFunctions) {
      return this.envWord(this.layout.functionImports[index], Region.constant);
    }
    return this.emit2(Op.add, this.word, this.env(), this.wordConst(this.layout.descriptors[index]));
  }
}
