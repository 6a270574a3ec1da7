import { expect, test } from 'vitest';
import { Mem, MInst, Pseudo } from '../../compiler/backend/machine.ts';
import { decodeInstruction, flagsRegister, floatFlagsRegister } from '../../emu/cortex-a9-decode.ts';
import { flags, floatFlags, pipelineInst, timingClassOf } from './cortex-a9-classes.ts';
import { steadyCycles } from './cortex-a9-pipeline.ts';
import { instructionCases } from './fixtures/instruction-cases.ts';
import { Cond, I, instructions } from './instructions.ts';
import { printInstruction } from './print.ts';
import { Reg } from './registers.ts';

test('every row of the table has a class, macros too', () => {
  const without = instructions.filter((_, op) => {
    try {
      timingClassOf(new MInst(op, [], [], -1));
      return false;
    } catch {
      return true;
    }
  });
  expect(without.map(({ name }) => name)).toEqual([]);
});

test('pseudos are no instructions yet', () => {
  expect(() => timingClassOf(new MInst(Pseudo.copy, [64], [65], -1))).toThrow('no timing class');
});

/** A register of decoded code as machine code numbers it: words of VFP registers belong to doubles. */
function numberOf(register: number): number {
  if (register === flagsRegister) return flags;
  if (register === floatFlagsRegister) return floatFlags;
  return register < 32 ? register : Reg.d0 + ((register - 32) >> 1);
}

test('what the printed instruction is decoded as, it is: class, registers, transfers', () => {
  const sorted = (registers: readonly number[]): string =>
    [...new Set(registers)].sort((a, b) => a - b).join(' ');
  const wrong: string[] = [];
  for (const inst of instructionCases) {
    // Rows that keep their result where a condition fails have one.
    if (instructions[inst.op].name.endsWith('_if') && inst.cond === Cond.al) continue;
    const text = printInstruction(inst);
    const [mnemonic, ...operands] = text.split(' ');
    const read = decodeInstruction(mnemonic, operands.join(' '));
    if (read === undefined) {
      wrong.push(`${text} is not decoded`);
      continue;
    }
    const ours = pipelineInst(inst);
    const describe = (each: typeof ours, number: (register: number) => number): string =>
      [
        each.class,
        `reads ${sorted(each.reads.map(number))}`,
        `writes ${sorted(each.writes.map(number))}`,
        `${each.writeback} ${each.transfers} ${each.conditional}`,
      ].join(', ');
    const [mine, theirs] = [describe(ours, (register) => register), describe(read, numberOf)];
    if (mine !== theirs) wrong.push(`${text}: ${mine}; decoded ${theirs}`);
  }
  expect(instructionCases.length).toBeGreaterThan(3000);
  expect(wrong).toEqual([]);
});

test('virtual registers do as well: a chain of additions', () => {
  const add = new MInst(I.add_register, [70], [70, 71], -1);
  const load = Object.assign(new MInst(I.ldr, [71], [], -1), { mem: new Mem(72, 0) });
  expect(pipelineInst(load)).toEqual({ class: 'load', reads: [72], writes: [71] });
  expect(steadyCycles([pipelineInst(load), pipelineInst(add)])).toBe(1);
});
