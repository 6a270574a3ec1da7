import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

/** The command as it is built and started by users: exit codes, output, and what is left in the folder (docs/design.md). */
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fathom-commands-'));
const at = (name: string): string => join(folder, name);

const demo = `(module $demo
  (memory (export "memory") 1)
  (func $add (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  (func $wide (export "wide") (param i64) (result i64) local.get 0 i64.const 1 i64.add)
  (func $half (export "half") (param f64) (result f64) local.get 0 f64.const 2 f64.div)
  (func $pair (export "pair") (result i32 i64) i32.const 1 i64.const 2)
  (func $inner (param i32) (result i32) i32.const 1 local.get 0 i32.div_s)
  (func $divide (export "divide") (param i32) (result i32) local.get 0 call $inner i32.const 1 i32.add)
  (func $deep (export "deep") (param i32) (result i32) local.get 0 call $deep i32.const 1 i32.add)
  (func $loop (export "loop") (param i32) (result i32) (local i32)
    loop $again
      local.get 1 i32.const 3 i32.add call $step local.set 1
      local.get 0 i32.const 1 i32.sub local.tee 0 br_if $again
    end
    local.get 1)
  (func $step (param i32) (result i32) local.get 0 i32.const 1 i32.add))`;

/** A WASI command whose exit code is the number of its arguments, its name among them. */
const command = `(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (call $exit (i32.load (i32.const 0)))))`;

const passing = `(module (func (export "f") (result i32) i32.const 1))
(assert_return (invoke "f") (i32.const 1))`;

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function fathom(args: readonly string[], env: Record<string, string> = {}): Result {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'cli/fathom.mjs'), ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 26,
    timeout: 60_000,
  });
  return { code: status, stdout, stderr };
}

/** Runs what must go well, and returns its standard output. */
function done(...args: string[]): string {
  const { code, stdout, stderr } = fathom(args);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** Runs what must be refused: exit 2, nothing on standard output, one line on standard error, which is returned. */
function refused(...args: string[]): string {
  const { code, stdout, stderr } = fathom(args);
  expect({ code, stdout, lines: stderr.split('\n').length, stderr }).toEqual({
    code: 2,
    stdout: '',
    lines: 2,
    stderr: expect.stringMatching(/^fathom: [^\n]+\n$/),
  });
  return stderr.slice('fathom: '.length).trimEnd();
}

beforeAll(() => {
  // Errors in what it builds are the type check's to report.
  spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
    cwd: root,
  });
  expect(existsSync(join(root, 'dist/cli/main.js'))).toBe(true);
});

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  writeFileSync(at('demo.wat'), demo);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('fathom', () => {
  it('lists its commands, and each has help with examples that use it', () => {
    const help = done('--help');
    const commands = readdirSync(join(root, 'cli'))
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
      .map((name) => name.slice(0, -'.ts'.length))
      .filter((name) => /\.command\(/.test(readFileSync(join(root, `cli/${name}.ts`), 'utf8')));
    expect(commands).toEqual(expect.arrayContaining(['compile', 'run', 'sample', 'disasm', 'wast', 'tour']));
    for (const name of commands) {
      expect(help).toContain(`fathom ${name} `);
      const [, examples] = done(name, '--help').split('Examples:\n');
      expect(examples, name).toMatch(new RegExp(`^ +fathom ${name}\\b.* {2}\\S`, 'm'));
    }
  });

  it('says its version', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(done('--version')).toBe(`${version}\n`);
  });

  it.each([
    [[], 'Say which command'],
    [['assemble'], 'assemble'],
    [['run', 'demo.wat', '--fast'], 'Unknown argument: fast'],
    [['compile', 'demo.wat', '--', 'more'], 'more'],
    [['run', 'demo.wat', '--target', 'mips'], '"mips", Choices: "x86_64", "armv7"'],
    [['run', 'demo.wat', '--target', 'armv7', '--target', 'armv7'], '--target is given twice'],
    [['compile', 'demo.wat', '--emit'], 'emit'],
    [['compile', 'demo.wat', '-O', '9'], '-O takes 0, 1, 2 or 3, not 9'],
    [['compile', 'demo.wat', '--print-after', 'lunch'], 'not lunch'],
    [['sample', 'demo.wat', '--every', '0'], '--every takes a whole number'],
    [['sample', 'demo.wat', '--every', '2', '--random', '1'], 'mutually exclusive'],
    [['sample', 'demo.wat', '-o', 'out.txt'], 'out.txt: the ending names no format; there are .html,'],
    [['sample', 'demo.wat', '--format', 'html'], 'output'],
    [['tour', 'demo.wat', '--every', '-1'], '--every takes a whole number'],
  ])('refuses the usage %j', (args, expected) => {
    expect(refused(...args)).toContain(expected);
    expect(readdirSync(folder)).toEqual(['demo.wat']);
  });

  it('lets no name in a module command the terminal', () => {
    const name = 'f\\1b[2J\\07';
    writeFileSync(
      at('names.wat'),
      `(module (import "m" "${name}" (func)) (func (export "${name}") unreachable) (func (export "g") (call 0)))`,
    );
    const all = [
      fathom(['disasm', 'names.wat']),
      fathom(['run', 'names.wat', '--invoke', 'nobody']),
      fathom(['run', 'names.wat', '--invoke', 'g']),
      fathom(['sample', 'names.wat', '--invoke', 'g']),
    ];
    for (const { stdout, stderr } of all) {
      expect(stdout + stderr).toContain('f\ufffd[2J\ufffd');
      expect((stdout + stderr).replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    }
  });

  it('names a file that is not there, and a folder', () => {
    for (const name of ['compile', 'run', 'sample', 'disasm', 'wast', 'tour'])
      expect(refused(name, 'missing.wasm')).toBe('missing.wasm: no such file');
    expect(refused('compile', '.')).toBe('.: is a directory');
  });

  it('shows where an error comes from by --debug alone', () => {
    const { code, stderr } = fathom(['run', 'demo.wat', '--invoke', 'nope', '--debug']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^UsageError: demo\.wat: .*\n {4}at /);
  });

  it('compiles and disassembles without libunicorn; what emulates says what to install', () => {
    writeFileSync(at('t.wast'), passing);
    const without = { FATHOM_LIBUNICORN: '/nonexistent' };
    expect(fathom(['compile', 'demo.wat', '-o', 'demo.fathom'], without).code).toBe(0);
    expect(fathom(['disasm', 'demo.fathom'], without)).toMatchObject({ code: 0, stderr: '' });
    for (const args of [
      ['run', 'demo.fathom', '--invoke', 'pair'],
      ['sample', 'demo.wat', '--invoke', 'pair'],
      ['wast', 't.wast'],
      ['tour', 'demo.wat', '--invoke', 'pair', '--json'],
    ]) {
      const { code, stdout, stderr } = fathom(args, without);
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
      expect(stderr).toMatch(/^fathom: FATHOM_LIBUNICORN names \/nonexistent.*apt install libunicorn.*\n$/);
    }
  });
});

describe('bad modules', () => {
  const sqlite = readFileSync(createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm'));

  it.each<[string, string | Uint8Array, RegExp]>([
    ['empty.wasm', '', /^empty\.wasm: unexpected end \(at offset 0x0\)$/],
    ['text.wasm', 'hello', /^text\.wasm: magic header not detected \(at offset 0x0\)$/],
    ['cut.wasm', sqlite.subarray(0, 5000), /^cut\.wasm: .*unexpected end.* \(at offset 0x[0-9a-f]+\)$/],
    ['syntax.wat', '(module\n  (func i32.cnst))', /^syntax\.wat:2:9: unexpected token i32\.cnst/],
    [
      'type.wat',
      '(module (func (export "f") (result i32) i64.const 0))',
      /^type\.wat: type mismatch: expected i32, got i64 \(at offset 0x[0-9a-f]+\)$/,
    ],
    [
      'eh.wat',
      '(module (tag) (func (export "f") (throw 0)))',
      /^eh\.wat: uses exceptions, which Fathom does not compile yet \(at offset 0x[0-9a-f]+\)$/,
    ],
    [
      'threads.wat',
      '(module (memory 1 1 shared) (func (export "f") (drop (i32.atomic.load (i32.const 0)))))',
      /^threads\.wat: uses threads, which Fathom does not compile yet \(at offset/,
    ],
  ])('refuses %s, and leaves every file as it was', (name, content, expected) => {
    writeFileSync(at(name), content);
    writeFileSync(at('out'), 'before');
    expect(refused('compile', name, '-o', 'out')).toMatch(expected);
    expect(readFileSync(at('out'), 'utf8')).toBe('before');
    expect(readdirSync(folder).sort()).toEqual([name, 'demo.wat', 'out'].sort());
  });

  it('are refused alike by the commands that run or show them, and so are images', () => {
    writeFileSync(at('cut.wasm'), sqlite.subarray(0, 5000));
    done('compile', 'demo.wat', '-o', 'whole.fathom');
    writeFileSync(at('cut.fathom'), readFileSync(at('whole.fathom')).subarray(0, 1000));
    writeFileSync(at('out'), 'before');
    for (const args of [['run'], ['sample', '-o', 'out', '--format', 'folded'], ['disasm', '-o', 'out']]) {
      expect(refused(...args, 'cut.wasm')).toMatch(
        /^cut\.wasm: .*unexpected end.* \(at offset 0x[0-9a-f]+\)$/,
      );
      expect(refused(...args, 'cut.fathom')).toMatch(
        /^cut\.fathom: section description lies outside the file \(offset 0x/,
      );
    }
    expect(readFileSync(at('out'), 'utf8')).toBe('before');
  });

  it('names an output that cannot be written, and leaves nothing behind', () => {
    mkdirSync(at('taken'));
    expect(refused('compile', 'demo.wat', '-o', 'taken')).toBe('taken: is a directory');
    expect(refused('compile', 'demo.wat', '-o', 'nowhere/x')).toMatch(
      /^nowhere\/x: cannot be written \(ENOENT/,
    );
    expect(refused('compile', 'demo.wat', '-o', 'demo.wat')).toMatch(/^demo\.wat: would be overwritten/);
    expect(readdirSync(folder)).toEqual(['demo.wat', 'taken']);
    expect(readFileSync(at('demo.wat'), 'utf8')).toBe(demo);
  });
});

describe('fathom compile', () => {
  it.each(['x86_64', 'armv7'])('writes an image for %s that disasm and run take', (target) => {
    const summary = JSON.parse(
      done('compile', 'demo.wat', '--target', target, '--json', '--time-passes'),
    ) as Record<string, unknown>;
    const output = `demo.${target}.fathom`;
    expect(summary).toMatchObject({ output, target, scheme: 'unwind', order: 'relaxed', functions: 9 });
    expect(summary.codeBytes).toBeGreaterThan(100);
    expect(summary.stages).toMatchObject({ select: expect.any(Number), allocate: expect.any(Number) });
    expect(readdirSync(folder).sort()).toEqual([output, 'demo.wat'].sort());

    const listing = done('disasm', output, '-f', 'add');
    expect(listing).toMatch(/^add: \[function 0\] \d+ bytes/);
    expect(listing).toMatch(target === 'armv7' ? /add r\d, r\d, r\d.*i32\.add/ : /(lea|add) .*i32\.add/);
    expect(done('disasm', 'demo.wat', '--target', target, '-f', 'add')).toBe(listing);
    expect(done('disasm', output)).toBe(
      done('compile', 'demo.wat', '--target', target, '--emit', 'asm', '-o', '-'),
    );

    expect(done('run', output, '--invoke', 'add', '40', '2')).toBe('42\n');
    expect(refused('compile', output)).toBe(`${output}: is an image, compiled already`);
    const other = target === 'armv7' ? 'x86_64' : 'armv7';
    expect(refused('run', output, '--target', other)).toContain(`is compiled already, for ${target} `);
    expect(refused('disasm', output, '-O', '2')).toContain('-O 2 comes too late');
    expect(refused('tour', output)).toContain('the tour takes the module');
  });

  it('writes the image to standard output by -o -, with the summary beside it', () => {
    done('compile', 'demo.wat');
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, 'cli/fathom.mjs'), 'compile', 'demo.wat', '-o', '-', '--json'],
      { cwd: folder },
    );
    expect(status).toBe(0);
    expect(stdout.equals(readFileSync(at('demo.x86_64.fathom')))).toBe(true);
    expect(JSON.parse(stderr.toString())).toMatchObject({ output: '-', functions: 9 });
  });

  it('prints the SSA form, and that after a pass', () => {
    const { code, stdout, stderr } = fathom([
      'compile',
      'demo.wat',
      '--emit',
      'ir',
      '-o',
      '-',
      '--print-after',
      'build',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^function @0 "add" wasm \[0\] \(i32, i32\) -> \(i32\)/);
    expect(stdout).toMatch(/ = add\.i32 v0, v1/);
    expect(stderr.match(/^; after build$/gm)?.length).toBeGreaterThanOrEqual(9);
    expect(stderr).toMatch(/^ {2}v\d+ = phi\.i32 /m);
  });

  it('writes an executable of a WASI command, unless it is asked for something else', () => {
    writeFileSync(at('command.wat'), command);
    expect(JSON.parse(done('compile', 'command.wat', '--dir', 'a', '--dir', 'b::c', '--json'))).toMatchObject(
      {
        output: 'command.x86_64',
        emit: 'exe',
      },
    );
    const written = readFileSync(at('command.x86_64'));
    expect(written.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    expect(written.includes('a\0a\0b\0c\0')).toBe(true);
    expect(statSync(at('command.x86_64')).mode & 0o111).toBe(0o111 & ~process.umask());
    expect(done('compile', 'command.wat', '-o', 'command.fathom')).toMatch(
      /^command\.fathom: image for x86_64, 1 func/,
    );
    expect(done('compile', 'command.wat', '--emit', 'image')).toMatch(/^command\.x86_64\.fathom: /);
  });

  it.each([
    [['demo.wat', '--emit', 'exe'], "demo.wat: exports no function '_start'"],
    [['demo.wat', '--dir', '.'], '--dir goes with executables; this writes image'],
    [
      ['demo.wat', '--emit', 'asm', '--stack-size', '1M'],
      '--stack-size goes with executables; this writes asm',
    ],
    [['command.wat', '--dump-signal', 'KILL'], '--dump-signal KILL: SIGKILL is not free for that'],
  ])('refuses %j', (args, message) => {
    writeFileSync(at('command.wat'), command);
    expect(refused('compile', ...args)).toContain(message);
  });

  it('leaves passes out by --without-pass, which can be repeated, and run gives the same', () => {
    const passes = (...more: string[]): string[] =>
      Object.keys(JSON.parse(done('compile', 'demo.wat', '--json', '--time-passes', ...more)).stages);
    const left = passes('--without-pass', 'cse', '--without-pass', 'inline');
    expect(left.sort()).toEqual(
      passes()
        .filter((pass) => pass !== 'cse' && pass !== 'inline')
        .sort(),
    );
    expect(left).toContain('fold');
    expect(done('run', 'demo.wat', '--invoke', 'add', '2', '3', '--without-pass', 'fold')).toBe('5\n');
    expect(refused('compile', 'demo.wat', '--without-pass', 'legalize')).toMatch(/Choices: .*"cse"/);
    done('compile', 'demo.wat', '-o', 'demo.fathom');
    expect(refused('run', 'demo.fathom', '--invoke', 'add', '2', '3', '--without-pass', 'cse')).toMatch(
      /--without-pass cse comes too late$/,
    );
    writeFileSync(at('command.wat'), command);
    done('compile', 'command.wat', '-o', 'command');
    expect(refused('run', 'command', '--without-pass', 'cse')).toMatch(/--without-pass comes too late$/);
  });

  it('compiles a module to a shorter one by --wasm-opt', () => {
    const plain = JSON.parse(done('compile', 'demo.wat', '--json')) as { wasmBytes: number };
    const optimised = JSON.parse(done('compile', 'demo.wat', '--json', '--wasm-opt')) as {
      wasmBytes: number;
    };
    expect(optimised.wasmBytes).toBeLessThan(plain.wasmBytes);
  });
});

describe('fathom run', () => {
  it.each([
    [['add', '-5', '2'], '-3'],
    [['add', '--', '-5', '-0x10'], '-21'],
    [['half', '--', '-inf'], '-Infinity'],
    [['pair'], '1\n2'],
  ])('calls by --invoke %j', (args, expected) => {
    expect(done('run', 'demo.wat', '--invoke', ...args)).toBe(`${expected}\n`);
  });

  it.each([
    [['add', '1'], 'demo.wat: add: the function takes 2 arguments (i32, i32), not 1'],
    [['add', '1', ''], 'demo.wat: add: argument 2, "", is no i32'],
    [
      ['memory'],
      'demo.wat: has no exported function memory; there are: add, wide, half, pair, divide, deep, loop',
    ],
  ])('refuses --invoke %j', (args, expected) => {
    expect(refused('run', 'demo.wat', '--invoke', ...args)).toBe(expected);
  });

  it('asks which export where none suggests itself', () => {
    expect(refused('run', 'demo.wat')).toBe(
      'demo.wat: say by --invoke which export to call; there are: add, wide, half, pair, divide, deep, loop',
    );
  });

  it.each(['x86_64', 'armv7'])('traps with 134, the kind and the wasm frames, on %s', (target) => {
    const { code, stdout, stderr } = fathom([
      'run',
      'demo.wat',
      '--target',
      target,
      '--invoke',
      'divide',
      '0',
    ]);
    expect({ code, stdout }).toEqual({ code: 134, stdout: '' });
    expect(stderr).toMatch(
      /^RuntimeError: divide by zero\n {4}at inner \(wasm:.*\[4\]:0x\w+\)\n {4}at divide \(wasm:.*\[5\]:0x\w+\)\n$/,
    );
    const deep = fathom(['run', 'demo.wat', '--target', target, '--invoke', 'deep', '1']);
    expect(deep.code).toBe(134);
    expect(deep.stderr).toMatch(/^RangeError: Maximum call stack size exceeded\n {4}at deep \(wasm:/);
    expect(deep.stderr).not.toContain('file:');
  });

  it('reports as JSON: results, statistics, traps', () => {
    expect(JSON.parse(done('run', 'demo.wat', '--invoke', 'pair', '--json', '--stats'))).toMatchObject({
      target: 'x86_64',
      results: ['1', '2'],
      exitCode: 0,
      instructions: expect.any(Number),
      milliseconds: expect.any(Number),
    });
    const { code, stdout, stderr } = fathom(['run', 'demo.wat', '--invoke', 'divide', '0', '--json']);
    expect({ code, stderr }).toEqual({ code: 134, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      results: [],
      exitCode: 134,
      message: expect.stringContaining('divide by zero'),
    });
  });

  it('runs a WASI command with its arguments, and exits as it does', () => {
    writeFileSync(at('command.wat'), command);
    expect(fathom(['run', 'command.wat']).code).toBe(1);
    expect(fathom(['run', 'command.wat', 'a', '--', '--help', '--debug'])).toEqual({
      code: 4,
      stdout: '',
      stderr: '',
    });
  });

  it('fails with 1 where the program calls an import that nobody provides, named with its type', () => {
    writeFileSync(
      at('import.wat'),
      '(module (import "env" "f" (func $f (param i32))) (func (export "main") i32.const 1 call $f))',
    );
    const { code, stderr } = fathom(['run', 'import.wat']);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'the program called its import env.f (i32) -> (), which this command does not provide\n',
    );
  });
});

describe('fathom sample', () => {
  it.each(['x86_64', 'armv7'])('attributes what a module and its image execute alike on %s', (target) => {
    const how = ['--invoke', 'loop', '500', '--every', '7', '--json', '-O', '0'];
    const ofModule = JSON.parse(done('sample', 'demo.wat', '--target', target, ...how)) as Record<
      string,
      unknown
    >;
    expect(ofModule).toMatchObject({ target, failures: {}, mismatches: 0, exitCode: 0 });
    expect(ofModule.samples).toBeGreaterThan(300);
    expect(ofModule.attributed).toBe(ofModule.samples);
    done('compile', 'demo.wat', '--target', target, '-O', '0', '-o', 'demo.fathom');
    expect(JSON.parse(done('sample', 'demo.fathom', ...how.slice(0, -2)))).toEqual(ofModule);
  });

  it('writes folded stacks, with the report beside them, and agrees with the calls as executed', () => {
    const { code, stdout, stderr } = fathom([
      'sample',
      'demo.wat',
      '--invoke',
      'loop',
      '50',
      '--every',
      '1',
      '--verify',
      '-o',
      '-',
      '-O',
      '0',
    ]);
    expect(code).toBe(0);
    for (const line of stdout.trimEnd().split('\n')) expect(line).toMatch(/^\S.* \d+$/);
    expect(stdout).toMatch(/^loop;step \d+$/m);
    expect(stderr).toMatch(/attributed \(100\.0 %\)/);
    done('sample', 'demo.wat', '--invoke', 'loop', '50', '--every', '1', '-o', 'out.folded', '-O', '0');
    expect(readFileSync(at('out.folded'), 'utf8')).toBe(stdout);
  });

  it.each([
    ['out.html', 'html', '<!doctype html>'],
    ['out.folded', 'folded', 'loop'],
    ['out.speedscope.json', 'speedscope', '{"$schema":"https://www.speedscope.app'],
    ['out.pb.gz', 'pprof', '\x1f\x8b\x08'],
  ])('writes %s by its ending, or by --format %s', (name, format, start) => {
    const how = ['sample', 'demo.wat', '--invoke', 'loop', '50', '--every', '3', '-O', '0'];
    expect(done(...how, '-o', name)).toMatch(/attributed \(100\.0 %\)/);
    expect(readFileSync(at(name), 'latin1').slice(0, start.length)).toBe(start);
    done(...how, '-o', 'out', '--format', format);
    expect(readFileSync(at('out'))).toEqual(readFileSync(at(name)));
    expect(readdirSync(folder).sort()).toEqual(['demo.wat', 'out', name]);
  });

  it('draws the same samples from the same seed', () => {
    const draw = (seed: string): string =>
      done('sample', 'demo.wat', '--invoke', 'loop', '500', '--random', seed, '--mean', '20', '--json');
    expect(draw('7')).toBe(draw('7'));
    expect(draw('7')).not.toBe(draw('8'));
  });

  it('ends a program that hangs, and says where', () => {
    const hang = '(module (func $spin (loop $again (br $again))) (func (export "hang") (call $spin)))';
    writeFileSync(at('hang.wat'), hang);
    const { code, stdout, stderr } = fathom([
      'sample',
      'hang.wat',
      '--every',
      '100',
      '--limit',
      '50',
      '--json',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ samples: 50, attributed: 50, folded: { 'hang;spin': 50 } });
    expect(stderr).toBe('the program was ended: 50 samples taken\n');
  });

  it('exits as the program does', () => {
    const { code, stderr } = fathom(['sample', 'demo.wat', '--invoke', 'divide', '0', '--every', '1']);
    expect(code).toBe(134);
    expect(stderr).toMatch(/^RuntimeError: divide by zero\n {4}at inner/);
    expect(stderr).not.toContain('file:');
  });
});

describe('fathom disasm', () => {
  it('gives rows as JSON, by name or index, into a file, too', () => {
    interface Listing {
      name: string;
      instructions: { bytes: string; text: string; operator: string; trap: string; publishes: boolean }[];
    }
    const [inner] = JSON.parse(done('disasm', 'demo.wat', '-f', '4', '--json')) as Listing[];
    expect(inner.name).toBe('inner');
    expect(
      inner.instructions.some((row) => row.operator === 'i32.div_s' && row.text.startsWith('idiv')),
    ).toBe(true);
    const [caller] = JSON.parse(
      done('disasm', 'demo.wat', '-f', 'divide', '--stack', 'atomic', '-O', '1', '--json'),
    ) as Listing[];
    expect(caller.instructions.some((row) => row.publishes)).toBe(true);
    done('disasm', 'demo.wat', '-f', 'inner', '-o', 'inner.s');
    expect(readFileSync(at('inner.s'), 'utf8')).toBe(done('disasm', 'demo.wat', '-f', 'inner'));
    expect(refused('disasm', 'demo.wat', '-f', 'outer')).toBe('demo.wat: has no function outer');
  });
});

describe('fathom wast', () => {
  it('counts what passed and failed, and exits 1 for a failed assertion', () => {
    writeFileSync(at('good.wast'), passing);
    writeFileSync(at('bad.wast'), `${passing}\n(assert_return (invoke "f") (i32.const 2))`);
    const good = JSON.parse(done('wast', 'good.wast', '--target', 'armv7', '--json')) as Record<
      string,
      unknown
    >;
    expect(good).toMatchObject({
      target: 'armv7',
      failed: 0,
      skipped: 0,
      files: [{ file: 'good.wast', failed: 0 }],
    });
    const { code, stdout, stderr } = fathom(['wast', 'good.wast', 'bad.wast', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      failed: 1,
      files: [{ failed: 0 }, { file: 'bad.wast', failed: 1 }],
    });
    expect(stderr).toMatch(/^bad\.wast:3: failed: .*0x1.*0x2/);
  });

  it('names a script that is broken, and where', () => {
    writeFileSync(at('broken.wast'), `${passing}\n(module`);
    expect(refused('wast', 'broken.wast')).toBe('broken.wast: line 3: unclosed (');
  });
});

describe('fathom tour', () => {
  it('goes through both targets, or one', () => {
    const how = ['demo.wat', '--invoke', 'loop', '500', '--every', '20', '--json'];
    const stops = JSON.parse(done('tour', ...how)) as Record<string, unknown>[];
    expect(stops).toMatchObject([
      { target: 'x86_64', functions: 9, hottest: expect.any(Array) },
      { target: 'armv7', functions: 9, hottest: expect.any(Array) },
    ]);
    for (const stop of stops) {
      expect(stop.samples).toBeGreaterThan(50);
      expect(stop.attributed).toBe(stop.samples);
    }
    expect(JSON.parse(done('tour', ...how, '--target', 'armv7'))).toMatchObject([{ target: 'armv7' }]);
    expect(done('tour', ...how.slice(0, -1))).toMatch(/hottest stacks on armv7.*\n +\d+\.\d % {2}loop/);
  });
});
