import { expect, it } from 'vitest';
import { SourceFolders } from '../source/files.ts';
import { Source } from '../source/index.ts';
import { SourceLines, SourceRows } from '../source/lines.ts';
import { SourcePanes } from './source-pane.ts';

/** Nothing but names, as a hostile module has them. */
const sourceOf = (files: readonly string[]): Source =>
  new Source(new SourceLines(files, new SourceRows()), [], new SourceFolders([]));

it('has no more than a person reads, however many files a function is said to come from', () => {
  const files = Array.from({ length: 50_000 }, (_, k) => `${'folder/'.repeat(500)}${k}.c`);
  const positions = files.map((_, file) => ({ file, line: 7, column: 0 }));
  const pane = new SourcePanes(sourceOf(files)).pane(positions, []);
  expect(pane?.numbers.length).toBeLessThanOrEqual(20_002);
  expect(pane?.text.length).toBeLessThan(20_002 * 210);
  expect(pane?.text.split('\n')[0]).toMatch(/^….*folder\/0\.c$/);
  expect(pane?.rows[0]).toBe(1);
  expect(pane?.rows.at(-1)).toBe(-1);
});
