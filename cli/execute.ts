import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants as files, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TargetName } from '../compiler/target.ts';
import { UsageError } from './common.ts';

/** Where `fathom run` runs a program. */
export const places = ['emulator', 'native', 'qemu'] as const;
export type Place = (typeof places)[number];

/** An executable with what it is started with. */
export interface Start {
  readonly file: Uint8Array;
  readonly target: TargetName;
  /** Its name first. */
  readonly args: readonly string[];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Node's names of the processors that run a target's code. */
const processors: Readonly<Record<TargetName, NodeJS.Architecture>> = { x86_64: 'x64', armv7: 'arm' };

/** QEMU's user emulators by target, under either name that Debian gives them. */
const emulators: Readonly<Record<TargetName, readonly string[]>> = {
  x86_64: ['qemu-x86_64', 'qemu-x86_64-static'],
  armv7: ['qemu-arm', 'qemu-arm-static'],
};

/** True where this machine runs the code of `target` by itself. */
export function isNative(target: TargetName): boolean {
  return process.platform === 'linux' && process.arch === processors[target];
}

/** The path of the program that runs the code of `target`, or undefined where it is not installed. */
export function findQemu(target: TargetName): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter))
    for (const name of emulators[target]) {
      const path = join(folder, name);
      try {
        accessSync(path, files.X_OK);
        return path;
      } catch {
        // Not in this folder.
      }
    }
  return undefined;
}

/**
 * Runs an executable as a process of its own, natively or under qemu, with this one's standard streams. Signals to this
 * process go on to that one.
 * @returns its exit code; 128 and the signal's number if a signal ended it
 * @throws UsageError if this machine cannot run it
 */
export async function runProcess(start: Start, on: 'native' | 'qemu'): Promise<number> {
  const { target } = start;
  if (on === 'native' && !isNative(target))
    throw new UsageError(
      `--on native: this machine (${process.platform}, ${process.arch}) does not run code for ${target}; --on emulator does`,
    );
  if (on === 'qemu' && isNative(target))
    throw new UsageError(
      `--on qemu: this machine runs code for ${target} by itself (--on native); qemu is for the other target`,
    );
  const qemu = on === 'qemu' ? findQemu(target) : undefined;
  if (on === 'qemu' && qemu === undefined)
    throw new UsageError(
      `--on qemu: ${emulators[target][0]} is not installed (Debian: apt-get install qemu-user); --on emulator needs none`,
    );
  // A folder of one's own: nobody else can put another file under the name.
  const folder = mkdtempSync(join(tmpdir(), 'fathom-run-'));
  try {
    const path = join(folder, 'program');
    writeFileSync(path, start.file, { mode: 0o700 });
    const [name, ...args] = start.args;
    return qemu === undefined
      ? await childExit(path, args, name, start.env)
      : await childExit(qemu, ['-0', name, path, ...args], qemu, start.env);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Signals that ask a program for something, and would otherwise end this one. */
const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

function childExit(
  path: string,
  args: readonly string[],
  argv0: string,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    // Before there is a program: it may run long before this process goes on.
    let child: ChildProcess | undefined;
    const handlers = passedOn.map((signal) => [signal, () => child?.kill(signal)] as const);
    for (const [signal, handler] of handlers) process.on(signal, handler);
    child = spawn(path, args, { stdio: 'inherit', argv0, env });
    const settle = (): void => {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      settle();
      reject(
        error.code === 'EACCES'
          ? new UsageError(`${path}: may not be executed; name another folder for temporary files by TMPDIR`)
          : error,
      );
    });
    child.on('exit', (code, signal) => {
      settle();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
