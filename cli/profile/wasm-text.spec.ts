import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { operatorAt } from '../../compiler/wasm/opcodes.ts';
import { decodeModule } from '../../compiler/wasm/reader.ts';
import { ModuleText } from './wasm-text.ts';

const toolkit = await wabt();

const immediates = `(module $m
  (type $binary (func (param i32 i64) (result i32)))
  (import "env" "log" (func $log (param i32)))
  (memory 1) (table 2 funcref) (global $g (mut i32) (i32.const 0)) (data $d "abc") (elem $e func $f)
  (func $f (type $binary) (local f32 f64 i32 i32)
    (block $out (result i32)
      (loop $again (br_if $again (i32.load offset=16 (i32.const -5))))
      (i32.store16 align=1 (i32.const 0) (i32.const 2147483647))
      (i64.store32 offset=4294967295 (i32.const 0) (i64.const -9223372036854775808))
      (if (i32.const 1) (then (call $log (i32.const 1))) (else (nop)))
      (drop (f32.const 0.1)) (drop (f64.const -0)) (drop (f32.const nan:0x400001)) (drop (f64.const -inf))
      (drop (i64.const 9007199254740993))
      (br_table 0 0 0 (i32.const 1) (i32.const 2)))
    (drop (call_indirect (type $binary) (i32.const 1) (i64.const 2) (i32.const 3)))
    (drop (select (result funcref) (ref.null func) (ref.func $f) (i32.const 0)))
    (global.set $g (i32.const 1))
    (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))
    (table.init $e (i32.const 0) (i32.const 0) (i32.const 0))
    (memory.copy (i32.const 0) (i32.const 0) (i32.const 0))
    (local.tee 2 (f32.const 1.5)) drop)
  (func (export "a b\\22\\n") (param externref)))`;

const assemble = (text: string): Uint8Array =>
  toolkit.parseWat('test.wat', text).toBinary({ write_debug_names: true }).buffer;

describe('a module as text', () => {
  const module = decodeModule(assemble(immediates));
  const text = new ModuleText(module);
  const lines = text.lines(1).map(({ text: line }) => line);

  it('has the immediates as the text format writes them', () => {
    expect(lines[0]).toBe('func $f (param i32 i64) (result i32) (local f32 f64 i32 i32)');
    for (const line of [
      'block (result i32)',
      'loop',
      'br_if 0',
      'i32.const -5',
      'i32.load offset=16',
      'i32.store16 align=1',
      'i64.store32 offset=4294967295',
      'i64.const -9223372036854775808',
      'i64.const 9007199254740993',
      'if',
      'call $log',
      'f32.const 0.1',
      'f64.const -0',
      'f32.const nan:0x400001',
      'f64.const -inf',
      'br_table 0 0 0',
      'call_indirect (type 0)',
      'ref.null func',
      'ref.func $f',
      'select (result funcref)',
      'global.set 0',
      'memory.init 0',
      'table.init 0',
      'memory.copy',
      'local.tee 2',
      'end',
    ])
      expect(lines).toContain(line);
    expect(text.lines(2).map(({ text: line }) => line)).toEqual([
      'func $"a b\\"\\0a" (param externref)',
      'end',
    ]);
    expect(text.lines(0)).toEqual([]);
  });

  it('indents what is in blocks', () => {
    const depthOf = (line: string): number => text.lines(1)[lines.indexOf(line)].depth;
    expect(['block (result i32)', 'loop', 'br_if 0', 'if', 'call $log', 'else', 'nop'].map(depthOf)).toEqual([
      1, 2, 3, 2, 3, 2, 3,
    ]);
    expect(text.lines(1).at(-1)).toMatchObject({ text: 'end', depth: 0 });
  });

  it('counts its lines from the module on, function by function', () => {
    expect([0, 1, 2].map((index) => text.start(index))).toEqual([0, 2, 2 + lines.length]);
  });

  it('finds the line of an offset, and the first line for what is not in the function', () => {
    text.lines(1).forEach(({ offset }, at) => {
      expect(text.indexOf(1, offset)).toBe(at);
    });
    expect(text.indexOf(1, -1)).toBe(0);
    expect(text.indexOf(1, text.lines(2)[1].offset)).toBe(0);
  });

  it("has the operators of a large module as wabt's printer has them, each at its byte", () => {
    const bytes = readFileSync(createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm'));
    const sqlite = decodeModule(bytes);
    const ours = new ModuleText(sqlite);
    const operators = sqlite.functions.flatMap((_, index) =>
      ours
        .lines(index)
        .slice(1)
        .map((line) => {
          const name = line.text.split(' ')[0];
          if (operatorAt(bytes, line.offset) !== name)
            expect.fail(`${name} at 0x${line.offset.toString(16)}`);
          return name;
        }),
    );
    const wabtModule = toolkit.readWasm(bytes, { readDebugNames: false });
    const theirs = [
      ...wabtModule.toText({ foldExprs: false, inlineExport: false }).matchAll(/^ {4,}([a-z][\w.]*)/gm),
    ];
    wabtModule.destroy();
    // Theirs leaves out the `end` of each function.
    const bodies = sqlite.functions.length - sqlite.importedFunctions;
    expect(operators.length - bodies).toBe(theirs.length);
    const withoutEnds = operators.filter((name) => name !== 'end');
    expect(withoutEnds).toEqual(theirs.map(([, name]) => name).filter((name) => name !== 'end'));
  });

  it('ends at what is no operator', () => {
    const { bodyStart } = module.functions[2];
    const bytes = module.bytes.slice();
    bytes[bodyStart + 1] = 0xff;
    const broken = new ModuleText({ ...module, bytes });
    expect(broken.lines(2).map(({ text: line }) => line)).toEqual(['func $"a b\\"\\0a" (param externref)']);
    expect(broken.start(2)).toBe(text.start(2));
  });
});
