import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { timings } from '../targets/armv7/cortex-a9.ts';
import { decodeInstruction, flagsRegister, floatFlagsRegister } from './cortex-a9-decode.ts';
import { mnemonics } from './cortex-a9-instructions.ts';
import { seededRandom } from './interrupts.ts';

/** An instruction in short: class, registers read and written by number, what else there is. Words of VFP registers are from 32 on. */
function short(text: string): string {
  const [mnemonic, ...rest] = text.split(' ');
  const inst = decodeInstruction(mnemonic, rest.join(' '));
  if (inst === undefined) return 'unknown';
  const { reads, writes, writeback, transfers, conditional } = inst;
  return [
    [inst.class, ...reads, '>', ...writes].join(' '),
    ...(writeback === undefined ? [] : [`base ${writeback}`]),
    ...(transfers === undefined ? [] : [`transfers ${transfers}`]),
    ...(conditional ? ['conditional'] : []),
  ].join(', ');
}

const expected: Readonly<Record<string, string>> = {
  'mov r0, r1': 'move 1 > 0',
  'lsl r0, r1, #3': 'move 1 > 0',
  'lsl r0, r1, r2': 'moveShiftRegister 1 2 > 0',
  'add r0, r1, r2': 'alu 1 2 > 0',
  'add r0, r1, r2, lsl #2': 'aluShift 1 2 > 0',
  'add r0, r1, r2, lsl r3': 'aluShiftRegister 1 2 3 > 0',
  'adc r0, r1, r2': 'alu 1 2 16 > 0',
  'adds r0, r1, #1': 'alu 1 > 0 16',
  'adcseq r0, r1, #0': 'alu 1 16 0 > 0 16, conditional',
  'cmp sb, #0': 'alu 9 > 16',
  'teq r0, r1': 'alu 0 1 > 16',
  'mls r0, r1, r2, r3': 'multiply 1 2 3 > 0',
  'movls r0, r1': 'move 1 16 0 > 0, conditional',
  'movs r0, r1': 'move 1 > 0 16',
  'movt r0, #1': 'bits 0 > 0',
  'bfi r0, r1, #2, #3': 'field 0 1 > 0',
  'umull r0, r1, r2, r3': 'multiplyLong 2 3 > 0 1',
  'umlal r0, r1, r2, r3': 'multiplyLong 0 1 2 3 > 0 1',
  'add r0, pc, r1': 'alu 1 > 0',
  'ldr r0, [r1]': 'load 1 > 0',
  'ldr r0, [r1, r2, lsl #2]': 'load 1 2 > 0',
  'ldr r0, [r1, -r2, lsr #2]': 'loadShift 1 2 > 0',
  'ldr r0, [r1, #4]!': 'load 1 > 0, base 1',
  'ldr r0, [r1], r2': 'load 1 2 > 0, base 1',
  'ldrsh r0, [r1, #2]': 'loadSigned 1 > 0',
  'ldrd r0, r1, [r2]': 'loadMultiple 2 > 0 1, transfers 1',
  'strb r0, [r1, r2]': 'storeNarrow 0 1 2 >',
  'push {r4, r5, lr}': 'storeMultiple 13 4 5 14 >, base 13, transfers 2',
  'pop {r4, pc}': 'loadMultiple 13 > 4, base 13, transfers 1',
  'ldm r0, {r1, r2, r3, r4, r5}': 'loadMultiple 0 > 1 2 3 4 5, transfers 3',
  'stmdb r0!, {r1, r2}': 'storeMultiple 0 1 2 >, base 0, transfers 1',
  'bls #0x20': 'branch 16 >, conditional',
  'bleq #0x20': 'branch 16 14 > 14, conditional',
  'bl #0x20': 'branch > 14',
  'bx lr': 'branch 14 >',
  'svc #0': 'serialising >',
  'vadd.f32 s0, s1, s2': 'vfpAdd 33 34 > 32',
  'vmul.f32 s0, s1, s2': 'vfpMultiplySingle 33 34 > 32',
  'vmul.f64 d0, d1, d2': 'vfpMultiplyDouble 34 35 36 37 > 32 33',
  'vmlane.f64 d0, d1, d2': 'vfpMacDouble 32 33 34 35 36 37 16 > 32 33, conditional',
  'vdiv.f32 s0, s1, s2': 'vfpDivideSingle 33 34 > 32',
  'vsqrt.f64 d0, d1': 'vfpRootDouble 34 35 > 32 33',
  'vcvt.f64.s32 d0, s2': 'vfpConvert 34 > 32 33',
  'vcmp.f64 d0, #0': 'vfpCompare 32 33 > 17',
  'vmrs apsr_nzcv, fpscr': 'vfpToCore 17 > 16',
  'vmov r0, r1, d2': 'vfpToCore 36 37 > 0 1',
  'vmov d2, r0, r1': 'vfpFromCore 0 1 > 36 37',
  'vmov.32 r0, d1[1]': 'neonTransfer 34 35 > 0',
  'vmov.32 d1[1], r0': 'neonTransfer 34 35 0 > 34 35',
  'vmov.f64 d0, #1.0': 'vfpMove > 32 33',
  'vmov.i32 q0, #0': 'neonImmediate > 32 33 34 35',
  'vldr d1, [r0, #8]': 'vfpLoad 0 > 34 35',
  'vstr s3, [r0]': 'vfpStore 35 0 >',
  'vpush {d8, d9}': 'vfpStoreMultiple 13 48 49 50 51 >, base 13, transfers 2',
  'vldmia r0!, {s0, s1, s2}': 'vfpLoadMultiple 0 > 32 33 34, base 0, transfers 2',
  'vorr q0, q1, q1': 'neonAlu 36 37 38 39 > 32 33 34 35',
  'vorr.i32 d0, #1': 'neonAlu 32 33 > 32 33',
  'vbsl d0, d1, d2': 'neonAlu 32 33 34 35 36 37 > 32 33',
  'vadd.f32 q0, q1, q2': 'neonFloatQuad 36 37 38 39 40 41 42 43 > 32 33 34 35',
  'vmla.i32 d0, d1, d2': 'neonMultiplyWord 32 33 34 35 36 37 > 32 33',
  'vcnt.8 q0, q1': 'neonCountQuad 36 37 38 39 > 32 33 34 35',
  'vld1.32 {d0, d1}, [r1]!': 'neonLoad 1 > 32 33 34 35, base 1, transfers 1',
  'vld4.32 {d0, d1, d2, d3}, [r1]': 'neonLoadLanes 1 > 32 33 34 35 36 37 38 39, transfers 4',
  'vld1.16 {d0[1]}, [r1]': 'neonLoad 32 33 1 > 32 33, transfers 1',
  'vldr.16 s0, [r1]': 'unknown',
  'vst1.64 {d0}, [r1]': 'neonStore 32 33 1 >, transfers 1',
  nop: 'nothing >',
  'vadd.f16 s0, s1, s2': 'unknown',
  'sdiv r0, r1, r2': 'unknown',
  '.word 0xffffffff': 'unknown',
};

test('instructions as disassemblers print them: class, registers, transfers', () => {
  expect([flagsRegister, floatFlagsRegister]).toEqual([16, 17]);
  const read = Object.fromEntries(Object.keys(expected).map((text) => [text, short(text)]));
  expect(read).toEqual(expected);
});

/** What the package's Capstone says of an instruction's registers. */
interface Detailed {
  readonly mnemonic: string;
  readonly op_str: string;
}
interface Module {
  readonly ARCH_ARM: number;
  readonly MODE_ARM: number;
  readonly OPT_DETAIL: number;
  readonly OPT_ON: number;
  readonly Capstone: new (
    arch: number,
    mode: number,
  ) => {
    option(option: number, value: number): void;
    disasm_iter(code: Uint8Array, address: number, visit: (inst: Detailed, pointer: number) => void): number;
    regs_access(pointer: number): { regs_read: number[]; regs_write: number[] };
    reg_name(register: number): string;
  };
}

/**
 * Where Capstone 5 itself is wrong or says nothing: registers that give a shift's amount or are subtracted, lanes, saturation,
 * packing, bits set by a constant, multiples, permutations, some updated bases, system instructions.
 */
const capstoneGaps =
  /\b(?:lsl|lsr|asr|ror) (?:r|s[bpl]|fp|ip|lr|pc)|\[\d\]|-(?:r\d|s[bpl]|fp|ip|lr)|\^|^(?:v(?:orr|bic)[\w.]* \w+, #|[su]sat|[su]xta|svc|m[cr]rr?|mrs|msr|[su]mlal|umaal|smls?ld|stmdb|v?(?:ld|st)m|v?push|vpop|f(?:ld|st)m|pkh|vac|vmsr|vtrn|strexd|vswp|vzip|vuzp|\w+[tb] \w+, \[\w+\],)/;

test('registers agree with what Capstone says of random instructions', async () => {
  const load = createRequire(import.meta.url)('@alexaltea/capstone-js') as () => Promise<Module>;
  const module = await load();
  const capstone = new module.Capstone(module.ARCH_ARM, module.MODE_ARM);
  capstone.option(module.OPT_DETAIL, module.OPT_ON);
  const random = seededRandom(9);
  // Cores by their names, VFP words as the decoder numbers them; neither flags, of which Capstone says little, nor pc.
  const numbersOf = (registers: readonly number[]): number[] =>
    registers.flatMap((register) => {
      const inst = decodeInstruction('mov', `${capstone.reg_name(register)}, #0`);
      return inst === undefined ? [] : [...inst.writes];
    });
  const sorted = (registers: readonly number[]): string =>
    [...new Set(registers)]
      .filter((r) => r !== flagsRegister && r !== floatFlagsRegister)
      .sort((a, b) => a - b)
      .join(' ');
  const wrong: string[] = [];
  const seen = new Set<string>();
  let compared = 0;
  for (let i = 0; i < 60_000; i++) {
    // Always executed, or of the space without conditions, where half of NEON is.
    const top = i % 4 === 0 ? 0xf2000000 | (random(2) << 24) : 0xe0000000 | (random(16) << 24);
    const word = (top | random(2 ** 24)) >>> 0;
    const bytes = new Uint8Array(Uint32Array.of(word).buffer);
    capstone.disasm_iter(bytes, 0x1000, ({ mnemonic, op_str }, pointer) => {
      const text = `${mnemonic} ${op_str}`;
      const inst = decodeInstruction(mnemonic, op_str);
      if (inst === undefined || capstoneGaps.test(text) || /\bpc\b/.test(text)) return;
      const { regs_read, regs_write } = capstone.regs_access(pointer);
      const theirs = `${sorted(numbersOf(regs_read))} > ${sorted(numbersOf(regs_write))}`;
      const { reads, writes, writeback } = inst;
      const ours = `${sorted(reads)} > ${sorted(writeback === undefined ? writes : [...writes, writeback])}`;
      compared++;
      seen.add(mnemonic.split('.')[0]);
      if (ours !== theirs) wrong.push(`${text}: ${ours}, Capstone has ${theirs}`);
    });
  }
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(20_000);
  expect(seen.size).toBeGreaterThan(100);
});

test('no mnemonic is read as another one with a condition or an s', () => {
  const classes = new Set(Object.keys(timings));
  for (const name of mnemonics) {
    const inst = decodeInstruction(name, 'r0, r1, r2');
    expect(inst?.conditional, name).toBe(undefined);
    expect(classes.has(inst?.class ?? ''), name).toBe(true);
  }
});
