import type { BenchReport } from '../model.ts';
import { markdownOf } from './markdown.ts';

/** Between these the tables stand in docs/performance.md. */
const marks = { begin: '<!-- figures -->', end: '<!-- end of figures -->' } as const;

/**
 * A page with its tables replaced by those of a report.
 * @throws RangeError if it has no place for them
 */
export function updatedPage(page: string, report: BenchReport): string {
  const begin = page.indexOf(marks.begin);
  const end = page.indexOf(marks.end);
  if (begin < 0 || end < begin) throw new RangeError(`the page has no ${marks.begin} ... ${marks.end}`);
  const warning = report.quick
    ? 'These are figures of `--quick`, which are rough: times are medians of four short calls.\n\n'
    : '';
  return `${page.slice(0, begin + marks.begin.length)}\n\n${warning}${markdownOf(report)}\n${page.slice(end)}`;
}
