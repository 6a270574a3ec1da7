import type { MBlock, MFunction, MInst } from '../../compiler/backend/machine.ts';
import { InstFlag } from '../../compiler/target.ts';
import { Cond, I, instructions } from './instructions.ts';

/**
 * What only shows once registers are known and blocks are in their order: comparisons with zero of a result whose instruction could
 * have set the flags, and arms so short that executing them conditionally costs less than a branch.
 */
export function peephole(func: MFunction): void {
  for (const block of func.blocks) reuseFlags(block);
  executeConditionally(func);
}

/** The flag-setting form of a row, or -1. */
const flagForm = instructions.map((row) => {
  if (row.macro || row.flags !== 0) return -1;
  const [name, form] = row.name.split('_');
  return I[`${name}s_${form}` as keyof typeof I] ?? -1;
});

/** Rows that write the flags, calls among them. */
const writesFlags = instructions.map(
  (row) =>
    (row.flags & InstFlag.call) !== 0 ||
    /^(tst|teq|cmp|cmn)_/.test(row.name) ||
    /^(and|eor|sub|rsb|add|adc|sbc|rsc|orr|bic|mov)s_/.test(row.name) ||
    row.name === 'vmrs',
);

/** Conditions of a comparison with 0, and what says the same of the result's own flags, where carry and overflow differ. */
const ofResult = new Map<number, number>([
  [Cond.eq, Cond.eq],
  [Cond.ne, Cond.ne],
  [Cond.mi, Cond.mi],
  [Cond.pl, Cond.pl],
  [Cond.lt, Cond.mi],
  [Cond.ge, Cond.pl],
]);

function reuseFlags(block: MBlock): void {
  const { insts } = block;
  for (let k = insts.length - 1; k > 0; k--) {
    const compare = insts[k];
    if (compare.op !== I.cmp_immediate || compare.imm !== 0 || compare.cond !== Cond.al) continue;
    const readers = readersOf(insts, k);
    const at = readers === null ? -1 : resultSource(insts, k, compare.uses[0]);
    if (readers === null || at < 0) continue;
    insts[at].op = flagForm[insts[at].op];
    for (const reader of readers) reader.cond = ofResult.get(reader.cond) ?? reader.cond;
    insts.splice(k, 1);
  }
}

/** The instructions that read the flags set at `k`, or null if one of them asks for more than zero or sign. */
function readersOf(insts: readonly MInst[], k: number): MInst[] | null {
  const readers: MInst[] = [];
  for (let i = k + 1; i < insts.length; i++) {
    const inst = insts[i];
    if (inst.cond !== Cond.al) {
      // Behind a comparison that may not happen, a condition speaks of either one's flags.
      if (!ofResult.has(inst.cond) || writesFlags[inst.op]) return null;
      readers.push(inst);
    }
    if (readsCarry(inst)) return null;
    if (writesFlags[inst.op]) break;
  }
  return readers;
}

const readsCarry = (inst: MInst): boolean => /^(adc|sbc|rsc)/.test(instructions[inst.op].mnemonic);

/** Index of the instruction before `k` whose result is what `register` holds there and that can set the flags for it, or -1. */
function resultSource(insts: readonly MInst[], k: number, register: number): number {
  for (let i = k - 1; i >= 0; i--) {
    const inst = insts[i];
    const defines = inst.defs.includes(register);
    const copies = inst.op === I.mov_register && inst.imm === 0 && inst.uses[0] === register;
    if ((defines || copies) && inst.cond === Cond.al && flagForm[inst.op] >= 0) return i;
    if (defines || writesFlags[inst.op] || inst.cond !== Cond.al || readsCarry(inst)) return -1;
  }
  return -1;
}

/** The longest arm worth executing conditionally: a mispredicted branch costs the Cortex-A9 about eight cycles. */
const longestArm = 3;

/** Instructions of `block` that may be made conditional, without a jump at the end, or null. */
function armOf(block: MBlock | undefined, entries: ReadonlyMap<MBlock, number>): MInst[] | null {
  if (block === undefined || (entries.get(block) ?? 0) > 0) return null;
  const { insts } = block;
  const last = insts[insts.length - 1];
  const arm = last?.op === I.jump ? insts.slice(0, -1) : insts;
  return arm.length <= longestArm && arm.every(isConditionable) ? arm : null;
}

function isConditionable(inst: MInst): boolean {
  const row = instructions[inst.op];
  if (inst.cond !== Cond.al || writesFlags[inst.op] || readsCarry(inst)) return false;
  if (row.macro) return inst.op === I.constant;
  return row.bits >>> 28 !== 15;
}

/** Counts how often each block is branched to, falling through apart. */
function branchTargets(func: MFunction): Map<MBlock, number> {
  const entries = new Map<MBlock, number>();
  const count = (block: MBlock) => entries.set(block, (entries.get(block) ?? 0) + 1);
  for (const { insts } of func.blocks) {
    for (const inst of insts) {
      if (inst.block !== null) count(inst.block);
      inst.blocks?.forEach(count);
    }
  }
  return entries;
}

/**
 * `b<cond> end; arm; end:` becomes the arm under the inverse condition; `b<cond> other; arm; b end; other: arm; end:` both
 * arms under one each. The blocks stay, empty: control passes through them.
 */
function executeConditionally(func: MFunction): void {
  const { blocks } = func;
  const entries = branchTargets(func);
  for (let k = blocks.length - 2; k >= 0; k--) {
    const { insts } = blocks[k];
    const branch = insts[insts.length - 1];
    if (branch?.op !== I.branch || branch.block === null) continue;
    const first = blocks[k + 1];
    const second = blocks[k + 2];
    const arm = armOf(first, entries);
    if (arm === null) continue;
    if (branch.block === second && arm.length === first.insts.length) {
      insts.pop();
      insts.push(...under(arm, branch.cond ^ 1));
      first.insts = [];
    } else if (branch.block === second && entries.get(second) === 1) {
      const jump = first.insts[first.insts.length - 1];
      const other = armOf(second, new Map());
      if (other === null || other.length !== second.insts.length) continue;
      if (jump.block !== blocks[k + 3] || arm.length + other.length > longestArm + 1) continue;
      insts.pop();
      insts.push(...under(arm, branch.cond ^ 1), ...under(other, branch.cond));
      first.insts = [];
      second.insts = [];
      entries.set(jump.block, (entries.get(jump.block) ?? 1) - 1);
    } else continue;
    entries.set(branch.block, (entries.get(branch.block) ?? 1) - 1);
  }
}

function under(arm: readonly MInst[], cond: number): readonly MInst[] {
  for (const inst of arm) inst.cond = cond;
  return arm;
}
