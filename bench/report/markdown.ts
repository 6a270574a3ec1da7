import type { BenchReport } from '../model.ts';
import { environmentLines, type Table, tablesOf } from './tables.ts';

/** The report as Markdown, for a terminal or a page. */
export function markdownOf(report: BenchReport): string {
  const head = environmentLines(report).map((line) => `- ${line}`);
  return `${[head.join('\n'), ...tablesOf(report).map(markdownTable)].join('\n\n')}\n`;
}

function markdownTable({ title, note, header, rows }: Table): string {
  // Columns of figures are to the right; the first one names things.
  const numeric = header.map((_, i) => i > 0 && rows.every((row) => /^[-+\d]|^$/.test(row[i])));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replace(/\s+/g, ' ')).join(' | ')} |`;
  return [
    `### ${title}`,
    '',
    note,
    '',
    line(header),
    `| ${numeric.map((right) => (right ? '---:' : '---')).join(' | ')} |`,
    ...rows.map(line),
  ].join('\n');
}
