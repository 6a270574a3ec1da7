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

  it('takes no refusal for another', async () => {
    const result = await runWast(
      `(assert_invalid (module binary "\\00asm\\02\\00\\00\\00") "unknown binary version")
       (assert_malformed
         (module binary "\\00asm\\01\\00\\00\\00\\01\\05\\01\\60\\00\\01\\7f\\03\\02\\01\\00\\0a\\04\\01\\02\\00\\0b")
         "type mismatch")
       (assert_invalid (module (table 0xffff_ffff funcref)) "table size")
       (module definition (table 0xffff_ffff funcref))`,
      { target },
    );
    expect(result.failures.map(({ message }) => message.replace(/:.*/, ''))).toEqual([
      'refused as malformed, expected invalid',
      'refused as invalid, expected malformed',
      'refused as limit, expected invalid',
    ]);
    expect(result.skips.map((s) => s.line)).toEqual([6]);
  });

  it('excuses what a skipped module would have done only to what that imports from', async () => {
    const result = await runWast(
      `(module $M (memory (export "m") 1) (func (export "f") (result i32) (i32.load8_u (i32.const 0))))
       (register "M" $M)
       (module (memory 1) (memory 1) (export "M" (memory 0)))
       (assert_return (invoke $M "f") (i32.const 1))
       (module (import "M" "m" (memory 1)) (memory 1) (data (i32.const 0) "\\01"))
       (assert_return (invoke $M "f") (i32.const 1))`,
      { target },
    );
    expect(result.failures.map((f) => f.line)).toEqual([4]);
    expect(result.skips.map((s) => s.line)).toEqual([3, 5, 6]);
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
  /uses (multi-memory|gc|typed function references|exceptions)|assembler does not read it|table of 4294967295 elements/;

/** Files of WebAssembly 2.0 without SIMD. */
const covered = new RegExp(
  `^(${[
    'address|align|binary|binary-leb128|block|br|br_if|br_table|bulk|call|call_indirect|const|conversions|data|elem',
    'endianness|exports|f(32|64)(_bitwise|_cmp)?|fac|float_(exprs|literals|memory|misc)|forward|func|func_ptrs|global',
    'i32|i64|if|imports|int_(exprs|literals)|labels|left-to-right|linking|load|local_(get|set|tee)|loop',
    'memory|memory_(copy|fill|grow|init|redundancy|size|trap)|names|nop|ref_(func|is_null|null)|return|select',
    'skip-stack-guard-page|stack|start|store|switch|table|table_(copy|fill|get|grow|init|set|size)|traps|type',
    'unreachable|unreached-(invalid|valid)|unwind|utf8-.*',
  ].join('|')})\\.wast$`,
);

/**
 * How many commands of a covered file are skipped, on either target: what proposals later than 2.0 have added to the file. One
 * module that uses a later feature takes all assertions about it along.
 */
const skipsOf: Readonly<Record<string, number>> = {
  'align.wast': 2, // multi-memory, memory64's alignments
  'br_if.wast': 1, // typed function references
  'br_table.wast': 162, // typed function references, in the file's one module with assertions
  'elem.wast': 17, // typed function references
  'exports.wast': 1, // a tag
  'func.wast': 1, // a local of typed function references
  'global.wast': 1, // typed function references
  'imports.wast': 58, // tags, in the module that most assertions are about
  'linking.wast': 41, // typed function references
  'local_tee.wast': 1, // typed function references
  'memory.wast': 6, // memory64's sizes
  'memory_grow.wast': 50, // multi-memory, in the file's one module with assertions
  'ref_is_null.wast': 20, // typed function references
  'ref_null.wast': 34, // gc's heap types, in every module
  'select.wast': 126, // typed function references, in the module that most assertions are about
  'table.wast': 22, // typed function references, memory64's sizes; and a table of 2^32 - 1 elements
  'table_init.wast': 2, // gc's constant expressions
  'unreached-invalid.wast': 3, // typed function references
  'unreached-valid.wast': 1, // typed function references
};

/** Files in which every command is about a later proposal. */
const whollyLater: readonly string[] = ['ref_null.wast'];

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
        expect(skips.length).toBe(skipsOf[file] ?? 0);
        if (!whollyLater.includes(file)) expect(passed).toBeGreaterThan(0);
      });
    });
  },
);
