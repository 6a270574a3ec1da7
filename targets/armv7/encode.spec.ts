import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Mem, MInst } from '../../compiler/backend/machine.ts';
import { createDisassembler } from '../../emu/capstone.ts';
import { encode, encodeModified, encodeVfpConstant, encodeVfpSingle } from './encode.ts';
import { type ArmInstruction, Cond, I, instructions, Operand, Shift } from './instructions.ts';
import { printInstruction } from './print.ts';

const plainRows = instructions.filter((row) => !row.macro);

/** r13 and r15 have uses of their own, which {@link extraCases} covers. */
const coreRegisters = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14];
const singles = Array.from({ length: 16 }, (_, i) => 16 + i);
const doubles = Array.from({ length: 32 }, (_, i) => 16 + i);
const modified = [0, 1, 255, 0x3fc, 0xff0, 0xff00, 0xff0000, 0xff000000, 0xf000000f, 0x80000001, 0x3f00];
const shifts = [
  ...[0, 1, 2, 15, 30, 31].map((n) => [Shift.lsl, n]),
  ...[1, 2, 16, 31, 32].flatMap((n) => [
    [Shift.lsr, n],
    [Shift.asr, n],
  ]),
  ...[1, 8, 31].map((n) => [Shift.ror, n]),
];
const fields = [
  [0, 1],
  [0, 31],
  [5, 7],
  [31, 1],
  [16, 16],
];

function memories(kind: number): Mem[] {
  const limit = kind === Operand.memory ? 4095 : kind === Operand.memoryExtra ? 255 : 1020;
  const made = [...coreRegisters, 13].map((r) => new Mem(r, 0));
  const step = kind === Operand.memoryVfp ? 4 : 1;
  made.push(...[step, -step, limit, -limit, 16 * step, 31 * step].map((disp) => new Mem(3, disp)));
  if (kind === Operand.memoryVfp) return made;
  made.push(...coreRegisters.map((index) => new Mem(11, 0, index)));
  if (kind === Operand.memory) made.push(...[1, 2, 3, 31].map((scale) => new Mem(4, 0, 9, scale)));
  return made;
}

/** A copy of a case with some fields changed. */
function vary(inst: MInst, change: (copy: MInst) => void): MInst {
  const copy = new MInst(inst.op, inst.defs.slice(), inst.uses.slice(), -1);
  copy.imm = inst.imm;
  copy.imm2 = inst.imm2;
  copy.mem = inst.mem;
  change(copy);
  return copy;
}

/** The instruction that all cases of a row vary, one operand at a time. */
function baseCase(op: number, row: ArmInstruction): MInst {
  const inst = new MInst(op, [], [], -1);
  const free = [3, 5, 8, 11];
  for (const operand of row.operands) {
    const registers = operand.def ? inst.defs : inst.uses;
    switch (operand.kind) {
      case Operand.core:
      case Operand.shiftRegister:
        registers.push(free.shift() ?? 0);
        break;
      case Operand.single:
      case Operand.double:
        registers.push(16 + (free.shift() ?? 0));
        break;
      case Operand.tied:
        inst.uses.push(inst.defs[0]);
        break;
      case Operand.field:
      case Operand.fieldInsert:
        inst.imm2 = 1;
        break;
      case Operand.memory:
      case Operand.memoryExtra:
      case Operand.memoryVfp:
        inst.mem = new Mem(7, 0);
        break;
      case Operand.list:
        inst.imm = 0x4010;
        break;
      case Operand.doubleList:
        inst.imm = 8;
        inst.imm2 = 1;
        break;
      case Operand.barrier:
        inst.imm = 11;
        break;
    }
  }
  return inst;
}

/** Everything that one operand of the row can be, as changes of the base case. */
function casesOf(op: number, row: ArmInstruction): MInst[] {
  const base = baseCase(op, row);
  const made = [base];
  const each = <T>(values: readonly T[], change: (copy: MInst, value: T) => void) => {
    for (const value of values) made.push(vary(base, (copy) => change(copy, value)));
  };
  const tied = row.operands.some((operand) => operand.kind === Operand.tied);
  let def = 0;
  let use = 0;
  for (const operand of row.operands) {
    const { kind } = operand;
    if (kind <= Operand.double || kind === Operand.shiftRegister) {
      const at = operand.def ? def++ : use++;
      const values = kind === Operand.single ? singles : kind === Operand.double ? doubles : coreRegisters;
      const others = operand.def ? base.defs : base.uses;
      // Two results in one register are unpredictable, and so is a pair of halves.
      const distinct = base.defs.length > 1 ? others.filter((_, k) => k !== at) : [];
      each(
        values.filter((value) => !distinct.includes(value)),
        (copy, value) => {
          (operand.def ? copy.defs : copy.uses)[at] = value;
          if (operand.def && tied) copy.uses[0] = value;
        },
      );
    }
    if (kind === Operand.tied) use++;
    if (kind === Operand.modified) each(modified, (copy, imm) => Object.assign(copy, { imm }));
    if (kind === Operand.shift) {
      each(shifts, (copy, [imm2, imm]) => Object.assign(copy, { imm2, imm }));
    }
    if (kind === Operand.shiftRegister) each([0, 1, 2, 3], (copy, imm2) => Object.assign(copy, { imm2 }));
    if (kind === Operand.imm16) each([1, 0xfff, 0x1000, 0xffff], (copy, imm) => Object.assign(copy, { imm }));
    if (kind === Operand.field || kind === Operand.fieldInsert) {
      each(fields, (copy, [imm, imm2]) => Object.assign(copy, { imm, imm2 }));
    }
    if (kind >= Operand.memory && kind <= Operand.memoryVfp) {
      each(memories(kind), (copy, mem) => Object.assign(copy, { mem }));
    }
    if (kind === Operand.list) {
      each([0x4001, 0x5010, 0x9000, 0x4ff0, 0x800c, 0x1fff], (copy, imm) => Object.assign(copy, { imm }));
    }
    if (kind === Operand.doubleList) {
      each(
        [
          [8, 7],
          [15, 1],
          [0, 16],
        ],
        (copy, [imm, imm2]) => Object.assign(copy, { imm, imm2 }),
      );
    }
    if (kind === Operand.vfpConstant) {
      each(
        Array.from({ length: 256 }, (_, imm) => imm),
        (copy, imm) => Object.assign(copy, { imm }),
      );
    }
    if (kind === Operand.neonConstant) {
      each([0, 2, 4, 6], (copy, imm2) => Object.assign(copy, { imm: 0x81, imm2 }));
      each([1, 0x7f, 0x80, 0xff], (copy, imm) => Object.assign(copy, { imm }));
    }
    if (kind === Operand.shift64) each([1, 32, 63], (copy, imm) => Object.assign(copy, { imm }));
    if (kind === Operand.lane) each([0, 1], (copy, imm) => Object.assign(copy, { imm }));
  }
  if (row.bits >>> 28 !== 15) {
    each(
      Object.values(Cond).filter((cond) => cond !== Cond.al),
      (copy, cond) => Object.assign(copy, { cond }),
    );
  }
  return made;
}

/** What frames and switches do with sp and pc. */
const extraCases = [
  Object.assign(new MInst(I.add_immediate, [13], [13], -1), { imm: 1020 }),
  Object.assign(new MInst(I.sub_immediate, [13], [13], -1), { imm: 4096 }),
  Object.assign(new MInst(I.add_register, [15], [15, 3], -1), { imm: 2, cond: Cond.lo }),
  Object.assign(new MInst(I.str, [], [13], -1), { mem: new Mem(10, 8) }),
  Object.assign(new MInst(I.add_immediate, [4], [13], -1), { imm: 8 }),
];

const cases = [...instructions.flatMap((row, op) => (row.macro ? [] : casesOf(op, row))), ...extraCases];

const aliases: Readonly<Record<string, string>> = { sb: 'r9', sl: 'r10', fp: 'r11', r12: 'ip' };

/** One spelling of registers and numbers. */
function normalise(text: string): string {
  return text
    .toLowerCase()
    .replace(/\b(sb|sl|fp|r12)\b/g, (name) => aliases[name] ?? name)
    .replace(/#(-?)(0x[0-9a-f]+|[\d.]+(?:e[+-]?\d+)?)/g, (_, sign: string, digits: string) => {
      const value = Number(digits) * (sign === '-' ? -1 : 1);
      return `#${/^(0x[89a-f][0-9a-f]{7}|\d{10})$/.test(digits) || !Number.isInteger(value) ? value : value | 0}`;
    })
    .replace(/\s+/g, ' ')
    .trim();
}

const bytesOf = (words: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);

test('every row of the table is covered, every macro excepted', () => {
  const covered = new Set(cases.map((inst) => inst.op));
  expect(plainRows.filter((row) => !covered.has(I[row.name as keyof typeof I]))).toEqual([]);
});

test('Capstone reads every encoding as what was meant', async () => {
  const disassembler = await createDisassembler('armv7');
  const rows = disassembler.disassemble(bytesOf(cases.map((inst) => encode(inst))), 0);
  const read = rows.map(({ mnemonic, operands }) => normalise(`${mnemonic} ${operands}`));
  const meant = cases.map((inst) => normalise(printInstruction(inst)));
  expect(read.length).toBe(meant.length);
  const wrong = meant.flatMap((text, i) => (text === read[i] ? [] : [`${text} was read as ${read[i]}`]));
  expect(wrong).toEqual([]);
});

const assembler = 'arm-linux-gnueabihf-as';
const hasAssembler = spawnSync(assembler, ['--version']).status === 0;

test.skipIf(!hasAssembler)(
  hasAssembler ? 'GNU as encodes the printed form alike' : `not compared with GNU as: no ${assembler} here`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'fathom-as-'));
    try {
      const source = join(folder, 'cases.s');
      const object = join(folder, 'cases.o');
      const binary = join(folder, 'cases.bin');
      const text = cases.map((inst) => printInstruction(inst)).join('\n');
      writeFileSync(source, `.syntax unified\n.arm\n.text\n${text}\n`);
      const assembled = spawnSync(assembler, ['-mcpu=cortex-a9', '-mfpu=neon', '-o', object, source], {
        encoding: 'utf8',
        maxBuffer: 1 << 26,
      });
      expect(assembled.stderr.split('\n').filter((line) => line.includes('Error'))).toEqual([]);
      const copied = spawnSync('arm-linux-gnueabihf-objcopy', [
        '-O',
        'binary',
        '-j',
        '.text',
        object,
        binary,
      ]);
      expect(copied.status).toBe(0);
      const bytes = readFileSync(binary);
      expect(bytes.length).toBe(4 * cases.length);
      const wrong = cases.flatMap((inst, i) => {
        const ours = encode(inst);
        const theirs = bytes.readUInt32LE(4 * i);
        return ours === theirs
          ? []
          : [`${printInstruction(inst)}: ${ours.toString(16)}, as has ${theirs.toString(16)}`];
      });
      expect(wrong).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test('a modified immediate is a byte rotated right by an even amount (DDI 0406C A5.2.4)', () => {
  for (let field = 0; field < 4096; field++) {
    const byte = field & 255;
    const rotation = 2 * (field >> 8);
    const value = ((byte >>> rotation) | (rotation === 0 ? 0 : byte << (32 - rotation))) >>> 0;
    const encoded = encodeModified(value);
    expect(encoded).toBeGreaterThanOrEqual(0);
    const again = 2 * (encoded >> 8);
    const low = encoded & 255;
    expect(((low >>> again) | (again === 0 ? 0 : low << (32 - again))) >>> 0).toBe(value);
  }
  expect([0x101, 0x1fe00001, 0xff1, -2].map(encodeModified)).toEqual([-1, -1, -1, -1]);
});

test('VFP constants are the 256 numbers that the manual lists (DDI 0406C table A7-18)', () => {
  const view = new DataView(new ArrayBuffer(8));
  for (let byte = 0; byte < 256; byte++) {
    const sign = byte & 128 ? -1 : 1;
    const value = sign * (1 + (byte & 15) / 16) * 2 ** ((((byte >> 4) & 7) ^ 4) - 3);
    view.setFloat64(0, value);
    expect(encodeVfpConstant(view.getInt32(4), view.getInt32(0))).toBe(byte);
    view.setFloat32(0, value);
    expect(encodeVfpSingle(view.getInt32(0))).toBe(byte);
  }
  for (const value of [0, -0, 0.1, 32, 1 / 16, 1 + 1 / 32, Number.NaN, Number.POSITIVE_INFINITY]) {
    view.setFloat64(0, value);
    expect(encodeVfpConstant(view.getInt32(4), view.getInt32(0))).toBe(-1);
    view.setFloat32(0, value);
    expect(encodeVfpSingle(view.getInt32(0))).toBe(-1);
  }
});
