import type { Argv } from 'yargs';
import type { TargetName } from '../compiler/target.ts';
import { ExitCode, level, Progress, UsageError } from './common.ts';
import { encounters } from './schemes/compatibility.ts';
import { type CostReport, measureCosts } from './schemes/costs.ts';
import { asText, costSections, encounterSections } from './schemes/report.ts';
import { type Workload, workloads } from './workloads/index.ts';

interface Flags {
  costs: boolean | undefined;
  compatibility: boolean | undefined;
  target: TargetName | undefined;
  only: string | undefined;
  O: number | undefined;
  json: boolean;
}

/** `fathom schemes`: what each publication scheme costs, and which readers go with which images. */
export function schemesCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'schemes',
    'Measure what each publication scheme costs, and show which readers go with which images',
    (y) =>
      y
        .option('costs', {
          describe: 'only what they cost: instructions executed, bytes of code and of the image',
          type: 'boolean',
        })
        .option('compatibility', {
          describe: 'only readers of each scheme against images of each',
          type: 'boolean',
        })
        .option('target', {
          describe: 'only this instruction set',
          choices: ['x86_64', 'armv7'] as const,
          defaultDescription: 'both',
          requiresArg: true,
        })
        .option('only', {
          describe: `with costs: only these workloads, joined by commas: ${names().join(', ')}`,
          type: 'string',
          requiresArg: true,
        })
        .option('O', {
          describe: 'optimisation level, 0 to 3',
          type: 'number',
          defaultDescription: '1',
          requiresArg: true,
        })
        .option('json', { describe: 'print the figures as JSON', type: 'boolean', default: false })
        .example('$0 schemes', 'all of it; some minutes, most of them for SQLite')
        .example('$0 schemes --costs --only fib,mixed', 'what schemes cost where calls are all there is')
        .example('$0 schemes --costs --target armv7 --json', 'the exact counts')
        .example('$0 schemes --compatibility', 'who reads, who refuses, and what it would have read'),
    async (flags) => done(await run(flags as unknown as Flags)),
  ) as Argv;
}

const names = (): string[] => workloads.map(({ name }) => name);

/** @throws UsageError for a name that is none */
function chosen(only: string | undefined): readonly Workload[] {
  if (only === undefined) return workloads;
  const wanted = only.split(',').map((name) => name.trim());
  const unknown = wanted.find((name) => !names().includes(name));
  if (unknown !== undefined) throw new UsageError(`--only takes ${names().join(', ')}, not ${unknown}`);
  return workloads.filter(({ name }) => wanted.includes(name));
}

async function run(flags: Flags): Promise<number> {
  const both = !flags.costs && !flags.compatibility;
  const targets = flags.target === undefined ? (['x86_64', 'armv7'] as const) : [flags.target];
  const withCosts = both || flags.costs === true;
  if (!withCosts && flags.only !== undefined) throw new UsageError('--only goes with --costs');
  if (!withCosts && flags.O !== undefined) throw new UsageError('-O goes with --costs');
  const selected = chosen(flags.only);
  const costs = withCosts ? await measured(flags, targets, selected) : undefined;
  const met = both || flags.compatibility ? await encounters(targets) : undefined;
  if (flags.json) {
    console.log(JSON.stringify({ ...costs, ...(met && { encounters: met }) }));
    return ExitCode.done;
  }
  const sections = [...(costs ? costSections(costs) : []), ...(met ? encounterSections(met) : [])];
  if (sections.length > 0) console.log(asText(sections));
  for (const { workload, reason } of costs?.skipped ?? [])
    console.error(`${workload} was left out: ${reason}`);
  return ExitCode.done;
}

async function measured(
  flags: Flags,
  targets: readonly TargetName[],
  selected: readonly Workload[],
): Promise<CostReport> {
  const progress = new Progress('measuring');
  try {
    return await measureCosts({
      targets,
      workloads: selected,
      level: level(flags),
      progress: (done, of) => progress.update(done, of),
    });
  } finally {
    progress.end();
  }
}
