import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';

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
export async function launchChromium(): Promise<Browser> {
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
