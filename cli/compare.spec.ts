import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import yargs from 'yargs';
import { createWebAssembly, type EmulatedWebAssembly } from '../emu/webassembly.ts';
import { assemble, program } from '../test/support/profiles.ts';
import { build } from './compare/build.ts';
import { configurationsOf, shortNames } from './compare/configuration.ts';
import { BuildReader } from './compare/figures.ts';
import type { CompareReport, ConfigurationReport } from './compare/report.ts';
import { compareCommand } from './compare.ts';

const folder = mkdtempSync(join(tmpdir(), 'fathom-compare-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  vi.restoreAllMocks();
});

/** A function that common subexpressions make longer, and one that has none. */
const twice = `(module (memory 1)
  (func $sums (export "sums") (param i32 i32) (result i32)
    (i32.mul
      (i32.mul (i32.add (local.get 0) (local.get 1)) (i32.xor (local.get 0) (local.get 1)))
      (i32.mul (i32.add (local.get 0) (local.get 1)) (i32.xor (local.get 0) (local.get 1)))))
  (func $plain (export "plain") (param i32) (result i32) (i32.add (local.get 0) (i32.const 5)))
  (func (export "run") (param i32) (result i32)
    (loop $again
      (drop (call $sums (local.get 0) (i32.const 7)))
      (drop (call $plain (local.get 0)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 0)))`;

/** Functions that inlining, folding and common subexpressions make shorter. */
const passes = `(module (memory 1)
  (func $small (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $work (param i32 i32) (result i32)
    (drop (i32.xor (local.get 0) (local.get 1)))
    (i32.store offset=4 (i32.const 8) (i32.mul (i32.const 6) (i32.const 7)))
    (i32.add
      (i32.add (i32.mul (local.get 0) (local.get 1)) (call $small (local.get 0)))
      (i32.mul (local.get 0) (local.get 1))))
  (func (export "run") (param i32) (result i32) (local i32)
    (loop $again
      (local.set 1 (call $work (local.get 0) (local.get 1)))
      (local.set 1 (call $work (local.get 1) (local.get 0)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1)))`;

beforeAll(() => {
  writeFileSync(at('twice.wat'), twice);
  writeFileSync(at('passes.wat'), passes);
  writeFileSync(at('fib.wat'), program('fib'));
});

interface Result {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** With one scheme and level where nothing is said, whatever the defaults are. */
async function fathom(...args: string[]): Promise<Result> {
  const said: string[] = [];
  const errors: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => said.push(text));
  vi.spyOn(console, 'error').mockImplementation((text: string) => errors.push(text));
  let code = -1;
  const parser = yargs()
    .exitProcess(false)
    .parserConfiguration({ 'parse-positional-numbers': false })
    .fail((message, error) => {
      throw error ?? new Error(message);
    });
  await compareCommand((result) => {
    code = result;
  }, parser).parseAsync([
    'compare',
    ...args,
    ...(args.includes('--stack') ? [] : ['--stack', 'atomic']),
    ...(args.includes('-O') ? [] : ['-O', '1']),
  ]);
  return { code, output: said.join('\n'), errors: errors.join('\n') };
}

const reportOf = async (...args: string[]): Promise<CompareReport> =>
  JSON.parse((await fathom(...args, '--json')).output);
const functionOf = ({ functions }: ConfigurationReport, name: string) => {
  const found = functions.find((f) => f.key === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

describe('configurations', () => {
  it('are every combination, once', () => {
    const all = configurationsOf({
      targets: ['armv7', 'armv7'],
      schemes: ['none', 'atomic'],
      orders: ['relaxed'],
      levels: [0, 1],
    });
    expect(shortNames(all)).toEqual([
      'armv7 none -O0',
      'armv7 none -O1',
      'armv7 atomic -O0',
      'armv7 atomic -O1',
    ]);
    expect(shortNames(all.slice(0, 1))).toEqual(['armv7']);
  });
});

describe('figures', () => {
  it('executed instructions of all functions are all that the core executed', async () => {
    const { configurations, run } = await reportOf(at('fib.wat'), '--invoke', 'fib', '12');
    expect(run).toBe('fib 12');
    expect(configurations.map(({ name }) => name)).toEqual([
      'x86_64 atomic relaxed -O1',
      'armv7 atomic relaxed -O1',
    ]);
    for (const configuration of configurations) {
      const webAssembly = createWebAssembly({ target: configuration.target, scheme: 'atomic', level: 1 });
      const { core } = webAssembly.machine;
      core.counting = true;
      const { exports } = new webAssembly.Instance(new webAssembly.Module(assemble(program('fib'))), {});
      const result = (exports as Record<string, (n: number) => number>).fib(12);
      expect(configuration.outcome).toEqual({ code: 0, message: '', result: String(result) });
      expect(configuration.total.run?.executed).toBe(core.instructionsExecuted());
      webAssembly.machine.close();
      const fib = functionOf(configuration, 'fib');
      // Calls of fib(12) by the textbook: 2 fib(13) - 1.
      expect(fib.run?.calls).toBe(2 * 233 - 1);
      const { executed, publication } = { ...fib.run, ...fib };
      expect(fib.run?.publicationExecuted).toBe(publication * (2 * 233 - 1));
      expect(executed).toBeGreaterThan(0);
      expect(fib.run?.cycles !== undefined).toBe(configuration.target === 'armv7');
    }
  });

  it('say what a scheme costs', async () => {
    const { configurations } = await reportOf(
      at('fib.wat'),
      '--invoke',
      'fib',
      '10',
      '--stack',
      'none',
      'atomic',
    );
    for (const target of ['x86_64', 'armv7'] as const) {
      const [none, atomic] = configurations
        .filter((each) => each.target === target)
        .map((each) => functionOf(each, 'fib'));
      expect(none.publication).toBe(0);
      expect(atomic.publication).toBe(target === 'x86_64' ? 3 : 4);
      // What publishes is all that is more.
      expect(atomic.instructions - none.instructions).toBe(atomic.publication);
      expect((atomic.run?.executed ?? 0) - (none.run?.executed ?? 0)).toBe(atomic.run?.publicationExecuted);
    }
  });

  it('are the same whether a script runs the module or the command does', async () => {
    writeFileSync(
      at('glue.mjs'),
      `import { readFileSync } from 'node:fs';
      export default async (WebAssembly) => {
        const { instance } = await WebAssembly.instantiate(readFileSync(${JSON.stringify(at('fib.wasm'))}));
        return instance.exports.fib(9);
      };`,
    );
    writeFileSync(at('fib.wasm'), assemble(program('fib')));
    const scripted = await reportOf(at('fib.wasm'), '--script', at('glue.mjs'));
    const called = await reportOf(at('fib.wasm'), '--invoke', 'fib', '9');
    expect(scripted.configurations.map(({ functions }) => functions)).toEqual(
      called.configurations.map(({ functions }) => functions),
    );
    writeFileSync(at('idle.mjs'), 'export default () => 0;');
    await expect(fathom(at('fib.wasm'), '--script', at('idle.mjs'))).rejects.toThrow(
      'the run never instantiates the module',
    );
    writeFileSync(at('early.mjs'), 'export default async () => { throw new Error("boom"); };');
    await expect(fathom(at('fib.wasm'), '--script', at('early.mjs'))).rejects.toThrow(
      /^the run fails before it instantiates the module: .*boom/,
    );
  });

  it('of a program that traps are what it executed, and the trap is told', async () => {
    writeFileSync(
      at('trap.wat'),
      '(module (func $f (export "f") (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0))))',
    );
    const { code, errors } = await fathom(at('trap.wat'), '--invoke', 'f', '0', '--target', 'armv7');
    expect(code).toBe(134);
    expect(errors).toMatch(/^armv7 atomic relaxed -O1: RuntimeError: divide by zero/);
  });
});

describe('tables', () => {
  it('have a line for each target, the function that executes most first', async () => {
    const { output, code } = await fathom(at('twice.wat'), '--invoke', 'run', '50', '--top', '2');
    expect(code).toBe(0);
    const lines = output.split('\n');
    expect(lines[0]).toMatch(/^function +wasm +code +instr .* executed +loads +stores/);
    expect(lines.slice(1).map((line) => line.slice(0, 16).trim().split(/ +/)[0])).toEqual([
      'all',
      'armv7',
      expect.stringMatching(/^(sums|run|func)/),
      'armv7',
      expect.anything(),
      'armv7',
      '…',
    ]);
    expect(lines[1]).toMatch(/100\.0 %/);
  });

  it('show one function by name or index, and sort', async () => {
    const named = (await fathom(at('twice.wat'), '--function', 'plain')).output;
    expect((await fathom(at('twice.wat'), '--function', '1')).output).toBe(named);
    expect(named).not.toMatch(/^all|sums/m);
    const byName = (await fathom(at('twice.wat'), '--sort', 'name', '--target', 'armv7')).output;
    const names = byName
      .split('\n')
      .slice(2)
      .map((line) => line.split(/ {2,}/)[0]);
    expect(names).toEqual([...names].sort());
    await expect(fathom(at('twice.wat'), '--function', 'nobody')).rejects.toThrow('has no function nobody');
  });
});

describe('--against', () => {
  const base = (): string => at('base.json');
  beforeAll(async () => {
    await fathom(at('twice.wat'), '--invoke', 'run', '50', '-o', base());
  });
  const gate = (...more: string[]): Promise<Result> =>
    fathom(at('twice.wat'), '--invoke', 'run', '50', '--against', base(), ...more);

  it('passes on an unchanged compiler', async () => {
    const { code, output } = await gate();
    expect(code).toBe(0);
    expect(output.split('\n').filter((line) => line.includes('unchanged'))).toHaveLength(4);
    expect(output).not.toMatch(/FAILED|grew|shrank/);
  });

  it('fails when a pass is switched off, and names the function', async () => {
    const { code, output } = await gate('--without-pass', 'cse');
    expect(code).toBe(1);
    const lines = output.slice(output.indexOf('against')).split('\n');
    const failed = lines.flatMap((line, k) => (line.startsWith('FAILED') ? [[line, lines[k + 1]]] : []));
    expect(failed.map(([line]) => line.split(', +')[0])).toEqual([
      expect.stringMatching(/^FAILED x86_64 atomic relaxed -O1: bytes of machine code: [\d,]+ -> [\d,]+$/),
      expect.stringMatching(/^FAILED x86_64 atomic relaxed -O1: instructions executed: /),
      expect.stringMatching(/^FAILED armv7 atomic relaxed -O1: bytes of machine code: /),
      expect.stringMatching(/^FAILED armv7 atomic relaxed -O1: instructions executed: /),
    ]);
    for (const [, culprit] of failed) expect(culprit).toMatch(/^ {2}sums grew: \d+ -> \d+, \+\d+ \(\+/);
    expect(output).not.toMatch(/plain grew/);
    expect(lines).toContain('only this report is with --without-pass cse');
  });

  it.each(['inline', 'fold', 'cse'])('fails without %s at -O2, too, with the same result', async (name) => {
    const run = [at('passes.wat'), '--invoke', 'run', '50', '--target', 'x86_64', '-O', '2'];
    await fathom(...run, '-o', at('passes.json'));
    const gated = await fathom(
      ...run,
      '--without-pass',
      name,
      '--against',
      at('passes.json'),
      '-o',
      at('x.json'),
    );
    expect([gated.errors, gated.code]).toEqual(['', 1]);
    expect(gated.output).toMatch(
      /FAILED x86_64 atomic relaxed -O2: instructions executed: .*\n {2}(run|work) grew: /,
    );
    const [before, after] = ['passes.json', 'x.json'].map(
      (file): CompareReport => JSON.parse(readFileSync(at(file), 'utf8')),
    );
    expect(after.configurations[0].outcome).toEqual(before.configurations[0].outcome);
  });

  it('allows what it is told to', async () => {
    const worse = (allow: string) => gate('--without-pass', 'cse', '--allow', allow);
    expect((await worse('60%')).code).toBe(0);
    expect((await worse('0.6')).code).toBe(0);
    expect((await worse('1%')).code).toBe(1);
    await expect(gate('--allow', 'much')).rejects.toThrow('--allow takes a share such as 2%, not much');
  });

  it('improvements pass and are told', async () => {
    await fathom(at('twice.wat'), '--invoke', 'run', '50', '--without-pass', 'cse', '-o', at('worse.json'));
    const { code, output } = await fathom(
      at('twice.wat'),
      '--invoke',
      'run',
      '50',
      '--against',
      at('worse.json'),
    );
    expect(code).toBe(0);
    expect(output).toMatch(/sums shrank: \d+ -> \d+, -\d+ \(-/);
    expect(output).toContain('only the earlier report is with --without-pass cse');
  });

  it('results that depend on the target are a failure', async () => {
    // The sign of a NaN that arithmetic makes is the machine's own.
    writeFileSync(
      at('nan.wat'),
      `(module (func (export "run") (param f32) (result i32)
        (i32.reinterpret_f32 (f32.div (local.get 0) (local.get 0)))))`,
    );
    const { code, errors } = await fathom(at('nan.wat'), '--invoke', 'run', '0');
    expect(errors).toContain('the runs of different configurations did not give the same results');
    expect(code).toBe(1);
    expect((await fathom(at('nan.wat'), '--invoke', 'run', '1')).code).toBe(0);
  });

  it('a function that is new has grown from nothing', async () => {
    writeFileSync(at('more.wat'), twice.replace('(memory 1)', '(memory 1) (func $new (export "new"))'));
    const { code, output } = await fathom(
      at('more.wat'),
      '--invoke',
      'run',
      '50',
      '--target',
      'armv7',
      '--against',
      base(),
    );
    expect(code).toBe(1);
    expect(output).toMatch(/new grew: 0 -> \d+, \+\d+ \(new\)/);
    // A gate must not seem to watch what it does not.
    expect(output).toMatch(/^x86_64 atomic relaxed -O1: not compared, only the earlier report has it$/m);
  });

  it('names of functions command no terminal', async () => {
    writeFileSync(at('odd.wat'), '(module (func (export "f\\1b[2J\\c2\\9b31m") (param i32)))');
    await fathom(at('odd.wat'), '-O', '2', '-o', at('odd.json'));
    const report = readFileSync(at('odd.json'), 'utf8');
    writeFileSync(at('odd.json'), report.replaceAll(/"codeBytes":\d+/g, '"codeBytes":1'));
    const { output, code } = await fathom(at('odd.wat'), '-O', '2', '--against', at('odd.json'));
    expect(code).toBe(1);
    expect(output).toMatch(/^f\ufffd\[2J\ufffd31m +x86_64/m);
    expect(output).toMatch(/^ {2}f\ufffd\[2J\ufffd31m grew: /m);
    expect(output.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });

  it('refuses what cannot be compared', async () => {
    const report = JSON.parse(readFileSync(base(), 'utf8'));
    const against = async (value: unknown, ...more: string[]): Promise<Result> => {
      writeFileSync(at('odd.json'), typeof value === 'string' ? value : JSON.stringify(value));
      return fathom(at('twice.wat'), ...more, '--against', at('odd.json'));
    };
    await expect(against('{')).rejects.toThrow('is no JSON');
    await expect(against({ a: 1 })).rejects.toThrow('is no report of fathom compare --json');
    await expect(against({ ...report, version: 7 })).rejects.toThrow(
      'is a report of version 7; this fathom reads version 1',
    );
    await expect(against({ ...report, configurations: [{ name: 1 }] })).rejects.toThrow(
      'is a damaged report',
    );
    await expect(against(report)).rejects.toThrow('the earlier report is of run 50, this one of no run');
    await expect(against(report, '--invoke', 'run', '50', '-O', '0')).rejects.toThrow(
      'the earlier report has x86_64 atomic relaxed -O1, armv7 atomic relaxed -O1, none of which is here',
    );
    await expect(fathom(at('twice.wat'), '--against', at('missing.json'))).rejects.toThrow('no such file');
  });
});

describe('samples', () => {
  it('at every instruction are what was executed, of each instruction and in all', async () => {
    const bytes = assemble(program('fib'));
    for (const target of ['x86_64', 'armv7'] as const) {
      const [configuration] = configurationsOf({
        targets: [target],
        schemes: ['atomic'],
        orders: ['relaxed'],
        levels: [1],
      });
      const run = {
        label: 'fib 12',
        async open(webAssembly: EmulatedWebAssembly): Promise<() => unknown> {
          const { exports } = new webAssembly.Instance(new webAssembly.Module(bytes), {});
          // Samples go on where the work waits.
          return async () => {
            const { fib } = exports as Record<string, (n: number) => number>;
            await Promise.resolve();
            return fib(12);
          };
        },
      };
      const subject = { title: 'fib', bytes, run };
      const built = await build(subject, configuration, {
        publishLeaves: false,
        without: [],
        debug: false,
        sampling: { every: 1, drawn: false },
      });
      const reader = await BuildReader.of(built);
      let instructions = 0;
      for (const { f } of reader.functions)
        for (const { samples, executed } of reader.rows(f)) {
          expect(samples).toBe(executed);
          if (samples > 0) instructions++;
        }
      expect(instructions).toBeGreaterThan(20);
      const { run: total } = reader.report().total;
      expect(total?.samples).toBe(total?.executed);
    }
  });

  it('after every N instructions are a share of all, and change no other figure', async () => {
    const call = [at('fib.wat'), '--invoke', 'fib', '15'];
    const plain = await reportOf(...call);
    const sampled = await reportOf(...call, '--every', '7');
    expect(plain.sampling).toBeNull();
    expect(sampled.sampling).toEqual({ every: 7, drawn: false });
    sampled.configurations.forEach(({ total, functions }, k) => {
      const { samples, ...rest } = total.run ?? {};
      expect(rest).toEqual(plain.configurations[k].total.run);
      expect(samples).toBe(Math.floor((total.run?.executed ?? 0) / 7));
      expect(functions.reduce((sum, { run }) => sum + (run?.samples ?? 0), 0)).toBe(samples);
    });
    const { output } = await fathom(...call, '--every', '7', '--sort', 'samples', '--top', '1');
    const [header, all] = output.split('\n');
    expect(header).toMatch(/ A9 cycles +samples$/);
    const samples = sampled.configurations[0].total.run?.samples?.toLocaleString('en-US');
    expect(all).toMatch(new RegExp(` ${samples} +100\\.0 %$`));
  });
});

describe('samples at drawn intervals', () => {
  it('are the same in every run, as many as the average says', async () => {
    const loop = `(module (func (export "run") (param i32) (result i32)
      (loop $again (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 0)))`;
    writeFileSync(at('loop.wat'), loop);
    const call = [at('loop.wat'), '--invoke', 'run', '400000', '--samples'];
    const [first, second] = [await reportOf(...call), await reportOf(...call)];
    expect(first.sampling).toEqual({ every: 1000, drawn: true });
    first.configurations.forEach(({ total }, k) => {
      expect(second.configurations[k].total).toEqual(total);
      const { samples = 0, executed } = total.run ?? { executed: 0 };
      expect(executed).toBeGreaterThan(700_000);
      expect(samples / (executed / 1000)).toBeGreaterThan(0.9);
      expect(samples / (executed / 1000)).toBeLessThan(1.1);
    });
  });
});

describe('the command line', () => {
  it.each([
    [['--script', 'x.mjs', '--run'], '--script runs the module'],
    [['5'], '5: arguments go with --run or --invoke'],
    [['--allow', '2%'], '--allow says by how much code may grow: it goes with --against'],
    [['--sort', 'cycles'], '--sort cycles is a figure of a run: it goes with --run'],
    [['--top', '0'], '--top takes a whole number'],
    [['-O', '7'], '-O takes 0, 1, 2 or 3, not 7'],
    [['-o', 'x.txt'], 'the ending names no format'],
    [['--sources', 'nowhere'], '--sources nowhere: no such folder'],
    [['--invoke', 'nobody'], 'has no exported function nobody'],
    [['--sort', 'colour'], 'Invalid values'],
    [['--every', '0', '--run'], '--every takes a whole number'],
    [['--samples'], '--samples and --every go with --run, --invoke or --script'],
    [['--without-pass', 'legalize'], 'Choices: "fold", "copies", "cse"'],
  ])('refuses %j', async (args, message) => {
    await expect(fathom(at('twice.wat'), ...args)).rejects.toThrow(message);
  });

  it('says what is wrong with source lines, and goes on without', async () => {
    const module = readFileSync(fileURLToPath(new URL('../test/programs/source/mean.wasm', import.meta.url)));
    const lines = module.indexOf('.debug_line');
    // The version, behind the unit's length.
    module.fill(0xff, lines + 11, lines + 15);
    writeFileSync(at('damaged.wasm'), module);
    const { code, errors } = await fathom(at('damaged.wasm'), '-o', at('damaged.html'));
    expect(code).toBe(0);
    expect(errors).toMatch(/damaged\.wasm: no source lines: its DWARF is damaged: .* \(at offset 0x\w+\)$/);
    expect(readFileSync(at('damaged.html'), 'utf8')).toContain('<span id="view">WebAssembly</span>');
  });

  it('shows what a module says of its source map without control characters', async () => {
    const named = Buffer.from('\x10sourceMappingURL\x0b\x1b]0;hi\x07.map', 'latin1');
    const section = Uint8Array.from([0, named.length, ...named]);
    const module = readFileSync(fileURLToPath(new URL('../bench/kernels/fib.wasm', import.meta.url)));
    writeFileSync(at('mapped.wasm'), Buffer.concat([module, section]));
    const { errors } = await fathom(at('mapped.wasm'), '-o', at('mapped.html'));
    expect(errors).toContain('its source map, \ufffd]0;hi\ufffd.map, is not there');
    expect(errors).not.toContain('\x1b');
  });

  it('knows the workloads', async () => {
    const { configurations, module } = await reportOf('workload:fib', '--target', 'x86_64');
    expect(module.name).toBe('fib');
    expect(configurations[0].total.run?.executed).toBeGreaterThan(500_000);
    await expect(fathom('workload:nothing')).rejects.toThrow('workload:nothing: there are workload:fib');
  });
});
