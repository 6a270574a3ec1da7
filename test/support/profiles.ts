import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import wabt from 'wabt';
import { modelOf, type ProfileModel } from '../../cli/profile/model.ts';
import { defaults } from '../../compiler/defaults.ts';
import type { Schedule } from '../../emu/interrupts.ts';
import { type SampleOptions, type SampleReport, Sampler } from '../../emu/sample.ts';
import { createWebAssembly, type EmulatedWebAssembly } from '../../emu/webassembly.ts';

const toolkit = await wabt();

/** Binary of a text; names come from exports alone where `names` is false. */
export function assemble(text: string, names = true): Uint8Array {
  return toolkit.parseWat('test.wat', text).toBinary({ write_debug_names: names }).buffer;
}

/** Text of a program in `test/programs`. */
export const program = (name: string): string =>
  readFileSync(new URL(`../programs/${name}.wat`, import.meta.url), 'utf8');

export interface SampledProgram {
  readonly model: ProfileModel;
  readonly report: SampleReport;
  readonly webAssembly: EmulatedWebAssembly;
}

/** Samples calls of an export. */
export function sampled(
  bytes: Uint8Array,
  call: readonly [name: string, ...values: number[]],
  options: Parameters<typeof createWebAssembly>[0],
  schedule: Schedule = { kind: 'every-instruction' },
  more: Partial<SampleOptions> = {},
  imports: WebAssembly.Imports = {},
): SampledProgram {
  const webAssembly = createWebAssembly(options);
  const sampler = new Sampler(webAssembly.machine, {
    scheme: options.scheme ?? defaults.scheme,
    schedule,
    ...more,
  });
  sampler.during(() => {
    const instance = new webAssembly.Instance(new webAssembly.Module(bytes), imports);
    const [name, ...values] = call;
    (instance.exports as Record<string, (...values: number[]) => unknown>)[name](...values);
  });
  return { model: modelOf(`test: ${call[0]}`, sampler.profile()), report: sampler.report(), webAssembly };
}

/** Names that try to leave every place that they are written to. */
export const hostileNames = [
  '</script><script>window.broken = 1</script>',
  '"><img src=x onerror="window.broken = 2">',
  "';window.broken = 3;//",
  'a;b;c 5',
  'two\nlines 7',
  'nul \0 and escape \u001b[31m',
  'turned \u202e around',
  '<!-- <script>',
  '$\u007bwindow.broken = 4}',
  '__proto__',
  '$& $1 \\ %s',
  ' ',
];

/** A module whose functions have the hostile names, and an export `run` that calls each. */
export function hostileModule(): Uint8Array {
  const quoted = (name: string): string =>
    `"${[...new TextEncoder().encode(name)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}"`;
  const functions = hostileNames.map(
    (name, k) =>
      `(func (export ${quoted(name)}) (param i32) (result i32) (i32.mul (local.get 0) (i32.const ${k})))`,
  );
  const calls = hostileNames.map((_, k) => `(drop (call ${k} (i32.const ${k})))`);
  return assemble(`(module ${functions.join('\n')} (func (export "run") ${calls.join(' ')}))`, false);
}

/** True where a command is there to be run. */
export const has = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;
