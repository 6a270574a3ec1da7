import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { writeImage } from '../compiler/image/file.ts';
import { compile } from '../compiler/index.ts';
import { schemeNames } from '../compiler/stack/scheme.ts';
import { decodeModule } from '../compiler/wasm/reader.ts';
import { armv7 } from '../targets/armv7/index.ts';
import { x86_64 } from '../targets/x86_64/index.ts';
import { type CallArgument, defaultCalls } from './check/calls.ts';
import { callingModule, commandModule } from './check/command-module.ts';
import { type CheckSummary, totals } from './check/summary.ts';

/** `fathom check` as it is built and started by users. */
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fathom-check-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const toolkit = await wabt();

const program = `(module $program
  (import "host" "print" (func $print (param i32) (result i64)))
  (global $zero (import "host" "zero") i32)
  (memory 1)
  (table funcref (elem $leaf $down))
  (func $leaf (param i32) (result i32) (i32.add (local.get 0) (global.get $zero)))
  (func $down (export "down") (param $n i32) (result i32)
    (if (result i32) (i32.eqz (local.get $n)) (then (call $leaf (i32.const 7)))
      (else (i32.add (i32.const 1) (call $down (i32.and (i32.sub (local.get $n) (i32.const 1)) (i32.const 31)))))))
  (func (export "traps") (param i32) (result i32) (i32.div_s (call $leaf (i32.const 1)) (i32.const 0)))
  (func (export "prints") (param f64 i64) (result i64) (call $print (i32.const 3)))
  (func (export "loop") (loop $again (drop (call $leaf (i32.const 1))) (br $again)))
  (func (export "last") (result i32) (call_indirect (param i32) (result i32) (i32.const 2) (i32.const 1))))`;
const bytes = toolkit.parseWat('program', program).toBinary({ write_debug_names: true }).buffer.slice();
writeFileSync(at('program.wasm'), bytes);

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function check(...args: readonly string[]): Result {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'cli/fathom.mjs'), 'check', ...args],
    { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  return { code: status, stdout, stderr };
}

function summary(...args: readonly string[]): CheckSummary {
  const { code, stdout, stderr } = check(...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as CheckSummary;
}

describe('fathom check', () => {
  const slices = [
    [
      'host',
      [
        'test/wast/calls.wast',
        'test/wast/memory-edge.wast',
        'test/programs/mixed.wat',
        'test/programs/wasi/wc.wasm',
      ],
    ],
    ['handler', ['test/wast/memory-edge.wast']],
  ] as const;
  it.each(slices)(
    'reads the true stack at every instruction of a slice of the programs, every scheme, both targets: by the %s',
    (through, paths) => {
      const files = [...paths.map((path) => join(root, path)), at('program.wasm')];
      const { units } = summary(...files, '--through', through, '--limit', '1200', '--budget', '5000');
      expect(units.length).toBe(files.length * 2 * schemeNames.length);
      for (const { module, scheme, skipped, interrupts, due } of units) {
        expect([module, scheme, skipped, interrupts]).toEqual([module, scheme, undefined, due]);
        expect(interrupts).toBeGreaterThan(700);
      }
      expect(totals(units).differences).toBe(0);
    },
  );

  it('prints a row for each configuration, and with -v one for each module', () => {
    const { code, stdout, stderr } = check(
      'program.wasm',
      '--through',
      'both',
      '--invoke',
      'down',
      '--stack',
      'unwind',
      '-v',
      '--',
      '5',
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^program\.wasm +x86_64 +unwind +relaxed +2 +host +\d+ .*same$/m);
    expect(stdout).toMatch(/^program\.wasm +armv7 +unwind +relaxed +2 +handler +[\d,]+ .*same$/m);
    expect(stdout).toMatch(/^armv7 unwind relaxed -O2 host +1 +1 +0 +\d+ +0 /m);
  });

  it('does in shards what one run does, and merges what they say', () => {
    const options = ['program.wasm', '--through', 'both', '--target', 'armv7', '--budget', '30000'];
    const schemes = ['--stack', 'tail', 'unwind'];
    const whole = summary(...options, ...schemes);
    const paths = [1, 2, 3].map((k) => {
      const { code, stdout } = check(...options, ...schemes, '--json', '--shard', `${k}/3`);
      expect(code).toBe(0);
      writeFileSync(at(`${k}.json`), stdout);
      return `${k}.json`;
    });
    const parts = paths.map((path) => JSON.parse(readFileSync(at(path), 'utf8')) as CheckSummary);
    expect(totals(whole.units).interrupts).toBeGreaterThan(2 * 16384);
    for (const part of parts) expect(totals(part.units).interrupts).toBeGreaterThan(0);
    const merged = check('--merge', ...paths, '--json');
    expect([merged.code, merged.stderr]).toEqual([0, '']);
    const plain = ({ units }: CheckSummary) => units.map((unit) => ({ ...unit, seconds: 0, startup: 0 }));
    expect(plain(JSON.parse(merged.stdout) as CheckSummary)).toEqual(plain(whole));
    expect(check('--merge', '1.json', '2.json')).toMatchObject({
      code: 2,
      stderr: 'fathom: shard 3/3 is missing\n',
    });
    expect(check('--merge', ...paths, '1.json')).toMatchObject({
      code: 2,
      stderr: 'fathom: shard 1/3 is there twice\n',
    });
    const [first] = parts;
    const failed = {
      ...first,
      units: first.units.map((unit, i) => (i === 0 ? { ...unit, difference: 'here' } : unit)),
    };
    writeFileSync(at('failed.json'), JSON.stringify(failed));
    const total = check('--merge', 'failed.json', '2.json', '3.json');
    expect([total.code, total.stderr]).toEqual([1, '\nprogram.wasm, armv7, tail, relaxed: here\n']);
    // Less than was there to be checked.
    const less = { ...first, units: first.units.map((unit) => ({ ...unit, interrupts: 1 })) };
    writeFileSync(at('less.json'), JSON.stringify(less));
    expect(check('--merge', 'less.json', '2.json', '3.json').stderr).toMatch(
      /the shards have \d+ interrupts of \d+/,
    );
    writeFileSync(at('other.json'), JSON.stringify({ ...first, plan: '0' }));
    expect(check('--merge', 'other.json', '2.json', '3.json').stderr).toMatch(/of different checks/);
  });

  it.each([x86_64, armv7])('shows the first difference with code, registers and frames: $name', (target) => {
    const image = compile(bytes, { target, level: 1, scheme: 'unwind', order: 'relaxed' });
    const { map, functions } = image;
    const down = functions.find(({ name }) => name === 'down');
    const row = map.frameAt.findLastIndex((offset, k) => {
      const { offset: start = 0, size = 0, frameBytes = 0 } = down ?? {};
      return offset >= start && offset < start + size && map.cfa[k] === frameBytes;
    });
    map.cfa[row] += image.env.word;
    map.returnAddress[row] += image.env.word;
    writeFileSync(at('broken.image'), writeImage(image));
    const { code, stdout, stderr } = check('broken.image', '--invoke', 'down', '--', '3');
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^${target.name} unwind relaxed -O\\? host +1 +1 +0 +\\d+ +1 `, 'm'));
    expect(stderr).toMatch(
      new RegExp(`broken.image, ${target.name}, unwind, relaxed: interrupt \\d+, read by the host: `),
    );
    expect(stderr).toMatch(/^down \(wasm\), frame of \d+ bytes:$/m);
    expect(stderr).toMatch(/^> +[\da-f]+ {2}[\da-f]+ +[a-z]/m);
    expect(stderr).toMatch(target === x86_64 ? /^ +rax +[\da-f]+ .*rbx/m : /^ +r0 +[\da-f]+ .*r3/m);
    expect(stderr).toMatch(/^ +expected +read$/m);
    expect(stderr).toMatch(/^≠ #\d+ /m);
  });

  it('says what it cannot check', () => {
    expect(check()).toMatchObject({ code: 2, stderr: expect.stringMatching(/^fathom: Say what to check/) });
    expect(check('none.wasm')).toMatchObject({ code: 2, stderr: 'fathom: none.wasm: no such file\n' });
    expect(check('program.wasm', '--shard', '3/2').stderr).toMatch(/--shard takes k\/n/);
    expect(check('program.wasm', '--every', '0').stderr).toMatch(/--every takes a whole number/);
    expect(check('program.wasm', '--invoke', 'nobody').stderr).toMatch(/has no exported function nobody/);
    const simd = toolkit.parseWat('simd', '(module (func (export "f") (param v128)))', { simd: true });
    writeFileSync(at('simd.wasm'), simd.toBinary({}).buffer);
    const skipped = check(
      'simd.wasm',
      'program.wasm',
      '--through',
      'both',
      '--target',
      'armv7',
      '--stack',
      'tail',
      '--limit',
      '10',
      '-v',
    );
    expect(skipped.code).toBe(0);
    expect(skipped.stdout).toMatch(/^simd\.wasm .* skipped: uses simd, which Fathom does not compile yet/m);
    expect(check('workload:nothing').stderr).toMatch(/there are workload:fib, /);
    writeFileSync(at('empty.wasm'), Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const nothing = check(
      'empty.wasm',
      '--through',
      'handler',
      '--stack',
      'none',
      '--target',
      'x86_64',
      '--limit',
      '1',
    );
    expect(nothing.code).toBe(0);
    writeFileSync(at('bad.wasm'), bytes.subarray(0, bytes.length - 40));
    for (const through of ['host', 'handler']) {
      const { code, stderr } = check('bad.wasm', '--through', through);
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/^fathom: bad\.wasm: .*at offset 0x[\da-f]+\)\n$/),
      ]);
    }
    writeFileSync(at('no.json'), '{}');
    expect(check('--merge', 'no.json').stderr).toMatch(/no\.json: is no summary/);
  });
});

describe('a module made a command', () => {
  it('keeps its functions and makes the calls', () => {
    const module = decodeModule(bytes);
    const calls = defaultCalls(module);
    expect([...new Set(calls.map(({ name }) => name))]).toEqual(['down', 'traps', 'prints', 'loop', 'last']);
    const types = (args: readonly CallArgument[]): string[] => args.map(({ type }) => type);
    expect(types(calls.find(({ name }) => name === 'prints')?.args ?? [])).toEqual(['f64', 'i64']);
    const made = commandModule(bytes, module, calls);
    const command = decodeModule(made.bytes);
    expect(command.imports).toEqual([]);
    expect(command.functions.length).toBe(module.functions.length + 1);
    expect(command.exports.map(({ name }) => name)).toEqual([
      ...module.exports.map(({ name }) => name),
      '_start',
      'memory',
    ]);
    expect([...command.names.functions.values()]).toEqual([...module.names.functions.values()]);
    expect(made.calls).toEqual({ first: 1, current: 2, count: calls.length });
  });

  it('is made one, too, of a command whose other functions are to be called', () => {
    const text =
      '(module (memory (export "memory") 1) (func (export "_start") unreachable) (func (export "run") (result i32) (i32.const 7)))';
    const own = toolkit.parseWat('own', text).toBinary({}).buffer.slice();
    const module = decodeModule(own);
    const [run] = defaultCalls(module).filter(({ name }) => name === 'run');
    const command = decodeModule(callingModule(own, module, [run]).bytes);
    expect(command.exports.map(({ name, index }) => [name, index])).toEqual([
      ['memory', 0],
      ['run', 1],
      ['_start', 2],
    ]);
    writeFileSync(at('own.wasm'), own);
    const { units } = summary('own.wasm', '--through', 'handler', '--invoke', 'run', '--stack', 'unwind');
    for (const { skipped, interrupts, difference } of units)
      expect([skipped, interrupts > 100, difference]).toEqual([undefined, true, undefined]);
  });
});
