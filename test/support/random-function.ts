import { type Block, type Callee, connect, Func, type Inst } from '../../compiler/ir/function.ts';
import { Op, ops } from '../../compiler/ir/ops.ts';
import { Access, accessBytes, Region, TrapKind, Type } from '../../compiler/ir/types.ts';

/** A small generator of pseudo-random numbers (mulberry32): the same seed gives the same function. */
export class Random {
  private state: number;
  constructor(seed: number) {
    this.state = seed;
  }

  /** An integer from 0 to below `limit`. */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  word(): number {
    return this.chance(60) ? this.pick(interesting) : this.below(2 ** 32) | 0;
  }
}

const interesting = [
  0, 1, -1, 2, 3, 4, 7, 8, 10, 16, 24, 31, 32, 33, 63, 100, 255, 256, -2, -8, 65535,
].concat(-2147483648, 2147483647, 1000000007);

/** Where generated functions expect memory 0's base and size in the exec env, and a global. */
export const envOffsets = { base: 32, size: 40, global: 48 } as const;

const valueTypes = [Type.i32, Type.i64, Type.f32, Type.f64] as const;
const callees: readonly Callee[] = [
  { symbol: 1, params: [Type.i32], results: [Type.i32] },
  { symbol: 2, params: [Type.i64, Type.i32], results: [Type.i64] },
  { symbol: 3, params: [Type.f64, Type.i64], results: [Type.i32, Type.i64, Type.f32] },
  { symbol: 4, params: [], results: [] },
];

/** Ways to spend instructions of pure kinds: operations by typing. */
const pure = ops.flatMap((info, op) => {
  const wanted = /^(TT|T|SS|iTT|i|l|f|d|S)>[Ti]$/.test(info.typing);
  const known = !/^(pair|f64_|div|rem|result)/.test(info.name) && info.name !== 'f64_word';
  return wanted && known && (info.effects & 4) === 0 ? [op] : [];
});

/**
 * Builds a random well-formed function of structured control flow: (i32, i64, f32, f64) -> (i32, i64, f64), with
 * phis, counted loops, switches, bounded memory accesses, calls, traps and divisions behind their checks.
 */
export function randomFunction(seed: number, word: typeof Type.i32 | typeof Type.i64, statements = 30): Func {
  return new Generator(seed, word, statements).func;
}

class Generator {
  readonly func = new Func(
    { id: 0, name: 'random', kind: 'wasm', wasmIndex: 0 },
    [Type.i32, Type.i64, Type.f32, Type.f64],
    [Type.i32, Type.i64, Type.f64],
  );
  private readonly random: Random;
  private readonly word: typeof Type.i32 | typeof Type.i64;
  private block: Block;
  private left: number;
  /** Values that dominate the current place, by type. */
  private pool: Inst[][] = [[], [], [], [], [], []];

  constructor(seed: number, word: typeof Type.i32 | typeof Type.i64, statements: number) {
    this.random = new Random(seed);
    this.word = word;
    this.left = statements;
    this.block = this.func.newBlock();
    this.func.params.forEach((type, k) => {
      this.append(Op.param, type, []).imm = k;
    });
    this.statements(0);
    while (this.left > 0) this.statements(0);
    const values = this.func.results.map((type) => this.value(type));
    this.append(Op.return, Type.none, values);
  }

  private append(op: number, type: Type, args: Inst[]): Inst {
    const inst = this.func.append(this.block, op, type, args, this.func.instCount);
    if (type !== Type.none) this.pool[type].push(inst);
    return inst;
  }

  private constant(type: Type): Inst {
    const inst = this.append(Op.const, type, []);
    inst.imm = this.random.word();
    if (type === Type.i64) inst.imm2 = this.random.chance(70) ? inst.imm >> 31 : this.random.word();
    if (type === Type.f64) inst.imm2 = this.random.pick([0, -2147483648, 0x3ff00000, 0x40590000, 0x7ff80000]);
    if (type === Type.f32) inst.imm = this.random.pick([0, -2147483648, 0x3f800000, 0x42c80000, 0x7fc00000]);
    return inst;
  }

  /** A value of the type: often a recent one, sometimes a constant. */
  private value(type: Type): Inst {
    const pool = this.pool[type];
    if (pool.length === 0 || this.random.chance(25)) return this.constant(type);
    return pool[Math.max(0, pool.length - 1 - this.random.below(this.random.chance(60) ? 4 : pool.length))];
  }

  private statements(depth: number): void {
    for (let k = 2 + this.random.below(6); k > 0 && this.left > 0; k--) {
      this.left--;
      const kind = this.random.below(100);
      if (kind < 55) this.pureOperation();
      else if (kind < 72) this.memoryAccess();
      else if (kind < 77) this.division();
      else if (kind < 81) this.call();
      else if (kind < 84) this.trapIf();
      else if (kind < 87) this.globalAccess();
      else if (depth < 4) this.control(depth);
    }
  }

  private pureOperation(): void {
    const op = this.random.pick(pure);
    const { typing, domain, name } = ops[op];
    const integers = [Type.i32, Type.i64] as const;
    const floats = [Type.f32, Type.f64] as const;
    let type: Type = this.random.pick(domain === 'int' ? integers : domain === 'float' ? floats : valueTypes);
    let free: Type = type;
    if (typing.endsWith('i')) type = Type.i32;
    if (name === 'wrap') type = Type.i32;
    else if (name.startsWith('extend_') || name === 'extend32_s') type = Type.i64;
    else if (name === 'promote') type = Type.f64;
    else if (name === 'demote') type = Type.f32;
    else if (name.startsWith('trunc_')) {
      free = this.random.pick(floats);
      type = this.random.pick([Type.i32, Type.i64] as const);
    } else if (name.startsWith('convert_')) {
      free = this.random.pick(integers);
      type = this.random.pick([Type.f32, Type.f64] as const);
    } else if (name === 'reinterpret')
      free =
        type === Type.i32 ? Type.f32 : type === Type.i64 ? Type.f64 : type === Type.f32 ? Type.i32 : Type.i64;
    const letters: Record<string, Type> = {
      T: type,
      S: free,
      i: Type.i32,
      l: Type.i64,
      f: Type.f32,
      d: Type.f64,
    };
    const inputs = typing.slice(0, typing.indexOf('>'));
    this.append(
      op,
      type,
      [...inputs].map((letter) => this.value(letters[letter])),
    );
  }

  private division(): void {
    const type = this.random.pick([Type.i32, Type.i64] as const);
    const dividend = this.value(type);
    const divisor = this.random.chance(60) ? this.constant(type) : this.value(type);
    const zero = this.append(Op.const, type, []);
    this.append(Op.trap_if, Type.none, [this.append(Op.eq, Type.i32, [divisor, zero])]).imm =
      TrapKind.divideByZero;
    const op = this.random.pick([Op.div_s, Op.div_u, Op.rem_s, Op.rem_u]);
    if (op === Op.div_s) {
      const minusOne = this.append(Op.const, type, []);
      minusOne.imm = -1;
      minusOne.imm2 = type === Type.i64 ? -1 : 0;
      const least = this.append(Op.const, type, []);
      if (type === Type.i64) least.imm2 = -2147483648;
      else least.imm = -2147483648;
      const both = this.append(Op.and, Type.i32, [
        this.append(Op.eq, Type.i32, [dividend, least]),
        this.append(Op.eq, Type.i32, [divisor, minusOne]),
      ]);
      this.append(Op.trap_if, Type.none, [both]).imm = TrapKind.integerOverflow;
    }
    this.append(op, type, [dividend, divisor]);
  }

  private field(offset: number, type: Type): Inst {
    const env = this.append(Op.env, this.word, []);
    const load = this.append(Op.load, type, [env]);
    load.offset = offset;
    load.region = Region.memoryInfo;
    return load;
  }

  private memoryAccess(): void {
    let index = this.value(Type.i32);
    if (this.random.chance(80)) {
      const mask = this.append(Op.const, Type.i32, []);
      mask.imm = 1023;
      index = this.append(Op.and, Type.i32, [index, mask]);
    }
    const offset = this.random.pick([0, 4, 8, 12, 500]);
    const type = this.random.pick(valueTypes);
    const narrow: readonly Access[] =
      type === Type.i64
        ? [Access.full, Access.s8, Access.u16, Access.s32, Access.u32]
        : type === Type.i32
          ? [Access.full, Access.u8, Access.s8, Access.s16]
          : [Access.full];
    const access = this.random.pick(narrow);
    const value = this.value(type);
    const check = this.append(Op.check_bounds, Type.none, [index, this.field(envOffsets.size, this.word)]);
    check.offset = offset + accessBytes(access, type);
    const base = this.field(envOffsets.base, this.word);
    const inst = this.random.chance(50)
      ? this.append(Op.store_indexed, Type.none, [base, index, value])
      : this.append(Op.load_indexed, type, [base, index]);
    inst.access = access;
    inst.offset = offset;
    inst.region = Region.memory;
  }

  private globalAccess(): void {
    const env = this.append(Op.env, this.word, []);
    const inst = this.random.chance(50)
      ? this.append(Op.store, Type.none, [env, this.value(Type.i64)])
      : this.append(Op.load, Type.i64, [env]);
    inst.offset = envOffsets.global;
    inst.region = Region.global;
  }

  private call(): void {
    const callee = this.random.pick(callees);
    const args = callee.params.map((type) => this.value(type));
    const single = callee.results.length === 1;
    const call = this.func.append(
      this.block,
      Op.call,
      single ? callee.results[0] : Type.none,
      args,
      this.func.instCount,
    );
    call.callee = callee;
    if (single) this.pool[call.type].push(call);
    else
      callee.results.forEach((type, k) => {
        this.append(Op.result, type, [call]).imm = k;
      });
  }

  private trapIf(): void {
    const small = this.constant(Type.i32);
    small.imm = this.random.below(5);
    const condition = this.append(Op.eq, Type.i32, [this.value(Type.i32), small]);
    this.append(Op.trap_if, Type.none, [condition]).imm = TrapKind.unreachable;
  }

  private control(depth: number): void {
    const kind = this.random.below(3);
    if (kind === 0) this.loop(depth);
    else this.arms(depth, kind === 1 ? 2 : 3);
  }

  private enter(pred: Block): Block {
    const block = this.func.newBlock();
    connect(pred, block);
    this.block = block;
    return block;
  }

  /** An if or a switch, its arms' values joined by phis. */
  private arms(depth: number, count: number): void {
    const selector = this.value(Type.i32);
    const head = this.block;
    const terminator = this.func.append(head, count === 2 ? Op.branch : Op.switch, Type.none, [selector]);
    if (count > 2) terminator.table = Int32Array.from([0, 1, 2, 1]);
    const types = [this.random.pick(valueTypes), this.random.pick(valueTypes)];
    const outer = this.pool;
    const ends: Block[] = [];
    const inputs: Inst[][] = [];
    for (let k = 0; k < count; k++) {
      this.pool = outer.map((values) => values.slice());
      this.enter(head);
      this.statements(depth + 1);
      if (k === 0 && this.random.chance(10)) {
        this.append(Op.trap, Type.none, []).imm = TrapKind.unreachable;
        continue;
      }
      inputs.push(types.map((type) => this.value(type)));
      this.append(Op.jump, Type.none, []);
      ends.push(this.block);
    }
    this.pool = outer;
    const join = this.func.newBlock();
    for (const end of ends) connect(end, join);
    this.block = join;
    types.forEach((type, k) => {
      const phi = this.func.appendPhi(join, type);
      for (const list of inputs) phi.args.push(list[k]);
      this.pool[type].push(phi);
    });
  }

  /** A loop of a few rounds that carries two values. */
  private loop(depth: number): void {
    const rounds = this.append(Op.const, Type.i32, []);
    rounds.imm = 1 + this.random.below(4);
    const types = [this.random.pick(valueTypes), this.random.pick(valueTypes)];
    const start = types.map((type) => this.value(type));
    const before = this.block;
    this.append(Op.jump, Type.none, []);
    const head = this.enter(before);
    const counter = this.func.appendPhi(head, Type.i32);
    counter.args.push(rounds);
    const phis = types.map((type, k) => {
      const phi = this.func.appendPhi(head, type);
      phi.args.push(start[k]);
      this.pool[type].push(phi);
      return phi;
    });
    this.statements(depth + 1);
    const one = this.append(Op.const, Type.i32, []);
    one.imm = 1;
    const next = this.append(Op.sub, Type.i32, [counter, one]);
    counter.args.push(next);
    phis.forEach((phi, k) => {
      phi.args.push(this.random.chance(25) ? phi : this.value(types[k]));
    });
    this.append(Op.branch, Type.none, [next]);
    connect(this.block, head);
    this.enter(this.block);
  }
}
