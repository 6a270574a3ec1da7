import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { type Dump, parseDump } from '../../cli/dump.ts';
import { SegmentFlag } from '../../compiler/elf/constants.ts';
import { readElf, readSymbols } from '../../compiler/elf/reader.ts';
import { compileExecutable } from '../../compiler/executable.ts';
import type { Target } from '../../compiler/target.ts';
import { decodeModule } from '../../compiler/wasm/reader.ts';
import { runtimeModules } from '../../runtime/index.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';
import { useVfpAccesses } from './vfp-accesses.ts';

/**
 * Signals into executables, natively and under qemu-arm: dumps of a busy program, of one that waits, of a deep stack; traps; the profile.
 * FATHOM_SIGNALS=10000 asks for that many dumps of the busy program, and a fifth of it under qemu-arm.
 */

const signals = Number(process.env.FATHOM_SIGNALS ?? 1000);
const SIGUSR1 = 10;

interface World {
  readonly name: string;
  readonly target: Target;
  /** What runs the executable, before its name. */
  readonly runner: readonly string[];
  readonly missing: boolean;
  /** Dumps to ask the busy program for, and how often it does all that it does, in one run. */
  readonly dumps: number;
  readonly rounds: number;
}

const worlds: World[] = [
  {
    name: 'x86-64, natively (skipped on other machines)',
    target: x86_64,
    runner: [],
    missing: process.platform !== 'linux' || process.arch !== 'x64',
    dumps: signals,
    rounds: 250,
  },
  {
    name: 'ARMv7, under qemu-arm (skipped without it)',
    target: armv7,
    runner: ['qemu-arm'],
    missing: spawnSync('qemu-arm', ['--version']).status !== 0,
    dumps: signals / 5,
    rounds: 60,
  },
];

const toolkit = await wabt();
const programs = fileURLToPath(new URL('../programs/wasi/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fathom-signals-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function assemble(program: string): Uint8Array<ArrayBuffer> {
  const text = readFileSync(join(programs, `signals-${program}.wat`), 'utf8');
  const module = toolkit.parseWat(program, text, { bulk_memory: true, reference_types: true });
  return new Uint8Array(module.toBinary({ write_debug_names: true }).buffer);
}

/** Compiles a program for a world; returns the command that runs it. */
function build(
  { target, runner }: World,
  program: string,
  change?: (file: Uint8Array) => void,
  level: 1 | 2 = 1,
): string[] {
  const { file } = compileExecutable(assemble(program), {
    target,
    level,
    scheme: 'atomic',
    order: 'relaxed',
    runtime: runtimeModules(),
  });
  change?.(file);
  const path = join(folder, `${program}-${target.name}`);
  writeFileSync(path, file, { mode: 0o755 });
  return [...runner, path];
}

function start([command, ...args]: string[], options: SpawnOptions): ReturnType<typeof spawn> {
  return spawn(command, args, options);
}

function run([command, ...args]: string[], env: NodeJS.ProcessEnv = {}): ReturnType<typeof spawnSync> {
  return spawnSync(command, args, { env: { ...process.env, ...env }, timeout: 60_000 });
}

/** Names of the app's frames, the innermost first. */
const names = ({ frames }: Pick<Dump, 'frames'>): string =>
  frames
    .filter(({ image }) => image === 'app')
    .map(({ name }) => name)
    .join(' ');

/** What the stack looks like within each phase of signals-phases.wat, and while lines are printed. */
const phases: Readonly<Record<string, RegExp>> = {
  count: /^count _start$/,
  fill: /^fill _start$/,
  divide: /^divide _start$/,
  float: /^float _start$/,
  walk: /^((double|odd) )?walk _start$/,
  fib: /^(fib )+_start$/,
  deep: /^(bottom )?(deep )+_start$/,
};
const between = /^(write )?(say )?_start$/;
const outside = /^((print|number|write|say) )*_start$|^$/;

/** The innermost function of signals-states.wat in each state. */
const states: Readonly<Record<string, string>> = { l: 'endless', d: 'endless', s: 'sleep', r: 'read' };
const noDump: Dump = { pid: 0, count: 0, leftOut: 0, frames: [], end: 'none' };

/** Milliseconds that a process has had the processor (proc(5), schedstat); that have passed where the kernel does not say. */
function processorTime(pid = 0): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

interface Output {
  /** Of the program itself. */
  readonly text: string;
  readonly dumps: { readonly dump: Dump; readonly phase: string }[];
}

/** Takes the program's lines and its dumps, written to one file, apart. */
function separate(mixed: string): Output {
  const text: string[] = [];
  const dumps: Output['dumps'] = [];
  let dump: string[] | undefined;
  let phase = '';
  for (const line of mixed.split('\n')) {
    if (line.startsWith('=== fathom')) {
      expect(dump, 'a dump within a dump').toBe(undefined);
      dump = [];
    }
    if (dump === undefined) {
      const [, edge, name] = /^(begin|end +) (\w+)/.exec(line) ?? [];
      if (edge !== undefined) phase = edge === 'begin' ? name : '';
      text.push(line);
      continue;
    }
    dump.push(line);
    if (!/^=== \d+ frames/.test(line)) continue;
    dumps.push({ dump: parseDump(dump.join('\n')), phase });
    dump = undefined;
  }
  expect(dump, 'a dump without an end').toBe(undefined);
  return { text: text.join('\n'), dumps };
}

/** Byte ranges of the program's functions by name. */
type Bodies = ReadonlyMap<string, { readonly bodyStart: number; readonly bodyEnd: number }>;

function bodies(binary: Uint8Array): Bodies {
  const { names: known, functions } = decodeModule(binary);
  return new Map([...known.functions].map(([index, name]) => [name, functions[index]]));
}

/** What is wrong with a dump of signals-phases.wat made in `phase`. */
function faults({ end, count, leftOut, frames }: Dump, phase: string, ranges: Bodies): string[] {
  const found: string[] = [];
  const chain = names({ frames });
  if (end !== 'complete') found.push(`ends with ${end}`);
  if (frames.at(-1)?.image !== 'wasi') found.push('does not go out to the runtime');
  if (frames.length + leftOut !== count) found.push('says another number of frames than it has');
  if (frames.length > 128 || (leftOut > 0 && frames.length < 128))
    found.push('leaves out what it should not');
  if (phase === '' ? !outside.test(chain) : !phases[phase].test(chain) && !between.test(chain))
    found.push(`has ${chain} in phase ${phase}`);
  frames.forEach(({ index, image, name, wasmOffset }, k) => {
    if (index !== (k < 64 ? k : k + leftOut)) found.push(`has frame ${index} as number ${k}`);
    if (image !== 'app' || wasmOffset < 0) return;
    const { bodyStart = 0, bodyEnd = 0 } = ranges.get(name) ?? {};
    if (wasmOffset < bodyStart || wasmOffset >= bodyEnd) found.push(`has ${name} at ${wasmOffset}`);
  });
  return found;
}

/** Runs a command, and signals it at random moments until it ends or there are `most` dumps. */
async function disturb(command: string[], file: string, most: number): Promise<number | null> {
  const fd = openSync(file, 'a+');
  const child = start(command, { stdio: ['ignore', fd, fd] });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const chunk = Buffer.alloc(1 << 20);
  let position = 0;
  let dumps = 0;
  let ready = false;
  while (child.exitCode === null && child.signalCode === null && dumps < most) {
    const bytes = readSync(fd, chunk, 0, chunk.length, position);
    position += bytes;
    ready ||= bytes > 0;
    dumps += chunk.subarray(0, bytes).toString('latin1').split('complete').length - 1;
    const until = performance.now() + Math.random() * 0.3;
    // Before its first line the program has no handlers, and would die.
    if (ready) child.kill('SIGUSR1');
    while (performance.now() < until);
    await setImmediate();
  }
  const code = await ended;
  closeSync(fd);
  return code;
}

describe.each(worlds)('signals: $name', (world) => {
  const test = it.skipIf(world.missing);

  test(
    'a busy program puts out the same, and every dump names where it is',
    async () => {
      const command = [...build(world, 'phases'), String(world.rounds)];
      const { stdout } = run(command);
      const expected = stdout.toString();
      expect(expected.split('\n')).toHaveLength(14 * world.rounds + 2);
      const ranges = bodies(assemble('phases'));
      const seen = new Set<string>();
      let total = 0;
      for (let k = 0; total < world.dumps && k < 100; k++) {
        const file = join(folder, `mixed-${world.target.name}-${k}`);
        expect(await disturb(command, file, world.dumps - total)).toBe(0);
        const { text, dumps } = separate(readFileSync(file, 'utf8'));
        expect(text).toBe(expected);
        expect(dumps.flatMap(({ dump, phase }) => faults(dump, phase, ranges))).toEqual([]);
        for (const { dump, phase } of dumps)
          if (phase !== '' && phases[phase].test(names(dump))) seen.add(phase);
        total += dumps.length;
      }
      expect(total).toBeGreaterThanOrEqual(world.dumps);
      expect([...seen].sort()).toEqual(Object.keys(phases).sort());
    },
    120_000 + 60 * signals,
  );

  /** Starts signals-states.wat, and asks for dumps until it is where it shall be. */
  async function state(letter: string, input = ''): Promise<{ dump: Dump; text: string; took: number }> {
    const child = start([...build(world, 'states'), letter], { stdio: 'pipe' });
    try {
      const { stdin, stdout, stderr } = child;
      if (stdin === null || stdout === null || stderr === null) throw new Error('no pipes');
      let out = '';
      let err = '';
      stderr.on('data', (data) => {
        err += data;
      });
      await new Promise<void>((resolve) => {
        stdout.on('data', (data) => {
          out += data;
          resolve();
        });
      });
      await sleep(100);
      let took = Number.POSITIVE_INFINITY;
      let dump = noDump;
      // The fastest of some: other processes want the processor, too.
      for (let k = 1; k <= 20 && (took > 40 || !names(dump).startsWith(states[letter])); k++) {
        const from = performance.now();
        const before = processorTime(child.pid);
        child.kill('SIGUSR1');
        while (err.split(' frames, ').length <= k) {
          if (child.exitCode !== null || performance.now() > from + 30_000) throw new Error('no answer');
          await setImmediate();
        }
        took = Math.min(took, processorTime(child.pid) - before);
        dump = parseDump(err.split(/(?<==== \d+ frames, .*\n)/)[k - 1]);
      }
      stdin.end(input);
      if (letter === 's' || letter === 'r') await new Promise((resolve) => child.once('close', resolve));
      return { dump, text: out, took };
    } finally {
      child.kill('SIGKILL');
    }
  }

  test('an endless loop', async () => {
    const { dump } = await state('l');
    expect(names(dump)).toBe('endless _start');
    expect(dump.end).toBe('complete');
  });

  test('asleep in poll_oneoff, which sleeps on', async () => {
    const { dump, text } = await state('s');
    expect(names(dump)).toBe('sleep _start');
    expect(dump.frames.some(({ name }) => name.includes('poll_oneoff'))).toBe(true);
    expect(dump.end).toBe('complete');
    expect(text).toBe('ready\ndone\n');
  });

  test('blocked in fd_read, which reads on', async () => {
    const { dump, text } = await state('r', 'a line\n');
    expect(names(dump)).toBe('read _start');
    expect(dump.frames.some(({ name }) => name.includes('fd_read'))).toBe(true);
    expect(dump.end).toBe('complete');
    expect(text).toBe('ready\na line\ndone\n');
  });

  test('under 50,000 frames, whose middle is left out, in less than 50 ms', async () => {
    const { dump, took } = await state('d');
    const { frames } = dump;
    expect(dump.count).toBeGreaterThan(50_000);
    expect(frames).toHaveLength(128);
    expect(dump.leftOut).toBe(dump.count - 128);
    expect(names({ frames: frames.slice(0, 64) })).toBe(`endless${' deep'.repeat(63)}`);
    expect(names({ frames: frames.slice(64) })).toMatch(/^(deep )+_start$/);
    expect(frames.map(({ index }) => index)).toEqual(
      frames.map((_, k) => (k < 64 ? k : dump.count - 128 + k)),
    );
    expect(dump.end).toBe('complete');
    expect(took).toBeLessThan(50);
  });

  test.each([1, 2] as const)(
    'traps print what happened in which operator, as V8 does, and end with 134: -O%i',
    (level) => {
      const command = build(world, 'traps', undefined, level);
      const binary = assemble('traps');
      const letters = 'abcdefghijklmnopqr';
      for (const letter of letters) {
        const expected = trapInV8(binary, letter);
        const { status, stderr } = run([...command, letter]);
        const [first, ...rest] = stderr.toString().split('\n');
        expect(first).toBe(`fathom: trap: ${expected.message}`);
        expect(status, letter).toBe(134);
        const dump = parseDump(rest.join('\n'));
        expect(dump.end).toBe('complete');
        // V8 keeps the innermost ten; a stack is exhausted at a prologue.
        if (letter === 'r')
          expect(names({ frames: dump.frames.slice(0, 64) })).toMatch(/^(r_recurse ?){64}$/);
        else
          expect(
            dump.frames
              .filter(({ image }) => image === 'app')
              .map(({ name, wasmOffset }) => `${name}+0x${wasmOffset.toString(16)}`),
          ).toEqual(expected.frames);
      }
    },
  );

  test('a fault signal that somebody sent ends the program as it would any other', async () => {
    const child = start([...build(world, 'states'), 'l'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let err = '';
    child.stderr?.on('data', (data) => {
      err += data;
    });
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.kill('SIGSEGV');
    const signal = await new Promise((resolve) => child.once('close', (_, by) => resolve(by)));
    expect(signal).toBe('SIGSEGV');
    expect(err).toMatch(/^fathom: fault outside of compiled code at pc 0x[\da-f]+, signal 11\n/);
  });

  test('answers to the file that a sender names', async () => {
    const { default: koffi } = await import('koffi');
    const sigqueue = koffi.load(null).func('int sigqueue(int pid, int signal, uintptr_t value)');
    const path = join(folder, `answer-${world.target.name}`);
    const fd = openSync(path, 'a');
    const child = start([...build(world, 'states'), 'l'], { stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      await new Promise((resolve) => child.stdout?.once('data', resolve));
      expect(sigqueue(child.pid ?? 0, SIGUSR1, fd)).toBe(0);
      const until = performance.now() + 10_000;
      while (!readFileSync(path, 'utf8').endsWith('complete\n') && performance.now() < until) await sleep(5);
      // It may still be printing that it is ready.
      expect(names(parseDump(readFileSync(path, 'utf8')))).toMatch(/^((endless|write) )?_start$/);
      expect(child.stderr?.read()).toBe(null);
    } finally {
      child.kill('SIGKILL');
      closeSync(fd);
    }
  });

  test('samples where the processor spends its time', () => {
    const out = join(folder, `profile-${world.target.name}`);
    // Some phases are short, and the kernel's clock may tick no more often than 100 times a second.
    const { status } = run([...build(world, 'phases'), String(3 * world.rounds)], {
      FATHOM_PROFILE: '997',
      FATHOM_PROFILE_OUT: out,
    });
    expect(status).toBe(0);
    const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
    const counts = new Map<string, number>();
    for (const line of lines) {
      const [, stack, samples] = /^(\S+) (\d+)$/.exec(line) ?? [];
      if (stack === '[missed]') continue;
      // Of deeper stacks the innermost 128 frames are kept.
      if (stack.startsWith('[cut];')) expect(stack.split(';').length, line).toBe(1 + 128);
      // The runtime's own code runs before `_start` and after it.
      else expect(stack, line).toMatch(/^start\/main(;proc\/exit)?$|(^|;)_start(;|$)/);
      const phase = Object.keys(phases).find((name) => stack.includes(`_start;${name}`)) ?? 'none';
      counts.set(phase, (counts.get(phase) ?? 0) + Number(samples));
    }
    expect(new Set(lines.map((line) => line.replace(/ \d+$/, ''))).size).toBe(lines.length);
    for (const phase of ['count', 'divide', 'float']) expect(counts.get(phase), phase).toBeGreaterThan(5);
  });
});

/** Message and app frames of a trap of signals-traps.wat as V8 tells them. */
function trapInV8(binary: Uint8Array<ArrayBuffer>, letter: string): { message: string; frames: string[] } {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(binary), {
    wasi_snapshot_preview1: {
      args_get: (argv: number, at: number) => {
        const view = new DataView((instance.exports.memory as WebAssembly.Memory).buffer);
        view.setUint32(argv + 4, at, true);
        view.setUint8(at, letter.charCodeAt(0));
        return 0;
      },
    },
  });
  try {
    (instance.exports._start as () => void)();
  } catch (error) {
    const { message, stack = '' } = error as Error;
    const frames = [...stack.matchAll(/at (\w+) \(wasm:\S*:(0x[\da-f]+)\)/g)];
    return { message, frames: frames.map(([, name, offset]) => `${name}+${offset}`) };
  }
  throw new Error(`'${letter}' does not trap`);
}

/** The file up to the code of the runtime, behind that of the app. */
function codeBeforeRuntime(file: Uint8Array): Uint8Array {
  const elf = readElf(file);
  const runtime = readSymbols(elf).filter(({ name }) => /^fathom_(wasi|handler)_/.test(name));
  const text = elf.segments.find(({ flags }) => (flags & SegmentFlag.execute) !== 0);
  const code = runtime.map(({ value }) => value).filter((value) => value >= (text?.address ?? 0));
  return file.subarray(0, (text?.offset ?? 0) + Math.min(...code) - (text?.address ?? 0));
}

describe('unaligned VFP accesses', () => {
  const [, world] = worlds;

  it.skipIf(world.missing)('are carried out, within the memory (skipped without qemu-arm)', () => {
    const texts = ({ status, stdout, stderr }: ReturnType<typeof run>) => [status, `${stdout}`, `${stderr}`];
    const plain = texts(run(build(world, 'floats')));
    expect(plain.slice(0, 2)).toEqual([134, '\0abcd\0\0ABCDEFGH\0']);
    let replaced = 0;
    const command = build(world, 'floats', (file) => {
      // The runtime moves no floats; words from memory to VFP registers are its spilled integers.
      replaced = useVfpAccesses(codeBeforeRuntime(file));
    });
    expect(replaced).toBe(4);
    expect(texts(run(command))).toEqual(plain);
  });
});
