import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OptimisationLevel } from '../compiler/passes/pipeline.ts';
import type { MemoryOrder, SchemeName } from '../compiler/stack/scheme.ts';
import { environment } from './environment.ts';
import { loadCycleModel } from './measure/cycles.ts';
import { measureWorkload, type ReadyPeer } from './measure/workload.ts';
import type { BenchReport, Missing, PeerName, WorkloadResult } from './model.ts';
import { type CompilerPeer, compilerPeers, findCompiler } from './peers/compilers.ts';
import { MissingWorkloadError, type Workload } from './workload.ts';

export interface BenchOptions {
  readonly workloads: readonly Workload[];
  readonly peers: readonly PeerName[];
  /** Smaller work, fewer repetitions, one memory order, no compile cost of Fathom's. */
  readonly quick: boolean;
  readonly level: OptimisationLevel;
  readonly scheme: SchemeName;
  readonly order: MemoryOrder;
  /** Told what is being done, and how many workloads are done. */
  readonly progress?: (what: string, done: number, of: number) => void;
  /** Compilers to measure in place of {@link compilerPeers}, in tests. */
  readonly compilers?: readonly CompilerPeer[];
}

/** Runs all workloads and measures. What is missing is named in the report, and so is what fails. */
export async function runBench(options: BenchOptions): Promise<BenchReport> {
  const { quick, level, scheme, order, peers } = options;
  const model = await loadCycleModel();
  const missing: Missing[] = [];
  const versions: Record<string, string> = {};
  const compilers: ReadyPeer[] = (options.compilers ?? compilerPeers)
    .filter(({ name }) => peers.includes(name))
    .map((peer) => {
      const found = findCompiler(peer.commands);
      if (found !== undefined) versions[found.command] = found.version;
      else
        missing.push({
          what: `${peer.name} for ${peer.target}`,
          reason: `there is no ${peer.commands[0]} on this machine`,
        });
      return { peer, command: found?.command };
    });
  const chosen = options.workloads.filter(({ fullOnly }) => !(quick && fullOnly));
  for (const { name } of options.workloads.filter((workload) => !chosen.includes(workload)))
    missing.push({ what: name, reason: 'it takes too long for --quick' });
  const folder = mkdtempSync(join(tmpdir(), 'fathom-bench-'));
  const shared = join(folder, 'shared-objects');
  mkdirSync(shared);
  const objects = new Map<string, Promise<string>>();
  const results: WorkloadResult[] = [];
  try {
    for (const [index, workload] of chosen.entries()) {
      try {
        const result = await measureWorkload(workload, {
          code: { level, scheme, order },
          quick,
          model,
          v8: peers.includes('v8'),
          compilers,
          folder: shared,
          objects,
          progress: (what) => options.progress?.(what, index, chosen.length),
        });
        results.push(result);
      } catch (error) {
        if (!(error instanceof MissingWorkloadError)) throw error;
        missing.push({ what: workload.name, reason: error.message });
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    environment: environment(versions),
    quick,
    level,
    scheme,
    order,
    peers,
    workloads: results,
    missing,
  };
}
