import { instructionsOf, lineOf, type ProfileModel, stacksOf } from './model.ts';

/**
 * A profile as https://www.speedscope.app reads it (its `file-format-schema.json`): one sampled profile, in instructions where
 * it is known how many a sample stands for, else in samples. Frames are functions, at their first lines in the module's text.
 * The samples come stack by stack, not in the order of time: "left heavy" and "sandwich" are the views to look at.
 */
export function writeSpeedscope(model: ProfileModel): string {
  const { title, profile, functions } = model;
  const frames = functions.map((of) => {
    const line = lineOf(of, -1);
    return { name: of.name, ...(of.source && { file: of.source.label }), ...(line > 0 && { line }) };
  });
  const merged = new Map<string, { sample: number[]; weight: number }>();
  for (const { frames: stack, count } of stacksOf(model)) {
    const sample = stack.map((frame) => frame.function.id).reverse();
    const weight = instructionsOf(count, profile) ?? count;
    const key = sample.join();
    const same = merged.get(key);
    if (same === undefined) merged.set(key, { sample, weight });
    else same.weight += weight;
  }
  // Stacks that begin alike side by side, so that the view by time shows each of them once.
  const stacks = [...merged.values()].sort((a, b) => compare(a.sample, b.sample));
  const unit = profile.interval === undefined ? 'samples' : 'instructions';
  return `${JSON.stringify({
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    name: title,
    exporter: 'fathom',
    activeProfileIndex: 0,
    shared: { frames },
    profiles: [
      {
        type: 'sampled',
        name: `${title}, ${profile.target}, in ${unit}`,
        unit: 'none',
        startValue: 0,
        endValue: stacks.reduce((sum, { weight }) => sum + weight, 0),
        samples: stacks.map(({ sample }) => sample),
        weights: stacks.map(({ weight }) => weight),
      },
    ],
  })}\n`;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let k = 0; k < a.length && k < b.length; k++) if (a[k] !== b[k]) return a[k] - b[k];
  return a.length - b.length;
}
