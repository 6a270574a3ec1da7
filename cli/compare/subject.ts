import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Module } from '../../compiler/wasm/module.ts';
import { decodeModule } from '../../compiler/wasm/reader.ts';
import { checkedImports } from '../check/host-imports.ts';
import { inFile, loadModule, UsageError } from '../common.ts';
import { type HostImports, hostImports } from '../imports.ts';
import { callEntry, entryOf } from '../run.ts';
import { workloads } from '../workloads/index.ts';
import type { Run, Subject } from './build.ts';

/** What the command line says of the module and its run. */
export interface SubjectFlags {
  readonly module: string;
  readonly args: string[];
  readonly run: boolean;
  readonly invoke: string | undefined;
  readonly script: string | undefined;
  readonly 'wasm-opt': boolean | undefined;
}

const workloadPrefix = 'workload:';

/**
 * Reads what is to be compared.
 * @throws UsageError naming the file and what is wrong with it, or options that do not go together
 */
export async function subjectOf(flags: SubjectFlags): Promise<Subject> {
  const { module: path, args, script } = flags;
  const calls = flags.run || flags.invoke !== undefined;
  if (script !== undefined && calls)
    throw new UsageError('--script runs the module: it goes without --run and --invoke');
  if (args.length > 0 && !calls) throw new UsageError(`${args[0]}: arguments go with --run or --invoke`);
  if (path.startsWith(workloadPrefix)) {
    if (calls || script !== undefined) throw new UsageError(`${path}: runs by itself`);
    return workloadSubject(path);
  }
  const { bytes } = await loadModule(path, flags['wasm-opt']);
  const title = basename(path);
  // Early, so that what is no module is refused before anything is printed.
  const module = await inFile(path, () => decodeModule(bytes));
  const run = calls ? callOf(module, flags) : script === undefined ? undefined : await scriptRun(script);
  return { title, bytes, run };
}

function workloadSubject(path: string): Subject {
  const workload = workloads.find(({ name }) => path === workloadPrefix + name);
  if (workload === undefined)
    throw new UsageError(
      `${path}: there are ${workloads.map(({ name }) => workloadPrefix + name).join(', ')}`,
    );
  return {
    title: workload.name,
    bytes: undefined,
    run: { label: path, open: (webAssembly) => workload.open(webAssembly) },
  };
}

function callOf(module: Module, flags: SubjectFlags): Run {
  const entry = entryOf(module, flags);
  const args = [basename(flags.module), ...flags.args];
  return {
    label: [entry.name, ...flags.args].join(' '),
    async open(webAssembly, image) {
      if (image === undefined) throw new RangeError('nothing to call');
      return () => callEntry(webAssembly, image, entry, (of, create) => steadyImports(of, create, args));
    },
  };
}

/** The same in every run, without output; functions that nobody provides throw an error that names them. */
function steadyImports(
  module: Module,
  create: Parameters<typeof hostImports>[1],
  args: readonly string[],
): HostImports {
  const steady = checkedImports(module, create, args);
  const { imports } = hostImports(module, create, args);
  for (const { module: space, name, kind } of module.imports)
    if (kind === 'function' && !space.startsWith('wasi_')) steady.imports[space][name] = imports[space][name];
  return steady;
}

/** JavaScript that runs the module, as its own glue would: a module whose default export takes a `WebAssembly`. */
async function scriptRun(path: string): Promise<Run> {
  let script: unknown;
  try {
    script = ((await import(pathToFileURL(resolve(path)).href)) as { default?: unknown }).default;
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (typeof script !== 'function')
    throw new UsageError(`${path}: its default export is to be a function that takes a WebAssembly`);
  return { label: basename(path), open: async (webAssembly) => () => script(webAssembly) };
}
