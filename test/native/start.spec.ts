import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { type Built, build, cleanUp, missing, places, run, spawned, temporaryFolder } from './places.ts';

/** How an executable starts: how long it takes and how much memory, and among circumstances that are out of the ordinary. */
const toolkit = await wabt();
const source = new URL('../programs/wasi/signals-states.wat', import.meta.url);
const native = { target: 'x86_64', on: 'native' } as const;
const why = missing(native);
const reason = why === undefined ? '' : ` (skipped: ${why})`;

afterAll(cleanUp);

/** signals-states.wat with a memory of so many pages. */
function states(pages: number): Uint8Array {
  const text = readFileSync(source, 'utf8').replace(
    '(memory (export "memory") 1)',
    `(memory (export "memory") ${pages})`,
  );
  expect(text).toContain(`"memory") ${pages})`);
  const module = toolkit.parseWat(fileURLToPath(source), text, { bulk_memory: true, reference_types: true });
  return module.toBinary({ write_debug_names: true }).buffer;
}

/** Starts an executable in a state of signals-states.wat, and waits until it is there. */
async function inState({ path }: Built, state: string, before: readonly string[] = []) {
  const [command, ...args] = [...before, path, state];
  const child = spawn(command, args, { env: { PATH: process.env.PATH } });
  let stderr = '';
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  await once(child.stdout, 'data');
  return {
    pid: child.pid ?? 0,
    /** What it prints on standard error until it has printed a dump, or ends. */
    async dump(signal: number): Promise<string> {
      process.kill(child.pid ?? 0, signal);
      for (let k = 0; k < 1000 && !stderr.includes(' frames, ') && child.signalCode === null; k++)
        await sleep(10);
      return stderr;
    },
    end: () => child.kill('SIGKILL'),
  };
}

describe(`natively${reason}`, () => {
  const test = it.skipIf(why !== undefined);

  test('starts, runs and ends in less than 2 ms', () => {
    const runs = 200;
    const { path } = build('hello', 'x86_64');
    // Processor time, as others want the processor, too: `times` prints the shell's, then that of what it has run.
    const script = `i=0; while [ $i -lt ${runs} ]; do "$0"; i=$((i+1)); done >/dev/null; times`;
    const { stdout } = spawnSync('/bin/sh', ['-c', script, path], { encoding: 'utf8' });
    const figures = [...stdout.matchAll(/(\d+)m([\d.]+)s/g)].map(
      ([, minutes, seconds]) => 60 * Number(minutes) + Number(seconds),
    );
    expect(figures).toHaveLength(4);
    expect((1000 * (figures[2] + figures[3])) / runs).toBeLessThan(2);
  });

  test('pages of memory and stack that are not touched cost nothing', async () => {
    const built = build('large', 'x86_64', { bytes: states(32_768), stackBytes: 2 ** 30 });
    const { pid, end } = await inState(built, 'r');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    end();
    const [size, resident] = ['VmSize', 'VmRSS'].map((name) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]),
    );
    expect(size).toBeGreaterThan(3 * 2 ** 20);
    expect(resident).toBeLessThan(1024);
  });

  test('answers by the last of all signals', async () => {
    const { dump, end } = await inState(
      build('states64', 'x86_64', { bytes: states(1), dumpSignal: 64 }),
      'l',
    );
    expect(await dump(64)).toMatch(/signal 64\n#0 endless \(app\+0x[\da-f]+\)\n.* frames, complete\n$/s);
    end();
  });

  test('without standard streams, and takes no other file for one', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'a.txt'), 'a file\n');
    const { path } = build('cat', 'x86_64');
    const closed = (streams: string, ...args: string[]) =>
      spawned(['/bin/sh', '-c', `exec "$0" "$@" ${streams}`, path, ...args], { FATHOM_DIR: `${folder}::/d` });
    expect(await closed('<&-', '/d/a.txt', '-', '/d/a.txt')).toEqual({
      stdout: 'a file\na file\n',
      stderr: 'cat: -: Bad file descriptor\n',
      code: 1,
    });
    const stderr = 'cat: /d/a.txt: Bad file descriptor\n';
    expect(await closed('<&- >&-', '/d/a.txt')).toEqual({ stdout: '', stderr, code: 1 });
    expect(await closed('<&- >&- 2>&-', '/d/none')).toEqual({ stdout: '', stderr: '', code: 1 });
  });

  // coreutils 8.31 or newer.
  const masks = spawnSync('env', ['--block-signal=USR1', 'true']).status === 0;
  const lacking = masks ? '' : ' (skipped: env takes no --block-signal)';
  it.skipIf(why !== undefined || !masks)(
    `where whoever started it had signals blocked${lacking}`,
    async () => {
      const before = ['env', '--block-signal=USR1,PROF,ILL,SEGV,BUS,FPE'];
      const { dump, end } = await inState(build('states', 'x86_64'), 'loop', before);
      expect(await dump(10)).toMatch(/\n#\d endless_loop .* frames, complete\n$/s);
      end();
      const trap = await spawned([...before, build('exit-code', 'x86_64').path, 'divide'], {
        PATH: process.env.PATH ?? '',
      });
      expect(trap).toMatchObject({
        stderr: expect.stringMatching(/^fathom: trap: divide by zero\n/),
        code: 134,
      });
    },
  );
});

describe.each(places)('%s', (_name, place, skip) => {
  it.skipIf(skip)('variables of its own that are empty count as not set', async () => {
    const env = { FATHOM_DIR: '', FATHOM_DUMP: '', FATHOM_PROFILE: '', FATHOM_PROFILE_OUT: '' };
    expect(await run(place, build('hello', place.target), { env })).toEqual({
      stdout: 'hello, world\n',
      stderr: '',
      code: 0,
    });
  });

  it.skipIf(skip)('takes 20,000 arguments', async () => {
    const args = Array.from({ length: 20_000 }, (_, k) => String(k));
    const { stdout, code } = await run(place, build('args-env', place.target), { args });
    expect(code).toBe(0);
    expect(stdout).toBe(`20000 arguments\n${args.map((arg) => `<${arg}>\n`).join('')}0 variables\n`);
  });
});
