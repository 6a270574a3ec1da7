import { type SchemeName, schemeNames } from '../../compiler/stack/scheme.ts';
import type { TargetName } from '../../compiler/target.ts';
import type { BenchReport, CompileCost, ContestantName, WorkloadResult } from '../model.ts';
import { type Figure, figureOf, figures, geometricMean, peersWith, ratio } from './figures.ts';

/** A table of text, whose first column names the rows. */
export interface Table {
  readonly title: string;
  /** What the figures are. */
  readonly note: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const none = '-';
const count = (value: number | undefined): string =>
  value === undefined ? none : Math.round(value).toLocaleString('en-US');
const share = (value: number | undefined): string => (value === undefined ? none : value.toFixed(2));
const milliseconds = (value: number | undefined): string =>
  value === undefined ? none : (value * 1000).toFixed(value < 0.01 ? 2 : 1);
const percent = (added: number, of: number): string =>
  added === 0 || of === 0 ? '0' : `${added > 0 ? '+' : ''}${((100 * added) / of).toFixed(2)} %`;

const compare = 'Ratios are Fathom by the peer: below 1 Fathom needs less.';

/** All tables of a report; those without any figure are left out. */
export function tablesOf(report: BenchReport): Table[] {
  return [
    ratios(report, 'x86-64: time', figures.time, milliseconds, 'ms', {
      note: `Milliseconds of one call of \`run\` on this machine, medians. ${compare} V8 runs code of TurboFan's alone (\`--no-liftoff --no-wasm-lazy-compilation\`), wasm2c's C is compiled by \`gcc -O2\`, the kernel's own C by \`clang -O3\`, both for x86-64-v2, as Fathom's is.`,
    }),
    ratios(report, 'x86-64: instructions', figures.instructions, count, 'instructions', {
      note: `Executed by one call of \`run\`, exactly, by the emulator's count. ${compare}`,
    }),
    ratios(report, 'ARMv7: cycles on a Cortex-A9, estimated', figures.armCycles, count, 'cycles', {
      note: `By the model of docs/cortex-a9.md, which leaves out caches and branch prediction, from exact counts of all blocks. ${compare} wasm2c's C and the kernel's own C are compiled by \`arm-linux-gnueabihf-gcc -O2 -mcpu=cortex-a9 -marm\` and counted on the same emulator.`,
    }),
    ratios(report, 'ARMv7: instructions', figures.armInstructions, count, 'instructions', {
      note: `Executed by one call of \`run\`, exactly. ${compare}`,
    }),
    ratios(report, 'x86-64: bytes of code', figures.code, count, 'bytes', {
      note: `Machine code of the module's functions, without what enters them. ${compare} V8 does not tell.`,
    }),
    ratios(report, 'ARMv7: bytes of code', figures.armCode, count, 'bytes', { note: compare }),
    compileTable(report),
    ...(['x86_64', 'armv7'] as const).flatMap((target) => [
      schemeTable(report, target, 'instructions'),
      schemeTable(report, target, 'codeBytes'),
    ]),
    problems(report),
  ].filter(({ rows }) => rows.length > 0);
}

/** Fathom's figure, and its ratio to every peer that has one, with geometric means. */
function ratios(
  report: BenchReport,
  title: string,
  figure: Figure,
  format: (value: number | undefined) => string,
  unit: string,
  { note }: { readonly note: string },
): Table {
  const peers = peersWith(report, figure);
  const measured = report.workloads.filter((w) => figureOf(w, figure, 'fathom') !== undefined);
  const rows = measured.map((workload) => [
    workload.name,
    format(figureOf(workload, figure, 'fathom')),
    ...peers.map((peer) => share(ratio(workload, figure, peer))),
  ]);
  const means = peers.map((peer) =>
    share(geometricMean(measured.flatMap((workload) => ratio(workload, figure, peer) ?? []))),
  );
  if (rows.length > 1 && peers.length > 0) rows.push(['geometric mean', '', ...means]);
  return {
    title,
    note,
    header: ['workload', `Fathom, ${unit}`, ...peers.map((peer) => `by ${labels[peer]}`)],
    rows,
  };
}

/** Contestants' names as people write them. */
export const labels: Readonly<Record<ContestantName, string>> = {
  fathom: 'Fathom',
  v8: 'V8',
  wasm2c: 'wasm2c',
  clang: 'clang',
  gcc: 'gcc',
};

const compilers = [
  ['x86_64', 'fathom'],
  ['armv7', 'fathom'],
  ['x86_64', 'v8'],
  ['x86_64', 'wasm2c'],
  ['x86_64', 'clang'],
  ['armv7', 'wasm2c'],
  ['armv7', 'gcc'],
] as const;

function compileTable({ workloads }: BenchReport): Table {
  const costOf = (w: WorkloadResult, target: TargetName, who: ContestantName): CompileCost | undefined => {
    const outcome = w.targets[target][who];
    return outcome?.state === 'measured' ? outcome.compile : undefined;
  };
  const columns = compilers.filter(([target, who]) => workloads.some((w) => costOf(w, target, who)));
  const cell = (cost: CompileCost | undefined): string => {
    if (cost === undefined) return none;
    const peak = cost.peakBytes === undefined ? '' : `, ${Math.round(cost.peakBytes / 2 ** 20)} MiB`;
    return `${cost.seconds.toFixed(cost.seconds < 0.1 ? 3 : 2)} s${peak}`;
  };
  return {
    title: 'Compiling: time and peak memory',
    note: "Of the commands: `fathom compile` to an image, Node's start included; wasm2c and gcc, or clang, to an object. V8: inside a process of Node, whose memory is all of the process's.",
    header: ['workload', ...columns.map(([target, who]) => `${labels[who]}, ${target}`)],
    // Peers' code is compiled anyhow; without Fathom's there is nothing to compare.
    rows: !columns.some(([, who]) => who === 'fathom')
      ? []
      : workloads.map((w) => [w.name, ...columns.map(([t, who]) => cell(costOf(w, t, who)))]),
  };
}

function schemeTable(
  { workloads }: BenchReport,
  target: TargetName,
  what: 'instructions' | 'codeBytes',
): Table {
  const schemes = schemeNames.filter((name): name is Exclude<SchemeName, 'none'> => name !== 'none');
  const rows = workloads.flatMap((workload) => {
    const costs = workload.schemes[target] ?? [];
    const orders = [...new Set(costs.map((cost) => cost.order))];
    return orders.map((order) => {
      const same = costs.filter((cost) => cost.order === order);
      const base = same.find(({ scheme }) => scheme === 'none')?.[what] ?? 0;
      const cells = schemes.map((name) => {
        const cost = same.find(({ scheme }) => scheme === name);
        if (cost === undefined) return none;
        return percent(what === 'instructions' ? cost.addedInstructions : cost.addedCode, base);
      });
      return [workload.name, order, count(base), ...cells];
    });
  });
  const unit = what === 'instructions' ? 'instructions executed' : 'bytes of code';
  return {
    title: `${target === 'armv7' ? 'ARMv7' : 'x86-64'}: ${unit} that publication schemes add`,
    note: 'In comparison with `none` of the same memory order.',
    header: ['workload', 'order', 'none', ...schemes],
    rows,
  };
}

function problems({ workloads, missing }: BenchReport): Table {
  const failed = workloads.flatMap(({ name, targets }) =>
    (['x86_64', 'armv7'] as const).flatMap((target) =>
      Object.entries(targets[target]).flatMap(([who, outcome]) =>
        outcome.state === 'failed'
          ? [[`${labels[who as ContestantName]} on ${target}, ${name}`, outcome.reason]]
          : [],
      ),
    ),
  );
  const unknown = workloads.flatMap(({ name, targets }) =>
    Object.entries(targets.armv7).flatMap(([who, outcome]) => {
      const executed = outcome.state === 'measured' ? outcome.counted?.unknown : undefined;
      if (executed === undefined) return [];
      const list = Object.entries(executed).map(([mnemonic, times]) => `${mnemonic}, ${count(times)} times`);
      const what = `cycles of ${labels[who as ContestantName]}, ${name}`;
      return [[what, `the model does not know all that is executed: ${list.join('; ')}`]];
    }),
  );
  return {
    title: 'What failed, is missing, or is not all known',
    note: 'There are no figures for what failed or is missing.',
    header: ['what', 'why'],
    rows: [...failed, ...missing.map(({ what, reason }) => [what, reason]), ...unknown],
  };
}

/** The machine and the versions, as lines of text. */
export function environmentLines({ environment, quick, level, scheme, order }: BenchReport): string[] {
  const { date, processor, cores, memoryBytes, system, versions } = environment;
  return [
    `${date}, ${quick ? '`fathom bench --quick`' : '`fathom bench`'}; Fathom compiles with -O${level}, scheme ${scheme}, order ${order}`,
    `${processor}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${system}`,
    Object.entries(versions)
      .map(([name, version]) => (version.includes(name) ? version : `${name} ${version}`))
      .join('; '),
  ];
}
