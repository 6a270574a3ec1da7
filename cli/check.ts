import type { Argv } from 'yargs';
import { defaults } from '../compiler/defaults.ts';
import { CompileError } from '../compiler/errors.ts';
import { compile } from '../compiler/index.ts';
import type { OptimisationLevel } from '../compiler/passes/pipeline.ts';
import { type MemoryOrder, type SchemeName, schemeNames } from '../compiler/stack/scheme.ts';
import type { TargetName } from '../compiler/target.ts';
import { defaultBlockPoints, type PointShard, Points } from '../emu/check/points.ts';
import { Stopwatch } from '../emu/check/stopwatch.ts';
import type { Schedule } from '../emu/interrupts.ts';
import { checkByHandler, checkImageByHandler } from './check/handler-unit.ts';
import { checkImage, checkScript, checkWorkload } from './check/host-unit.ts';
import { planHash, planUnits, readCheckInput } from './check/plan.ts';
import { showDifference } from './check/show.ts';
import { type CheckSummary, formatSummary, mergeSummaries, parseSummary, totals } from './check/summary.ts';
import {
  type CheckSettings,
  type Configuration,
  type ReaderName,
  readers,
  type Unit,
  type UnitOutcome,
  type UnitResult,
} from './check/unit.ts';
import { ExitCode, level, Progress, readInput, targets, UsageError } from './common.ts';

interface Flags {
  modules: string[];
  args: string[];
  target: TargetName[];
  stack: SchemeName[];
  order: MemoryOrder[];
  O: number[];
  'publish-leaves': boolean;
  through: ReaderName | 'both';
  every: number | undefined;
  random: number | undefined;
  mean: number;
  limit: number | undefined;
  budget: number;
  invoke: string | undefined;
  shard: string;
  block: number;
  'deal-levels': boolean;
  merge: string[] | undefined;
  json: boolean;
  verbose: boolean;
}

const orders = ['relaxed', 'release', 'seq_cst'] as const;

/** `fathom check`: stacks read at every instruction, compared with the calls and returns as executed. */
export function checkCommand(done: (code: number) => void, yargs: Argv): Argv {
  return yargs.command(
    'check [modules..]',
    'Interrupt programs at every instruction, read the stack, and compare it with the true one',
    (y) =>
      y
        .positional('modules', {
          describe:
            '.wasm or .wat files, images, test scripts (.wast), workload:NAME for those of fathom schemes',
          type: 'string',
          array: true,
          default: [],
        })
        .option('target', {
          describe: 'instruction sets; both where none is given',
          choices: ['x86_64', 'armv7'] as const,
          array: true,
          default: ['x86_64', 'armv7'] as TargetName[],
        })
        .option('stack', {
          describe: 'publication schemes; all where none is given',
          choices: schemeNames,
          array: true,
          default: [...schemeNames],
        })
        .option('order', {
          describe: 'memory orders',
          choices: orders,
          array: true,
          default: ['relaxed'] as MemoryOrder[],
        })
        .option('O', {
          describe: 'optimisation levels, 0 to 3',
          type: 'number',
          array: true,
          default: [defaults.level as number],
        })
        .option('deal-levels', {
          describe:
            'compile each module in each configuration at one of the levels given, in turn, not at all of them',
          type: 'boolean',
          default: false,
        })
        .option('publish-leaves', {
          describe: 'leaf functions publish, too',
          type: 'boolean',
          default: false,
        })
        .option('through', {
          describe:
            "who reads: the emulator's host; the signal handler in the executable, on the emulated kernel; or both",
          choices: [...readers, 'both'] as const,
          default: 'host' as const,
          requiresArg: true,
        })
        .option('every', {
          describe: 'interrupt after every N instructions',
          type: 'number',
          requiresArg: true,
          defaultDescription: '1',
        })
        .option('random', {
          describe: 'interrupt at random, from this seed',
          type: 'number',
          conflicts: 'every',
          requiresArg: true,
        })
        .option('mean', {
          describe: 'with --random: instructions between interrupts, on average',
          type: 'number',
          default: 100,
          requiresArg: true,
        })
        .option('invoke', {
          describe:
            'call this export, with the arguments behind -- (else _start, or every exported function)',
          type: 'string',
          requiresArg: true,
        })
        .option('args', { type: 'string', array: true, default: [], hidden: true })
        .option('limit', {
          describe: 'interrupts of one module in one configuration, at most',
          type: 'number',
          requiresArg: true,
        })
        .option('budget', {
          describe: 'instructions of one call, at most, so that loops without end have one',
          type: 'number',
          default: 1_000_000,
          requiresArg: true,
        })
        .option('shard', {
          describe: 'do part k of n; together the parts are what one run is',
          type: 'string',
          default: '1/1',
          requiresArg: true,
        })
        .option('block', {
          describe: 'interrupts of a unit that a shard takes in one piece; as many as --limit: whole units',
          type: 'number',
          default: defaultBlockPoints,
          requiresArg: true,
        })
        .option('merge', {
          describe: 'put the summaries of all shards together, from files that --json wrote',
          type: 'string',
          array: true,
        })
        .option('json', { describe: 'print the summary as JSON', type: 'boolean', default: false })
        .option('verbose', {
          alias: 'v',
          describe: 'a row for each module in each configuration',
          type: 'boolean',
          default: false,
        })
        .example('$0 check app.wasm', 'both targets, every scheme, at every instruction')
        .example('$0 check fib.wat --invoke fib --target armv7 -- 12', 'one call on a Cortex-A9')
        .example('$0 check app.wasm --through both --limit 100000', 'by the signal handler, too')
        .example('$0 check suite/*.wast --shard 2/8 --json > 2.json', 'part 2 of 8 of a long check')
        .example('$0 check --merge 1.json 2.json', 'the total of two shards; exit 1 if one has failed'),
    async (flags) => done(await run(flags as unknown as Flags)),
  ) as Argv;
}

async function run(flags: Flags): Promise<number> {
  if (flags.merge !== undefined) {
    if (flags.modules.length > 0) throw new UsageError('--merge takes summaries, and nothing is checked');
    return report(
      flags,
      mergeSummaries(
        flags.merge.map((path) => parseSummary(path, new TextDecoder().decode(readInput(path)))),
      ),
    );
  }
  if (flags.modules.length === 0) throw new UsageError('Say what to check (fathom check --help says more)');
  const settings = settingsOf(flags);
  const shard = shardOf(flags.shard);
  const inputs = [];
  for (const path of flags.modules) inputs.push(await readCheckInput(path));
  const through = flags.through === 'both' ? readers : [flags.through];
  const levels = flags.O.map((O) => level({ O }));
  const plan = flags['deal-levels']
    ? planUnits(inputs, configurationsOf(flags, levels.slice(0, 1)), through, levels)
    : planUnits(inputs, configurationsOf(flags, levels), through);
  const units: UnitResult[] = [];
  for (const [i, unit] of plan.entries()) {
    // Each unit begins with another shard's part: short ones are spread over all.
    const part: PointShard = { index: (shard.index + i) % shard.of, of: shard.of };
    units.push(await runUnit(unit, settings, part, `${i + 1} of ${plan.length}`));
  }
  return report(flags, { fathom: 'check', version: 2, plan: planHash(plan, settings), shard, units });
}

function report(flags: Flags, summary: CheckSummary): number {
  const { differences, interrupts } = totals(summary.units);
  console.log(flags.json ? JSON.stringify(summary) : formatSummary(summary, flags.verbose));
  for (const { module, target, scheme, order, difference } of summary.units)
    if (difference !== undefined) console.error(`\n${module}, ${target}, ${scheme}, ${order}: ${difference}`);
  if (interrupts === 0 && summary.shard.of === 1) console.error('fathom: nothing was interrupted');
  return differences > 0 || (interrupts === 0 && summary.shard.of === 1) ? ExitCode.failed : ExitCode.done;
}

async function runUnit(
  unit: Unit,
  settings: CheckSettings,
  shard: PointShard,
  place: string,
): Promise<UnitResult> {
  const { input, through, configuration } = unit;
  const { target, scheme, order, level: optimised } = configuration;
  const about = {
    module: input.path,
    target,
    scheme,
    order,
    level: input.kind === 'image' ? undefined : optimised,
    through,
  };
  if (shard.index * settings.block >= settings.limit)
    return {
      ...about,
      interrupts: 0,
      due: null,
      seconds: 0,
      startup: 0,
      skipped: undefined,
      difference: undefined,
    };
  const progress = new Progress(`${input.path}, ${target}, ${scheme}, by the ${through} (${place})`);
  const all = new Stopwatch();
  all.start();
  const points: Points = new Points(settings.schedule, {
    shard,
    limit: settings.limit,
    blockPoints: settings.block,
    onBlock: () => progress.say(speed(points)),
  });
  try {
    const { difference, skipped } = await outcomeOf(unit, settings, points);
    all.stop();
    const { seconds } = points.checking;
    return {
      ...about,
      interrupts: points.taken,
      due: points.due,
      seconds,
      startup: Math.max(0, all.seconds - seconds),
      skipped,
      difference: difference && (await showDifference(difference)),
    };
  } finally {
    progress.end();
  }
}

const speed = ({ taken, checking }: Points): string =>
  `${taken.toLocaleString('en-US')} interrupts, ${(taken / (checking.seconds || 1) / 1e6).toFixed(2)} M/s`;

async function outcomeOf(
  { input, through, configuration }: Unit,
  settings: CheckSettings,
  points: Points,
): Promise<UnitOutcome> {
  const { path } = input;
  const byHandler = through === 'handler';
  switch (input.kind) {
    case 'image':
      return byHandler
        ? checkImageByHandler(path, input.image, settings, points)
        : checkImage(path, input.image, settings, points);
    case 'script': {
      if (!byHandler) return checkScript(input.text, configuration, settings, points);
      return checkModules(input.modules, (bytes) =>
        checkByHandler(path, bytes, configuration, settings, points),
      );
    }
    case 'workload':
      if (byHandler) return { difference: undefined, skipped: 'runs with JavaScript, so in no executable' };
      return checkWorkload(input.workload, configuration, points);
    case 'module':
      if (byHandler) return checkByHandler(path, input.bytes, configuration, settings, points);
      return checkModule(path, input.bytes, configuration, settings, points);
  }
}

/** One module after the other; skipped if each of them is. */
function checkModules(modules: readonly Uint8Array[], run: (bytes: Uint8Array) => UnitOutcome): UnitOutcome {
  let skipped: string | undefined;
  let count = 0;
  for (const bytes of modules) {
    const outcome = run(bytes);
    if (outcome.difference !== undefined) return outcome;
    if (outcome.skipped === undefined) count++;
    else skipped ??= outcome.skipped;
  }
  return { difference: undefined, ...(count === 0 && { skipped: skipped ?? 'has no modules' }) };
}

function checkModule(
  path: string,
  bytes: Uint8Array,
  { target, ...rest }: Configuration,
  settings: CheckSettings,
  points: Points,
): UnitOutcome {
  try {
    const image = compile(bytes, { ...rest, target: targets[target] });
    return checkImage(path, image, settings, points, rest.publishLeaves);
  } catch (error) {
    if (error instanceof CompileError && error.kind === 'unsupported')
      return { difference: undefined, skipped: error.message };
    if (error instanceof CompileError) throw new UsageError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

function configurationsOf(flags: Flags, levels: readonly OptimisationLevel[]): Configuration[] {
  const { 'publish-leaves': publishLeaves } = flags;
  return flags.target.flatMap((target) =>
    flags.stack.flatMap((scheme) =>
      flags.order.flatMap((order) =>
        levels.map((of): Configuration => ({ target, scheme, order, level: of, publishLeaves })),
      ),
    ),
  );
}

function settingsOf(flags: Flags): CheckSettings {
  const natural = (option: string, value: number): number => {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new UsageError(`${option} takes a whole number, 1 or more`);
    return value;
  };
  if (Number.isNaN(flags.random)) throw new UsageError('--random takes a number, the seed');
  const every = natural('--every', flags.every ?? 1);
  const schedule: Schedule =
    flags.random !== undefined
      ? { kind: 'random', seed: flags.random, mean: natural('--mean', flags.mean) }
      : every === 1
        ? { kind: 'every-instruction' }
        : { kind: 'every', instructions: every };
  return {
    schedule,
    limit: flags.limit === undefined ? Number.POSITIVE_INFINITY : natural('--limit', flags.limit),
    block: natural('--block', flags.block),
    budget: natural('--budget', flags.budget),
    invoke: flags.invoke,
    args: flags.args,
  };
}

function shardOf(text: string): PointShard {
  const [, part, of] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  const shard = { index: Number(part) - 1, of: Number(of) };
  if (!(shard.index >= 0 && shard.index < shard.of))
    throw new UsageError(`--shard takes k/n, with k from 1 to n; not ${text}`);
  return shard;
}
