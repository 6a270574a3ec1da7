import { foldable } from '../../emu/sample.ts';
import { type ProfileModel, stacksOf } from './model.ts';

/**
 * Folded stacks (Brendan Gregg's, for `flamegraph.pl` and its kin): a line for each stack, its functions from the outermost on
 * joined by `;`, a space, its samples. Most samples first.
 */
export function writeFolded(model: ProfileModel): string {
  const names = model.functions.map(({ name }) => foldable(name));
  const counts = new Map<string, number>();
  for (const { frames, count } of stacksOf(model)) {
    const stack = frames
      .map((frame) => names[frame.function.id])
      .reverse()
      .join(';');
    counts.set(stack, (counts.get(stack) ?? 0) + count);
  }
  return [...counts]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .map(([stack, count]) => `${stack} ${count}\n`)
    .join('');
}
