import type { Target, TargetName } from '../../compiler/target.ts';
import { createWebAssembly } from '../../emu/webassembly.ts';
import { generateModule } from './generate.ts';
import { type Engine, type Trace, traceModule } from './trace.ts';

/** A module on which an emulated target and V8 disagree. */
export interface Difference {
  readonly seed: number;
  readonly target: TargetName;
  readonly level: number;
  readonly bytes: Uint8Array;
  /** The first line that differs: V8's, and ours. */
  readonly expected: string;
  readonly actual: string;
}

export interface FuzzResult {
  readonly modules: number;
  /** Modules whose trace ended early because a stack overflowed, which depends on frame sizes. */
  readonly inconclusive: number;
  readonly calls: number;
  readonly differences: readonly Difference[];
}

export interface FuzzOptions {
  readonly first: number;
  readonly count: number;
  readonly targets: readonly (TargetName | Target)[];
  /** Optimisation levels; each module takes one of them in turn. */
  readonly levels: readonly (0 | 1 | 2 | 3)[];
  readonly progress?: (done: number, differences: number) => void;
}

/** Runs `count` random modules from seed `first` on V8 and on the emulated targets, and compares all that can be seen. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const differences: Difference[] = [];
  let inconclusive = 0;
  let calls = 0;
  for (let i = 0; i < options.count; i++) {
    const seed = options.first + i;
    const bytes = await generateModule(seed);
    const expected = traceModule(WebAssembly, bytes, seed);
    calls += expected.lines.length;
    const level = options.levels[seed % options.levels.length];
    for (const target of options.targets) {
      const actual = traceOn(target, level, bytes, seed);
      if (expected.inconclusive || actual.inconclusive) inconclusive++;
      const line = firstDifference(expected, actual);
      if (line)
        differences.push({
          seed,
          target: typeof target === 'string' ? target : target.name,
          level,
          bytes,
          expected: line[0],
          actual: line[1],
        });
    }
    options.progress?.(i + 1, differences.length);
  }
  return { modules: options.count, inconclusive, calls, differences };
}

/** The trace of a module on an emulated target; an exception that is no trap is a line of its own. */
export function traceOn(
  target: TargetName | Target,
  level: 0 | 1 | 2 | 3,
  bytes: Uint8Array,
  seed: number,
): Trace {
  try {
    return traceModule(createWebAssembly({ target, level }) as unknown as Engine, bytes, seed);
  } catch (error) {
    return {
      lines: [`internal: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`],
      inconclusive: '',
    };
  }
}

/** The first differing lines, or null. Traces that end early are compared as far as both go. */
function firstDifference(expected: Trace, actual: Trace): [string, string] | null {
  const cut = expected.inconclusive !== '' || actual.inconclusive !== '';
  const length = (cut ? Math.min : Math.max)(expected.lines.length, actual.lines.length);
  for (let i = 0; i < length; i++)
    if (expected.lines[i] !== actual.lines[i])
      return [expected.lines[i] ?? '(nothing)', actual.lines[i] ?? '(nothing)'];
  return null;
}
