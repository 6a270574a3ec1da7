import type { Figures, RunFigures } from './figures.ts';

/** A figure of functions, as tables, `--sort` and the page name it. */
export interface Column {
  /** For `--sort`. */
  readonly key: string;
  readonly title: string;
  readonly description: string;
  /** Undefined where there is no such figure. */
  readonly of: (figures: Figures & { readonly run?: RunFigures }) => number | undefined;
  /** True where only a run gives it. */
  readonly ofRun: boolean;
}

const fixed = (
  key: string,
  title: string,
  description: string,
  of: (figures: Figures) => number,
): Column => ({
  key,
  title,
  description,
  of,
  ofRun: false,
});
const ofRun = (
  key: string,
  title: string,
  description: string,
  of: (run: RunFigures) => number | undefined,
): Column => ({ key, title, description, of: ({ run }) => run && of(run), ofRun: true });

/** All figures, in the order of tables. */
export const columns: readonly Column[] = [
  fixed('wasm', 'wasm', 'bytes of the body in the module', (f) => f.wasmBytes),
  fixed('code', 'code', 'bytes of machine code', (f) => f.codeBytes),
  fixed('instructions', 'instr', 'instructions', (f) => f.instructions),
  fixed('spills', 'spill', 'values put away for want of a register', (f) => f.spills),
  fixed('reloads', 'reload', 'reads of such values', (f) => f.reloads),
  fixed('checks', 'check', 'bounds checks of memories and tables', (f) => f.boundsChecks),
  fixed('publication', 'publ', 'instructions that publish the frame, and take it back', (f) => f.publication),
  fixed('frame', 'frame', 'bytes of stack frame', (f) => f.frameBytes),
  ofRun('calls', 'calls', 'how often it was entered', (run) => run.calls),
  ofRun('executed', 'executed', 'instructions executed', (run) => run.executed),
  ofRun('loads', 'loads', 'executed instructions that read memory', (run) => run.loads),
  ofRun('stores', 'stores', 'executed instructions that write memory', (run) => run.stores),
  ofRun('taken', 'taken', 'branches taken, calls and returns among them', (run) => run.takenBranches),
  ofRun('published', 'publ ex', 'executed instructions that publish', (run) => run.publicationExecuted),
  ofRun('cycles', 'A9 cycles', 'estimate of cycles on a Cortex-A9', (run) => run.cycles),
  ofRun('samples', 'samples', 'samples at its instructions', (run) => run.samples),
];

/** The column of that key. */
export function columnOf(key: string): Column {
  const found = columns.find((column) => column.key === key);
  if (found === undefined) throw new RangeError(`no column ${key}`);
  return found;
}
