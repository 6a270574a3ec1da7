import { rate, type Totals, totals } from './summary.ts';
import type { ReaderName, UnitResult } from './unit.ts';

/** What a whole check must have done, or wants to. */
export interface Aims {
  /** Interrupts by each reader, at least. */
  readonly interrupts: Readonly<Record<ReaderName, number>>;
  /** Modules in which anything was interrupted, by any reader, at least. */
  readonly modules: number;
}

/** Interrupts in a second of checking that each reader aims at: printed beside what was reached, never a failure, since machines differ. */
export const rateAims: Readonly<Record<ReaderName, number>> = { host: 1e6, handler: 1e5 };

/** Why a stage that was given modules has not checked anything; undefined if it has. */
export function stageShortfall(title: string, units: readonly UnitResult[]): string | undefined {
  const { interrupts } = totals(units);
  if (interrupts > 0) return undefined;
  const [skipped] = units.flatMap((unit) => unit.skipped ?? []);
  const isSkipped = units.length > 0 && units.every((unit) => unit.skipped !== undefined);
  return isSkipped ? `${title}: all was skipped: ${skipped}` : `${title}: nothing was interrupted`;
}

/** What a whole check falls short of. */
export function shortfalls(units: readonly UnitResult[], aims: Aims): string[] {
  const few = (['host', 'handler'] as const).flatMap((by) => {
    const { interrupts } = totals(units.filter(({ through }) => through === by));
    const wanted = aims.interrupts[by];
    return interrupts >= wanted ? [] : [`${interrupts} interrupts by the ${by}, of ${wanted} asked for`];
  });
  const { modules } = totals(units);
  return modules >= aims.modules ? few : [...few, `${modules} modules, of ${aims.modules} asked for`];
}

/** A reader's rate and what it aims at. */
export function rateBesideAim(by: ReaderName, sum: Pick<Totals, 'interrupts' | 'seconds'>): string {
  const aim = rateAims[by];
  const isMet = sum.interrupts >= aim * sum.seconds;
  return `${by}: ${rate(sum)}, aim ${aim / 1e6} M/s${isMet ? '' : ', MISSED'}`;
}
