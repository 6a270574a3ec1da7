import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { armv7 } from '../targets/armv7/index.ts';
import { x86_64 } from '../targets/x86_64/index.ts';
import { assembleModule, smallRuntime } from '../test/support/small-runtime.ts';
import { SegmentFlag, SegmentType } from './elf/constants.ts';
import { readElf, readFathomNote, readSymbols } from './elf/reader.ts';
import { compileExecutable, type ExecutableCompileOptions } from './executable.ts';
import { type SchemeName, schemeNames } from './stack/scheme.ts';
import type { Target } from './target.ts';

const folder = mkdtempSync(join(tmpdir(), 'fathom-executable-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Globals, tables, segments of all kinds, an import in a table, memory.grow: what the linker and `init` prepare. */
const greeting = assembleModule(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (global $first i32 (i32.const 40))
  (global $code (mut i32) (global.get $first))
  (table $t 3 funcref)
  (type $writer (func (param i32 i32 i32 i32) (result i32)))
  (elem (i32.const 1) $write)
  (elem $passive func $answer)
  (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 16) "hello\\n")
  (data $late "again\\n")
  (func $answer (result i32) (i32.const 1))
  (func $set (global.set $code (i32.add (global.get $code) (i32.const 2))))
  (start $set)
  (func $print (drop (call_indirect (type $writer) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8) (i32.const 1))))
  (func (export "_start")
    (call $print)
    (memory.init $late (i32.const 16) (i32.const 0) (i32.const 6))
    (call $print)
    (if (i32.ne (memory.grow (i32.const 1)) (i32.const 7)) (then (unreachable)))
    (i32.store (i32.const 131068) (i32.const 1))
    (table.init $t $passive (i32.const 2) (i32.const 0) (i32.const 1))
    (call $exit (i32.add (global.get $code) (call_indirect (result i32) (i32.const 2))))))`);

const targets = { x86_64, armv7 } as const;
type Name = keyof typeof targets;

function build(
  target: Name,
  bytes: Uint8Array = greeting,
  options: Partial<ExecutableCompileOptions> = {},
): Uint8Array {
  const base = { level: 1, scheme: 'atomic', order: 'relaxed', runtime: smallRuntime } as const;
  return compileExecutable(bytes, { target: targets[target], ...base, ...options }).file;
}

const missing = (command: string): boolean => spawnSync(command, ['--version']).error !== undefined;
/** How executables of a target run here; undefined if they do not. */
const runners: Readonly<Record<Name, readonly string[] | undefined>> = {
  x86_64: process.platform === 'linux' && process.arch === 'x64' ? [] : undefined,
  armv7: missing('qemu-arm') ? undefined : ['qemu-arm'],
};
const needs = { x86_64: 'an x86-64 Linux', armv7: 'qemu-arm' } as const;

describe.each(['x86_64', 'armv7'] as const)('an executable for %s', (target) => {
  const runner = runners[target];

  it('is the same every time, whatever was compiled before', () => {
    const afresh = (options: Partial<ExecutableCompileOptions>): Uint8Array => {
      const runtime = { wasi: smallRuntime.wasi.slice(), handler: smallRuntime.handler.slice() };
      return build(target, greeting, { ...options, runtime });
    };
    const plain = targets[target];
    const twice: Target['emitTrap'] = (asm) => {
      plain.emitTrap(asm);
      plain.emitTrap(asm);
    };
    const variants = [
      {},
      { scheme: 'unwind' },
      { order: 'seq_cst' },
      { level: 0 },
      { publishLeaves: true },
      { target: { ...plain, emitTrap: twice } },
    ] as const;
    const files = variants.map((options) => Buffer.from(afresh(options)));
    variants.forEach((options, k) => {
      expect(files[k].equals(build(target, greeting, options))).toBe(true);
      expect(files[k].equals(build(target, greeting, options))).toBe(true);
      expect(files.findIndex((file) => file.equals(files[k]))).toBe(k);
    });
  });

  it.skipIf(runner === undefined).each<SchemeName>(schemeNames)(
    `starts, takes a signal, and runs a program compiled with scheme %s (skipped without ${needs[target]})`,
    (scheme) => {
      const path = join(folder, `${target}-${scheme}`);
      writeFileSync(path, build(target, greeting, { scheme }), { mode: 0o755 });
      const [command, ...args] = [...(runner ?? []), path, 'one', 'two'];
      const { status, stdout, signal } = spawnSync(command, args, { encoding: 'utf8' });
      expect({ status, signal, stdout }).toEqual({
        status: 43,
        signal: null,
        stdout: 'arguments: 3\nsignal 10 handled\nhello\nagain\n',
      });
    },
  );

  it('maps nothing that is both written and executed, and no segment over another', () => {
    const { segments, entry } = readElf(build(target));
    const loads = segments.filter(({ type }) => type === SegmentType.load);
    let end = 0;
    for (const { flags, address, memoryBytes } of loads) {
      expect(flags & SegmentFlag.write && flags & SegmentFlag.execute).toBe(0);
      expect(address % 4096).toBe(0);
      expect(address).toBeGreaterThanOrEqual(end);
      end = address + memoryBytes;
    }
    const [code, ...others] = loads.filter(({ flags }) => flags & SegmentFlag.execute);
    expect(others).toEqual([]);
    expect(entry).toBeGreaterThanOrEqual(code.address);
    expect(entry).toBeLessThan(code.address + code.memoryBytes);
    const stack = segments.find(({ type }) => type === SegmentType.gnuStack);
    expect(stack?.flags).toBe(SegmentFlag.read | SegmentFlag.write);
  });

  it('names its functions, those of the runtime behind a prefix', () => {
    const names = readSymbols(readElf(build(target))).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['_start', 'print', 'fathom_wasi_size', 'fathom_handler_signal']),
    );
    expect(names.includes('$a')).toBe(target === 'armv7');
  });

  it('says in its note what it is', () => {
    const note = readFathomNote(build(target, greeting, { dumpSignal: 12, order: 'release' }));
    expect(note).toMatchObject({
      abiVersion: 1,
      target: target === 'armv7' ? 1 : 0,
      scheme: 1,
      order: 1,
      dumpSignal: 12,
    });
  });

  it('has the stack that is asked for', () => {
    const stackOf = (stackBytes: number): number | undefined =>
      readElf(build(target, greeting, { stackBytes })).segments[3]?.memoryBytes;
    expect(stackOf(2 ** 20)).toBe(2 ** 20);
    expect(stackOf(100_000)).toBe(2 ** 17);
  });

  it('carries its preopened directories', () => {
    const file = build(target, greeting, {
      preopens: [
        ['/srv/data', '/data'],
        ['.', '.'],
      ],
    });
    expect(Buffer.from(file).includes('/srv/data\0/data\0.\0.\0')).toBe(true);
  });
});

describe('what an executable is not made of', () => {
  const start = '(memory (export "memory") 1) (func (export "_start"))';
  const wasi = '"wasi_snapshot_preview1"';
  it.each([
    ['no _start', '(memory (export "memory") 1)', "exports no function '_start'"],
    [
      '_start with a parameter',
      '(memory (export "memory") 1) (func (export "_start") (param i32))',
      "'_start' is of type (i32) -> ()",
    ],
    ['no memory', '(func (export "_start"))', "exports no memory 'memory'"],
    ['another module', `(import "env" "f" (func)) ${start}`, 'imports function env.f;'],
    [
      'an imported global',
      `(import ${wasi} "g" (global i32)) ${start}`,
      'imports global wasi_snapshot_preview1.g;',
    ],
    [
      'an imported memory',
      `(import ${wasi} "m" (memory 1)) (func (export "_start"))  (export "memory" (memory 0))`,
      'imports memory wasi_snapshot_preview1.m;',
    ],
    [
      'an unknown function',
      `(import ${wasi} "fd_fly" (func)) ${start}`,
      'imports wasi_snapshot_preview1.fd_fly, which is no function of WASI preview 1',
    ],
    [
      'another type',
      `(import ${wasi} "proc_exit" (func (param i64))) ${start}`,
      'imports wasi_snapshot_preview1.proc_exit as (i64) -> (), but an executable provides it as (i32) -> ()',
    ],
    [
      'the runtime itself',
      `(import ${wasi} "main" (func (param i64))) ${start}`,
      'imports wasi_snapshot_preview1.main, which is no function',
    ],
    [
      'its services',
      `(import ${wasi} "service" (func (param i64 i32 i64 i64) (result i64))) ${start}`,
      'imports wasi_snapshot_preview1.service, which is no function',
    ],
    [
      'what else the runtime exports',
      `(import ${wasi} "secret" (func (param i32))) ${start}`,
      'imports wasi_snapshot_preview1.secret, which is no function',
    ],
    [
      'intrinsics',
      `(import "fathom" "syscall" (func (param i32 i64 i64 i64 i64 i64 i64) (result i64))) ${start}`,
      'imports function fathom.syscall;',
    ],
  ])('%s', (_, text, message) => {
    const module = assembleModule(`(module ${text})`);
    expect(() => build('x86_64', module)).toThrow(
      expect.objectContaining({ kind: 'unsupported', message: expect.stringContaining(message) }),
    );
  });

  it('an invalid module, whose indices mean nothing', () => {
    // (module (type (func)) (export "_start" (func 9)))
    const module = Uint8Array.of(
      ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0],
      ...[7, 10, 1, 6, 95, 115, 116, 97, 114, 116, 0, 9],
    );
    expect(() => build('x86_64', module)).toThrow(
      expect.objectContaining({ kind: 'invalid', message: 'unknown function 9' }),
    );
  });

  it('a directory with a NUL in its name', () => {
    expect(() => build('x86_64', greeting, { preopens: [['a\0b', '/']] })).toThrow('NUL');
  });

  it('tables beyond the address space', () => {
    const tables = '(table 10000000 funcref) '.repeat(100);
    const module = assembleModule(`(module ${tables} ${start})`);
    expect(() => build('armv7', module)).toThrow(expect.objectContaining({ kind: 'limit' }));
  });
});
