import { copyFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cleanUp,
  missing,
  nameOf,
  type Outcome,
  type Place,
  run,
  spawned,
  temporaryFolder,
} from './places.ts';

/**
 * A large WASI command from npm: Yosys, 31 MB of wasm from C++, as an executable. What it prints and writes equals V8's. ARMv7 takes
 * another minute, so it is run on request: FATHOM_YOSYS=all.
 */
const all = process.env.FATHOM_YOSYS === 'all';
const root = fileURLToPath(new URL('../..', import.meta.url));
const yosys = createRequire(import.meta.url)
  .resolve('@yowasp/yosys')
  .replace(/bundle\.js$/, 'yosys.core.wasm');
const folder = temporaryFolder();
const minutes = 60_000;
/** What compiling may take at most: seconds of processor time, as other specs want the processor, too, and bytes of memory. */
const limits = { seconds: 180, memory: 4 * 2 ** 30 } as const;

afterAll(cleanUp);

/** Has the process print to standard error what it has used when it ends: microseconds, and KiB at most. */
const reportUse = `data:text/javascript,${encodeURIComponent(
  `process.on('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    console.error('used', userCPUTime + systemCPUTime, maxRSS);
  })`,
)}`;

/** The program with arguments in a folder of its own that holds the design: what it said, and the netlist that it wrote. */
async function synthesize(
  start: (args: readonly string[], dirs: Record<string, string>) => Promise<Outcome>,
): Promise<{ readonly log: string; readonly netlist: string }> {
  const design = temporaryFolder();
  copyFileSync(new URL('traffic.v', import.meta.url), join(design, 'traffic.v'));
  // -T leaves out the footer with times.
  const script = 'read_verilog /design/traffic.v; proc; opt; write_json /design/out.json';
  const { stdout, stderr, code } = await start(['-T', '-p', script], { '/design': design });
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return { log: stdout, netlist: readFileSync(join(design, 'out.json'), 'utf8') };
}

/** On V8, with Node's WASI. */
function onV8(args: readonly string[], preopens: Record<string, string> = {}): Promise<Outcome> {
  const script = fileURLToPath(new URL('node-wasi.mjs', import.meta.url));
  const options = JSON.stringify({ preopens, env: {} });
  return spawned([process.execPath, '--no-warnings', script, yosys, options, ...args], {});
}

let version: Outcome;
let expected: Awaited<ReturnType<typeof synthesize>>;

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
  version = await onV8(['-V']);
  expected = await synthesize(onV8);
}, 5 * minutes);

it('V8 runs it, and the netlist is of this design', () => {
  expect(version).toMatchObject({ stdout: expect.stringMatching(/^Yosys 0\.55 /), code: 0 });
  const { modules } = JSON.parse(expected.netlist) as {
    modules: Record<string, { ports: object; cells: Record<string, { type: string }> }>;
  };
  expect(Object.keys(modules)).toEqual(['traffic']);
  expect(Object.keys(modules.traffic.ports)).toEqual([
    'clock',
    'reset_n',
    'button',
    'people',
    'cars',
    'walk',
    'crossed',
  ]);
  const types = Object.values(modules.traffic.cells).map(({ type }) => type);
  expect(types.filter((type) => type.startsWith('$adff'))).toHaveLength(4);
  expect(expected.log).toContain('Executing JSON backend.');
});

describe.each([
  ['x86_64', '', 'native'],
  ['armv7', all ? '' : ' (skipped: takes minutes, FATHOM_YOSYS=all runs it)', 'qemu'],
] as const)('%s%s', (target, reason, faster) => {
  const path = join(folder, `yosys.${target}`);

  it.skipIf(reason !== '')(
    `compiles within ${limits.seconds} s and ${limits.memory / 2 ** 30} GiB`,
    async () => {
      const { stdout, stderr, code } = await spawned(
        [
          process.execPath,
          '--import',
          reportUse,
          join(root, 'cli/fathom.mjs'),
          ...['compile', yosys, '-o', path, '--target', target, '--emit', 'exe'],
        ],
        {},
      );
      const [, microseconds, peak] = /^used (\d+) (\d+)$/m.exec(stderr)?.map(Number) ?? [];
      const seconds = microseconds / 1e6;
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('executable for') });
      console.log(
        `${stdout.trimEnd()}; ${seconds.toFixed(1)} s of processor time in all, peak memory ${(peak / 2 ** 10).toFixed(0)} MiB`,
      );
      expect(seconds).toBeLessThan(limits.seconds);
      expect(1024 * peak).toBeLessThan(limits.memory);
    },
    10 * minutes,
  );

  const places: readonly Place[] = [
    { target, on: faster },
    { target, on: 'emulator' },
  ];
  for (const place of places) {
    const why = missing(place);
    it.skipIf(reason !== '' || why !== undefined)(
      `${nameOf(place)}: prints its version and writes the netlist as V8 does${why === undefined ? '' : ` (skipped: ${why})`}`,
      async () => {
        const built = { path, file: new Uint8Array(readFileSync(path)) };
        expect(await run(place, built, { args: ['-V'] })).toEqual(version);
        const started = performance.now();
        const result = await synthesize((args, dirs) => run(place, built, { args, dirs }));
        console.log(`${nameOf(place)}: ${((performance.now() - started) / 1000).toFixed(2)} s`);
        expect(result.netlist).toBe(expected.netlist);
        expect(result.log).toBe(expected.log);
      },
      5 * minutes,
    );
  }
});
