import { table } from '../common.ts';
import { shown } from '../shown.ts';
import type { Change, Comparisons, FunctionChange } from './against.ts';
import { type Column, columnOf, columns } from './columns.ts';
import { shortNames } from './configuration.ts';
import type { FunctionReport } from './figures.ts';
import type { CompareReport } from './report.ts';

/** Which functions a table shows, and how many. */
export interface View {
  /** Key of a column, or `name`. */
  readonly sort: string;
  readonly top: number;
  /** Only this one: a name or an index. */
  readonly only: string | undefined;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const grouped = (value: number): string => Math.round(value).toLocaleString('en-US');

/** Functions by their keys, with what each configuration has of them. */
function rowsOf({ configurations }: CompareReport): Map<string, (FunctionReport | undefined)[]> {
  const rows = new Map<string, (FunctionReport | undefined)[]>();
  configurations.forEach(({ functions }, k) => {
    for (const f of functions) {
      const row = rows.get(f.key) ?? configurations.map(() => undefined);
      row[k] = f;
      rows.set(f.key, row);
    }
  });
  return rows;
}

/** True where a function is what `--function` names. */
const isNamed = (f: FunctionReport, wanted: string): boolean =>
  f.name === wanted || f.key === wanted || (f.index >= 0 && String(f.index) === wanted);

/**
 * The tables for people: everything in all, and the functions, each with a line for every configuration.
 * @returns undefined if no function is what the view names
 */
export function formatReport(report: CompareReport, view: View): string | undefined {
  const { configurations } = report;
  const shown = columns.filter(({ of }) => configurations.some(({ total }) => of(total) !== undefined));
  const names = shortNames(configurations);
  const rows = [...rowsOf(report)].filter(
    ([, fs]) => view.only === undefined || fs.some((f) => f && isNamed(f, view.only ?? '')),
  );
  if (rows.length === 0) return undefined;
  rows.sort(order(view.sort));
  const listed = rows.slice(0, view.top);
  const header = ['function', '', ...shown.flatMap(headers)];
  const inAll = configurations.map(({ total }, k) => [
    k === 0 ? 'all' : '',
    names[k],
    ...shown.flatMap((c) => cells(c, c.of(total), c.of(total))),
  ]);
  const body = listed.flatMap(([key, fs]) =>
    configurations.map(({ total }, k) => [
      k === 0 ? key : '',
      names[k],
      ...shown.flatMap((c) => cells(c, fs[k] && c.of(fs[k]), c.of(total))),
    ]),
  );
  const hidden = rows.length - listed.length;
  return [
    table(header, [...(view.only === undefined ? inAll : []), ...body]),
    ...(hidden > 0 ? [`… and ${grouped(hidden)} more functions`] : []),
  ].join('\n');
}

/** These have their share of all beside them. */
const withShare = new Set(['executed', 'samples']);

const headers = ({ key, title }: Column): string[] => (withShare.has(key) ? [title, ''] : [title]);

function cells({ key }: Column, value: number | undefined, all: number | undefined): string[] {
  const text = value === undefined ? '-' : grouped(value);
  if (!withShare.has(key)) return [text];
  return [text, value === undefined || !all ? '' : percent(value / all)];
}

type Row = readonly [key: string, functions: readonly (FunctionReport | undefined)[]];

/** By the largest share that any configuration has of its own total; by name as it is. */
function order(sort: string): (a: Row, b: Row) => number {
  const byName = (a: Row, b: Row): number => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
  if (sort === 'name') return byName;
  const { of } = columnOf(sort);
  const most = ([, fs]: Row): number => Math.max(...fs.map((f) => (f && of(f)) ?? 0));
  return (a, b) => most(b) - most(a) || byName(a, b);
}

const signed = ({ before, after }: Change): string => {
  const added = after - before;
  const share = before === 0 ? 'new' : `${added < 0 ? '' : '+'}${((100 * added) / before).toFixed(2)} %`;
  return `${added < 0 ? '-' : '+'}${grouped(Math.abs(added))} (${share})`;
};

/**
 * What changed since an earlier report: a line for each total, then the functions that changed most; at last the configurations and options
 * that only one of the reports has.
 */
export function formatComparisons({ options, comparisons, unmatched }: Comparisons, top: number): string {
  const found = comparisons.map(({ configuration, what, total, grown, shrunk, failed }) => {
    const change =
      total.before === total.after
        ? `${grouped(total.after)}, unchanged`
        : `${grouped(total.before)} -> ${grouped(total.after)}, ${signed(total)}`;
    return [
      `${failed ? 'FAILED ' : ''}${configuration}: ${what}: ${change}`,
      ...listOf('grew', grown, top),
      ...listOf('shrank', shrunk, top),
    ].join('\n');
  });
  return [
    ...found,
    ...unmatched.map(({ name, where }) => `${shown(name)}: not compared, only ${where} has it`),
    ...options.now.map((option) => `only this report is with ${option}`),
    ...options.before.map((option) => `only the earlier report is with ${shown(option)}`),
  ].join('\n');
}

function listOf(verb: string, functions: readonly FunctionChange[], top: number): string[] {
  const lines = functions
    .slice(0, top)
    .map((f) => `  ${shown(f.key)} ${verb}: ${grouped(f.before)} -> ${grouped(f.after)}, ${signed(f)}`);
  const hidden = functions.length - lines.length;
  return hidden > 0 ? [...lines, `  … and ${grouped(hidden)} more ${verb}`] : lines;
}
