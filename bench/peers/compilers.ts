import { spawnSync } from 'node:child_process';
import type { TargetName } from '../../compiler/target.ts';
import type { PeerName } from '../model.ts';

/** A peer that is a compiler on this machine: what it makes machine code of, and how. V8 is none of these. */
export interface CompilerPeer {
  readonly name: Exclude<PeerName, 'v8'>;
  readonly target: TargetName;
  /** What it compiles: a kernel's source, or what wasm2c makes of its module. */
  readonly from: 'c' | 'wasm2c';
  /** Commands, the first that is there is taken. */
  readonly commands: readonly string[];
  /** Options that decide what code it makes. */
  readonly flags: readonly string[];
  /** Further options for the few functions that stand in for C's library: they must not become calls of themselves. */
  readonly libraryFlags: readonly string[];
  /** Files of `runtime/` that only this target needs. */
  readonly arithmetic: readonly string[];
}

const gccLibrary = ['-fno-tree-loop-distribute-patterns'];
/** Neither is allowed to fuse multiplications and additions, as WebAssembly does not; and no kernel looks at errno. */
const exact = ['-ffp-contract=off', '-fno-math-errno'];
/** What Fathom's code needs, peers may use: rounding and counting bits are single instructions. */
const x86 = ['-march=x86-64-v2', ...exact];
const cortexA9 = ['-O2', '-mcpu=cortex-a9', '-marm', ...exact];
const armArithmetic = ['arithmetic.c', 'arithmetic-armv7.S'];

/** The peers that are compilers, by target. */
export const compilerPeers: readonly CompilerPeer[] = [
  {
    name: 'wasm2c',
    target: 'x86_64',
    from: 'wasm2c',
    commands: ['gcc'],
    flags: ['-O2', ...x86],
    libraryFlags: gccLibrary,
    arithmetic: [],
  },
  {
    name: 'clang',
    target: 'x86_64',
    from: 'c',
    commands: ['clang', 'clang-19', 'clang-18', 'clang-17', 'clang-16', 'clang-15', 'clang-14'],
    flags: ['-O3', ...x86],
    libraryFlags: ['-fno-builtin'],
    arithmetic: [],
  },
  {
    name: 'wasm2c',
    target: 'armv7',
    from: 'wasm2c',
    commands: ['arm-linux-gnueabihf-gcc'],
    flags: cortexA9,
    libraryFlags: gccLibrary,
    arithmetic: armArithmetic,
  },
  {
    name: 'gcc',
    target: 'armv7',
    from: 'c',
    commands: ['arm-linux-gnueabihf-gcc'],
    flags: cortexA9,
    libraryFlags: gccLibrary,
    arithmetic: armArithmetic,
  },
];

/** A compiler that is there. */
export interface FoundCompiler {
  readonly command: string;
  /** The first line of what it says of itself. */
  readonly version: string;
}

/** The first of these commands that runs, or undefined. */
export function findCompiler(commands: readonly string[]): FoundCompiler | undefined {
  for (const command of commands) {
    const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    if (status === 0) return { command, version: stdout.split('\n')[0] };
  }
  return undefined;
}
