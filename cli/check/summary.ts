import { table, UsageError } from '../common.ts';
import type { UnitResult } from './unit.ts';

/** A check, or a shard of one, as `--json` prints it. */
export interface CheckSummary {
  readonly fathom: 'check';
  /** Of this form. */
  readonly version: 2;
  /** Hash of what is checked and how: equal for the shards of one check. */
  readonly plan: string;
  readonly shard: { readonly index: number; readonly of: number };
  readonly units: readonly UnitResult[];
}

/** What a unit is, without what came of it. */
const identity = ({ module, target, scheme, order, level, through }: UnitResult): string =>
  JSON.stringify([module, target, scheme, order, level, through]);

/**
 * Puts the shards of a check together.
 * @throws UsageError if they are not all the shards, once each, of one check
 */
export function mergeSummaries(summaries: readonly CheckSummary[]): CheckSummary {
  const [first] = summaries;
  if (first === undefined) throw new UsageError('--merge takes the summaries of all shards');
  const { plan, shard, units } = first;
  const seen = new Set<number>();
  for (const other of summaries) {
    if (other.plan !== plan || other.shard.of !== shard.of || other.units.length !== units.length)
      throw new UsageError('the summaries are of different checks');
    if (seen.has(other.shard.index))
      throw new UsageError(`shard ${other.shard.index + 1}/${shard.of} is there twice`);
    seen.add(other.shard.index);
  }
  for (let index = 0; index < shard.of; index++)
    if (!seen.has(index)) throw new UsageError(`shard ${index + 1}/${shard.of} is missing`);
  return {
    ...first,
    shard: { index: 0, of: 1 },
    units: units.map((_, i) => mergeUnit(summaries.map((summary) => summary.units[i]))),
  };
}

function mergeUnit(parts: readonly UnitResult[]): UnitResult {
  const [first] = parts;
  if (parts.some((part) => identity(part) !== identity(first)))
    throw new UsageError('the summaries are of different checks');
  const interrupts = parts.reduce((sum, part) => sum + part.interrupts, 0);
  const seconds = parts.reduce((sum, part) => sum + part.seconds, 0);
  const startup = parts.reduce((sum, part) => sum + part.startup, 0);
  const run = parts.filter((part) => part.due !== null);
  const [{ due } = first] = run;
  const difference = parts.find((part) => part.difference !== undefined)?.difference;
  // Up to a difference the shards ran alike; without one they must have seen the same run, and all of it between them.
  if (difference === undefined && (interrupts !== due || run.some((part) => part.due !== due)))
    throw new UsageError(
      `${first.module}, ${first.target}, ${first.scheme}, ${first.through}: the shards have ${interrupts} interrupts of ${due}`,
    );
  const skipped = run.find((part) => part.skipped !== undefined)?.skipped;
  return { ...first, interrupts, due, seconds, startup, skipped, difference };
}

/**
 * A summary as read from a file.
 * @throws UsageError if it is none
 */
export function parseSummary(path: string, text: string): CheckSummary {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${path}: is no JSON`);
  }
  if (isSummary(value)) return value;
  throw new UsageError(`${path}: is no summary of fathom check --json`);
}

function isSummary(value: unknown): value is CheckSummary {
  if (typeof value !== 'object' || value === null) return false;
  const { fathom, version, plan, shard, units } = value as Partial<CheckSummary>;
  return (
    fathom === 'check' &&
    version === 2 &&
    typeof plan === 'string' &&
    Number.isInteger(shard?.index) &&
    Number.isInteger(shard?.of) &&
    Array.isArray(units) &&
    units.every(isUnit)
  );
}

const isUnit = (unit: Partial<UnitResult> | null): boolean =>
  typeof unit === 'object' &&
  unit !== null &&
  typeof unit.module === 'string' &&
  [unit.interrupts, unit.due ?? 0, unit.seconds, unit.startup].every((n) => typeof n === 'number' && n >= 0);

export interface Totals {
  /** Distinct ones in which anything was interrupted. */
  readonly modules: number;
  /** Units that were run. */
  readonly units: number;
  readonly skipped: number;
  readonly interrupts: number;
  /** Processor time: of checking, and of all else that units need. */
  readonly seconds: number;
  readonly startup: number;
  readonly differences: number;
}

export function totals(units: readonly UnitResult[]): Totals {
  const run = units.filter(({ skipped, due }) => skipped === undefined && due !== null);
  const sum = (of: (unit: UnitResult) => number): number => run.reduce((total, unit) => total + of(unit), 0);
  return {
    modules: new Set(run.filter(({ interrupts }) => interrupts > 0).map(({ module }) => module)).size,
    units: run.length,
    skipped: units.filter(({ skipped }) => skipped !== undefined).length,
    interrupts: sum(({ interrupts }) => interrupts),
    seconds: sum(({ seconds }) => seconds),
    startup: sum(({ startup }) => startup),
    differences: run.filter(({ difference }) => difference !== undefined).length,
  };
}

/** Interrupts in a second of checking. */
export const rate = ({ interrupts, seconds }: Pick<Totals, 'interrupts' | 'seconds'>): string =>
  seconds === 0 ? '' : `${(interrupts / seconds / 1e6).toFixed(3)} M/s`;

/** A row for each way of compiling and reading; with `all`, for each unit. */
export function formatSummary({ units, shard }: CheckSummary, all: boolean): string {
  const lines: string[] = [];
  if (all) {
    const header = [
      'module',
      'target',
      'scheme',
      'order',
      '-O',
      'read by',
      'interrupts',
      'checked at',
      'result',
    ];
    lines.push(table(header, units.map(unitRow)), '');
  }
  const groups = new Map<string, UnitResult[]>();
  for (const unit of units) {
    const { target, scheme, order, level, through } = unit;
    const key = `${target} ${scheme} ${order} -O${level ?? '?'} ${through}`;
    groups.set(key, [...(groups.get(key) ?? []), unit]);
  }
  lines.push(
    formatTotals('configuration, reader', [
      ...[...groups].map(([name, members]) => [name, totals(members)] as const),
      ['all', totals(units)],
    ]),
  );
  if (shard.of > 1) lines.push(`shard ${shard.index + 1} of ${shard.of}`);
  return lines.join('\n');
}

/** A row for each total. Seconds are of processors; `checked at` is interrupts in those of checking, start-up stands beside. */
export function formatTotals(
  title: string,
  rows: readonly (readonly [name: string, totals: Totals])[],
): string {
  return table(
    [title, 'modules', 'units', 'skipped', 'interrupts', 'differences', 'checking', 'checked at', 'start-up'],
    rows.map(([name, sum]) => [
      name,
      sum.modules,
      sum.units,
      sum.skipped,
      sum.interrupts,
      sum.differences,
      `${sum.seconds.toFixed(1)} s`,
      rate(sum),
      `${sum.startup.toFixed(1)} s`,
    ]),
  );
}

function unitRow(unit: UnitResult): (string | number)[] {
  const { module, target, scheme, order, level, through, interrupts, skipped, difference } = unit;
  const result =
    skipped !== undefined ? `skipped: ${skipped}` : difference === undefined ? 'same' : 'DIFFERS';
  return [module, target, scheme, order, String(level ?? '?'), through, interrupts, rate(unit), result];
}
