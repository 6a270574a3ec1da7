import { causes, structural } from './causes.ts';
import { bounds, type Comparison, type Distribution, distribution, percentiles } from './compare.ts';

/** Blocks by kind; those of VFP and NEON are one kind. */
export const kinds = [
  ['integer', 'integer'],
  ['float', 'VFP and NEON'],
] as const;

const count = (n: number): string => n.toLocaleString('en-US');
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

function distributionRow(name: string, d: Distribution): string {
  const values = [...d.percentiles, d.total].map((value) => value.toFixed(2));
  return `| ${[name, count(d.blocks), ...values, percent(d.close)].join(' | ')} |`;
}

/** The table of distributions: each kind, and each kind of each source. */
export function distributionTable(compared: readonly Comparison[]): string {
  const names = ['min', ...percentiles.slice(1, -1).map((p) => (p === 50 ? 'median' : `${p} %`)), 'max'];
  const lines = [
    `| blocks | number | ${names.join(' | ')} | all cycles | within ${bounds.low}–${bounds.high} |`,
    `| --- |${' ---: |'.repeat(names.length + 3)}`,
  ];
  for (const [kind, name] of kinds) {
    const all = compared.filter((each) => each.kind === kind);
    if (all.length === 0) continue;
    lines.push(distributionRow(`**${name}**`, distribution(all)));
    for (const source of new Set(all.map(({ block }) => block.source))) {
      const some = all.filter(({ block }) => block.source === source);
      lines.push(distributionRow(`${name}, ${source}`, distribution(some)));
    }
  }
  return lines.join('\n');
}

const steps = [0, 0.5, 0.7, 0.85, 0.95, 1.05, 1.15, 1.4, 2, Number.POSITIVE_INFINITY];

/** How many blocks have a ratio in each range. */
export function histogram(compared: readonly Comparison[]): string {
  const lines = [`| ratio | ${kinds.map(([, name]) => name).join(' | ')} |`, '| --- | ---: | ---: |'];
  for (let i = 0; i + 1 < steps.length; i++) {
    const [from, to] = [steps[i], steps[i + 1]];
    const cells = kinds.map(([kind]) =>
      count(compared.filter((each) => each.kind === kind && each.ratio >= from && each.ratio < to).length),
    );
    const range =
      to === Number.POSITIVE_INFINITY ? `from ${from}` : from === 0 ? `below ${to}` : `${from} to ${to}`;
    lines.push(`| ${range} | ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

const listing = ({ block }: Comparison): string =>
  block.rows.map(({ mnemonic, operands }) => `${mnemonic} ${operands}`.trimEnd()).join('; ');

/** The shortest block of those that are farthest off: it shows the cause best. */
function exampleOf(some: readonly Comparison[]): Comparison {
  const off = ({ ratio }: Comparison): number => Math.abs(Math.log(ratio));
  const size = ({ block }: Comparison): number => block.rows.length;
  return some.reduce((a, b) => (off(b) / size(b) > off(a) / size(a) ? b : a));
}

/** Why ratios are out of bounds, with an example each. */
export function causeTable(compared: readonly Comparison[]): string {
  const lines = [
    '| cause | integer | VFP and NEON | why | example: ours, LLVM |',
    '| --- | ---: | ---: | --- | --- |',
  ];
  for (const { name, why } of [...causes, ...Object.values(structural)]) {
    const some = compared.filter((each) => each.cause === name);
    if (some.length === 0) continue;
    const cells = kinds.map(([kind]) => count(some.filter((each) => each.kind === kind).length));
    const example = exampleOf(some);
    const figures = `${example.ours.toFixed(2)}, ${example.llvm.toFixed(2)}`;
    lines.push(`| ${name} | ${cells.join(' | ')} | ${why} | \`${listing(example)}\`: ${figures} |`);
  }
  return lines.join('\n');
}

/** The worst ratios, both ways, one line each. */
export function worst(compared: readonly Comparison[], most: number): string {
  const sorted = [...compared].sort((a, b) => a.ratio - b.ratio);
  return [...sorted.slice(0, most), ...sorted.slice(-most)]
    .map((each) => {
      const figures = [each.ratio, each.ours, each.llvm].map((value) => value.toFixed(2)).join('  ');
      return `${figures}  ${each.cause ?? ''}: ${listing(each)}`;
    })
    .join('\n');
}
