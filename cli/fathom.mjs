#!/usr/bin/env node
/** The command `fathom`: runs the build, or says how to make it. */
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  console.error('fathom: not built yet; run `npm run setup` in the project folder');
  process.exitCode = 2;
}
