import type { TargetName } from '../../compiler/target.ts';
import type { BenchReport, ContestantName, Measured, PeerName, WorkloadResult } from '../model.ts';

/** A figure of a contestant that others can be set against. */
export interface Figure {
  readonly target: TargetName;
  readonly of: (measured: Measured) => number | undefined;
}

/** What is compared: lower is better in all of them. */
export const figures = {
  time: { target: 'x86_64', of: ({ timing }) => timing?.median },
  instructions: { target: 'x86_64', of: ({ counted }) => counted?.instructions },
  armInstructions: { target: 'armv7', of: ({ counted }) => counted?.instructions },
  armCycles: { target: 'armv7', of: ({ counted }) => counted?.cycles },
  code: { target: 'x86_64', of: ({ codeBytes }) => codeBytes },
  armCode: { target: 'armv7', of: ({ codeBytes }) => codeBytes },
} as const satisfies Record<string, Figure>;

/** A contestant's figure, or undefined. */
export function figureOf(workload: WorkloadResult, figure: Figure, who: ContestantName): number | undefined {
  const outcome = workload.targets[figure.target][who];
  return outcome?.state === 'measured' ? figure.of(outcome) : undefined;
}

/** Fathom's figure by a peer's: below 1 where Fathom needs less. Undefined where one of them is. */
export function ratio(workload: WorkloadResult, figure: Figure, peer: PeerName): number | undefined {
  const own = figureOf(workload, figure, 'fathom');
  const other = figureOf(workload, figure, peer);
  return own === undefined || other === undefined || other === 0 ? undefined : own / other;
}

/** The geometric mean, as ratios have it; undefined of none. */
export function geometricMean(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Peers that have this figure in any workload, in the order of {@link BenchReport.peers}. */
export const peersWith = ({ peers, workloads }: BenchReport, figure: Figure): PeerName[] =>
  peers.filter((peer) => workloads.some((workload) => figureOf(workload, figure, peer) !== undefined));
