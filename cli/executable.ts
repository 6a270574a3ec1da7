import { constants } from 'node:os';
import type { Argv } from 'yargs';
import type { ExecutableOptions } from '../compiler/image/executable.ts';
import { UsageError } from './common.ts';

/** Options of `fathom compile` that only executables have; undefined where the command line does not say. */
export interface ExecutableFlags {
  dir: string[] | undefined;
  'stack-size': string | undefined;
  'dump-signal': string | undefined;
}

/** Adds {@link ExecutableFlags} to a command. */
export function executableFlags<T>(yargs: Argv<T>): Argv<T & ExecutableFlags> {
  return yargs
    .option('dir', {
      describe:
        'executables: a directory that the program may use, host::guest or one name for both; repeatable',
      type: 'string',
      array: true,
      nargs: 1,
    })
    .option('stack-size', {
      describe: 'executables: bytes of native stack, with K, M or G',
      type: 'string',
      defaultDescription: '8M',
      requiresArg: true,
    })
    .option('dump-signal', {
      describe: 'executables: signal that prints the stack, by name or number; none for no signal',
      type: 'string',
      defaultDescription: 'USR1',
      requiresArg: true,
    });
}

/** Smallest and largest native stack; the largest leaves room for memories in 32 bits of address. */
const stackLimits = { least: 2 ** 16, most: 2 ** 30 } as const;

/** Signals that cannot be caught, or that the runtime has another use for: traps, and the profile's timer. */
const taken = ['SIGKILL', 'SIGSTOP', 'SIGSEGV', 'SIGILL', 'SIGFPE', 'SIGBUS', 'SIGPROF'] as const;

/** The number of the last real-time signal on Linux (signal(7)). */
const lastSignal = 64;

/** @throws UsageError for values that an executable cannot have */
export function executableOptions(flags: ExecutableFlags): ExecutableOptions {
  return {
    preopens: (flags.dir ?? []).map(preopen),
    ...(flags['stack-size'] === undefined ? {} : { stackBytes: stackBytes(flags['stack-size']) }),
    ...(flags['dump-signal'] === undefined ? {} : { dumpSignal: signalNumber(flags['dump-signal']) }),
  };
}

/** The first of {@link ExecutableFlags} that is given. */
export function givenExecutableFlag(flags: ExecutableFlags): string | undefined {
  return (['dir', 'stack-size', 'dump-signal'] as const).find((name) => flags[name] !== undefined);
}

function preopen(text: string): readonly [string, string] {
  const [host, guest = host, ...rest] = text.split('::');
  if (host === '' || guest === '' || rest.length > 0)
    throw new UsageError(`--dir takes host::guest or one name for both, not '${text}'`);
  return [host, guest];
}

function stackBytes(text: string): number {
  const [, digits, unit] = /^(\d{1,12})([KMG]?)$/i.exec(text) ?? [];
  const bytes = Number(digits) * 1024 ** ' KMG'.indexOf((unit || ' ').toUpperCase());
  if (!(bytes >= stackLimits.least && bytes <= stackLimits.most))
    throw new UsageError(`--stack-size takes 64K to 1G, not ${text}`);
  return bytes;
}

function signalNumber(text: string): number {
  if (text === 'none') return 0;
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  const number = /^\d+$/.test(text)
    ? Number(text)
    : Object.entries(constants.signals).find(([n]) => n === name)?.[1];
  if (number === undefined || number < 1 || number > lastSignal)
    throw new UsageError(`--dump-signal takes a signal of Linux, by name or number, or none; not ${text}`);
  const other = taken.find((signal) => constants.signals[signal] === number);
  if (other !== undefined) throw new UsageError(`--dump-signal ${text}: ${other} is not free for that`);
  return number;
}
