import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Path of a Chromium, or undefined where there is none. */
export const chromiumPath = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => names.map((name) => join(folder, name)))
  .find((path) => existsSync(path));

/** What a test's name says where it cannot run. */
export const withoutChromium =
  chromiumPath === undefined ? ' (skipped: needs Chromium; Debian: apt-get install chromium)' : '';

/** @throws Error where there is no Chromium */
async function launchChromium(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('no Chromium');
  // Containers give root no sandbox; the pages are our own.
  return chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', '--disable-gpu'] });
}

/** Where tests leave pictures for people, which are not kept. */
export function artifact(name: string): string {
  const folder = fileURLToPath(new URL('../../.cache/test-artifacts/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  return join(folder, name);
}

/** The browser of a spec of our pages, and a folder for them, both gone behind the spec. A page that says an error fails its test. */
export class PageBed {
  readonly folder = mkdtempSync(join(tmpdir(), 'fathom-pages-'));
  private readonly width: number;
  private readonly errors: string[] = [];
  private readonly requests: string[] = [];
  private browser: Browser | undefined;
  private page: Page | undefined;

  /** To be made where a spec's hooks are. @param width of windows, in pixels */
  constructor(width: number) {
    this.width = width;
    beforeAll(async () => {
      this.browser = await launchChromium();
    });
    afterEach(async () => {
      await this.page?.close();
      expect(this.errors.splice(0)).toEqual([]);
    });
    afterAll(async () => {
      await this.browser?.close();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** A window, the only one of its test. */
  async newPage(dark = false): Promise<Page> {
    if (this.browser === undefined) throw new Error('the browser is not there yet');
    const page = await this.browser.newPage({
      viewport: { width: this.width, height: 900 },
      colorScheme: dark ? 'dark' : 'light',
    });
    this.requests.length = 0;
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
    page.on('request', (request) => this.requests.push(request.url()));
    this.page = page;
    return page;
  }

  /** Opens one of our pages in a new window; it is to ask for nothing but itself. */
  async open(path: string, dark = false, hash = ''): Promise<Page> {
    const page = await this.newPage(dark);
    const url = pathToFileURL(path).href;
    await page.goto(`${url}${hash}`);
    await page.waitForSelector('html[data-ready=true]');
    expect(this.requests).toEqual([url]);
    return page;
  }
}
