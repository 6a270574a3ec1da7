import { createHash } from 'node:crypto';
import { UsageError } from '../common.ts';
import type { Outcome } from './build.ts';
import { type Configuration, nameOf } from './configuration.ts';
import type { BuildReport, Figures, FunctionReport, RunFigures } from './figures.ts';
import type { Sampling } from './sampling.ts';

/** Version of the form of {@link CompareReport}: goes up where a reader of the old one would misread it. */
export const reportVersion = 1;

/** What `fathom compare --json` prints and `--against` reads. */
export interface CompareReport {
  readonly format: 'fathom-compare';
  readonly version: typeof reportVersion;
  readonly module: { readonly name: string; readonly bytes: number; readonly sha256: string };
  /** What was run, or null. */
  readonly run: string | null;
  /** Options of the command line that all configurations are compiled with; older reports do not say. */
  readonly options?: readonly string[];
  /** Null where the run was not sampled. */
  readonly sampling: Sampling | null;
  readonly configurations: readonly ConfigurationReport[];
}

export interface ConfigurationReport extends Configuration, BuildReport {
  /** By which configurations of two reports are matched. */
  readonly name: string;
  /** How the run ended; null without one. */
  readonly outcome: Outcome | null;
}

/** Puts a report together; its builds must be of one module. */
export function reportOf(
  title: string,
  run: string | undefined,
  options: readonly string[],
  sampling: Sampling | undefined,
  builds: readonly {
    readonly configuration: Configuration;
    readonly module: Uint8Array;
    readonly outcome: Outcome | undefined;
    readonly report: BuildReport;
  }[],
): CompareReport {
  const module = builds[0]?.module ?? new Uint8Array();
  return {
    format: 'fathom-compare',
    version: reportVersion,
    module: {
      name: title,
      bytes: module.length,
      sha256: createHash('sha256').update(module).digest('hex'),
    },
    run: run ?? null,
    options,
    sampling: sampling ?? null,
    configurations: builds.map(({ configuration, outcome, report }) => ({
      name: nameOf(configuration),
      ...configuration,
      ...report,
      outcome: outcome ?? null,
    })),
  };
}

/**
 * Reads a report back, as far as it is compared: names, sizes, executed instructions.
 * @throws UsageError naming the file and what is wrong with it
 */
export function readReport(path: string, text: string): CompareReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${path}: is no JSON`);
  }
  if (!isRecord(value) || value.format !== 'fathom-compare')
    throw new UsageError(`${path}: is no report of fathom compare --json`);
  if (value.version !== reportVersion)
    throw new UsageError(
      `${path}: is a report of version ${String(value.version)}; this fathom reads version ${reportVersion}`,
    );
  const { run, configurations, options = [] } = value;
  const sound =
    Array.isArray(options) &&
    options.every((option) => typeof option === 'string') &&
    (run === null || typeof run === 'string') &&
    Array.isArray(configurations) &&
    configurations.every(isConfigurationReport);
  if (!sound) throw new UsageError(`${path}: is a damaged report`);
  return value as unknown as CompareReport;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const hasSizes = (value: unknown): value is Figures & { readonly run?: RunFigures } =>
  isRecord(value) &&
  typeof value.codeBytes === 'number' &&
  (value.run === undefined || (isRecord(value.run) && typeof value.run.executed === 'number'));

const isFunctionReport = (value: unknown): value is FunctionReport =>
  hasSizes(value) && isRecord(value) && typeof value.key === 'string';

const isConfigurationReport = (value: unknown): value is ConfigurationReport =>
  isRecord(value) &&
  typeof value.name === 'string' &&
  hasSizes(value.total) &&
  Array.isArray(value.functions) &&
  value.functions.every(isFunctionReport);
