import { UsageError } from '../common.ts';
import { columnOf } from './columns.ts';
import type { CompareReport, ConfigurationReport } from './report.ts';

/** What must not grow. */
const gated = [columnOf('code'), columnOf('executed')] as const;

/** A figure that changed. */
export interface Change {
  readonly before: number;
  readonly after: number;
}

/** A function with a figure that changed; 0 before where it is new, after where it is gone. */
export interface FunctionChange extends Change {
  readonly key: string;
}

/** One figure of one configuration, now and in the earlier report. */
export interface Comparison {
  readonly configuration: string;
  /** For people: bytes of machine code, instructions executed. */
  readonly what: string;
  readonly total: Change;
  /** Functions that grew, the most first. */
  readonly grown: readonly FunctionChange[];
  readonly shrunk: readonly FunctionChange[];
  /** It grew by more than is allowed. */
  readonly failed: boolean;
}

/** What two reports have in common, and which configurations they have not. */
export interface Comparisons {
  /** Options that only one of them was compiled with. */
  readonly options: { readonly now: readonly string[]; readonly before: readonly string[] };
  readonly comparisons: readonly Comparison[];
  readonly unmatched: readonly {
    readonly name: string;
    readonly where: 'this report' | 'the earlier report';
  }[];
}

/**
 * Whether a report can be compared with one that is still to be made: of this run, with configurations of these names.
 * @throws UsageError if the runs are not the same, or no configuration is
 */
export function checkComparable(before: CompareReport, run: string | null, names: readonly string[]): void {
  if (run !== before.run)
    throw new UsageError(
      `--against: the earlier report is of ${before.run ?? 'no run'}, this one of ${run ?? 'no run'}: only the same can be compared`,
    );
  if (!before.configurations.some(({ name }) => names.includes(name)))
    throw new UsageError(
      `--against: the earlier report has ${before.configurations.map(({ name }) => name).join(', ') || 'nothing'}, none of which is here`,
    );
}

/**
 * Compares what two reports have in common: code size, and executed instructions of the same run.
 * @param allow the share by which each total may grow
 * @throws UsageError as {@link checkComparable}
 */
export function compareReports(now: CompareReport, before: CompareReport, allow: number): Comparisons {
  checkComparable(
    before,
    now.run,
    now.configurations.map(({ name }) => name),
  );
  const pairs = now.configurations.flatMap((after) => {
    const earlier = before.configurations.find(({ name }) => name === after.name);
    return earlier ? [{ after, earlier }] : [];
  });
  const comparisons = pairs.flatMap(({ after, earlier }) =>
    gated.flatMap(({ of, description }) => {
      const total = { before: of(earlier.total), after: of(after.total) };
      if (total.before === undefined || total.after === undefined) return [];
      const change = { before: total.before, after: total.after };
      const functions = changes(earlier, after, of);
      return [
        {
          configuration: after.name,
          what: description,
          total: change,
          grown: functions.filter((f) => f.after > f.before),
          shrunk: functions.filter((f) => f.after < f.before).reverse(),
          failed: change.after > change.before * (1 + allow),
        },
      ];
    }),
  );
  const without = (one: CompareReport, other: CompareReport): string[] =>
    one.configurations
      .map(({ name }) => name)
      .filter((name) => !other.configurations.some((c) => c.name === name));
  const unmatched = [
    ...without(now, before).map((name) => ({ name, where: 'this report' }) as const),
    ...without(before, now).map((name) => ({ name, where: 'the earlier report' }) as const),
  ];
  const added = (one: CompareReport, other: CompareReport): string[] =>
    (one.options ?? []).filter((option) => !other.options?.includes(option));
  return { options: { now: added(now, before), before: added(before, now) }, comparisons, unmatched };
}

/** Functions that changed, the one that grew most first. */
function changes(
  before: ConfigurationReport,
  after: ConfigurationReport,
  of: (typeof gated)[number]['of'],
): FunctionChange[] {
  const found = new Map<string, { before: number; after: number }>();
  const note = (report: ConfigurationReport, side: 'before' | 'after'): void => {
    for (const f of report.functions) {
      const change = found.get(f.key) ?? { before: 0, after: 0 };
      change[side] = of(f) ?? 0;
      found.set(f.key, change);
    }
  };
  note(before, 'before');
  note(after, 'after');
  return [...found]
    .map(([key, change]) => ({ key, ...change }))
    .filter((change) => change.before !== change.after)
    .sort((a, b) => b.after - b.before - (a.after - a.before) || (a.key < b.key ? -1 : 1));
}
