import { schemeNames } from '../../compiler/stack/scheme.ts';
import type { TargetName } from '../../compiler/target.ts';
import { table } from '../common.ts';
import { type Encounter, type Tally, worst } from './compatibility.ts';
import { bytes, type Cost, type CostReport } from './costs.ts';

/** A table with what it shows. */
export interface Section {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** Schemes that are compared with `none`. */
const compared = schemeNames.filter((scheme) => scheme !== 'none');

const targetsOf = (items: readonly { readonly target: TargetName }[]): TargetName[] => [
  ...new Set(items.map(({ target }) => target)),
];

/** The costs: per target what is executed, the code, and the image. */
export function costSections({ costs }: CostReport): Section[] {
  return targetsOf(costs).flatMap((target) => {
    const groups = new Map<string, Cost[]>();
    for (const cost of costs) {
      if (cost.target !== target) continue;
      const key = `${cost.workload} ${cost.order}`;
      groups.set(key, [...(groups.get(key) ?? []), cost]);
    }
    const all = [...groups.values()];
    const relaxed = all.filter(([{ order }]) => order === 'relaxed');
    return [
      section(
        `${target}: instructions executed with none, and what each scheme adds: share, and instructions per call of a function that calls`,
        ['calls', 'none'],
        all,
        ({ nonLeafCalls, instructions }) => [nonLeafCalls, instructions],
        (cost, none) =>
          cost.addedInstructions === 0
            ? '0'
            : `${share(cost.addedInstructions, none.instructions)} ${cost.addedPerCall.toFixed(2)}`,
      ),
      section(
        `${target}: bytes of code with none, and what each scheme adds`,
        ['none'],
        all,
        ({ size }) => [size.code],
        (cost, none) => share(cost.addedCode, none.size.code),
      ),
      section(
        `${target}: bytes of the image with none, and what it takes more to read whole stacks, code and rows of frames`,
        ['none'],
        relaxed,
        ({ size }) => [bytes(size)],
        (cost, none) => share(cost.addedImage, bytes(none.size)),
      ),
    ];
  });
}

function section(
  title: string,
  first: readonly string[],
  groups: readonly (readonly Cost[])[],
  figures: (none: Cost) => number[],
  cell: (cost: Cost, none: Cost) => string,
): Section {
  return {
    title,
    header: ['workload', 'order', ...first, ...compared],
    rows: groups.map((group) => {
      const of = (scheme: string): Cost => group.find((cost) => cost.scheme === scheme) ?? group[0];
      const none = of('none');
      return [
        none.workload,
        none.order,
        ...figures(none),
        ...compared.map((scheme) => cell(of(scheme), none)),
      ];
    }),
  };
}

/** Exactly nothing is `0`; what only rounds to it is not. */
const share = (added: number, of: number): string =>
  added === 0 ? '0' : `${added < 0 ? '' : '+'}${((100 * added) / of).toFixed(2)} %`;

/** What every refusal begins with. */
const prefix = "the reader cannot read this machine's stack: ";

/** Who reads whom, target by target. */
export function encounterSections(encounters: readonly Encounter[]): Section[] {
  return targetsOf(encounters).map((target) => ({
    title: `${target}: readers and images; what a reader that refuses would have read`,
    header: [
      'reader (ABI)',
      'image (ABI)',
      'reads, or refuses because of',
      'without that check',
      'without any',
    ],
    rows: encounters
      .filter((e) => e.target === target)
      .map((e) => [
        `${e.reader} (${e.readerAbi})`,
        `${e.image} (${e.imageAbi})`,
        e.refusal?.replace(prefix, '') ?? outcome(e.checked ?? {}),
        outcome(e.forced),
        e.believed === null ? '-' : outcome(e.believed),
      ]),
  }));
}

/** The worst outcome, and at what share of the interrupts where others are better. */
function outcome(tally: Tally): string {
  const all = Object.values(tally).reduce((sum, count) => sum + count, 0);
  const name = worst(tally);
  const count = tally[name] ?? 0;
  return count === all ? name : `${name} at ${Math.ceil((100 * count) / all)} %`;
}

/** For terminals. */
export const asText = (sections: readonly Section[]): string =>
  sections.map(({ title, header, rows }) => `${title}\n\n${table(header, rows)}`).join('\n\n');

/** For pages. */
export const asMarkdown = (sections: readonly Section[]): string =>
  sections
    .map(({ title, header, rows }) => {
      const line = (cells: readonly (string | number)[]): string =>
        `| ${cells.map((c) => (typeof c === 'number' ? c.toLocaleString('en-US') : c)).join(' | ')} |`;
      const rule = header.map((_, column) => (typeof rows[0]?.[column] === 'number' ? '---:' : '---'));
      return `**${title}**\n\n${[line(header), line(rule), ...rows.map(line)].join('\n')}\n`;
    })
    .join('\n');
