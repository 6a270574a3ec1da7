import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDump } from '../cli/dump.ts';
import { linkExecutable } from '../compiler/image/executable.ts';
import type { Image } from '../compiler/image/image.ts';
import { compile } from '../compiler/index.ts';
import { schemes } from '../compiler/stack/index.ts';
import { type MemoryOrder, type SchemeName, schemeNames } from '../compiler/stack/scheme.ts';
import type { Target } from '../compiler/target.ts';
import { type CheckDifference, StackDiffers } from '../emu/check/difference.ts';
import { HandlerCheck } from '../emu/check/handler-check.ts';
import { HostCheck } from '../emu/check/host-check.ts';
import { Points } from '../emu/check/points.ts';
import { createWebAssembly, type EmulatedWebAssembly } from '../emu/webassembly.ts';
import { runtimeModules } from '../runtime/index.ts';
import { armv7 } from '../targets/armv7/index.ts';
import { x86_64 } from '../targets/x86_64/index.ts';
import { type Build, builds, type Mutation, mutations, mutationTable } from './support/mutations.ts';
import { across, assembleText, mixed, type SampledProgram } from './support/sampled-runs.ts';

/** Whoever breaks publication, in whichever way, is found by `check`: so what it does not find is not there. */

const programs: readonly SampledProgram[] = [mixed(2), across(2)];

interface Checked {
  readonly difference: CheckDifference | undefined;
  readonly interrupts: number;
}

/** Checks the programs one after the other, mutated, up to the first difference. */
function check(target: Target, scheme: SchemeName, build: Build, mutation: Partial<Mutation> = {}): Checked {
  const points = new Points({ kind: 'every-instruction' });
  for (const program of programs) {
    const difference = checkOne(target, scheme, build, mutation, program, points);
    if (difference !== undefined) return { difference, interrupts: points.taken };
  }
  return { difference: undefined, interrupts: points.taken };
}

function checkOne(
  target: Target,
  scheme: SchemeName,
  build: Build,
  {
    target: mutateTarget,
    image: mutateImage,
    machine: mutateMachine,
    publishLeaves = false,
  }: Partial<Mutation>,
  program: SampledProgram,
  points: Points,
): CheckDifference | undefined {
  const options = { ...build, scheme, publishLeaves } as const;
  const webAssembly = createWebAssembly({ ...options, target });
  mutateMachine?.(webAssembly.machine);
  const mutated = mutateTarget?.(target) ?? target;
  function Module(bytes: Uint8Array): object {
    const image = compile(bytes, { ...options, target: mutated });
    return webAssembly.moduleOf(mutateImage?.(image) ?? image);
  }
  const namespace: EmulatedWebAssembly = Object.create(webAssembly, { Module: { value: Module } });
  const check = new HostCheck(webAssembly.machine, {
    scheme,
    order: build.order,
    points,
    leavesPublish: publishLeaves,
  });
  try {
    check.during(() =>
      program(
        namespace,
        () => {},
        () => {},
      ),
    );
  } catch (error) {
    // Programs go on behind what their host throws, and may end otherwise after that.
    if (check.difference === undefined) throw error;
  } finally {
    webAssembly.machine.close();
  }
  return check.difference;
}

const targets = [x86_64, armv7] as const;
const caught = mutations.flatMap((mutation) =>
  schemeNames
    .filter((scheme) => mutation.applies[scheme] === true)
    .flatMap((scheme) =>
      targets.flatMap((target) =>
        (mutation.builds ?? [builds.plain]).map((build) => ({ mutation, scheme, target, build })),
      ),
    ),
);
/** The titles' words, and what is run. */
const titled = (
  cases: typeof caught,
): readonly (readonly [string, number, SchemeName, string, string, (typeof caught)[number]])[] =>
  cases.map((one) => {
    const { mutation, scheme, target, build } = one;
    return [mutation.name, build.level, scheme, build.order, target.name, one];
  });

describe('check catches', () => {
  it.each(titled(caught))('%s, -O%i, scheme %s, order %s, on %s', (...[, , , , , one]) => {
    const { mutation, scheme, target, build } = one;
    const { difference } = check(target, scheme, build, mutation);
    expect(difference?.reason).toMatch(/./);
    expect(difference?.expected.length).toBeGreaterThan(0);
    if (mutation.isFound !== undefined) expect(difference).toSatisfy(mutation.isFound);
  });
});

const commands = {
  // Calls into the runtime and back, 64-bit division, growing memory.
  bytes: assembleText(
    'signals-calls',
    readFileSync(new URL('./programs/wasi/signals-calls.wat', import.meta.url), 'utf8'),
  ),
};
const runtime = runtimeModules();
const runtimeImages = new Map<string, Record<'wasi' | 'handler', Image>>();

/** The runtime, compiled once as it is; where no function publishes, its adapters are mutated, too. */
function runtimeOf(
  target: Target,
  scheme: SchemeName,
  order: MemoryOrder,
  publishLeaves: boolean,
  mutated: Target,
): Record<'wasi' | 'handler', Image> {
  const key = `${target.name} ${scheme} ${order} ${publishLeaves}`;
  const known = runtimeImages.get(key);
  if (known !== undefined && mutated === target) return known;
  const options = { level: 1, order, intrinsics: true } as const;
  const made = {
    wasi: compile(runtime.wasi, { ...options, target: mutated, scheme, publishLeaves }),
    handler: known?.handler ?? compile(runtime.handler, { ...options, target, scheme: 'none' }),
  };
  if (mutated === target) runtimeImages.set(key, made);
  return made;
}

/** The same through the signal handler of an executable. */
function checkByHandler(
  target: Target,
  scheme: SchemeName,
  build: Build,
  mutation: Partial<Mutation> = {},
): Checked {
  const { publishLeaves = false } = mutation;
  const mutated = mutation.target?.(target) ?? target;
  const adapters = schemes[scheme](target.wordBytes).functions ? target : mutated;
  const options = { ...build, scheme, publishLeaves } as const;
  const app = compile(commands.bytes, { ...options, target: mutated });
  const images = {
    app: mutation.image?.(app) ?? app,
    ...runtimeOf(target, scheme, build.order, publishLeaves, adapters),
  };
  const points = new Points({ kind: 'every-instruction' }, { limit: 20_000 });
  const check = new HandlerCheck(linkExecutable(images, target), {
    images,
    points,
    argv: ['calls'],
    parseDump,
  });
  try {
    check.run();
    return { difference: undefined, interrupts: points.taken };
  } catch (error) {
    if (error instanceof StackDiffers) return { difference: error.difference, interrupts: points.taken };
    throw error;
  } finally {
    check.dispose();
  }
}

describe("check through the guest's handler catches", () => {
  it.each(titled(caught.filter(({ mutation }) => mutation.notByHandler === undefined)))(
    '%s, -O%i, scheme %s, order %s, on %s',
    (...[, , , , , one]) => {
      const { mutation, scheme, target, build } = one;
      const { difference } = checkByHandler(target, scheme, build, mutation);
      expect(difference?.reason).toMatch(/./);
      expect(difference?.by).toBe('handler');
      if (mutation.isFound !== undefined) expect(difference).toSatisfy(mutation.isFound);
    },
  );
});

describe('check passes', () => {
  const executables = schemeNames.flatMap((scheme) =>
    targets.flatMap((target) =>
      [builds.plain, builds.named].map(
        (build) => [build.level, scheme, build.order, target.name, { target, build }] as const,
      ),
    ),
  );
  it.each(executables)(
    "an executable as it is, through the guest's handler, -O%i, scheme %s, order %s, on %s",
    (_, scheme, __, ___, { target, build }) => {
      const { difference, interrupts } = checkByHandler(target, scheme, build);
      expect(difference).toBeUndefined();
      expect(interrupts).toBeGreaterThan(900);
    },
  );

  const forms = [
    { build: builds.plain, leaves: true },
    { build: builds.optimised, leaves: false },
    { build: builds.named, leaves: false },
  ] as const;
  const whole = schemeNames.flatMap((scheme) =>
    targets.flatMap((target) =>
      forms.map(
        ({ build, leaves }) =>
          [build.level, scheme, build.order, target.name, leaves, { target, build }] as const,
      ),
    ),
  );
  it.each(whole)(
    'the same programs as they are, -O%i, scheme %s, order %s, on %s, leaves publish: %s',
    (_, scheme, __, ___, leaves, { target, build }) => {
      const { difference, interrupts } = check(target, scheme, build, { publishLeaves: leaves });
      expect(difference).toBeUndefined();
      expect(interrupts).toBeGreaterThan(1500);
    },
  );
});

describe('the table of mutations', () => {
  it('has a reason wherever one does not apply', () => {
    expect(mutationTable()).toMatchInlineSnapshot(`
      [
        [
          "top before record",
          "nothing but the innermost frame is read",
          "breaks",
          "breaks",
          "breaks",
          "records of adapters are read where the host calls back, which is long after they are whole",
        ],
        [
          "missing push",
          "nothing but the innermost frame is read",
          "breaks",
          "breaks",
          "breaks",
          "breaks",
        ],
        [
          "missing pop",
          "nothing but the innermost frame is read",
          "breaks",
          "breaks",
          "breaks",
          "breaks",
        ],
        [
          "missing pop on a trap edge",
          "nothing but the innermost frame is read",
          "breaks",
          "breaks",
          "breaks",
          "breaks",
        ],
        [
          "torn store",
          "nothing but the innermost frame is read",
          "breaks",
          "breaks",
          "breaks",
          "top is read where the host calls back, which is long after an adapter stored it",
        ],
        [
          "another function's self",
          "nothing but the innermost frame is read",
          "breaks",
          "breaks",
          "breaks",
          "no function publishes",
        ],
        [
          "wrong size in the stack map",
          "nothing but the innermost frame is read",
          "breaks",
          "breaks",
          "breaks",
          "breaks",
        ],
        [
          "prologue row one instruction late",
          "nothing but the innermost frame is read",
          "breaks",
          "breaks",
          "breaks",
          "breaks",
        ],
        [
          "stores of a leaf elided by an optimiser",
          "nothing but the innermost frame is read",
          "breaks",
          "breaks",
          "breaks",
          "no function publishes, so no store can be taken out",
        ],
        [
          "a function that calls publishes nothing",
          "nothing but the innermost frame is read",
          "breaks",
          "breaks",
          "breaks",
          "no function publishes",
        ],
        [
          "a leaf publishes nothing where leaves must",
          "nothing but the innermost frame is read",
          "breaks",
          "breaks",
          "breaks",
          "no function publishes",
        ],
      ]
    `);
    for (const { applies } of mutations)
      for (const scheme of schemeNames)
        expect(applies[scheme]).toSatisfy((to) => to === true || to.length > 10);
  });
});
