/** Bars of some workloads: for each, one bar a series. */
export interface Chart {
  readonly title: string;
  readonly series: readonly string[];
  /** Which of the page's colours each series has, so that it is the same in all charts. */
  readonly colours: readonly number[];
  readonly groups: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[];
}

/** Sizes in pixels. */
const size = { width: 860, left: 120, right: 60, bar: 9, gap: 7, top: 26, bottom: 22 } as const;

/** A bar as far as this is cut off, and its value says how long it is. */
const most = 3;

/** Escapes text for HTML and SVG. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Horizontal bars from 0, with a line at 1, as SVG. Colours are the page's: classes `series-0`, `series-1`... */
export function chartSvg({ title, series, colours, groups }: Chart): string {
  const groupHeight = series.length * size.bar + size.gap;
  const height = size.top + groups.length * groupHeight + size.bottom;
  const values = groups.flatMap((group) => group.values.map((value) => value ?? 0));
  const end = Math.min(most, Math.max(1.25, ...values) * 1.05);
  const x = (value: number): number =>
    size.left + (Math.min(value, end) / end) * (size.width - size.left - size.right);
  const parts: string[] = [];
  const base = height - size.bottom;
  for (let tick = 0; tick <= end; tick += 0.5) {
    parts.push(
      `<line class="${tick === 1 ? 'one' : 'grid'}" x1="${x(tick)}" x2="${x(tick)}" y1="${size.top - 6}" y2="${base}"/>`,
      `<text class="tick" x="${x(tick)}" y="${base + 14}" text-anchor="middle">${tick}</text>`,
    );
  }
  for (const [g, { name, values }] of groups.entries()) {
    const top = size.top + g * groupHeight;
    const middle = top + (groupHeight - size.gap) / 2 + 4;
    parts.push(`<text x="${size.left - 8}" y="${middle}" text-anchor="end">${escaped(name)}</text>`);
    for (const [s, value] of values.entries()) {
      if (value === undefined) continue;
      const y = top + s * size.bar;
      parts.push(
        `<rect class="series-${colours[s]}" x="${size.left}" y="${y}" width="${(x(value) - size.left).toFixed(1)}" height="${size.bar - 1}"><title>${escaped(`${name}, ${series[s]}: ${value.toFixed(2)}`)}</title></rect>`,
        `<text class="value" x="${(x(value) + 4).toFixed(1)}" y="${y + size.bar - 1.5}">${value.toFixed(2)}</text>`,
      );
    }
  }
  const key = series.map((name, s) => {
    const at = size.left + s * 150;
    return `<rect class="series-${colours[s]}" x="${at}" y="4" width="10" height="10"/><text x="${at + 15}" y="13">${escaped(name)}</text>`;
  });
  return `<svg viewBox="0 0 ${size.width} ${height}" role="img" aria-label="${escaped(title)}">${key.join('')}${parts.join('')}</svg>`;
}
