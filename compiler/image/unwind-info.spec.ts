import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type FrameDescription, readFrames, ruleAt } from '../../test/support/cfi.ts';
import { assembleProgram, compileFor, readSqlite } from '../../test/support/real-images.ts';
import type { Image } from './image.ts';
import { frameAt } from './lookup.ts';
import {
  debugFrame,
  ehFrame,
  ehFrameHeader,
  fdePlaces,
  type OtherCode,
  x86SignalReturn,
} from './unwind-info.ts';

const targets = ['x86_64', 'armv7'] as const;
type TargetName = (typeof targets)[number];
const sectionAddress = 0x40_1000;
const codeAddress = 0x50_0000;
const returnRegister = { x86_64: 16, armv7: 14 } as const;

const sectionOf = (target: TargetName, images: readonly Image[], other: OtherCode = {}): Uint8Array => {
  const parts = images.map((image, k) => ({ image, codeAddress: codeAddress + k * 0x100_0000 }));
  return target === 'x86_64' ? ehFrame(parts, sectionAddress, other) : debugFrame(parts, other);
};
const framesOf = (target: TargetName, section: Uint8Array): FrameDescription[] =>
  readFrames(section, target === 'x86_64' ? sectionAddress : undefined);

/** Code offsets of `image` where what an unwinder computes is not what the frame rows say. */
function differences(target: TargetName, image: Image, frames: readonly FrameDescription[]): number[] {
  const differ: number[] = [];
  let k = 0;
  for (let at = 0; at < image.code.length; at++) {
    const address = codeAddress + at;
    while (k < frames.length && frames[k].end <= address) k++;
    const description = frames[k]?.start <= address ? [frames[k]] : [];
    const rule = ruleAt(description, address);
    const frame = frameAt(image, at);
    const place = frame && (frame.returnAddress < 0 ? 'same' : frame.returnAddress - frame.cfa);
    if (rule?.cfa !== frame?.cfa || rule?.registers[returnRegister[target]] !== place) differ.push(at);
  }
  return differ;
}

describe.each(targets)('unwind information for %s', (target) => {
  it.each(['fib', 'hot-leaf', 'mixed'])('%s: an unwinder finds the frame rows at every byte', (program) => {
    const image = compileFor(assembleProgram(program), target);
    const frames = framesOf(target, sectionOf(target, [image]));
    expect(frames).toHaveLength(image.functions.length);
    expect(differences(target, image, frames)).toEqual([]);
  });

  it('SQLite: an unwinder finds the frame rows at every byte', () => {
    const image = compileFor(readSqlite(), target);
    const section = sectionOf(target, [image]);
    expect(differences(target, image, framesOf(target, section))).toEqual([]);
    expect(section.length / image.constantsOffset).toBeLessThan(0.1);
  });

  it('describes several images, and other code, each at its place', () => {
    const images = [compileFor(assembleProgram('fib'), target), compileFor(assembleProgram('mixed'), target)];
    const word = target === 'x86_64' ? 8 : 4;
    const atEntry = { offset: 0, cfa: word === 8 ? 8 : 0, returnAddress: word === 8 ? 0 : -1 };
    const ranges = [
      { address: 0x10_0000, size: 32, rows: [atEntry], outermost: true },
      {
        address: 0x10_0040,
        size: 2 ** 20,
        rows: [
          atEntry,
          { offset: 4, cfa: 64, returnAddress: 64 - word },
          { offset: 300 * 4, cfa: 72, returnAddress: 72 - word },
          { ...atEntry, offset: 2 ** 19 },
        ],
      },
    ];
    const frames = framesOf(target, sectionOf(target, images, { ranges }));
    const starts = images.flatMap((image, k) =>
      image.functions.map(({ offset }) => codeAddress + k * 0x100_0000 + offset),
    );
    expect(frames.map(({ start }) => start)).toEqual([0x10_0000, 0x10_0040, ...starts]);
    const rule = (address: number) => {
      const found = ruleAt(frames, address);
      return [found?.cfa, found?.registers[returnRegister[target]]];
    };
    const entry = [atEntry.cfa, word === 8 ? -8 : 'same'];
    expect(rule(0x10_0010)).toEqual([atEntry.cfa, 'undefined']);
    expect(rule(0x10_0040)).toEqual(entry);
    expect(rule(0x10_0040 + 4)).toEqual([64, -word]);
    expect(rule(0x10_0040 + 300 * 4 - 1)).toEqual([64, -word]);
    expect(rule(0x10_0040 + 300 * 4)).toEqual([72, -word]);
    expect(rule(0x10_0040 + 2 ** 19)).toEqual(entry);
  });
});

it('leads from the code that returns from a signal to what was interrupted', () => {
  const restorer = 0x10_0100;
  const section = sectionOf('x86_64', [], { signalReturn: x86SignalReturn(restorer, 9) });
  const [frame] = framesOf('x86_64', section);
  expect(frame).toMatchObject({ start: restorer - 1, end: restorer + 9, signal: true });
  // gregs[REG_RSP] and gregs[REG_RIP] of ucontext_t, in rsp's place: breg7, offset (and deref for the CFA).
  expect(frame.rows[0].cfa).toEqual([0x77, 0xa0, 0x01, 0x06]);
  expect(frame.rows[0].registers[16]).toEqual([0x77, 0xa8, 0x01]);
  expect(Object.keys(frame.rows[0].registers)).toHaveLength(16);
});

it('refuses code out of reach', () => {
  const image = compileFor(assembleProgram('fib'), 'x86_64');
  expect(() => ehFrame([{ image, codeAddress: 2 ** 32 }], 0)).toThrow('too far');
});

it('the header finds every function by its address', () => {
  const image = compileFor(assembleProgram('mixed'), 'x86_64');
  const ranges = [{ address: 0x60_0000, size: 16, rows: [] }];
  const section = sectionOf('x86_64', [image], { ranges });
  const headerAddress = 0x40_0800;
  const header = ehFrameHeader(section, sectionAddress, headerAddress);
  expect([...header.subarray(0, 4)]).toEqual([1, 0x1b, 0x03, 0x3b]);
  const words = new Int32Array(header.slice(4).buffer);
  expect(headerAddress + 4 + words[0]).toBe(sectionAddress);
  expect(words[1]).toBe(image.functions.length + 1);
  const entries = Array.from({ length: words[1] }, (_, k) => [words[2 + 2 * k], words[3 + 2 * k]]);
  expect(words).toHaveLength(2 + 2 * words[1]);
  const starts = [...image.functions.map(({ offset }) => codeAddress + offset), 0x60_0000];
  expect(entries.map(([location]) => headerAddress + location)).toEqual(starts);
  const places = new Map(
    fdePlaces(section).map(({ offset, location }) => [offset, location + sectionAddress]),
  );
  for (const [location, fde] of entries)
    expect(places.get(headerAddress + fde - sectionAddress)).toBe(headerAddress + location);
});

const hasBinutils =
  spawnSync('readelf', ['--version']).status === 0 && spawnSync('objcopy', ['--version']).status === 0;

it.skipIf(!hasBinutils)('readelf decodes both sections without a complaint (needs binutils)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fathom-unwind-'));
  try {
    for (const target of targets) {
      const image = compileFor(assembleProgram('mixed'), target);
      const name = target === 'x86_64' ? '.eh_frame' : '.debug_frame';
      const [content, elf] = [join(folder, 'content'), join(folder, 'elf')];
      writeFileSync(content, sectionOf(target, [image]));
      const format = target === 'x86_64' ? 'elf64-x86-64' : 'elf32-little';
      const flags = ['--rename-section', `.data=${name},alloc,readonly,data,contents`];
      const { status } = spawnSync('objcopy', ['-I', 'binary', '-O', format, ...flags, content, elf]);
      expect(status).toBe(0);
      const { stdout, stderr } = spawnSync('readelf', ['--debug-dump=frames', elf], { encoding: 'utf8' });
      expect(stderr).toBe('');
      expect(stdout.match(/ FDE /g)).toHaveLength(image.functions.length);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
