import { statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { writeHtml } from '../cli/profile/html.ts';
import type { ProfileModel } from '../cli/profile/model.ts';
import { writeSpeedscope } from '../cli/profile/speedscope.ts';
import { artifact, chromiumPath, PageBed, withoutChromium } from './support/chromium.ts';
import { assemble, hostileModule, hostileNames, program, sampled } from './support/profiles.ts';

/** Profiles in a browser: our page, and speedscope's own. */
describe.skipIf(chromiumPath === undefined)(`profiles in Chromium${withoutChromium}`, () => {
  const bed = new PageBed(1200);
  let page: Page;
  let files = 0;

  async function open(model: ProfileModel, dark = false): Promise<void> {
    const path = join(bed.folder, `${files++}.html`);
    writeFileSync(path, writeHtml(model));
    page = await bed.open(path, dark);
  }

  /** What `window.broken` is: hostile names set it where they are run. */
  const broken = (): Promise<unknown> => page.evaluate('window.broken');
  const texts = (selector: string): Promise<string[]> => page.locator(selector).allTextContents();
  const frame = (name: string) => page.locator('.frame', { hasText: new RegExp(`^${name}$`) });
  /** Asked in one go: frames are made anew with every change. */
  const box = (name: string): Promise<{ x: number; y: number; width: number }> =>
    page.evaluate(`(() => {
      const named = [...document.querySelectorAll('.frame')].find((each) => each.textContent === ${JSON.stringify(name)});
      const { x, y, width } = named?.getBoundingClientRect() ?? { x: 0, y: 0, width: 0 };
      return { x, y, width };
    })()`);
  const width = async (name: string): Promise<number> => (await box(name)).width;

  const mixed = (): ProfileModel =>
    sampled(
      assemble(program('mixed')),
      ['round', 3],
      { target: 'x86_64', level: 0 },
      undefined,
      {},
      { host: { 'call-back': (round: number) => round } },
    ).model;

  it('shows a flame graph, the functions and the lines of the hottest', async () => {
    await open(mixed());
    expect(await page.title()).toBe('test: round');
    expect(await texts('header p')).toEqual([
      expect.stringMatching(/^x86_64, scheme unwind: [\d,]+ samples, at every instruction;/),
    ]);
    const frames = await texts('.frame');
    expect(frames).toEqual(expect.arrayContaining(['all', 'round', 'fib', 'even', 'odd', 'floats']));
    // Callees lie within their callers, one row below.
    const [outer, inner] = [await box('round'), await box('floats')];
    expect(inner.y - outer.y).toBe(18);
    expect(inner.x).toBeGreaterThanOrEqual(outer.x);
    expect(inner.x + inner.width).toBeLessThanOrEqual(outer.x + outer.width + 1);
    const [hottest] = await texts('#functions tbody .name');
    expect(await texts('#listing-title')).toEqual([hottest]);
    const lines = await texts('#listing .text');
    expect(lines).toContainEqual(expect.stringMatching(/^func \$/));
    const shot = artifact('profile-light.png');
    await page.screenshot({ path: shot, fullPage: true });
    expect(statSync(shot).size).toBeGreaterThan(10_000);
  });

  it('zooms by click, tells of the frame, and goes back', async () => {
    await open(mixed());
    const before = await width('floats');
    await frame('floats').click();
    expect(await width('floats')).toBeGreaterThan(2 * before);
    expect(await width('floats')).toBeGreaterThan(1100);
    expect(await page.locator('#details').textContent()).toMatch(
      /^floats · .*function \d+ · total [\d,]+ \(.* %\) · 100\.0 % of floats/,
    );
    expect(await texts('#listing-title')).toEqual(['floats']);
    expect(await texts('#listing .text')).toEqual(
      expect.arrayContaining(['f64.sqrt', 'f64.const 1.5', 'br_if 0']),
    );
    await page.locator('#reset').click();
    expect(await width('floats')).toBeCloseTo(before, 0);
  });

  it('moves, zooms and goes back by keys', async () => {
    await open(mixed());
    await page.locator('#graph').focus();
    const details = (): Promise<string | null> => page.locator('#details').textContent();
    const [first] = (await texts('.frame')).slice(1);
    await page.keyboard.press('ArrowDown');
    expect(await details()).toMatch(new RegExp(`^${first} ·`));
    await page.keyboard.press('ArrowDown');
    const inner = (await details())?.split(' · ')[0] ?? '';
    await page.keyboard.press('ArrowRight');
    expect((await details())?.split(' · ')[0]).not.toBe(inner);
    await page.keyboard.press('ArrowLeft');
    expect((await details())?.split(' · ')[0]).toBe(inner);
    await page.keyboard.press('Enter');
    expect(await width(inner)).toBeGreaterThan(1100);
    await page.keyboard.press('Escape');
    expect(await width(inner)).toBeLessThan(1100);
    await page.keyboard.press('/');
    await page.keyboard.type('fib');
    expect(await page.inputValue('#search')).toBe('fib');
  });

  it('marks what a search finds, says its share, and leaves it in the table', async () => {
    await open(mixed());
    await page.fill('#search', 'FIB');
    const marked = await texts('.frame.match');
    expect(marked.length).toBeGreaterThan(2);
    expect(new Set(marked.filter((text) => text !== ''))).toEqual(new Set(['fib']));
    expect(await texts('#functions tbody .name')).toEqual(['fib']);
    const [, , , , share] = await texts('#functions tbody td');
    expect(await texts('#matched')).toEqual([`1 function, on the stack in ${share} of the samples`]);
    await page.fill('#search', '');
    expect(await texts('.frame.match')).toEqual([]);
  });

  it('sorts the table by each column, both ways', async () => {
    await open(mixed());
    const column = async (nth: number): Promise<number[]> =>
      (await texts(`#functions tbody td:nth-child(${nth})`)).map((text) => Number(text.replaceAll(',', '')));
    const descending = (values: number[]): number[] => [...values].sort((a, b) => b - a);
    expect(await column(2)).toEqual(descending(await column(2)));
    await page.getByRole('button', { name: 'Total' }).click();
    expect(await column(4)).toEqual(descending(await column(4)));
    await page.getByRole('button', { name: 'Total' }).click();
    expect(await column(4)).toEqual(descending(await column(4)).reverse());
    await page.getByRole('button', { name: 'Function' }).click();
    const names = await texts('#functions tbody .name');
    expect(names).toEqual([...names].sort());
    expect(await page.locator('th[data-sort=name]').getAttribute('aria-sort')).toBe('ascending');
    await page.locator('#functions tbody tr', { hasText: 'leaf' }).click();
    expect(await texts('#listing-title')).toEqual(['leaf']);
  });

  it('turns round, follows the dark scheme, and stays quick with deep recursion', async () => {
    const deep = `(module (func $down (export "down") (param i32) (result i32)
      (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
        (else (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1))))))))`;
    await open(
      sampled(assemble(deep), ['down', 5000], { target: 'x86_64' }, { kind: 'every', instructions: 997 })
        .model,
      true,
    );
    expect(await page.evaluate('document.getElementById("rows").scrollHeight')).toBeGreaterThan(80_000);
    expect(await page.locator('.frame').count()).toBeLessThan(100);
    await page.locator('#flip').click();
    await page.waitForFunction('document.getElementById("graph").scrollTop > 80000');
    expect(await texts('.frame')).toContain('all');
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(23, 23, 26)');
    await page.screenshot({ path: artifact('profile-dark.png') });
  });

  it('shows hostile names as text', async () => {
    await open(sampled(hostileModule(), ['run'], { target: 'x86_64', level: 0 }).model);
    const names = await texts('#functions tbody .name');
    expect(names).toEqual(
      expect.arrayContaining([hostileNames[0], hostileNames[1], hostileNames[2], '__proto__']),
    );
    expect(names).toContain('turned \ufffd around');
    expect(await page.locator('script').count()).toBe(2);
    expect(await page.locator('img').count()).toBe(0);
    for (const row of await page.locator('#functions tbody tr').all()) await row.click();
    expect(await broken()).toBeUndefined();
    await page.screenshot({ path: artifact('profile-hostile.png'), fullPage: true });
  });

  it('says what is not attributed, and why', async () => {
    await open(sampled(assemble(program('fib')), ['fib', 6], { target: 'armv7', scheme: 'none' }).model);
    expect(await texts('#causes li')).toEqual([
      expect.stringMatching(/^not attributed, not-published: [\d,]+ \(100\.0 %\)$/),
    ]);
    expect(await page.locator('.frame.cause').allTextContents()).toEqual(['[not-published]']);
  });

  it('opens without samples', async () => {
    const { model } = sampled(
      assemble(program('fib')),
      ['fib', 1],
      { target: 'x86_64' },
      { kind: 'every', instructions: 1e6 },
    );
    await open(model);
    expect(await texts('.frame')).toEqual(['all']);
    expect(await texts('#functions tbody tr')).toEqual([]);
  });

  it('speedscope opens its format, with our functions in it', async () => {
    page = await bed.newPage();
    const index = createRequire(import.meta.url).resolve('speedscope/dist/release/index.html');
    await page.goto(pathToFileURL(index).href);
    const path = join(bed.folder, 'mixed.speedscope.json');
    writeFileSync(path, writeSpeedscope(mixed()));
    await page.setInputFiles('input#file', path);
    // The sandwich view lists the functions as text; the others draw on a canvas.
    await page.getByText('Sandwich').click();
    await page.getByText('floats', { exact: true }).first().waitFor();
    expect(await page.title()).toContain('test: round');
    await page.screenshot({ path: artifact('profile-speedscope.png') });
  });
});
