import type { Module } from '../../compiler/wasm/module.ts';
import { seededRandom } from '../../emu/interrupts.ts';
import { type HostImports, hostImports } from '../imports.ts';

/** Names of WASI's module, as programs import it. */
const wasiModules = ['wasi_snapshot_preview1', 'wasi_unstable'];

/**
 * Imports for a program that is checked: what `fathom run` gives, but without output, with a clock and random numbers that are the same in every
 * run, so that shards of a check see one run; and functions of any other module, which return zeros, so that the program goes on.
 *
 * @param memoryOf the instance's exported memory, once there is one
 */
export function checkedImports(
  module: Module,
  create: Parameters<typeof hostImports>[1],
  args: readonly string[],
): HostImports {
  const made = hostImports(module, create, args);
  let memory: { readonly buffer: ArrayBufferLike } | undefined;
  const view = (): DataView => new DataView(memory?.buffer ?? new ArrayBuffer(0));
  const random = seededRandom(1);
  let now = 1_000_000_000n;
  const quiet: Readonly<Record<string, (...args: never[]) => unknown>> = {
    fd_write(_fd: number, vectors: number, count: number, written: number) {
      let total = 0;
      for (let i = 0; i < count; i++) total += view().getUint32((vectors >>> 0) + 8 * i + 4, true);
      view().setUint32(written >>> 0, total, true);
      return 0;
    },
    clock_time_get(_clock: number, _precision: bigint, result: number) {
      now += 1_000_000n;
      view().setBigUint64(result >>> 0, now, true);
      return 0;
    },
    random_get(at: number, length: number) {
      for (let i = 0; i < length >>> 0; i++) view().setUint8((at >>> 0) + i, random(256));
      return 0;
    },
  };
  for (const { module: space, name, kind, index } of module.imports) {
    if (kind !== 'function') continue;
    if (wasiModules.includes(space)) {
      if (name in quiet) made.imports[space][name] = quiet[name];
      continue;
    }
    const { results } = module.types[module.functions[index].typeIndex];
    const zeros = results.map((type) => (type === 'i64' ? 0n : type.endsWith('ref') ? null : 0));
    made.imports[space][name] = () => (zeros.length === 1 ? zeros[0] : zeros);
  }
  return {
    imports: made.imports,
    attach(found) {
      memory = found;
      made.attach(found);
    },
  };
}
