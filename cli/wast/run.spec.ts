import { readdirSync } from 'node:fs';
import { join } from 'node:path';
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

/** Of proposals that Fathom says it does not compile: run, but not expected to pass anything. */
const slow = 120_000;

const suite = findTestsuite();
const files = suite === undefined ? [] : readdirSync(suite).filter((f) => f.endsWith('.wast'));

describe.skipIf(files.length === 0)('the specification suite', () => {
  describe.each(['x86_64', 'armv7'] as const)('on %s', (target) => {
    it.each(files)(
      '%s',
      async (file) => {
        const { failures } = await runWast(join(suite ?? '', file), { target });
        expect(failures).toEqual([]);
      },
      slow,
    );
  });
});
