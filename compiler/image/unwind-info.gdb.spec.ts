import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';
import { compileExecutable } from '../executable.ts';
import { programInfoFields } from './program-info.ts';

/** Whole executables under gdb, which knows of their frames what the unwind information says. */
const toolkit = await wabt();
const assemble = (name: string, text: string): Uint8Array =>
  toolkit.parseWat(name, text).toBinary({ write_debug_names: true }).buffer;

const program = assemble(
  'recursion',
  `(module
    (memory (export "memory") 1)
    (table 1 funcref)
    (elem (i32.const 0) $leaf)
    (type $unary (func (param i32) (result i32)))
    (func $leaf (type $unary) (i32.mul (local.get 0) (i32.const 3)))
    (func $caller (type $unary)
      (i32.add (call_indirect (type $unary) (local.get 0) (i32.const 0)) (i32.const 1)))
    (func $recurse (type $unary)
      (if (result i32) (i32.eqz (local.get 0))
        (then (call $caller (local.get 0)))
        (else (i32.add (call $recurse (i32.sub (local.get 0) (i32.const 1))) (i32.const 7)))))
    (func $_start (export "_start") (drop (call $recurse (i32.const 5)))))`,
);

const info = (field: (typeof programInfoFields)[number]): string =>
  `(call $load_u64 (i64.add (call $program_info) (i64.const ${8 * programInfoFields.indexOf(field)})))`;

/** The least that stands in for the runtime: has signal 10 handled on the stack in use, and runs the program. */
const wasi = assemble(
  'wasi',
  `(module
    (import "fathom" "program_info" (func $program_info (result i64)))
    (import "fathom" "memory_base" (func $memory_base (result i64)))
    (import "fathom" "word_bytes" (func $word_bytes (result i32)))
    (import "fathom" "load_u64" (func $load_u64 (param i64) (result i64)))
    (import "fathom" "call" (func $call (param i64)))
    (import "fathom" "syscall"
      (func $syscall (param i32 i64 i64 i64 i64 i64 i64) (result i64)))
    (memory 1 1)
    (func (export "main") (param i64)
      ;; struct kernel_sigaction: handler, flags SA_SIGINFO | SA_RESTORER, restorer, mask.
      (if (i32.eq (call $word_bytes) (i32.const 8))
        (then
          (i64.store (i32.const 0) ${info('trampoline')})
          (i64.store (i32.const 8) (i64.const 0x04000004))
          (i64.store (i32.const 16) ${info('restorer')}))
        (else
          (i64.store32 (i32.const 0) ${info('trampoline')})
          (i64.store32 (i32.const 4) (i64.const 0x04000004))
          (i64.store32 (i32.const 8) ${info('restorer')})))
      (drop (call $syscall
        (select (i32.const 13) (i32.const 174) (i32.eq (call $word_bytes) (i32.const 8)))
        (i64.const 10) (call $memory_base) (i64.const 0) (i64.const 8) (i64.const 0) (i64.const 0)))
      (call $call ${info('appInit')})
      (call $call ${info('appStart')}))
    (func (export "service") (param i64 i32 i64 i64) (result i64) (i64.const 0)))`,
);

const handler = assemble('handler', `(module (memory 1 1) (func (export "signal") (param i32 i64 i64)))`);

interface Frame {
  readonly name: string;
  readonly pc: string;
}

/** Backtraces of gdb's output, outermost frame first. */
function backtraces(output: string): Frame[][] {
  const found: Frame[][] = [];
  for (const line of output.split('\n')) {
    const frame = /^#(\d+)\s+(?:(0x[0-9a-f]+) in )?(.*?)(?: \(\))?$/.exec(line);
    if (frame === null) continue;
    if (frame[1] === '0') found.push([]);
    found.at(-1)?.unshift({ name: frame[3], pc: frame[2] ?? '' });
  }
  return found;
}

const folder = mkdtempSync(join(tmpdir(), 'fathom-gdb-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the program under gdb with `commands`, stopped before its first instruction; returns the backtraces printed. */
async function debug(target: typeof x86_64 | typeof armv7, commands: string): Promise<Frame[][]> {
  const { file } = compileExecutable(program, {
    target,
    level: 1,
    scheme: 'atomic',
    order: 'relaxed',
    runtime: { wasi, handler },
  });
  const executable = join(folder, target.name);
  const script = join(folder, 'script');
  const socket = join(folder, 'socket');
  writeFileSync(executable, file, { mode: 0o755 });
  const native = target === x86_64;
  const start = native ? 'starti' : `target remote ${socket}`;
  const settings = ['confirm off', 'pagination off', 'width 0'].map((setting) => `set ${setting}`);
  writeFileSync(script, [...settings, start, commands, 'kill'].join('\n'));
  const emulator = native ? undefined : spawn('qemu-arm', ['-g', socket, executable], { stdio: 'ignore' });
  try {
    for (let k = 0; emulator !== undefined && !existsSync(socket) && k < 500; k++) await sleep(10);
    const args = ['-nx', '-batch', '-x', script, executable];
    const { stdout, error } = spawnSync(native ? 'gdb' : 'gdb-multiarch', args, {
      encoding: 'utf8',
      timeout: 60_000,
      maxBuffer: 2 ** 26,
    });
    if (error) throw error;
    return backtraces(stdout);
  } finally {
    emulator?.kill('SIGKILL');
    rmSync(socket, { force: true });
  }
}

const namesOf = (trace: readonly Frame[]): string[] => trace.map(({ name }) => name);
const there = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0;
const inMain = ['_start', 'fathom_wasi_entry_adapter'];
const atLeaf = ['_start', ...Array<string>(6).fill('recurse'), 'caller', 'leaf'];

/** One instruction after the other, until the program ends. */
const stepThrough = (instructions: number): string =>
  `set $n = 0\nwhile $n < ${instructions}\nstepi\nbt\nset $n = $n + 1\nend`;

describe.each([
  ['natively', 'gdb', x86_64, there('gdb') && process.arch === 'x64'],
  ['under qemu-arm', 'gdb-multiarch', armv7, there('gdb-multiarch') && there('qemu-arm')],
] as const)('%s (needs %s)', (_where, _tool, target, available) => {
  it.skipIf(!available)('gdb names all frames of a recursion', async () => {
    const [trace] = await debug(target, 'break *leaf\ncontinue\nbt');
    const names = namesOf(trace);
    expect(names.slice(0, 2)).toEqual(inMain);
    expect(names.slice(-atLeaf.length)).toEqual(atLeaf);
  });

  it.skipIf(!available)('gdb finds the same callers at every instruction of a run', async () => {
    // The run ends by a trap behind `main`, and gdb's script with it.
    const traces = await debug(target, stepThrough(2000));
    expect(traces.length).toBeGreaterThan(200);
    expect(traces.length).toBeLessThan(2000);
    expect(Math.max(...traces.map(({ length }) => length))).toBeGreaterThan(atLeaf.length + 2);
    const broken: number[] = [];
    for (let k = 1; k < traces.length; k++) {
      const [before, after] = [traces[k - 1], traces[k]];
      // A call leaves its caller's frame and what is above; a return, what is above the one that returned.
      const kept = Math.min(before.length, after.length) - 1;
      const sound =
        Math.abs(after.length - before.length) <= 1 &&
        after.slice(0, kept).every(({ name, pc }, i) => name === before[i].name && pc === before[i].pc) &&
        after[kept].name === before[kept].name;
      if (!sound) broken.push(k);
    }
    expect(broken).toEqual([]);
  });

  it.skipIf(!available)(
    'gdb finds what a signal interrupted, at every instruction of its handling',
    async () => {
      const traces = await debug(
        target,
        "tbreak *leaf\ncontinue\nhandle SIGUSR1 nostop noprint pass\nbreak *'fathom_signal'\nsignal SIGUSR1\nbt\n" +
          stepThrough(70),
      );
      const interrupted = traces.findIndex((trace) => trace.at(-1)?.name === 'leaf');
      expect(interrupted).toBeGreaterThan(20);
      for (const trace of traces.slice(0, interrupted)) {
        const names = namesOf(trace);
        const at = names.indexOf('<signal handler called>');
        expect(names.slice(at - atLeaf.length, at)).toEqual(atLeaf);
      }
      const handlers = new Set(traces.slice(0, interrupted).map((trace) => trace.at(-1)?.name));
      expect(handlers).toContain('fathom_signal');
      expect(handlers).toContain('fathom_handler_entry_adapter');
      // The system call that returns, and back in the function as if nothing had happened.
      expect(handlers).toContain('<signal handler called>');
      expect(namesOf(traces[interrupted]).slice(-atLeaf.length)).toEqual(atLeaf);
    },
  );
});
