import { f32Bits, f32FromBits, f64FromWords, f64HighWord, f64LowWord } from '../../compiler/ir/constants.ts';
import type { Block, Callee, Func, Inst } from '../../compiler/ir/function.ts';
import { Op, ops } from '../../compiler/ir/ops.ts';
import {
  Access,
  accessBytes,
  isFloat,
  type TrapKind,
  TrapKind as Traps,
  Type,
} from '../../compiler/ir/types.ts';

/**
 * Executes SSA functions directly, for tests of the passes: what a function does before and after must be the same.
 * Slow and plain on purpose. Integers and float bits alike are bigints of the value's width, unsigned.
 */

/** A memory for interpreted code: native addresses are offsets in `bytes`; touching anything beyond is a fault. */
export interface World {
  readonly bytes: Uint8Array;
  /** The exec env's address. */
  readonly env: number;
  /** What a call gives, one bigint a result. */
  call(callee: Callee, args: readonly bigint[], bytes: Uint8Array): readonly bigint[];
}

export interface Outcome {
  /** Undefined unless the function returned. */
  readonly results: readonly bigint[] | undefined;
  /** Undefined unless it trapped. */
  readonly trap: TrapKind | undefined;
}

class TrapSignal {
  readonly kind: TrapKind;
  constructor(kind: TrapKind) {
    this.kind = kind;
  }
}

/** @throws Error when the function runs for more than `fuel` instructions */
export function interpret(func: Func, args: readonly bigint[], world: World, fuel = 100_000): Outcome {
  try {
    return { results: new Frame(func, args, world).run(fuel), trap: undefined };
  } catch (error) {
    if (error instanceof TrapSignal) return { results: undefined, trap: error.kind };
    throw error;
  }
}

const widths = [0, 32, 64, 32, 64, 128] as const;
const signed = (value: bigint, type: Type): bigint => BigInt.asIntN(widths[type], value);
const unsigned = (value: bigint, type: Type): bigint => BigInt.asUintN(widths[type], value);

/** The number that float bits stand for. */
export const toNumber = (bits: bigint, type: Type): number =>
  type === Type.f32
    ? f32FromBits(Number(BigInt.asIntN(32, bits)))
    : f64FromWords(Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n)));

/** The bits of a number; NaN is always the canonical one. */
export function toBits(value: number, type: Type): bigint {
  if (Number.isNaN(value)) return type === Type.f32 ? 0x7fc00000n : 0x7ff8000000000000n;
  if (type === Type.f32) return BigInt.asUintN(32, BigInt(f32Bits(value)));
  return (BigInt(f64HighWord(value) >>> 0) << 32n) | BigInt(f64LowWord(value) >>> 0);
}

class Frame {
  private readonly values = new Map<Inst, bigint>();
  private readonly several = new Map<Inst, readonly bigint[]>();
  private readonly func: Func;
  private readonly args: readonly bigint[];
  private readonly world: World;
  private readonly view: DataView;

  constructor(func: Func, args: readonly bigint[], world: World) {
    this.func = func;
    this.args = args;
    this.world = world;
    this.view = new DataView(world.bytes.buffer, world.bytes.byteOffset, world.bytes.byteLength);
  }

  run(fuel: number): readonly bigint[] {
    let block = this.func.blocks[0];
    for (let left = fuel; left > 0; left -= block.insts.length) {
      for (const inst of block.insts.slice(0, -1)) this.execute(inst);
      const next = this.terminate(block.terminator);
      if (!('id' in next)) return next;
      const edge = next.preds.indexOf(block);
      const inputs = next.phis.map((phi) => this.value(phi.args[edge]));
      next.phis.forEach((phi, k) => {
        this.values.set(phi, inputs[k]);
      });
      block = next;
    }
    throw new Error('out of fuel');
  }

  private value(inst: Inst): bigint {
    const value = this.values.get(inst);
    if (value === undefined) throw new Error(`v${inst.id} has no value`);
    return value;
  }

  private terminate(inst: Inst): Block | readonly bigint[] {
    const { succs } = inst.block;
    switch (inst.op) {
      case Op.jump:
        return succs[0];
      case Op.branch:
        return succs[this.value(inst.args[0]) !== 0n ? 0 : 1];
      case Op.switch: {
        const table = inst.table ?? new Int32Array(1);
        const index = this.value(inst.args[0]);
        return succs[table[index < BigInt(table.length) ? Number(index) : table.length - 1]];
      }
      case Op.return:
        return inst.args.map((arg) => this.value(arg));
      default:
        throw new TrapSignal(inst.imm as TrapKind);
    }
  }

  private execute(inst: Inst): void {
    const args = inst.args.map((arg) => (this.several.has(arg) ? 0n : this.value(arg)));
    const { name } = ops[inst.op];
    if (name.startsWith('load') || name.startsWith('store')) this.access(inst, args);
    else if (inst.op === Op.call) this.call(inst, args);
    else if (inst.op === Op.result) this.set(inst, (this.several.get(inst.args[0]) ?? [])[inst.imm]);
    else if (inst.op === Op.param) this.set(inst, this.args[inst.imm]);
    else if (inst.op === Op.env) this.set(inst, BigInt(this.world.env));
    else if (inst.op === Op.const) this.set(inst, (BigInt(inst.imm2 >>> 0) << 32n) | BigInt(inst.imm >>> 0));
    else if (inst.op === Op.trap_if) {
      if (args[0] !== 0n) throw new TrapSignal(inst.imm as TrapKind);
    } else if (inst.op === Op.check_bounds) {
      if (args[0] + BigInt(inst.offset) > args[1]) throw new TrapSignal(Traps.memoryOutOfBounds);
    } else if (name.startsWith('pair_')) this.pair(inst, name.slice(5), args);
    else if (inst.op === Op.f64_from_words) this.set(inst, args[0] | (args[1] << 32n));
    else if (inst.op === Op.f64_word) this.set(inst, args[0] >> BigInt(32 * inst.imm));
    else if (inst.op === Op.reinterpret) this.set(inst, args[0]);
    else if (inst.op === Op.select) this.set(inst, args[0] !== 0n ? args[1] : args[2]);
    else this.set(inst, evaluate(name, inst.type, inst.args[0].type, args));
  }

  private set(inst: Inst, value: bigint): void {
    this.values.set(inst, unsigned(value, inst.type));
  }

  private call(inst: Inst, args: readonly bigint[]): void {
    if (inst.callee === null) throw new Error('a call without a callee');
    const results = this.world.call(inst.callee, args, this.world.bytes);
    if (results.length === 1) this.set(inst, results[0]);
    else this.several.set(inst, results);
  }

  private pair(inst: Inst, name: string, args: readonly bigint[]): void {
    const a = args[0] | (args[1] << 32n);
    const b = args.length === 4 ? args[2] | (args[3] << 32n) : args[2] & 63n;
    const value = evaluate(name, Type.i64, Type.i64, [a, b]);
    if (inst.type === Type.i32) this.set(inst, value);
    else this.several.set(inst, [value & 0xffffffffn, BigInt.asUintN(32, value >> 32n)]);
  }

  private access(inst: Inst, args: readonly bigint[]): void {
    const store = ops[inst.op].name.startsWith('store');
    const indexed = inst.op === Op.load_indexed || inst.op === Op.store_indexed;
    const type = store ? inst.args[inst.args.length - 1].type : inst.type;
    const size = accessBytes(inst.access, type);
    const at = Number(args[0]) + inst.offset + (indexed ? Number(args[1]) : 0);
    if (at + size > this.world.bytes.length) throw new TrapSignal(Traps.memoryOutOfBounds);
    if (store) {
      const value = args[args.length - 1];
      for (let k = 0; k < size; k++) this.view.setUint8(at + k, Number((value >> BigInt(8 * k)) & 0xffn));
      return;
    }
    let value = 0n;
    for (let k = 0; k < size; k++) value |= BigInt(this.view.getUint8(at + k)) << BigInt(8 * k);
    const extend = inst.access === Access.s8 || inst.access === Access.s16 || inst.access === Access.s32;
    this.set(inst, extend ? BigInt.asIntN(8 * size, value) : value);
  }
}

type Rule = (a: bigint, b: bigint, type: Type) => bigint;

const flag = (condition: boolean): bigint => (condition ? 1n : 0n);
const shiftCount = (count: bigint, type: Type): bigint => count & BigInt(widths[type] - 1);

const integerRules: Readonly<Record<string, Rule>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div_s: (a, b, t) => signed(a, t) / signed(b, t),
  div_u: (a, b) => a / b,
  rem_s: (a, b, t) => signed(a, t) % signed(b, t),
  rem_u: (a, b) => a % b,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b, t) => a << shiftCount(b, t),
  shr_s: (a, b, t) => signed(a, t) >> shiftCount(b, t),
  shr_u: (a, b, t) => a >> shiftCount(b, t),
  rotl: (a, b, t) => (a << shiftCount(b, t)) | (a >> (BigInt(widths[t]) - shiftCount(b, t))),
  rotr: (a, b, t) => (a >> shiftCount(b, t)) | (a << (BigInt(widths[t]) - shiftCount(b, t))),
  clz: (a, _, t) => BigInt(widths[t] - (a === 0n ? 0 : a.toString(2).length)),
  ctz: (a, _, t) => BigInt(a === 0n ? widths[t] : (a & -a).toString(2).length - 1),
  popcnt: (a) => BigInt(a.toString(2).replaceAll('0', '').length),
  extend8_s: (a) => BigInt.asIntN(8, a),
  extend16_s: (a) => BigInt.asIntN(16, a),
  extend32_s: (a) => BigInt.asIntN(32, a),
  eq: (a, b) => flag(a === b),
  ne: (a, b) => flag(a !== b),
  lt_s: (a, b, t) => flag(signed(a, t) < signed(b, t)),
  lt_u: (a, b) => flag(a < b),
  gt_s: (a, b, t) => flag(signed(a, t) > signed(b, t)),
  gt_u: (a, b) => flag(a > b),
  le_s: (a, b, t) => flag(signed(a, t) <= signed(b, t)),
  le_u: (a, b) => flag(a <= b),
  ge_s: (a, b, t) => flag(signed(a, t) >= signed(b, t)),
  ge_u: (a, b) => flag(a >= b),
  extend_s: (a) => BigInt.asIntN(32, a),
  extend_u: (a) => a,
  wrap: (a) => a,
};

const floatRules: Readonly<Record<string, (a: number, b: number) => number>> = {
  fadd: (a, b) => a + b,
  fsub: (a, b) => a - b,
  fmul: (a, b) => a * b,
  fdiv: (a, b) => a / b,
  fmin: (a, b) => Math.min(a, b),
  fmax: (a, b) => Math.max(a, b),
  fsqrt: (a) => Math.sqrt(a),
  fceil: (a) => Math.ceil(a),
  ffloor: (a) => Math.floor(a),
  ftrunc: (a) => Math.trunc(a),
  fnearest: (a) => nearest(a),
  promote: (a) => a,
  demote: (a) => a,
};

const floatComparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  feq: (a, b) => a === b,
  fne: (a, b) => a !== b,
  flt: (a, b) => a < b,
  fgt: (a, b) => a > b,
  fle: (a, b) => a <= b,
  fge: (a, b) => a >= b,
};

/** Rounds half to even. */
function nearest(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0 || Number.isNaN(rest)) return value;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0);
  const rounded = up ? floor + 1 : floor;
  return rounded === 0 && value < 0 ? -0 : rounded;
}

/** A pure operation on values: `type` is its type, `from` its first input's. */
export function evaluate(name: string, type: Type, from: Type, args: readonly bigint[]): bigint {
  const [a, b] = args;
  const sign = 1n << BigInt(widths[from] - 1);
  if (name in integerRules) return integerRules[name](a, b, from);
  if (name === 'fneg') return a ^ sign;
  if (name === 'fabs') return a & ~sign;
  if (name === 'fcopysign') return (a & ~sign) | (b & sign);
  if (name in floatComparisons) return flag(floatComparisons[name](toNumber(a, from), toNumber(b, from)));
  if (name in floatRules) {
    return toBits(floatRules[name](toNumber(a, from), args.length > 1 ? toNumber(b, from) : 0), type);
  }
  if (name === 'convert_s') return toBits(roundTo(signed(a, from), type), type);
  if (name === 'convert_u') return toBits(roundTo(a, type), type);
  if (name.startsWith('trunc_')) return truncate(name, toNumber(a, from), type);
  throw new Error(`the interpreter has no rule for ${name}`);
}

/** An integer as a float, rounded once: to f32 by way of odd rounding to 62 bits at most. */
function roundTo(value: bigint, type: Type): number {
  if (type === Type.f64) return Number(value);
  const negative = value < 0n;
  let magnitude = negative ? -value : value;
  const excess = BigInt(Math.max(0, magnitude.toString(2).length - 40));
  if ((magnitude & ((1n << excess) - 1n)) !== 0n) magnitude |= 1n << excess;
  const number = Math.fround(Number((magnitude >> excess) << excess));
  return negative ? -number : number;
}

function truncate(name: string, value: number, type: Type): bigint {
  const isSigned = name.endsWith('_s');
  const bits = BigInt(widths[type]);
  const least = isSigned ? -(1n << (bits - 1n)) : 0n;
  const most = isSigned ? (1n << (bits - 1n)) - 1n : (1n << bits) - 1n;
  const saturates = name.includes('sat');
  if (Number.isNaN(value)) {
    if (saturates) return 0n;
    throw new TrapSignal(Traps.invalidConversion);
  }
  const integer = Number.isFinite(value) ? BigInt(Math.trunc(value)) : value > 0 ? most + 1n : least - 1n;
  if (integer < least || integer > most) {
    if (!saturates) throw new TrapSignal(Traps.invalidConversion);
    return integer < least ? least : most;
  }
  return integer;
}

/** Values of a signature as the words that splitting them gives, so that outcomes compare across lower64. */
export function flatten(values: readonly bigint[], types: readonly Type[]): number[] {
  return values.flatMap((value, k) =>
    types[k] === Type.i64
      ? [Number(value & 0xffffffffn), Number(value >> 32n)]
      : isFloat(types[k]) && types[k] === Type.f64
        ? [Number(value >> 32n), Number(value & 0xffffffffn)]
        : [Number(value)],
  );
}
