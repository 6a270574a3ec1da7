import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import { compileExecutable } from '../../compiler/executable.ts';
import type * as executable from '../../compiler/image/executable.ts';
import { Points } from '../../emu/check/points.ts';
import { runtimeModules } from '../../runtime/index.ts';
import { targets } from '../common.ts';
import { checkByHandler } from './handler-unit.ts';
import type { CheckSettings, Configuration } from './unit.ts';

/** Executables as they were linked. */
const linked = vi.hoisted((): Uint8Array[] => []);
vi.mock('../../compiler/image/executable.ts', async (importOriginal) => {
  const original = await importOriginal<typeof executable>();
  const linkExecutable: typeof executable.linkExecutable = (...args) => {
    const file = original.linkExecutable(...args);
    linked.push(file);
    return file;
  };
  return { ...original, linkExecutable };
});

const bytes = readFileSync(fileURLToPath(new URL('../../test/programs/wasi/wc.wasm', import.meta.url)));
const settings: CheckSettings = {
  schedule: { kind: 'every-instruction' },
  limit: 10,
  block: 10,
  budget: 1000,
  invoke: undefined,
  args: [],
};

it.each([0, 2] as const)(
  'checks the executable that fathom compile makes, its handler included: -O%i',
  (level) => {
    const configuration = {
      target: 'armv7',
      scheme: 'unwind',
      order: 'relaxed',
      level,
      publishLeaves: false,
    } as const;
    const points = new Points(settings.schedule, {
      shard: { index: 0, of: 1 },
      limit: settings.limit,
      blockPoints: settings.block,
      onBlock: () => undefined,
    });
    checkByHandler('wc.wasm', bytes, configuration satisfies Configuration, settings, points);
    const checked = linked.at(-1);
    const { file } = compileExecutable(bytes, {
      ...configuration,
      target: targets.armv7,
      runtime: runtimeModules(),
    });
    expect(points.taken).toBe(10);
    expect(Buffer.compare(checked ?? Buffer.of(), file)).toBe(0);
  },
);
