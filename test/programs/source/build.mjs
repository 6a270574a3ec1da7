#!/usr/bin/env node
// Compiles the C programs of this folder to WebAssembly by the lines that stand at the top of each:
//   node test/programs/source/build.mjs [FOLDER-TO-WRITE-TO]
// Needs clang 19 and its linker (Debian: apt-get install clang-19 lld-19).
import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileC } from '../../../scripts/clang.mjs';

const sources = fileURLToPath(new URL('.', import.meta.url));

/** Compiles all programs into a folder, by default the one of the sources. */
export function buildAll(folder = sources) {
  const names = readdirSync(sources).filter((name) => /\.[ch]$/.test(name));
  const elsewhere = resolve(folder) !== resolve(sources);
  // Line tables have names as the compiler was given them: so the sources stand beside the output.
  if (elsewhere) for (const name of names) copyFileSync(join(sources, name), join(folder, name));
  for (const name of names) {
    for (const [, line] of readFileSync(join(sources, name), 'utf8').matchAll(/^\/\/ build: (.+)$/gm)) {
      const [command, ...args] = line.split(' ');
      compileC(command, args, folder);
    }
  }
  if (elsewhere) for (const name of names) rmSync(join(folder, name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) buildAll(process.argv[2]);
