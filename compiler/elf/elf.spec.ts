import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';
import { assembleModule, smallRuntime } from '../../test/support/small-runtime.ts';
import { ImageError } from '../errors.ts';
import { compileExecutable } from '../executable.ts';
import {
  ElfMachine,
  ElfType,
  Relocation,
  SectionFlag,
  SectionType,
  SegmentFlag,
  SegmentType,
  SymbolBinding,
  SymbolType,
} from './constants.ts';
import { isElf, readElf, readFathomNote, readSymbols } from './reader.ts';
import {
  type ElfFile,
  type ElfSection,
  type ElfSymbol,
  headerBytes,
  undefinedSymbol,
  writeElf,
} from './writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'fathom-elf-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const missing = (command: string): boolean => spawnSync(command, ['--version']).error !== undefined;

/** An executable by hand: a page of code at `base`, behind the headers, and 8192 zeros that are written. */
function executable(elfClass: 32 | 64, base: number): ElfFile {
  const code: ElfSection = {
    name: '.text',
    type: SectionType.progbits,
    flags: SectionFlag.alloc | SectionFlag.execute,
    address: base + headerBytes(elfClass, 2) + 12,
    align: 4,
    content: Uint8Array.of(1, 2, 3, 4, 5),
  };
  const zeros: ElfSection = {
    name: '.bss',
    type: SectionType.nobits,
    flags: SectionFlag.alloc | SectionFlag.write,
    address: base + 0x5000,
    align: 16,
    content: 8192,
  };
  const symbol = (name: string, binding: number, value: number): ElfSymbol => ({
    name,
    value,
    size: 5,
    type: SymbolType.func,
    binding,
    section: code,
  });
  return {
    class: elfClass,
    type: ElfType.exec,
    machine: elfClass === 64 ? ElfMachine.x86_64 : ElfMachine.arm,
    flags: 0x05000400,
    entry: code.address,
    sections: [code, zeros],
    segments: [
      {
        type: SegmentType.load,
        flags: SegmentFlag.read | SegmentFlag.execute,
        align: 4096,
        sections: [code],
        headers: true,
      },
      { type: SegmentType.load, flags: SegmentFlag.read | SegmentFlag.write, align: 4096, sections: [zeros] },
    ],
    symbols: [
      symbol('_start', SymbolBinding.global, code.address),
      symbol('größe\0', SymbolBinding.local, code.address + 1),
    ],
  };
}

describe.each([
  [64, 0x10_0000_0000],
  [32, 0x10000],
] as const)('a file of class %d', (elfClass, base) => {
  const file = executable(elfClass, base);
  const view = readElf(writeElf(file));

  it('reads as it was written', () => {
    expect(view).toMatchObject({
      class: elfClass,
      type: ElfType.exec,
      machine: file.machine,
      flags: 0x05000400,
      entry: file.entry,
    });
    expect(view.segments).toHaveLength(2);
    const [code, zeros] = view.segments;
    expect(code).toMatchObject({ type: SegmentType.load, flags: 5, address: base, offset: 0, align: 4096 });
    expect(code.memoryBytes).toBe(headerBytes(elfClass, 2) + 12 + 5);
    expect([...code.content.subarray(file.entry - base)]).toEqual([1, 2, 3, 4, 5]);
    expect(zeros).toMatchObject({ address: base + 0x5000, memoryBytes: 8192, content: new Uint8Array(0) });
    expect(view.sections.map(({ name, size }) => [name, size]).slice(0, 2)).toEqual([
      ['.text', 5],
      ['.bss', 8192],
    ]);
    expect(view.sections.map(({ name }) => name).slice(2)).toEqual(['.symtab', '.strtab', '.shstrtab']);
  });

  it('has its local symbols first, and no NUL in a name', () => {
    expect(readSymbols(view)).toEqual([
      {
        name: 'größe\ufffd',
        value: file.entry + 1,
        size: 5,
        type: SymbolType.func,
        binding: SymbolBinding.local,
        section: 1,
      },
      {
        name: '_start',
        value: file.entry,
        size: 5,
        type: SymbolType.func,
        binding: SymbolBinding.global,
        section: 1,
      },
    ]);
    expect(view.sections.find(({ name }) => name === '.symtab')?.info).toBe(2);
  });

  it('is refused wherever it is cut', () => {
    const bytes = writeElf(file);
    for (let length = 0; length < bytes.length; length++)
      expect(() => readElf(bytes.subarray(0, length)), `${length} bytes`).toThrow(ImageError);
  });

  it('is read or refused, whatever its bytes are', () => {
    const bytes = writeElf(file);
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const damaged = bytes.slice();
        damaged[at] = value;
        try {
          readSymbols(readElf(damaged));
          readFathomNote(damaged);
        } catch (error) {
          expect(error, `byte ${at} set to ${value}`).toBeInstanceOf(ImageError);
        }
      }
    }
  });
});

describe('what is no ELF file', () => {
  it.each([
    ['nothing', [], 'not an ELF file'],
    ['a class that there is not', [0x7f, 0x45, 0x4c, 0x46, 3, 1, 1], 'of no known class (offset 0x4)'],
    ['a big-endian file', [0x7f, 0x45, 0x4c, 0x46, 1, 2, 1], 'not a little-endian ELF file (offset 0x5)'],
    ['another version', [0x7f, 0x45, 0x4c, 0x46, 1, 1, 2], 'of no known version of ELF (offset 0x6)'],
    ['a header cut short', [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1], 'truncated at offset 0x'],
  ])('%s', (_, bytes, message) => {
    expect(() => readElf(Uint8Array.from(bytes))).toThrow(message);
  });

  it('is known by its first bytes', () => {
    expect(isElf(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46))).toBe(true);
    expect(isElf(Uint8Array.of(0x7f, 0x45, 0x4c))).toBe(false);
    expect(isElf(Uint8Array.of(0, 0x61, 0x73, 0x6d))).toBe(false);
  });
});

describe('a relocatable file', () => {
  const there = undefinedSymbol('there');
  const object = (elfClass: 32 | 64): ElfFile => ({
    class: elfClass,
    type: ElfType.rel,
    machine: elfClass === 64 ? ElfMachine.x86_64 : ElfMachine.arm,
    flags: 0,
    entry: 0,
    sections: [
      {
        name: '.data',
        type: SectionType.progbits,
        flags: SectionFlag.alloc | SectionFlag.write,
        address: 0,
        align: 8,
        content: new Uint8Array(16),
        relocations: [
          {
            offset: 8,
            symbol: there,
            type: elfClass === 64 ? Relocation.x86_64.abs64 : Relocation.arm.abs32,
            addend: -4,
          },
        ],
      },
    ],
    segments: [],
    symbols: [there],
  });

  it('has a table of relocations that names section and symbols', () => {
    const { sections, segments } = readElf(writeElf(object(64)));
    expect(segments).toEqual([]);
    const table = sections.find(({ name }) => name === '.rela.data');
    expect(sections[(table?.link ?? 0) - 1].name).toBe('.symtab');
    expect(sections[(table?.info ?? 0) - 1].name).toBe('.data');
    const entry = new DataView((table?.content ?? new Uint8Array()).slice().buffer);
    expect([
      entry.getBigUint64(0, true),
      entry.getUint32(8, true),
      entry.getUint32(12, true),
      entry.getBigInt64(16, true),
    ]).toEqual([8n, 1, 1, -4n]);
  });

  it('has addends in place on ARM', () => {
    const { sections } = readElf(writeElf(object(32)));
    const table = sections.find(({ name }) => name === '.rel.data');
    const entry = new DataView((table?.content ?? new Uint8Array()).slice().buffer);
    expect([entry.byteLength, entry.getUint32(0, true), entry.getUint32(4, true)]).toEqual([
      8,
      8,
      (1 << 8) | 2,
    ]);
  });
});

describe.each([
  ['x86_64', x86_64, 'objdump', /<add>:\n(.*\n)*? .*\t(lea|add) .*\n(.*\n)*? .*\tret/],
  ['armv7', armv7, 'arm-linux-gnueabihf-objdump', /<add>:\n(.*\n)*? .*\tadd\t.*\n(.*\n)*? .*\tbx\tlr/],
] as const)('binutils on an executable for %s', (name, target, objdump, expected) => {
  const module = assembleModule(`(module (memory (export "memory") 1) (func (export "_start"))
    (func $add (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))`);
  const path = join(folder, name);
  const build = (): void => {
    const options = { target, level: 1, scheme: 'atomic', order: 'relaxed', runtime: smallRuntime } as const;
    writeFileSync(path, compileExecutable(module, options).file);
  };

  it.skipIf(missing('readelf'))('readelf has nothing to complain of (skipped without readelf)', () => {
    build();
    const { status, stdout, stderr } = spawnSync('readelf', ['-aW', '--debug-dump=frames', path], {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('.note.fathom');
    expect(stdout).not.toMatch(/warning|<corrupt|<unknown/i);
  });

  it.skipIf(missing(objdump))(
    `objdump disassembles its functions by name (skipped without ${objdump})`,
    () => {
      build();
      const { status, stdout } = spawnSync(objdump, ['-d', path], { encoding: 'utf8', maxBuffer: 2 ** 26 });
      expect(status).toBe(0);
      expect(stdout).toMatch(expected);
    },
  );
});
