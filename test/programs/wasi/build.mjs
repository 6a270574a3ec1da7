#!/usr/bin/env node
// Compiles the C programs of this folder to WebAssembly by the line that stands at the top of each:
//   node test/programs/wasi/build.mjs [FOLDER-TO-WRITE-TO]
// Needs clang 19 and wasi-libc (Debian: apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32).
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileByLine } from '../../../scripts/clang.mjs';

const sources = fileURLToPath(new URL('.', import.meta.url));

/** Compiles all programs into a folder, by default the one of the sources; returns their names. */
export function buildAll(folder = sources) {
  const names = readdirSync(sources)
    .filter((name) => name.endsWith('.c'))
    .map((name) => name.slice(0, -'.c'.length));
  for (const name of names) compileByLine(join(sources, `${name}.c`), folder);
  return names;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(buildAll(process.argv[2]).join('\n'));
