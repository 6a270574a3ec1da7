import { afterEach, describe, expect, it } from 'vitest';
import {
  ElfMachine,
  ElfType,
  SectionFlag,
  SectionType,
  SegmentFlag,
  SegmentType,
} from '../../compiler/elf/constants.ts';
import type { ElfSegment } from '../../compiler/elf/writer.ts';
import { ImageError } from '../../compiler/errors.ts';
import { seededRandom } from '../interrupts.ts';
import { TARGETS } from '../unicorn/test-bed.ts';
import { LinuxProcess } from './process.ts';
import { ProcessBed, testExecutable } from './test-bed.ts';

describe.each(TARGETS)('loading for %s', (target) => {
  let bed: ProcessBed | undefined;
  const word = target === 'x86_64' ? 8 : 4;
  const text = target === 'x86_64' ? 0x40_1000 : 0x1_1000;

  afterEach(() => {
    bed?.dispose();
    bed = undefined;
  });

  it('starts with arguments, environment and auxiliary vector on the stack', () => {
    const argv = ['program', '', 'two words', 'caf\u00e9'];
    const env = ['A=1', 'EMPTY='];
    bed = new ProcessBed(target, { argv, env, seed: 3 });
    const { core, space } = bed.process;
    expect(core.sp % 16).toBe(0);
    let at = core.sp;
    const next = () => {
      const value = space.readPointer(at);
      at += word;
      return value;
    };
    const string = (address: number) => {
      let end = address;
      while (space.readU8(end) !== 0) end++;
      return Buffer.from(space.readBytes(address, end - address)).toString();
    };
    const strings = () => {
      const all: string[] = [];
      for (let address = next(); address !== 0; address = next()) all.push(string(address));
      return all;
    };
    expect(next()).toBe(4);
    expect(strings()).toEqual(argv);
    expect(strings()).toEqual(env);
    const auxiliary = new Map<number, number>();
    for (let key = next(); key !== 0; key = next()) auxiliary.set(key, next());
    const [phent, phnum, pageSize, entry, secure, random, execfn, platform] = [
      4, 5, 6, 9, 23, 25, 31, 15,
    ].map((key) => auxiliary.get(key) ?? -1);
    expect([phent, phnum, pageSize, entry, secure]).toEqual([word === 8 ? 56 : 32, 2, 4096, text, 0]);
    expect(string(execfn)).toBe('program');
    expect(string(platform)).toBe(target === 'x86_64' ? 'x86_64' : 'v7l');
    expect(space.readU64(random)).not.toBe(0n);
    expect(core.pc).toBe(text);
  });

  it('shows program headers where a segment holds them', () => {
    const plain = testExecutable(target);
    const again = new LinuxProcess(plain, { argv: [] });
    expect(again.mappings.find(text)?.access).toBe('rx');
    expect(again.mappings.find(again.core.sp)?.access).toBe('rw');
    again.dispose();
  });

  it('refuses what is no static executable of a target, or maps where nothing can be', () => {
    const segment = (address: number, memoryBytes: number, flags: number = SegmentFlag.read): ElfSegment => {
      return { type: SegmentType.load, flags, align: 4096, sections: [], address, memoryBytes };
    };
    const refused = (change: Parameters<typeof testExecutable>[1]) => {
      const file = testExecutable(target, change);
      return expect(() => new LinuxProcess(file, { argv: [] }));
    };
    refused({ machine: 3 }).toThrow(/not an executable for x86-64 or ARM/);
    refused({ machine: target === 'x86_64' ? ElfMachine.arm : ElfMachine.x86_64 }).toThrow(
      /not an executable/,
    );
    refused({ type: ElfType.dyn }).toThrow(/static/);
    refused({ type: ElfType.rel }).toThrow(ImageError);
    const writable = SegmentFlag.write | SegmentFlag.execute;
    const sections = { sections: [] };
    refused({ ...sections, segments: [segment(0x50_0000, 4096, writable)] }).toThrow(
      /both writable and executable/,
    );
    refused({ ...sections, segments: [segment(0, 4096)] }).toThrow(/out of reach/);
    refused({ ...sections, segments: [segment(0xbf00_0000 - 4096, 8192)] }).not.toThrow(TypeError);
    const top = target === 'x86_64' ? 0x7fff_ffff_e000 : 0xbeff_f000;
    refused({ ...sections, segments: [segment(top, 4096)] }).toThrow(/out of reach/);
    refused({ ...sections, segments: [segment(0x50_0000, 8192), segment(0x50_1000, 4096)] }).toThrow(
      /shares a page/,
    );
    if (target === 'x86_64')
      refused({ ...sections, segments: [segment(0x50_0000, 2 ** 40)] }).toThrow(/no room/);
    expect(() => new LinuxProcess(testExecutable(target), { argv: ['a\0b'] })).toThrow(/zero byte/);
    expect(() => new LinuxProcess(testExecutable(target), { argv: ['x'.repeat(3 << 20)] })).toThrow(
      /too long/,
    );
  });

  it('survives damaged files: an ImageError, or a process', () => {
    const good = testExecutable(target);
    const random = seededRandom(5);
    let loaded = 0;
    for (let round = 0; round < 300; round++) {
      const file = good.slice(0, round % 7 === 0 ? random(good.length) : good.length);
      for (let changes = 0; changes < 3; changes++) file[random(Math.min(file.length, 180))] = random(256);
      try {
        new LinuxProcess(file, { argv: [] }).dispose();
        loaded++;
      } catch (error) {
        expect(error).toBeInstanceOf(ImageError);
      }
    }
    expect(loaded).toBeGreaterThan(0);
    expect(loaded).toBeLessThan(300);
  });

  it('fills a segment with its bytes and zeros behind them', () => {
    const data = {
      name: '.data',
      type: SectionType.progbits,
      flags: SectionFlag.alloc | SectionFlag.write,
      address: 0x60_0010,
      align: 16,
      content: Uint8Array.of(1, 2, 3),
    };
    const flags = SegmentFlag.read | SegmentFlag.write;
    const file = testExecutable(target, {
      sections: [data],
      segments: [{ type: SegmentType.load, flags, align: 16, sections: [data] }],
    });
    const process = new LinuxProcess(file, { argv: [] });
    expect([...process.space.readBytes(0x60_000f, 6)]).toEqual([0, 1, 2, 3, 0, 0]);
    process.dispose();
  });
});
