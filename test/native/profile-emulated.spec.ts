import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import wabt from 'wabt';
import type { Dump } from '../../cli/dump.ts';
import { seededRandom } from '../../emu/interrupts.ts';
import { SIGNAL } from '../../emu/linux/index.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';
import { Dumped } from './dumped.ts';
import { cleanUp, temporaryFolder } from './places.ts';

/** Samples have ways of their own to be quick: each is compared with the dump of the same stack, sound or corrupt. */

afterAll(cleanUp);

/** The line of a profile that a dump's stack belongs to. */
function lineOf({ frames, end }: Dump): string {
  const names = frames.map(({ name }) => name).reverse();
  return [...(end === 'complete' ? [] : [`[unreadable: ${end}]`]), ...names].join(';');
}

/** Counts of a profile by line. */
function readProfile(path: string): Map<string, number> {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return new Map(lines.map((line) => [line.replace(/ \d+$/, ''), Number(/\d+$/.exec(line)?.[0])]));
}

/** The environment that asks for a profile; its timer is too slow to go off. */
function profiled() {
  const folder = temporaryFolder();
  const out = join(folder, 'out.folded');
  const surroundings = { env: ['FATHOM_PROFILE=1', `FATHOM_PROFILE_OUT=${out}`], directories: [folder] };
  return { out, surroundings };
}

const cases = [x86_64, armv7].flatMap((target) =>
  (['atomic', 'tail', 'field', 'unwind', 'none'] as const).map((scheme) => ({
    name: target.name,
    target,
    scheme,
  })),
);

describe.each(cases)('samples of $name, scheme $scheme, emulated', ({ target, scheme }) => {
  it('are what dumps are, at every instruction and of corrupt stacks', () => {
    const { out, surroundings } = profiled();
    const dumped = new Dumped(target, scheme, surroundings);
    const { process, word } = dumped;
    const { core, memory } = process;
    dumped.runTo(dumped.symbol('_start'));
    const stackEnd = dumped.info('stackEnd');
    const code = dumped.symbol('_start');
    const random = seededRandom(11);
    const expected = new Map<string, number>();
    const both = () => {
      const line = lineOf(dumped.dump());
      dumped.signal(SIGNAL.PROF);
      expected.set(line, (expected.get(line) ?? 0) + 1);
    };
    const values = [
      () => 0,
      () => random(2 ** 32),
      () => stackEnd - word * random(64),
      () => core.sp + word * random(64),
      () => core.sp + word * random(64) + 1,
      () => code + random(0x4000),
    ];
    const stackPointer = target === x86_64 ? 'rsp' : 'sp';
    // In there no sample is added any more.
    const exit = dumped.symbol('fathom_wasi_proc/exit');
    for (let points = 0; core.pc !== exit; points++) {
      both();
      if (points % 3 === 0) {
        const value = values[random(values.length)]();
        const place = core.sp + word * random(Math.floor((stackEnd - core.sp) / word));
        const kept = memory.bytes(place, word).slice();
        dumped.store(place, value);
        both();
        memory.write(place, kept);
      }
      if (points % 16 === 0) {
        const kept = core.sp;
        core.write(stackPointer, BigInt(kept + [1, word, -word, stackEnd - kept - word][random(4)]));
        both();
        core.write(stackPointer, BigInt(kept));
      }
      dumped.step();
    }
    expect(process.run()).toEqual({ exitCode: 0 });
    expect(Object.fromEntries(readProfile(out))).toEqual(Object.fromEntries(expected));
    const lines = [...expected.keys()];
    if (scheme !== 'none') expect(lines).toContain('start/main;_start;down;down;down;down;leaf');
    const reasons = new Set(lines.map((line) => /^\[unreadable: (.*)\]/.exec(line)?.[1]));
    expect(reasons.size).toBeGreaterThan(scheme === 'none' ? 0 : 3);
  }, 120_000);
});

const toolkit = await wabt();

/** A program that is `depth` frames of `down` deep under `_start` when it calls `leaf`. */
const deep = (depth: number) =>
  new Uint8Array(
    toolkit
      .parseWat(
        'deep',
        `(module
          (memory (export "memory") 1)
          (global $sum (mut i32) (i32.const 0))
          (func $leaf (loop $next (global.set $sum (i32.add (global.get $sum) (i32.const 1)))
            (br_if $next (i32.lt_u (global.get $sum) (i32.const 9)))))
          (func $down (param $left i32)
            (if (local.get $left)
              (then (call $down (i32.sub (local.get $left) (i32.const 1)))) (else (call $leaf)))
            (global.set $sum (i32.add (global.get $sum) (local.get $left))))
          (func $_start (export "_start") (call $down (i32.const ${depth - 1}))))`,
      )
      .toBinary({ write_debug_names: true }).buffer,
  );

describe.each(cases.filter(({ scheme }) => scheme !== 'none'))(
  'deep stacks of $name, scheme $scheme, emulated',
  ({ target, scheme }) => {
    it.each([124, 125, 126, 127, 128, 5000])('keep the innermost 128 frames: depth %d', (depth) => {
      const { out, surroundings } = profiled();
      const dumped = new Dumped(target, scheme, surroundings, deep(depth));
      dumped.runTo(dumped.symbol('leaf'));
      // Places in the code are new to the first, and known to the second.
      for (let k = 0; k < 2; k++) dumped.signal(SIGNAL.PROF);
      expect(dumped.process.run()).toEqual({ exitCode: 0 });
      const names = ['start/main', '_start', ...Array<string>(depth).fill('down'), 'leaf'];
      const line = names.length <= 128 ? names : ['[cut]', ...names.slice(-128)];
      expect([...readProfile(out)]).toEqual([[line.join(';'), 2]]);
    });
  },
);
