import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runWast } from './run.ts';
import { findTestsuite } from './testsuite.ts';

describe.each(['x86_64', 'armv7'] as const)('scripts on %s', (target) => {
  it('counts every command once and names what did not pass', async () => {
    const result = await runWast(
      `(module $M (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
         (func (export "div") (result i32) (i32.div_u (i32.const 1) (i32.const 0)))
         (global (export "g") f32 (f32.const nan:0x200000)))
       (assert_return (invoke "add" (i32.const 1) (i32.const 2)) (i32.const 3))
       (assert_return (invoke $M "add" (i32.const 1) (i32.const 2)) (i32.const 4))
       (assert_return (get "g") (f32.const nan:0x200000))
       (assert_trap (invoke "div") "integer divide by zero")
       (assert_trap (invoke "div") "unreachable")
       (assert_invalid (module (func (result i32))) "type mismatch")
       (assert_malformed (module quote "(func") "unexpected end")
       (assert_unlinkable (module (import "M" "x" (func))) "unknown import")
       (register "M" $M)
       (module (import "M" "add" (func (param i32 i32) (result i32))))
       (assert_exception (invoke $M "add"))
       (thread $T)`,
      { target },
    );
    expect(result.failures.map((f) => f.line)).toEqual([5, 8]);
    expect(result.failures[0].message).toBe('add: got (i32:0x3), expected (i32:0x4)');
    expect(result.failures[1].message).toBe('trapped with divideByZero, expected "unreachable"');
    expect(result.skips.map((s) => s.line)).toEqual([14, 15]);
    expect([result.passed, result.failed, result.skipped]).toEqual([9, 2, 2]);
  });
});

const own = fileURLToPath(new URL('../../test/wast', import.meta.url));
const suite = findTestsuite();
const scripts = (folder: string): string[] => readdirSync(folder).filter((f) => f.endsWith('.wast'));

describe.each(['x86_64', 'armv7'] as const)("the project's own scripts on %s", (target) => {
  it.each(scripts(own))('%s', async (file) => {
    const { failures, skipped } = await runWast(join(own, file), { target });
    expect(failures).toEqual([]);
    expect(skipped).toBe(0);
  });
});

/** How skips of what came after 2.0 are named: by our reader, or as what the assembler does not know. */
const laterProposal =
  /uses (simd|memory64|multi-memory|gc|typed function references|threads|exceptions|tail calls)|assembler does not read it|depends on the module/;

/** Files of WebAssembly 2.0 without SIMD: in these nothing may be skipped but what a later proposal has mixed in. */
const covered = new RegExp(
  `^(${[
    'address|align|binary.*|block|br.*|bulk|call.*|const|conversions|data|elem|endianness|exports|f32.*|f64.*|fac',
    'float_.*|forward|func.*|global|i32|i64|if|imports|int_.*|labels|left-to-right|linking|load.*|local_.*|loop',
    'memory|memory_(copy|fill|grow|init|redundancy|size|trap)|names|nop|ref_(func|is_null|null)|return|select',
    'stack|start|store|switch|table.*|traps|type|unreach.*|unwind',
  ].join('|')})\\.wast$`,
);

describe.skipIf(suite === undefined)(
  `the specification's suite${suite === undefined ? ', not run: found neither WASM_TESTSUITE, ../shared/spec-testsuite nor .cache/testsuite' : ''}`,
  () => {
    const files = suite === undefined ? [] : scripts(suite);
    describe.each(['x86_64', 'armv7'] as const)('on %s', (target) => {
      it.each(files)('%s', async (file) => {
        const { failures, skips, passed } = await runWast(join(suite ?? '', file), { target });
        expect(failures).toEqual([]);
        if (!covered.test(file)) return;
        expect(skips.filter(({ message }) => !laterProposal.test(message))).toEqual([]);
        if (skips.length === 0) expect(passed).toBeGreaterThan(0);
      });
    });
  },
);
