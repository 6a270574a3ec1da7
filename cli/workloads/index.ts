import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openSourceMap } from '../../bench/packages/source-map.ts';
import { openSqlite } from '../../bench/packages/sqlite.ts';
import type { EmulatedWebAssembly } from '../../emu/webassembly.ts';
import { loadModule } from '../common.ts';

/**
 * A program that schemes are measured on, the same work on every engine. `open` makes it ready; what it returns does the work, and
 * its result is the same every time.
 */
export interface Workload {
  readonly name: string;
  /** What it shows. */
  readonly kind: 'calls' | 'mixed' | 'real';
  /** @throws Error of code MODULE_NOT_FOUND if it comes from a package that is not installed */
  open(webAssembly: EmulatedWebAssembly): Promise<() => unknown>;
}

/** Where the programs stand, as seen from this file and from its compiled form in `dist/`. */
const folders = ['./programs/', '../../../cli/workloads/programs/'];

/** One of the programs beside this file, as a binary module. */
export async function programBytes(name: string): Promise<Uint8Array> {
  const paths = folders.map((folder) => fileURLToPath(new URL(`${folder}${name}.wat`, import.meta.url)));
  return (await loadModule(paths.find((path) => existsSync(path)) ?? paths[0])).bytes;
}

type Functions = Record<'run' | 'back', (n: number) => number>;

/** Instantiates one of the programs. Its import `host.again`, where it has one, calls its export `back`. */
export async function openProgram(name: string, webAssembly: EmulatedWebAssembly): Promise<Functions> {
  const host = { again: (n: number): number => functions.back(n) };
  const module = new webAssembly.Module(await programBytes(name));
  const functions = new webAssembly.Instance(module, { host }).exports as Functions;
  return functions;
}

const program = (name: string, kind: 'calls' | 'mixed', argument: number): Workload => ({
  name,
  kind,
  async open(webAssembly) {
    const { run } = await openProgram(name, webAssembly);
    return () => run(argument);
  },
});

/** The workloads, by what they show. */
export const workloads: readonly Workload[] = [
  program('fib', 'calls', 23),
  program('even-odd', 'calls', 200),
  program('leaf', 'calls', 200_000),
  program('mixed', 'mixed', 50),
  {
    name: 'sqlite',
    kind: 'real',
    async open(webAssembly) {
      const work = await openSqlite(webAssembly);
      return () => work(2000);
    },
  },
  {
    name: 'source-map',
    kind: 'real',
    async open(webAssembly) {
      const work = openSourceMap(webAssembly);
      // The first consumer compiles the module.
      await work(1);
      return () => work(3000);
    },
  },
];
