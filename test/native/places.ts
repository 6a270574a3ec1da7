import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findQemu, isNative } from '../../cli/execute.ts';
import { compileExecutable } from '../../compiler/executable.ts';
import type { ExecutableOptions } from '../../compiler/image/executable.ts';
import type { SchemeName } from '../../compiler/stack/scheme.ts';
import type { TargetName } from '../../compiler/target.ts';
import { type ProcessOptions, runExecutable } from '../../emu/linux/index.ts';
import { runtimeModules } from '../../runtime/index.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';

/** Where executables run in the specs of this folder. */
export interface Place {
  readonly target: TargetName;
  readonly on: 'emulator' | 'native' | 'qemu';
}

const candidates: readonly Place[] = [
  { target: 'x86_64', on: 'emulator' },
  { target: 'armv7', on: 'emulator' },
  { target: 'x86_64', on: 'native' },
  { target: 'armv7', on: 'qemu' },
];

/** Why a place is not to be had here, or undefined where it is. */
export function missing({ target, on }: Place): string | undefined {
  if (on === 'native' && !isNative(target)) return 'needs Linux on x86-64';
  if (on === 'qemu' && findQemu(target) === undefined) return 'needs qemu-arm: apt-get install qemu-user';
  return undefined;
}

export const nameOf = ({ target, on }: Place): string => `${target} ${on}`;

/** For `describe.each` or `it.each`: name with the reason where it will be skipped, place, whether to skip. */
export const places: readonly (readonly [name: string, place: Place, skip: boolean])[] = candidates.map(
  (place) => {
    const reason = missing(place);
    return [
      reason === undefined ? nameOf(place) : `${nameOf(place)} (skipped: ${reason})`,
      place,
      reason !== undefined,
    ];
  },
);

/** A directory that is removed when the specs of a file are done, by `cleanUp`. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fathom-native-'));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];

export function cleanUp(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

const programs = fileURLToPath(new URL('../programs/wasi/', import.meta.url));

/** Path of a committed module of `test/programs/wasi`. */
export const programPath = (name: string): string => join(programs, `${name}.wasm`);

export interface Built {
  readonly file: Uint8Array;
  /** Where it stands, to be started natively or by qemu. */
  readonly path: string;
}

const built = new Map<string, Built>();

/** The executable of a program of `test/programs/wasi`, or of a module, compiled once. */
export function build(
  name: string,
  target: TargetName,
  options: ExecutableOptions & { readonly scheme?: SchemeName; readonly bytes?: Uint8Array } = {},
): Built {
  const key = JSON.stringify([name, target, { ...options, bytes: undefined }]);
  const known = built.get(key);
  if (known !== undefined) return known;
  const { file } = compileExecutable(options.bytes ?? new Uint8Array(readFileSync(programPath(name))), {
    level: 1,
    scheme: 'atomic',
    order: 'relaxed',
    ...options,
    target: { x86_64, armv7 }[target],
    runtime: runtimeModules(),
  });
  const path = join(temporaryFolder(), name);
  writeFileSync(path, file, { mode: 0o700 });
  const result = { file, path };
  built.set(key, result);
  return result;
}

export interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array | string;
  /** Preopens by guest path. */
  readonly dirs?: Readonly<Record<string, string>>;
  /** What only the emulated kernel takes. */
  readonly emulator?: Pick<ProcessOptions, 'openat2' | 'realTime'>;
}

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** As a shell shows it: 128 and the number for a signal. */
  readonly code: number;
}

/** Runs an executable to its end. Names of arguments and environment reach the program unchanged, argument 0 is `program`. */
export async function run(place: Place, { file, path }: Built, options: RunOptions = {}): Promise<Outcome> {
  const { args = [], dirs = {}, stdin = '' } = options;
  const entries = Object.entries(dirs);
  const env = {
    ...options.env,
    ...(entries.length === 0
      ? {}
      : { FATHOM_DIR: entries.map(([guest, host]) => `${host}::${guest}`).join(';') }),
  };
  if (place.on !== 'emulator') return spawned(startOf(place, path, args), env, stdin);
  const out: Uint8Array[] = [];
  const errors: Uint8Array[] = [];
  const { exitCode } = runExecutable(file, {
    ...options.emulator,
    argv: ['program', ...args],
    env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    directories: entries.map(([, host]) => host),
    stdin: Buffer.from(stdin),
    stdout: (bytes) => void out.push(bytes),
    stderr: (bytes) => void errors.push(bytes),
  });
  return {
    stdout: Buffer.concat(out).toString('latin1'),
    stderr: Buffer.concat(errors).toString('latin1'),
    code: exitCode,
  };
}

/** Command line by which a place starts the executable at `path` as a process. */
export function startOf({ target, on }: Place, path: string, args: readonly string[]): readonly string[] {
  if (on === 'native') return [path, ...args];
  const qemu = findQemu(target);
  if (on === 'emulator' || qemu === undefined) throw new Error(`${on} starts no process`);
  return [qemu, path, ...args];
}

/** Runs a process to its end; output as Latin-1, so that every byte shows. */
export function spawned(
  [command, ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
  stdin: Uint8Array | string = '',
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => void out.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => void errors.push(bytes));
    // A program that does not read its input is free to end.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({
        stdout: Buffer.concat(out).toString('latin1'),
        stderr: Buffer.concat(errors).toString('latin1'),
        code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]),
      }),
    );
  });
}

const nodeWasi = fileURLToPath(new URL('node-wasi.mjs', import.meta.url));

/** The same program on V8 with Node's own WASI. */
export function oracle(name: string, options: RunOptions = {}): Promise<Outcome> {
  const given = JSON.stringify({ preopens: options.dirs ?? {}, env: options.env ?? {} });
  return spawned(
    [process.execPath, '--no-warnings', nodeWasi, programPath(name), given, ...(options.args ?? [])],
    {},
    options.stdin,
  );
}
