import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { readElf, readSymbols } from '../../compiler/elf/reader.ts';
import type { SchemeName } from '../../compiler/stack/scheme.ts';
import { LinuxProcess, SIGNAL } from '../../emu/linux/index.ts';
import { type Built, build, cleanUp, type Place, places, run, startOf, temporaryFolder } from './places.ts';

/** The profile of an executable: as many samples as were asked for, whole stacks, and however the program ends. */

const toolkit = await wabt();
afterAll(cleanUp);

const depth = 40;

/** `si_code` of a POSIX timer's signal. */
const SI_TIMER = -2;

/** How long a program of {@link busy} works, in milliseconds, and rounds of its innermost loop between two looks at the clock. */
interface Work {
  readonly milliseconds: number;
  readonly rounds: number;
}

/** The emulator's time is virtual, 1 ns an instruction: little of it is enough, and always the same. */
const workOf = ({ on }: Place): Work =>
  on === 'emulator' ? { milliseconds: 30, rounds: 50_000 } : { milliseconds: 400, rounds: 100_000 };

/** A program that works in `hot` under `down`, called by itself, until the time is over; then it prints and goes on as `end` says. */
function busy({ milliseconds, rounds }: Work, end: string): Uint8Array {
  const text = `(module
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "done\\0a")
    (global $sink (mut i32) (i32.const 1))
    (func $now (result i64)
      (drop (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 8)))
      (i64.load (i32.const 8)))
    (func $hot
      (local $k i32)
      (local.set $k (i32.const ${rounds}))
      (loop $next
        (global.set $sink (i32.add (i32.mul (global.get $sink) (i32.const 1664525)) (local.get $k)))
        (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1))))))
    (func $down (param $left i32) (param $until i64)
      (if (local.get $left)
        (then (call $down (i32.sub (local.get $left) (i32.const 1)) (local.get $until)))
        (else (loop $next (call $hot) (br_if $next (i64.lt_u (call $now) (local.get $until))))))
      (global.set $sink (i32.add (global.get $sink) (i32.const 1))))
    (func $_start (export "_start")
      (call $down (i32.const ${depth - 1}) (i64.add (call $now) (i64.const ${milliseconds * 1e6})))
      (i32.store (i32.const 0) (i32.const 64))
      (i32.store (i32.const 4) (i32.const 5))
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
      ${end}))`;
  const module = toolkit.parseWat('busy', text);
  return module.toBinary({ write_debug_names: true }).buffer;
}

/** A program whose profile is long: it works in each of eight functions under 110 frames, all with the longest names. */
function longNames(): Uint8Array {
  const hot = Array.from({ length: 8 }, (_, k) => `$hot${k}${'t'.repeat(390)}`);
  const down = `$down${'n'.repeat(390)}`;
  const text = `(module
    (memory (export "memory") 1)
    (global $sink (mut i32) (i32.const 1))
    ${hot
      .map(
        (name) => `(func ${name}
      (local $k i32)
      (local.set $k (i32.const 50000000))
      (loop $next
        (global.set $sink (i32.add (i32.mul (global.get $sink) (i32.const 1664525)) (local.get $k)))
        (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1))))))`,
      )
      .join('\n')}
    (func ${down} (param $left i32)
      (if (local.get $left)
        (then (call ${down} (i32.sub (local.get $left) (i32.const 1))))
        (else ${hot.map((name) => `(call ${name})`).join(' ')}))
      (global.set $sink (i32.add (global.get $sink) (i32.const 1))))
    (func $_start (export "_start") (call ${down} (i32.const 110))))`;
  return toolkit.parseWat('long-names', text).toBinary({ write_debug_names: true }).buffer;
}

const ends = { exit: '', trap: '(unreachable)', wait: '(loop $for_ever (br $for_ever))' } as const;

function program(place: Place, end: keyof typeof ends, scheme: SchemeName = 'unwind'): Built {
  const bytes = busy(workOf(place), ends[end]);
  return build(`busy-${end}-${place.on}`, place.target, { bytes, scheme });
}

/** Samples of a profile by how the stack is named; all that its lines say is checked. */
function readProfile(path: string): { complete: number; hot: number; missed: number } {
  const found = { complete: 0, hot: 0, missed: 0 };
  for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) {
    const [, stack, count] = /^(.+) ([1-9]\d*)$/.exec(line) ?? [];
    expect(stack, line).toBeDefined();
    const samples = Number(count);
    if (stack === '[missed]') {
      found.missed += samples;
      continue;
    }
    // Whole, or before or behind what the program does.
    expect(stack, line).toMatch(/^start\/main(;_start(;down)*(;hot|(;now)?;\S+)?|;proc\S+)?$/);
    expect(stack.split(';down').length - 1, line).toBeLessThanOrEqual(depth);
    if (stack.endsWith(`_start${';down'.repeat(depth)};hot`)) found.hot += samples;
    found.complete += samples;
  }
  return found;
}

describe.each(places)('the profile on %s', (_name, place, skip) => {
  const test = it.skipIf(skip);
  const { milliseconds } = workOf(place);
  /** Samples a second; the clock ticks 100 to 1000 times natively. */
  const rate = 2000;
  const periods = (milliseconds / 1000) * rate;

  /** The environment of a profile in a file of its own. */
  function asked(samples = rate): { out: string; env: Record<string, string> } {
    const out = join(temporaryFolder(), 'out.folded');
    return { out, env: { FATHOM_PROFILE: String(samples), FATHOM_PROFILE_OUT: out } };
  }

  /** What every profile of the whole work is like. */
  function expectWhole(out: string): void {
    const { complete, hot, missed } = readProfile(out);
    // However late the processor was given: each period is one or the other.
    expect(complete + missed).toBeGreaterThan(0.95 * periods);
    // A tick of 4 ms, as usual, would not give as many.
    expect(complete).toBeGreaterThan(milliseconds / 4);
    expect(hot).toBeGreaterThan(0.8 * complete);
  }

  test.each(['unwind', 'atomic', 'tail', 'field'] as const)(
    'has a sample or a miss for every period, and whole stacks, by scheme %s',
    async (scheme) => {
      const { out, env } = asked();
      const outcome = await run(place, program(place, 'exit', scheme), { env, ...directories(place, out) });
      expect(outcome).toEqual({ stdout: 'done\n', stderr: '', code: 0 });
      expectWhole(out);
    },
  );

  test('is written when the program traps', async () => {
    const { out, env } = asked();
    const { code, stderr } = await run(place, program(place, 'trap'), { env, ...directories(place, out) });
    expect(code).toBe(134);
    expect(stderr).toMatch(/^fathom: trap: unreachable\n#0 _start \(app\+0x[\da-f]+\)\n/);
    expectWhole(out);
  });

  test('of scheme none says of every stack that it cannot be read', async () => {
    const { out, env } = asked();
    await run(place, program(place, 'exit', 'none'), { env, ...directories(place, out) });
    const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
    expect(lines.some((line) => line.startsWith('[unreadable: not-published];hot '))).toBe(true);
    for (const line of lines) expect(line).toMatch(/^(\[unreadable: not-published\]|\[missed\])/);
  });

  if (place.on === 'emulator') {
    it('counts what the timer says that it missed, and nothing that another sender says', () => {
      const { out, env } = asked(1);
      const { file } = program(place, 'exit');
      const hot = readSymbols(readElf(file)).find(({ name }) => name === 'hot')?.value ?? 0;
      const process = new LinuxProcess(file, {
        argv: ['busy'],
        env: Object.entries(env).map((entry) => entry.join('=')),
        directories: [join(out, '..')],
        stdin: new Uint8Array(0),
        stdout: () => {},
      });
      process.runInterrupted({ kind: 'at', addresses: [hot] }, () => false);
      const { PROF } = SIGNAL;
      for (const [code, count] of [
        [SI_TIMER, 5],
        [0, 7],
        [SI_TIMER, 0],
        [SI_TIMER, 1],
      ]) {
        process.signal(PROF, { number: PROF, code, sender: [0, count] });
        process.runHandler(PROF);
      }
      expect(process.run()).toEqual({ exitCode: 0 });
      process.dispose();
      expect(readProfile(out)).toEqual({ complete: 4, hot: 4, missed: 6 });
    });

    it('is the same in every run', async () => {
      const texts = [];
      for (let k = 0; k < 2; k++) {
        const { out, env } = asked(10_000);
        await run(place, program(place, 'exit'), { env, ...directories(place, out) });
        texts.push(readFileSync(out, 'utf8'));
      }
      expect(texts[0]).toBe(texts[1]);
      expect(texts[0]).not.toContain('[missed]');
    });
    return;
  }

  test.each(['SIGTERM', 'SIGINT', 'SIGBUS'] as const)(
    'is whole when %s comes while it is written, and the program ends by itself',
    async (signal) => {
      const out = join(temporaryFolder(), 'out.folded');
      execFileSync('mkfifo', [out]);
      const fifo = openSync(out, constants.O_RDONLY | constants.O_NONBLOCK);
      const [command, ...args] = startOf(
        place,
        build('long-names', place.target, { bytes: longNames() }).path,
        [],
      );
      const child = spawn(command, args, { env: { FATHOM_PROFILE: '250', FATHOM_PROFILE_OUT: out } });
      const ended = once(child, 'exit');
      let text = '';
      const chunk = new Uint8Array(1 << 16);
      /** Takes what the FIFO holds of at most so many bytes, once there is any; false at its end. */
      const take = async (bytes: number): Promise<boolean> => {
        for (;;) {
          try {
            const count = readSync(fifo, chunk, 0, bytes, null);
            text += Buffer.from(chunk.subarray(0, count)).toString('latin1');
            // Before the program has opened it, it is at its end, too.
            if (count > 0 || child.exitCode !== null || child.signalCode !== null) return count > 0;
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
          }
          await sleep(5);
        }
      };
      // The rest is more than the FIFO holds.
      expect(await take(1)).toBe(true);
      child.kill(signal);
      while (await take(chunk.length));
      closeSync(fifo);
      expect(await ended).toEqual([0, null]);
      expect(text.length).toBeGreaterThan(3 * 65536);
      expect(text).toMatch(/^([^;\n]+(;[^;\n]+)* \d+\n)+$/);
    },
  );

  describe('when a signal ends the program', () => {
    /** Starts it, and sends the signal when its work is done. */
    async function killed(signal: NodeJS.Signals, before: readonly string[] = []) {
      const { out, env } = asked();
      const [command, ...args] = [...before, ...startOf(place, program(place, 'wait').path, [])];
      const child = spawn(command, args, { env: { ...env, PATH: process.env.PATH } });
      await once(child.stdout, 'data');
      const ended = once(child, 'exit');
      child.kill(signal);
      return { out, child, ended };
    }

    test.each(['SIGTERM', 'SIGINT'] as const)(
      'by %s, is written, and the end is the same',
      async (signal) => {
        const { out, ended } = await killed(signal);
        expect(await ended).toEqual([null, signal]);
        expectWhole(out);
      },
    );

    test('by a fault signal that somebody sent', async () => {
      const { out, ended } = await killed('SIGBUS');
      expect(await ended).toEqual([null, 'SIGBUS']);
      expectWhole(out);
    });

    test('does not make it heed one that it was started to ignore', async () => {
      const { out, child, ended } = await killed('SIGINT', ['/bin/sh', '-c', 'trap "" INT; exec "$@"', 'sh']);
      await sleep(50);
      expect(readFileSync(out, 'utf8')).toBe('');
      child.kill('SIGTERM');
      expect(await ended).toEqual([null, 'SIGTERM']);
      expect(readProfile(out).complete).toBeGreaterThan(0);
    });
  });
});

/** The emulated kernel opens what lies in directories that it is given. */
function directories(place: Place, out: string): { dirs?: Record<string, string> } {
  expect(existsSync(out)).toBe(false);
  return place.on === 'emulator' ? { dirs: { '/out': join(out, '..') } } : {};
}
