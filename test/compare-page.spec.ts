import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import yargs from 'yargs';
import type { CompareReport } from '../cli/compare/report.ts';
import { compareCommand } from '../cli/compare.ts';
import { decodeModule } from '../compiler/wasm/reader.ts';
import { artifact, chromiumPath, PageBed, withoutChromium } from './support/chromium.ts';
import { assemble, hostileModule, hostileNames, program } from './support/profiles.ts';

/** The page of `fathom compare` in a browser. */
describe.skipIf(chromiumPath === undefined)(`comparisons in Chromium${withoutChromium}`, () => {
  const bed = new PageBed(1500);
  const at = (name: string): string => join(bed.folder, name);
  let page: Page;

  beforeAll(async () => {
    writeFileSync(at('fib.wasm'), assemble(program('fib')));
    await compare('fib', at('fib.wasm'), '--invoke', 'fib', '15');
  });

  /** Writes `name`.html and `name`.json; with one scheme and level where nothing is said, whatever the defaults are. */
  async function compare(name: string, ...args: string[]): Promise<void> {
    const log = vi.spyOn(console, 'log').mockImplementation((text: string) => {
      writeFileSync(at(`${name}.json`), text);
    });
    const parser = yargs().exitProcess(false).parserConfiguration({ 'parse-positional-numbers': false });
    const fixed = [
      ...(args.includes('--stack') ? [] : ['--stack', 'atomic']),
      ...(args.includes('-O') ? [] : ['-O', '1']),
    ];
    await compareCommand(() => {}, parser).parseAsync([
      'compare',
      ...args,
      ...fixed,
      '--json',
      '-o',
      at(`${name}.html`),
    ]);
    log.mockRestore();
  }
  const reportOf = (name: string): CompareReport => JSON.parse(readFileSync(at(`${name}.json`), 'utf8'));

  async function open(name: string, dark = false, hash = ''): Promise<void> {
    page = await bed.open(at(`${name}.html`), dark, hash);
  }

  const texts = (selector: string): Promise<string[]> => page.locator(selector).allTextContents();
  const shot = async (name: string): Promise<void> => {
    await page.screenshot({ path: artifact(name) });
    expect(statSync(artifact(name)).size).toBeGreaterThan(20_000);
  };

  it('shows functions, figures, and three panes of the one that executes most', async () => {
    await open('fib');
    expect(await page.title()).toBe('fib.wasm: what it becomes');
    expect(await texts('h2')).toEqual(['fib']);
    const { configurations } = reportOf('fib');
    const fib = configurations.map(({ functions }) => functions.find(({ key }) => key === 'fib'));
    const cells = fib.map((f) => f?.run?.executed.toLocaleString('en-US'));
    expect((await texts('#functions .row:first-child span')).slice(0, 3)).toEqual(['fib', ...cells]);
    expect(await texts('#summary tbody tr:nth-child(2) td')).toEqual(
      expect.arrayContaining(['armv7', fib[1]?.codeBytes.toLocaleString('en-US'), cells[1]]),
    );
    expect((await texts('#wasm .text')).map((text) => text.trim())).toEqual(
      expect.arrayContaining(['func $fib (param i32) (result i32)', 'i32.lt_s', 'call $fib', 'i32.add']),
    );
    expect(await page.locator('#code0 .row').count()).toBe(fib[0]?.instructions);
    expect(await page.locator('#code1 .row').count()).toBe(fib[1]?.instructions);
    // A conditional branch is no call.
    expect(await texts('#code1 .text')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^blt #0x/), 'bl fib']),
    );
  });

  it('lights what an operator became on both sides, and says how much', async () => {
    await open('fib');
    await page.locator('#wasm .row', { hasText: 'i32.add' }).hover();
    const lit = async (kind: string) => ({
      wasm: (await texts(`#wasm .row.${kind} .text`)).map((text) => text.trim()),
      x86: await texts(`#code0 .row.${kind} .text`),
      arm: await texts(`#code1 .row.${kind} .text`),
    });
    const became = await lit('lit');
    expect(became.wasm).toEqual(['i32.add']);
    expect(became.x86).toEqual([expect.stringMatching(/^add eax, dword ptr \[rsp/)]);
    expect(became.arm).toEqual([expect.stringMatching(/^ldr/), expect.stringMatching(/^add r0/)]);
    expect(await page.locator('#details').textContent()).toMatch(
      /^0x\w+ i32\.add · x86_64: 1 instruction, 986 executed · armv7: 2 instructions, 1,972 executed$/,
    );
    // From an instruction as well, and it stays when it is chosen.
    const compareRow = page.locator('#code1 .row', { hasText: /cmp r\d+, #2$/ });
    await compareRow.hover();
    const compared = await lit('lit');
    expect(compared.wasm).toEqual([expect.stringMatching(/^if/)]);
    expect(compared.x86).toEqual(['cmp eax, 2', expect.stringMatching(/^jl 0x/)]);
    await compareRow.click();
    await page.locator('#search').hover();
    expect(await lit('fixed')).toEqual(compared);
    expect((await lit('lit')).x86).toEqual([]);
    await shot('compare-linked.png');
  });

  it('is as warm as the counts are, and marks what publishes, spills and checks', async () => {
    await open('fib');
    expect(await texts('#code0 .row .count')).toContain('1,973');
    const warmth = (text: string): Promise<number> =>
      page
        .locator('#code0 .row', { hasText: text })
        .first()
        .locator('.count')
        .getAttribute('style')
        .then((style) => Number(/--warmth: ?([\d.]+)/.exec(style ?? '')?.[1]));
    expect(await warmth('cmp eax')).toBeGreaterThan(await warmth('lea edi'));
    expect(await texts('#code0 .row[data-mark=P] .text')).toEqual([
      'push qword ptr [r15 + 8]',
      'mov qword ptr [r15 + 8], rsp',
      'pop qword ptr [r15 + 8]',
    ]);
    expect(await page.locator('#code1 .row[data-mark=S]').count()).toBe(2);
    expect(await page.locator('#code1 .row[data-mark=R]').count()).toBe(2);
    await page.locator('#code0 .row', { hasText: /jl 0x/ }).hover();
    expect(await page.locator('#details').textContent()).toMatch(/taken 987 of 1,973 times$/);
    expect(await texts('#heat option')).toEqual(['off', 'executed']);
    await page.selectOption('#heat', 'off');
    expect(await page.locator('.count').count()).toBe(0);
  });

  it('is as warm as samples are, where there are any', async () => {
    await compare('samples', at('fib.wasm'), '--invoke', 'fib', '18', '--every', '10');
    await open('samples', false, '#fib');
    const { configurations } = reportOf('samples');
    expect(await page.locator('header p').textContent()).toMatch(/, sampled every 10 instructions$/);
    await page.selectOption('#heat', 'samples');
    for (const [pane, { functions }] of [
      ['#code0', configurations[0]],
      ['#code1', configurations[1]],
    ] as const) {
      const counts = (await texts(`${pane} .count`)).map((text) => Number(text.replaceAll(',', '')));
      const samples = functions.find(({ key }) => key === 'fib')?.run?.samples;
      expect(samples).toBeGreaterThan(1000);
      expect(counts.reduce((sum, each) => sum + each, 0)).toBe(samples);
    }
    // The same samples, by operators.
    expect(await texts('#wasm .count:not(:empty)')).not.toEqual([]);
    await page
      .locator('#code0 .row', { hasText: /call fib/ })
      .first()
      .hover();
    expect(await page.locator('#details').textContent()).toMatch(
      /x86_64: \d+ instructions?, [\d,]+ executed, [\d,]+ samples · /,
    );
    await page.selectOption('#figure', { label: 'samples at its instructions' });
    expect((await texts('#functions .row:first-child span'))[0]).toBe('fib');
    await page.keyboard.press('Escape');
    await page.locator('#code0').focus();
    await page.keyboard.press('h');
    await page.keyboard.press('h');
    expect(await page.locator('#heat').inputValue()).toBe('samples');
    await shot('compare-samples.png');
  });

  it('goes by keys', async () => {
    await open('fib');
    await page.keyboard.press('/');
    await page.keyboard.type('init');
    expect(await texts('#matched')).toEqual(['1 of 6 functions']);
    await page.keyboard.press('Enter');
    await page.waitForSelector('html[data-open="init (init)"]');
    expect(await texts('#wasm .empty')).toEqual(['The compiler’s own: no function of the module.']);
    await page.fill('#search', '');
    await page.keyboard.press('Escape');
    await page.keyboard.press('PageUp');
    await page.waitForSelector('html[data-open=fib]');
    await page.keyboard.press('Enter');
    for (let k = 0; k < 5; k++) await page.keyboard.press('ArrowDown');
    const fixed = (pane: string): Promise<string[]> => texts(`#${pane} .row.fixed .text`);
    expect((await fixed('wasm')).map((text) => text.trim())).toEqual([expect.stringMatching(/^if/)]);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await fixed('code0')).toEqual([expect.stringMatching(/^lea edi/)]);
    expect(await fixed('code1')).toEqual([expect.stringMatching(/^sub r0/)]);
    await page.keyboard.press('h');
    expect(await page.locator('#heat').inputValue()).toBe('off');
    await page.keyboard.press('h');
    expect(await page.locator('#heat').inputValue()).toBe('executed');
  });

  it('follows its address', async () => {
    await open('fib', false, '#fib');
    await page.evaluate("location.hash = '#no-such-function'");
    await page.evaluate("location.hash = encodeURIComponent('init (init)')");
    await page.waitForSelector('html[data-open="init (init)"]');
    expect(await texts('h2')).toEqual(['init (init)']);
  });

  it('sorts by every column, and by another figure', async () => {
    await open('fib');
    const column = async (nth: number): Promise<number[]> =>
      (await texts(`#functions .row span:nth-child(${nth})`)).map((text) =>
        Number(text.replaceAll(/[,×]/g, '')),
      );
    const descending = (values: number[]): number[] => [...values].sort((a, b) => b - a);
    expect(await column(2)).toEqual(descending(await column(2)));
    await page.locator('#heads button', { hasText: 'armv7' }).click();
    expect(await column(3)).toEqual(descending(await column(3)));
    await page.locator('#heads button', { hasText: 'armv7' }).click();
    expect(await column(3)).toEqual(descending(await column(3)).reverse());
    await page.locator('#heads button', { hasText: 'Function' }).click();
    const names = await texts('#functions .row span:first-child');
    expect(names).toEqual([...names].sort());
    await page.selectOption('#figure', { label: 'bytes of machine code' });
    const { configurations } = reportOf('fib');
    const sizes = configurations[0].functions.map(({ codeBytes }) => codeBytes);
    expect(descending(await column(2))).toEqual(descending(sizes));
  });

  it('scrolls in step, through functions that are far too long to be built whole', async () => {
    const body = Array.from({ length: 3000 }, (_, k) => `(global.set $g${k % 7} (i32.const ${k}))`).join(
      '\n',
    );
    const globals = [0, 1, 2, 3, 4, 5, 6].map((k) => `(global $g${k} (mut i32) (i32.const 0))`).join('');
    writeFileSync(at('long.wasm'), assemble(`(module ${globals} (func $long (export "long") ${body}))`));
    await compare('long', at('long.wasm'));
    await open('long', true);
    expect(await texts('h2')).toEqual(['long']);
    expect(await page.locator('.row').count()).toBeLessThan(400);
    await page.locator('#wasm').hover();
    await page.mouse.wheel(0, 60_000);
    // What stands a third of the way down is the same in all panes.
    const offsetsAt = (): Promise<number[]> =>
      page.evaluate(`['wasm', 'code0', 'code1'].map((id) => {
        const box = document.getElementById(id);
        const { left, top, height } = box.getBoundingClientRect();
        const row = document.elementFromPoint(left + 30, top + height / 3)?.closest('.row');
        return Number(row?.dataset.line ?? -1);
      })`);
    await expect
      .poll(async () => {
        const [wasm, x86, arm] = await offsetsAt();
        return wasm > 3000 && Math.abs(wasm - x86) <= 4 && Math.abs(wasm - arm) <= 4;
      })
      .toBe(true);
    await page.locator('#together').click();
    const before = await offsetsAt();
    await page.locator('#code0').hover();
    await page.mouse.wheel(0, -20_000);
    await expect.poll(async () => (await offsetsAt())[1] !== before[1]).toBe(true);
    expect((await offsetsAt())[0]).toBe(before[0]);
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(22, 22, 26)');
  });

  it('sets any two of several configurations against each other', async () => {
    await compare('schemes', at('fib.wasm'), '--target', 'armv7', '--stack', 'none', 'atomic', 'tail');
    await open('schemes', false, '#fib');
    expect(await texts('#choice0 option')).toEqual(['armv7 none', 'armv7 atomic', 'armv7 tail']);
    expect(await page.locator('.row[data-mark=P]').count()).toBe(4);
    await page.selectOption('#choice0', { label: 'armv7 tail' });
    expect(await page.locator('#code0 .row[data-mark=P]').count()).toBe(7);
    expect((await texts('#heads button'))[1]).toBe('armv7 tail');
    expect((await texts('#summary tbody td:first-child')).slice(0, 2)).toEqual([
      'armv7 tail',
      'armv7 atomic',
    ]);
    expect(await page.locator('.count').count()).toBe(0);
  });

  it('shows what was inlined with its call', async () => {
    writeFileSync(
      at('inlined.wasm'),
      assemble(`(module
        (func $triple (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
        (func (export "run") (param i32 i32) (result i32)
          (i32.xor (call $triple (local.get 0)) (call $triple (local.get 1)))))`),
    );
    await compare('inlined', at('inlined.wasm'), '-O', '2');
    await open('inlined', false, '#run');
    for (const pane of ['#code0', '#code1']) {
      const inlined = page.locator(`${pane} .row.inlined`);
      expect(await inlined.count()).toBeGreaterThanOrEqual(2);
      await inlined.first().hover();
      const lines = await texts('#wasm .row.lit .text');
      expect(lines.map((text) => text.trim())).toEqual(['call $triple']);
      expect(await page.locator('#details').textContent()).toMatch(
        /inlined: triple > 0x\w+ i32\.(mul|const)/,
      );
    }
  });

  it('shows hostile names as text', async () => {
    writeFileSync(at('hostile.wasm'), hostileModule());
    await compare('hostile', at('hostile.wasm'), '--invoke', 'run');
    await open('hostile');
    const names = await texts('#functions .row span:first-child');
    expect(names).toEqual(
      expect.arrayContaining([hostileNames[0], hostileNames[1], hostileNames[2], '__proto__']),
    );
    expect(names).toContain('turned \ufffd around');
    expect(await page.locator('script').count()).toBe(3);
    expect(await page.locator('img').count()).toBe(0);
    for (const row of await page.locator('#functions .row').all()) await row.click();
    expect(await page.evaluate('window.broken')).toBeUndefined();
  });

  describe('of a module that knows its source', () => {
    const sources = fileURLToPath(new URL('./programs/source/', import.meta.url));
    /** The line of mean.h. */
    const inHeader = 'return x < 0 ? -x : x;';
    const shownLines = async (kind: string): Promise<string[]> =>
      (await texts(`#wasm .row.${kind} .text`)).map((text) => text.trim());

    beforeAll(async () => {
      const run = [join(sources, 'mean.wasm'), '--invoke', 'deviation', '40'];
      await compare('source', ...run, '--sources', sources);
      await compare('source-lines', ...run);
      await compare('source-inlined', ...run, '--sources', sources, '-O', '2');
    });

    it('shows it in place of the WebAssembly, linked with both codes', async () => {
      await open('source', false, '#deviation');
      expect(await page.locator('#view').inputValue()).toBe('source');
      expect(await texts('#wasm .file')).toEqual(['mean.c', 'mean.h']);
      expect(await shownLines('linked')).toContain('sum += absolute(values[i] - middle);');
      // The lines in between are there, too.
      expect(await shownLines('silent')).toEqual(expect.arrayContaining(['}', 'int sum = 0;']));
      await page.locator('#wasm .row', { hasText: inHeader }).hover();
      expect(await shownLines('lit')).toEqual([inHeader]);
      const lit = [await texts('#code0 .row.lit .text'), await texts('#code1 .row.lit .text')];
      expect(lit[0].join()).toMatch(/sar|neg|cmp/);
      expect(lit[1].join()).toMatch(/asr|rsb|cmp/);
      const counts = lit.map(({ length }) => `${length} instructions, ${40 * length} executed`);
      expect(await page.locator('#details').textContent()).toBe(
        `mean.h:3 ${inHeader} · x86_64: ${counts[0]} · armv7: ${counts[1]}`,
      );
      await page.locator('#code1 .row.lit').first().hover();
      expect(await shownLines('lit')).toEqual([inHeader]);
      // What it calls is a line of its own.
      await page.locator('#code0 .row', { hasText: 'call mean' }).click();
      expect(await shownLines('fixed')).toEqual(['int middle = mean(values, n);']);
      expect((await texts('#code1 .row.fixed .text')).join()).toContain('bl mean');
      expect(await texts('#wasm .row.fixed .offset')).toEqual(['28']);
      await shot('compare-source.png');
      await page.emulateMedia({ colorScheme: 'dark' });
      await shot('compare-source-dark.png');
    });

    it('changes to the WebAssembly and back, and keeps what was chosen', async () => {
      await open('source', false, '#deviation');
      await page.locator('#code0 .row', { hasText: 'call mean' }).click();
      await page.keyboard.press('s');
      expect(await page.locator('#view').inputValue()).toBe('wasm');
      expect(await page.locator('#details').textContent()).toMatch(
        /^0x\w+ [a-z].* · x86_64: \d+ instructions?/,
      );
      // The line's first operator, of which the call is another.
      await page.locator('#wasm .row', { hasText: 'call $mean' }).click();
      expect(await page.locator('#details').textContent()).toMatch(/^0x\w+ call \$mean \(mean\.c:28:16\) · /);
      await page.selectOption('#view', 'source');
      expect(await shownLines('fixed')).toEqual(['int middle = mean(values, n);']);
      await page.fill('#search', 'init (init)');
      await page.locator('#functions .row').first().click();
      await page.waitForSelector('html[data-open="init (init)"]');
      expect(await page.locator('#view').isDisabled()).toBe(true);
    });

    it('goes by keys through the lines', async () => {
      await open('source', false, '#mean');
      await page.locator('#wasm .row', { hasText: 'return sum / n;' }).click();
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('ArrowUp');
      expect(await shownLines('fixed')).toEqual(['sum += of[i];']);
      // Past code that comes from no line.
      await page.keyboard.press('ArrowRight');
      const rows = await page.locator('#code0 .row').count();
      for (let k = 0; k < rows; k++) {
        await page.keyboard.press('ArrowDown');
        expect((await shownLines('fixed')).length).toBe(1);
      }
      expect(await shownLines('fixed')).not.toEqual(['sum += of[i];']);
    });

    it('begins at the first line of the function, not at what is above it', async () => {
      await open('source-inlined', false, '#deviation');
      await page.setViewportSize({ width: 1500, height: 260 });
      await page.locator('#functions .row', { hasText: 'number' }).click();
      await page.waitForSelector('html[data-open=number]');
      await page.locator('#functions .row', { hasText: 'deviation' }).click();
      await page.waitForSelector('html[data-open=deviation]');
      const first = page.locator('#wasm .row', { hasText: 'int deviation(int n) {' });
      await expect.poll(() => page.locator('#wasm').evaluate((box) => box.scrollTop)).toBeGreaterThan(0);
      await first.hover();
      expect(await shownLines('lit')).toEqual(['int deviation(int n) {']);
    });

    it('has the lines of bodies that were inlined', async () => {
      await open('source-inlined', false, '#deviation');
      const inlined = page.locator('#code1 .row.inlined');
      expect(await inlined.count()).toBeGreaterThan(0);
      await inlined.first().hover();
      expect(await page.locator('#details').textContent()).toMatch(
        /inlined: number > 0x\w+ \S+ \(mean\.c:\d+(:\d+)?\)/,
      );
      const [line] = await shownLines('lit');
      expect(readFileSync(join(sources, 'mean.c'), 'utf8')).toContain(line);
      expect(await shownLines('linked')).toContain('return i * 7 % 11;');
    });

    it('has lines without text where no folder was named', async () => {
      await open('source-lines', false, '#deviation');
      expect(await page.locator('#view').inputValue()).toBe('wasm');
      await page.selectOption('#view', 'source');
      expect(await texts('#wasm .file')).toEqual(['mean.c', 'mean.h']);
      expect(await texts('#wasm .linked .offset')).toEqual(['26', '27', '28', '30', '31', '33', '3']);
      expect((await texts('#wasm .linked .text')).join('')).toBe('');
      expect(readFileSync(at('source-lines.html'), 'utf8')).not.toContain('absolute(values');
    });

    it('shows hostile sources as text', async () => {
      const plain = assemble(program('fib'));
      const fib = decodeModule(plain).functions.find(({ bodyEnd }) => bodyEnd > 0)?.bodyStart ?? 0;
      const digit = (value: number): string =>
        'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'[value];
      const vlq = (value: number): string =>
        value < 32 ? digit(value) : digit(32 + (value & 31)) + vlq(value >> 5);
      const file = '<img src=x onerror="window.broken=1">';
      const line = '</script><script>window.broken=1</script>';
      const map = {
        version: 3,
        sources: [`${file}\u202e`],
        sourcesContent: [line],
        mappings: `${vlq(2 * fib)}AAA`,
      };
      const leb = (value: number): number[] =>
        value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
      const named = (text: string): number[] => [...leb(Buffer.byteLength(text)), ...Buffer.from(text)];
      const content = [
        ...named('sourceMappingURL'),
        ...named(`data:application/json,${encodeURIComponent(JSON.stringify(map))}`),
      ];
      const module = [...plain, 0, ...leb(content.length), ...content];
      writeFileSync(at('hostile-source.wasm'), Uint8Array.from(module));
      await compare('hostile-source', at('hostile-source.wasm'));
      await open('hostile-source', false, '#fib');
      expect(await texts('#wasm .text')).toEqual([`${file}\ufffd`, line]);
      expect(await page.locator('script').count()).toBe(3);
      expect(await page.locator('img').count()).toBe(0);
      expect(await page.evaluate('window.broken')).toBeUndefined();
    });
  });

  it('opens SQLite, 2,300 functions, building only what is looked at', async () => {
    await compare('sqlite', 'workload:sqlite');
    await open('sqlite');
    const opened = await page.evaluate('performance.now()');
    expect(reportOf('sqlite').configurations[0].functions.length).toBeGreaterThan(2000);
    expect(await page.locator('*').count()).toBeLessThan(2500);
    await page.fill('#search', 'func[868]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('html[data-open="func[868]"]');
    await page.fill('#search', '');
    // An operator that both executed.
    await page
      .locator('#wasm .row:has(.count:nth-child(2):not(:empty)):has(.count:nth-child(3):not(:empty))')
      .nth(3)
      .click({ position: { x: 60, y: 8 } });
    expect(await page.locator('#code0 .row.fixed').count()).toBeGreaterThan(0);
    expect(await page.locator('#code1 .row.fixed').count()).toBeGreaterThan(0);
    await shot('compare-sqlite-linked.png');
    // The loop in it.
    await page.locator('#wasm').hover();
    await page.mouse.wheel(0, 500);
    await expect
      .poll(async () => page.locator('#code0').evaluate((box) => box.scrollTop))
      .toBeGreaterThan(300);
    await page.emulateMedia({ colorScheme: 'dark' });
    await shot('compare-sqlite-heat.png');
    console.log(`SQLite's page was ready after ${(Number(opened) / 1000).toFixed(2)} s`);
  }, 900_000);
});
