import type { Dominators } from '../ir/dominators.ts';
import type { Block, Inst } from '../ir/function.ts';
import { Op } from '../ir/ops.ts';
import { accessBytes, Type } from '../ir/types.ts';

/**
 * The hash table of value numbering: which computations are available, keyed by operation, inputs, fields and memory
 * state. Blocks come in preorder of the dominator tree, so that in each chain the entries that do not dominate the block
 * at hand stand in front, and are taken off when met: what remains dominates it.
 */
export class AvailableValues {
  private readonly dominators: Dominators;
  private readonly mask: number;
  private readonly heads: Int32Array;
  /** Per entry: the next of its chain, the instruction that is its key, the value, the memory state, the hash. */
  private readonly next: number[] = [];
  private readonly keys: Inst[] = [];
  private readonly values: Inst[] = [];
  private readonly statesOf: number[] = [];
  private readonly hashes: number[] = [];
  /** The block at hand. */
  private block: Block;

  constructor(instCount: number, dominators: Dominators) {
    [this.block] = dominators.order;
    let size = 16;
    while (size < instCount) size *= 2;
    this.mask = size - 1;
    this.heads = new Int32Array(size).fill(-1);
    this.dominators = dominators;
  }

  enter(block: Block): void {
    this.block = block;
  }

  value(entry: number): Inst {
    return this.values[entry];
  }

  hash(inst: Inst, state: number): number {
    return this.hashAs(inst, inst.op, inst.args.length, state);
  }

  private hashAs(inst: Inst, op: number, inputs: number, state: number): number {
    const { args } = inst;
    let hash = Math.imul(op, 0x9e3779b1) ^ Math.imul(inst.imm, 0x85ebca6b) ^ inst.imm2;
    hash = Math.imul(hash ^ inst.offset, 0xc2b2ae35) ^ inst.region ^ Math.imul(state, 0x27d4eb2f);
    for (let k = 0; k < inputs; k++) hash = Math.imul(hash ^ args[k].id, 0x9e3779b1) ^ (hash >>> 15);
    return hash ^ (hash >>> 13);
  }

  /** Of a bounds check: by index and memory alone. */
  hashCheck(inst: Inst, memory: number): number {
    const hash = Math.imul(inst.args[0].id ^ Math.imul(memory, 0x85ebca6b), 0x9e3779b1);
    return hash ^ (hash >>> 15);
  }

  /** The first entry of the chain that is available in the block at hand, or -1. */
  first(hash: number): number {
    const at = hash & this.mask;
    let entry = this.heads[at];
    while (entry >= 0 && !this.dominators.dominates(this.keys[entry].block, this.block)) {
      entry = this.next[entry];
    }
    this.heads[at] = entry;
    return entry;
  }

  following(entry: number): number {
    return this.next[entry];
  }

  /** An available entry that computes the same as `inst` in the memory state, or -1. */
  find(inst: Inst, hash: number, state: number): number {
    for (let entry = this.first(hash); entry >= 0; entry = this.next[entry]) {
      if (
        this.hashes[entry] === hash &&
        this.statesOf[entry] === state &&
        this.isSame(this.keys[entry], inst)
      ) {
        return entry;
      }
    }
    return -1;
  }

  /** Keys that are stores stand for loads of the whole of what they stored. */
  private isSame(key: Inst, inst: Inst): boolean {
    const stored = key.op === Op.store || key.op === Op.store_indexed;
    const op = stored ? loadOf(key) : key.op;
    const type = stored ? key.args[key.args.length - 1].type : key.type;
    if (op !== inst.op || type !== inst.type) return false;
    if (key.imm !== inst.imm || key.imm2 !== inst.imm2 || key.offset !== inst.offset) return false;
    if (key.region !== inst.region || key.access !== inst.access) return false;
    const { args } = inst;
    if (!stored && key.args.length !== args.length) return false;
    for (let k = 0; k < args.length; k++) if (key.args[k] !== args[k]) return false;
    return true;
  }

  add(key: Inst, value: Inst, hash: number, state: number): number {
    const entry = this.next.length;
    this.next.push(this.first(hash));
    this.heads[hash & this.mask] = entry;
    this.keys.push(key);
    this.values.push(value);
    this.statesOf.push(state);
    this.hashes.push(hash);
    return entry;
  }

  /** After a full-width store, a load from there is the stored value. */
  addStored(store: Inst, state: number): number {
    const value = store.args[store.args.length - 1];
    const hash = this.hashAs(store, loadOf(store), store.args.length - 1, state);
    return this.add(store, value, hash, state);
  }

  /** The same entry in a new memory state. */
  renew(entry: number, state: number): number {
    const key = this.keys[entry];
    const stored = key.op === Op.store || key.op === Op.store_indexed;
    const inputs = stored ? key.args.length - 1 : key.args.length;
    const hash = this.hashAs(key, stored ? loadOf(key) : key.op, inputs, state);
    return this.add(key, this.values[entry], hash, state);
  }

  /** True if `store` writes, at the same address, other bytes than the entry is about. */
  isApart(entry: number, store: Inst): boolean {
    const key = this.keys[entry];
    const indexed = store.op === Op.store_indexed;
    if (key.region !== store.region || key.args[0] !== store.args[0]) return false;
    if (indexed !== (key.op === Op.store_indexed || key.op === Op.load_indexed)) return false;
    if (indexed && key.args[1] !== store.args[1]) return false;
    const keyEnd = key.offset + bytesOf(key);
    const storeEnd = store.offset + bytesOf(store);
    return keyEnd <= store.offset || storeEnd <= key.offset;
  }
}

const loadOf = (store: Inst): number => (store.op === Op.store ? Op.load : Op.load_indexed);

function bytesOf(inst: Inst): number {
  const type = inst.type === Type.none ? inst.args[inst.args.length - 1].type : inst.type;
  return accessBytes(inst.access, type);
}
