import { type BenchReport, peerNames } from '../model.ts';
import { type Chart, chartSvg, escaped } from './chart.ts';
import { type Figure, figures, peersWith, ratio } from './figures.ts';
import { environmentLines, labels, type Table, tablesOf } from './tables.ts';

/** What is shown as bars, by the title of the table that has the figures. */
const charts: readonly (readonly [title: string, figure: Figure])[] = [
  ['x86-64: time', figures.time],
  ['x86-64: instructions', figures.instructions],
  ['ARMv7: cycles on a Cortex-A9, estimated', figures.armCycles],
  ['ARMv7: instructions', figures.armInstructions],
  ['x86-64: bytes of code', figures.code],
  ['ARMv7: bytes of code', figures.armCode],
];

/** The report as one page of HTML that needs nothing else: charts, tables, and all figures as JSON at its end. */
export function htmlOf(report: BenchReport): string {
  const sections = tablesOf(report).map((table) => {
    const figure = charts.find(([title]) => title === table.title)?.[1];
    return `<section><h2>${escaped(table.title)}</h2><p>${code(table.note)}</p>${figure ? chartOf(report, table.title, figure) : ''}${htmlTable(table)}</section>`;
  });
  const data = JSON.stringify(report).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fathom: benchmarks</title>
<style>${style}</style>
</head>
<body>
<h1>Fathom: benchmarks</h1>
<ul>${environmentLines(report)
    .map((line) => `<li>${code(line)}</li>`)
    .join('')}</ul>
${sections.join('\n')}
<script type="application/json" id="report">${data}</script>
</body>
</html>
`;
}

function chartOf(report: BenchReport, title: string, figure: Figure): string {
  const peers = peersWith(report, figure);
  if (peers.length === 0) return '';
  const chart: Chart = {
    title: `${title}: Fathom by each peer`,
    series: peers.map((peer) => `by ${labels[peer]}`),
    colours: peers.map((peer) => peerNames.indexOf(peer)),
    groups: report.workloads.map((workload) => ({
      name: workload.name,
      values: peers.map((peer) => ratio(workload, figure, peer)),
    })),
  };
  return `<figure>${chartSvg(chart)}<figcaption>Fathom by the peer. Left of the line at 1 Fathom needs less.</figcaption></figure>`;
}

function htmlTable({ header, rows }: Table): string {
  const cells = (row: readonly string[], tag: 'td' | 'th'): string =>
    `<tr>${row.map((cell, i) => (i === 0 ? `<th scope="${tag === 'th' ? 'col' : 'row'}">${code(cell)}</th>` : `<${tag}>${code(cell)}</${tag}>`)).join('')}</tr>`;
  return `<div class="wide"><table><thead>${cells(header, 'th')}</thead><tbody>${rows.map((row) => cells(row, 'td')).join('')}</tbody></table></div>`;
}

/** Text with `code` between backquotes. */
const code = (text: string): string => escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>');

const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6470; --line: #d5dae0; --paper: #fff; --s0: #2f6fb0; --s1: #d9822b; --s2: #4b9a58; --s3: #8a5bb5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --soft: #9aa4b0; --line: #39424d; --paper: #15191e; --s0: #6ea8e0; --s1: #eda65c; --s2: #79c286; --s3: #b691dd; }
}
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper); font: 15px/1.5 system-ui, sans-serif; }
h2 { margin-top: 2.5rem; font-size: 1.2rem; }
ul { padding-left: 1.1rem; color: var(--soft); }
figure { margin: 1rem 0; }
figcaption { color: var(--soft); font-size: 0.85rem; }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; fill: var(--ink); }
svg .grid { stroke: var(--line); }
svg .one { stroke: var(--soft); stroke-width: 1.5; }
svg .tick, svg .value { fill: var(--soft); font-size: 9px; }
.series-0 { fill: var(--s0); } .series-1 { fill: var(--s1); } .series-2 { fill: var(--s2); } .series-3 { fill: var(--s3); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.85rem; }
th, td { padding: 0.2rem 0.6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th[scope='row'], th[scope='col']:first-child { text-align: left; }
`;
