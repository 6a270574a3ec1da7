import type { Timing } from '../model.ts';
import { CommandError, runCommand } from '../run-command.ts';

/** One call of `run` as a contestant reported it. */
export interface Call {
  readonly checksum: number;
  readonly seconds: number;
}

/** A program that calls `run(N)` and reports each call by a line: COMMAND ARGS N REPEATS. */
export interface TimedProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** Further arguments, behind the others. */
  readonly last?: readonly string[];
}

export interface TimingOptions {
  readonly n: number;
  /** Processes of each contestant; those of all take turns, so that a slow moment of the machine is nobody's alone. */
  readonly rounds: number;
  /** Calls that count, a process. One more goes before them, to warm up, unless there can be one call only. */
  readonly calls: number;
  readonly once?: boolean;
  /** Told before each process. */
  readonly progress?: (name: string) => void;
}

/** What a contestant gave, or why it failed. */
export type Timed = { readonly timing: Timing; readonly checksum: number } | { readonly failure: string };

/**
 * Times contestants against each other. One that fails, or gives different checksums, is out; the others go on.
 * @returns what each gave, by its name
 */
export async function timeContestants<Name extends string>(
  programs: ReadonlyMap<Name, TimedProgram>,
  { n, rounds, calls, once = false, progress }: TimingOptions,
): Promise<Map<Name, Timed>> {
  const warmUps = once ? 0 : 1;
  const all = once ? 1 : calls + warmUps;
  const measured = new Map<Name, Call[]>();
  const failures = new Map<Name, string>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, program] of programs) {
      if (failures.has(name)) continue;
      progress?.(name);
      try {
        const { command, args, last = [] } = program;
        const { stdout } = await runCommand(command, [...args, `${n}`, `${all}`, ...last]);
        const found = callsOf(stdout);
        if (found.length !== all) throw new CommandError(`${found.length} calls reported, not ${all}`);
        measured.set(name, [...(measured.get(name) ?? []), ...found.slice(warmUps)]);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        failures.set(name, error.message);
      }
    }
  }
  const results = new Map<Name, Timed>();
  for (const name of programs.keys()) results.set(name, summed(measured.get(name) ?? [], failures.get(name)));
  return results;
}

function summed(calls: readonly Call[], failure: string | undefined): Timed {
  if (failure !== undefined) return { failure };
  const { checksum } = calls[0];
  const other = calls.find((call) => call.checksum !== checksum);
  if (other !== undefined) return { failure: `gave ${checksum} and ${other.checksum} for the same` };
  return { checksum, timing: timingOf(calls.map(({ seconds }) => seconds)) };
}

/** @param samples at least one */
export function timingOf(samples: readonly number[]): Timing {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, least: sorted[0], samples };
}

/** The lines `CHECKSUM NANOSECONDS`, hexadecimal, of what a program printed; others are not for us. */
export function callsOf(stdout: string): Call[] {
  const lines = stdout.matchAll(/^([\da-f]+) ([\da-f]+)$/gm);
  return [...lines].map(([, checksum, nanoseconds]) => ({
    checksum: Number.parseInt(checksum, 16),
    seconds: Number.parseInt(nanoseconds, 16) / 1e9,
  }));
}
