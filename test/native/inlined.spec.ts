import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compileExecutable } from '../../compiler/executable.ts';
import { runtimeModules } from '../../runtime/index.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';
import { assembleText } from '../support/sampled-runs.ts';

/** A hot leaf that is inlined twice over, sampled by its program's own handler. */

const folder = mkdtempSync(join(tmpdir(), 'fathom-inlined-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = `(module
  (memory (export "memory") 1)
  (func $leaf (param $h i32) (result i32)
    (local $i i32)
    (loop $again
      (local.set $h (i32.xor (i32.mul (local.get $h) (i32.const 16777619)) (local.get $i)))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10000))))
    (local.get $h))
  (func $middle (param i32) (result i32) (i32.add (call $leaf (local.get 0)) (i32.const 3)))
  (func $run (param $times i32) (result i32)
    (local $h i32)
    (loop $again
      (local.set $h (call $middle (local.get $h)))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (local.get $h))
  (func (export "_start") (i32.store (i32.const 0) (call $run (i32.const TIMES)))))`;

const worlds = [
  {
    name: 'x86-64, natively (skipped on other machines)',
    target: x86_64,
    runner: [],
    missing: process.platform !== 'linux' || process.arch !== 'x64',
    times: 60_000,
  },
  {
    name: 'ARMv7, under qemu-arm (skipped without it)',
    target: armv7,
    runner: ['qemu-arm'],
    missing: spawnSync('qemu-arm', ['--version']).status !== 0,
    times: 30_000,
  },
];

describe.each(worlds)('profiles of inlined code: $name', ({ target, runner, missing, times }) => {
  it.skipIf(missing).each(['atomic', 'unwind'] as const)(
    'name the leaf and the functions around it, scheme %s',
    (scheme) => {
      const bytes = assembleText('inlined', program.replace('TIMES', String(times)));
      const { file, image } = compileExecutable(bytes, {
        target,
        level: 2,
        scheme,
        order: 'relaxed',
        runtime: runtimeModules(),
      });
      expect(image.map.inlined.base.length).toBeGreaterThan(2);
      const path = join(folder, `${target.name}-${scheme}`);
      const out = `${path}.folded`;
      writeFileSync(path, file, { mode: 0o755 });
      const [command, ...args] = [...runner, path];
      const env = { ...process.env, FATHOM_PROFILE: '1000', FATHOM_PROFILE_OUT: out };
      expect(spawnSync(command, args, { env, timeout: 60_000 }).status).toBe(0);
      const counts = new Map<string, number>();
      for (const [, stack, count] of readFileSync(out, 'utf8').matchAll(/^(.*) (\d+)$/gm))
        counts.set(stack, Number(count));
      const inLeaf = [...counts].filter(([stack]) => stack.endsWith(';leaf'));
      expect(inLeaf).toHaveLength(1);
      expect(inLeaf[0][0]).toMatch(/(^|;)_start;run;middle;leaf$/);
      // The kernel's clock may tick no more often than 100 times a second.
      expect(inLeaf[0][1]).toBeGreaterThan(20);
      // Ten thousand rounds of the leaf's loop are one of its caller's.
      const ofCallers = [...counts].filter(([stack]) => /;(run|middle)$/.test(stack));
      expect(ofCallers.reduce((sum, [, count]) => sum + count, 0)).toBeLessThan(inLeaf[0][1] / 20);
    },
    120_000,
  );
});
