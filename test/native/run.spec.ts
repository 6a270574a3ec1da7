import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  build,
  cleanUp,
  nameOf,
  type Outcome,
  type Place,
  places,
  programPath,
  spawned,
  startOf,
  temporaryFolder,
} from './places.ts';

/** `fathom run` and `fathom dump` as users start them. */
const root = fileURLToPath(new URL('../..', import.meta.url));
const fathom = [process.execPath, join(root, 'cli/fathom.mjs')];
const environment = { PATH: process.env.PATH ?? '', TMPDIR: process.env.TMPDIR ?? tmpdir() };

beforeAll(async () => {
  await spawned(
    [
      process.execPath,
      join(root, 'node_modules/typescript/bin/tsc'),
      '-p',
      join(root, 'tsconfig.build.json'),
    ],
    {},
  );
  expect(existsSync(join(root, 'dist/cli/main.js'))).toBe(true);
}, 120_000);

const children: ChildProcess[] = [];

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  cleanUp();
});

const command = (...args: string[]): Promise<Outcome> => spawned([...fathom, ...args], environment);

/** What must be refused: exit 2 and one line, which is returned. */
async function refused(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await command(...args);
  expect({ stdout, stderr, code }).toEqual({
    stdout: '',
    stderr: expect.stringMatching(/^fathom: [^\n]+\n$/),
    code: 2,
  });
  return stderr.slice('fathom: '.length).trimEnd();
}

/** A process that runs until it has said `ready`, and then goes on. */
async function started(argv: readonly string[], env: Record<string, string> = {}): Promise<Running> {
  const child = spawn(argv[0], argv.slice(1), { env });
  children.push(child);
  const running: Running = {
    child,
    stdout: '',
    stderr: '',
    ended: new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal ?? '?'))),
  };
  child.stderr.on('data', (bytes: Buffer) => {
    running.stderr += bytes.toString('latin1');
  });
  await new Promise<void>((resolve, reject) => {
    child.on('close', () => reject(new Error(`ended too early: ${running.stderr}`)));
    child.stdout.on('data', (bytes: Buffer) => {
      running.stdout += bytes.toString('latin1');
      if (running.stdout.includes('ready\n')) resolve();
    });
  });
  return running;
}

interface Running {
  readonly child: ChildProcess;
  stdout: string;
  stderr: string;
  /** Exit code, or name of the signal. */
  readonly ended: Promise<number | string>;
}

/** Until something is so, for at most ten seconds. */
async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !condition(); ) {
    if (performance.now() > end) throw new Error('what was waited for did not happen');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const flagsOf = ({ target, on }: Place): string[] => ['--target', target, '--on', on];

describe.each(places)('fathom run, %s', (_name, place, skip) => {
  it.skipIf(skip)(
    'gives the program its arguments, variables and nothing else, and passes its exit code on',
    async () => {
      const echo = await command(
        'run',
        programPath('args-env'),
        ...flagsOf(place),
        ...['--env', 'A=b=c', '--env', 'EMPTY=', '--', 'one', '--two'],
      );
      expect(echo).toEqual({
        stdout: '2 arguments\n<one>\n<--two>\n2 variables\n<A=b=c>\n<EMPTY=>\n',
        stderr: '',
        code: 0,
      });
      expect(
        await command('run', build('exit-code', place.target).path, '--on', place.on, '42'),
      ).toMatchObject({
        code: 42,
      });
      const trap = await command('run', build('exit-code', place.target).path, '--on', place.on, 'divide');
      expect(trap).toEqual({
        stdout: '',
        stderr: expect.stringMatching(/^fathom: trap: divide by zero\n#0 divide \(app\+0x[\da-f]+\)\n/),
        code: 134,
      });
    },
  );

  it.skipIf(skip)('gives an executable directories', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'a.txt'), 'from a directory\n');
    const outcome = { stdout: 'from a directory\n', stderr: '', code: 0 };
    const args = ['--on', place.on, '--dir', `${folder}::/d`, '--', '/d/a.txt'];
    expect(await command('run', build('cat', place.target).path, ...args)).toEqual(outcome);
  });

  it.skipIf(skip)('takes part in pipelines', async () => {
    const folder = temporaryFolder();
    const text = 'some words in a line\n'.repeat(20_000);
    writeFileSync(join(folder, 'text'), text);
    const run = (name: string, rest = ''): string =>
      `"$NODE" "$FATHOM" run ${build(name, place.target).path} --on ${place.on} ${rest}`;
    const line = `${run('cat', '--dir "$DIR::/d" -- /d/text')} | ${run('upper')} | tee "$DIR/copy" | ${run('wc')}`;
    const env = { ...environment, NODE: fathom[0], FATHOM: fathom[1], DIR: folder };
    const outcome = await spawned(
      ['/bin/sh', '-c', `cd "$0" && ${line}`, join(root, 'test/programs/wasi')],
      env,
    );
    expect(outcome).toEqual({ stdout: `20000 100000 ${text.length} -\n`, stderr: '', code: 0 });
    expect((await spawned(['cat', join(folder, 'copy')], environment)).stdout).toBe(text.toUpperCase());
  });

  it.skipIf(skip)('polls standard input and clocks', async () => {
    const running = await started(
      [...fathom, 'run', build('poll', place.target).path, '--on', place.on, '20'],
      environment,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(running.stdout).toMatch(/ready\n$/);
    running.child.stdin?.end('a line\n');
    expect(await running.ended).toBe(0);
    expect(running.stdout).toBe(
      'monotonic clock: success; 1 clock success\n' +
        'realtime clock: success; 1 clock success\n' +
        'the earlier of two clocks: success; 2 clock success\n' +
        'ready\n' +
        'input before a late clock: success; 1 read success\n' +
        'read a line\n' +
        'output before a late clock: success; 3 write success\n' +
        'no such descriptor: success; 4 read badf\n' +
        'nothing: inval\n',
    );
  });

  it.skipIf(skip)('ends with the program by a signal, and leaves no temporary files', async () => {
    const temporary = temporaryFolder();
    const running = await started(
      [...fathom, 'run', build('states', place.target).path, '--on', place.on, 'sleep'],
      {
        ...environment,
        TMPDIR: temporary,
      },
    );
    expect(readdirSync(temporary)).toHaveLength(place.on === 'emulator' ? 0 : 1);
    running.child.kill('SIGTERM');
    expect(await running.ended).toBe(place.on === 'emulator' ? 'SIGTERM' : 143);
    expect(readdirSync(temporary)).toEqual([]);
  });
});

const processes = places.filter(([, { on }]) => on !== 'emulator');

describe.each(processes)('fathom run, %s', (_name, place, skip) => {
  it.skipIf(skip)('passes SIGUSR1 on, which prints the stack', async () => {
    const running = await started(
      [...fathom, 'run', build('states', place.target).path, '--on', place.on, 'read'],
      environment,
    );
    // `ready` comes before the read: the first dumps may show what lies between.
    let dump = '';
    for (let i = 0; i < 50 && !dump.includes('read_line'); i++) {
      const seen = running.stderr.length;
      running.child.kill('SIGUSR1');
      await until(() => /^=== \d+ frames/m.test(running.stderr.slice(seen)));
      dump = running.stderr.slice(seen);
    }
    expect(dump).toMatch(
      /^=== fathom stack dump: pid \d+, signal 10\n(#\d+ .* \(wasi\S*\)\n)+#\d+ __wasi_fd_read \(app/,
    );
    expect(dump).toMatch(/\n#\d+ read_line \(app\+0x[\da-f]+\)\n[\s\S]*\n=== \d+ frames, complete\n$/);
    running.child.stdin?.end('on it goes\n');
    expect(await running.ended).toBe(0);
    expect(running.stdout).toBe('ready\ngot on it goes\n');
  });
});

describe('fathom run --stats', () => {
  it('counts instructions on the emulator', async () => {
    const counted = async (target: string): Promise<Record<string, unknown>> => {
      const { stdout } = await command('run', programPath('hello'), '--target', target, '--stats', '--json');
      const [hello, json] = stdout.split('\n');
      expect(hello).toBe('hello, world');
      return JSON.parse(json) as Record<string, unknown>;
    };
    for (const target of ['x86_64', 'armv7']) {
      const first = await counted(target);
      expect(first).toEqual({
        target,
        on: 'emulator',
        exitCode: 0,
        instructions: expect.any(Number),
        codeBytes: expect.any(Number),
        compileMilliseconds: expect.any(Number),
        runMilliseconds: expect.any(Number),
      });
      expect(first.instructions).toBeGreaterThan(1000);
      expect((await counted(target)).instructions).toBe(first.instructions);
    }
  });

  it('is a table for people, and leaves out what a process does not tell', async () => {
    const { stderr } = await command('run', programPath('hello'), '--stats');
    expect(stderr).toMatch(
      /^statistic +x86_64\ninstructions executed +[\d,]+\nbytes of code +[\d,]+\ncompile, ms +[\d,]+\nrun, ms +[\d,]+\n$/,
    );
  });
});

describe('fathom run refuses', () => {
  const cat = programPath('cat');
  it.each<[string[], string]>([
    [['run', cat, '--env', 'NAME'], '--env takes NAME=VALUE, not NAME'],
    [['run', cat, '--dir', '/a;b'], '--dir /a;b: ; separates directories'],
    [['run', cat, '--dir', '::/d'], '--dir takes host::guest'],
    [['run', cat, '--on', 'moon'], '"moon", Choices: "emulator", "native", "qemu"'],
    [['run', cat, '--stack-size', '1'], '--stack-size takes 64K to 1G'],
    [['run', process.execPath], 'is an executable, but none that Fathom made'],
    [
      ['run', join(root, 'test/programs/fib.wat'), '--on', 'native'],
      '--on goes with executables and WASI commands',
    ],
    [
      ['run', join(root, 'test/programs/fib.wat'), '--dir', '.'],
      '--dir goes with executables and WASI commands',
    ],
    [
      ['run', join(root, 'test/programs/fib.wat'), '--env', 'A=b'],
      '--env goes with executables and WASI commands',
    ],
  ])('%j', async (args, message) => {
    expect(await refused(...args)).toContain(message);
  });

  it('what comes too late for an executable', async () => {
    const { path } = build('hello', 'armv7');
    expect(await refused('run', path, '--target', 'x86_64')).toContain(
      'compiled already, for armv7; --target comes too late',
    );
    expect(await refused('run', path, '--invoke', 'f')).toContain('has no exports to call by --invoke');
    expect(await refused('run', path, '-O', '2')).toContain('; -O comes too late');
    expect(await command('run', path, '--target', 'armv7')).toMatchObject({
      stdout: 'hello, world\n',
      code: 0,
    });
  });

  it('places that are not to be had, naming another', async () => {
    const { path } = build('hello', process.arch === 'arm' ? 'x86_64' : 'armv7');
    expect(await refused('run', path, '--on', 'native')).toMatch(
      /--on native: this machine .* does not run code for \w+; --on emulator does$/,
    );
    const { stderr, code } = await spawned([...fathom, 'run', path, '--on', 'qemu'], {
      ...environment,
      PATH: '/nonexistent',
    });
    expect({ stderr, code }).toEqual({
      stderr: expect.stringMatching(/^fathom: --on qemu: qemu-\w+ is not installed .*\n$/),
      code: 2,
    });
  });

  it('a damaged executable', async () => {
    const path = join(temporaryFolder(), 'damaged');
    writeFileSync(path, build('hello', 'x86_64').file.subarray(0, 1000));
    expect(await refused('run', path)).toMatch(/damaged: .*(outside the file|truncated)/);
  });
});

describe.each(processes)('fathom dump, %s', (_name, place, skip) => {
  const state = (...args: string[]): Promise<Running> =>
    started([...startOf(place, build('states', place.target).path, args)]);

  it.skipIf(skip).each([
    ['loop', 'endless_loop', 'app'],
    ['sleep', 'poll/poll_oneoff', 'wasi'],
    ['read', 'io/fd_read', 'wasi'],
  ])('shows a program in state %s', async (how, innermost, image) => {
    const { child, stderr } = await state(how);
    const { stdout, ...rest } = await command('dump', String(child.pid));
    expect(rest).toEqual({ stderr: '', code: 0 });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(`=== fathom stack dump: pid ${child.pid}, signal 10`);
    expect(lines.find((line) => line.includes(` ${innermost} (${image}`))).toMatch(/^#[0-3] /);
    expect(stdout).toMatch(/ main \(app\+0x[\da-f]+\)\n/);
    expect(lines.at(-1)).toBe(`=== ${lines.length - 2} frames, complete`);
    expect(stderr).toBe('');
    expect(child.exitCode).toBe(null);
  });

  it.skipIf(skip)('shows both ends of 50,000 frames, as JSON too', async () => {
    const { child } = await state('deep', '50000');
    const { stdout } = await command('dump', String(child.pid), '--json');
    const dump = JSON.parse(stdout) as {
      pid: number;
      count: number;
      leftOut: number;
      end: string;
      frames: { index: number; name: string; image: string }[];
    };
    expect(dump).toMatchObject({ pid: child.pid, end: 'complete' });
    expect(dump.count).toBeGreaterThan(50_000);
    expect(dump.leftOut).toBe(dump.count - 128);
    expect(dump.frames.map(({ index }) => index)).toEqual([
      ...Array.from({ length: 64 }, (_, i) => i),
      ...Array.from({ length: 64 }, (_, i) => dump.count - 64 + i),
    ]);
    expect(dump.frames.filter(({ name }) => name === 'descend').length).toBeGreaterThan(110);
    expect(dump.frames.slice(0, 2)).toContainEqual(
      expect.objectContaining({ name: 'endless_loop', image: 'app' }),
    );
  });

  it.skipIf(skip)('does not disturb a program that reads', async () => {
    const running = await state('read');
    for (let i = 0; i < 3; i++)
      expect(await command('dump', String(running.child.pid))).toMatchObject({ code: 0 });
    running.child.stdin?.end('undisturbed\n');
    expect(await running.ended).toBe(0);
    expect(running.stdout).toBe('ready\ngot undisturbed\n');
    expect(running.stderr).toBe('');
  });

  it.skipIf(skip)('says what to do about a program that is stopped', async () => {
    const { child } = await state('loop');
    child.kill('SIGSTOP');
    const { stdout, stderr, code } = await command('dump', String(child.pid), '--timeout', '200');
    expect({ stdout, stderr, code }).toEqual({
      stdout: '',
      stderr: `fathom: ${child.pid}: is stopped and cannot answer; kill -CONT ${child.pid} lets it go on\n`,
      code: 1,
    });
    child.kill('SIGKILL');
  });
});

describe('fathom dump refuses', () => {
  it.each([
    [['dump', 'abc'], 'abc: is no process id'],
    [['dump', '0'], '0: is no process id'],
    [['dump', '4194305'], '4194305: no such process'],
    [['dump', String(process.pid)], 'is no executable that Fathom made'],
    [['dump', '1', '--timeout', '0'], '--timeout takes milliseconds, not 0'],
  ])('%j', async (args, message) => {
    expect(await refused(...args)).toContain(message);
  });

  it('a program without dumps', async () => {
    const place = { target: 'x86_64', on: process.arch === 'x64' ? 'native' : 'qemu' } as const;
    const { path } = build('states', 'x86_64', { dumpSignal: 0 });
    const { child } = await started([...startOf(place, path, ['sleep'])]);
    expect(await refused('dump', String(child.pid))).toContain('was compiled without dumps');
    expect(nameOf(place)).toContain('x86_64');
  });

  it('to end a program by a signal that it does not handle, as before it has started', async () => {
    const place = { target: 'x86_64', on: process.arch === 'x64' ? 'native' : 'qemu' } as const;
    const file = build('states', 'x86_64').file.slice();
    // The last word of the note: another signal.
    const note = Buffer.from(file.buffer).indexOf('Fathom\0\0');
    new DataView(file.buffer).setUint32(note + 8 + 20, 12, true);
    const path = join(temporaryFolder(), 'states');
    writeFileSync(path, file, { mode: 0o700 });
    const { child } = await started([...startOf(place, path, ['sleep'])]);
    const { pid } = child;
    expect(await command('dump', String(pid), '--timeout', '50')).toEqual({
      stdout: '',
      stderr: `fathom: ${pid}: does not handle signal 12, which would end it; is it starting still?\n`,
      code: 1,
    });
    expect(child.exitCode ?? child.signalCode).toBe(null);
  });

  it("another user's program", async () => {
    const root = process.geteuid?.() === 0;
    // As root, somebody else's is to be made; else that of init is.
    const other = root ? spawn('sleep', ['100'], { uid: 65534 }) : undefined;
    if (other) children.push(other);
    expect(await refused('dump', String(other?.pid ?? 1))).toContain(
      'belongs to another user; ask as that user',
    );
  });
});
