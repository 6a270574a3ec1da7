import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** The examples, run as their pages say. */
const root = fileURLToPath(new URL('..', import.meta.url));

describe('examples/size-gate', () => {
  const gate = (base: string, change: string) =>
    spawnSync(
      process.execPath,
      ['examples/size-gate/gate.mjs', `examples/size-gate/${base}`, `examples/size-gate/${change}`],
      { cwd: root, encoding: 'utf8' },
    );

  it('passes where nothing changed', () => {
    const { status, stdout, stderr } = gate('base.wat', 'base.wat');
    expect([stderr, status]).toEqual(['', 0]);
    expect(stdout).toMatch(/armv7 \w+ relaxed -O\d: instructions executed: [\d,]+, unchanged/);
  });

  it('fails where a function got slower, and names it', () => {
    const { status, stdout, stderr } = gate('base.wat', 'change.wat');
    expect([stderr, status]).toEqual(['', 1]);
    for (const target of ['x86_64', 'armv7'])
      expect(stdout).toMatch(
        // Who is inlined is counted where it is.
        new RegExp(`FAILED ${target} \\w+ relaxed -O\\d: instructions executed: .*\\n  (sum|square) grew: `),
      );
    expect(stdout).not.toMatch(/(adapter|init).* grew/);
  });
});
