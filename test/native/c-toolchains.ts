import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeObject } from '../../cli/object.ts';
import { compile } from '../../compiler/index.ts';
import type { SchemeName } from '../../compiler/stack/scheme.ts';
import type { Target } from '../../compiler/target.ts';
import { armv7 } from '../../targets/armv7/index.ts';
import { x86_64 } from '../../targets/x86_64/index.ts';

/** A C compiler for a target, and how its programs are started here. */
export interface CToolchain {
  readonly target: Target;
  readonly compiler: string;
  /** Always given. */
  readonly flags: readonly string[];
  /** Sets of flags that make other code of C. */
  readonly variants: readonly (readonly string[])[];
  readonly start: readonly string[];
  readonly present: boolean;
  /** What the test's name says of it. */
  readonly needs: string;
}

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

export const toolchains: readonly CToolchain[] = [
  {
    target: x86_64,
    compiler: 'gcc',
    flags: [],
    variants: [['-O0'], ['-O2', '-static'], ['-O1', '-no-pie']],
    start: [],
    present: process.platform === 'linux' && process.arch === 'x64' && has('gcc'),
    needs: 'gcc on x86-64',
  },
  {
    target: armv7,
    compiler: 'arm-linux-gnueabihf-gcc',
    flags: ['-static'],
    variants: [
      ['-O0', '-marm'],
      ['-O2', '-mthumb'],
    ],
    start: ['qemu-arm', '-cpu', 'cortex-a9'],
    present: has('arm-linux-gnueabihf-gcc') && has('qemu-arm'),
    needs: 'arm-linux-gnueabihf-gcc and qemu-arm',
  },
];

export interface CProgram {
  /** Modules in text form, by prefix. */
  readonly modules: Readonly<Record<string, Uint8Array>>;
  readonly main: string;
  readonly scheme?: SchemeName;
}

/** Compiles modules to objects in `folder` and links them with the C source `main`; the path of the program. */
export function buildC(
  toolchain: CToolchain,
  folder: string,
  { modules, main, scheme = 'atomic' }: CProgram,
): (flags: readonly string[]) => string {
  mkdirSync(folder, { recursive: true });
  const { target, compiler, flags } = toolchain;
  const objects = Object.entries(modules).map(([prefix, bytes]) => {
    const image = compile(bytes, { target, level: 1, scheme, order: 'relaxed' });
    const path = join(folder, `${prefix}.o`);
    writeFileSync(path, writeObject({ prefix, header: undefined }, image, prefix, path));
    return path;
  });
  const source = join(folder, 'main.c');
  const program = join(folder, 'main');
  writeFileSync(source, main);
  return (variant) => {
    const warnings = ['-Wall', '-Wextra', '-Werror'];
    run(compiler, [...flags, ...variant, ...warnings, `-I${folder}`, source, ...objects, '-o', program]);
    return program;
  };
}

/** Starts a program that {@link buildC} made; what it printed. @throws Error if it fails */
export function runC({ start }: CToolchain, program: string): string {
  return run(start[0] ?? program, start.length > 0 ? [...start.slice(1), program] : []);
}

function run(program: string, args: readonly string[]): string {
  const { status, signal, stdout, stderr, error } = spawnSync(program, [...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (error !== undefined) throw error;
  if (status !== 0)
    throw new Error(
      `${program} ended with ${signal ?? status}\n${stdout.slice(-2000)}${stderr.slice(-4000)}`,
    );
  return stdout;
}
