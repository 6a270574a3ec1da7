import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createDisassembler } from '../../emu/capstone.ts';
import { encode, encodeModified, encodeVfpConstant, encodeVfpSingle } from './encode.ts';
import { instructionCases, plainRows } from './fixtures/instruction-cases.ts';
import { I } from './instructions.ts';
import { printInstruction } from './print.ts';

const cases = instructionCases;

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
