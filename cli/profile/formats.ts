import { UsageError } from '../common.ts';
import { writeFolded } from './folded.ts';
import { writeHtml } from './html.ts';
import type { ProfileModel } from './model.ts';
import { writePprof } from './pprof.ts';
import { writeSpeedscope } from './speedscope.ts';

/** The formats of profiles, by their names on the command line. */
export const formatNames = ['html', 'folded', 'speedscope', 'pprof'] as const;
export type FormatName = (typeof formatNames)[number];

interface Format {
  /** What file names end in. */
  readonly ending: string;
  readonly write: (model: ProfileModel) => string | Uint8Array;
}

export const formats: Readonly<Record<FormatName, Format>> = {
  html: { ending: '.html', write: writeHtml },
  folded: { ending: '.folded', write: writeFolded },
  speedscope: { ending: '.speedscope.json', write: writeSpeedscope },
  pprof: { ending: '.pb.gz', write: writePprof },
};

/**
 * The format of an output: the one that is said, else by the file's ending; folded stacks for standard output.
 * @throws UsageError for another ending
 */
export function formatOf(path: string, said: FormatName | undefined): FormatName {
  if (said !== undefined) return said;
  if (path === '-') return 'folded';
  const found = formatNames.find((name) => path.toLowerCase().endsWith(formats[name].ending));
  if (found !== undefined) return found;
  const endings = formatNames.map((name) => formats[name].ending).join(', ');
  throw new UsageError(`${path}: the ending names no format; there are ${endings}, or say it by --format`);
}
