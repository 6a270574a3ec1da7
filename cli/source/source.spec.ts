import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { SourceMapConsumer } from 'source-map';
import { afterAll, describe, expect, it } from 'vitest';
import type { Module } from '../../compiler/wasm/module.ts';
import { decodeModule } from '../../compiler/wasm/reader.ts';
import { readSource, type Source, SourceError } from './index.ts';

const programs = fileURLToPath(new URL('../../test/programs/source/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fathom-source-'));
const at = (...names: string[]): string => join(folder, ...names);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (path: string): Module => decodeModule(new Uint8Array(readFileSync(path)));

/** A module of one empty function, with custom sections. */
function moduleWith(sections: Record<string, Uint8Array>): Module {
  const leb = (value: number): number[] =>
    value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
  const custom = Object.entries(sections).flatMap(([name, content]) => {
    const body = [...leb(name.length), ...Buffer.from(name), ...content];
    return [0, ...leb(body.length), ...body];
  });
  const plain = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0];
  // 300 nops: something for addresses to be in.
  const body = [0, ...Array.from({ length: 300 }, () => 1), 0x0b];
  const code = [1, ...leb(body.length), ...body];
  return decodeModule(Uint8Array.from([...plain, 10, ...leb(code.length), ...code, ...custom]));
}

/** `file:line:column` of an operator. */
function place(source: Source | undefined, offset: number, from = 0): string | undefined {
  const found = source?.lines.at(offset, from);
  return found && `${source?.lines.files[found.file]}:${found.line}:${found.column}`;
}

/** Where the code section's contents begin: before them stand the section's number and length, and the number of functions is in them. */
function codeStart(module: Module): number {
  const { bodyStart } = module.functions[module.importedFunctions];
  // The first body's length is one byte or two.
  return module.bytes[bodyStart - 2] >= 0x80 ? bodyStart - 3 : bodyStart - 2;
}

describe.each([
  ['mean.wasm', 4],
  ['mean-dwarf-5.wasm', 5],
])('lines of %s (DWARF %i)', (name) => {
  const module = read(join(programs, name));
  const source = readSource(module, { folders: [programs] });

  it('are those of its functions, and of the header that was inlined', () => {
    expect(source?.lines.files).toEqual(['mean.c', 'mean.h']);
    const lines = readFileSync(join(programs, 'mean.c'), 'utf8').split('\n');
    expect(source?.text(0)).toEqual(lines);
    expect(source?.text(1)?.[2]).toBe('  return x < 0 ? -x : x;');
    const first = module.functions.map(({ bodyStart }) => source?.lines.at(bodyStart)?.line ?? 0);
    expect(first.map((line) => lines[line - 1])).toEqual([
      'int deviation(int n) {',
      '__attribute__((noinline)) static int number(int i) {',
      '__attribute__((noinline)) static int mean(const int *of, int n) {',
    ]);
    const [{ bodyStart, bodyEnd }] = module.functions;
    const places = new Set<string | undefined>();
    for (let offset = bodyStart; offset < bodyEnd; offset++) places.add(place(source, offset));
    expect([...places].filter((each) => each?.startsWith('mean.h'))).toContainEqual(
      expect.stringMatching(/^mean\.h:3:\d+$/),
    );
    // What belongs to no line.
    expect(places).toContain(undefined);
    expect(place(source, module.functions[1].bodyEnd)).toBeUndefined();
  });

  const { error } = spawnSync('llvm-dwarfdump-19', ['--version']);
  it.skipIf(error !== undefined)('are what llvm-dwarfdump reads (skipped without llvm-19)', () => {
    const { stdout } = spawnSync('llvm-dwarfdump-19', ['--debug-line', join(programs, name)], {
      encoding: 'utf8',
    });
    const rows = [...stdout.matchAll(/^0x(\w+) +(\d+) +(\d+) +(\d+) +\d+ +\d+ +\d+ +(.*)$/gm)].map(
      ([, address, line, column, file, flags]) => ({
        address: Number.parseInt(address, 16),
        line: Number(line),
        column: Number(column),
        file: ['mean.c', 'mean.h'][Number(file) - (name === 'mean.wasm' ? 1 : 0)],
        ends: flags.includes('end_sequence'),
      }),
    );
    expect(rows.length).toBeGreaterThan(20);
    const start = codeStart(module);
    rows.forEach(({ address, line, column, file, ends }, k) => {
      const expected = line === 0 || ends ? undefined : `${file}:${line}:${column}`;
      const next = rows[k + 1]?.address;
      // Of rows with one address the last counts.
      if (next === address) return;
      expect(place(source, start + address), `0x${address.toString(16)}`).toBe(expected);
      if (!ends) expect(place(source, start + next - 1)).toBe(expected);
    });
  });

  it('end in a typed error or in fewer lines where tables are damaged, soon and in little memory', () => {
    const sections = new Map(
      module.customSections
        .filter((section) => section.name.startsWith('.debug_'))
        .map((section) => [section.name, module.bytes.slice(section.start, section.end)]),
    );
    const names = [...sections.keys()].filter((each) => /line|info|abbrev|str/.test(each));
    const outcomes = { error: 0, lines: 0 };
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.option(fc.nat(), { nil: undefined }),
        (changed, bytes, cut) => {
          const content = (sections.get(changed) ?? new Uint8Array()).slice();
          for (const [where, value] of bytes) content[where % content.length] = value;
          const all = { ...Object.fromEntries(sections) };
          all[changed] = cut === undefined ? content : content.slice(0, cut % content.length);
          const hostile = moduleWith(all);
          try {
            const found = readSource(hostile);
            outcomes.lines++;
            expect(found?.lines.size ?? 0).toBeLessThanOrEqual(1000);
            for (let offset = 0; offset < hostile.bytes.length; offset++) found?.lines.at(offset);
          } catch (thrown) {
            outcomes.error++;
            expect(thrown).toBeInstanceOf(SourceError);
          }
        },
      ),
      { numRuns: 3000, seed: 5 },
    );
    expect(outcomes.error).toBeGreaterThan(100);
    expect(outcomes.lines).toBeGreaterThan(100);
  });
});

describe('line tables', () => {
  /** Of DWARF 4, with one file and the program given. */
  function table(...program: number[]): Uint8Array {
    const word = (value: number): number[] => [
      value & 255,
      (value >> 8) & 255,
      (value >> 16) & 255,
      value >>> 24,
    ];
    const header = [1, 1, 1, 0xfb, 14, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, ...Buffer.from('a.c\0'), 0, 0, 0, 0];
    const unit = [4, 0, ...word(header.length), ...header, ...program];
    return Uint8Array.from([...word(unit.length), ...unit]);
  }
  const address = (value: number): number[] => [
    0,
    5,
    2,
    value & 255,
    (value >> 8) & 255,
    (value >> 16) & 255,
    value >>> 24,
  ];
  const end = [0, 1, 1];
  const sourceOf = (...program: number[]) => readSource(moduleWith({ '.debug_line': table(...program) }));
  const start = codeStart(moduleWith({}));

  it('advance by every opcode', () => {
    const source = sourceOf(
      ...address(4),
      ...[3, 9, 5, 7, 1], // line 10, column 7
      ...[2, 6, 3, 0x7f, 1], // 6 bytes on, line 9
      8, // (255 - 10) / 14 = 17 bytes on, without a row
      10 + 14 * 2 + 5 + 1, // 2 bytes and 1 line on
      ...[9, 0x10, 0, 1], // 16 bytes on
      ...[2, 4],
      ...end,
    );
    expect([3, 4, 9, 10, 28, 29, 44, 45, 48, 49].map((byte) => place(source, start + byte))).toEqual([
      undefined,
      'a.c:10:7',
      'a.c:10:7',
      'a.c:9:7',
      'a.c:9:7',
      'a.c:10:7',
      'a.c:10:7',
      'a.c:10:7',
      'a.c:10:7',
      undefined,
    ]);
  });

  it('of functions that the linker dropped are none', () => {
    for (const dropped of [0, 0xffffffff, 0xfffffffe, 5000])
      expect(sourceOf(...address(dropped), 1, 2, 4, ...end), String(dropped)).toBeUndefined();
    const source = sourceOf(...address(0xffffffff), 1, 2, 4, ...end, ...address(8), 1, 2, 4, ...end);
    expect(place(source, start + 8)).toBe('a.c:1:0');
    expect(source?.lines.size).toBe(2);
  });

  it('of one function do not reach into the next', () => {
    const source = sourceOf(...address(8), 1, 2, 4, ...end, ...address(12), 3, 1, 1, 2, 4, ...end);
    expect([8, 11, 12, 16].map((byte) => place(source, start + byte))).toEqual([
      'a.c:1:0',
      'a.c:1:0',
      'a.c:2:0',
      undefined,
    ]);
    expect(source?.lines.at(start + 11, start + 11)).toBeUndefined();
  });

  it('that are damaged are named, with the place', () => {
    expect(() => sourceOf(0, 0)).toThrow(/DWARF is damaged.*extended opcode/);
    expect(() => sourceOf(3)).toThrow(SourceError);
    expect(() => sourceOf(0, 10, 2, ...Array.from({ length: 9 }, () => 1))).toThrow(
      /address that is too wide/,
    );
    const unit = table();
    unit[0] = 255;
    expect(() => readSource(moduleWith({ '.debug_line': unit }))).toThrow(/longer than its section/);
  });

  it('of any bytes are read soon', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const content = Uint8Array.from([...table(...bytes), ...bytes]);
        try {
          const source = readSource(
            moduleWith({ '.debug_line': content, '.debug_info': bytes, '.debug_abbrev': bytes }),
          );
          expect(source?.lines.size ?? 0).toBeLessThanOrEqual(2 * content.length);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(SourceError);
        }
      }),
      { numRuns: 2000, seed: 5 },
    );
  });

  it('of DWARF 5 whose files are nothing, a million times, are refused', () => {
    const header = [1, 1, 1, 0xfb, 14, 1, 0, 0, 1, 1, 0x19, 0xff, 0xff, 0xff, 0x7f];
    const unit = [5, 0, 4, 0, header.length, 0, 0, 0, ...header];
    expect(() =>
      readSource(moduleWith({ '.debug_line': Uint8Array.from([unit.length, 0, 0, 0, ...unit]) })),
    ).toThrow(/a file without a name/);
  });

  it('of DWARF 5 whose files have hundreds of parts are refused', () => {
    const parts = Array.from({ length: 50 }, () => [9, 0x19]).flat();
    const header = [1, 1, 1, 0xfb, 14, 1, 51, ...parts, 1, 8, 1, 0, 0, 0];
    const unit = [5, 0, 4, 0, header.length, 0, 0, 0, ...header];
    expect(() =>
      readSource(moduleWith({ '.debug_line': Uint8Array.from([unit.length, 0, 0, 0, ...unit]) })),
    ).toThrow(/too many parts/);
  });
});

describe('source maps', () => {
  const named = (url: string): Uint8Array => {
    const bytes = Buffer.from(url);
    return Uint8Array.from([(bytes.length & 0x7f) | 0x80, bytes.length >> 7, ...bytes]);
  };
  const inline = (map: object | string): Module =>
    moduleWith({
      sourceMappingURL: named(
        `data:application/json;base64,${Buffer.from(typeof map === 'string' ? map : JSON.stringify(map)).toString('base64')}`,
      ),
    });

  it('of AssemblyScript are what the library source-map reads', async () => {
    writeFileSync(
      at('fib.ts'),
      'export function fib(n: i32): i32 {\n  return n < 2 ? n : fib(n - 1) + fib(n - 2);\n}\nexport function f(x: f64): f64 {\n  let y = x * x;\n  while (y > 2) y /= 3;\n  return y;\n}\n',
    );
    const asc = fileURLToPath(new URL('../../node_modules/assemblyscript/bin/asc.js', import.meta.url));
    const made = spawnSync(process.execPath, [asc, 'fib.ts', '--sourceMap', '-o', 'fib.wasm'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(made.stderr).toBe('');
    const module = read(at('fib.wasm'));
    const source = readSource(module, { moduleFolder: folder });
    const map = JSON.parse(readFileSync(at('fib.wasm.map'), 'utf8'));
    const fib = source?.lines.files.indexOf('fib/fib.ts') ?? -1;
    expect(source?.text(fib)?.[1]).toBe('  return n < 2 ? n : fib(n - 1) + fib(n - 2);');
    let compared = 0;
    await SourceMapConsumer.with(map, null, (consumer) => {
      for (let offset = 0; offset < module.bytes.length; offset++) {
        const theirs = consumer.originalPositionFor({ line: 1, column: offset });
        const expected =
          theirs.source === null ? undefined : `${theirs.source}:${theirs.line}:${(theirs.column ?? 0) + 1}`;
        expect(place(source, offset), String(offset)).toBe(expected);
        if (expected !== undefined) compared++;
      }
    });
    expect(compared).toBeGreaterThan(50);
    // The map lies beside the module, and nowhere else.
    expect(() => readSource(module)).toThrow(/fib\.wasm\.map, is not there/);
  }, 60_000);

  it('have their text with them, or in a folder that is named', () => {
    const mappings = 'AACEA,CAAA,SCAA,U';
    const map = {
      version: 3,
      sourceRoot: 'src',
      sources: ['a.ts', 'b.ts'],
      sourcesContent: ['one\r\ntwo'],
      mappings,
    };
    mkdirSync(at('src'), { recursive: true });
    writeFileSync(at('src', 'b.ts'), 'from disk');
    const source = readSource(inline(map), { folders: [folder] });
    expect(source?.lines.files).toEqual(['src/a.ts', 'src/b.ts']);
    expect([0, 9, 10, 19, 20].map((offset) => place(source, offset))).toEqual([
      'src/a.ts:2:3',
      'src/a.ts:2:3',
      'src/b.ts:2:3',
      'src/b.ts:2:3',
      undefined,
    ]);
    expect(source?.text(0)).toEqual(['one', 'two']);
    expect(source?.text(1)).toEqual(['from disk']);
    expect(readSource(inline(map))?.text(1)).toBeUndefined();
  });

  it('that are damaged are named', () => {
    const good = { version: 3, sources: ['a'], mappings: 'AAAA' };
    for (const [map, message] of [
      ['{', /no JSON/],
      [[], /no object/],
      [{ ...good, version: 2 }, /version 3/],
      [{ ...good, sections: [] }, /several/],
      [{ ...good, sources: 'a' }, /no list/],
      [{ ...good, mappings: 'A!' }, /damaged at character 1/],
      [{ ...good, mappings: 'AA' }, /damaged/],
      [{ ...good, mappings: 'AAAAAA' }, /damaged/],
      [{ ...good, mappings: 'ACAA' }, /damaged/],
      [{ ...good, mappings: 'DAAA' }, /damaged/],
      [{ ...good, mappings: 'gggggggggggggC' }, /damaged/],
    ] as const)
      expect(() => readSource(inline(map))).toThrow(message);
    fc.assert(
      fc.property(
        fc.string({ maxLength: 80 }),
        fc.stringMatching(/^[A-Za-z0-9+/,;]{0,60}$/),
        (text, mappings) => {
          for (const map of [text, { ...good, mappings }]) {
            try {
              expect(readSource(inline(map))?.lines.size).toBeLessThanOrEqual(60);
            } catch (thrown) {
              expect(thrown).toBeInstanceOf(SourceError);
            }
          }
        },
      ),
      { numRuns: 2000, seed: 5 },
    );
  });

  it('are never fetched', () => {
    const module = moduleWith({ sourceMappingURL: named('https://example.org/app.wasm.map') });
    expect(() => readSource(module, { moduleFolder: folder })).toThrow(/is not fetched/);
  });
});

describe('files that a module names', () => {
  const secret = 'the password';
  mkdirSync(at('shared', 'lib', '.git'), { recursive: true });
  mkdirSync(at('elsewhere'), { recursive: true });
  writeFileSync(at('elsewhere', 'secret.txt'), secret);
  writeFileSync(at('shared', '.env'), secret);
  writeFileSync(at('shared', 'lib', '.git', 'config'), secret);
  writeFileSync(at('shared', 'lib', 'main.c'), 'int x;');
  writeFileSync(at('shared', 'binary.c'), 'a\0b');
  writeFileSync(at('shared', 'large.c'), 'x'.repeat(2 ** 24 + 1));
  symlinkSync(at('elsewhere', 'secret.txt'), at('shared', 'link.c'));
  symlinkSync(at('elsewhere'), at('shared', 'linked'));
  symlinkSync(at('shared', '.env'), at('shared', 'env.c'));
  spawnSync('mkfifo', [at('shared', 'pipe.c')]);

  const textOf = (path: string, ...folders: string[]): readonly string[] | undefined => {
    const map = { version: 3, sources: [path], mappings: 'AAAA' };
    const url = `data:application/json,${encodeURIComponent(JSON.stringify(map))}`;
    const name = Buffer.from(url);
    const content = Uint8Array.from([(name.length & 0x7f) | 0x80, name.length >> 7, ...name]);
    return readSource(moduleWith({ sourceMappingURL: content }), { folders })?.text(0);
  };

  it('are read within the folders only, wherever they were compiled', () => {
    for (const path of [
      'lib/main.c',
      './lib/main.c',
      '/build/app/lib/main.c',
      'C:\\app\\lib\\main.c',
      at('shared', 'lib', 'main.c'),
      '../../lib/main.c',
    ])
      expect(textOf(path, at('shared')), path).toEqual(['int x;']);
    expect(textOf('main.c', at('shared'), at('shared', 'lib'))).toEqual(['int x;']);
    expect(textOf('main.c', at('shared'))).toBeUndefined();
    expect(textOf('lib/main.c')).toBeUndefined();
  });

  it('are never others', () => {
    expect(readdirSync(at('shared'))).toContain('pipe.c');
    for (const path of [
      at('elsewhere', 'secret.txt'),
      '../elsewhere/secret.txt',
      'lib/../../elsewhere/secret.txt',
      'link.c',
      'linked/secret.txt',
      'env.c',
      '.env',
      'lib/.git/config',
      '/etc/passwd',
      'lib',
      'pipe.c',
      'binary.c',
      'large.c',
      'lib/main.c\0.txt',
      '',
      '..',
      '/',
    ])
      expect(textOf(path, at('shared')), path).toBeUndefined();
  });
});
