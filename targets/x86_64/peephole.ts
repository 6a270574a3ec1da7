import type { MFunction, MInst } from '../../compiler/backend/machine.ts';
import { Cond, Form, instructions, X } from './instructions.ts';

/**
 * What only shows once registers are known: a `test r, r` behind the arithmetic that made r asks for flags that are there
 * already. SDM volume 1, appendix A says which instruction writes which flags.
 */

/** What an instruction does to the flags. */
const Flags = {
  keeps: 0,
  destroys: 1,
  /** ZF and SF are those of the result. */
  zeroAndSign: 2,
  /** All are what `test` would make of the result: OF and CF clear. */
  asTest: 3,
} as const;

const effects = new Uint8Array(instructions.length).fill(Flags.destroys);
const mark = (effect: number, first: number, last: number): void => {
  effects.fill(effect, first, last);
};
mark(Flags.keeps, X.mov, X.zero);
mark(Flags.keeps, X.store, X.add);
mark(Flags.zeroAndSign, X.add, X.or);
mark(Flags.asTest, X.or, X.sub);
mark(Flags.zeroAndSign, X.sub, X.xor);
mark(Flags.asTest, X.xor, X.imul);
mark(Flags.asTest, X.or_i, X.sub_i);
mark(Flags.zeroAndSign, X.sub_i, X.xor_i);
mark(Flags.asTest, X.xor_i, X.imul_i);
mark(Flags.zeroAndSign, X.neg, X.not);
mark(Flags.keeps, X.not, X.add_m);
mark(Flags.zeroAndSign, X.shl_i, X.rol);
mark(Flags.keeps, X.setcc, X.ucomis);
mark(Flags.keeps, X.roundss, X.fmin);
mark(Flags.keeps, X.fselect, X.convert_u64);
mark(Flags.keeps, X.jcc, X.jmp);

/** Drops tests whose flags are known. The code is allocated; blocks are looked at one by one, as no flag outlives one. */
export function peephole(func: MFunction): void {
  for (const block of func.blocks) dropTests(block.insts);
}

function dropTests(insts: MInst[]): void {
  // The register whose value the flags describe, or -1; whether as 64 bits; and how completely.
  let register = -1;
  let wide = false;
  let known: number = Flags.destroys;
  let kept = 0;
  for (let i = 0; i < insts.length; i++) {
    const inst = insts[i];
    const row = instructions[inst.op];
    const isTest = inst.op === X.test || inst.op === X.test + 1;
    const isOfOne = isTest && inst.mem === null && inst.uses[0] === inst.uses[1];
    if (isOfOne && inst.uses[0] === register && row.wide === wide && adapt(insts, i + 1, known)) continue;
    insts[kept++] = inst;
    const effect = isSum(inst) ? Flags.keeps : effects[inst.op];
    if (effect === Flags.keeps) {
      if (inst.defs.includes(register)) register = -1;
    } else {
      register = effect === Flags.destroys ? -1 : inst.defs[0];
      wide = row.wide;
      known = effect;
    }
    if (isOfOne) {
      register = inst.uses[0];
      known = Flags.asTest;
    }
  }
  insts.length = kept;
}

/** True for an addition that is going to be a `lea`, which leaves the flags alone. */
function isSum(inst: MInst): boolean {
  const { form } = instructions[inst.op];
  if (form !== Form.add && form !== Form.addImm) return false;
  return inst.mem === null && !inst.uses.includes(inst.defs[0]);
}

/**
 * Makes the conditions that are read from `at` on hold without the `test` before them; false if they cannot. Without OF, "less" is the
 * sign and "greater or equal" its absence, but "greater" and all unsigned conditions need the other flags.
 */
function adapt(insts: readonly MInst[], at: number, known: number): boolean {
  const readers: MInst[] = [];
  for (let i = at; i < insts.length && effects[insts[i].op] === Flags.keeps; i++) {
    const inst = insts[i];
    const { form } = instructions[inst.op];
    const reads =
      form === Form.jcc ||
      form === Form.jccTrap ||
      form === Form.set ||
      form === Form.move ||
      inst.op === X.fselect;
    if (!reads) continue;
    if (known === Flags.zeroAndSign && !replacement.has(inst.cond)) return false;
    readers.push(inst);
  }
  if (known === Flags.zeroAndSign) {
    for (const inst of readers) inst.cond = replacement.get(inst.cond) ?? inst.cond;
  }
  return true;
}

const replacement = new Map<number, number>([
  [Cond.e, Cond.e],
  [Cond.ne, Cond.ne],
  [Cond.s, Cond.s],
  [Cond.ns, Cond.ns],
  [Cond.l, Cond.s],
  [Cond.ge, Cond.ns],
]);
