import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import {
  ElfMachine,
  ElfType,
  SectionFlag,
  SectionType,
  SegmentFlag,
  SegmentType,
  SymbolBinding,
  SymbolType,
} from '../../compiler/elf/constants.ts';
import { type ElfSection, headerBytes, writeElf } from '../../compiler/elf/writer.ts';
import { compile } from '../../compiler/index.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';
import { loadModuleText } from '../fixtures/wat.ts';
import { countExecutable, countImage } from './counts.ts';
import { loadCycleModel } from './cycles.ts';

/** An executable of which every instruction is known. */
function executable(target: 'x86_64' | 'armv7', code: readonly number[]): Uint8Array {
  const wide = target === 'x86_64';
  const elfClass = wide ? 64 : 32;
  const address = 0x10000 + headerBytes(elfClass, 1);
  const text: ElfSection = {
    name: '.text',
    type: SectionType.progbits,
    flags: SectionFlag.alloc | SectionFlag.execute,
    address,
    align: 4,
    content: Uint8Array.from(code),
  };
  const { func } = SymbolType;
  const { global } = SymbolBinding;
  return writeElf({
    class: elfClass,
    type: ElfType.exec,
    machine: wide ? ElfMachine.x86_64 : ElfMachine.arm,
    flags: wide ? 0 : 0x5000400,
    entry: address,
    sections: [text],
    segments: [
      {
        type: SegmentType.load,
        flags: SegmentFlag.read | SegmentFlag.execute,
        align: 0x1000,
        sections: [text],
        headers: true,
      },
    ],
    symbols: [{ name: 'run', value: address, size: code.length, type: func, binding: global, section: text }],
  });
}

const programs = {
  // mov eax, edi; again: dec eax; jnz again; mov eax, 7; ret
  x86_64: [0x89, 0xf8, 0xff, 0xc8, 0x75, 0xfc, 0xb8, 7, 0, 0, 0, 0xc3],
  // mov r1, r0; again: subs r1, r1, #1; bne again; mov r0, #7; bx lr
  armv7: [
    0x00, 0x10, 0xa0, 0xe1, 0x01, 0x10, 0x51, 0xe2, 0xfd, 0xff, 0xff, 0x1a, 0x07, 0x00, 0xa0, 0xe3, 0x1e,
    0xff, 0x2f, 0xe1,
  ],
} as const;

describe.each(['x86_64', 'armv7'] as const)('counts on %s', (target) => {
  it('a program of 2 n + 3 instructions is counted as that', () => {
    const file = executable(target, programs[target]);
    for (const n of [1, 2, 1000, 1_234_567])
      expect(countExecutable(file, n)).toEqual({ checksum: 7, counted: { instructions: 2 * n + 3 } });
  });

  it('a module costs, for each round of its loop, exactly the instructions of the loop', async () => {
    const bytes = await loadModuleText(
      '(module (func (export "run") (param i32) (result i32) (local i32) loop local.get 1 local.get 0 i32.add local.set 1 local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end local.get 1))',
    );
    const image = compile(bytes, {
      target: target === 'x86_64' ? x86_64 : armv7,
      level: 1,
      scheme: 'none',
      order: 'relaxed',
    });
    const count = (n: number): number => countImage(image, n).counted.instructions;
    expect(countImage(image, 100).checksum).toBe(5050);
    const round = count(101) - count(100);
    // An addition, a subtraction and a branch; x86-64 may test or copy besides.
    expect(round).toBeGreaterThanOrEqual(3);
    expect(round).toBeLessThanOrEqual(5);
    expect(count(100_100) - count(100)).toBe(100_000 * round);
  });

  it('what does not end as it should is refused', () => {
    const trap = target === 'x86_64' ? [0x0f, 0x0b] : [0xf0, 0x00, 0xf0, 0xe7];
    expect(() => countExecutable(executable(target, trap), 1)).toThrow(/stopped by fault at 0x100/);
  });
});

it('cycles of ARMv7 are those of the model, block by block', async () => {
  const model = await loadCycleModel();
  const file = executable('armv7', programs.armv7);
  const code = Uint8Array.from(programs.armv7);
  const cycles = (n: number): number => countExecutable(file, n, model).counted.cycles ?? 0;
  // The loop's block, once a round.
  const loop = model.blockCycles(code.subarray(4, 12), 0x10000);
  expect(loop).toBeGreaterThan(0);
  expect(cycles(1001) - cycles(1)).toBeCloseTo(1000 * loop, 6);
});

const missing = ['gcc', 'arm-linux-gnueabihf-gcc'].filter(
  (name) => spawnSync(name, ['--version']).status !== 0,
);

describe.skipIf(missing.length > 0)(
  'what stands in for libgcc (skipped without gcc and arm-linux-gnueabihf-gcc)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'fathom-arithmetic-'));
    const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    const build = (command: string, args: readonly string[]): void => {
      const { status, stderr } = spawnSync(command, ['-O2', ...args], { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    };

    it('divides, converts and rounds as the processor of this machine does', () => {
      const runtime = at('peers/runtime');
      const check = at('fixtures/arithmetic.c');
      const [here, there] = [join(folder, 'here'), join(folder, 'there')];
      build('gcc', [
        `-I${at('kernels')}`,
        check,
        join(runtime, 'setup-c.c'),
        at('kernels/driver.c'),
        '-lm',
        '-o',
        here,
      ]);
      build('arm-linux-gnueabihf-gcc', [
        ...['-marm', '-mcpu=cortex-a9', '-DBARE', '-nostdlib', '-static', '-ffreestanding'],
        ...['-fno-tree-loop-distribute-patterns', `-I${at('kernels')}`, check],
        ...['setup-c.c', 'bare.c', 'arithmetic.c', 'arithmetic-armv7.S'].map((name) => join(runtime, name)),
        ...['-o', there],
      ]);
      const [expected] = spawnSync(here, ['20000', '1'], { encoding: 'utf8' }).stdout.split(' ');
      const { checksum } = countExecutable(new Uint8Array(readFileSync(there)), 20_000);
      expect(checksum.toString(16)).toBe(expected);
    });
  },
);
