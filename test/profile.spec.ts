import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Ajv } from 'ajv';
import { Profile as Pprof } from 'pprof-format';
import { afterAll, describe, expect, it } from 'vitest';
import { disassemble } from '../cli/listing.ts';
import { writeFolded } from '../cli/profile/folded.ts';
import { formatNames, formatOf, formats } from '../cli/profile/formats.ts';
import { type ProfileModel, stacksOf } from '../cli/profile/model.ts';
import { pageData } from '../cli/profile/page-data.ts';
import { unattributedLabel, writePprof } from '../cli/profile/pprof.ts';
import { writeSpeedscope } from '../cli/profile/speedscope.ts';
import { Interrupter } from '../emu/interrupts.ts';
import { createWebAssembly } from '../emu/webassembly.ts';
import { assemble, has, hostileModule, hostileNames, program, sampled } from './support/profiles.ts';

/** Profiles in every format, as the tools that read them see them. */
const targets = ['x86_64', 'armv7'] as const;
const fib = assemble(program('fib'));
const mixed = assemble(program('mixed'));
const mixedImports = { host: { 'call-back': (round: number) => round } };
const folder = mkdtempSync(join(tmpdir(), 'fathom-profile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const totalOf = (model: ProfileModel): number =>
  [...stacksOf(model)].reduce((sum, { count }) => sum + count, 0);

describe.each(targets)('positions in profiles on %s', (target) => {
  it.each([0, 1] as const)(
    'gives each instruction of a run to its function and operator, -O%i',
    async (level) => {
      const { model } = sampled(mixed, ['round', 3], { target, level }, undefined, {}, mixedImports);
      // The same run, told from the program counter and the disassembly alone. Helpers go with who uses them.
      const expected = new Map<string, number>();
      const webAssembly = createWebAssembly({ target, level });
      const { machine } = webAssembly;
      const pcs: number[] = [];
      const interrupter = new Interrupter(machine.core, { kind: 'every-instruction' }, ({ pc }) => {
        pcs.push(pc);
      });
      machine.runner = {
        run: () => interrupter.run() as ReturnType<typeof machine.core.run>,
        entered() {},
        left() {},
      };
      const instance = new webAssembly.Instance(new webAssembly.Module(mixed), mixedImports);
      (instance.exports as { round(n: number): number }).round(3);
      machine.core.stepping = false;
      const [{ base, image }] = machine.images;
      const rows = new Map<number, string>();
      for (const { function: f, rows: listing } of await disassemble(image, (each) => each.kind === 'wasm'))
        for (const { offset, wasmOffset } of listing) rows.set(base + offset, `${f.name} ${wasmOffset}`);
      for (const pc of pcs) {
        const key = rows.get(pc);
        if (key !== undefined) expected.set(key, (expected.get(key) ?? 0) + 1);
      }
      const seen = new Map<string, number>();
      for (const { frames, count } of stacksOf(model)) {
        const { function: f, offset } = frames[0];
        if (f.kind === 'wasm')
          seen.set(`${f.name} ${offset}`, (seen.get(`${f.name} ${offset}`) ?? 0) + count);
      }
      expect(expected.size).toBeGreaterThan(60);
      // Helpers' and adapters' instructions come on top, at the operators that use them.
      const users = /^(call|memory|i64\.(div|rem)|i\d\d\.trunc|f64\.nearest)/;
      const { text } = model.modules[0];
      let exact = 0;
      for (const [key, count] of expected) {
        const [name, offset] = key.split(' ');
        const index = image.functions.find((f) => f.name === name)?.wasmIndex ?? -1;
        const operator = text.lines(index)[text.indexOf(index, Number(offset))].text;
        if (users.test(operator)) expect(seen.get(key), `${key} ${operator}`).toBeGreaterThanOrEqual(count);
        else {
          expect(seen.get(key), `${key} ${operator}`).toBe(count);
          exact++;
        }
      }
      expect(exact).toBeGreaterThan(40);
      expect([...seen.keys()].filter((key) => !expected.has(key))).toEqual([]);
    },
  );

  it('knows where every caller calls, and that each position is an operator', () => {
    const { model } = sampled(mixed, ['round', 3], { target }, undefined, {}, mixedImports);
    const operators = new Set<string>();
    for (const { frames } of stacksOf(model)) {
      frames.forEach(({ function: f, offset }, depth) => {
        if (f.kind !== 'wasm' || f.source === undefined) return;
        const lines = f.source.text.lines(f.wasmIndex);
        const at = f.source.text.indexOf(f.wasmIndex, offset);
        // Prologues carry out no operator.
        if (offset < 0) expect([at, depth]).toEqual([0, 0]);
        else expect(lines[at].offset).toBe(offset);
        if (depth > 0) operators.add(lines[at].text);
      });
    }
    expect([...operators].sort()).toEqual(
      expect.arrayContaining([
        'call $call-back',
        'call $divide',
        'call $fib',
        'call $leaf',
        'call_indirect (type 0)',
      ]),
    );
    expect([...operators].filter((text) => !text.startsWith('call'))).toEqual([]);
  });

  it('names host functions by the calls of them', () => {
    const { model } = sampled(mixed, ['round', 3], { target }, undefined, {}, mixedImports);
    const hosts = model.functions.filter(({ kind }) => kind === 'host').map(({ name }) => name);
    expect(hosts).toEqual(['call-back']);
  });

  it('gives a hot leaf its samples, at the operators of its loop', () => {
    const { model, report } = sampled(
      assemble(program('hot-leaf')),
      ['run', 40],
      { target },
      { kind: 'every', instructions: 7 },
    );
    const { functions, listings } = pageData(model);
    const leaf = functions.findIndex(({ name }) => name === 'leaf');
    expect(functions[leaf].self).toBe(report.functions.find(({ name }) => name === 'leaf')?.self);
    expect(functions[leaf].self / report.samples).toBeGreaterThan(0.99);
    const lines = listings[leaf];
    const loop = lines.findIndex(([, , text]) => text === 'loop');
    const inLoop = lines.slice(loop).reduce((sum, [, , , self]) => sum + self, 0);
    expect(inLoop / functions[leaf].self).toBeGreaterThan(0.95);
    expect(lines.reduce((sum, [, , , self]) => sum + self, 0)).toBe(functions[leaf].self);
  });
});

describe('what is not known', () => {
  it('is a frame of its cause, outermost, in every format, and no sample is dropped', () => {
    const { model, report } = sampled(fib, ['fib', 8], { target: 'x86_64', scheme: 'none' });
    expect(report.attributed).toBe(0);
    expect(totalOf(model)).toBe(report.samples);
    for (const line of writeFolded(model).trimEnd().split('\n')) expect(line).toMatch(/^\[not-published\]/);
    const pprof = decode(model);
    expect(pprof.samples.every(({ labels }) => labels[unattributedLabel] === 'not-published')).toBe(true);
    expect(pprof.samples.every(({ names }) => names.at(-1) === '[not-published]')).toBe(true);
    const { functions, nodes } = pageData(model);
    const outermost = nodes.caller.flatMap((caller, k) =>
      k > 0 && caller === 0 ? [functions[nodes.function[k]]] : [],
    );
    expect(outermost).toEqual([
      expect.objectContaining({ name: '[not-published]', kind: 'cause', total: report.samples }),
    ]);
    expect(formats.html.write(model)).toContain('<li>not attributed, not-published: ');
  });

  it('is not made up where there are more stacks than are kept: functions stay, calls go', () => {
    const whole = sampled(fib, ['fib', 10], { target: 'x86_64' }).model;
    const merged = sampled(fib, ['fib', 10], { target: 'x86_64' }, undefined, { contexts: 8 }).model;
    expect([whole.profile.callsMerged, merged.profile.callsMerged]).toEqual([false, true]);
    expect(merged.nodes.length).toBeLessThan(whole.nodes.length / 3);
    expect(writeFolded(merged)).toBe(writeFolded(whole));
    expect(pageData(merged).listings[1]?.map(([, , , self]) => self)).toEqual(
      pageData(whole).listings[1]?.map(([, , , self]) => self),
    );
    expect(formats.html.write(merged)).toContain('too many different stacks');
    expect(formats.html.write(whole)).not.toContain('too many different stacks');
  });
});

describe('folded stacks', () => {
  /** As `flamegraph.pl` reads them: frames joined by `;`, and behind the last space a number. */
  const parse = (text: string): { frames: string[]; count: number }[] =>
    text
      .slice(0, -1)
      .split('\n')
      .map((line) => {
        const [, stack, count] = /^([^\p{Cc}]+) (\d+)$/u.exec(line) ?? expect.fail(JSON.stringify(line));
        return { frames: stack.split(';'), count: Number(count) };
      });

  it('say what the report says', () => {
    const { model, report } = sampled(mixed, ['round', 1], { target: 'x86_64' }, undefined, {}, mixedImports);
    const stacks = parse(writeFolded(model));
    expect(stacks.reduce((sum, { count }) => sum + count, 0)).toBe(report.samples);
    for (const { name, self } of report.functions.filter((f) => f.name !== 'host adapter')) {
      const own = stacks.filter(({ frames }) => frames.at(-1) === name);
      expect(
        own.reduce((sum, { count }) => sum + count, 0),
        name,
      ).toBe(self);
    }
  });

  it('stay one line and one frame with any name', () => {
    const { model, report } = sampled(hostileModule(), ['run'], { target: 'x86_64', level: 0 });
    const stacks = parse(writeFolded(model));
    expect(stacks.reduce((sum, { count }) => sum + count, 0)).toBe(report.samples);
    expect(stacks.filter(({ frames }) => frames.length === 2)).toHaveLength(hostileNames.length);
    expect(stacks.filter(({ frames }) => frames.length > 2)).toEqual([]);
    expect(stacks.map(({ frames }) => frames.at(-1))).toContain('a:b:c 5');
  });
});

describe('speedscope', () => {
  const require = createRequire(import.meta.url);
  const schema = JSON.parse(
    readFileSync(require.resolve('speedscope/dist/release/file-format-schema.json'), 'utf8'),
  );
  const conforms = new Ajv({ strict: false }).compile(schema);

  it.each([
    ['recursion', () => sampled(fib, ['fib', 9], { target: 'armv7' })],
    ['hostile names', () => sampled(hostileModule(), ['run'], { target: 'x86_64' })],
    ['nothing attributed', () => sampled(fib, ['fib', 5], { target: 'x86_64', scheme: 'none' })],
    [
      'no samples',
      () => sampled(fib, ['fib', 1], { target: 'x86_64' }, { kind: 'every', instructions: 1e6 }),
    ],
  ] as const)('conforms to its schema: %s', (_, run) => {
    const { model, report } = run();
    const file = JSON.parse(writeSpeedscope(model));
    expect(conforms(file), JSON.stringify(conforms.errors)).toBe(true);
    const [{ samples, weights, endValue }] = file.profiles;
    expect(samples).toHaveLength(weights.length);
    const sum = weights.reduce((all: number, weight: number) => all + weight, 0);
    expect(sum).toBe(report.samples * (model.profile.interval ?? 1));
    expect(endValue).toBe(sum);
    for (const sample of samples)
      for (const frame of sample) expect(file.shared.frames[frame].name).toBe(model.functions[frame].name);
  });

  it('weighs in instructions, outermost frame first', () => {
    const { model } = sampled(
      mixed,
      ['round', 1],
      { target: 'x86_64' },
      { kind: 'every', instructions: 5 },
      {},
      mixedImports,
    );
    const { shared, profiles } = JSON.parse(writeSpeedscope(model));
    const stacks = profiles[0].samples.map((sample: number[]) =>
      sample.map((f) => shared.frames[f].name).join(';'),
    );
    expect(stacks).toContain('round;middle;leaf');
    expect(new Set(stacks).size).toBe(stacks.length);
    for (const weight of profiles[0].weights) expect(weight % 5).toBe(0);
  });
});

interface DecodedSample {
  readonly names: readonly string[];
  readonly lines: readonly number[];
  readonly addresses: readonly number[];
  readonly values: readonly number[];
  readonly labels: Readonly<Record<string, string>>;
}

/** A profile as pprof's own format library reads it. */
function decode(model: ProfileModel): { profile: Pprof; samples: DecodedSample[]; types: string[] } {
  const profile = Pprof.decode(gunzipSync(writePprof(model)));
  const { strings } = profile.stringTable;
  const text = (index: number | bigint): string => strings[Number(index)];
  const byId = <T extends { id: number | bigint }>(list: readonly T[]): Map<number, T> =>
    new Map(list.map((each) => [Number(each.id), each]));
  const functions = byId(profile.function);
  const locations = byId(profile.location);
  const found = <T>(value: T | undefined): T => value ?? expect.fail('a reference to nothing');
  return {
    profile,
    types: profile.sampleType.map(({ type, unit }) => `${text(type)}/${text(unit)}`),
    samples: profile.sample.map(({ locationId, value, label }) => {
      const frames = locationId.map((id) => found(locations.get(Number(id))));
      return {
        names: frames.map(({ line }) => text(found(functions.get(Number(line[0].functionId))).name)),
        lines: frames.map(({ line }) => Number(line[0].line)),
        addresses: frames.map(({ address }) => Number(address)),
        values: value.map(Number),
        labels: Object.fromEntries(label.map(({ key, str }) => [text(key), text(str)])),
      };
    }),
  };
}

describe('pprof', () => {
  it('has the samples by stack and operator, in samples and instructions', () => {
    const { model, report } = sampled(
      fib,
      ['fib', 9],
      { target: 'x86_64' },
      { kind: 'random', seed: 3, mean: 4 },
    );
    const { profile, samples, types } = decode(model);
    expect(types).toEqual(['samples/count', 'instructions/count']);
    expect(Number(profile.period)).toBe(4);
    expect(profile.stringTable.strings[0]).toBe('');
    expect(samples.reduce((sum, { values }) => sum + values[0], 0)).toBe(report.samples);
    for (const { values } of samples) expect(values[1]).toBe(4 * values[0]);
    expect(profile.mapping.map(({ memoryLimit }) => Number(memoryLimit))).toEqual([fib.length]);
    const text = model.modules[0].text;
    const lines = text.lines(0);
    for (const { names, addresses, lines: at } of samples)
      names.forEach((name, depth) => {
        if (name !== 'fib') return;
        const line = lines[at[depth] - text.start(0)];
        expect(line.offset).toBe(addresses[depth]);
        if (depth > 0) expect(line.text).toBe('call $fib');
      });
    expect(new Set(samples.flatMap(({ addresses }) => addresses)).size).toBeGreaterThan(5);
  });

  it('has any name as it is', () => {
    const { samples } = decode(sampled(hostileModule(), ['run'], { target: 'x86_64', level: 0 }).model);
    expect(new Set(samples.map(({ names }) => names[0]))).toEqual(
      new Set([...hostileNames, 'run', 'init', '(no frame)']),
    );
  });

  it('says the cause of what is not attributed, and nothing of instructions where the interval is not known', () => {
    const { model } = sampled(fib, ['fib', 3], { target: 'x86_64' });
    const unknown = { ...model, profile: { ...model.profile, interval: undefined } };
    const { types, samples, profile } = decode(unknown);
    expect(types).toEqual(['samples/count']);
    expect(samples.every(({ values }) => values.length === 1)).toBe(true);
    expect(Number(profile.period)).toBe(0);
    expect(samples.every(({ labels }) => Object.keys(labels).length === 0)).toBe(true);
  });

  const go = has('go', 'version');
  it.skipIf(!go)(
    `is read by go tool pprof${go ? '' : ' (skipped: needs go; Debian: apt-get install golang-go)'}`,
    () => {
      const { model, report } = sampled(
        mixed,
        ['round', 1],
        { target: 'x86_64' },
        undefined,
        {},
        mixedImports,
      );
      const path = join(folder, 'mixed.pb.gz');
      writeFileSync(path, writePprof(model));
      const { status, stdout, stderr } = spawnSync(
        'go',
        ['tool', 'pprof', '-top', '-nodecount=1000', '-nodefraction=0', '-edgefraction=0', path],
        { encoding: 'utf8', env: { ...process.env, HOME: folder, PPROF_TMPDIR: folder } },
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      for (const { name, self, total } of report.functions.filter((f) => f.name !== 'host adapter')) {
        const [flat, cumulative] =
          new RegExp(`^ *(\\d+) +\\S+ +\\S+ +(\\d+) +\\S+ +${name}$`, 'm').exec(stdout)?.slice(1) ?? [];
        expect([name, Number(flat), Number(cumulative)]).toEqual([name, self, total]);
      }
    },
  );
});

describe('the page', () => {
  it('escapes what comes from the module, and can load nothing', () => {
    const html = String(
      formats.html.write(sampled(hostileModule(), ['run'], { target: 'x86_64', level: 1 }).model),
    );
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script/g)).toHaveLength(2);
    expect(html).not.toContain('<img');
    expect(html).toContain(`content="default-src 'none'; style-src 'sha256-`);
    // Nothing that a terminal or an editor would obey.
    expect(html).not.toMatch(/(?!\n)\p{Cc}|\u202e/u);
    const data = JSON.parse(
      /<script type="application\/json" id="profile">(.*)<\/script>/.exec(html)?.[1] ?? '',
    );
    expect(data.functions.map(({ name }: { name: string }) => name)).toContain(hostileNames[0]);
  });

  it('counts recursion once in totals, of functions and of lines', () => {
    const { model, report } = sampled(fib, ['fib', 12], { target: 'x86_64' });
    const { functions, listings } = pageData(model);
    const id = functions.findIndex(({ name }) => name === 'fib');
    expect(functions[id].total).toBe(report.functions.find(({ name }) => name === 'fib')?.total);
    const calls = listings[id].filter(([, , text]) => text === 'call $fib');
    expect(calls).toHaveLength(2);
    for (const [, , , self, total] of calls) {
      expect(total).toBeGreaterThan(self);
      expect(total).toBeLessThanOrEqual(functions[id].total);
    }
  });
});

describe('the format', () => {
  it.each([
    ['a.html', 'html'],
    ['a.b.FOLDED', 'folded'],
    ['a.speedscope.json', 'speedscope'],
    ['a.pb.gz', 'pprof'],
    ['-', 'folded'],
  ])('of %s is %s', (path, expected) => {
    expect(formatOf(path, undefined)).toBe(expected);
  });

  it('is as said, whatever the name', () => {
    for (const name of formatNames) expect(formatOf('a.html', name)).toBe(name);
  });

  it('of other endings is refused, with those that there are', () => {
    for (const path of ['a.json', 'a.gz', 'html', 'a.svg'])
      expect(() => formatOf(path, undefined)).toThrow(
        `${path}: the ending names no format; there are .html, .folded, .speedscope.json, .pb.gz, or say it by --format`,
      );
  });
});
