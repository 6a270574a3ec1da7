import { readFileSync } from 'node:fs';
import wabt from 'wabt';
import { defaults } from '../../compiler/defaults.ts';
import type { Schedule } from '../../emu/interrupts.ts';
import { type SampleReport, Sampler } from '../../emu/sample.ts';
import {
  createWebAssembly,
  type EmulatedWebAssembly,
  type WebAssemblyOptions,
} from '../../emu/webassembly.ts';

/** Whole runs of the test programs, sampled, and every sample compared with the true stack. */
export interface SampledRun {
  readonly report: SampleReport;
  readonly results: readonly unknown[];
}

/** Runs a program on a fresh machine and notes its results; `tamper` is told when its code is in place. */
export type SampledProgram = (
  webAssembly: EmulatedWebAssembly,
  note: (result: unknown) => void,
  tamper: () => void,
) => void;

export const everyInstruction: Schedule = { kind: 'every-instruction' };

const toolkit = await wabt();

/** The binary of one of `test/programs`. */
export function assemble(program: string): Uint8Array {
  const path = new URL(`../programs/${program}.wat`, import.meta.url);
  return assembleText(program, readFileSync(path, 'utf8'));
}

export function assembleText(name: string, text: string): Uint8Array {
  return toolkit.parseWat(name, text).toBinary({ write_debug_names: true }).buffer;
}

export function sampledRun(
  options: WebAssemblyOptions,
  schedule: Schedule,
  program: SampledProgram,
  tamper: (webAssembly: EmulatedWebAssembly) => void = () => undefined,
): SampledRun {
  const webAssembly = createWebAssembly(options);
  const { scheme = defaults.scheme } = options;
  const sampler = new Sampler(webAssembly.machine, { scheme, schedule, verify: true });
  const results: unknown[] = [];
  sampler.during(() =>
    program(
      webAssembly,
      (result) => results.push(result),
      () => tamper(webAssembly),
    ),
  );
  return { report: sampler.report(), results };
}

type Functions = Record<string, (n: number) => number>;

/** What `run` returns, or the message of what it throws. */
function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return (error as Error).message;
  }
}

/** Rounds of the mixed program, with call-backs into it and a trap in each. */
export const mixed =
  (rounds: number): SampledProgram =>
  (webAssembly, note, tamper) => {
    let exports: Functions = {};
    const imports = {
      host: {
        'call-back'(round: number) {
          note(outcome(() => exports.trap(5)));
          return exports.fib(3) + round;
        },
      },
    };
    const module = new webAssembly.Module(assemble('mixed'));
    exports = new webAssembly.Instance(module, imports).exports as typeof exports;
    tamper();
    for (let round = 0; round < rounds; round++) note(exports.round(round));
  };

export const fib =
  (n: number): SampledProgram =>
  (webAssembly, note, tamper) => {
    const { exports } = new webAssembly.Instance(new webAssembly.Module(assemble('fib')));
    tamper();
    note((exports as Functions).fib(n));
  };

export const hotLeaf =
  (times: number): SampledProgram =>
  (webAssembly, note, tamper) => {
    const { exports } = new webAssembly.Instance(new webAssembly.Module(assemble('hot-leaf')));
    tamper();
    note((exports as Functions).run(times));
  };

/**
 * Two instances that call one another and the host, which calls back into them: activations nest through both, and traps and
 * exceptions of the host leave several of them at once, after which the host goes on.
 */
export const across =
  (depth: number): SampledProgram =>
  (webAssembly, note, tamper) => {
    const exports: { inner: Functions; outer: Functions } = { inner: {}, outer: {} };
    const host = {
      again(n: number): number {
        if (n <= 0) throw new Error('thrown by the host');
        note(outcome(() => exports.outer.step(n - 1)));
        note(outcome(() => exports.inner.trap(n)));
        note(outcome(() => exports.outer.trap(n)));
        return n;
      },
    };
    const make = (program: string, imports: object): Functions => {
      const module = new webAssembly.Module(assemble(program));
      return new webAssembly.Instance(module, imports as never).exports as Functions;
    };
    exports.inner = make('across-inner', { host });
    exports.outer = make('across-outer', { inner: exports.inner });
    tamper();
    note(exports.outer.step(depth));
  };
