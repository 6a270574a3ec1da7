import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparison } from './compare.ts';
import { causeTable, distributionTable, histogram } from './report.ts';
import { root } from './root.ts';

/** The page that explains the model. */
export const pagePath = join(root, 'docs/cortex-a9.md');

/** The page with its tables made from these comparisons. @throws Error if a mark of a table is missing */
export function withTables(page: string, compared: readonly Comparison[]): string {
  const tables = {
    ratios: distributionTable(compared),
    histogram: histogram(compared),
    causes: causeTable(compared),
  };
  let text = page;
  for (const [name, table] of Object.entries(tables)) {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/cortex-a9.md has no ${begin} … ${end}`);
    text = `${text.slice(0, from + begin.length)}\n\n${table}\n\n${text.slice(to)}`;
  }
  return text;
}

/** Writes the tables of docs/cortex-a9.md. */
export function writeTables(compared: readonly Comparison[]): void {
  writeFileSync(pagePath, withTables(readFileSync(pagePath, 'utf8'), compared));
}
