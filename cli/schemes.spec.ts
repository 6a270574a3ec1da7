import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import yargs from 'yargs';
import type { Image } from '../compiler/image/image.ts';
import { compile } from '../compiler/index.ts';
import type { MemoryOrder, SchemeName } from '../compiler/stack/scheme.ts';
import { createDisassembler } from '../emu/capstone.ts';
import { targets } from './common.ts';
import { type Encounter, encounters, worst } from './schemes/compatibility.ts';
import { bytes, type Cost, type CostReport, measureCosts, measureRun } from './schemes/costs.ts';
import { asMarkdown, costSections, encounterSections } from './schemes/report.ts';
import { schemesCommand } from './schemes.ts';
import { programBytes, workloads } from './workloads/index.ts';

const targetNames = ['x86_64', 'armv7'] as const;
const programs = workloads.filter(({ kind }) => kind !== 'real').map(({ name }) => name);

/** Measured once: SQLite is compiled for each target, scheme and order. */
let report: CostReport;
let met: readonly Encounter[];
beforeAll(async () => {
  report = await measureCosts({ targets: targetNames, workloads, level: 1 });
  met = await encounters(targetNames);
}, 1_800_000);

const having = (wanted: Partial<Cost>): Cost[] =>
  report.costs.filter((cost) =>
    Object.entries(wanted).every(([key, value]) => cost[key as keyof Cost] === value),
  );
const label = ({ workload, target, scheme, order }: Cost): string =>
  `${workload} ${target} ${scheme} ${order}`;

describe.each(targetNames)('costs on %s', (target) => {
  /** Instructions that `atomic` may add to a call of a function that calls (docs/design.md). */
  const most = { x86_64: 4, armv7: 5 }[target];

  it('every workload is measured with every scheme', () => {
    expect(report.skipped).toEqual([]);
    expect(having({ target })).toHaveLength(workloads.length * 3 * 5);
    for (const cost of having({ target }))
      expect([label(cost), cost.instructions > 500_000]).toEqual([label(cost), true]);
  });

  it('unwind adds no instruction and no byte of code, and to real programs at most 10 % for its rows', () => {
    for (const cost of having({ target, scheme: 'unwind' })) {
      const added = { instructions: cost.addedInstructions, code: cost.addedCode };
      expect([label(cost), added]).toEqual([label(cost), { instructions: 0, code: 0 }]);
      expect(cost.addedImage).toBe(cost.size.frames);
      if (cost.kind !== 'real') continue;
      expect(cost.addedImage / (bytes(cost.size) - cost.addedImage)).toBeLessThan(0.1);
    }
  });

  it('atomic and field add at most four instructions to a call on x86-64 and five on ARMv7, in every program', () => {
    for (const cost of [...having({ target, scheme: 'atomic' }), ...having({ target, scheme: 'field' })]) {
      // One call is no average: `leaf` pays for one, of a frame that has to be aligned anew.
      if (cost.order !== 'relaxed' || cost.workload === 'leaf') continue;
      expect([label(cost), cost.addedPerCall, cost.addedPerCall <= most]).toEqual([
        label(cost),
        cost.addedPerCall,
        true,
      ]);
    }
  });

  it('leaves pay nothing', async () => {
    const disassembler = await createDisassembler(target);
    const instructions = (image: Image, id: number): string[] => {
      const { offset, size } = image.functions[id];
      return disassembler
        .disassemble(image.code.subarray(offset, offset + size), 0)
        .map(({ mnemonic }) => mnemonic);
    };
    let leaves = 0;
    for (const name of programs) {
      const image = await compileProgram(name, 'atomic', 'relaxed');
      const none = await compileProgram(name, 'none', 'relaxed');
      for (const { id, kind, recordOffset } of image.functions) {
        if (kind !== 'wasm' || recordOffset >= 0) continue;
        leaves++;
        expect(instructions(image, id)).toEqual(instructions(none, id));
      }
    }
    expect(leaves).toBeGreaterThan(5);
    // 200,000 calls of leaves: what is added is one call of the function that calls them.
    const [leaf] = having({ target, scheme: 'atomic', workload: 'leaf', order: 'relaxed' });
    expect([leaf.nonLeafCalls, leaf.addedInstructions <= most + 1]).toEqual([1, true]);
  });

  it('all schemes count the same calls of functions that call', () => {
    for (const { scheme, published, nonLeafCalls, ...cost } of having({ target })) {
      const publishing = scheme !== 'none' && scheme !== 'unwind';
      expect([cost.workload, scheme, published]).toEqual([
        cost.workload,
        scheme,
        publishing ? nonLeafCalls : 0,
      ]);
    }
  });

  it('two runs count the same, SQLite included', async () => {
    for (const name of ['mixed', 'sqlite', 'source-map']) {
      const [workload] = workloads.filter((w) => w.name === name);
      const { instructions, published, size } = having({
        target,
        scheme: 'atomic',
        order: 'relaxed',
        workload: name,
      })[0];
      const again = await measureRun(workload, { target, scheme: 'atomic', order: 'relaxed', level: 1 });
      expect([name, again]).toEqual([name, { instructions, published, size }]);
    }
  });

  function compileProgram(name: string, scheme: SchemeName, order: MemoryOrder): Promise<Image> {
    return programBytes(name).then((module) =>
      compile(module, { target: targets[target], level: 1, scheme, order }),
    );
  }

  it('release costs barriers on ARMv7, and on x86-64 at most three instructions, as records say whose they are', () => {
    for (const scheme of ['atomic', 'tail', 'field'] as const) {
      for (const cost of having({ target, scheme, order: 'release' })) {
        const [relaxed] = having({ target, scheme, order: 'relaxed', workload: cost.workload });
        const more = cost.addedPerCall - relaxed.addedPerCall;
        expect([label(cost), more, more >= 0 && more <= 3]).toEqual([label(cost), more, true]);
      }
    }
  });
});

describe.each(targetNames)('readers and images on %s', (target) => {
  const encounter = (reader: SchemeName, image: SchemeName): Encounter =>
    met.filter((e) => e.target === target && e.reader === reader && e.image === image)[0];

  it('a reader reads images of its own scheme, always the true stack, and refuses all others', () => {
    const all = met.filter((e) => e.target === target);
    expect(all).toHaveLength(4 * 5);
    for (const { reader, image, refusal, checked } of all) {
      expect([reader, image, refusal === null]).toEqual([reader, image, reader === image]);
      expect(Object.keys(checked ?? {})).toEqual(reader === image ? ['true stack'] : []);
    }
  });

  it('who refuses says what differs', () => {
    expect(encounter('atomic', 'none').refusal).toBe(
      "the reader cannot read this machine's stack: scheme none instead of atomic",
    );
    for (const [reader, image, versions] of [
      ['atomic', 'field', '2 instead of 1'],
      ['field', 'atomic', '1 instead of 2'],
    ] as const)
      expect(encounter(reader, image).refusal).toMatch(
        new RegExp(
          `: ABI version ${versions}, exec env layout 0x\\w{8} instead of 0x\\w{8}, scheme ${image} instead of ${reader}$`,
        ),
      );
  });

  it('who did not would read garbage, find nothing, or fault', () => {
    const field = encounter('field', 'atomic');
    // Behind the header of version 1 comes the address of the memory on x86-64, padding on ARM.
    if (target === 'x86_64') {
      expect(field.believed).toEqual({ wrong: expect.any(Number) });
      expect(field.example?.read).toEqual(['innocent']);
      expect(field.example?.actual).not.toContain('innocent');
    } else expect(worst(field.believed ?? {})).toBe('nothing');
    expect(worst(encounter('atomic', 'field').believed ?? {})).toBe('nothing');
    expect(worst(encounter('atomic', 'field').forced)).toBe('wrong');
    expect(worst(encounter('tail', 'atomic').forced)).toBe('fault');
    // Rows are the same wherever top is: refusing these costs something.
    expect(worst(encounter('unwind', 'atomic').forced)).toBe('true stack');
  });
});

it('docs/schemes.md has these figures (FATHOM_UPDATE=1 writes them)', () => {
  const path = new URL('../docs/schemes.md', import.meta.url);
  const page = readFileSync(path, 'utf8');
  const blocks = { costs: costSections(report), readers: encounterSections(met) };
  let wanted = page;
  for (const [name, sections] of Object.entries(blocks)) {
    const [begin, end] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->`];
    const [before, rest] = [page.indexOf(begin), page.indexOf(end)];
    expect([name, before >= 0 && rest > before]).toEqual([name, true]);
    const old = page.slice(before, rest);
    wanted = wanted.replace(old, () => `${begin}\n${asMarkdown(sections)}\n`);
  }
  if (process.env.FATHOM_UPDATE) writeFileSync(path, wanted);
  else expect(page).toBe(wanted);
});

describe('the command', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  async function fathom(...args: string[]): Promise<{ code: number; output: string }> {
    const said: string[] = [];
    vi.spyOn(console, 'log').mockImplementation((text: string) => said.push(text));
    let code = -1;
    const parser = yargs()
      .exitProcess(false)
      .fail((_, error) => {
        throw error;
      });
    await schemesCommand((result) => {
      code = result;
    }, parser).parseAsync(['schemes', ...args]);
    return { code, output: said.join('\n') };
  }

  it('prints what is asked for', async () => {
    const { code, output } = await fathom('--costs', '--only', 'leaf', '--target', 'armv7');
    expect(code).toBe(0);
    expect(output).toMatch(/^armv7: instructions executed/);
    expect(output).toMatch(/\nleaf +relaxed +1 +[\d,]+ /);
    expect(output).not.toMatch(/x86_64|readers and images|fib/);
    expect((await fathom('--compatibility', '--target', 'x86_64')).output).toMatch(
      /^x86_64: readers and images/,
    );
  });

  it('prints the exact figures as JSON', async () => {
    const { output } = await fathom('--only', 'fib', '--target', 'x86_64', '--json');
    const { costs, skipped, encounters: all } = JSON.parse(output);
    expect(costs).toEqual(JSON.parse(JSON.stringify(having({ workload: 'fib', target: 'x86_64' }))));
    expect([skipped, all.length]).toEqual([[], 20]);
  });

  it.each([
    [['--only', 'nothing'], '--only takes fib, even-odd, leaf, mixed, sqlite, source-map, not nothing'],
    [['--compatibility', '--only', 'fib'], '--only goes with --costs'],
    [['--compatibility', '-O', '0'], '-O goes with --costs'],
    [['--costs', '-O', '7'], '-O takes 0, 1, 2 or 3, not 7'],
  ])('refuses %j', async (args, message) => {
    await expect(fathom(...args)).rejects.toThrow(message);
  });
});
