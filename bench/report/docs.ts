import type { BenchReport } from '../model.ts';
import { markdownOf } from './markdown.ts';

/** Between these the tables stand in docs/performance.md. */
const marks = { begin: '<!-- figures -->', end: '<!-- end of figures -->' } as const;

/**
 * A page with its tables replaced by those of a report.
 * @throws RangeError if it has no place for them
 */
export function updatedPage(page: string, report: BenchReport): string {
  const { begin, end } = placeOf(page);
  const warning = report.quick
    ? 'These are figures of `--quick`, which are rough: times are medians of four short calls.\n\n'
    : '';
  return `${page.slice(0, begin + marks.begin.length)}\n\n${warning}${markdownOf(report)}\n${page.slice(end)}`;
}

/**
 * Where the tables of a page are.
 * @throws RangeError if it has no place for them
 */
export function placeOf(page: string): { readonly begin: number; readonly end: number } {
  const begin = page.indexOf(marks.begin);
  const end = page.indexOf(marks.end);
  if (begin < 0 || end < begin) throw new RangeError(`has no ${marks.begin} ... ${marks.end}`);
  return { begin, end };
}
