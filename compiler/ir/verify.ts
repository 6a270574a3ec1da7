import { computeDominators, type Dominators } from './dominators.ts';
import type { Block, Func, Inst } from './function.ts';
import { computeLoops } from './loops.ts';
import { Op, ops } from './ops.ts';
import { hasResults, printInst } from './print.ts';
import { Access, accessBytes, isFloat, isInteger, TrapKind, Type, typeBytes, typeNames } from './types.ts';

/** The function is not well formed: some pass or the front end has a bug. */
export class VerifyError extends Error {
  override readonly name = 'VerifyError';
  /** Symbol name of the function; numbers of the block and the instruction, -1 where none is at fault. */
  readonly func: string;
  readonly block: number;
  readonly inst: number;
  constructor(message: string, func: Func, block: Block | null, inst: Inst | null) {
    let where = `function '${func.symbol.name}'`;
    if (block) where += `, block${block.id}`;
    if (inst) where += `, '${printInst(inst)}'`;
    super(`${where}: ${message}`);
    this.func = func.symbol.name;
    this.block = block ? block.id : -1;
    this.inst = inst ? inst.id : -1;
  }
}

/**
 * Checks everything that the passes and the back end rely on: typing by the operation table, block and edge structure,
 * definitions before uses, and the order of blocks.
 * @param word the target's machine word
 * @throws VerifyError for the first fault
 */
export function verify(func: Func, word: Type): void {
  new Verifier(func, word).run();
}

/** Result types that the operation table's letters leave open. */
const resultTypes: ReadonlyMap<number, Type | 'word'> = new Map<number, Type | 'word'>([
  [Op.extend32_s, Type.i64],
  [Op.extend_s, Type.i64],
  [Op.extend_u, Type.i64],
  [Op.wrap, Type.i32],
  [Op.promote, Type.f64],
  [Op.demote, Type.f32],
  [Op.f64_from_words, Type.f64],
  [Op.env, 'word'],
  [Op.descriptor, 'word'],
  [Op.stack_slot, 'word'],
  [Op.call_host, 'word'],
  [Op.syscall, 'word'],
]);

class Verifier {
  private readonly func: Func;
  private readonly word: Type;
  /** Position of every instruction within its block, by number; -1: not in the function. */
  private readonly place: Int32Array;
  private block: Block | null = null;
  private inst: Inst | null = null;

  constructor(func: Func, word: Type) {
    this.func = func;
    this.word = word;
    this.place = new Int32Array(func.instCount).fill(-1);
  }

  run(): void {
    this.checkBlocks();
    this.checkEdges();
    for (const block of this.func.blocks) this.placeInsts(block);
    const dominators = computeDominators(this.func);
    this.checkOrder(dominators);
    for (const block of this.func.blocks) {
      this.block = block;
      for (const phi of block.phis) this.checkPhi(phi, block, dominators);
      for (let k = 0; k < block.insts.length; k++) this.checkInst(block, k, dominators);
    }
  }

  private fail(message: string): never {
    throw new VerifyError(message, this.func, this.block, this.inst);
  }

  private check(condition: boolean, message: string): void {
    if (!condition) this.fail(message);
  }

  private checkBlocks(): void {
    const { blocks, blockCount } = this.func;
    this.check(blocks.length > 0, 'no blocks');
    const seen = new Uint8Array(blockCount);
    for (const block of blocks) {
      this.block = block;
      this.check(block.id >= 0 && block.id < blockCount, 'block number out of range');
      this.check(seen[block.id] === 0, 'block number used twice');
      seen[block.id] = 1;
    }
    this.block = blocks[0];
    this.check(blocks[0].preds.length === 0, 'the entry block has predecessors');
    this.check(blocks[0].phis.length === 0, 'the entry block has phis');
  }

  private checkEdges(): void {
    const inLayout = new Set(this.func.blocks);
    for (const block of this.func.blocks) {
      this.block = block;
      this.check(new Set(block.succs).size === block.succs.length, 'an edge appears twice');
      for (const succ of block.succs) {
        this.check(inLayout.has(succ), `successor block${succ.id} is not in the layout`);
        this.check(succ.preds.includes(block), `not among the predecessors of block${succ.id}`);
      }
      this.check(new Set(block.preds).size === block.preds.length, 'a predecessor appears twice');
      for (const pred of block.preds) {
        this.check(inLayout.has(pred), `predecessor block${pred.id} is not in the layout`);
        this.check(pred.succs.includes(block), `not among the successors of block${pred.id}`);
      }
    }
  }

  private placeInsts(block: Block): void {
    this.block = block;
    const register = (inst: Inst, at: number) => {
      this.inst = inst;
      this.check(inst.id >= 0 && inst.id < this.place.length, 'instruction number out of range');
      this.check(this.place[inst.id] < 0, `instruction number ${inst.id} used twice`);
      this.check(inst.block === block, `claims to be in block${inst.block.id}`);
      this.place[inst.id] = at;
    };
    for (const phi of block.phis) {
      register(phi, 0);
      this.check(phi.op === Op.phi, 'not a phi, but among the phis');
    }
    block.insts.forEach((inst, at) => {
      register(inst, at + 1);
      this.check(inst.op !== Op.phi, 'a phi among the instructions');
      const last = at === block.insts.length - 1;
      this.check(
        inst.isTerminator === last,
        last ? 'the block has no terminator' : 'a terminator in mid-block',
      );
    });
    this.inst = null;
    this.check(block.insts.length > 0, 'empty block');
  }

  /** Blocks follow their immediate dominators, forward edges go forward, and nothing foreign stands in a loop's stretch. */
  private checkOrder(dominators: Dominators): void {
    const { blocks, blockCount } = this.func;
    const at = new Int32Array(blockCount);
    blocks.forEach((block, k) => {
      at[block.id] = k;
    });
    for (const block of blocks) {
      this.block = block;
      this.check(dominators.isReachable(block), 'unreachable');
      const idom = dominators.idom[block.id];
      this.check(idom < 0 || at[idom] < at[block.id], 'stands before its immediate dominator');
      for (const succ of block.succs) {
        const forward = at[succ.id] > at[block.id];
        this.check(
          forward || dominators.dominates(succ, block),
          `jumps back to block${succ.id}, not its loop`,
        );
      }
    }
    const loops = computeLoops(this.func, dominators);
    const end = new Int32Array(blockCount);
    for (const block of blocks) {
      for (let h = loops.header[block.id]; h >= 0; h = loops.parent[h]) end[h] = at[block.id];
    }
    for (const header of loops.headers) {
      for (let k = at[header.id]; k <= end[header.id]; k++) {
        this.block = blocks[k];
        this.check(dominators.dominates(header, blocks[k]), `stands amid the loop of block${header.id}`);
      }
    }
  }

  private checkPhi(phi: Inst, block: Block, dominators: Dominators): void {
    this.inst = phi;
    this.check(phi.type !== Type.none, 'has no type');
    this.check(phi.args.length === block.preds.length, 'inputs and predecessors differ in number');
    phi.args.forEach((arg, k) => {
      this.check(arg.type === phi.type, `input v${arg.id} is ${typeNames[arg.type]}`);
      this.check(this.place[arg.id] >= 0, `input v${arg.id} is in no block`);
      this.check(
        dominators.dominates(arg.block, block.preds[k]),
        `input v${arg.id} does not reach from block${block.preds[k].id}`,
      );
    });
  }

  private checkInst(block: Block, at: number, dominators: Dominators): void {
    const inst = block.insts[at];
    this.inst = inst;
    for (const arg of inst.args) {
      this.check(this.place[arg.id] >= 0, `v${arg.id} is in no block`);
      const before =
        arg.block === block
          ? this.place[arg.id] < this.place[inst.id]
          : dominators.dominates(arg.block, block);
      this.check(before, `v${arg.id} is used where it is not defined`);
    }
    if (inst.op === Op.result) this.checkResult(block, at);
    else {
      this.checkTyping(inst);
      this.checkFields(inst);
    }
    if (inst.op === Op.param) this.checkParam(inst);
    if (inst.isTerminator) this.checkTerminator(inst, block);
  }

  private checkParam(inst: Inst): void {
    const { params, blocks } = this.func;
    this.check(inst.block === blocks[0], 'a param outside the entry block');
    // Entry adapters read native argument registers, which the wasm signature does not list.
    if (this.func.convention === 'entry' && params.length === 0) return;
    this.check(inst.imm >= 0 && inst.imm < params.length, 'no such param');
    this.check(inst.type === params[inst.imm], `param ${inst.imm} is ${typeNames[params[inst.imm]]}`);
  }

  private checkResult(block: Block, at: number): void {
    const inst = block.insts[at];
    this.check(inst.args.length === 1, 'takes one input');
    const source = inst.args[0];
    this.check(hasResults(source), `v${source.id} does not have several results`);
    let k = at - 1;
    while (k >= 0 && block.insts[k].op === Op.result && block.insts[k].args[0] === source) {
      this.check(block.insts[k].imm < inst.imm, 'results out of order');
      k--;
    }
    this.check(block.insts[k] === source, 'does not stand directly behind its source');
    const types = source.callee ? source.callee.results : [Type.i32, Type.i32];
    this.check(inst.imm >= 0 && inst.imm < types.length, 'no such result');
    this.check(inst.type === types[inst.imm], `result ${inst.imm} is ${typeNames[types[inst.imm]]}`);
  }

  private checkTyping(inst: Inst): void {
    const { typing, domain } = ops[inst.op];
    const inputs = typing.slice(0, typing.indexOf('>'));
    const result = typing.slice(-1);
    let free: Type = Type.none;
    const open = inputs.endsWith('*');
    const fixed = open ? inputs.length - 1 : inputs.length;
    this.check(
      inst.args.length === fixed || (open && inst.args.length >= fixed),
      `takes ${open ? 'at least ' : ''}${fixed} inputs`,
    );
    for (let k = 0; k < fixed; k++) {
      const type = inst.args[k].type;
      const letter = inputs[k];
      if (letter === 'S' && free === Type.none) free = type;
      const expected = letter === 'S' ? free : letter === 'T' ? inst.type : this.letterType(letter);
      this.check(type !== Type.none && type === expected, `input ${k} is ${typeNames[type]}`);
    }
    if (result === 'T') this.check(inst.type !== Type.none, 'has no type');
    else if (result === '-') this.check(inst.type === Type.none, 'has a type');
    else if (result !== '?') this.check(inst.type === this.letterType(result), 'has the wrong type');
    const restricted = result === 'T' ? inst.type : free;
    if (domain === 'int' && restricted !== Type.none) this.check(isInteger(restricted), 'wants integers');
    if (domain === 'float' && restricted !== Type.none) this.check(isFloat(restricted), 'wants floats');
    const exact = resultTypes.get(inst.op);
    if (exact !== undefined)
      this.check(inst.type === (exact === 'word' ? this.word : exact), 'has the wrong type');
    this.checkConversion(inst);
  }

  private letterType(letter: string): Type {
    switch (letter) {
      case 'i':
        return Type.i32;
      case 'l':
        return Type.i64;
      case 'f':
        return Type.f32;
      case 'd':
        return Type.f64;
      case 'w':
        return this.word;
      default:
        return this.fail(`the operation table uses '${letter}'`);
    }
  }

  private checkConversion(inst: Inst): void {
    const { op, type } = inst;
    if (op === Op.trunc_s || op === Op.trunc_u || op === Op.trunc_sat_s || op === Op.trunc_sat_u)
      this.check(isFloat(inst.args[0].type) && isInteger(type), 'converts a float to an integer');
    else if (op === Op.convert_s || op === Op.convert_u)
      this.check(isInteger(inst.args[0].type) && isFloat(type), 'converts an integer to a float');
    else if (op === Op.reinterpret)
      this.check(
        typeBytes[inst.args[0].type] === typeBytes[type] && isInteger(inst.args[0].type) === isFloat(type),
        'reinterprets between integer and float of one size',
      );
  }

  private checkFields(inst: Inst): void {
    for (const field of ops[inst.op].fields) {
      if (field === 'access') this.checkAccess(inst);
      else if (field === 'callee') this.checkCall(inst);
      else if (field === 'trap')
        this.check(Object.values<number>(TrapKind).includes(inst.imm), 'no such trap kind');
      else if (field === 'offset')
        this.check(Number.isSafeInteger(inst.offset) && inst.offset >= 0, 'offset out of range');
    }
    if (inst.op === Op.const) {
      const words = inst.imm === (inst.imm | 0) && inst.imm2 === (inst.imm2 | 0);
      this.check(words, 'constant words are signed 32-bit numbers');
    }
    if (inst.callee !== null) this.check(ops[inst.op].fields.includes('callee'), 'has a callee');
  }

  private checkAccess(inst: Inst): void {
    const value = inst.type === Type.none ? inst.args[inst.args.length - 1].type : inst.type;
    if (inst.access === Access.full) return;
    this.check(isInteger(value), 'narrow accesses move integers');
    this.check(accessBytes(inst.access, value) < typeBytes[value], 'narrow access as wide as its value');
  }

  private checkCall(inst: Inst): void {
    const { callee } = inst;
    if (callee === null) this.fail('has no callee');
    const first = inst.op === Op.call_ptr ? 2 : 0;
    this.check(
      inst.args.length - first === callee.params.length,
      'arguments differ in number from the signature',
    );
    callee.params.forEach((type, k) => {
      this.check(
        inst.args[first + k].type === type,
        `argument ${k} is ${typeNames[inst.args[first + k].type]}`,
      );
    });
    const type = callee.results.length === 1 ? callee.results[0] : Type.none;
    this.check(inst.type === type, 'has not the type of its result');
    this.check(callee.symbol >= 0 === (inst.op === Op.call), 'symbol and kind of call disagree');
  }

  private checkTerminator(inst: Inst, block: Block): void {
    const { succs } = block;
    if (inst.op === Op.jump) this.check(succs.length === 1, 'a jump has one successor');
    else if (inst.op === Op.branch) this.check(succs.length === 2, 'a branch has two successors');
    else if (inst.op === Op.switch) this.checkSwitch(inst, block);
    else this.check(succs.length === 0, 'has successors');
    if (inst.op === Op.return) {
      const { results } = this.func;
      this.check(inst.args.length === results.length, 'values differ in number from the signature');
      results.forEach((type, k) => {
        this.check(inst.args[k].type === type, `value ${k} is ${typeNames[inst.args[k].type]}`);
      });
    }
  }

  private checkSwitch(inst: Inst, block: Block): void {
    const { table } = inst;
    if (table === null || table.length === 0) this.fail('has no table');
    const used = new Set(table);
    for (const entry of used) {
      this.check(entry >= 0 && entry < block.succs.length, `table entry ${entry} names no successor`);
    }
    this.check(used.size === block.succs.length, 'a successor is in no table entry');
  }
}
